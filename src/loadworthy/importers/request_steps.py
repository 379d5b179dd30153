"""The step of a plan that a request becomes, and the plan around its steps.

What varies is decided by a *filler*: a function that is asked for each value of a request, with its
:class:`~loadworthy.importers.requests.Site`, and says what the plan has there. The plainest one keeps values as they
are; others put credentials or extracted values in their places.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from loadworthy.importers.imported import Json, Note
from loadworthy.importers.requests import (
    Filler,
    Marks,
    Place,
    RecordedRequest,
    Site,
    has_mark,
    is_below,
    json_of,
    pairs_of,
)

LOAD: Json = {"users": 5, "run_time": "1m", "thresholds": ["p95 < 500ms", "error_rate < 1%"]}
"""The workload of a plan that is made from something that says none."""

_FORM = "application/x-www-form-urlencoded"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
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
        if headers:
            step["headers"] = headers
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
        """A value as the plan writes it; marks win over whatever the filler would say."""
        if isinstance(value, str) and has_mark(value):
            return self.marks.resolved(value)
        return self.fill(site, value)

    def headers(self, request: RecordedRequest, *, sent_by_itself: str = "") -> dict[str, str]:
        """The headers, without the type of the body where the client says it by itself."""
        kept: dict[str, str] = {}
        for name, value in request.headers:
            is_said = name.lower() == "content-type" and value.split(";")[0].strip().lower() == sent_by_itself
            if is_said:
                continue
            if _TOKEN.fullmatch(name) and not _CONTROL.search(value):
                kept.setdefault(name, self.text(Site("header", (name,)), value))
            else:
                shown = "".join(one for one in name[:40] if one.isprintable())
                self.notes.append(Note(request.where, f"HTTP does not allow its header {shown}; it is left out"))
        return kept

    def _body(self, request: RecordedRequest) -> Json:
        if not request.body:
            return {}
        mime = request.mime.split(";")[0].strip().lower()
        if mime == "application/json" or mime.endswith("+json"):
            value = json_of(request.body)
            if value is not None:
                return {"json": self.json(value)}
        if mime == _FORM:
            pairs = pairs_of(request.body)
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


def common_headers(steps: Sequence[Json]) -> dict[str, str]:
    """The headers that all requests have, taken out of the steps; only where there are several requests.

    What is opened beside them (a WebSocket, a stream of events) then has them, too.
    """
    requests = [step for step in steps if "path" in step]
    shared = dict(requests[0].get("headers", {})) if len(requests) > 1 else {}
    for step in requests:
        own = step.get("headers", {})
        shared = {name: value for name, value in shared.items() if own.get(name) == value}
    for one in (step.get("websocket") or step.get("events") or step for step in steps):
        if shared and "headers" in one:
            one["headers"] = {name: value for name, value in one["headers"].items() if shared.get(name) != value}
            if not one["headers"]:
                del one["headers"]
    return shared


def plan_of(base_url: str, scenario: str, behaviour: Json, steps: Iterable[Json], **top: Any) -> Json:
    """The plan: the behaviour of one scenario under the workload that people start from."""
    holders = [step.get("websocket") or step.get("events") or step for step in steps]
    addresses = [path for one in holders if not (path := str(one.get("path", ""))).startswith("/")]
    plan: Json = {"base_url": base_url, **top, "scenarios": {scenario: {**LOAD, **behaviour}}}
    own, *others = (_host(address) for address in (base_url, *addresses))
    if own and any(others):
        plan["allowed_hosts"] = sorted({own, *(host for host in others if host)})
    return plan


def no_login(pattern: str) -> str:
    """What is said where the login that the user names is not there, or nothing comes after it."""
    shown = "".join(one for one in pattern[:60] if one.isprintable())
    return f"no request before others is {shown}; nothing is done once"


def used_variables(plan: Json, told: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that the plan asks for, of those that were made on the way."""
    text = json.dumps(plan, ensure_ascii=False)
    return {name: what for name, what in told.items() if f"${{{name}}}" in text}


def _host(address: str) -> str:
    """The host of a URL; empty where a variable or a template says it."""
    host = urlsplit(address).hostname or ""
    return host if re.fullmatch(r"[\w.:-]+", host) else ""


def _type_of(body: Json) -> str:
    """The Content-Type that the client gives the body by itself."""
    if "json" in body:
        return "application/json"
    return _FORM if "form" in body else ""


def _named(before: str, after: str) -> str:
    return "[id]" if "{{" in after or "${" in after or _GENERATED.fullmatch(before) else before
