"""Examples go into a plan as the document means them, though they are older than its schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadworthy.importers.imported import ImportOptions
from loadworthy.importers.openapi.examples import NO_EXAMPLE, agreed
from loadworthy.importers.openapi.plan import import_openapi

Json = dict[str, Any]


def step_of(operation: Json, path: str = "/items", **components: Any) -> Json:
    """The only step of the plan of a document with one POST."""
    post = {"responses": {"200": {"description": ""}}, **operation}
    info = {"title": "T", "version": "1"}
    document = {"openapi": "3.0.3", "info": info, "paths": {path: {"post": post}}, "components": components}
    (step,) = import_openapi(json.dumps(document), ImportOptions()).plan["scenarios"]["load"]["endpoints"]
    made: Json = step
    return made


def body(**content: Any) -> Json:
    return {"requestBody": {"content": {"application/json": content}}}


@pytest.mark.parametrize(
    ("example", "kinds", "value"),
    [
        ("7", ["integer"], 7),
        ("7", ["string"], "7"),
        (7, ["string"], "7"),
        (7, ["string", "integer"], 7),
        (2.0, ["integer"], 2.0),
        (None, ["string", "null"], None),
        (None, ["string"], NO_EXAMPLE),
        ("a link", ["object"], NO_EXAMPLE),
        (50, ["array", "null"], NO_EXAMPLE),
        (True, ["integer"], NO_EXAMPLE),
        ("x", [], "x"),
    ],
)
def test_an_example_has_the_type_of_its_schema_or_is_none(example: Any, kinds: list[str], value: Any) -> None:
    """Numbers and their texts become each other; what cannot fit is made from the schema instead."""
    found = agreed(example, kinds)
    assert found is value or found == value


def test_an_example_gets_what_has_become_required_since() -> None:
    """A service would refuse a body without it; what only the service writes stays out."""
    schema = {
        "type": "object",
        "required": ["name", "count", "id"],
        "properties": {
            "name": {"type": "string"},
            "count": {"type": "integer", "minimum": 3, "maximum": 3},
            "id": {"type": "integer", "readOnly": True},
        },
        "example": {"name": "Tea"},
    }
    assert step_of(body(schema=schema))["json"] == {"name": "Tea", "count": 3}


def test_an_example_may_stand_elsewhere_in_the_document() -> None:
    """``examples`` name it by reference; one that leads nowhere is none."""
    examples = {"lost": {"$ref": "#/no"}, "tea": {"$ref": "#/components/examples/Tea"}}
    content = {"schema": {"type": "object"}, "examples": examples}
    assert step_of(body(**content), examples={"Tea": {"value": {"name": "Tea"}}})["json"] == {"name": "Tea"}


@pytest.mark.parametrize("has_own", [True, False])
def test_one_of_a_few_words_is_no_credential(has_own: bool) -> None:
    """``secret_scanning: enabled`` has the name of a secret, and its value is public: the schema lists it."""
    setting = {"type": "string", "enum": ["enabled", "disabled"], "example": "enabled"}
    schema: Json = {"type": "object", "properties": {"secret_scanning": setting}}
    content = {"schema": schema, **({"example": {"secret_scanning": "enabled"}} if has_own else {})}
    assert step_of(body(**content))["json"] == {"secret_scanning": "enabled"}


def test_what_stands_behind_a_hash_tells_requests_apart_and_is_not_sent() -> None:
    """``/shared#folders`` is a request for ``/shared``, with a series of its own."""
    step = step_of({}, "/shared#folders")
    assert (step["path"], step["name"]) == ("/shared", "/shared#folders")
