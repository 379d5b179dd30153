"""Documents of a few lines that would take for ever, or that no plan could hold, are refused in words and in time.

Time is not measured here: what these took before was hours, so a test that ends has shown what it is for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from loadworthy.importers.emit import plan_yaml
from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions
from loadworthy.importers.openapi.plan import import_openapi
from loadworthy.plan.load import load_plan

Json = dict[str, Any]
GET: Json = {"get": {"responses": {"200": {"description": ""}}}}


def imported(paths: Mapping[str, Any], folder: Path, **more: Any) -> Imported:
    """What is made, which is a plan that loads."""
    document = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {"/z": GET, **paths}, **more}
    one = import_openapi(json.dumps(document), ImportOptions())
    for name, text in {**one.files, "plan.yaml": plan_yaml(one)}.items():
        (folder / name).write_text(text, encoding="utf-8")
    load_plan(folder / "plan.yaml", environ=dict.fromkeys(one.variables, "a-value"))
    return one


def post(schema: Json) -> Json:
    content = {"application/json": {"schema": schema}}
    return {"post": {"requestBody": {"content": content}, "responses": {"200": {"description": ""}}}}


def holding(schema: Json) -> Json:
    """A POST whose body needs a value of the schema."""
    return post({"type": "object", "required": ["x"], "properties": {"x": schema}})


def notes_of(one: Imported) -> str:
    return "\n".join(f"{note.where}: {note.what}" for note in one.notes)


@pytest.mark.parametrize(
    "pattern",
    [
        "((a?){5000}){5000}",
        "(((a?){5000}){5000}){5000}b",
        "((a{0,5000}){0,5000}){0,5000}b",
        "(" * 19 + "[a-z]?" + "){2}" * 19 + "-b",
        "((a?b?c?){4999}){5000}$",
    ],
)
def test_repeats_within_repeats_end(pattern: str, tmp_path: Path) -> None:
    imported({"/a": holding({"type": "string", "pattern": pattern, "minLength": 300})}, tmp_path)


@pytest.mark.parametrize("leaf", [{"type": "string", "pattern": "(?=a)"}, {"allOf": [False]}, {"type": "object"}])
@pytest.mark.parametrize("key", ["oneOf", "allOf"])
def test_schemas_that_double_with_each_level_end(leaf: Json, key: str, tmp_path: Path) -> None:
    """26 levels of two are 67 million ways."""
    schemas = {f"S{at}": {key: [{"$ref": f"#/components/schemas/S{at + 1}"}] * 2} for at in range(26)}
    body = post({"$ref": "#/components/schemas/S0"})
    one = imported({"/a": body, "/b": body}, tmp_path, components={"schemas": {**schemas, "S26": leaf}})
    assert ("it is left out" in notes_of(one)) is (leaf != {"type": "object"} or key == "allOf")


HUGE = 10**400


@pytest.mark.parametrize("kind", ["integer", "number", "string", "array", "object"])
def test_bounds_that_no_calculation_can_use_say_nothing(kind: str, tmp_path: Path) -> None:
    keys = ("minimum", "maximum", "exclusiveMinimum", "multipleOf", "minLength", "maxItems", "minProperties")
    paths = {f"/{key}": holding({"type": kind, key: value}) for key in keys for value in (HUGE, -HUGE)}
    imported(paths, tmp_path)
    odd = {"/odd": holding({"type": kind, "minimum": 1e299, "multipleOf": 5e-324, "minItems": 1e200})}
    imported(odd, tmp_path)


@pytest.mark.parametrize("said", [{"example": HUGE}, {"const": HUGE}, {"enum": [HUGE]}, {"default": [{"a": HUGE}]}])
def test_an_example_with_a_number_that_no_plan_can_have_is_left_out(said: Json, tmp_path: Path) -> None:
    whole = {"post": {**GET["get"], "requestBody": {"content": {"application/json": {"example": {"a": [HUGE]}}}}}}
    query = {"get": {**GET["get"], "parameters": [{"name": "q", "in": "query", "required": True, "schema": said}]}}
    told = notes_of(imported({"/a": holding(said), "/b": whole, "/c": query}, tmp_path))
    for where in ("POST /a", "POST /b", "GET /c"):
        assert f"{where}: its example holds a number that is too large" in told


def test_numbers_that_json_does_not_have_are_refused() -> None:
    text = '{"openapi": "3.1.0", "paths": {"/a": {"post": {"x-example": [1e999]}}}}'
    with pytest.raises(ImportFailedError, match=r"#/paths//a/post/x-example/0: inf is no number"):
        import_openapi(text, ImportOptions())


@pytest.mark.parametrize("name", ["a" * 300, "con", "a b", "_", "-", "ä", "{{ x }}", "${x}", "a\nb"])
def test_any_name_is_a_plan_that_loads(name: str, tmp_path: Path) -> None:
    """Of a path, a parameter, a key, a media type, a property."""
    item = {"type": "object", "properties": {"id": {"type": "integer"}}}
    created = {"200": {"description": "", "content": {"application/json": {"schema": item}}}}
    parameters = [
        {"name": name, "in": where, "required": True, "schema": {"type": "string"}, "example": "a\nb"}
        for where in ("query", "header", "cookie")
    ]
    one = imported(
        {
            f"/{name}s": {"post": {"responses": created}},
            f"/{name}s/{{id}}": GET,
            "/p": {"get": {**GET["get"], "parameters": parameters}},
            "/k": {"get": {**GET["get"], "security": [{"key": []}]}},
            "/b": {"post": {**GET["get"], "requestBody": {"content": {f"text/{name}": {"example": "x"}}}}},
            f"/rows/{{{name}}}": GET,
            "/o": post({"type": "object", "required": [name]}),
        },
        tmp_path,
        components={"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": name}}},
    )
    told = notes_of(one)
    assert "GET /p: HTTP does not allow its header" in told
    is_token = re.fullmatch(r"[\w-]+", name, re.ASCII) is not None
    assert ("security scheme key: HTTP does not allow" in told) is not is_token
    assert ("POST /b: the body has the media type" in told) is not is_token
