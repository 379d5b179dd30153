"""Where requests go: the servers of a document, and those that a path or an operation has of its own.

The first server of the document is the plan's ``base_url``, or where it names none for all, the one that most
operations have. A path below another one of the same host is written with its whole URL, whose beginning is the same
variable; so whoever sets ``BASE_URL`` moves all of them. Another host of the same owner stays what it is, and is told
of; what is on other people's hosts is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from loadworthy.importers.base_url import without_password
from loadworthy.importers.imported import ImportOptions, Json, Note, Variables
from loadworthy.importers.openapi.reader import Operation, Place, Reader, UnfillableError
from loadworthy.importers.origins import belongs
from loadworthy.importers.requests import origin_of, url_mistake
from loadworthy.plan.redact import mask_url_password

DEFAULT_URL = "http://localhost:8000"
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~"
_MOST_SHOWN = 10
_MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class _Server:
    """A server object: its URL, or the path alone where it has no host, and why a plan cannot have it."""

    shown: str
    url: str
    mistake: str | None = None

    @property
    def path(self) -> str:
        """Without a slash at its end."""
        return urlsplit(self.url).path.rstrip("/")

    @property
    def origin(self) -> str:
        """Scheme, host and port; empty where it is on the document's own host."""
        return origin_of(self.url)


class Servers:
    """The servers of a document.

    Args:
        reader: of the document.
        options: with the base URL that the user wants.
        variables: where passwords in URLs become variables.
        operations: all, as it matters whether some have a server of their own.

    Attributes:
        base_url: as the plan has it.
        notes: what is not as the document says.
    """

    def __init__(
        self, reader: Reader, options: ImportOptions, variables: Variables, operations: Sequence[Operation]
    ) -> None:
        self._is_given = options.base_url is not None
        self._variables = variables
        self.notes: list[Note] = []
        servers = [_server(place) for place in reader.root.at("servers").elements()]
        self._own = servers[0] if servers else _most_named(operations)
        if self._own.mistake:
            self._own = _Server(self._own.shown, "")
            if not self._is_given:
                what = f"{_bounded(self._own.shown)} cannot be used: {servers[0].mistake}"
                self.notes.append(Note("servers", f"{what}; the plan has {DEFAULT_URL}: change it, or use --url"))
        if len(servers) > 1:
            others = ", ".join(_bounded(one.shown) for one in servers[1 : 1 + _MOST_SHOWN])
            more = " …" if len(servers) > 1 + _MOST_SHOWN else ""
            self.notes.append(Note("servers", f"only the first is loaded; the others: {others}{more}"))
        self._root, self._path = self._parts(options, operations)
        self.base_url = self._root + self._path

    def _parts(self, options: ImportOptions, operations: Sequence[Operation]) -> tuple[str, str]:
        """What all paths of the own host have in common, and what they have only without a server of their own."""
        own = self._own
        if options.base_url is not None:
            base = options.base_url.rstrip("/")
            path = urlsplit(base).path or ("" if own.origin else own.path)
            return without_password(base[: len(base) - len(urlsplit(base).path)], self._variables), path
        if not own.origin:
            return f"${{BASE_URL:-{DEFAULT_URL}}}", own.path
        whole = own.url.rstrip("/")
        root = whole[: len(whole) - len(own.path)]
        secret = without_password(root, self._variables)
        if secret != root:
            return secret, own.path  # a default of a variable holds no variable
        if any(self._on_own_host(server) for one in operations if (server := _own_server(one)) is not None):
            return f"${{BASE_URL:-{root}}}", own.path
        return f"${{BASE_URL:-{whole}}}", ""

    def _on_own_host(self, server: _Server) -> bool:
        return server.mistake is None and server.origin in ("", self._own.origin) and server.path != self._own.path

    def refuse_others(self, operation: Operation) -> None:
        """UnfillableError where an operation is on a host of somebody else: nobody asked its owner."""
        if self.is_others(operation):
            server = _own_server(operation)
            host = urlsplit(server.url).hostname if server is not None else ""
            raise UnfillableError(f"its server is on {host}, which is not the host of the service, nor its owner's")

    def is_others(self, operation: Operation) -> bool:
        """Whether an operation has a server of its own on a host of somebody else."""
        server = _own_server(operation)
        return server is not None and bool(server.origin) and not belongs(server.url, self._own.url)

    def address(self, operation: Operation) -> tuple[str, str]:
        """What stands before the path of an operation with a server of its own, and before its name; else nothing."""
        server = _own_server(operation)
        if server is None:
            return "", ""
        if server.mistake:
            what = f"its server {_bounded(server.shown)} cannot be used: {server.mistake}; it goes to base_url"
            note = Note(operation.where, what)
            if note not in self.notes:
                self.notes.append(note)
            return "", ""
        if self._on_own_host(server):
            return self._root + server.path, server.path
        if server.origin in ("", self._own.origin):
            return "", ""
        return self._elsewhere(server), server.origin + server.path

    def _elsewhere(self, server: _Server) -> str:
        """The URL of another host, whose password is none of ours."""
        userinfo, at, host = urlsplit(server.url).netloc.rpartition("@")
        user, _, password = userinfo.partition(":")
        if password:
            user += ":" + self._variables.reference(f"PASSWORD_{host}", f"the password for {host}")
        return f"{urlsplit(server.url).scheme}://{user}{at}{host}{server.path}"

    def closing(self, plan: Json, steps: Iterable[Json]) -> list[Note]:
        """Say which other hosts steps go to, and let the plan load them, unless the user names the target."""
        counts: dict[str, int] = {}
        for step in steps:
            path = str(step["path"])
            host = urlsplit(path).hostname if path.startswith(("http://", "https://")) else None
            if host and not path.startswith(self._root + "/"):
                counts[host] = counts.get(host, 0) + 1
        if not counts:
            return []
        notes = []
        for host, count in counts.items():
            goes, them = ("1 request goes", "it") if count == 1 else (f"{count} requests go", "them")
            what = f"{goes} to this host, as the document has a server of its own for {them}"
            if self._is_given:
                what = (
                    f"{goes} there still, and not to --url; the plan does not allow it: write another path, or name the"
                    " host in allowed_hosts"
                )
            notes.append(Note(host, what))
        own = urlsplit(self._own.url).hostname
        if not self._is_given:
            plan["allowed_hosts"] = sorted({*counts, *([own] if own else [])})
        return notes


