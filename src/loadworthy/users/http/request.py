"""Requests, from what the user gave to the bytes on the wire.

The plain cases (no body, ``json=``, text or bytes or a flat dict as ``data=``) are encoded here. The rest (files,
iterables, nested data) is prepared by ``requests`` itself, so what goes out is the same by construction.
"""

from __future__ import annotations

import json as json_module
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from requests import PreparedRequest
from requests.exceptions import RequestException
from requests.structures import CaseInsensitiveDict

from loadworthy.users.http.errors import AttemptError, RequestError
from loadworthy.users.http.headers import StaticHeaders, encode_headers, header_text, parse_headers
from loadworthy.users.http.urls import Url

_encode_json = json_module.JSONEncoder(allow_nan=False).encode
_FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
_JSON = b"Content-Type: application/json\r\n"
_NO_LENGTH = b"Content-Length: 0\r\n"
_PIECE_BYTES = 65_536
_METHOD_CHARACTERS = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_LENGTHLESS = frozenset({"GET", "HEAD"})  # methods that say nothing of a body when there is none


@dataclass(slots=True)
class Message:
    """A request ready to be sent: all but the Cookie header, which depends on the moment.

    Attributes:
        method: upper case.
        block: the encoded header lines, without Host and without the Cookie line of the jar.
        body: bytes, or an iterable for one that is sent as it is produced.
        chunked: the iterable's length is not known.
        own_cookies: the user gave a Cookie header, so the jar stays silent.
    """

    method: str
    url: Url
    block: bytes
    body: bytes | Iterable[Any] = b""
    chunked: bool = False
    own_cookies: bool = False

    @property
    def headers(self) -> CaseInsensitiveDict[str]:
        """The headers as a dict, as ``response.request.headers`` shows them."""
        return parse_headers(b"\r\n" + self.block)

    @property
    def path_url(self) -> str:
        """Path and query."""
        return self.url.target

    def line(self, target: str | None = None) -> bytes:
        """The request line and the Host header; ``target`` overrides the path, for proxies."""
        return f"{self.method} {target or self.url.target} HTTP/1.1\r\nHost: {self.url.authority}\r\n".encode("latin-1")

    def head(self, cookies: str, target: str | None = None, extra: bytes = b"") -> bytes:
        """The head as it goes on the wire; ``target`` overrides the path, for proxies."""
        cookie_line = encode_headers([("Cookie", cookies)]) if cookies else b""
        return b"".join((self.line(target), self.block, cookie_line, extra, b"\r\n"))

    def pieces(self) -> Iterator[bytes]:
        """The encoded pieces of a body that is an iterable; raises :class:`RequestError` for one of another type."""
        for piece in _read_pieces(self.body):
            data = piece.encode() if isinstance(piece, str) else piece
            if not isinstance(data, bytes | bytearray | memoryview):
                raise RequestError(f"the body's pieces must be bytes or str, not {type(piece).__name__}")
            if len(data):
                yield b"%x\r\n%b\r\n" % (len(data), bytes(data)) if self.chunked else bytes(data)
        if self.chunked:
            yield b"0\r\n\r\n"


def _read_pieces(body: Any) -> Iterator[Any]:
    read = getattr(body, "read", None)
    if read is None:
        yield from body
        return
    while piece := read(_PIECE_BYTES):
        yield piece


def check_method(method: str | bytes) -> str:
    """The method in upper case, as ``requests`` sends it; raises :class:`RequestError` if it is not a token."""
    text = method.decode("latin-1") if isinstance(method, bytes) else method
    if not text or not _METHOD_CHARACTERS.issuperset(text):
        raise RequestError("the method is not a token (RFC 9110)")
    return text.upper()


def basic_auth(user: str | bytes, password: str | bytes) -> str:
    """The value of an Authorization header (RFC 7617), Latin-1 as in ``requests``."""
    user_bytes = user.encode("latin-1") if isinstance(user, str) else user
    password_bytes = password.encode("latin-1") if isinstance(password, str) else password
    return "Basic " + b64encode(user_bytes + b":" + password_bytes).decode("ascii")


