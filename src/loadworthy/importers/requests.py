"""A request as a recording, a command line or a collection holds it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import SplitResult, parse_qsl, urlsplit

from loadworthy.importers import only
from loadworthy.importers.imported import ImportOptions
from loadworthy.importers.marks import MARK
from loadworthy.plan.steps import Method

MAX_DEPTH = 60
MAX_FIELDS = 2_000
METHODS: tuple[str, ...] = get_args(Method)

Place = Literal["path", "query", "header", "json", "form", "body"]
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Site:
    """Where in a request a value stands.

    Args:
        place: the part of the request.
        keys: the names that lead to the value, the nearest last; of a path segment, the segment before it.
    """

    place: Place
    keys: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The nearest name."""
        return self.keys[-1] if self.keys else ""


_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")

Filler = Callable[[Site, Any], Any]
"""What a plan has in place of a value: the value as it must be written there."""


@dataclass(frozen=True, slots=True)
class FormPart:
    """A part of a multipart form.

    Args:
        name: of the field.
        text: what it holds; None where it holds what the source does not have: what is in a file.
        filename: the name under which it is sent as a file; empty where it is a plain field.
        mime: its media type, if the source says one.
        size_bytes: how long what it holds is, if ``text`` is None and the source says so.
    """

    name: str
    text: str | None
    filename: str = ""
    mime: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request, of whatever source.

    Args:
        method: in capitals; not always one that plans know.
        url: whole, without a fragment.
        headers: those that the plan sends itself.
        body: as it was sent; empty where there was none.
        mime: what the source says of the body.
        where: the place in the source.
        form: the parts of a multipart form, which is sent instead of a body.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    mime: str = ""
    where: str = ""
    form: tuple[FormPart, ...] = ()

    @property
    def parts(self) -> SplitResult:
        """The URL taken apart."""
        return urlsplit(self.url)

    @property
    def origin(self) -> str:
        """Scheme, host and port; without user and password."""
        return origin_of(self.url)

    @property
    def label(self) -> str:
        """Method and path, for people; a query may hold secrets and is left out."""
        beyond = self.url.partition("://")[2].partition("?")[0]
        return f"{self.method[:20]} /{beyond.partition('/')[2]}"


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL; empty where it has none."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}" if host else ""


def url_mistake(url: str) -> str | None:
    """Why a plan cannot have this URL; None if it can."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "its URL cannot be read"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "it has no http:// or https:// URL"
    if re.search(r"[\s\x00-\x1f\x7f]", url):
        return "its URL holds a space or a control character"
    return None if _HOST.fullmatch(MARK.sub("x", parts.hostname)) else "its URL has a host that cannot be read"


def json_of(text: str) -> Any:
    """JSON data of reasonable depth; None where it is none, or nothing but ``null``."""
    try:
        value = json.loads(text, parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    if not is_shallow(value):
        return None
    return _with_whole_characters(value) if re.search(r"\\u[dD][89a-fA-F]", text) else value


def _with_whole_characters(value: Any) -> Any:
    """The data without halves of characters, which JSON can write and UTF-8 cannot."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_with_whole_characters(key): _with_whole_characters(item) for key, item in value.items()}
    return [_with_whole_characters(item) for item in value] if isinstance(value, list) else value


def is_shallow(value: Any, limit: int = MAX_DEPTH) -> bool:
    """Whether JSON data is nested no deeper; what is deeper cannot be walked over safely."""
    level = [value]
    for _ in range(limit):
        level = [
            item
            for one in level
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return True
    return False


def pairs_of(text: str) -> list[tuple[str, str]] | None:
    """Names and values of a query or form; None where plans could not send it so."""
    if not text or any("=" not in part for part in text.split("&")):
        return None
    try:
        return parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        return None


def is_below(url: str, base_url: str) -> bool:
    """Whether the plan can write the URL as a path."""
    if origin_of(url) != origin_of(base_url):
        return False
    prefix = urlsplit(base_url).path.rstrip("/")
    return not prefix or urlsplit(url).path.startswith(f"{prefix}/") or urlsplit(url).path == prefix


def is_wanted(request: RecordedRequest, options: ImportOptions) -> bool:
    """Whether the user's ``only`` lets the request in."""
    return only.is_wanted(options.only, request.method, request.parts.path or "/")


def is_like(request: RecordedRequest, pattern: str) -> bool:
    """Whether ``/orders*`` or ``POST /orders`` means the request."""
    return only.is_wanted((pattern,), request.method, request.parts.path or "/")


def is_header(name: str, value: str) -> bool:
    """Whether HTTP allows a header of this name and value."""
    return _TOKEN.fullmatch(name) is not None and not _CONTROL.search(value)


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
