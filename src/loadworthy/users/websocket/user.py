"""The user class: an HTTP user that also opens WebSockets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gevent.greenlet import Greenlet
from gevent.pool import Group
from locust.env import Environment

from loadworthy.users.http.errors import RequestError
from loadworthy.users.http.user import HttpUser
from loadworthy.users.sink import sink_for
from loadworthy.users.websocket.frames import GOING_AWAY
from loadworthy.users.websocket.handshake import websocket_url
from loadworthy.users.websocket.opening import Target
from loadworthy.users.websocket.samples import Recorder
from loadworthy.users.websocket.socket import WebSocket


class WebSocketUser(HttpUser):
    """A user with WebSockets: ``self.connect(path)``; ``self.client`` is the HTTP client, whose cookies they share.

    ::

        class Caller(WebSocketUser):
            @task
            def talk(self):
                self.client.post("/login", json={"user": "me"})
                with self.connect("/chat", name="/chat") as chat:
                    reply = chat.request({"id": 1, "text": "hello"}, name="say", decode=json.loads,
                                         match=lambda message: message.get("id") == 1)

    Sockets that are open when the user ends are dropped with code 1001, without a sample; what was being waited for is
    counted as interrupted.

    Attributes that a subclass may set, besides those of :class:`~loadworthy.users.HttpUser`:
        max_message_bytes: a larger message (decompressed, too) ends its connection with 1009, kind ``too_large``.
        max_unread_messages: so many messages may wait on one connection for somebody to take them.
    """

    abstract = True

    max_message_bytes: int = 16 * 1024 * 1024
    max_unread_messages: int = 10_000

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._websocket_sink = sink_for(self)
        self._websockets: set[WebSocket] | None = None

    def connect(
        self,
        path: str,
        *,
        name: str | None = None,
        headers: Mapping[str, Any] | None = None,
        params: Any = None,
        subprotocols: Sequence[str] = (),
        timeout_s: float | None = None,
        compress: bool = True,
        autoping: bool = True,
    ) -> WebSocket:
        """Open a WebSocket; one sample of kind ``connect``.

        Args:
            path: below the host (whose scheme gives ws or wss), or a whole ``ws://`` or ``wss://`` URL.
            name: of the series; the path without its query if not given.
            headers: besides those of the client; a value of None removes one.
            params: added to the query, as in ``requests``.
            subprotocols: offered to the server, the preferred first.
            timeout_s: for all of it; ``connection_timeout`` if not given.
            compress: whether permessage-deflate is offered.
            autoping: whether pings of the server are answered.

        Raises:
            WebSocketRefusedError: the server answered with another status than 101.
            WebSocketError: there is no connection; ``kind`` says why.
        """
        timeout_s = self.connection_timeout if timeout_s is None else timeout_s
        target = Target(path, params, headers, tuple(subprotocols), compress, autoping, timeout_s)
        return WebSocket(self, target, name or self._name_of(path), Recorder(self._websocket_sink, self))

    def start(self, group: Group) -> Greenlet:
        """Start the user's greenlet; when it ends, however that comes, its sockets are dropped."""
        greenlet = super().start(group)
        greenlet.rawlink(lambda _: self.drop_websockets())
        return greenlet

    def drop_websockets(self) -> None:
        """Drop all open sockets at once, without samples."""
        while self._websockets:
            self._websockets.pop().abandon(GOING_AWAY)

    def take_intended_us(self, sent_us: int) -> int:
        """When the workload wanted what is sent now: earlier, for the first of an iteration that began late."""
        late_us, self.late_us = self.late_us, 0
        return sent_us - late_us

    def remember(self, websocket: WebSocket) -> None:
        """It is open: to be dropped when the user ends."""
        if self._websockets is None:
            self._websockets = set()
        self._websockets.add(websocket)

    def forget(self, websocket: WebSocket) -> None:
        """It is closed."""
        if self._websockets is not None:
            self._websockets.discard(websocket)

    def _name_of(self, path: str) -> str:
        try:
            return websocket_url(self.client.base_url, path).target.partition("?")[0]
        except RequestError:
            return path.partition("?")[0]  # connecting says what is wrong with it
