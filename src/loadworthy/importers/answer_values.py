"""Values in answers that later requests may send again: in JSON, headers, cookies and HTML, and how a plan takes them.

Not every value is one. ``confirmed`` and ``2024-05-01`` come back and are sent, too, and are still constants of the
client. So a value counts where it *looks generated* (long, with digits), or where its name says that it identifies
something (``id``, ``order_id``, ``slug``, ``cursor``); whether the two sites belong together is for
:mod:`loadworthy.importers.correlate` to say.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from loadworthy.importers.names import singular, words_of
from loadworthy.importers.requests import json_of

MIN_GENERATED_CHARACTERS = 8
MAX_VALUE_CHARACTERS = 8_192
MAX_VALUES = 20_000
"""An answer gives no more than so many; those beyond are constants."""
MAX_OCCURRENCE = 20
MAX_HTML_CHARACTERS = 1024 * 1024
_BETWEEN = "[^>]{0,400}?"  # bounded, for patterns meet answers that nobody has seen yet

_ID_WORDS = frozenset(
    {"id", "ids", "uuid", "guid", "slug", "sku", "code", "number", "no", "ref", "reference", "key", "pk", "handle"}
    | {"token", "csrf", "xsrf", "nonce", "cursor", "version", "revision", "rev", "etag", "hash", "state", "session"}
    | {"after", "before", "since", "continuation", "ticket", "job", "request"}
)
_GENERATED = re.compile(r"[A-Za-z0-9_\-.~+/=:%]+")
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}.*)?|\d{1,2}:\d{2}(:\d{2})?")
_NUMBER = re.compile(r"[+-]?\d*\.\d+")
_QUIET_HEADERS = frozenset(
    {"date", "server", "expires", "last-modified", "vary", "age", "via", "set-cookie", "connection", "keep-alive"}
    | {"strict-transport-security", "alt-svc", "nel", "report-to", "pragma", "link", "location", "server-timing"}
    | {"cf-ray", "x-request-id", "x-runtime", "x-trace-id", "traceparent", "transfer-encoding", "upgrade"}
)
_QUIET_BEGINNINGS = ("content-", "access-control-", "cache-", "sec-", "x-amz-cf-", "x-cache", "x-served", "x-ratelimit")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: text where it is text, and was recorded."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    mime: str = ""
    text: str = ""

    def header(self, name: str) -> str:
        """The first header of that name; empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def cookies(self) -> list[tuple[str, str]]:
        """Names and values of the cookies that it set."""
        # Chrome joins repeated headers with line breaks.
        lines = [line for key, value in self.headers if key.lower() == "set-cookie" for line in value.split("\n")]
        pairs = [line.partition(";")[0].partition("=") for line in lines]
        return [(name.strip(), value.strip()) for name, equals, value in pairs if equals and name.strip()]


@dataclass(frozen=True, slots=True)
class Found:
    """A value in an answer, and how to get at it.

    Args:
        value: as the answer has it: text or a whole number.
        extract: the source in the words of plans: ``$.token``, ``header:X-Token``, ``cookie:a``, ``regex:…``.
        key: the nearest name.
        nouns: what the thing that it belongs to is called, in the singular.
        rank: the simpler the source, the lower.
        pick: what follows the name in a template where only a part of what was extracted is the value.
        is_hop: a redirect had it, not the answer that the client sees in the end.
    """

    value: Any
    extract: str
    key: str
    nouns: tuple[str, ...] = ()
    rank: int = 0
    pick: str = ""
    is_hop: bool = False


def looks_generated(text: str) -> bool:
    """Whether no person would write it: an id, a token, a hash."""
    if len(text) < MIN_GENERATED_CHARACTERS or not _GENERATED.fullmatch(text) or text.startswith(("/", "http")):
        return False
    if _DATE.fullmatch(text) or _NUMBER.fullmatch(text):
        return False
    if any(one.isdigit() for one in text):
        return True
    return len(text) >= 20 and text.lower() != text and text.upper() != text and "." not in text


def identifies(name: str) -> bool:
    """Whether the name is that of something which identifies: an id, a code, a cursor."""
    words = words_of(name)
    return bool(words) and (words[-1] in _ID_WORDS or words[-1].endswith(("id", "token", "uuid", "cursor")))


def noun_of_path(path: str) -> str:
    """What a path is about: its last segment that is no id, in the singular."""
    for segment in reversed(path.split("/")):
        if segment and not segment.isdigit() and not looks_generated(segment) and "." not in segment:
            return singular(segment)
    return ""


