"""Where alerts arrive: mail servers and a web server in a process of their own, which tell what they got.

Run as a script it is that process: it says its ports, answers a line on standard input with what arrived so far, and
ends with standard input.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

USER, PASSWORD = "perf", "s3cret-of-mail"
Json = dict[str, Any]


class AlertServers:
    """The test's side.

    Ports by what listens there: mail servers ``starttls``, ``tls``, ``plain`` and ``untrusted``, web servers ``web``,
    ``tls web`` and ``untrusted web``.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ports: dict[str, int] = json.loads(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def url(self, path: str) -> str:
        """Of the web server."""
        return f"http://127.0.0.1:{self.ports['web']}{path}"

    def _ask(self, word: str) -> Json:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return cast("Json", json.loads(self._line()))

    def mails(self) -> list[Json]:
        """Each with ``server``, ``to`` (of the envelope), ``subject``, ``text`` and ``html``."""
        return cast("list[Json]", self._ask("told")["mails"])

    def release(self) -> None:
        """Let those requests be answered that hang, and all later ones."""
        self._ask("release")

    def forget(self) -> None:
        """Begin anew: what arrived so far is forgotten, and requests may hang again."""
        self._ask("forget")

    def posts(self, path: str) -> list[Json]:
        """The JSON bodies that were posted to a path."""
        return [one["body"] for one in self._ask("told")["posts"] if one["path"] == path]


@contextmanager
def alert_servers(folder: Path) -> Iterator[AlertServers]:
    """Servers with certificates of ``folder/ca.pem``, but for those that are untrusted."""
    import trustme

    for name in ("trusted", "other"):
        authority = trustme.CA()
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.pem"))
        if name == "trusted":
            authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    process = subprocess.Popen(
        [sys.executable, __file__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield AlertServers(process)
    finally:
        process.communicate(timeout=60)


class _Inbox:
    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.mails: list[Json] = []
        self.posts: list[Json] = []
        self.seen: dict[str, int] = {}
        self.released = asyncio.Event()

    def handler(self, server: str) -> Any:
        inbox = self

        class Handler:
            """``nobody@`` is refused for good, ``busy@`` the first time; at ``full@`` the server hangs up the first
            time, and of ``mute@`` it says nothing. Where ``grumpy@`` gets something the server is busy at the end.
            """

            def __init__(self) -> None:
                self._grumpy = False

            async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, to: str, _options: Any) -> str:
                inbox.seen[to] = inbox.seen.get(to, 0) + 1
                if to.startswith("nobody@"):
                    return "550 no such user"
                if to.startswith("busy@") and inbox.seen[to] == 1:
                    return "450 try again"
                if to.startswith("full@") and inbox.seen[to] == 1:
                    return "421 closing"
                if to.startswith("mute@"):
                    await inbox.released.wait()
                self._grumpy |= to.startswith("grumpy@")
                envelope.rcpt_tos.append(to)
                return "250 OK"

            async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:
                return "421 busy, closing" if self._grumpy else "221 Bye"

            async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
                message = email.message_from_bytes(envelope.content, policy=email.policy.default)
                body, page = message.get_body(("plain",)), message.get_body(("html",))
                inbox.mails.append(
                    {
                        "server": server,
                        "to": envelope.rcpt_tos,
                        "from": message["From"],
                        "subject": message["Subject"],
                        "headers": dict(message.items()),
                        "text": _content(body),
                        "html": _content(page),
                    }
                )
                return "250 taken"

        return Handler()

    async def web(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """``/flaky`` fails once, ``/forbidden`` refuses and repeats its path, ``/hang`` waits; the others take all."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        length = next(
            (int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")), 0
        )
        body = await reader.readexactly(length)
        self.seen[path] = self.seen.get(path, 0) + 1
        if path.startswith("/hang"):
            await self.released.wait()
        status, said = "200 OK", "ok"
        if path.startswith("/forbidden"):
            status, said = "403 Forbidden", f"invalid_token {path}"
        elif path == "/flaky" and self.seen[path] == 1:
            status, said = "500 Oh", "not now"
        elif path.startswith("/down"):
            status, said = "500 Oh", "never"
        if status.startswith("200") and head.startswith("POST"):
            self.posts.append({"path": path, "body": json.loads(body)})
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n{said}".encode())
        await writer.drain()
        writer.close()


def _content(part: Any) -> str | None:
    return None if part is None else part.get_content().replace("\r\n", "\n")


def _say(data: Any) -> None:
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


def _context(file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


async def _serve(folder: Path) -> None:
    from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

    def authenticated(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login.decode(), data.password.decode()) == (USER, PASSWORD), handled=False)

    inbox, loop = _Inbox(), asyncio.get_running_loop()
    trusted, other = _context(folder / "trusted.pem"), _context(folder / "other.pem")
    login: dict[str, Any] = {"authenticator": authenticated, "auth_required": True}
    servers: dict[str, tuple[Callable[[], SMTP], ssl.SSLContext | None]] = {
        "starttls": (
            lambda: SMTP(inbox.handler("starttls"), tls_context=trusted, require_starttls=True, **login),
            None,
        ),
        "tls": (lambda: SMTP(inbox.handler("tls"), auth_require_tls=False, **login), trusted),
        "plain": (lambda: SMTP(inbox.handler("plain")), None),
        "untrusted": (lambda: SMTP(inbox.handler("untrusted"), tls_context=other), None),
    }
    ports = {}
    for name, (factory, context) in servers.items():
        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=context)
        ports[name] = server.sockets[0].getsockname()[1]
    for name, tls in (("web", None), ("tls web", trusted), ("untrusted web", other)):
        web = await asyncio.start_server(inbox.web, "127.0.0.1", 0, ssl=tls)
        ports[name] = web.sockets[0].getsockname()[1]
    _say(ports)
    while word := await loop.run_in_executor(None, sys.stdin.readline):
        if word.strip() == "release":
            inbox.released.set()
        elif word.strip() == "forget":
            inbox.forget()
        _say({"mails": inbox.mails, "posts": inbox.posts})


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