def plain_body(data: Any, json: Any) -> tuple[bytes, bytes] | None:
    """(body, its Content-Type line) of the plain cases; None where ``requests`` has to prepare it.

    Raises :class:`RequestError` for what JSON cannot express.
    """
    if not data:
        if data is not None and not isinstance(data, str | bytes | dict | list | tuple):
            return None
        if json is None:
            return b"", b""
        try:
            return _encode_json(json).encode(), _JSON
        except (ValueError, TypeError, RecursionError) as error:
            raise RequestError(f"json= cannot be encoded: {type(error).__name__}") from error
    if isinstance(data, bytes):
        return data, b""
    if isinstance(data, str):
        return data.encode(), b""
    if type(data) is dict and all(type(name) is str and type(value) in {str, int} for name, value in data.items()):
        return urlencode(data).encode(), _FORM
    return None


def build_message(
    method: str,
    url: Url,
    static: StaticHeaders,
    headers: Mapping[str, Any] | None,
    body: tuple[bytes, bytes],
    auth: tuple[Any, Any] | None,
) -> Message:
    """A message whose body is plain (see :func:`plain_body`); ``headers`` override the ``static`` ones."""
    content, content_type = body
    given = {header_text(name).lower(): (name, value) for name, value in headers.items()} if headers else {}
    if content_type and ("content-type" in given or "content-type" in static.names):
        content_type = b""
    length = b""
    if content:
        given.pop("content-length", None)
        length = b"Content-Length: %d\r\n" % len(content)
    elif method not in _LENGTHLESS and "content-length" not in given and "content-length" not in static.names:
        length = _NO_LENGTH
    credentials = auth or url.userinfo
    if credentials:
        given["authorization"] = ("Authorization", basic_auth(*credentials))
    block = static.block
    if content and "content-length" in static.names:
        block = static.without(given.keys() | {"content-length"})
    elif not given.keys().isdisjoint(static.names):
        block = static.without(given.keys())
    if "host" in given or "host" in static.names:
        given_host = given.pop("host", None)
        url = url_with_host(url, given_host[1] if given_host else static.host())
        block = static.without(given.keys() | {"host"})
    if given:
        block += encode_headers(pair for pair in given.values() if pair[1] is not None)
    own_cookies = "cookie" in given or "cookie" in static.names
    return Message(method, url, b"".join((block, content_type, length)), content, False, own_cookies)


def prepare_as_requests(
    method: str,
    url: Url,
    headers: Mapping[str, Any],
    data: Any,
    json: Any,
    files: Any,
    auth: Any,
) -> tuple[Message, PreparedRequest]:
    """A message as ``requests`` would prepare it; raises :class:`RequestError` where it would raise."""
    prepared = PreparedRequest()
    try:
        prepared.prepare(
            method=method,
            url=url.full,
            headers=headers,
            files=files,
            data=data,
            json=json,
            auth=auth,
        )
    except AttemptError:
        raise
    except (RequestException, ValueError, TypeError, AttributeError, NotImplementedError, OSError) as error:
        raise RequestError(f"the request cannot be built: {type(error).__name__}") from error
    return message_of(prepared, url), prepared


def message_of(prepared: PreparedRequest, url: Url) -> Message:
    """The message of a prepared request; ``url`` is its URL, taken apart."""
    body: Any = prepared.body
    if body is None:
        body = b""
    elif isinstance(body, str):
        body = body.encode()
    headers = prepared.headers
    chunked = not isinstance(body, bytes) and "chunked" in str(headers.get("Transfer-Encoding", "")).lower()
    return _finish(prepared.method or "GET", url, headers, body, chunked=chunked)


def _finish(method: str, url: Url, headers: Mapping[str, Any], body: Any, *, chunked: bool) -> Message:
    if "Host" in headers:
        url = url_with_host(url, headers["Host"])
    block = encode_headers((name, value) for name, value in headers.items() if name.lower() != "host")
    return Message(method, url, block, body, chunked, "Cookie" in headers)


def url_with_host(url: Url, host: Any) -> Url:
    """The URL with the Host header that the user gave; where it connects to stays as it is."""
    if host is None:
        return url
    encode_headers([("Host", host)])
    return url._replace(authority=header_text(host))