def values_of(answer: Answer, path: str, hops: Sequence[Answer] = ()) -> Iterator[Found]:
    """The values that an answer gives, the simplest sources first.

    Args:
        answer: as it was recorded.
        path: of the request.
        hops: answers of the redirects that led to it.
    """
    noun = noun_of_path(path)
    data = json_of(answer.text) if answer.text.lstrip()[:1] in {"{", "["} else None
    if data is not None:
        yield from _limited(_json_values(data, noun))
    yield from _header_values(answer, is_hop=False)
    for hop in hops:
        yield from _header_values(hop, is_hop=True)
    if data is None and "html" in answer.mime:
        yield from _limited(_html_values(answer.text[:MAX_HTML_CHARACTERS]))


def message_values(text: str, name: str) -> Iterator[Found]:
    """The values of a message over a WebSocket, or of an event."""
    data = json_of(text) if text.lstrip()[:1] in {"{", "["} else None
    if data is not None:
        yield from _limited(_json_values(data, singular(name)))


def _limited(values: Iterator[Found]) -> Iterator[Found]:
    for _, found in zip(range(MAX_VALUES), values, strict=False):
        yield found


def _json_values(data: Any, noun: str) -> Iterator[Found]:
    """Breadth first, so that what is near the top comes before its copies below."""
    level: list[tuple[str, str, tuple[str, ...], Any]] = [("$", "", (noun,) if noun else (), data)]
    while level:
        below: list[tuple[str, str, tuple[str, ...], Any]] = []
        for path, key, nouns, value in level:
            if isinstance(value, dict):
                inner = (singular(key), *nouns[-1:]) if key else nouns
                below += [(path + _member(name), name, inner, item) for name, item in value.items()]
            elif isinstance(value, list):
                below += [(f"{path}[{index}]", key, nouns, item) for index, item in enumerate(value[:200])]
            else:
                yield from _scalar_values(value, path, key, nouns)
        level = below


def _member(name: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return f".{name}"
    return "['" + name.replace("\\", "\\\\").replace("'", "\\'") + "']"


def _scalar_values(value: Any, path: str, key: str, nouns: tuple[str, ...]) -> Iterator[Found]:
    if isinstance(value, bool) or not isinstance(value, str | int) or any(ord(one) < 32 for one in path):
        return
    text = str(value)
    if _may_identify(text, key):
        yield Found(value, path, key, nouns)
    elif isinstance(value, str) and text.startswith(("/", "http://", "https://")):
        for part, name, pick in _url_parts(text):
            yield Found(part, path, name, rank=1, pick=pick)


def _may_identify(text: str, key: str) -> bool:
    if not text or len(text) > MAX_VALUE_CHARACTERS:
        return False
    return looks_generated(text) or (identifies(key) and len(text) <= 64 and not re.search(r"\s", text))


def _url_parts(url: str) -> Iterator[tuple[str, str, str]]:
    """Segments and parameters of a URL: value, name, and how a template picks it out of the whole."""
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, max_num_fields=100)
    except ValueError:
        return
    segments = parts.path.split("/")
    whole = (".split('?')[0]" if parts.query else "") + (".split('#')[0]" if parts.fragment else "")
    for index, segment in enumerate(segments):
        before = segments[index - 1] if index else ""
        if segment and (segment.isdigit() or looks_generated(segment)):
            yield segment, f"{singular(before)}_id", f"{whole}.split('/')[{index - len(segments)}]"
    after = ".split('&')[0]" + (".split('#')[0]" if parts.fragment else "")
    for name, value in pairs:
        is_plain = re.fullmatch(r"[\w.-]+", name) and f"{name}={value}" in parts.query
        if is_plain and _may_identify(value, name):
            yield value, name, f".split('{name}=')[1]{after}"


def _header_values(answer: Answer, *, is_hop: bool) -> Iterator[Found]:
    location = answer.header("location")
    for value, name, pick in _url_parts(location):
        yield Found(value, "header:Location", name, rank=1, pick=pick, is_hop=is_hop)
    for name, value in answer.headers:
        lower = name.lower()
        if lower in _QUIET_HEADERS or lower.startswith(_QUIET_BEGINNINGS):
            continue
        for text, pick in ((value, ""), (value.removeprefix("Bearer "), "[7:]")):
            if looks_generated(text.strip('"')) and not (pick and text == value):
                yield Found(text, f"header:{name}", lower.removeprefix("x-"), rank=1, pick=pick, is_hop=is_hop)
    for name, value in answer.cookies():
        if looks_generated(value) and not re.search(r"\s", name):
            yield Found(value, f"cookie:{name}", name, rank=2, is_hop=is_hop)


