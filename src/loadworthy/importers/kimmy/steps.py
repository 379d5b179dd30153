"""The requests of a ``config.json`` as steps of a plan, and its texts without credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from loadworthy.importers.imported import Json, Note, Variables, literal
from loadworthy.importers.marks import Marks, unmarked
from loadworthy.importers.named_secrets import is_secret_header, is_secret_name
from loadworthy.importers.only import is_wanted
from loadworthy.importers.request_credentials import Credentials
from loadworthy.importers.requests import Place, Site, is_header, json_of

VALUES = "values"
"""The test data that fills the placeholders of paths."""

_ENDPOINT = ("path", "method", "weight", "body", "json", "data", "headers", "params", "query", "name", "description")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_WITH_BODY = ("POST", "PUT", "PATCH")
_PLACEHOLDER = re.compile(r"(?<![${])\{+(\w+)\}+")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\}")


class StepsMaker:
    """Turns endpoints into steps, and keeps the notes, the variables and the placeholders of paths.

    Args:
        only: patterns of the requests that are carried over.
    """

    def __init__(self, only: Sequence[str]) -> None:
        self._only = only
        self.notes: list[Note] = []
        self.variables = Variables()
        self.credentials = Credentials(self.variables)
        self._marks = Marks()
        self.descriptions = 0
        """How many endpoints are described, which plans do not do."""
        self.placeholders: dict[str, object] = {}

    def note(self, where: str, what: str) -> None:
        """Say what the plan does otherwise."""
        self.notes.append(Note(where, what))

    def about_the_rest(self, data: Mapping[str, Any], known: Sequence[str], where: str) -> None:
        """A note for each key that nothing is made of."""
        for key in data:
            if key not in known and not str(key).startswith(("_", "$")):
                self.note(f"{where}.{key}" if where else str(key), "the plan has nothing for it; it is left out")

    def text(self, text: str) -> str:
        """A text whose variables stay variables; they are told where they have no default."""
        return self._marks.resolved(self._marked(text))

    def said(self, site: Site, value: Any) -> Any:
        """What the plan has for a value that is sent: credentials become variables; variables stay, but in data."""
        if not isinstance(value, str):
            return self.credentials(site, value)
        whole = _VARIABLE.fullmatch(value)
        is_named = is_secret_header if site.place == "header" else is_secret_name
        if whole is not None and site.place != "path" and any(map(is_named, site.keys)):
            return self.secret(site.key, value, f"the {site.key} that is sent")
        is_data = site.place in ("json", "query", "body")
        return self._marks.put_in(str(self.credentials(site, unmarked(value) if is_data else self._marked(value))))

    def _marked(self, text: str) -> str:
        """The text with marks for its variables."""

        def mark(match: re.Match[str]) -> str:
            if ":-" not in match[0]:
                self.variables.told.setdefault(match[1], "the configuration asks for it")
            elif is_secret_name(match[1]):
                return self._marks.mark(self.secret(match[1], match[0], "the configuration asks for it"))
            return self._marks.mark(match[0])

        return _VARIABLE.sub(mark, unmarked(text))

    def secret(self, name: str, value: object, what: str) -> str:
        """A variable in place of a credential; one that the configuration has already stays, without its default."""
        match = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            reference = self.variables.reference(name, what)
            self.credentials.found.setdefault(str(value), reference)
            return reference
        self.variables.told.setdefault(match[1], what)
        return f"${{{match[1]}}}"

    def headers(self, headers: Json, where: str) -> Json:
        """Headers as a plan has them; what cannot be sent is left out."""
        result = {}
        for name, value in headers.items():
            if isinstance(value, dict | list) or not is_header(name, str(value)):
                self.note(where, f"the header {name[:40]} cannot be sent as it stands; it is left out")
            else:
                result[name] = self.said(Site("header", (name,)), str(value))
        return result

    def steps(self, scenario: str, endpoints: object) -> Iterator[Json]:
        """A step for each endpoint that can be carried over; the others are noted."""
        if isinstance(endpoints, dict):
            endpoints = [_endpoint(path, spec) for path, spec in endpoints.items()]
        for number, given in enumerate(endpoints if isinstance(endpoints, list) else [], 1):
            spec = {"path": given} if isinstance(given, str) else given
            where = f"{scenario}, endpoint {number}"
            path = spec.get("path") if isinstance(spec, dict) else None
            method = str(spec.get("method", "GET")).upper() if isinstance(spec, dict) else ""
            if not isinstance(path, str) or not path.startswith("/"):
                self.note(where, "it has no path that begins with /; it is left out")
            elif method not in _METHODS:
                self.note(where, f"its method {method} is none that a plan has; it is left out")
            elif not is_wanted(self._only, method, path):
                self.note(f"{scenario}: {method} {path}", "--only does not ask for it; it is left out")
            else:
                yield self._step(f"{scenario}: {method} {path}", path, method, spec)

    def _step(self, where: str, path: str, method: str, spec: Json) -> Json:
        self.about_the_rest(spec, _ENDPOINT, where)
        self.descriptions += "description" in spec
        step: Json = {"path": self._filled(path)}
        if method != "GET":
            step["method"] = method
        name = spec.get("name")
        if isinstance(name, str) and name.strip():
            step["name"] = self.text(name)
        elif _PLACEHOLDER.search(path) or "?" in path:
            step["name"] = literal(_PLACEHOLDER.sub(r"[\1]", path.partition("?")[0]))
        weight = spec.get("weight", 1)
        if is_number(weight) and 0 < weight < 10**9:
            step |= {"weight": weight} if weight != 1 else {}
        else:
            self.note(where, "its weight is no number above 0; it is 1")
        query = spec.get("query", spec.get("params"))
        if isinstance(query, dict):
            step["query"] = self._filled_data("query", self._sendable(query, where))
        if isinstance(spec.get("headers"), dict):
            step["headers"] = self.headers(spec["headers"], where)
        return step | self._body(where, method, spec)

    def _sendable(self, query: Json, where: str) -> Json:
        """The parameters whose values are plain, or lists of plain ones."""
        result = {}
        for name, value in query.items():
            items = value if isinstance(value, list) else [value]
            if items and all(isinstance(item, str | int | float) for item in items):
                result[name] = value
            else:
                self.note(where, f"the parameter {name[:40]} has no value that a query can hold; it is left out")
        return result

    def _filled(self, path: str) -> str:
        """The path with its placeholders as columns of test data."""

        def mark(match: re.Match[str]) -> str:
            self.placeholders.setdefault(match[1], "2030-01-15" if "date" in match[1].lower() else 1)
            return self._marks.mark(f"{{{{ {_column(match[1])} }}}}")

        beyond, question, query = _PLACEHOLDER.sub(mark, self._marked(path)).partition("?")
        filled = str(self.credentials(Site("path"), beyond)) + question
        return self._marks.put_in(filled + (str(self.credentials(Site("query"), query)) if query else ""))

    def _body(self, where: str, method: str, spec: Json) -> Json:
        body = next((spec[key] for key in ("body", "json", "data") if spec.get(key) is not None), None)
        if isinstance(body, dict | list):
            return {"json": self._filled_data("json", body)}
        if isinstance(body, str) and (data := json_of(body)) is not None:
            return {"json": self._filled_data("json", data)}
        if isinstance(body, str) and not re.fullmatch(r"\w{0,60}", body):
            return {"body": self.said(Site("body"), body)}
        if isinstance(body, str):
            what = f"its body is made by code ({body[:40]}) that a config.json does not hold; write it as json"
            self.note(where, what)
            return {"json": {}}
        if body is None and method in _WITH_BODY:
            self.note(where, "it has no body; write one as json if the service wants one")
        return {} if body is None else {"json": self._filled_data("json", body)}

    def _filled_data(self, place: Place, value: Any, keys: tuple[str, ...] = ()) -> Any:
        if isinstance(value, dict):
            return {str(key): self._filled_data(place, item, (*keys, str(key))) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled_data(place, item, keys) for item in value]
        return self.said(Site(place, keys), value)


def _endpoint(path: str, spec: object) -> object:
    """An endpoint of a mapping of paths: what is said of it, or its weight or method alone."""
    if isinstance(spec, dict):
        return {"path": path, **spec}
    if isinstance(spec, str):
        return {"path": path, "method": spec}
    return path if spec is None else {"path": path, "weight": spec}


def _column(name: str) -> str:
    """How a template names a column; a row has methods of its own, which go first behind a dot."""
    return f"{VALUES}.{name}" if name.isidentifier() and not hasattr(dict, name) else f"{VALUES}['{name}']"


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number, and no flag."""
    return isinstance(value, int | float) and not isinstance(value, bool)
