"""The step of a plan that a request becomes.

What varies is decided by a *filler*: a function that is asked for each value of a request, with its
:class:`~loadworthy.importers.requests.Site`, and says what the plan has there. The plainest one keeps values as they
are; others put credentials or extracted values in their places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from loadworthy.importers.form_parts import FormWriter, not_at_hand
from loadworthy.importers.imported import Json, Note
from loadworthy.importers.marks import Marks, has_mark
from loadworthy.importers.named_secrets import is_secret_header
from loadworthy.importers.requests import (
    FORM,
    MULTIPART,
    Filler,
    Place,
    RecordedRequest,
    Site,
    is_below,
    is_header,
    json_of,
    pairs_of,
)

_SINGLE_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "content-type", "user-agent", "referer", "origin", "date", "from", "range"}
    | {"if-modified-since", "if-unmodified-since", "if-range", "max-forwards", "content-location"}
)
"""Headers that are no lists: of several, no value can be told from the others (RFC 9110, 5.3)."""
_GENERATED = re.compile(r"\d+|[0-9a-fA-F]{8,}|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|(?=.*\d)[A-Za-z0-9_-]{16,}")


@dataclass(slots=True)
class StepMaker:
    """Makes steps of requests.

    Args:
        fill: what stands in place of each value.
        base_url: what paths are below; requests to other origins keep their whole URL.
        marks: of the values that are not known yet.
        notes: gets what cannot be sent.
    """

    fill: Filler
    base_url: str
    marks: Marks = field(default_factory=Marks)
    notes: list[Note] = field(default_factory=list)

    def step(self, request: RecordedRequest) -> Json:
        """The step: ``path`` and, where they are not the default, ``method``, ``name``, ``query``, headers and body."""
        step = self.address(request)
        if request.method != "GET":
            step["method"] = request.method
        body = self._body(request)
        headers = self.headers(request, sent_by_itself=_type_of(body))
        is_said = (
            "multipart" in body
            or _essence(request.mime) in ("", _type_of(body))
            or "content-type" in map(str.lower, headers)
        )
        if body and not is_said and is_header("Content-Type", request.mime):
            headers["Content-Type"] = self.text(Site("header", ("Content-Type",)), request.mime)
        if headers:
            step["headers"] = headers
            self._tell_of_credentials(request, headers)
        operation = body["json"].get("operationName") if isinstance(body.get("json"), dict) else None
        if isinstance(operation, str) and re.fullmatch(r"\w{1,60}", operation):
            # All of GraphQL goes to one path; its operations are series of their own.
            step["name"] = f"{step.get('name', step['path'])} {operation}"
        return {**step, **body}

    def address(self, request: RecordedRequest) -> Json:
        """``path``, ``name`` where ids are in the path, and ``query``."""
        parts = request.parts
        below = is_below(request.url, self.base_url)
        prefix = "" if below else self.marks.resolved(request.origin)
        own = parts.path[len(urlsplit(self.base_url).path.rstrip("/")) :] if below else parts.path
        segments = (own or "/").split("/")
        filled = [self.segment(segments, index) for index in range(len(segments))]
        named = [_named(before, after) for before, after in zip(segments, filled, strict=True)]
        pairs = pairs_of(parts.query)
        step: Json = {"path": prefix + "/".join(filled)}
        if parts.query and pairs is None:
            step["path"] += "?" + self.text(Site("query"), parts.query)
        if named != segments or named != filled or (parts.query and pairs is None):
            step["name"] = prefix + "/".join(named)
        if pairs:
            step["query"] = self._grouped("query", pairs)
        return step

    def segment(self, segments: Sequence[str], index: int) -> str:
        """What the plan has for one part of a path."""
        if not segments[index]:
            return ""
        before = segments[index - 1] if index else ""
        return self.text(Site("path", (before,)), segments[index])

    def text(self, site: Site, value: str) -> str:
        """A value as the plan writes it, where only texts can stand."""
        return str(self.value(site, value))

    def value(self, site: Site, value: Any) -> Any:
        """A value as the plan writes it, with what its marks stand for."""
        filled = self.fill(site, value)
        return self.marks.put_in(filled) if isinstance(filled, str) else filled

    def headers(self, request: RecordedRequest, *, sent_by_itself: str = "") -> dict[str, str]:
        """The headers, without the type of the body where the client says it by itself."""
        kept: dict[str, tuple[str, list[str]]] = {}
        for name, value in request.headers:
            if name.lower() == "content-type" and sent_by_itself in (_essence(value), MULTIPART):
                continue
            if is_header(name, value):
                _, values = kept.setdefault(name.lower(), (name, []))
                values += [value] if value not in values else []
            else:
                shown = "".join(one for one in name[:40] if one.isprintable())
                self.notes.append(Note(request.where, f"HTTP does not allow its header {shown}; it is left out"))
        return {
            name: self.text(Site("header", (name,)), self._one(request, name, values)) for name, values in kept.values()
        }

    def _one(self, request: RecordedRequest, name: str, values: Sequence[str]) -> str:
        """The value of a header, which plans have once."""
        if name.lower() == "cookie":
            return "; ".join(values)
        is_single = name.lower() in _SINGLE_HEADERS
        if len(values) > 1:
            what = "only the first" if is_single else "all values in one, with commas"
            self.notes.append(Note(request.where, f"its header {name} stands more than once; the plan sends {what}"))
        return values[0] if is_single else ", ".join(values)

    def _tell_of_credentials(self, request: RecordedRequest, headers: Mapping[str, str]) -> None:
        """Say where credentials go to a host that only the environment knows."""
        secret = [name for name in headers if is_secret_header(name)]
        if secret and has_mark(request.origin) and not is_below(request.url, self.base_url):
            host = self.marks.resolved(request.origin)
            what = f"it goes to {host} with its header {', '.join(secret)}: see that this is your own service"
            self.notes.append(Note(request.where, what))

    def _body(self, request: RecordedRequest) -> Json:
        if request.form:
            self.notes += not_at_hand(request.form, request.where)
            return {"multipart": FormWriter(self.text, self.json, self.marks.named).written(request.form)}
        if not request.body:
            return {}
        mime = _essence(request.mime)
        # Whatever its type says: only in data can credentials and extracted values be told from all else.
        is_json = mime == "application/json" or mime.endswith("+json") or request.body.lstrip()[:1] in ("{", "[")
        value = json_of(request.body) if is_json else None
        if value is not None:
            return {"json": self.json(value)}
        pairs = pairs_of(request.body) if mime == FORM else None
        if pairs:
            return {"form": self._grouped("form", pairs)}
        return {"body": self.text(Site("body"), request.body)}

    def json(self, value: Any, keys: tuple[str, ...] = ()) -> Any:
        """JSON with each of its values filled."""
        if isinstance(value, dict):
            return {self.marks.named(key): self.json(item, (*keys, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.json(item, keys) for item in value]
        return self.value(Site("json", keys), value)

    def _grouped(self, place: Place, pairs: Iterable[tuple[str, str]]) -> Json:
        grouped: dict[str, list[str]] = {}
        for name, value in pairs:
            grouped.setdefault(self.marks.named(name), []).append(self.text(Site(place, (name,)), value))
        return {name: values[0] if len(values) == 1 else values for name, values in grouped.items()}


def _type_of(body: Json) -> str:
    """The Content-Type that the client gives the body by itself."""
    if "json" in body:
        return "application/json"
    return FORM if "form" in body else MULTIPART if "multipart" in body else ""


def _essence(mime: str) -> str:
    """A media type without its parameters."""
    return mime.partition(";")[0].strip().lower()


def _named(before: str, after: str) -> str:
    return "[id]" if "{{" in after or "${" in after or _GENERATED.fullmatch(before) else before
