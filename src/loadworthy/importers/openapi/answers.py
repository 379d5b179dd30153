"""What the documented answers hold: where the identifier of a new thing is, or of one in a list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loadworthy.importers.openapi.reader import Operation, Place, Reader, UnfillableError
from loadworthy.importers.openapi.schemas import Schema, Schemas
from loadworthy.importers.openapi.text import snake
from loadworthy.importers.openapi.things import Named, singular

_WRAPPERS = ("data", "result", "results", "items", "content", "records", "values", "rows", "entries", "list", "objects")
_COMMON_KEYS = ("id", "uuid", "_id", "key", "guid")
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json")


@dataclass(frozen=True, slots=True)
class Found:
    """Where an answer has an identifier.

    Args:
        source: a JSON path.
        is_described: whether the document says so, rather than that it is usual.
    """

    source: str
    is_described: bool


class Answers:
    """What the documented answers hold."""

    def __init__(self, reader: Reader, schemas: Schemas) -> None:
        self._reader = reader
        self._schemas = schemas

    def statuses(self, operation: Operation) -> list[int]:
        """The documented 2xx."""
        codes = [code for code, _ in operation.place.at("responses").items() if re.fullmatch(r"2\d\d", code)]
        return sorted(int(code) for code in codes)

    def schema(self, operation: Operation) -> tuple[bool, Schema | None]:
        """Whether a good answer may be JSON, and its schema where there is one that says something."""
        may_be_json = False
        for code, place in operation.place.at("responses").items():
            if not re.fullmatch(r"2(\d\d|XX)", code):
                continue
            for kind, content in self.contents(place):
                if not _JSON.match(kind):
                    continue
                may_be_json = True
                schema = self._first(content.at("schema"))
                if schema is not None and (schema.data.get("properties") or schema.items().value):
                    return True, schema
        return may_be_json, None

    def contents(self, answer: Place) -> list[tuple[str, Place]]:
        """The media types of a documented answer; none where it cannot be read."""
        try:
            return list(self._reader.resolve(answer).at("content").items())
        except UnfillableError:
            return []

    def created(self, operation: Operation, named: Named) -> Found | None:
        """Where the answer to a create has the new thing's identifier."""
        may_be_json, schema = self.schema(operation)
        if schema is None:
            return _usual(named) if may_be_json else None
        return self._within(schema, "$", named, 2)

    def listed(self, operation: Operation, named: Named) -> Found | None:
        """Where the answer to a listing has the identifier of the first thing."""
        may_be_json, schema = self.schema(operation)
        if schema is None:
            return _usual(named) if may_be_json else None
        return self._in_list(schema, "$", named)

    def property_path(self, schema: Schema, names: Iterable[str], depth: int = 2) -> str | None:
        """The path of the first property with one of these names, in lower case and without signs."""
        wanted = [_bare(name) for name in names]
        by_name = {_bare(name): name for name in reversed(schema.properties())}
        for name in wanted:
            if name in by_name:
                return _below("$", by_name[name])
        if depth > 1:
            for name, place in schema.properties().items():
                inner = self._first(place, schema.trail)
                found = self.property_path(inner, names, depth - 1) if inner is not None else None
                if found:
                    return _below("$", name) + found[1:]
        return None

    def _within(self, schema: Schema, path: str, named: Named, depth: int) -> Found | None:
        properties = schema.properties()
        by_name = {_bare(name): name for name in reversed(properties)}
        for name in keys_of(named):
            if _bare(name) in by_name and self._is_one_value(properties[by_name[_bare(name)]], schema):
                return Found(_below(path, by_name[_bare(name)]), True)
        if depth < 2:
            return None
        for name in sorted(properties, key=lambda one: singular(one) not in (named.noun, *_WRAPPERS)):
            inner = self._first(properties[name], schema.trail)
            if inner is not None and inner.kind == "object":
                found = self._within(inner, _below(path, name), named, depth - 1)
                if found:
                    return found
        return None

    def _is_one_value(self, place: Place, parent: Schema) -> bool:
        """Whether it can stand in a path: the ``owner`` of an answer may be all that is known of the owner."""
        schema = self._first(place, parent.trail)
        return schema is None or schema.kind not in ("object", "array")

    def _in_list(self, schema: Schema, path: str, named: Named, depth: int = 3) -> Found | None:
        if schema.kind == "array":
            element = self._first(schema.items(), schema.trail)
            if element is None or not element.properties():
                return None
            return self._within(element, f"{path}[0]", named, 1)
        if depth == 0:
            return None
        properties = schema.properties()
        for name in sorted(properties, key=lambda one: singular(one) not in (named.noun, *map(singular, _WRAPPERS))):
            inner = self._first(properties[name], schema.trail)
            found = self._in_list(inner, _below(path, name), named, depth - 1) if inner is not None else None
            if found:
                return found
        return None

    def _first(self, place: Place, trail: tuple[str, ...] = ()) -> Schema | None:
        if not isinstance(place.value, Mapping):
            return None
        try:
            return self._schemas.first(place, trail)
        except UnfillableError:
            return None


def keys_of(named: Named) -> list[str]:
    """What the property that identifies a thing may be called, the likeliest first."""
    names = [named.variable, named.key, *(_COMMON_KEYS if named.key in _COMMON_KEYS else ())]
    return list(dict.fromkeys(names))


def _usual(named: Named) -> Found:
    """The first identifier anywhere in an answer that is not described."""
    names = [name for name in keys_of(named) if name in (named.variable, named.key)]
    if named.key not in _COMMON_KEYS:
        return Found(f"$..{named.key}" if len(names) < 2 else _any_of(names), False)
    return Found(_any_of(names), False)


def _any_of(names: Iterable[str]) -> str:
    return f"$..[{', '.join(repr(name) for name in names)}]"


def _bare(name: str) -> str:
    return snake(name).replace("_", "")


def _below(path: str, name: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return f"{path}.{name}"
    return f"{path}['{name}']" if re.fullmatch(r"[\w .:@/-]+", name) else f"{path}.*"
