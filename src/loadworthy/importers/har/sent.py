"""What of a recorded request a plan says: neither what the client says by itself, nor what only browsers say."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from loadworthy.importers.har.reading import Entry
from loadworthy.importers.imported import Note
from loadworthy.importers.requests import RecordedRequest

_DROPPED_HEADERS = frozenset(
    {"host", "content-length", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
    | {"user-agent", "accept-encoding", "upgrade-insecure-requests", "cookie", "referer", "dnt", "priority", "pragma"}
    | {
        "cache-control",
        "if-none-match",
        "if-modified-since",
        "proxy-connection",
        "proxy-authorization",
        "purpose",
        "alt-used",
    }
    | {"traceparent", "tracestate", "baggage", "sentry-trace", "newrelic", "save-data", "x-client-data"}
    | {"last-event-id"}
)
_DROPPED_BEGINNINGS = (":", "sec-", "x-b3-", "x-datadog-", "access-control-")
_TRACKING_COOKIES = tuple("_ga _gid _gat _gcl _fb _hj _pk_ __utm ajs_ amplitude mp_ optimizely".split())  # noqa: SIM905
_MEANINGFUL_COOKIE = re.compile(r"sess|sid|auth|token|jwt|csrf|xsrf|login|user|remember", re.IGNORECASE)
_SOCKET_HEADERS = frozenset({"authorization"})


def sent_of(entry: Entry, set_cookies: Collection[str], notes: list[Note]) -> RecordedRequest:
    """The request without what the client says by itself, or what only browsers say."""
    request = entry.request
    names = _SOCKET_HEADERS if entry.is_socket else None
    headers = [(name, value) for name, value in request.headers if _is_kept(name, value, request, names)]
    cookies = _own_cookies(entry, set_cookies, notes)
    if cookies:
        headers.append(("Cookie", cookies))
    return replace(request, headers=tuple(headers))


def _is_kept(name: str, value: str, request: RecordedRequest, only: frozenset[str] | None) -> bool:
    lower = name.lower()
    if lower in _DROPPED_HEADERS or lower.startswith(_DROPPED_BEGINNINGS) or not value:
        return False
    if only is not None:
        return lower in only
    if lower == "origin":
        return value.partition("://")[2].partition(":")[0] != request.parts.hostname
    if lower == "content-type":
        return bool(request.body)
    return not (lower == "accept" and value == "*/*")


def _own_cookies(entry: Entry, set_cookies: Collection[str], notes: list[Note]) -> str:
    """The cookies that no answer of the recording set, where they seem to matter."""
    line = ";".join(value for name, value in entry.request.headers if name.lower() == "cookie")
    pairs = [pair.strip().partition("=") for pair in line.split(";")]
    named = {name: value for name, equals, value in pairs if equals and name}
    foreign = {name: value for name, value in named.items() if name not in set_cookies}
    meant = {
        name: value
        for name, value in foreign.items()
        if not name.startswith(_TRACKING_COOKIES) and _MEANINGFUL_COOKIE.search(name) and ";" not in value
    }
    left_out = sorted(foreign.keys() - meant.keys())
    if meant and len(foreign) < len(named):
        # A Cookie header of a plan's own would stand in place of those that the server set.
        left_out, meant = sorted(foreign), {}
    for name in left_out:
        note = Note(f"cookie {name}", "no answer of the recording set it; it is left out")
        if note not in notes:
            notes.append(note)
    return "; ".join(f"{name}={value}" for name, value in meant.items())
