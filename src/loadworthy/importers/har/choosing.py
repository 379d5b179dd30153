"""Which entries of a recording a load test repeats, and which it leaves to browsers.

Static files come from caches and CDNs, other hosts are not ours to load, preflights and redirects belong to the
requests that caused them. All that is left out is counted in notes.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urldefrag, urljoin, urlsplit

from loadworthy.importers.har.reading import Entry
from loadworthy.importers.imported import ImportFailedError, ImportOptions, Note
from loadworthy.importers.only import nothing_fits
from loadworthy.importers.origins import belongs, left_out_by_only, left_out_hosts, times
from loadworthy.importers.requests import METHODS, is_like, is_wanted, origin_of, url_mistake

_STATIC_MIMES = {
    "image/": "images",
    "font/": "fonts",
    "audio/": "media",
    "video/": "media",
    "text/css": "style sheets",
    "text/javascript": "scripts",
    "application/javascript": "scripts",
    "application/x-javascript": "scripts",
    "application/ecmascript": "scripts",
    "application/wasm": "scripts",
    "application/font": "fonts",
    "application/x-font": "fonts",
    "application/vnd.ms-fontobject": "fonts",
    "application/manifest+json": "manifests",
}
_STATIC_ENDINGS = {
    **dict.fromkeys("png jpg jpeg gif webp avif svg ico bmp".split(), "images"),  # noqa: SIM905  a table
    **dict.fromkeys("woff woff2 ttf otf eot".split(), "fonts"),  # noqa: SIM905
    **dict.fromkeys("css".split(), "style sheets"),  # noqa: SIM905
    **dict.fromkeys("js mjs wasm map".split(), "scripts"),  # noqa: SIM905
    **dict.fromkeys("mp3 mp4 webm ogg m4a m4s ts m3u8 mpd wav mov".split(), "media"),  # noqa: SIM905
    "webmanifest": "manifests",
}
_STATIC_KINDS = {
    "image": "images",
    "font": "fonts",
    "stylesheet": "style sheets",
    "script": "scripts",
    "media": "media",
    "manifest": "manifests",
    "texttrack": "media",
}
_BINARY = re.compile(r"octet-stream|grpc|protobuf|msgpack|^image/|^audio/|^video/|zip", re.IGNORECASE)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ENTRIES_AHEAD = 40
"""How far behind a redirect the request that follows it is looked for: other requests may come in between."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that the plan repeats, with the redirects that it led through.

    Args:
        entry: the first request; its answer is that of the last.
        hops: the redirects in between, as they were answered.
        stops: whether the redirect it was answered with is not followed.
    """

    entry: Entry
    hops: tuple[Entry, ...] = ()
    stops: bool = False


@dataclass(slots=True)
class Chosen:
    """What is repeated, in order; what is not, as notes; and when the browser was busy with the rest."""

    visits: list[Visit]
    base_url: str
    notes: list[Note] = field(default_factory=list)
    beside: list[tuple[float, float]] = field(default_factory=list)
    """From when to when something was fetched that is left out; ms since 1970."""


def choose(entries: Sequence[Entry], options: ImportOptions, unmerged: frozenset[str] = frozenset()) -> Chosen:
    """Choose.

    Args:
        entries: in the order in which they were sent.
        options: which requests are wanted.
        unmerged: places of entries whose redirects are not followed by the client, but are steps of their own.

    Raises:
        ImportFailedError: nothing is left.
    """
    base_url = _main_origin(entries)
    chosen = Chosen([], base_url)
    left_out = _Reasons()
    kept: list[Entry] = []
    is_answered = any(entry.has_answer for entry in entries)
    for entry in entries:
        if _is_kept(entry, base_url, options, left_out, is_answered=is_answered):
            kept.append(entry)
        else:
            chosen.beside.append((entry.started_ms, entry.ended_ms))
    chosen.visits = _merged(kept, unmerged)
    chosen.notes = left_out.notes()
    if not chosen.visits and left_out.unwanted:
        raise ImportFailedError(nothing_fits(options.only, left_out.unwanted))
    if not chosen.visits:
        why = "; ".join(f"{note.where}: {note.what}" for note in chosen.notes[:5])
        raise ImportFailedError(f"no request of the HAR file is left to repeat ({why})")
    return chosen


class _Reasons:
    """Counts what is left out, so that each reason is one note."""

    def __init__(self) -> None:
        self._static: dict[str, Counter[str]] = defaultdict(Counter)
        self._hosts: Counter[str] = Counter()
        self._single: list[Note] = []
        self._counted: Counter[str] = Counter()
        self.unwanted: list[str] = []

    def static(self, kind: str, host: str) -> None:
        self._static[kind][host] += 1

    def host(self, host: str) -> None:
        self._hosts[host] += 1

    def single(self, entry: Entry, what: str) -> None:
        self._single.append(Note(entry.where, what))

    def counted(self, what: str) -> None:
        self._counted[what] += 1

    def notes(self) -> list[Note]:
        notes = list(self._single)
        for kind, hosts in sorted(self._static.items()):
            notes.append(
                Note(kind, f"{times(hosts.total())} from {', '.join(sorted(hosts))}; static files are left out")
            )
        notes += left_out_hosts(self._hosts, "the site's own")
        notes += [Note(times(count), what) for what, count in sorted(self._counted.items())]
        return [*notes, *left_out_by_only(self.unwanted)]


def _is_kept(entry: Entry, base_url: str, options: ImportOptions, left_out: _Reasons, *, is_answered: bool) -> bool:
    request = entry.request
    scheme = request.url.partition(":")[0].lower()
    if scheme not in {"http", "https", "ws", "wss"}:
        left_out.counted(f"{scheme or 'without'}: addresses are not of the network; left out")
        return False
    mistake = url_mistake(_as_http(request.url))
    if mistake is not None:
        left_out.single(entry, f"{mistake}; it is left out")
        return False
    host = urlsplit(request.url).hostname or ""
    if not belongs(request.url, base_url):
        left_out.host(host)
        return False
    kind = _static_kind(entry)
    if kind is not None:
        left_out.static(kind, host)
        return False
    return _can_be_repeated(entry, options, left_out, is_answered=is_answered)


def _can_be_repeated(entry: Entry, options: ImportOptions, left_out: _Reasons, *, is_answered: bool) -> bool:
    request = entry.request
    names = {name.lower() for name, _ in request.headers}
    if request.method == "OPTIONS" and "access-control-request-method" in names:
        left_out.counted("CORS preflights, which only browsers send; left out")
    elif not is_wanted(request, options) and not (options.login and is_like(request, options.login)):
        left_out.unwanted.append(request.label)
    elif request.method not in METHODS:
        left_out.single(entry, f"a plan knows no method {request.method[:20]}; it is left out")
    elif "multipart" in request.mime.lower() and not request.form:
        left_out.single(entry, "its body is multipart, and its parts were not recorded; it is left out")
    elif request.body and _BINARY.search(request.mime):
        left_out.single(entry, "its body is binary, which a plan cannot send; it is left out")
    elif entry.lacks_body:
        left_out.single(entry, "its body was not recorded (a file, or too long); it is left out")
    elif is_answered and not entry.is_socket and not 100 <= entry.answer.status <= 599:
        why = f" ({entry.error[:80]})" if entry.error else ""
        left_out.single(entry, f"it was never answered{why}: blocked, aborted or failed; it is left out")
    else:
        return True
    return False


def _static_kind(entry: Entry) -> str | None:
    """Which kind of static file it is; None if it is none."""
    if entry.is_socket or entry.request.method not in {"GET", "HEAD"}:
        return None
    if entry.kind in _STATIC_KINDS:
        return _STATIC_KINDS[entry.kind]
    mime = entry.answer.mime
    for beginning, kind in _STATIC_MIMES.items():
        if mime.startswith(beginning):
            return kind
    ending = urlsplit(entry.request.url).path.rpartition("/")[2].rpartition(".")[2].lower()
    # A page or data with such an ending (/search.js of an API) says so by its type.
    return _STATIC_ENDINGS.get(ending) if mime not in {"text/html", "application/json"} else None


def _main_origin(entries: Sequence[Entry]) -> str:
    """Where the pages come from; without pages, where most of the requests go."""
    usable = [one for one in entries if url_mistake(one.request.url) is None and not one.is_socket]
    pages = [
        one for one in usable
        if (one.kind == "document" or one.answer.mime == "text/html") and 200 <= one.answer.status < 300
    ]  # fmt: skip
    if pages:
        return pages[0].request.origin
    origins = Counter(one.request.origin for one in usable if _static_kind(one) is None)
    if not origins:
        sockets = (_as_http(one.request.url) for one in entries if one.is_socket)
        origins = Counter(origin_of(url) for url in sockets if url_mistake(url) is None)
    if not origins:
        raise ImportFailedError("the HAR file has no request over http:// or https:// that could be repeated")
    return origins.most_common(1)[0][0]


def _as_http(url: str) -> str:
    return "http" + url[2:] if url.startswith(("ws:", "wss:")) else url


def _merged(kept: Iterable[Entry], unmerged: frozenset[str]) -> list[Visit]:
    """Requests with the redirects that the browser followed as one each, as the client follows them by itself."""
    entries = list(kept)
    taken: set[int] = set()
    visits = []
    for index, first in enumerate(entries):
        if index in taken:
            continue
        hops, current, at = [], first, index
        while current.answer.status in _REDIRECTS and first.request.where not in unmerged:
            following = _target(entries, at, taken)
            if following is None:
                break
            hops.append(current)
            taken.add(following)
            current, at = entries[following], following
        merged = replace(first, answer=current.answer, ended_ms=max(current.ended_ms, first.ended_ms))
        visits.append(Visit(merged, tuple(hops), stops=current.answer.status in _REDIRECTS))
    return visits


def _target(entries: Sequence[Entry], at: int, taken: set[int]) -> int | None:
    """The request that followed the redirect which the entry was answered with."""
    entry = entries[at]
    try:
        wanted = urldefrag(urljoin(entry.request.url, entry.answer.header("location")))[0]
    except ValueError:
        return None
    for index in range(at + 1, min(at + 1 + _ENTRIES_AHEAD, len(entries))):
        if index not in taken and entries[index].request.url == wanted:
            return index
    return None
