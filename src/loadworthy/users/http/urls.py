"""URLs: what goes on the wire is exactly what ``requests`` would send.

Plain URLs (only characters that no rule would rewrite, no dot segments) are taken apart by one regular expression; all
others go through ``requests`` itself, which costs ten times more. A differential test keeps the two in step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from requests import PreparedRequest
from requests.exceptions import RequestException
from requests.utils import get_auth_from_url

from loadworthy.users.http.errors import RequestError

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_TARGET = r"((?:/[A-Za-z0-9\-_~!$&'()*+,;=:@.]*)+)(\?[A-Za-z0-9\-_~!$&'()*+,;=:@./]+)?"
_PLAIN_TARGET = re.compile(_TARGET)
_PLAIN = re.compile(r"(https?)://([a-z0-9][a-z0-9._-]*)(?::([1-9][0-9]{0,4}))?" + _TARGET)
_USERINFO = re.compile(r"^([a-z]+://)[^/?#]*@", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65535


class Url(NamedTuple):
    """A URL taken apart, ready to be sent."""

    full: str
    """As ``requests`` would show it, with userinfo and fragment if it had them."""
    scheme: str
    host: str
    """Name or address, IPv6 without brackets."""
    port: int
    authority: str
    """The value of the Host header."""
    target: str
    """Path and query, as they go on the request line and as they name the sample."""
    userinfo: tuple[str, str] | None

    @property
    def origin(self) -> tuple[str, str, int]:
        """What must be equal for credentials to be passed on: scheme, host, port."""
        return self.scheme, self.host, self.port


class Base(NamedTuple):
    """A base URL whose first half need not be read again for each URL appended to it."""

    prefix: str
    scheme: str
    host: str
    port: int
    authority: str
    path: str

    @classmethod
    def of(cls, base_url: str) -> Base | None:
        """None for a base URL that is not plain."""
        try:
            url = parse_url(base_url + "/")
        except RequestError:
            return None
        if url.full != base_url + "/" or url.userinfo or "?" in url.full or "#" in url.full:
            return None
        return cls(base_url, url.scheme, url.host, url.port, url.authority, url.target[:-1])

    def join(self, url: str) -> Url | None:
        """The base URL with ``url`` appended; None unless both are plain."""
        match = _PLAIN_TARGET.fullmatch(url)
        if match is None or "/." in match[1]:
            return None
        return Url(self.prefix + url, self.scheme, self.host, self.port, self.authority, self.path + url, None)


def is_absolute(url: str) -> bool:
    """Whether the URL stands by itself, without the session's base URL."""
    return not url.startswith("/") and bool(_ABSOLUTE.match(url))


def parse_url(text: str, params: Any = None) -> Url:
    """The URL with ``params`` added to its query; raises :class:`RequestError` if it is not an http(s) URL."""
    match = _PLAIN.fullmatch(text)
    if match is None or "/." in match[4] or ".." in match[2]:
        return _parse_as_requests(text, params)
    scheme, host, port, path, query = match.groups()
    if params is not None and params:
        added = _plain_query(params)
        if added is None:
            return _parse_as_requests(text, params)
        text = f"{text}&{added}" if query else f"{text}?{added}"
        query = f"{query}&{added}" if query else f"?{added}"
    number = int(port) if port else DEFAULT_PORTS[scheme]
    if number > MAX_PORT:
        raise RequestError("the URL's port is above 65535")
    return Url(text, scheme, host, number, _authority(scheme, host, number), path + (query or ""), None)


def split_userinfo(base_url: str) -> tuple[str, tuple[str, str] | None]:
    """The base URL without ``user:password@``, and the two, percent-decoded, if both are there."""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        return base_url, None  # what is wrong with it is said when it is used
    if not (parts.username and parts.password):
        return base_url, None
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=netloc)), (unquote(parts.username), unquote(parts.password))


def without_userinfo(url: str) -> str:
    """The URL as it may be reported: a password has no place there."""
    return _USERINFO.sub(r"\1", url, count=1) if "@" in url else url


def _plain_query(params: Any) -> str | None:
    """The query of a flat dict of strings and numbers, encoded as ``requests`` does; None if it is anything else."""
    if type(params) is not dict:
        return None
    for name, value in params.items():
        if type(name) is not str or type(value) not in {str, int}:
            return None
    return urlencode(params)


def _parse_as_requests(text: str, params: Mapping[str, Any] | None) -> Url:
    prepared = PreparedRequest()
    try:
        prepared.prepare_url(text, params)
        full = prepared.url or ""
        parts = urlsplit(full)
        host, port = parts.hostname, parts.port
    except (RequestException, ValueError, TypeError, AttributeError) as error:
        kind = type(error).__name__
        raise RequestError(f"the URL is not valid ({kind}); it must look like http://host/path") from error
    if parts.scheme not in DEFAULT_PORTS or not host:
        raise RequestError("the URL must begin with http:// or https:// and name a host")
    if _CONTROL.search(full):
        raise RequestError("the URL has white space or control characters in it; quote them")
    number = port if port is not None else DEFAULT_PORTS[parts.scheme]
    user, password = get_auth_from_url(full)
    userinfo = (user, password) if user or password else None
    return Url(full, parts.scheme, host, number, _authority(parts.scheme, host, number), prepared.path_url, userinfo)


def _authority(scheme: str, host: str, port: int) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port == DEFAULT_PORTS[scheme] else f"{bracketed}:{port}"
