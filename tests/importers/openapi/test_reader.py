"""OpenAPI documents are told from others, read within bounds, and what is broken is named with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.importers.imported import ImportFailedError, ImportOptions
from loadworthy.importers.openapi.plan import detect, import_openapi
from loadworthy.importers.openapi.reader import read
from loadworthy.plan.load import plan_from_mapping

Json = dict[str, Any]
PATHS = {"/items": {"get": {"responses": {"200": {"description": "all"}}}}}
MINIMAL = {"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "paths": PATHS}


def document(**changes: Any) -> str:
    return json.dumps({**MINIMAL, **changes})


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (document(), True),
        (json.dumps(MINIMAL, indent=2), True),
        (json.dumps({"paths": {}, "openapi": "3.0.1"}), True),
        ("openapi: 3.0.3\npaths: {}\n", True),
        ("# ours\n'openapi': '3.1.0'\npaths: {}\n", True),
        ("swagger: '2.0'\npaths: {}\n", True),
        ('{"openapi": "3.1.0", "webhooks": {}}', True),
        ("openapi: 3.1.0\ncomponents: {}\n", True),
        ('{"log": {"entries": [{"text": "{\\"openapi\\": \\"3.0.0\\", \\"paths\\": {}}"}]}}', False),
        ('{"info": {"schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}}', False),
        ("curl http://localhost/openapi.json", False),
        ("scenarios: {load: {endpoints: [{path: /}]}}\n", False),
        ("\n" * 100_000 + " " * 100_000 + "{" * 100_000, False),
        ("", False),
    ],
)
def test_documents_are_told_from_others(text: str, is_one: bool) -> None:
    assert detect(text, "file") is is_one


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"openapi": "3.0.0", }', "line 1: this is not JSON"),
        ("openapi: 3.0.0\npaths: [a", "line 2: this is not YAML"),
        ("[1]", "#: the document must be a mapping"),
        ("just words", "#: the document must be a mapping"),
        (document(info={"title": "\ud83d"}), "half of a surrogate pair"),
        ('{"openapi": "3.0.0", "paths": NaN}', "NaN is no JSON value"),
        ("swagger: '2.0'\npaths: {}\n", "#/swagger: this is Swagger 2.0; convert it to OpenAPI 3 first"),
        (document(openapi="4.0"), "#/openapi: it must say 3.0 or 3.1, not '4.0'"),
        (document(paths={}), "#/paths: there are no paths"),
        ('{"openapi": "3.1.0", "webhooks": {"paid": {}}}', "#/paths: there are no paths"),
        (
            document(paths={"/items": {"servers": []}}),
            "#/paths: no operation is left to make a step of (no path has get",
        ),
        (document(paths={"items": {}}), "#/paths/items: it must be a path that starts with /"),
        (document(paths={"/a~b/c": {"get": 7}}), "#/paths/~1a~0b~1c/get: an operation must be a mapping"),
        (
            document(paths={"/x": {"post": {"requestBody": {"$ref": "#/components/nowhere"}}}}),
            "#/paths/~1x/post/requestBody: $ref '#/components/nowhere' leads nowhere",
        ),
        (document(paths={"/x": {"$ref": "./paths.yaml#/x"}}), "is in another file; bundle the document"),
        (
            document(paths={"/x": {"$ref": "#/components/a"}}, components={"a": {"$ref": "#/components/a"}}),
            "#/paths/~1x: its $ref leads back to itself",
        ),
        ('{"openapi": "3.0.0", "paths": ' + '{"a":' * 200 + "1" + "}" * 201, "nested more than 100 levels deep"),
        ("[" * 100_000, "nested too deeply"),
        ("openapi: 3.0.0\npaths: &a\n  /x: *a\n", "the aliases make it too large, or it holds itself"),
        ("openapi: !!python/object:os.system {}\npaths: {}\n", "the tag"),
    ],
)
def test_what_is_broken_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ImportFailedError) as caught:
        import_openapi(text, ImportOptions())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("item", "note"),
    [
        ({"get": 7}, "GET /x: #/paths/~1x/get: an operation must be a mapping; it is left out"),
        ({"get": {"$ref": "get.yaml"}}, "GET /x: #/paths/~1x/get: $ref 'get.yaml' is in another file; bundle the"),
        ({"$ref": "x.yaml#/x"}, "/x: #/paths/~1x: $ref 'x.yaml#/x' is in another file; bundle the document into one"),
        (
            {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/no"}}}}}},
            "POST /x: #/paths/~1x/post/requestBody/content/application~1json/schema: $ref '#/no' leads nowhere",
        ),
        (
            {"post": {"requestBody": {"content": {"application/json": {"schema": {
                "discriminator": {"propertyName": "kind"}, "oneOf": [{"$ref": "#/no"}]}}}}}},
            "POST /x: no value fits #/paths/~1x/post/requestBody",
        ),
    ],
)  # fmt: skip
def test_an_operation_that_cannot_be_read_is_left_out_and_the_others_are_not(item: Json, note: str) -> None:
    """One broken operation is named with its place, and costs none of the others."""
    imported = import_openapi(document(paths={**PATHS, "/x": item}), ImportOptions())
    assert [step["path"] for step in imported.plan["scenarios"]["load"]["endpoints"]] == ["/items"]
    assert any(f"{one.where}: {one.what}".startswith(note) for one in imported.notes)


@pytest.mark.parametrize(
    ("operation", "note"),
    [
        (
            {"parameters": [{"in": "query"}], "responses": {}},
            (
                "GET /x: #/paths/~1x/get/parameters/0: a parameter needs a name, and in: path, query, header or cookie"
                "; the request goes without it"
            ),
        ),
        (
            {"parameters": [{"$ref": "#/components/parameters/Page"}], "responses": {}},
            (
                "GET /x: #/paths/~1x/get/parameters/0: $ref '#/components/parameters/Page' leads nowhere; add what it "
                "names, or mend it; the request goes without it"
            ),
        ),
        (
            {"security": [{"key": []}], "responses": {}},
            (
                "security scheme key: #/components/securitySchemes/key: requests ask for it, and it is not there; it "
                "is left out; add its header to the plan by hand"
            ),
        ),
        ({"responses": {"200": {"$ref": "#/no"}, "404": {"$ref": "errors.yaml#/none"}}}, None),
    ],
)
def test_a_request_goes_without_the_parts_that_cannot_be_read(operation: Json, note: str | None) -> None:
    """A parameter, a security scheme or an answer that is broken leaves the request itself in the plan."""
    imported = import_openapi(document(paths={"/x": {"get": operation}}), ImportOptions())
    (step,) = imported.plan["scenarios"]["load"]["endpoints"]
    assert step["path"] == "/x"
    assert not {"query", "headers"} & step.keys()
    assert [f"{one.where}: {one.what}" for one in imported.notes] == ([note] if note else [])


def test_a_short_file_of_aliases_does_not_grow_without_bound() -> None:
    lines = ["openapi: 3.0.0", "a0: &a0 [x, x]"] + [
        f"a{number}: &a{number} [*a{number - 1}, *a{number - 1}]" for number in range(1, 40)
    ]
    with pytest.raises(ImportFailedError, match="aliases"):
        import_openapi("\n".join([*lines, "paths: {}"]), ImportOptions())


def test_parameters_of_the_path_hold_for_its_operations() -> None:
    text = document(
        paths={
            "/x/{a}": {
                "parameters": [{"$ref": "#/components/parameters/A"}, {"name": "b", "in": "query"}],
                "get": {"parameters": [{"name": "b", "in": "query", "required": True, "schema": {"type": "integer"}}]},
            }
        },
        components={"parameters": {"A": {"name": "a", "in": "path", "schema": {"enum": ["one"]}}}},
    )
    (operation,) = read(text).operations()
    assert [(one.name, one.where, one.required) for one in operation.parameters] == [
        ("a", "path", True),
        ("b", "query", True),
    ]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["string", "#/components", "path", "x"])),
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    *("schema", "properties", "type", "$ref", "items", "required", "enum", "allOf", "anyOf", "content"),
                    *("application/json", "responses", "200", "parameters", "name", "in", "requestBody", "security"),
                    *("get", "post", "delete", "servers", "url", "example", "examples", "pattern", "minLength"),
                    *("minimum", "format", "links", "callbacks", "discriminator", "default", "minItems", "maxItems"),
                ]
            ),
            below,
            max_size=4,
        ),
    ),
    max_leaves=20,
)


@given(JSON, JSON, JSON)
def test_no_document_makes_the_import_fall_over(item: Any, other: Any, components: Any) -> None:
    """It gives a plan that can be run, or one sentence."""
    text = document(
        paths={"/a/{b}": item, "/c": {"post": other}}, components={"schemas": components, "securitySchemes": other}
    )
    try:
        imported = import_openapi(text, ImportOptions())
    except ImportFailedError:
        return
    if not imported.files:
        plan_from_mapping(imported.plan, environ=dict.fromkeys(imported.variables, "value"), path=Path("plan.yaml"))
