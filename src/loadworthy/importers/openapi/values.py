"""Values for parameters and bodies, from examples, defaults and schemas.

What a service may want to be different each time becomes a template (``{{ uuid() }}``); the rest stays as the document
has it. Nothing here draws random numbers: the same document gives the same plan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from loadworthy.importers.imported import Json, literal_data
from loadworthy.importers.openapi.examples import (
    NO_EXAMPLE,
    agreed,
    check_number,
    check_size,
    choice,
    given_example,
    schema_example,
)
from loadworthy.importers.openapi.numbers import bounds_of, number_between
from loadworthy.importers.openapi.reader import Place, UnfillableError
from loadworthy.importers.openapi.schemas import Schema, Schemas
from loadworthy.importers.openapi.strings import Texts, must_be_unique
from loadworthy.importers.openapi.text import snake
from loadworthy.importers.request_credentials import Credentials
from loadworthy.importers.requests import Site

MAX_ITEMS = 50
MAX_MADE = 5_000
_MOST_ID = 2_000_000_000

Reference = Callable[[str, Schema, bool], str | None]
"""From a property's name, its schema, and whether it is required: the template of a value that another step gives."""


def no_reference(name: str, schema: Schema, required: bool) -> str | None:
    """Nothing comes from other steps."""
    del name, schema, required
    return None


@dataclass(slots=True)
class Wanted:
    """How values are to be, and what they cost so far.

    Args:
        unique: whether the same value twice may be refused.
        create: whether the request creates something, whose own ``id`` must then be new.
        change: whether it changes something, so that a body without required properties should still hold some.
        reference: where identifiers come from.
        made: how many values there are already; bounded.
        depth: in how many objects the next value stands.
    """

    unique: bool = False
    create: bool = False
    change: bool = False
    reference: Reference = no_reference
    made: int = 0
    depth: int = 0


