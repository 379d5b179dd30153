"""Header fields: checked and encoded on the way out, parsed when asked for on the way in."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from requests.structures import CaseInsensitiveDict

from loadworthy.users.http.errors import RequestError

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2: token
_FORBIDDEN_IN_VALUE = re.compile(r"[\r\n\x00]")

_CONTENT_TYPE = re.compile(rb"\ncontent-type[ \t]*:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE)

Header = tuple[str, str]


class SessionHeaders(CaseInsensitiveDict[Any]):
    """The headers sent with every request of a session; tells the session when they change."""

    def __init__(self, items: Iterable[tuple[str, Any]], on_change: Callable[[], None]) -> None:
        self._on_change: Callable[[], None] = lambda: None
        super().__init__(items)
        self._on_change = on_change

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self._on_change()

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._on_change()

    def copy(self) -> CaseInsensitiveDict[Any]:  # a copy no longer speaks for the session
        return CaseInsensitiveDict(self.items())


def header_text(value: object) -> str:
    """A header's name or value as text; raises :class:`RequestError` for anything but str and bytes."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise RequestError(f"a header must be str or bytes, not {type(value).__name__}")


def encode_headers(items: Iterable[tuple[Any, Any]]) -> bytes:
    """The lines as they go on the wire, each with its CRLF; raises :class:`RequestError`, see :func:`header_line`."""
    return b"".join([header_line(name, value) for name, value in items])


@functools.lru_cache(maxsize=1024)
def header_line(raw_name: Any, raw_value: Any) -> bytes:
    """One line; most are sent again and again, so the last thousand are remembered.

    Values are Latin-1 where they fit, else UTF-8. Raises :class:`RequestError` for a name that is not a token and for a
    value with CR, LF or NUL in it: a header must not smuggle in another.
    """
    name, value = header_text(raw_name), header_text(raw_value)
    if not _NAME.fullmatch(name):
        raise RequestError("a header's name is not a token (RFC 9110); check the headers of the request")
    if _FORBIDDEN_IN_VALUE.search(value):
        raise RequestError(f"the value of header {name} has CR, LF or NUL in it; strip it before sending")
    line = f"{name}: {value}\r\n"
    try:
        return line.encode("latin-1")
    except UnicodeEncodeError:
        return line.encode("utf-8")


class StaticHeaders(NamedTuple):
    """The headers that every request of a session has, encoded once.

    Attributes:
        block: all lines.
        lines: the same, each with its name in lower case.
        names: these names.
        is_plain: none of them has to do with host, cookies or body, so they do not get in the way of a fast path.
    """

    block: bytes
    lines: tuple[tuple[str, bytes], ...]
    names: frozenset[str]
    is_plain: bool

    def without(self, names: Container[str]) -> bytes:
        """The lines of all but these, given in lower case."""
        return b"".join([line for name, line in self.lines if name not in names])

    def host(self) -> str:
        """The value of the Host header, which must be there."""
        line = next(line for name, line in self.lines if name == "host")
        return line.decode("latin-1").partition(":")[2].strip()


_NOT_PLAIN = frozenset({"host", "cookie", "content-length", "content-type", "transfer-encoding"})


@functools.lru_cache(maxsize=1024)
def static_headers(items: tuple[tuple[Any, Any], ...]) -> StaticHeaders:
    """Encode headers once; those with a value of None are left out, as in ``requests``.

    Equal headers give the identical object, so thousands of users share it.
    """
    lines = [(header_text(name).lower(), encode_headers([(name, value)])) for name, value in items if value is not None]
    names = frozenset(name for name, _ in lines)
    return StaticHeaders(b"".join(line for _, line in lines), tuple(lines), names, names.isdisjoint(_NOT_PLAIN))


def merge_headers(session: Mapping[str, Any], request: Mapping[str, Any] | None) -> CaseInsensitiveDict[Any]:
    """The session's headers overridden by the request's; a value of None removes the header, as in ``requests``."""
    merged: CaseInsensitiveDict[Any] = CaseInsensitiveDict(session.items())
    for name, value in request.items() if request else ():
        merged[header_text(name)] = value
    for name in [name for name, value in merged.items() if value is None]:
        del merged[name]
    return merged


def parse_header_lines(head: bytes) -> Iterator[Header]:
    """(name, value) of each field of a response's head, whose first line is the status line.

    Lines end in CRLF or LF. A line that begins with white space continues the one before (obs-fold, RFC 9112, 5.2) and
    is joined by a space. Lines without a colon are skipped, as ``requests`` does.
    """
    name, value = "", ""
    for line in head.decode("latin-1").split("\n")[1:]:
        text = line.removesuffix("\r")
        if text[:1] in {" ", "\t"}:
            if name:
                value = f"{value} {text.strip()}".strip()
            continue
        if name:
            yield name, value
        name, colon, value = text.partition(":")
        name, value = (name.rstrip(), value.strip(" \t")) if colon else ("", "")
    if name:
        yield name, value


def parse_headers(head: bytes) -> CaseInsensitiveDict[str]:
    """The fields of a response's head; those that come more than once are joined by ``", "``, Set-Cookie too."""
    found: dict[str, Header] = {}
    for name, value in parse_header_lines(head):
        before = found.get(name.lower())
        found[name.lower()] = (name, value) if before is None else (before[0], f"{before[1]}, {value}")
    return CaseInsensitiveDict(found.values())


def content_type(head: bytes) -> str:
    """The value of the first Content-Type, found without parsing the rest; empty if there is none."""
    match = _CONTENT_TYPE.search(head)
    return match[1].decode("latin-1").strip() if match else ""
