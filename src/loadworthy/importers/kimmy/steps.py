"""The requests of a ``config.json`` as steps of a plan, and its texts without credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from loadworthy.importers.imported import Json, Note, Variables, literal, literal_data
from loadworthy.importers.only import is_wanted
from loadworthy.plan.places import looks_secret

VALUES = "values"
"""The test data that fills the placeholders of paths."""

_ENDPOINT = ("path", "method", "weight", "body", "json", "data", "headers", "params", "query", "name", "description")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_WITH_BODY = ("POST", "PUT", "PATCH")
_PLACEHOLDER = re.compile(r"(?<![${])\{+(\w+)\}+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(?::-[^}]*)?\}")


class StepsMaker:
    """Turns endpoints into steps, and keeps the notes, the variables and the placeholders of paths.

    Args:
        only: patterns of the requests that are carried over.
    """

    def __init__(self, only: Sequence[str]) -> None:
        self._only = only
        self.notes: list[Note] = []
        self.variables = Variables()
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
        parts, at = [], 0
        for match in _VARIABLE.finditer(text):
            parts += [literal(text[at : match.start()]), match[0]]
            at = match.end()
            if ":-" not in match[0]:
                self.variables.told.setdefault(match[1], "the configuration asks for it")
        return "".join([*parts, literal(text[at:])])

    def secret(self, name: str, value: object, what: str) -> str:
        """A variable in place of a credential; one that the configuration has already stays, without its default."""
        match = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            return self.variables.reference(name, what)
        self.variables.told.setdefault(match[1], what)
        return f"${{{match[1]}}}"

    def headers(self, headers: Json, where: str) -> Json:
        """Headers as a plan has them; what cannot be sent is left out."""
        result = {}
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name) or isinstance(value, dict | list) or _CONTROL.search(str(value)):
                self.note(where, f"the header {name[:40]} cannot be sent as it stands; it is left out")
            elif looks_secret(name):
                result[name] = self.secret(name, value, f"the header {name}")
            else:
                result[name] = self.text(str(value))
        return result

    def steps(self, scenario: str, endpoints: object) -> Iterator[Json]:
        """A step for each endpoint that can be carried over; the others are noted."""
        if isinstance(endpoints, dict):
            endpoints = [{"path": path, **spec} for path, spec in endpoints.items() if isinstance(spec, dict)]
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
        step: Json = {"path": self._filled(path)}
        if method != "GET":
            step["method"] = method
        if _PLACEHOLDER.search(path):
            step["name"] = literal(_PLACEHOLDER.sub(r"[\1]", path))
        weight = spec.get("weight", 1)
        if is_number(weight) and 0 < weight < 10**9:
            step |= {"weight": weight} if weight != 1 else {}
        else:
            self.note(where, "its weight is no number above 0; it is 1")
        query = spec.get("query", spec.get("params"))
        if isinstance(query, dict):
            step["query"] = self._without_secrets(self._sendable(query, where), where)
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
        parts, at = [], 0
        for match in _PLACEHOLDER.finditer(path):
            parts += [self.text(path[at : match.start()]), f"{{{{ {_column(match[1])} }}}}"]
            at = match.end()
            self.placeholders.setdefault(match[1], "2030-01-15" if "date" in match[1].lower() else 1)
        return "".join([*parts, self.text(path[at:])])

    def _body(self, where: str, method: str, spec: Json) -> Json:
        body = next((spec[key] for key in ("body", "json", "data") if spec.get(key) is not None), None)
        if isinstance(body, dict | list):
            return {"json": self._without_secrets(body, where)}
        if isinstance(body, str):
            what = f"its body is made by code ({body[:40]}) that a config.json does not hold; write it as json"
            self.note(where, what)
            return {"json": {}}
        if body is None and method in _WITH_BODY:
            self.note(where, "it has no body; write one as json if the service wants one")
        return {} if body is None else {"json": body}

    def _without_secrets(self, value: Any, where: str) -> Any:
        if isinstance(value, dict):
            return {
                str(key): self.secret(str(key), item, f"{where}: {key}")
                if looks_secret(str(key)) and isinstance(item, str)
                else self._without_secrets(item, where)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._without_secrets(item, where) for item in value]
        return literal_data(value)


def _column(name: str) -> str:
    """How a template names a column; a row has methods of its own, which go first behind a dot."""
    return f"{VALUES}.{name}" if name.isidentifier() and not hasattr(dict, name) else f"{VALUES}['{name}']"


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number, and no flag."""
    return isinstance(value, int | float) and not isinstance(value, bool)
