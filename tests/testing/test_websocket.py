"""The WebSocket server of the tests: held against wsproto, which shares no code with it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Self
from urllib.parse import urlsplit

import pytest
from wsproto import ConnectionType, WSConnection, events
from wsproto.extensions import PerMessageDeflate

from loadworthy.errors import LoadworthyError, SetupError
from loadworthy.testing.websocket import WebSocketServer

_PATIENCE_S = 60


@pytest.fixture
def server() -> Iterator[WebSocketServer]:
    """The server, running."""
    with WebSocketServer() as running:
        yield running


class Client:
    """A client made of a blocking socket and wsproto."""

    def __init__(self, server: WebSocketServer, path: str, *, deflate: bool = False) -> None:
        parts = urlsplit(server.url)
        self._socket = socket.create_connection((parts.hostname, parts.port), _PATIENCE_S)
        self._state = WSConnection(ConnectionType.CLIENT)
        extensions = [PerMessageDeflate()] if deflate else []
        self.send(events.Request(host=parts.netloc, target=path, extensions=extensions))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._socket.close()

    def send(self, event: events.Event) -> None:
        """Send an event."""
        self._socket.sendall(self._state.send(event))

    def events(self, count: int) -> list[events.Event]:
        """The next events, pings among them answered."""
        found: list[events.Event] = []
        while len(found) < count:
            data = self._socket.recv(65_536)
            self._state.receive_data(data or None)
            for event in self._state.events():
                if isinstance(event, events.Ping):
                    self.send(event.response())
                found.append(event)
            if not data:
                break
        return found


@pytest.mark.parametrize("deflate", [False, True])
def test_echo(server: WebSocketServer, deflate: bool) -> None:
    """Text and binary come back, compressed where that was agreed on; all is counted."""
    with Client(server, "/echo", deflate=deflate) as client:
        (accepted,) = client.events(1)
        assert isinstance(accepted, events.AcceptConnection)
        assert bool(accepted.extensions) is deflate
        client.send(events.TextMessage(data="grüße " * 50))
        (text,) = client.events(1)
        assert isinstance(text, events.TextMessage)
        assert text.data == "grüße " * 50
        client.send(events.BytesMessage(data=b"\0" * 200))
        (data,) = client.events(1)
        assert isinstance(data, events.BytesMessage)
        assert bytes(data.data) == b"\0" * 200
        client.send(events.CloseConnection(code=1000))
        (closed,) = client.events(1)
        assert isinstance(closed, events.CloseConnection)
        assert closed.code == 1000
    stats = server.settled()
    assert (stats.texts, stats.binaries, stats.message_bytes) == (1, 1, 400 + 200)
    assert (stats.connections, stats.compressed, stats.close_codes) == (1, int(deflate), {1000: 1})
    assert [(one.connection, one.size, one.is_binary) for one in server.log()] == [(1, 400, False), (1, 200, True)]


def test_fragments_with_pings(server: WebSocketServer) -> None:
    """A message in three pieces, two pings between; the answers are counted."""
    with Client(server, "/echo?pieces=3") as client:
        client.events(1)
        client.send(events.TextMessage(data="abcdef"))
        found = client.events(5)
        assert [one.data for one in found if isinstance(one, events.TextMessage)] == ["ab", "cd", "ef"]
        client.send(events.CloseConnection(code=1001))
        client.events(1)
    stats = server.settled()
    assert (stats.pongs, stats.close_codes) == (2, {1001: 1})


def test_close_and_drop(server: WebSocketServer) -> None:
    """Told to, it closes with a code and a reason, or just drops the connection."""
    with Client(server, "/close?code=4001&reason=go") as client:
        closed = client.events(2)[1]
        assert isinstance(closed, events.CloseConnection)
        assert (closed.code, closed.reason) == (4001, "go")
    with Client(server, "/drop?after=1") as client:
        client.events(1)
        client.send(events.TextMessage(data="x"))
        assert client.events(2)[-1] == events.CloseConnection(code=1006)
    assert server.settled().close_codes == {1006: 2}  # neither client sent a close frame


@pytest.mark.parametrize(("path", "status"), [("/refuse?status=403", 403), ("/nowhere", 404), ("/private", 401)])
def test_refusals(server: WebSocketServer, path: str, status: int) -> None:
    """With the status asked for, for a path that it does not know, and without the cookie."""
    with Client(server, path) as client:
        refused = client.events(2)[0]
        assert isinstance(refused, events.RejectConnection)
        assert refused.status_code == status
    assert server.stats().refused == {status: 1}


def test_the_log_has_no_holes() -> None:
    """A log that is too short says so instead of proving something."""
    with WebSocketServer(log_limit=1) as server:
        with Client(server, "/echo") as client:
            client.events(1)
            for _ in range(2):
                client.send(events.TextMessage(data="x"))
                client.events(1)
        assert server.stats().texts == 2
        with pytest.raises(LoadworthyError, match="log_limit"):
            server.log()


def test_a_port_that_is_taken() -> None:
    """The reason is said, not waited for."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SetupError, match="ended with code 2"):
        WebSocketServer(port=taken.getsockname()[1]).start()


def test_asked_when_it_does_not_run() -> None:
    """A mistake with its remedy."""
    with pytest.raises(LoadworthyError, match="with block"):
        WebSocketServer().stats()
