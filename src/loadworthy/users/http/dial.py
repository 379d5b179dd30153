"""Making a connection to where a URL leads: directly or through a proxy, plain or through TLS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from requests.utils import select_proxy

from loadworthy.clock import monotonic_ns
from loadworthy.users.http.connection import Connection, connect
from loadworthy.users.http.errors import (
    AttemptError,
    ConnectError,
    ConnectTimeoutError,
    ReadTimeoutError,
    RequestError,
    TooLargeError,
)
from loadworthy.users.http.headers import encode_headers
from loadworthy.users.http.parts import UNWATCHED, Watch
from loadworthy.users.http.request import basic_auth
from loadworthy.users.http.tls import Cert, TlsConnection, Verify, tls_context
from loadworthy.users.http.urls import Url
from loadworthy.users.http.wire import find_end_of_head, read_head

_NS_PER_S = 1e9
_MAX_TUNNEL_HEAD_BYTES = 65_536
_DEFAULT_PROXY_PORT = 80


class Proxy(NamedTuple):
    """An HTTP proxy and the value of its Proxy-Authorization header (empty for none)."""

    host: str
    port: int
    authorization: str


class Route(NamedTuple):
    """What a connection leads to; requests with equal routes can share it."""

    scheme: str
    host: str
    port: int
    proxy: Proxy | None = None
    verify: Verify = True
    cert: Cert = None

    @property
    def is_forwarded(self) -> bool:
        """Whether the proxy reads each request (http), rather than passing bytes on (https)."""
        return self.proxy is not None and self.scheme == "http"


def route_to(url: Url, proxies: Mapping[str, str] | None, verify: Verify, cert: Cert) -> Route:
    """The route to a URL; raises :class:`RequestError` for a proxy that is not ``http://host:port``."""
    proxy_url = select_proxy(f"{url.scheme}://{url.authority}/", dict(proxies)) if proxies else None
    proxy = parse_proxy(proxy_url) if proxy_url else None
    if url.scheme == "http":
        return Route(url.scheme, url.host, url.port, proxy)
    return Route(url.scheme, url.host, url.port, proxy, verify, cert)


def parse_proxy(text: str) -> Proxy:
    """The proxy of a URL ``http://[user:password@]host:port``, the scheme being optional."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise RequestError("the proxy's URL is not valid; it must look like http://host:port") from error
    if parts.scheme != "http" or not host:
        raise RequestError("the proxy must be an HTTP proxy, given as http://host:port")
    authorization = ""
    if parts.username:
        authorization = basic_auth(unquote(parts.username), unquote(parts.password or ""))
    return Proxy(host, port or _DEFAULT_PROXY_PORT, authorization)


def dial(route: Route, timeout_s: float, watch: Watch = UNWATCHED) -> Connection:
    """A connection along the route, ready for a request, within ``timeout_s`` in all.

    ``watch`` is told how long ``connect`` (to the proxy, if there is one) and ``tls`` took.

    Raises an :class:`AttemptError` of kind dns, connect, tls, timeout_connect or generator.
    """
    deadline_ns = monotonic_ns() + int(timeout_s * _NS_PER_S)
    factory = TlsConnection if route.scheme == "https" else Connection
    host, port = (route.proxy.host, route.proxy.port) if route.proxy else (route.host, route.port)
    context = tls_context(route.verify, route.cert) if route.scheme == "https" else None
    with watch.part("connect", host, port):
        connection = connect(host, port, route, timeout_s, factory)
    try:
        if isinstance(connection, TlsConnection) and context is not None:
            if route.proxy:
                open_tunnel(connection, route, route.proxy, deadline_ns)
            with watch.part("tls", route.host, route.port):
                connection.handshake(context, route.host, deadline_ns)
    except BaseException:
        connection.close()
        raise
    if watch.receive_lag is not None:
        connection.watch_receipt(watch.receive_lag)
    return connection


def open_tunnel(connection: TlsConnection, route: Route, proxy: Proxy, deadline_ns: int) -> None:
    """CONNECT (RFC 9110, 9.3.6), spoken below TLS."""
    bracketed = f"[{route.host}]" if ":" in route.host else route.host
    headers = [("Host", f"{bracketed}:{route.port}")]
    if proxy.authorization:
        headers.append(("Proxy-Authorization", proxy.authorization))
    head = f"CONNECT {bracketed}:{route.port} HTTP/1.1\r\n".encode() + encode_headers(headers) + b"\r\n"
    try:
        Connection.send(connection, head, deadline_ns)
        status = _read_tunnel_status(connection, deadline_ns)
    except ReadTimeoutError as error:
        raise ConnectTimeoutError("the proxy did not answer within the connect time-out") from error
    except (ConnectError, TooLargeError):
        raise
    except AttemptError as error:
        raise ConnectError("the proxy's answer to CONNECT is not valid") from error
    if not 200 <= status < 300:  # a success
        raise ConnectError(f"the proxy refused the tunnel with status {status}")


def _read_tunnel_status(connection: TlsConnection, deadline_ns: int) -> int:
    """The status of the proxy's answer; a TLS server does not speak first, so nothing of the tunnel's can follow it."""
    received = b""
    while True:
        end, _ = find_end_of_head(received)
        if end >= 0:
            return read_head(received, end).status
        data = Connection.receive(connection, deadline_ns)
        if not data:
            raise ConnectError("the proxy closed the connection instead of opening the tunnel")
        received += data
        if len(received) > _MAX_TUNNEL_HEAD_BYTES:
            raise TooLargeError("the proxy's answer to CONNECT is too large")
