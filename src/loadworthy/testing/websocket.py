"""The test's side of the WebSocket server: start it, ask it, end it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from loadworthy.errors import LoadworthyError
from loadworthy.testing.child import Child


class ReceivedMessage(NamedTuple):
    """One message that the server got; its stamp is µs of ``perf_counter``, on Linux one scale for all processes."""

    connection: int
    """Number of the connection, from 1."""
    arrival_us: int
    size: int
    """Bytes, decompressed."""
    is_binary: bool


@dataclass(frozen=True, slots=True)
class WebSocketStats:
    """What the server knows; bytes are those inside TLS."""

    connections: int
    """Handshakes that it accepted."""
    open_connections: int
    texts: int
    """Text messages received."""
    binaries: int
    """Binary messages received."""
    message_bytes: int
    """In these messages, decompressed."""
    messages_sent: int
    pings: int
    pongs: int
    handshake_received_bytes: int
    """Of accepted handshakes."""
    handshake_sent_bytes: int
    received_bytes: int
    """After the handshakes, frame heads included."""
    sent_bytes: int
    compressed: int
    """Connections with permessage-deflate."""
    close_codes: dict[int, int] = field(default_factory=dict)
    """How the clients closed: code → connections; 1005 without a code, 1006 where one vanished."""
    refused: dict[int, int] = field(default_factory=dict)
    """Status → handshakes that it refused."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> WebSocketStats:
        """From a JSON object, whose keys are text."""
        counts = {name: {int(code): count for code, count in data[name].items()} for name in ("close_codes", "refused")}
        return cls(**{**data, **counts})


class WebSocketServer:
    """A WebSocket server in a process of its own, on loopback, that keeps the truth about what it got.

    ::

        with WebSocketServer() as server:
            ...  # connect to server.url + "/echo"
            assert server.stats().texts == 1

    The path says what it does; the query, how:

    ==============================  ==================================================================
    ``/echo``                       sends back each message; ``?pieces=3``: in fragments, a ping within
    ``/rpc``                        answers ``{"id": …}`` with ``{"id": …, "reply": …}``; ``?batch=3``:
                                    holds three back, and answers the last first
    ``/push?rate=50&count=100``     sends ``{"seq": 0, "at": seconds since the epoch}`` …
    ``/sink``                       takes everything, says nothing
    ``/ping?count=3``               sends pings, one with the answer to each message; then echoes
    ``/close?code=4001&after=1``    closes with the code (and ``reason``) after so many messages
    ``/drop?after=1``               drops the connection after so many messages; ``&reset=1``: with a reset
    ``/raw?hex=8105``               sends these bytes right after the handshake, then echoes
    ``/mute``                       takes everything, does not even answer a close frame
    ``/refuse?status=403``          answers the handshake with the status
    ``/deaf``                       never answers the handshake
    ``/login``                      plain HTTP: 200, and the cookie that ``/private`` wants
    ``/private``                    echoes for those with the cookie; 401 for others
    ==============================  ==================================================================

    With ``subprotocol=NAME`` in the query of any of them it chooses that one if it is offered. It agrees to
    permessage-deflate when that is offered, unless ``deflate=0`` is in the query.

    Works in a process that gevent has monkey-patched, too. It ends with the ``with`` block, and by itself when this
    process dies.

    Args:
        port: 0 takes any free one.
        certificate: a file with certificate and key, for ``wss``.
        log_limit: messages kept in the log; those beyond are only counted.
    """

    def __init__(self, *, port: int = 0, certificate: Path | None = None, log_limit: int = 1_000_000) -> None:
        self.url = ""
        """``ws://127.0.0.1:PORT`` or ``wss://…``; empty while it does not run."""
        arguments = ["--port", str(port), "--log-limit", str(log_limit)]
        if certificate is not None:
            arguments += ["--certificate", str(certificate)]
        self._child = Child("loadworthy.testing.websocket_server", arguments, "WebSocket server")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def http_url(self) -> str:
        """The same with http or https, as a user's host."""
        return self.url.replace("ws", "http", 1)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def start(self) -> None:
        """Start the process and wait until it listens.

        Raises:
            SetupError: if it does not come up; what it had to say is on standard error.
        """
        self.url = self._child.start()

    def stop(self) -> None:
        """End the process; may be called twice."""
        self.url = ""
        self._child.stop()

    def stats(self) -> WebSocketStats:
        """The counts so far."""
        return WebSocketStats.from_json(self._child.ask("stats"))

    def settled(self) -> WebSocketStats:
        """The counts once every connection has ended on its side, too.

        Raises:
            LoadworthyError: if some are still open after a while.
        """
        return check_settled(self._child.ask("settled"))

    def log(self) -> list[ReceivedMessage]:
        """Every message received, in the order of arrival.

        Raises:
            LoadworthyError: if there were more than ``log_limit``: a log with holes proves nothing.
        """
        return check_log(self._child.ask("stats"), self._child.ask("log"))


def check_settled(data: Mapping[str, Any]) -> WebSocketStats:
    """The counts of a JSON object; LoadworthyError if connections are open."""
    stats = WebSocketStats.from_json(data)
    if stats.open_connections:
        raise LoadworthyError(f"{stats.open_connections} connections are still open; close them first")
    return stats


def check_log(stats: Mapping[str, Any], rows: list[list[int]]) -> list[ReceivedMessage]:
    """The messages of JSON; LoadworthyError if they are fewer than were counted before."""
    if len(rows) < stats["texts"] + stats["binaries"]:
        raise LoadworthyError("there were more messages than log_limit; give the server a higher one")
    return [ReceivedMessage(number, at_us, size, bool(binary)) for number, at_us, size, binary in rows]
