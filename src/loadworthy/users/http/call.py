"""One call of ``request()``: retries, redirects, cookies, authentication, until there is a response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from requests import PreparedRequest

from loadworthy.clock import monotonic_ns
from loadworthy.users.http.connection import Connection
from loadworthy.users.http.cookies import CookieJar
from loadworthy.users.http.dial import Route, route_to
from loadworthy.users.http.encoding import decode_body, decoder_for
from loadworthy.users.http.errors import RedirectError, RequestError, ResetError, StatusError
from loadworthy.users.http.exchange import BodySource, Limits, Received, exchange, send_rest
from loadworthy.users.http.headers import parse_header_lines, parse_headers
from loadworthy.users.http.pool import Pool
from loadworthy.users.http.redirects import REDIRECTS, follow
from loadworthy.users.http.request import Message, message_of
from loadworthy.users.http.response import Response, Stamps
from loadworthy.users.http.stream import BodyStream
from loadworthy.users.http.tls import Cert, Verify
from loadworthy.users.http.urls import Url, parse_url
from loadworthy.users.http.wire import Head, ResponseReader

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that may be sent again when it is not known whether they arrived (RFC 9110, 9.2.2)."""

_ERROR_STATUS = 400


@dataclass(slots=True)
class Options:
    """The keyword arguments of ``request()``, as ``requests`` names them; None stands for the session's own."""

    params: Any = None
    data: Any = None
    json: Any = None
    headers: Mapping[str, Any] | None = None
    cookies: Any = None
    files: Any = None
    auth: Any = None
    timeout: Any = None
    allow_redirects: bool = True
    proxies: Mapping[str, str] | None = None
    hooks: Mapping[str, Any] | None = None
    stream: bool | None = None
    verify: Verify | None = None
    cert: Cert = None


class Transport(Protocol):
    """What a call needs of its session."""

    cookies: CookieJar
    max_redirects: int

    @property
    def pool(self) -> Pool:
        """The idle connections."""
        ...

    def open_connection(self, route: Route, timeout_s: float) -> Connection:
        """A new connection along the route."""
        ...


