"""From a URL to an open WebSocket connection: dial, through a proxy if there is one, and shake hands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from loadworthy.clock import monotonic_ns
from loadworthy.users.http.call import receive_cookies
from loadworthy.users.http.connection import Connection
from loadworthy.users.http.dial import dial, open_tunnel, route_to
from loadworthy.users.http.encoding import decode_text
from loadworthy.users.http.errors import (
    AttemptError,
    ConnectTimeoutError,
    ProtocolError,
    ReadTimeoutError,
    ResetError,
    TooLargeError,
)
from loadworthy.users.http.headers import merge_headers
from loadworthy.users.http.request import basic_auth
from loadworthy.users.http.samples import EXCERPT_CHARACTERS
from loadworthy.users.http.session import HttpSession
from loadworthy.users.http.settings import is_pair
from loadworthy.users.http.tls import TlsConnection
from loadworthy.users.http.urls import Url, without_userinfo
from loadworthy.users.http.wire import SWITCHING_PROTOCOLS, ResponseReader, find_end_of_head, read_head
from loadworthy.users.websocket.errors import WebSocketRefusedError
from loadworthy.users.websocket.handshake import Accepted, check_answer, new_key, request_head, websocket_url
from loadworthy.users.websocket.wire import Wire

_NS_PER_S = 1_000_000_000
_MAX_REFUSAL_BYTES = 65_536
_FINAL = 200


class Target(NamedTuple):
    """What to connect to, and how; kept for reconnecting."""

    path: str
    params: Any
    headers: Mapping[str, Any] | None
    subprotocols: Sequence[str]
    compress: bool
    autoping: bool
    timeout_s: float


class Opened(NamedTuple):
    """An open connection."""

    wire: Wire
    accepted: Accepted
    first_bytes: bytes
    """What the server sent right after its answer."""


class Opening:
    """One attempt to open a connection.

    Attributes:
        url: without query and userinfo, which may hold credentials; empty until it is known.
        sent_bytes, received_bytes: of the handshake, inside TLS.
    """

    __slots__ = ("_deadline_ns", "_session", "_target", "received_bytes", "sent_bytes", "url")

    def __init__(self, session: HttpSession, target: Target) -> None:
        self._session = session
        self._target = target
        self._deadline_ns = monotonic_ns() + int(target.timeout_s * _NS_PER_S)
        self.url = ""
        self.sent_bytes = 0
        self.received_bytes = 0

    def run(self) -> Opened:
        """Connect and shake hands.

        Raises :class:`AttemptError` where there is no connection or no valid answer, and
        :class:`WebSocketRefusedError` for an answer with another status than 101.
        """
        session, target = self._session, self._target
        url = websocket_url(session.base_url, target.path, target.params)
        self.url = without_userinfo(url.full).partition("?")[0]
        key = new_key()
        cookies = session.cookies.header(url.host, url.target.partition("?")[0], url.scheme == "https")
        head = request_head(url, key, self._headers(url), target.subprotocols, target.compress, cookies)
        connection = self._dial(url)
        try:
            connection.sent_bytes = connection.received_bytes = 0
            connection.send(head, self._deadline_ns)
            answer, first_bytes = self._read_answer(connection, url)
            accepted = check_answer(answer, key, target.subprotocols, target.compress)
        except BaseException as error:
            connection.close()
            if isinstance(error, ReadTimeoutError):
                raise ConnectTimeoutError("no answer to the handshake within the connect time-out") from None
            raise
        finally:
            self.sent_bytes = connection.sent_bytes
            self.received_bytes = connection.received_bytes
        self.received_bytes -= len(first_bytes)
        wire = Wire(connection)
        wire.received_bytes = len(first_bytes)
        return Opened(wire, accepted, first_bytes)

    def _headers(self, url: Url) -> Mapping[str, Any]:
        session = self._session
        headers = merge_headers(session.headers, self._target.headers)
        auth = url.userinfo or (session.auth if is_pair(session.auth) else None)
        if auth is not None:
            headers.setdefault("Authorization", basic_auth(*auth))
        return headers

    def _dial(self, url: Url) -> Connection:
        """As for HTTP, but a proxy must tunnel in clear, too (RFC 6455, 4.1)."""
        route = route_to(url, self._session.proxies, self._session.verify, self._session.cert)
        connection = dial(route, max(self._deadline_ns - monotonic_ns(), 0) / _NS_PER_S)
        if route.proxy is not None and route.is_forwarded:
            try:
                # It reads and writes below TLS in any case, so a plain connection is as good.
                open_tunnel(cast("TlsConnection", connection), route, route.proxy, self._deadline_ns)
            except BaseException:
                connection.close()
                raise
        return connection

    def _read_answer(self, connection: Connection, url: Url) -> tuple[bytes, bytes]:
        """The head of the answer with status 101, and what followed it; other answers raise."""
        limit = self._session.limits.max_head_bytes
        data = b""
        while True:
            end, begin = find_end_of_head(data)
            if len(data if end < 0 else data[:begin]) > limit:
                raise TooLargeError("the head of the answer to the handshake is larger than max_head_bytes")
            if end < 0:
                data += self._receive(connection)
                continue
            head = read_head(data, end)
            if head.status == SWITCHING_PROTOCOLS or head.status >= _FINAL:
                break
            data, limit = data[begin:], limit - begin  # an interim response
        if head.sets_cookies:
            receive_cookies(self._session.cookies, url, data[:end])
        if head.status == SWITCHING_PROTOCOLS:
            return data[:end], data[begin:]
        raise WebSocketRefusedError(head.status, self._read_excerpt(connection, data))

    def _receive(self, connection: Connection) -> bytes:
        data = connection.receive(self._deadline_ns)
        if not data:
            raise ResetError("the connection closed before the handshake was answered")
        return data

    def _read_excerpt(self, connection: Connection, data: bytes) -> str:
        """The beginning of a refusal's body, as much of it as comes; a body that breaks off does not matter."""
        reader = ResponseReader(False, self._session.limits.max_head_bytes)
        body = b""
        try:
            reader.feed(data)
            body = reader.take()
            while not reader.complete and len(body) < _MAX_REFUSAL_BYTES:
                data = connection.receive(self._deadline_ns)
                if not data:
                    break
                reader.feed(data)
                body += reader.take()
        except AttemptError as error:
            if isinstance(error, ProtocolError) and not body:
                return ""
        return decode_text(body, "utf-8")[:EXCERPT_CHARACTERS]