def _most_named(operations: Iterable[Operation]) -> _Server:
    """The server that most operations have of their own, where the document names none for all; else nothing."""
    named = [server for one in operations if (server := _own_server(one)) is not None and server.origin]
    return max(named, key=named.count, default=_Server("", ""))


def _own_server(operation: Operation) -> _Server | None:
    """The first server of an operation, or of its path."""
    for place in (operation.place, operation.item):
        server = next(place.at("servers").elements(), None)
        if server is not None:
            return _server(server)
    return None


def _server(place: Place) -> _Server:
    """A server object, with the defaults of its variables."""
    written = url = place.text("url").strip()
    for name, variable in place.at("variables").items():
        default = variable.at("default").value
        is_one = isinstance(default, str | int) and not isinstance(default, bool)
        url = url.replace("{" + name + "}", str(default)) if is_one else url
    if "{" in url or "}" in url:
        return _Server(written, "", "it has a variable without a default")
    if url.startswith("//"):
        url = f"https:{url}"
    if "://" not in url:
        path = url.lstrip("/.").partition("?")[0].partition("#")[0]
        return _Server(written, quote(f"/{path}", safe=_PATH_CHARACTERS).rstrip("/"))
    mistake = url_mistake(url)
    if mistake is None and (urlsplit(url).port == 0 or "?" in url or "#" in url):
        mistake = "its URL goes beyond a path, or has port 0"
    return _Server(written, url if mistake is None else "", mistake)


def _bounded(url: str) -> str:
    """For people: without a password, on one line."""
    shown = "".join(one for one in mask_url_password(url) if one.isprintable())
    return shown if len(shown) <= _MOST_CHARACTERS else shown[:_MOST_CHARACTERS] + "…"
