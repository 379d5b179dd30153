"""What the tests of the HTTP client share: a sink that keeps samples, and a session that feeds it."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import Any, NamedTuple, Self

import gevent
from gevent import event as gevent_event
from gevent import socket as gevent_socket

from loadworthy.clock import monotonic_ns
from loadworthy.record.sample import Failure
from loadworthy.users.http import HttpSession  # first: it imports Locust, which monkey-patches
from loadworthy.users.http.connection import Connection

PATIENCE_S = 60.0
"""How long an answer may take that does come: on a busy machine, too, nobody gives up before."""


class Sample(NamedTuple):
    """The arguments of one ``record`` call."""

    kind: str
    name: str
    intended_us: int
    sent_us: int
    done_us: int
    status: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    failure: Failure | None = None
    content_bytes: int = 0
    first_byte_us: int = 0


class Part(NamedTuple):
    """The arguments of one ``record_part`` call."""

    kind: str
    name: str
    start_us: int
    done_us: int
    failure: Failure | None = None


class KeepingSink:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.parts: list[Part] = []
        self.lags_us: list[int] = []
        self.interruptions = 0
        self.heard: list[dict[str, Any]] = []
        self.listeners: list[Any] = []

    def record(self, *arguments: Any) -> None:
        self.samples.append(Sample(*arguments))

    def record_part(self, *arguments: Any) -> None:
        self.parts.append(Part(*arguments))

    def receive_lag(self, lag_us: int) -> None:
        self.lags_us.append(lag_us)

    def interrupted(self) -> None:
        self.interruptions += 1

    def notify(self, **meta: Any) -> None:
        self.heard.append(meta)

    @property
    def only(self) -> Sample:
        """The one sample that must have been recorded."""
        assert len(self.samples) == 1, self.samples
        return self.samples[0]

    @property
    def kinds(self) -> list[str | None]:
        """The failure kind of each sample, None for those that went well."""
        return [sample.failure.kind.value if sample.failure else None for sample in self.samples]

    @property
    def part_kinds(self) -> list[tuple[str, str | None]]:
        """Each part's kind, and how it failed, None for those that went well."""
        return [(part.kind, part.failure.kind.value if part.failure else None) for part in self.parts]


class Client(NamedTuple):
    """A session and its sink."""

    session: HttpSession
    sink: KeepingSink


def open_client(base_url: str | None, user: Any = None, **options: Any) -> Client:
    """A session that is patient unless told otherwise."""
    sink = KeepingSink()
    options = {"read_timeout_s": PATIENCE_S, "connect_timeout_s": PATIENCE_S, **options}
    session = HttpSession(base_url, sink, user, **options)
    _opened.append(session)
    return Client(session, sink)


def close_clients() -> None:
    """Close all that :func:`open_client` made."""
    while _opened:
        _opened.pop().close()


_opened: list[Any] = []


class Scripted:
    """A server in this process that answers each connection from a list of answers, then closes it.

    An empty answer is none at all: the request is read, and the connection closed or the next request read.
    """

    def __init__(self, *connections: list[bytes]) -> None:
        self.requests: list[bytes] = []
        self.closed = [gevent_event.Event() for _ in connections]
        self._listener: Any = gevent_socket.socket()  # type: ignore[attr-defined]  # untyped
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(8)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._greenlets = [gevent.spawn(self._serve, connections)]
        _opened.append(self)

    def close(self) -> None:
        """Stop listening."""
        for greenlet in self._greenlets:
            greenlet.kill()
        self._listener.close()

    def _serve(self, connections: tuple[list[bytes], ...]) -> None:
        for answers, closed in zip(connections, self.closed, strict=True):
            connection, _ = self._listener.accept()
            self._greenlets.append(gevent.spawn(self._answer, connection, answers, closed))

    def _answer(self, connection: Any, answers: list[bytes], closed: Any) -> None:
        with contextlib.closing(connection):
            for answer in answers:
                self.requests.append(self._read(connection))
                connection.sendall(answer)
        closed.set()

    def _read(self, connection: Any) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return data
            data += piece
        return data


class Stepwise:
    """A server in this process that sends answers piece by piece, each when the client has read the one before.

    Use it in a with-block, in which it counts what all connections of this process receive.

    Attributes:
        sent_us: when each piece was sent, over all answers.
    """

    def __init__(self, *answers: list[bytes]) -> None:
        self.sent_us: list[int] = []
        self._answers = answers
        self._received_bytes = 0
        self._news = gevent_event.Event()
        self._listener: Any = gevent_socket.socket()  # type: ignore[attr-defined]  # untyped
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(8)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._receive = Connection.receive

    def __enter__(self) -> Self:
        server, receive = self, self._receive

        def spy(connection: Connection, deadline_ns: int) -> bytes:
            data = receive(connection, deadline_ns)
            server._received_bytes += len(data)
            server._news.set()
            return data

        Connection.receive = spy  # type: ignore[assignment, method-assign]
        self._greenlet = gevent.spawn(self._serve)
        return self

    def __exit__(self, *_error: object) -> None:
        Connection.receive = self._receive  # type: ignore[method-assign]
        self._greenlet.kill()
        self._listener.close()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent_bytes = 0
        with contextlib.closing(connection):
            for pieces in self._answers:
                connection.recv(65536)
                for piece in pieces:
                    while self._received_bytes < sent_bytes:
                        self._news.clear()
                        self._news.wait(5)
                    self.sent_us.append(monotonic_ns() // 1000)
                    connection.sendall(piece)
                    sent_bytes += len(piece)


class Service:
    """Where the raw server listens, and where its certificates are."""

    def __init__(self, ports: dict[str, int], certificates: Path) -> None:
        self.ports = ports
        self.certificates = certificates

    def url(self, listener: str = "plain") -> str:
        """The base URL of a listener."""
        scheme = "https" if listener.startswith("tls") else "http"
        host = "[::1]" if listener == "ipv6" else "127.0.0.1"
        return f"{scheme}://{host}:{self.ports[listener]}"

    def count(self, path: str) -> int:
        """How many requests for the path have come."""
        return int(self._ask(f"/log{path}"))

    def last(self, path: str) -> bytes:
        """The last request for the path."""
        return self._ask(f"/last{path}")

    def _ask(self, path: str) -> bytes:
        with HttpSession(self.url(), KeepingSink()) as session:
            return session.get(path).content
