"""A server that says exactly the bytes it is told to, right or wrong, over real sockets.

It runs as a process of its own, because importing Locust monkey-patches the process of the tests. Which behaviour a
connection gets is in the request's path: ``/b/NAME`` plays ``BEHAVIOURS[NAME]``. ``/log/PATH`` answers with the number
of requests for ``/PATH`` so far, ``/last/PATH`` with the bytes of the last one. The process ends when its standard
input does.

A behaviour is a sequence of steps: bytes are sent; :data:`CLOSE` ends the connection, :data:`RESET` ends it with RST,
:data:`HANG` says nothing more until the client leaves. Without one of these the connection stays open for the next
request.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CLOSE, RESET, HANG, SPLIT, DRIP = "close", "reset", "hang", "split", "drip"
PATIENCE_S = 15.0
DRIP_S = 0.02

Step = bytes | str


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A response with a Content-Length."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*parts: bytes) -> bytes:
    """A response in chunks, the parts being everything after the head."""
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(parts)


def _raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def _brotli(data: bytes) -> bytes:
    import brotli

    compress: Any = brotli.compress
    return bytes(compress(data))


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(data)


TEXT = b"the quick brown fox " * 20
BOMB = gzip.compress(b"\0" * 3_000_000)
HELLO = ok(b"hello", b"Content-Type: text/plain")


def _redirect(status: int, location: bytes) -> bytes:
    return ok(b"", b"Location: " + location, status=b"%d Redirect" % status)


def behaviours() -> dict[str, tuple[Step, ...]]:
    """All scripts by name."""
    table: dict[str, tuple[Step, ...]] = {
        "length": (HELLO,),
        "json": (ok(b'{"a": [1, "\xc3\xa4"]}', b"Content-Type: application/json"),),
        "latin1": (ok(b"\xe4", b"Content-Type: text/plain"),),
        "charset": (ok("ä€".encode("utf-16"), b"Content-Type: text/plain; charset=utf-16"),),
        "empty": (ok(b""),),
        "chunked": (chunked(b"5\r\nhello\r\n", b"6\r\n world\r\n", b"0\r\n\r\n"),),
        "chunked-split": (chunked(b"5\r\nhel"), SPLIT, b"lo\r", SPLIT, b"\n0\r\n", SPLIT, b"\r\n"),
        "chunk-extension": (chunked(b"5;a=b;c\r\nhello\r\n", b"0\r\n\r\n"),),
        "chunk-uppercase": (chunked(b"A\r\n0123456789\r\n", b"0\r\n\r\n"),),
        "chunk-trailers": (chunked(b"5\r\nhello\r\n", b"0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n"),),
        "chunk-truncated": (chunked(b"a\r\nhello"), CLOSE),
        "chunk-no-end": (chunked(b"5\r\nhello\r\n"), CLOSE),
        "chunk-bad-size": (chunked(b"xyz\r\nhello\r\n0\r\n\r\n"), CLOSE),
        "chunk-lying": (chunked(b"3\r\nhello\r\n0\r\n\r\n"), CLOSE),
        "chunked-and-length": (
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        "length-truncated": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", CLOSE),
        "length-too-short": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello",),
        "length-twice-same": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",),
        "length-twice-different": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", CLOSE),
        "length-not-a-number": (b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello", CLOSE),
        "length-negative": (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", CLOSE),
        "continue": (b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO,),
        "early-hints": (b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", SPLIT, HELLO),
        "upgrade": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", CLOSE),
        "no-content": (b"HTTP/1.1 204 No Content\r\n\r\n",),
        "no-content-with-body": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", CLOSE),
        "not-modified-with-length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",),
        "obs-fold": (ok(b"hello", b"X-Folded: one", b"  two", b"\tthree"),),
        "bare-lf": (b"HTTP/1.1 200 OK\nContent-Length: 5\nX-A: b\n\nhello",),
        "bare-lf-tricky": (b"HTTP/1.1 200 OK\nContent-Length: 9\n\nab\r\n\r\ncde",),
        "no-reason": (b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",),
        "empty-reason": (b"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello",),
        "http-1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", CLOSE),
        "http-1.0-keep": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",),
        "until-close": (b"HTTP/1.1 200 OK\r\n\r\nhello", SPLIT, b" world", CLOSE),
        "connection-close": (ok(b"hello", b"Connection: close"), CLOSE),
        "late-half-close": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", SPLIT, b"hello", SPLIT, b"world", CLOSE),
        "head-bytewise": tuple(step for byte in HELLO for step in (bytes([byte]), SPLIT)),
        "body-split": (HELLO[:-3], SPLIT, HELLO[-3:]),
        "repeated-header": (ok(b"", b"X-A: 1", b"X-A: 2"),),
        "set-cookies": (
            ok(b"", b"Set-Cookie: a=1; Path=/", b"Set-Cookie: b=2; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT"),
        ),
        "white-space": (ok(b"hello", b"X-A:   padded\t "),),
        "not-found": (ok(b"nothing here", status=b"404 Not Found"),),
        "error-500": (ok(b"oops", status=b"500 Internal Server Error"),),
        "gzip": (ok(gzip.compress(TEXT), b"Content-Encoding: gzip"),),
        "gzip-members": (ok(gzip.compress(TEXT) + gzip.compress(b"more"), b"Content-Encoding: gzip"),),
        "gzip-chunked": (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
            + b"%x\r\n%b\r\n0\r\n\r\n" % (len(gzip.compress(TEXT)), gzip.compress(TEXT)),
        ),
        "gzip-empty": (ok(b"", b"Content-Encoding: gzip"),),
        "gzip-bad": (ok(b"this is not gzip", b"Content-Encoding: gzip"),),
        "gzip-truncated": (ok(gzip.compress(TEXT)[:-12], b"Content-Encoding: gzip"),),
        "gzip-bomb": (ok(BOMB, b"Content-Encoding: gzip"),),
        "deflate": (ok(zlib.compress(TEXT), b"Content-Encoding: deflate"),),
        "deflate-raw": (ok(_raw_deflate(TEXT), b"Content-Encoding: deflate"),),
        "br": (ok(_brotli(TEXT), b"Content-Encoding: br"),),
        "br-bad": (ok(b"this is not brotli", b"Content-Encoding: br"),),
        "zstd": (ok(_zstd(TEXT), b"Content-Encoding: zstd"),),
        "zstd-bad": (ok(b"this is not zstd", b"Content-Encoding: zstd"),),
        "two-codings": (ok(gzip.compress(_brotli(TEXT)), b"Content-Encoding: br, gzip"),),
        "unknown-coding": (ok(b"as it is", b"Content-Encoding: rot13"),),
        "head-huge": (b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 80_000 + b"\r\nContent-Length: 0\r\n\r\n",),
        "head-endless": (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000, HANG),
        "body-huge": (ok(b"x" * 3_000_000),),
        "body-huge-chunked": (chunked(b"2dc6c0\r\n" + b"x" * 3_000_000 + b"\r\n0\r\n\r\n"),),
        "garbage": (b"220 mail.example ESMTP ready\r\n\r\n", CLOSE),
        "garbage-open": (b"\x16\x03\x01\x02\x00 not http at all", HANG),
        "http-2": (b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", CLOSE),
        "empty-reply": (CLOSE,),
        "reset": (RESET,),
        "reset-in-head": (b"HTTP/1.1 200 OK\r\nContent-", RESET),
        "reset-in-body": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel", SPLIT, RESET),
        "half-a-head": (b"HTTP/1.1 200 OK\r\nContent-", CLOSE),
        "hang": (HANG,),
        "hang-in-body": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", HANG),
        "drip": (b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", DRIP),
        "answer-then-close": (HELLO, CLOSE),
        "redirect-loop": (_redirect(302, b"/b/redirect-loop"),),
        "redirect-no-location": (ok(b"hm", status=b"302 Found"),),
        "redirect-bad-location": (_redirect(302, b"http://:99999999/"),),
        "redirect-ftp": (_redirect(302, b"ftp://127.0.0.1/"),),
        "redirect-relative": (_redirect(302, b"length"),),
        "redirect-query": (_redirect(302, b"?a=b"),),
        "redirect-fragment": (_redirect(302, b"/b/length#part"),),
        "redirect-space": (_redirect(302, b"/b/length?q=a b"),),
        "lines": (ok(b"one\ntwo\r\nthree"),),
        "lines-late": (chunked(b"4\r\none\n\r\n"), SPLIT, b"5\r\ntwo\nt\r\n", SPLIT, b"4\r\nhree\r\n0\r\n\r\n"),
        "link": (ok(b"", b'Link: </next>; rel="next", </last>; rel="last"'),),
    }
    for status in (301, 302, 303, 307, 308):
        table[f"redirect-{status}"] = (_redirect(status, b"/echo"),)
    return table


BEHAVIOURS = behaviours()


class Server:
    """All the listeners of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._last: dict[str, bytes] = {}
        self.ports: dict[str, int] = {}
        self._kept: list[socket.socket] = []

    def listen(self, name: str, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> int:
        """Serve on a free port."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, 0), family=family)
        self.ports[name] = int(listener.getsockname()[1])
        threading.Thread(target=self._accept, args=(listener, context), daemon=True).start()
        return self.ports[name]

    def listen_deaf(self, name: str) -> None:
        """A port whose queue of connections is full, so that a connect gets no answer at all."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        self._kept.append(listener)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            self._kept.append(filler)
        self.ports[name] = int(listener.getsockname()[1])

    def refuse(self, name: str) -> None:
        """A port on which nobody listens."""
        unused = socket.socket()
        unused.bind(("127.0.0.1", 0))
        self._kept.append(unused)
        self.ports[name] = int(unused.getsockname()[1])

    def _accept(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._serve, args=(connection, context), daemon=True).start()

    def _serve(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.settimeout(PATIENCE_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            with contextlib.closing(connection):
                while (request := read_request(connection)) is not None and self._answer(connection, request):
                    pass

    def _answer(self, connection: socket.socket, request: bytes) -> bool:
        method, target = request.split(b" ", 2)[:2]
        if method == b"CONNECT":
            return self._tunnel(connection, request, target.decode())
        path = target.decode().partition("?")[0].removeprefix("http://127.0.0.1")
        path = "/" + path.partition("/")[2]  # a proxy's absolute form has a port before the path
        if path.startswith("/log/"):
            connection.sendall(ok(b"%d" % self._counts.get(path[4:], 0)))
            return True
        if path.startswith("/last/"):
            connection.sendall(ok(self._last.get(path[5:], b"")))
            return True
        with self._lock:
            self._counts[path] = self._counts.get(path, 0) + 1
            self._last[path] = request
        return self._play(connection, method, path, request)

    def _play(self, connection: socket.socket, method: bytes, path: str, request: bytes) -> bool:
        if path == "/echo":
            connection.sendall(ok(request, b"Content-Type: application/octet-stream"))
            return True
        if path.startswith("/hops/"):
            left = int(path[6:])
            connection.sendall(_redirect(302, b"/hops/%d" % (left - 1)) if left else HELLO)
            return True
        if path.startswith("/to/"):
            connection.sendall(_redirect(302, bytes.fromhex(path[4:])))
            return True
        if path.startswith("/cookie/"):
            connection.sendall(ok(b"", b"Set-Cookie: " + bytes.fromhex(path[8:])))
            return True
        if path == "/digest":
            return self._digest(connection, request)
        return play(connection, BEHAVIOURS[path.removeprefix("/b/")], is_head=method == b"HEAD")

    def _digest(self, connection: socket.socket, request: bytes) -> bool:
        if b"\r\nAuthorization: Digest " in request and b'username="me"' in request:
            connection.sendall(ok(b"welcome"))
        else:
            challenge = b'WWW-Authenticate: Digest realm="r", nonce="abc", qop="auth", algorithm=MD5'
            connection.sendall(ok(b"who?", challenge, status=b"401 Unauthorized"))
        return True

    def _tunnel(self, connection: socket.socket, request: bytes, authority: str) -> bool:
        with self._lock:
            self._counts["/CONNECT"] = self._counts.get("/CONNECT", 0) + 1
            self._last["/CONNECT"] = request
        if b"Proxy-Authorization: Basic YmFk" in request:  # a user whose name begins with "bad"
            connection.sendall(ok(b"", status=b"407 Proxy Authentication Required"))
            return False
        host, _, port = authority.rpartition(":")
        with contextlib.closing(socket.create_connection((host.strip("[]"), int(port)), PATIENCE_S)) as upstream:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            relay(connection, upstream)
        return False


def play(connection: socket.socket, steps: tuple[Step, ...], *, is_head: bool) -> bool:
    """Perform the steps; whether the connection stays open."""
    for step in steps:
        if isinstance(step, bytes):
            connection.sendall(step[: step.index(b"\r\n\r\n") + 4] if is_head and b"\r\n\r\n" in step else step)
        elif step == HANG:
            while connection.recv(65536):
                pass
            return False
        elif step == DRIP:
            for _ in range(int(PATIENCE_S / DRIP_S)):
                if select.select([connection], [], [], DRIP_S)[0]:
                    return False  # the client has left
                connection.sendall(b".")
        elif step == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        elif step == CLOSE:
            return False
        # SPLIT needs nothing: without Nagle's algorithm each send leaves at once
    return True


def read_request(connection: socket.socket) -> bytes | None:
    """One request with its body; None when the client has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, _ = data.partition(b"\r\n\r\n")
    begin = len(head) + 4
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        while not data.endswith(b"0\r\n\r\n"):
            data += connection.recv(65536)
        return data
    at = lower.find(b"content-length:")
    length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    while len(data) < begin + length:
        data += connection.recv(65536)
    return data


def relay(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until either side closes."""
    while True:
        for source in select.select([one, other], [], [], PATIENCE_S)[0]:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)


def _context(certificates: Path, name: str, client_ca: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem")
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates / "ca.pem")
    return context


def serve(certificates: Path) -> None:
    """Open all listeners, say where, and serve until standard input ends."""
    server = Server()
    server.listen("plain")
    server.listen("other")
    server.listen("proxy")
    with contextlib.suppress(OSError):
        server.listen("ipv6", host="::1")
    server.listen_deaf("deaf")
    server.refuse("refused")
    server.listen("tls", _context(certificates, "server"))
    server.listen("tls-self-signed", _context(certificates, "self-signed"))
    server.listen("tls-wrong-host", _context(certificates, "wrong-host"))
    server.listen("tls-client", _context(certificates, "server", client_ca=True))
    sys.stdout.write(json.dumps(server.ports) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


def make_certificates(directory: Path) -> None:
    """An authority and the certificates of the TLS listeners, each file with its key."""
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    others = trustme.CA()
    for name, issuer, identities in (
        ("server", authority, ("127.0.0.1", "localhost")),
        ("wrong-host", authority, ("elsewhere.example",)),
        ("self-signed", others, ("127.0.0.1", "localhost")),
        ("client", authority, ("client.example",)),
    ):
        issuer.issue_cert(*identities).private_key_and_cert_chain_pem.write_to_path(str(directory / f"{name}.pem"))


@contextlib.contextmanager
def running(directory: Path) -> Iterator[dict[str, Any]]:
    """A server process; gives its ports by the listeners' names. Certificates go to ``directory``."""
    make_certificates(directory)
    process = subprocess.Popen(
        [sys.executable, __file__, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(PATIENCE_S)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
