"""Where a redirect leads and what goes along (RFC 9110, 15.4)."""

from __future__ import annotations

import contextlib
from urllib.parse import urldefrag, urljoin, urlsplit

from requests.utils import requote_uri

from loadworthy.users.http.errors import RedirectError, RequestError
from loadworthy.users.http.headers import encode_headers
from loadworthy.users.http.request import Message
from loadworthy.users.http.urls import parse_url

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BODY_HEADERS = (
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Transfer-Encoding",
)
_CREDENTIALS = ("Authorization", "Cookie")


def redirected_method(status: int, method: str) -> str:
    """303 turns anything but HEAD into GET, 301 and 302 turn POST into GET; all else stays."""
    if status == 303 and method != "HEAD":  # See Other
        return "GET"
    if status in {301, 302} and method == "POST":
        return "GET"
    return method


def follow(message: Message, status: int, location: str) -> Message:
    """The request that a redirect asks for.

    The body and the headers about it are dropped with the method, Authorization and Cookie when the origin (scheme,
    host, port) changes. The body must be bytes, or must have been made replayable by the caller.

    Raises :class:`RedirectError` when the location is not a http(s) URL.
    """
    try:
        url = parse_url(_resolve(message.url.full, location))
    except (RequestError, ValueError) as error:
        raise RedirectError("the redirect's Location is not a valid http(s) URL") from error
    method = redirected_method(status, message.method)
    headers = message.headers
    keeps_body = method == message.method
    same_origin = url.origin == message.url.origin
    dropped = (() if keeps_body else _BODY_HEADERS) + (() if same_origin else _CREDENTIALS)
    for name in dropped:
        headers.pop(name, None)
    return Message(
        method=method,
        url=url._replace(userinfo=None),
        block=encode_headers(headers.items()),
        body=message.body if keeps_body else b"",
        chunked=message.chunked and keeps_body,
        own_cookies=message.own_cookies and same_origin,
    )


def _resolve(base: str, location: str) -> str:
    location = location.strip()
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")  # many servers send UTF-8 here
    url, fragment = urldefrag(urljoin(base, requote_uri(location)))
    fragment = fragment or urlsplit(base).fragment
    return f"{url}#{fragment}" if fragment else url
