"""Bodies made from schemas are valid by them, whichever random numbers their templates draw."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from loadworthy.importers.imported import Variables
from loadworthy.importers.openapi.reader import Place, Reader, UnfillableError
from loadworthy.importers.openapi.schemas import Schema, Schemas
from loadworthy.importers.openapi.values import Values, Wanted
from loadworthy.importers.request_credentials import Credentials
from loadworthy.plan.interpolate import interpolate
from loadworthy.users.templates import Templates, functions, resolve

Json = dict[str, Any]
NAMES = [
    *("name", "email", "userName", "phone", "starts_at", "end_date", "birth_date", "city", "country", "code"),
    *("notes", "url", "password", "time", "q", "id", "tags", "${x}", "a b"),
]
CHECKED = ("email", "uuid", "date", "ipv4", "ipv6")
PATTERNS = [
    *(r"^\d{3}$", "^[A-Z]{2}-[0-9]{4}$", r"^\+?[0-9 ()-]{6,40}$", "^[a-z][a-z-]{0,39}$", "^[^@]+@[^@]+[.][^@]+$"),
    *(r"^\d\d:\d\d$", "^[0-9a-f]{24}$", "^[A-Z][0-9]{2}([.][0-9])?$", "^(GET|PUT)$", r"^\$\{\d\}$", "^[{]{2}x[}]{2}$"),
]
FORMATS = ["email", "uuid", "date", "date-time", "ipv4", "ipv6", "time", "uri", "hostname", "password", "byte", "x-own"]


def strings() -> st.SearchStrategy[Json]:
    lengths = st.tuples(st.integers(0, 60), st.integers(0, 60))
    plain = lengths.map(lambda two: {"type": "string", "minLength": min(two), "maxLength": max(two)})
    return st.one_of(
        plain,
        st.sampled_from(PATTERNS).map(lambda pattern: {"type": "string", "pattern": pattern}),
        st.sampled_from(FORMATS).map(lambda kind: {"type": "string", "format": kind}),
        st.lists(st.text(max_size=8), min_size=1, max_size=4).map(lambda texts: {"type": "string", "enum": texts}),
        st.text(max_size=12).map(lambda text: {"type": "string", "example": text}),
    )


def numbers() -> st.SearchStrategy[Json]:
    bounds = st.tuples(st.integers(-500, 500), st.integers(2, 400), st.sampled_from(["integer", "number"]))
    return st.one_of(
        bounds.map(lambda b: {"type": b[2], "minimum": b[0], "maximum": b[0] + b[1]}),
        bounds.map(lambda b: {"type": b[2], "exclusiveMinimum": b[0], "exclusiveMaximum": b[0] + b[1]}),
        bounds.map(lambda b: {"type": b[2], "minimum": b[0]}),
        bounds.map(lambda b: {"type": b[2], "maximum": b[0]}),
        st.integers(1, 7).map(lambda step: {"type": "integer", "minimum": 3, "multipleOf": step}),
        st.floats(-5, 5).map(lambda low: {"type": "number", "minimum": low, "maximum": low + 0.25}),
        st.just({"type": "integer"}),
    )


def schemas() -> st.SearchStrategy[Json]:
    leaves = st.one_of(
        strings(),
        numbers(),
        st.just({"type": "boolean"}),
        st.just({"const": 7}),
        st.just({"$ref": "#/components/schemas/Tree"}),
    )

    def larger(below: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
        objects: st.SearchStrategy[Json] = st.dictionaries(st.sampled_from(NAMES), below, max_size=4).flatmap(
            lambda properties: (
                st.lists(st.sampled_from(sorted(properties)), unique=True).map(
                    lambda required: {"type": "object", "properties": properties, "required": required}
                )
                if properties
                else st.just({"type": "object"})
            )
        )
        return st.one_of(
            objects,
            st.builds(
                lambda items, least: {"type": "array", "items": items, "minItems": least}, below, st.integers(0, 3)
            ),
            below.map(lambda one: {"anyOf": [{"type": "null"}, one]}),
            below.map(lambda one: {"allOf": [one], "description": "one"}),
            st.builds(lambda one, other: {"type": "object", "allOf": [one, other]}, objects, objects.map(_other_names)),
            st.just({"type": ["null", "string"], "minLength": 2}),
        )

    return st.recursive(leaves, larger, max_leaves=8)


def _other_names(schema: Json) -> Json:
    """Two parts of an allOf that do not contradict each other."""
    properties = {f"{name}2": item for name, item in schema.get("properties", {}).items()}
    return {**schema, "properties": properties, "required": [f"{name}2" for name in schema.get("required", [])]}


TREE = {
    "type": "object",
    "required": ["label", "children"],
    "properties": {
        "label": {"type": "string", "minLength": 1},
        "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
        "parent": {"$ref": "#/components/schemas/Tree"},
    },
}


def values_of(reader: Reader) -> Values:
    return Values(Schemas(reader), Credentials(Variables()))


def made(schema: Json, wanted: Wanted | None = None, name: str = "value") -> Any:
    """What the plan holds for a schema."""
    reader = Reader({"components": {"schemas": {"Tree": TREE}}})
    return values_of(reader).value(Place(schema, "#/x"), name, wanted or Wanted(unique=True))


def rendered(value: Any, seed: int = 1) -> Any:
    """What is sent for it."""
    return resolve(Templates().value(_interpolated(value)), functions(Random(seed)))


def _interpolated(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _interpolated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_interpolated(item) for item in value]
    return interpolate(value, {}).text if isinstance(value, str) else value


def check(schema: Json, value: Any) -> None:
    whole = {**schema, "components": {"schemas": {"Tree": TREE}}}
    Draft202012Validator(whole, format_checker=FormatChecker(CHECKED)).validate(value)


@given(schemas(), st.integers(0, 5), st.sampled_from(NAMES))
def test_what_is_sent_is_valid(schema: Json, seed: int, name: str) -> None:
    check(schema, rendered(made(schema, name=name), seed))


@given(schemas(), st.integers(0, 5))
def test_what_changes_something_is_valid_too(schema: Json, seed: int) -> None:
    check(schema, rendered(made(schema, Wanted(unique=True, change=True)), seed))


def test_users_get_names_of_their_own() -> None:
    schema: Json = {
        "type": "object",
        "required": ["email", "username", "title"],
        "properties": {
            "email": {"type": "string", "example": "ann@example.com"},
            "username": {"type": "string", "pattern": "^[a-z0-9._-]{3,50}$", "default": "ann"},
            "title": {"type": "string", "maxLength": 20},
        },
    }
    plan = made(schema)
    first, second = rendered(plan, 1), rendered(plan, 2)
    assert all(first[key] != second[key] for key in schema["properties"])
    check(schema, first)


def test_phone_numbers_and_addresses_are_fictitious() -> None:
    value = rendered(made({"type": "object", "required": ["phone", "email"]}))
    assert re.fullmatch(r"\+1[2-9]\d\d55501\d\d", value["phone"])
    assert value["email"].endswith("@example.com")


def test_read_only_stays_out_and_write_only_stays_in() -> None:
    schema = {
        "type": "object",
        "required": ["id", "secret"],
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "secret": {"type": "string", "writeOnly": True},
            "note": {"type": "string"},
        },
    }
    assert list(made(schema)) == ["secret"]


def test_a_change_holds_text_rather_than_a_status() -> None:
    schema = {
        "type": "object",
        "properties": {
            "status": {"enum": ["open", "closed"]},
            "email": {"type": "string"},
            "summary": {"type": "string"},
        },
    }
    assert list(made(schema, Wanted(change=True))) == ["summary"]


def test_exclusive_bounds_of_both_versions() -> None:
    old = {"type": "integer", "minimum": 3, "exclusiveMinimum": True, "maximum": 5, "exclusiveMaximum": True}
    new = {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}
    assert made(old) == made(new) == 4


def test_unique_elements() -> None:
    check_all = [
        {"type": "array", "items": {"type": "integer", "minimum": 4}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "minItems": 3, "uniqueItems": True},
    ]
    for schema in check_all:
        check(schema, rendered(made(schema)))


def test_a_discriminator_names_its_schema() -> None:
    reader = Reader(
        {
            "components": {
                "schemas": {
                    "Cat": {"type": "object", "required": ["lives"], "properties": {"lives": {"type": "integer"}}},
                    "Dog": {"type": "object"},
                }
            }
        }
    )
    schema = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
        "discriminator": {"propertyName": "kind", "mapping": {"kitty": "#/components/schemas/Cat"}},
    }
    value = values_of(reader).value(Place(schema, "#/x"), "pet", Wanted())
    assert value == {"lives": "{{ random_int(1, 100) }}", "kind": "kitty"}


def test_parts_of_a_schema_may_share_a_base() -> None:
    """A diamond is no circle; what stands below both parts may still not hold what they are made of."""

    def part(*parts: str, **properties: Json) -> Json:
        own = {"type": "object", "required": list(properties), "properties": properties}
        return {"allOf": [*({"$ref": f"#/components/schemas/{one}"} for one in parts), own]}

    number: Json = {"type": "integer"}
    again = {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}
    components: Json = {
        "Order": part("Named", "Audited", lines=again),
        "Named": part("Base", name={"type": "string"}),
        "Audited": part("Base", by=number),
        "Base": part(number=number),
        "Twice": part("Base", "Base"),
        "Either": {**part("Base"), "oneOf": [{"$ref": "#/components/schemas/Named"}]},
    }
    reader = Reader({"components": {"schemas": components}})
    for name in ("Order", "Twice", "Either"):
        whole = {**components[name], "components": {"schemas": components}}
        value = values_of(reader).value(Place({"$ref": f"#/components/schemas/{name}"}, "#/x"), "value", Wanted())
        Draft202012Validator(whole).validate(rendered(value))
        assert value.get("lines", []) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "(?=x)"},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "array", "minItems": 51, "items": {}},
        {"type": "string", "minLength": 30_000},
        {
            "type": "object",
            "required": ["me"],
            "properties": {"me": {"$ref": "#/components/schemas/Tree"}},
            "minProperties": 99,
        },
        {"allOf": [False]},
        {"type": "array", "minItems": 2, "uniqueItems": True, "items": {"const": 1}},
    ],
)
def test_what_cannot_be_made_says_so(schema: Json) -> None:
    with pytest.raises(UnfillableError):
        made(schema)


def test_a_schema_that_holds_itself_has_no_value() -> None:
    reader = Reader({"components": {"schemas": {"Me": {"type": "object", "required": ["me"]}}}})
    me = reader.root.value["components"]["schemas"]["Me"]
    me["properties"] = {"me": {"$ref": "#/components/schemas/Me"}}
    with pytest.raises(UnfillableError, match="holds itself"):
        values_of(reader).value(Place({"$ref": "#/components/schemas/Me"}, "#/x"), "me", Wanted())


def test_a_body_that_would_be_endless_is_cut_short() -> None:
    """Each level twice as large: a document of a hundred lines would ask for a body of 2^40 values."""
    levels = {
        f"L{number}": {
            "type": "array", "minItems": 40, "items": {"$ref": f"#/components/schemas/L{number + 1}"},
        }
        for number in range(9)
    }  # fmt: skip
    reader = Reader({"components": {"schemas": {**levels, "L9": {"type": "integer"}}}})
    with pytest.raises(UnfillableError, match="too large"):
        values_of(reader).value(Place({"$ref": "#/components/schemas/L0"}, "#/x"), "x", Wanted())


def test_properties_are_taken_from_other_steps() -> None:
    def reference(name: str, schema: Schema, required: bool) -> str | None:
        return "{{ shop_id }}" if name == "shop_id" and schema.kind == "integer" and required else None

    schema = {"type": "object", "required": ["shop_id"], "properties": {"shop_id": {"type": "integer"}}}
    assert made(schema, Wanted(reference=reference)) == {"shop_id": "{{ shop_id }}"}