class Values:
    """Makes values that fit schemas.

    Args:
        schemas: of the document.
        credentials: what becomes of those that stand in its examples.

    Attributes:
        left_out: names of optional properties that bodies go without.
    """

    def __init__(self, schemas: Schemas, credentials: Credentials) -> None:
        self._schemas = schemas
        self._credentials = credentials
        self._texts = Texts()
        self.left_out: dict[str, None] = {}

    def stated(self, value: Any, keys: tuple[str, ...], place: Literal["json", "query", "header"] = "json") -> Any:
        """What the document itself says, as the plan writes it: no template, and no credential.

        Args:
            value: JSON data.
            keys: the names that lead to it.
            place: where in a request it stands.
        """
        if isinstance(value, Mapping):
            return {str(key): self.stated(item, (*keys, str(key)), place) for key, item in value.items()}
        if isinstance(value, list):
            return [self.stated(item, keys, place) for item in value]
        check_number(value)
        return self._credentials(Site(place, keys) if any(keys) else Site("body"), value)

    def body(self, content: Place, name: str, wanted: Wanted) -> Any:
        """The value of a media type object: its example, else one that fits its schema.

        Raises:
            UnfillableError: there is neither.
        """
        example = given_example(content, self._schemas.reader)
        check_size(example)
        schema = content.at("schema")
        if example is not NO_EXAMPLE and schema.value is None:
            return self.stated(example, ())
        if example is NO_EXAMPLE:
            return self.value(schema, name, wanted)
        return self._from_example(example, schema, wanted, "")

    def value(
        self, place: Place, name: str, wanted: Wanted, trail: tuple[str, ...] = (), *, required: bool = True
    ) -> Any:
        """A value that fits a schema.

        Args:
            place: the schema.
            name: of the property or parameter, which says much about what is meant.
            wanted: how it is to be.
            trail: in which schemas it stands.
            required: whether it could be left out as well.

        Raises:
            UnfillableError: none was found.
        """
        reason: UnfillableError | None = None
        for schema in self._schemas.options(place, trail):
            try:
                return self._one(schema, name, wanted, required)
            except UnfillableError as error:
                reason = reason or error
        raise reason or UnfillableError(f"no value fits {place.pointer}")

    def _one(self, schema: Schema, name: str, wanted: Wanted, required: bool) -> Any:
        wanted.made += 1
        if wanted.made > MAX_MADE:
            raise UnfillableError("the body would be too large")
        given = self._given(name, schema, wanted, required)
        if given is not None:
            return given
        example = agreed(schema_example(schema.data), schema.kinds())
        check_size(example)
        if "const" in schema.data:
            check_size(schema.data["const"])
            return literal_data(schema.data["const"])
        enum = schema.data.get("enum")
        if isinstance(enum, list) and enum and (example is NO_EXAMPLE or example not in enum):
            check_size(enum)
            return choice([value for value in enum if value is not None] or enum)
        if example is not NO_EXAMPLE and not self._should_vary(schema, name, wanted):
            if schema.kind in ("object", "array"):
                return self._from_example(example, Place(schema.data, schema.pointer), wanted, name)
            return literal_data(example) if isinstance(enum, list) else self.stated(example, (name,))
        return self._made(schema, name, wanted)

    def _given(self, name: str, schema: Schema, wanted: Wanted, required: bool) -> Any:
        """What other steps give, or an identifier of the client's own making."""
        if wanted.create and wanted.depth == 1 and name == "id" and schema.kind in ("integer", "string"):
            if schema.kind == "string":
                return self._texts.find("id", {"format": "uuid", **schema.data}, unique=True).template
            low, high = bounds_of({"minimum": 1, "maximum": _MOST_ID, **schema.data}, 1)
            return f"{{{{ random_int({math.ceil(low)}, {math.floor(high)}) }}}}"
        return wanted.reference(name, schema, required)

    def _should_vary(self, schema: Schema, name: str, wanted: Wanted) -> bool:
        return wanted.unique and schema.kind == "string" and must_be_unique(snake(name))

    def _made(self, schema: Schema, name: str, wanted: Wanted) -> Any:
        kind = schema.kind
        if kind == "object":
            return self._object(schema, wanted)
        if kind == "array":
            return self._array(schema, name, wanted)
        if kind in ("integer", "number"):
            return number_between(schema.data, whole=kind == "integer")
        if kind == "boolean":
            return True
        if kind == "null":
            return None
        return self._texts.find(name, schema.data, unique=wanted.unique).template

    def _object(self, schema: Schema, wanted: Wanted) -> Json:
        wanted.depth += 1
        try:
            return self._filled(schema, wanted)
        finally:
            wanted.depth -= 1

    def _filled(self, schema: Schema, wanted: Wanted) -> Json:
        properties, required = schema.properties(), schema.required()
        result: Json = {}
        for name in required:
            place = properties.get(name, Place({}, f"{schema.pointer}/properties/{name}"))
            if not self._is_read_only(place):
                result[name] = self.value(place, name, wanted, schema.trail)
        for name, place in properties.items():
            if name not in result and name not in required and not self._is_read_only(place):
                self._add_optional(result, name, place, schema, wanted)
        if wanted.change and not result:
            self._add_changes(result, properties, schema, wanted)
        self._fill_up(result, properties, schema, wanted)
        for name, place in properties.items():
            if name not in result and not self._is_read_only(place):
                self.left_out.setdefault(name)
        return result

    def _add_optional(self, result: Json, name: str, place: Place, schema: Schema, wanted: Wanted) -> None:
        """Those that the document gives an example of, and those that another step gives."""
        try:
            found = self._schemas.first(place, schema.trail)
            given = None if wanted.change else wanted.reference(name, found, False)
            if given is not None:
                result[name] = given
            elif "example" in found.data or found.data.get("examples"):
                result[name] = self.value(place, name, wanted, schema.trail, required=False)
        except UnfillableError:
            return

    def _add_changes(self, result: Json, properties: Mapping[str, Place], schema: Schema, wanted: Wanted) -> None:
        """Some of what can be changed: plain text before all else, for a status may lead to where there is no way back.

        What people log in with stays as it is.
        """
        plain, others = [], []
        for name, place in properties.items():
            words = set(snake(name).split("_"))
            if self._is_read_only(place) or words & {"id", "ids", "email", "username", "password", "role", "active"}:
                continue
            data = self._schemas.first(place, schema.trail)
            if data.kind == "string" and not {"enum", "format", "const"} & data.data.keys():
                plain.append((name, place))
            else:
                others.append((name, place))
        for name, place in plain[:2] or others[:1]:
            result[name] = self.value(place, name, wanted, schema.trail, required=False)

    def _fill_up(self, result: Json, properties: Mapping[str, Place], schema: Schema, wanted: Wanted) -> None:
        least = schema.data.get("minProperties")
        if least is None or len(result) >= least:
            return
        for name, place in properties.items():
            if len(result) < least and name not in result and not self._is_read_only(place):
                result[name] = self.value(place, name, wanted, schema.trail, required=False)
        more = schema.data.get("additionalProperties", True)
        if len(result) < least:
            if more is False or least > MAX_ITEMS:
                raise UnfillableError(f"{schema.pointer} asks for {least:g} properties")
            for number in range(len(result), math.ceil(least)):
                result[f"property{number}"] = self.value(
                    Place(more, f"{schema.pointer}/additionalProperties"), "value", wanted, schema.trail
                )

    def _is_read_only(self, place: Place) -> bool:
        return isinstance(place.value, Mapping) and place.value.get("readOnly") is True

    def _array(self, schema: Schema, name: str, wanted: Wanted) -> list[Any]:
        least, most = schema.data.get("minItems", 0), schema.data.get("maxItems")
        if least > MAX_ITEMS:
            raise UnfillableError(f"{schema.pointer} asks for {least:g} elements")
        least, most = math.ceil(least), None if most is None else math.floor(min(most, MAX_ITEMS))
        count = max(least, 1 if most is None or most >= 1 else 0)
        items = schema.items()
        element = name[:-1] if name.endswith("s") and len(name) > 2 else name
        result: list[Any] = []
        first = list(Place(schema.data.get("prefixItems"), f"{schema.pointer}/prefixItems").elements())
        try:
            for index in range(max(count, len(first)) if most is None else min(max(count, len(first)), most)):
                place = first[index] if index < len(first) else items
                value = self.value(place, element, wanted, schema.trail)
                if schema.data.get("uniqueItems") is True:
                    value = self._another(value, index, self._schemas.first(place, schema.trail), result)
                result.append(value)
        except UnfillableError:
            if len(result) < least or first:
                raise
        return result

    def _another(self, value: Any, index: int, schema: Schema, before: list[Any]) -> Any:
        """A value that the list does not hold yet, in place of one that it may hold already."""
        if index == 0 or (isinstance(value, str) and value.endswith(("uuid() }}", "[:8] }}"))):
            return value
        enum = schema.data.get("enum")
        if isinstance(enum, list) and index < len(enum):
            before[0] = literal_data(enum[0])
            return literal_data(enum[index])
        if schema.kind in ("integer", "number") and "multipleOf" not in schema.data:
            low, high = bounds_of(schema.data, 1)
            if math.ceil(low) + index <= high:
                before[0] = math.ceil(low)
                return math.ceil(low) + index
        if "{{" not in str(value) and value not in before:
            return value
        if schema.kind == "string" and "{{" not in str(value):
            for other in (f"{value} {index + 1}", f"{value}-{index + 1}", f"{value}{'bcdefghijk'[index % 10]}"):
                if other not in before and self._texts.fits(other, schema.data):
                    return other
        raise UnfillableError(f"{schema.pointer}: its elements must all differ; give an example")

    def _from_example(self, example: Any, place: Place, wanted: Wanted, name: str) -> Any:
        """The example, with what must differ each time and what other steps give put in."""
        try:
            schema = self._schemas.first(place)
        except UnfillableError:
            return self.stated(example, (name,))
        if not isinstance(example, Mapping):
            return self.stated(example, (name,))
        properties = schema.properties()
        result: Json = {}
        wanted.depth += 1
        try:
            for key, item in example.items():
                below = properties.get(key)
                if below is None:
                    result[key] = self.stated(item, (name, key))
                elif not self._is_read_only(below):
                    result[key] = self._property_from_example(item, below, key, wanted)
            self._add_required(result, schema, wanted)
        finally:
            wanted.depth -= 1
        return result

    def _add_required(self, result: Json, schema: Schema, wanted: Wanted) -> None:
        """What an example lacks: it is older than the schema."""
        properties = schema.properties()
        for name in schema.required():
            if name not in result and name in properties and not self._is_read_only(properties[name]):
                with suppress(UnfillableError):
                    result[name] = self.value(properties[name], name, wanted, schema.trail)

    def _property_from_example(self, item: Any, place: Place, name: str, wanted: Wanted) -> Any:
        try:
            schema = self._schemas.first(place)
        except UnfillableError:
            return self.stated(item, (name,))
        given = self._given(name, schema, wanted, True)
        if given is not None:
            return given
        enum = schema.data.get("enum")
        if isinstance(enum, list) and item in enum:
            return literal_data(item)
        if isinstance(item, str) and self._should_vary(schema, name, wanted):
            try:
                return self._texts.find(name, schema.data, unique=True).template
            except UnfillableError:
                return self.stated(item, (name,))
        if isinstance(item, list) and len(item) == 1 and isinstance(item[0], Mapping):
            return [self._from_example(item[0], schema.items(), wanted, name)]
        return self._from_example(item, place, wanted, name)