@dataclass(slots=True)
class Call:
    """The state of one call.

    Attributes:
        sent_bytes, received_bytes: over all hops and attempts so far.
        first_byte_ns: when the response of the hop under way began to come; 0 as long as it has not.
        jar: cookies for this call only, besides those of the session.
        may_reuse: False if a kept connection has failed for the first hop and only a new one will do.
        hooks: functions of (response) that may answer with another response; authentication works by them.
    """

    session: Transport
    limits: Limits
    intended_us: int
    sent_us: int
    total_deadline_ns: int
    verify: Verify = True
    cert: Cert = None
    proxies: Mapping[str, str] | None = None
    allow_redirects: bool = True
    stream: bool = False
    jar: CookieJar | None = None
    hooks: list[Callable[..., Any]] = field(default_factory=list)
    history: list[Response] = field(default_factory=list)
    sent_bytes: int = 0
    received_bytes: int = 0
    first_byte_ns: int = 0
    body_position: Any = None
    may_reuse: bool = True

    def run(self, message: Message) -> Response:
        """The response to the message, redirects followed; raises an ``AttemptError``."""
        return self.follow_redirects(message, self._attempt(message))

    def follow_redirects(self, message: Message, response: Response) -> Response:
        """The response at the end of the redirects that begin with this one."""
        first_origin = message.url.origin
        while self.allow_redirects and response.status_code in REDIRECTS:
            location = response.headers.get("location")
            if location is None:
                break
            if len(self.history) >= self.session.max_redirects:
                response.close()
                raise RedirectError("more redirects than max_redirects allows")
            if response._stream is not None:  # noqa: SLF001  # its body must be out of the way
                response.close()
            self.history.append(response)
            message = follow(message, response.status_code, location)
            if message.url.origin != first_origin:
                self.jar = None
            response = self._attempt(message)
        if self.history:
            response.history = [*self.history, *response.history]  # authentication may have put in one of its own
        return response

    def stamps(self, done_ns: int) -> Stamps:
        """The stamps of an attempt that was over then."""
        first_byte_us = self.first_byte_ns // 1000
        return Stamps(
            self.intended_us, self.sent_us, done_ns // 1000, self.sent_bytes, self.received_bytes, first_byte_us
        )

    def _attempt(self, message: Message) -> Response:
        """One hop, with its hooks."""
        response = self._send(message)
        for hook in self.hooks:
            response.connection = _HookConnection(self)
            response = hook(response) or response
        return response

    def _send(self, message: Message) -> Response:
        """One request; sent again, once, when a kept connection turns out to be dead and nothing can have happened."""
        self.first_byte_ns = 0
        route = route_to(message.url, self.proxies, self.verify, self.cert)
        may_reuse, self.may_reuse = self.may_reuse, True  # later hops may
        connection = self.session.pool.take(route, monotonic_ns()) if may_reuse else None
        if connection is not None:
            try:
                return self._send_over(connection, route, message)
            except ResetError:
                if message.method not in IDEMPOTENT or not isinstance(message.body, bytes):
                    raise
        return self._send_over(self.session.open_connection(route, self.limits.connect_s), route, message)

    def _send_over(self, connection: Connection, route: Route, message: Message) -> Response:
        sent_bytes, received_bytes = connection.sent_bytes, connection.received_bytes
        try:
            if self.stream:
                return self._stream_over(connection, route, message)
            received = self._exchange(connection, route, message)
        except BaseException:
            connection.close()
            raise
        finally:
            self.count(connection, sent_bytes, received_bytes)
        if received.keep_alive:
            self.session.pool.put(connection, monotonic_ns())
        else:
            connection.close()
        return self.respond(message, received)

    def count(self, connection: Connection, sent_bytes: int, received_bytes: int) -> None:
        """Add what went over a connection since it had these counts."""
        self.sent_bytes += connection.sent_bytes - sent_bytes
        self.received_bytes += connection.received_bytes - received_bytes

    def respond(self, message: Message, received: Received) -> Response:
        """A response from what was received: cookies kept, codings undone; raises an ``AttemptError``."""
        head, head_bytes, body, _, self.first_byte_ns, done_ns = received
        stamps = self.stamps(done_ns)
        if head.sets_cookies:
            self._receive_cookies(message.url, head_bytes)
        if head.is_encoded and body:
            body = decode_body(parse_headers(head_bytes).get("content-encoding", ""), body, self.limits.max_body_bytes)
        return new_response(message, head, head_bytes, body, stamps)

    def _exchange(self, connection: Connection, route: Route, message: Message) -> Received:
        payload, rest = self._payload(route, message)
        is_head = message.method == "HEAD"
        return exchange(connection, payload, rest, is_head, monotonic_ns(), self.total_deadline_ns, self.limits)

    def _payload(self, route: Route, message: Message) -> tuple[bytes, Any]:
        head = self._head(route, message)
        if isinstance(message.body, bytes):
            return head + message.body, ()
        self._rewind(message.body)
        return head, message.pieces()

    def _head(self, route: Route, message: Message) -> bytes:
        target, extra = None, b""
        if route.proxy is not None and route.is_forwarded:
            target = f"http://{message.url.authority}{message.url.target}"
            if route.proxy.authorization:
                extra = f"Proxy-Authorization: {route.proxy.authorization}\r\n".encode("latin-1")
        return message.head(self._cookies_for(message), target, extra)

    def _cookies_for(self, message: Message) -> str:
        jar = self.jar if self.jar is not None else self.session.cookies
        if message.own_cookies or not jar.store:
            return ""
        url = message.url
        return jar.header(url.host, url.target.partition("?")[0], url.scheme == "https")

    def _receive_cookies(self, url: Url, head_bytes: bytes) -> None:
        receive_cookies(self.session.cookies, url, head_bytes)
        if self.jar is not None:
            receive_cookies(self.jar, url, head_bytes)

    def _rewind(self, body: Any) -> None:
        """Put a file back to where it was when the user gave it, if this is not the first time it is sent."""
        if self.body_position is None:
            self.body_position = _position(body)
            return
        try:
            body.seek(self.body_position)
        except (AttributeError, OSError, TypeError, ValueError) as error:
            raise RequestError("the body can be read only once, but has to be sent again") from error

    def _stream_over(self, connection: Connection, route: Route, message: Message) -> Response:
        payload, rest = self._payload(route, message)
        limits, deadline_ns = self.limits, self.total_deadline_ns
        connection.send(payload, min(monotonic_ns() + limits.read_ns, deadline_ns))
        send_rest(connection, rest, deadline_ns, limits)
        data = connection.receive(min(monotonic_ns() + limits.read_ns, deadline_ns))
        received_ns = monotonic_ns()
        reader = ResponseReader(message.method == "HEAD", limits.max_head_bytes)
        source = BodySource(connection, reader, None, limits)
        head, head_bytes = source.read_head(data, received_ns)
        self.first_byte_ns = source.first_byte_ns
        if head.sets_cookies:
            self._receive_cookies(message.url, head_bytes)
        decoder = None
        if head.is_encoded:
            decoder = decoder_for(parse_headers(head_bytes).get("content-encoding", ""), limits.max_body_bytes)
        response = new_response(message, head, head_bytes, b"", self.stamps(monotonic_ns()))
        response._stream = BodyStream(connection, source, decoder, self._release)  # noqa: SLF001  # its maker
        return response

    def _release(self, connection: Connection, reusable: bool) -> None:
        if reusable:
            self.session.pool.put(connection, monotonic_ns())
        else:
            connection.close()


class _HookConnection:
    """What hooks of ``requests`` call ``response.connection``: a way to send another request."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def send(self, prepared: PreparedRequest, **_kwargs: Any) -> Response:
        """Send a request within the same call; the sample is still one."""
        url = parse_url(prepared.url or "")
        message = message_of(prepared, url)
        return self._call._send(replace(message, own_cookies=False))  # noqa: SLF001  # part of this module


def new_response(message: Message, head: Head, head_bytes: bytes, body: bytes, stamps: Stamps) -> Response:
    """A response with its ``error`` set by its status."""
    response = Response(message, head.status, head_bytes, body, [], stamps)
    if head.status >= _ERROR_STATUS:
        response.error = StatusError(f"{head.status} {response.reason}".rstrip())
    return response


def receive_cookies(jar: CookieJar, url: Url, head_bytes: bytes) -> None:
    """Put the cookies of a response's head into a jar."""
    path, is_secure = url.target.partition("?")[0], url.scheme == "https"
    for name, value in parse_header_lines(head_bytes):
        if name.lower() == "set-cookie":
            jar.receive(value, url.host, path, is_secure)


def _position(body: Any) -> Any:
    try:
        return body.tell()
    except (AttributeError, OSError):
        return "unknown"  # seeking there fails, with the error that says so
