"""Schemas of OpenAPI 3.0 and 3.1, made simple: one mapping without ``$ref``, ``allOf``, ``oneOf`` and ``anyOf``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loadworthy.importers.imported import Json
from loadworthy.importers.openapi.reader import Place, Reader, UnfillableError

MAX_NESTING = 12
_MOST_OPTIONS = 8
_MOST_TRIED = 2_000
"""Schemas that are looked at for one question."""
_MOST_TRIED_IN_ALL = 300_000
_MOST_CHARACTERS = 300
_MOST_NUMBER = 1e300
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("enum", "required"), list),
    **dict.fromkeys(("pattern", "format"), str),
    "properties": Mapping,
    "additionalProperties": (bool, Mapping),
}
_COMBINED = ("allOf", "oneOf", "anyOf")
_HINTS = (
    ("object", ("properties", "additionalProperties", "required", "minProperties")),
    ("array", ("items", "prefixItems", "minItems", "uniqueItems")),
    ("string", ("pattern", "minLength", "maxLength", "format")),
    ("number", ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")),
)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema with its references followed and its parts put together.

    Args:
        data: the keywords. Schemas below them are as they stand in the document.
        pointer: where it stands.
        trail: pointers of the schemas that it stands in, for cycles.
    """

    data: Json
    pointer: str
    trail: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``object``, ``array``, ``string``, ``integer``, ``number``, ``boolean``, ``null``, or empty: anything."""
        kinds = self.kinds()
        if kinds:
            return next((kind for kind in kinds if kind != "null"), "null")
        return next((kind for kind, hints in _HINTS if any(hint in self.data for hint in hints)), "")

    def kinds(self) -> list[str]:
        """All types that the schema names, ``null`` of 3.0's ``nullable`` among them."""
        named = self.data.get("type")
        kinds = [kind for kind in (named if isinstance(named, list) else [named]) if isinstance(kind, str)]
        return [*kinds, "null"] if self.data.get("nullable") is True and kinds else kinds

    def properties(self) -> dict[str, Place]:
        """The schemas of its properties."""
        return dict(Place(self.data.get("properties"), f"{self.pointer}/properties").items())

    def required(self) -> list[str]:
        """The names of properties that must be there."""
        names = self.data.get("required")
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

    def items(self) -> Place:
        """The schema of its elements; the value is None where it has none."""
        return Place(self.data.get("items"), f"{self.pointer}/items")