class _Tags(HTMLParser):
    """Attributes that hold values: name, value, the tag as written, and its other names."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Found] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        raw = self.get_starttag_text() or ""
        name = given.get("name") or given.get("property") or given.get("id", "")
        for attribute, value in given.items():
            if attribute in {"value", "content"} and name and tag in {"input", "meta", "button", "textarea"}:
                label = "name" if "name" in given else "property" if "property" in given else "id"
                self._add(value, name, _beside(raw, label, name, attribute, value))
            elif attribute.startswith("data-"):
                self._add(value, attribute.removeprefix("data-"), _attribute(raw, attribute, value))
            elif attribute in {"href", "action", "src", "formaction"}:
                for part, key, _ in _url_parts(value):
                    self._add(part, key, _within(raw, attribute, value, part))

    def _add(self, value: str, key: str, pattern: str | None) -> None:
        if pattern is not None and _may_identify(value, key):
            self.found.append(Found(value, f"regex:{pattern}", key, (singular(key.removesuffix("_id")),), rank=3))


def _html_values(text: str) -> Iterator[Found]:
    tags = _Tags()
    # Where it is not HTML after all, what was found before counts.
    with contextlib.suppress(AssertionError, ValueError, RecursionError):
        tags.feed(text)
    yield from tags.found


def _written(raw: str, attribute: str, value: str) -> tuple[int, str] | None:
    """Where in a tag an attribute stands with its value, and the quotation mark; None if not in the plain way."""
    for mark in ('"', "'"):
        at = raw.find(f"{attribute}={mark}{value}{mark}")
        if at >= 0:
            return at, mark
    return None


def _beside(raw: str, label: str, name: str, attribute: str, value: str) -> str | None:
    """The pattern of a value that stands beside its name in a tag, in the order in which they stand there."""
    holding = _written(raw, attribute, value)
    naming = _written(raw, label, name) or (raw.find(f"{label}={name}"), "")
    if holding is None or naming[0] < 0:
        return None
    held = f"{attribute}={holding[1]}([^{holding[1]}]+){holding[1]}"
    named = re.escape(f"{label}={naming[1]}{name}{naming[1]}")
    return f"{named}{_BETWEEN}{held}" if naming[0] < holding[0] else f"{held}{_BETWEEN}{named}"


def _attribute(raw: str, attribute: str, value: str) -> str | None:
    found = _written(raw, attribute, value)
    return None if found is None else f"{re.escape(attribute)}={found[1]}([^{found[1]}]+){found[1]}"


def _within(raw: str, attribute: str, whole: str, part: str) -> str | None:
    """The pattern of a part of an address."""
    found = _written(raw, attribute, whole)
    if found is None:
        return None
    at = raw.find(part, found[0] + len(attribute))
    while at > 0 and (raw[at - 1].isalnum() or raw[at + len(part)].isalnum()):
        at = raw.find(part, at + 1)
    if at < 0:
        return None
    return f"{re.escape(raw[found[0] : at])}([^{found[1]}/?#&]+){re.escape(raw[at + len(part)])}"


def pattern_in(text: str, pattern: str, value: str) -> str | None:
    """The pattern, made so that its first match in the text gives the value; None where it cannot be."""
    for number, match in enumerate(re.finditer(pattern, text)):
        if number > MAX_OCCURRENCE:
            return None
        if match[1] == value:
            before = re.sub(r"(?<!\\)\(\[", "(?:[", pattern, count=1)
            return pattern if number == 0 else f"(?s)(?:{before}.*?){{{number}}}{pattern}"
    return None


def pattern_around(text: str, value: str) -> str | None:
    """A pattern for a value that stands anywhere in a text, by what stands before it."""
    at = text.find(value)
    if at <= 0 or at + len(value) >= len(text) or text[at - 1].isalnum() or text[at + len(value)].isalnum():
        return None
    named = re.search(r"[A-Za-z][\w-]+[^A-Za-z\r\n]*$", text[max(at - 60, 0) : at])
    if named is None:
        return None
    end = text[at + len(value)]
    held = f"[^{end}]" if end in "\"'<&;," else r"[\w.~+/=%-]"
    return pattern_in(text, f"{re.escape(named[0])}({held}+)", value)