class Schemas:
    """Simplifies schemas."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._tried = 0
        self._may_try = 0
        self._hopeless: set[str] = set()

    def options(self, place: Place, trail: tuple[str, ...] = ()) -> list[Schema]:
        """The ways to fulfil it, the first ones of ``oneOf`` and ``anyOf`` first; ``null`` never comes before others.

        Raises:
            UnfillableError: nothing does, or it holds itself without end.
        """
        self._may_try = self._tried + _MOST_TRIED
        found: list[Schema] = []
        try:
            for data, pointer, inside in self._options(place, trail):
                found.append(Schema(data, pointer, inside))
                if len(found) == _MOST_OPTIONS:
                    break
        finally:
            if self._tried > self._may_try:
                self._hopeless.add(self.reader.resolve(place).pointer)
        if not found:
            reason = _too_many(place) if self._tried > self._may_try else f"no value fits {place.pointer}"
            raise UnfillableError(reason)
        return sorted(found, key=lambda one: one.kind == "null")

    def first(self, place: Place, trail: tuple[str, ...] = ()) -> Schema:
        """The first way."""
        return self.options(place, trail)[0]

    def _options(self, place: Place, trail: tuple[str, ...]) -> Iterator[tuple[Json, str, tuple[str, ...]]]:
        # What is tried doubles with each level of a few lines: choices of the same, parts that share their bases.
        self._tried += 1
        if self._tried > min(self._may_try, _MOST_TRIED_IN_ALL):
            raise UnfillableError(_too_many(place))
        if place.value is True or place.value is None:
            yield {}, place.pointer, trail
            return
        if place.value is False:
            return
        found = self.reader.resolve(place)
        if not isinstance(found.value, Mapping):
            raise UnfillableError(f"{found.pointer} is not a schema")
        if found.pointer in trail or len(trail) > 4 * MAX_NESTING:
            raise UnfillableError(f"{found.pointer} holds itself")
        if found.pointer in self._hopeless:
            raise UnfillableError(_too_many(found))
        inside = (*trail, found.pointer)
        whole = self._whole(found, inside)
        if whole is None:
            return
        base, below = whole
        choices = [choice for key in ("oneOf", "anyOf") for choice in found.at(key).elements()]
        if not choices:
            yield base, found.pointer, below
        for choice in choices:
            try:
                named = self._named(choice, found.value.get("discriminator"))
                for data, _, inner in self._options(choice, inside):
                    yield merged(merged(base, data), named), found.pointer, _joined(below, inner)
            except UnfillableError:
                continue

    def _whole(self, found: Place, inside: tuple[str, ...]) -> tuple[Json, tuple[str, ...]] | None:
        """A schema with the parts of its ``allOf``, and what stands below them may not hold; None where nothing fits.

        Parts and choices may share a base, so each has a trail of its own.
        """
        base = {key: value for key, value in _sane(found.value).items() if key not in _COMBINED}
        below = inside
        for part in found.at("allOf").elements():
            data, _, inner = next(self._options(part, inside), (None, "", ()))
            if data is None:
                return None
            base = merged(base, data)
            below = _joined(below, inner)
        return base, below

    def _named(self, choice: Place, discriminator: object) -> Json:
        """What a discriminator asks of a choice: its property has the name of the schema."""
        if not isinstance(discriminator, Mapping) or not isinstance(choice.value, Mapping):
            return {}
        name, reference = discriminator.get("propertyName"), choice.value.get("$ref")
        if not isinstance(name, str) or not isinstance(reference, str):
            return {}
        mapping = discriminator.get("mapping")
        names = {target: key for key, target in mapping.items()} if isinstance(mapping, Mapping) else {}
        short = re.sub(r"\.(?:json|ya?ml)$", "", reference.rpartition("/")[2])
        own = self.reader.resolve(choice)
        properties = own.at("properties").at(name).value
        if isinstance(properties, Mapping) and ("const" in properties or "enum" in properties):
            return {"required": [name]}
        return {"properties": {name: {"const": names.get(reference, names.get(short, short))}}, "required": [name]}


def _joined(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return (*one, *(pointer for pointer in other if pointer not in one))


def _too_many(place: Place) -> str:
    return f"{place.pointer[:_MOST_CHARACTERS]}: its schema has too many combinations; give an example"


def _sane(data: Mapping[str, Any]) -> Json:
    """The keywords without those whose values have a wrong type: they say nothing."""
    return {key: value for key, value in data.items() if _has_its_type(key, value)}


def _has_its_type(key: str, value: Any) -> bool:
    if key in (*_LOWER, *_UPPER, "multipleOf"):
        is_flag = isinstance(value, bool) and key.startswith("exclusive")
        is_count = key[3:] in ("Length", "Items", "Properties")
        return is_flag or (is_number(value) and (not is_count or value >= 0))
    if key == "type":
        return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
    expected: type | tuple[type, ...] = _TYPES.get(key, object)
    return isinstance(value, expected)


def merged(one: Json, other: Json) -> Json:
    """A schema that asks for both, as far as this can be said in one."""
    result = {**one, **other}
    for key in one.keys() & other.keys():
        first, second = one[key], other[key]
        if key == "properties" and isinstance(first, Mapping) and isinstance(second, Mapping):
            result[key] = {**first, **{name: _both(first.get(name), item) for name, item in second.items()}}
        elif key == "required" and isinstance(first, list) and isinstance(second, list):
            result[key] = [*first, *(name for name in second if name not in first)]
        elif key == "enum" and isinstance(first, list) and isinstance(second, list):
            result[key] = [value for value in first if value in second]
        elif key == "type":
            result[key] = _common_type(first, second)
        elif key in (*_LOWER, *_UPPER) and is_number(first) and is_number(second):
            result[key] = max(first, second) if key in _LOWER else min(first, second)
    return result


def _both(first: Any, second: Any) -> Any:
    return second if first is None or first == second else {"allOf": [first, second]}


def _common_type(first: Any, second: Any) -> Any:
    firsts, seconds = ([kind] if isinstance(kind, str) else list(kind or ()) for kind in (first, second))
    common = [kind for kind in firsts if kind in seconds or (kind == "integer" and "number" in seconds)]
    common += [kind for kind in seconds if kind == "integer" and "number" in firsts and kind not in common]
    return common or second


def is_number(value: object) -> bool:
    """Whether it is one that calculations can use: whole numbers of JSON have no bound, others can be infinite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -_MOST_NUMBER < value < _MOST_NUMBER
