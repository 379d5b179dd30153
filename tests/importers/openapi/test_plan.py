"""A plan from an OpenAPI document: each operation a step, after the steps that give what it needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from loadworthy.importers.emit import plan_yaml
from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions
from loadworthy.importers.openapi.plan import import_openapi
from loadworthy.plan.load import load_plan
from loadworthy.users.templates import Templates, functions, resolve

Json = dict[str, Any]

CLINIC = """
openapi: 3.0.3
info: {title: Clinic, version: "2"}
servers:
  - url: https://{host}/api
    variables: {host: {default: clinic.example}}
  - url: https://staging.clinic.example
security: [{token: []}]
paths:
  /login:
    post:
      security: []
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [email, password]
              properties: {email: {type: string}, password: {type: string}}
      responses:
        "200": {content: {application/json: {schema: {$ref: '#/components/schemas/Session'}}}}
  /health:
    get: {security: [], responses: {"200": {description: fine}}}
  /specialties:
    post:
      requestBody: {$ref: '#/components/requestBodies/Specialty'}
      responses: {"201": {$ref: '#/components/responses/Specialty'}}
    get:
      parameters: [{name: limit, in: query, schema: {type: integer}}]
      responses: {"200": {description: all}}
  /specialties/{specialtyId}:
    parameters: [{name: specialtyId, in: path, required: true, schema: {type: integer}}]
    delete: {responses: {"204": {description: gone}}}
  /doctors:
    post:
      requestBody:
        content:
          application/json:
            schema:
              allOf:
                - $ref: '#/components/schemas/Person'
                - type: object
                  required: [specialty_id]
                  properties: {specialty_id: {type: integer}, boss_id: {type: integer, nullable: true}}
      responses:
        "201":
          content:
            application/json:
              schema: {type: object, properties: {data: {$ref: '#/components/schemas/Doctor'}}}
    get:
      responses:
        "200":
          content:
            application/json:
              schema:
                type: object
                properties:
                  total: {type: integer}
                  doctors: {type: array, items: {$ref: '#/components/schemas/Doctor'}}
  /doctors/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get: {responses: {"200": {description: one}}}
    put:
      requestBody:
        content: {application/json: {schema: {$ref: '#/components/schemas/Person'}}}
      responses: {"200": {description: changed}}
    delete: {responses: {"204": {description: gone}}}
  /rooms:
    get:
      responses:
        "200":
          content:
            application/json:
              schema: {type: array, items: {type: object, properties: {room_no: {type: string}, id: {type: string}}}}
  /rooms/{room_id}:
    get:
      parameters: [{name: room_id, in: path, required: true, schema: {type: string}}]
      responses: {"200": {description: one}}
    delete:
      parameters: [{name: room_id, in: path, required: true, schema: {type: string}}]
      responses: {"204": {description: gone}}
components:
  securitySchemes: {token: {type: http, scheme: bearer}}
  requestBodies:
    Specialty:
      content:
        application/json:
          schema: {type: object, required: [title], properties: {title: {type: string, maxLength: 40}}}
  responses:
    Specialty: {content: {application/json: {schema: {type: object, properties: {id: {type: integer}}}}}}
  schemas:
    Session: {type: object, properties: {user: {type: object}, accessToken: {type: string}}}
    Person:
      type: object
      required: [name, email]
      properties:
        id: {type: integer, readOnly: true}
        name: {type: string, example: Ann}
        email: {type: string, format: email}
        mentor: {$ref: '#/components/schemas/Person'}
    Doctor: {type: object, properties: {id: {type: integer}, name: {type: string}}}
"""


def imported(paths: Mapping[str, Any], options: ImportOptions | None = None, **more: Any) -> Imported:
    """What is made of a document with these paths."""
    document = {"openapi": "3.1.0", "info": {"title": "Test", "version": "1"}, "paths": paths, **more}
    return import_openapi(json.dumps(document), options or ImportOptions())


def load_of(one: Imported) -> Json:
    """Its scenario."""
    scenario: Json = one.plan["scenarios"]["load"]
    return scenario


def steps_of(one: Imported) -> list[Json]:
    """All steps but those of the start."""
    scenario = load_of(one)
    roles = scenario.get("roles", {"": scenario}).values()
    return [step for role in roles for step in role.get("flow") or role.get("endpoints")]


def outline(steps: Sequence[Json]) -> list[str]:
    return [f"{step.get('method', 'GET')} {step['path']}" for step in steps]


def notes_of(one: Imported) -> dict[str, str]:
    return {note.where: note.what for note in one.notes}


def check_loads(one: Imported, folder: Path) -> None:
    """The file that people get is a plan."""
    for name, text in one.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "plan.yaml").write_text(plan_yaml(one), encoding="utf-8")
    load_plan(folder / "plan.yaml", environ=dict.fromkeys(one.variables, "a value"))


JSON_BODY = {"content": {"application/json": {"schema": {"type": "object"}}}}


def body(schema: Mapping[str, Any], kind: str = "application/json") -> Json:
    return {"content": {kind: {"schema": schema}}}


def answer(schema: Mapping[str, Any] | None = None, status: str = "200") -> Json:
    return {status: {"description": "", **({"content": {"application/json": {"schema": schema}}} if schema else {})}}


ITEM = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}
LOGIN = {
    "post": {
        "security": [],
        "requestBody": body(
            {"type": "object", "properties": {"username": {"type": "string"}, "password": {"type": "string"}}}
        ),
        "responses": answer({"type": "object", "properties": {"token": {"type": "string"}}}),
    }
}


def test_a_thing_is_created_with_what_it_needs_and_deleted_with_it(tmp_path: Path) -> None:
    one = import_openapi(CLINIC, ImportOptions())
    roles = load_of(one)["roles"]
    assert outline(roles["doctor"]["flow"]) == [
        "POST /specialties",
        "POST /doctors",
        "GET /doctors/{{ doctor_id }}",
        "PUT /doctors/{{ doctor_id }}",
        "GET /doctors",
        "DELETE /doctors/{{ doctor_id }}",
        "DELETE /specialties/{{ specialty_id }}",
    ]
    specialty, doctor, read, change = roles["doctor"]["flow"][:4]
    assert specialty["extract"] == {"specialty_id": "$.id"}
    assert doctor["extract"] == {"doctor_id": "$.data.id"}
    assert doctor["json"] == {
        "name": "Ann",
        "email": "user-{{ uuid() }}@example.com",
        "specialty_id": "{{ specialty_id }}",
    }
    assert (read["name"], read["expect"]) == ("/doctors/[id]", {"status": 200})
    assert list(change["json"]) == ["name", "email"]
    assert outline(roles["specialty"]["flow"]) == [
        "POST /specialties",
        "GET /specialties",
        "DELETE /specialties/{{ specialty_id }}",
    ]
    check_loads(one, tmp_path)


def test_what_cannot_be_created_is_found_in_a_listing_and_never_deleted() -> None:
    one = import_openapi(CLINIC, ImportOptions())
    listing, read = load_of(one)["roles"]["room"]["flow"]
    assert listing["extract"] == {"room_id": "$[0].id"}
    assert read["path"] == "/rooms/{{ room_id | string | urlencode }}"
    assert notes_of(one)["DELETE /rooms/{room_id}"] == "no step creates the room that it deletes; it is left out"


def test_users_log_in_first_and_public_requests_bear_no_token() -> None:
    one = import_openapi(CLINIC, ImportOptions())
    scenario = load_of(one)
    (login,) = scenario["on_start"]
    assert login == {
        "path": "/login",
        "method": "POST",
        "json": {"email": "${API_EMAIL}", "password": "${API_PASSWORD}"},
        "expect": {"status": 200},
        "extract": {"token": "$.accessToken"},
    }
    assert set(one.variables) == {"API_EMAIL", "API_PASSWORD"}
    roles = scenario["roles"]
    assert roles["requests"]["endpoints"] == [{"path": "/health", "expect": {"status": 200}}]
    assert roles["doctor"]["headers"] == {"Authorization": "Bearer {{ token }}"}
    assert not any("headers" in step for step in roles["doctor"]["flow"])


def test_the_rest_of_the_plan_is_an_ordinary_load() -> None:
    one = import_openapi(CLINIC, ImportOptions())
    scenario = load_of(one)
    assert one.source == "OpenAPI 3.0.3: Clinic 2"
    assert one.plan["base_url"] == "${BASE_URL:-https://clinic.example/api}"
    assert [scenario[key] for key in ("users", "spawn_rate", "run_time", "wait_time")] == [5, "1/s", "1m", "1s-3s"]
    assert scenario["thresholds"] == ["p95 < 500ms", "error_rate < 1%"]
    notes = notes_of(one)
    assert notes["servers"] == "only the first is loaded; the others: https://staging.clinic.example"
    assert notes["optional parameters"] == "left out, as they have no example: limit"


def test_each_kind_of_user_is_there_once(tmp_path: Path) -> None:
    things = {
        f"/{noun}s": {"post": {"requestBody": JSON_BODY, "responses": answer(ITEM, "201")}} for noun in "abcdefgh"
    }
    single = {f"/{noun}s/{{{noun}_id}}": {"get": {"responses": answer(ITEM)}} for noun in "abcdefgh"}
    alone = {f"/page{number}": {"get": {"responses": answer()}} for number in range(7)}
    one = imported({**things, **single, **alone})
    scenario = load_of(one)
    assert scenario["roles"]["requests"]["weight"] == 3
    assert scenario["users"] == 8 + 3
    check_loads(one, tmp_path)


@pytest.mark.parametrize(
    ("servers", "base_url", "expected"),
    [
        (None, None, "${BASE_URL:-http://localhost:8000}"),
        ([{"url": "/"}], None, "${BASE_URL:-http://localhost:8000}"),
        ([{"url": "/api/v1/"}], None, "${BASE_URL:-http://localhost:8000}/api/v1"),
        ([{"url": "/api/v1"}], "http://127.0.0.1:9", "http://127.0.0.1:9/api/v1"),
        ([{"url": "/api/v1"}], "http://127.0.0.1:9/v2/", "http://127.0.0.1:9/v2"),
        ([{"url": "https://shop.example/v1/"}], "http://127.0.0.1:9", "http://127.0.0.1:9"),
        ([{"url": "https://shop.example/v1/"}], None, "${BASE_URL:-https://shop.example/v1}"),
        ([{"url": "ftp://shop.example"}], None, "${BASE_URL:-http://localhost:8000}"),
    ],
)
def test_the_target_is_the_first_server(servers: Any, base_url: str | None, expected: str) -> None:
    more = {} if servers is None else {"servers": servers}
    one = imported({"/x": {"get": {"responses": answer()}}}, ImportOptions(base_url=base_url), **more)
    assert one.plan["base_url"] == expected


SCHEMES: list[tuple[Json, Json, set[str]]] = [
    ({"type": "http", "scheme": "bearer"}, {"headers": {"Authorization": "Bearer ${API_TOKEN}"}}, {"API_TOKEN"}),
    ({"type": "http", "scheme": "basic"}, {"headers": {"Authorization": "Basic ${API_BASIC}"}}, {"API_BASIC"}),
    (
        {"type": "apiKey", "in": "header", "name": "X-Shop-Key"},
        {"headers": {"X-Shop-Key": "${API_KEY_OURS}"}},
        {"API_KEY_OURS"},
    ),
    ({"type": "apiKey", "in": "query", "name": "ours"}, {"query": {"ours": "${OURS}"}}, {"OURS"}),
    (
        {"type": "apiKey", "in": "cookie", "name": "sid"},
        {"headers": {"Cookie": "sid=${API_KEY_OURS}"}},
        {"API_KEY_OURS"},
    ),
    ({"type": "openIdConnect"}, {"headers": {"Authorization": "Bearer ${API_TOKEN}"}}, {"API_TOKEN"}),
    ({"type": "mutualTLS"}, {}, set()),
]


@pytest.mark.parametrize(("scheme", "expected", "variables"), SCHEMES)
def test_security_schemes_ask_for_environment_variables(scheme: Json, expected: Json, variables: set[str]) -> None:
    one = imported(
        {"/x": {"get": {"responses": answer()}}},
        security=[{"ours": []}],
        components={"securitySchemes": {"ours": scheme}},
    )
    (step,) = steps_of(one)
    assert step == {"path": "/x", "expect": {"status": 200}, **expected}
    assert set(one.variables) == variables
    if scheme["type"] in ("openIdConnect", "mutualTLS"):
        assert "security scheme ours" in notes_of(one)


def test_the_password_flow_of_oauth_logs_in_by_a_form() -> None:
    form = {
        "type": "object",
        "required": ["username", "password", "grant_type"],
        "properties": {
            "grant_type": {"type": "string", "pattern": "^password$"},
            "username": {"type": "string"},
            "password": {"type": "string"},
        },
    }
    token = {"type": "object", "required": ["access_token"], "properties": {"access_token": {"type": "string"}}}
    one = imported(
        {
            "/auth/jwt": {
                "post": {"requestBody": body(form, "application/x-www-form-urlencoded"), "responses": answer(token)}
            },
            "/me": {"get": {"security": [{"password": ["me"]}], "responses": answer()}},
        },
        components={
            "securitySchemes": {"password": {"type": "oauth2", "flows": {"password": {"tokenUrl": "auth/jwt"}}}}
        },
    )
    (login,) = load_of(one)["on_start"]
    assert login["form"] == {"grant_type": "password", "username": "${API_USERNAME}", "password": "${API_PASSWORD}"}
    assert steps_of(one) == [
        {"path": "/me", "headers": {"Authorization": "Bearer {{ token }}"}, "expect": {"status": 200}}
    ]


def test_the_user_may_name_the_login() -> None:
    paths = {"/enter": LOGIN, "/me": {"get": {"responses": answer()}}, "/login": LOGIN}
    one = imported(paths, ImportOptions(login="POST /enter"))
    assert load_of(one)["on_start"][0]["path"] == "/enter"
    for wish, message in (("POST /leave", "there is no operation POST /leave"), ("GET /me", "cannot be the login")):
        with pytest.raises(ImportFailedError, match=message):
            imported(paths, ImportOptions(login=wish))


def test_a_registration_is_no_login_and_a_login_by_cookie_has_no_token() -> None:
    credentials = {"type": "object", "properties": {"email": {"type": "string"}, "password": {"type": "string"}}}
    one = imported(
        {
            "/register": {"post": {"requestBody": body(credentials), "responses": answer(ITEM, "201")}},
            "/session": {"post": {"requestBody": body(credentials), "responses": {"204": {"description": ""}}}},
            "/me": {"get": {"responses": answer()}},
        }
    )
    (login,) = load_of(one)["on_start"]
    assert (login["path"], "extract" in login) == ("/session", False)
    assert not any("headers" in step for step in steps_of(one))


def test_a_token_is_sent_unless_the_document_says_that_none_is_needed() -> None:
    one = imported(
        {
            "/login": LOGIN,
            "/open": {"get": {"security": [], "responses": answer()}},
            "/other": {"get": {"responses": answer()}},
        }
    )
    public, other = steps_of(one)
    assert "headers" not in public
    assert other["headers"] == {"Authorization": "Bearer {{ token }}"}
    assert "the token is sent with all others" in notes_of(one)["security"]


@pytest.mark.parametrize("described", [True, False])
def test_refresh_and_logout_use_a_session_of_their_own(described: bool) -> None:
    tokens = {"type": "object", "properties": {"token": {"type": "string"}, "refreshToken": {"type": "string"}}}
    login_post = {**LOGIN["post"], "responses": answer(tokens if described else {"type": "object"})}
    one = imported(
        {
            "/login": {"post": login_post},
            "/logout": {"post": {"responses": {"204": {}}}},
            "/refresh": {
                "post": {
                    "requestBody": body(
                        {
                            "type": "object",
                            "required": ["refresh_token"],
                            "properties": {"refresh_token": {"type": "string"}},
                        }
                    ),
                    "responses": answer(),
                }
            },
            "/me": {"get": {"responses": answer()}},
        }
    )
    login, refresh, logout = load_of(one)["roles"]["session"]["flow"]
    assert login["extract"]["refresh_token"] == (
        "$.refreshToken" if described else "$..['refresh_token', 'refreshToken']"
    )

    assert refresh["json"] == {"refresh_token": "{{ refresh_token }}"}
    assert logout["headers"] == {"Authorization": "Bearer {{ session_token }}"}


LEFT_OUT: list[tuple[str, Json, str]] = [
    ("GET /a", {"get": {"deprecated": True}}, "it is deprecated"),
    ("TRACE /a", {"trace": {}}, "a plan has no method TRACE"),
    ("DELETE /a", {"delete": {}}, "it deletes what no step has created"),
    (
        "POST /a",
        {"post": {"requestBody": body({"type": "object"}, "multipart/form-data")}},
        "the form is not described",
    ),
    ("POST /a", {"post": {"requestBody": body({"type": "object"}, "multipart/mixed")}}, "the body is multipart/mixed"),
    ("POST /a", {"post": {"requestBody": body({"type": "object"}, "application/xml")}}, "the body is application/xml"),
    (
        "GET /a",
        {"get": {"responses": {"200": {"content": {"text/event-stream": {}}}}}},
        "the answer is a stream of events",
    ),
    (
        "POST /a",
        {"post": {"requestBody": body({"type": "object", "required": ["new_password"]})}},
        "it changes the password",
    ),
    (
        "POST /a",
        {
            "post": {
                "requestBody": body(
                    {"type": "object", "required": ["x"], "properties": {"x": {"type": "string", "pattern": "(?=a)"}}}
                )
            }
        },
        "the pattern '(?=a)' is not understood; give an example",
    ),
]


@pytest.mark.parametrize(("where", "item", "reason"), LEFT_OUT)
def test_what_is_left_out_is_noted(where: str, item: Json, reason: str) -> None:
    one = imported({"/a": item, "/b": {"get": {"responses": answer()}}})
    assert outline(steps_of(one)) == ["GET /b"]
    assert notes_of(one)[where].startswith(reason)
    assert notes_of(one)[where].endswith("it is left out")
    with pytest.raises(ImportFailedError, match="no operation is left"):
        imported({"/a": item})


def test_requests_that_the_service_sends_are_noted() -> None:
    get = {
        "callbacks": {"later": {"{$request.body#/url}": {"post": {}}}},
        "responses": {"200": {"links": {"next": {"operationId": "b"}}}},
    }
    one = imported({"/a": {"get": get}}, webhooks={"changed": {"post": {}}})
    assert [note.where for note in one.notes] == ["webhooks", "GET /a", "GET /a"]


def test_a_code_that_was_sent_elsewhere_cannot_be_made_up() -> None:
    def paths(created: Json) -> Json:
        return {
            "/checks": {"post": {"requestBody": JSON_BODY, "responses": answer(created, "201")}},
            "/checks/{check_id}/confirm": {
                "post": {
                    "requestBody": body(
                        {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}}
                    ),
                    "responses": answer(),
                }
            },
        }

    assert "code" in notes_of(imported(paths(ITEM)))["POST /checks/{check_id}/confirm"]
    told = {"type": "object", "properties": {"id": {"type": "integer"}, "code": {"type": "string"}}}
    create, confirm = steps_of(imported(paths(told)))
    assert create["extract"] == {"check_id": "$.id", "check_code": "$.code"}
    assert confirm["json"] == {"code": "{{ check_code }}"}


def test_rows_are_asked_for_where_nothing_gives_a_value(tmp_path: Path) -> None:
    one = imported({"/shops/{shop_id}/prices/{sku}": {"get": {"responses": answer()}}})
    (step,) = steps_of(one)
    assert step["path"] == (
        "/shops/{{ shop_rows.id | string | urlencode }}/prices/{{ price_rows.sku | string | urlencode }}"
    )
    assert one.files == {"shop.csv": "id\nexample\n", "price.csv": "sku\nexample\n"}
    assert one.plan["test_data"]["shop_rows"] == {"file": "shop.csv", "order": "sequential", "per": "iteration"}
    assert "fill price.csv" in "".join(note.what for note in one.notes)
    check_loads(one, tmp_path)


def test_examples_days_and_choices_fill_the_path() -> None:
    def get(schema: Json, **more: Any) -> Json:
        return {
            "get": {
                "parameters": [{"name": "x", "in": "path", "required": True, "schema": schema, **more}],
                "responses": answer(),
            }
        }

    one = imported(
        {
            "/a/{x}": get({"type": "integer"}, example=7),
            "/b/{x}": get({"enum": ["up", "down"]}),
            "/e/{x}": get({"enum": ["{{ 1 / 0 }}", "${HOME}"]}),
            "/c/{x}": get({"type": "string", "format": "date"}),
            "/d/{x}": get({"type": "string"}, examples={"one": {"value": "o n/e"}}),
        }
    )
    paths = [rendered(step["path"]) for step in steps_of(one)]
    assert paths[0] == "/a/7"
    assert paths[1] in ("/b/up", "/b/down")
    assert paths[2] == "/e/%7B%7B%201%20%2F%200%20%7D%7D"
    assert paths[3][:5] == "/c/20"
    assert paths[4] == "/d/o%20n%2Fe"


def rendered(value: Any) -> Any:
    return resolve(Templates().value(value), functions(Random(3)))


def test_queries_hold_what_is_required_or_has_an_example() -> None:
    parameters = [
        {"name": "q", "in": "query", "required": True, "schema": {"type": "string", "minLength": 3}},
        {"name": "tags", "in": "query", "example": ["a", "b"], "schema": {"type": "array"}},
        {"name": "ids", "in": "query", "example": [1, 2], "explode": False, "schema": {"type": "array"}},
        {"name": "page", "in": "query", "schema": {"type": "integer", "default": 1}},
        {"name": "f", "in": "query", "style": "deepObject", "example": {"a": 1}, "schema": {"type": "object"}},
        {"name": "X-Version", "in": "header", "required": True, "schema": {"enum": ["7"]}},
        {"name": "X-Key", "in": "header", "required": True, "schema": {"type": "string"}},
        {"name": "theme", "in": "cookie", "required": True, "schema": {"const": "dark"}},
    ]
    one = imported({"/x": {"get": {"parameters": parameters, "responses": answer()}}})
    (step,) = steps_of(one)
    assert step["query"] == {"q": "the", "tags": ["a", "b"], "ids": "1,2", "f[a]": 1}
    assert step["headers"] == {"X-Version": "7", "X-Key": "${X_KEY}", "Cookie": "theme=dark"}
    assert notes_of(one)["optional parameters"].endswith(": page")


def test_cookies_of_a_key_and_of_parameters_go_out_together() -> None:
    lang = {"name": "lang", "in": "cookie", "example": "de", "schema": {"type": "string"}}
    one = imported(
        {"/x": {"get": {"parameters": [lang], "responses": answer()}}},
        security=[{"ours": []}],
        components={"securitySchemes": {"ours": {"type": "apiKey", "in": "cookie", "name": "SESSION"}}},
    )
    (step,) = steps_of(one)
    assert step["headers"] == {"Cookie": "SESSION=${API_KEY_OURS}; lang=de"}


def test_no_credential_of_an_example_is_written(tmp_path: Path) -> None:
    """Wherever it stands: a body, a property, a query, a header; and the same value again elsewhere."""
    secret = "hunter2-secret"
    parameters = [
        {"name": "X-Api-Key", "in": "header", "schema": {"type": "string", "example": secret}},
        {"name": "api_key", "in": "query", "example": secret, "schema": {"type": "string"}},
    ]
    described = {"type": "object", "properties": {"client_secret": {"type": "string", "example": secret}}}
    example = {"client_secret": secret, "note": "sk_live_1234567890abcdef", "deep": [{"token": secret}], "n": 1}
    one = imported(
        {
            "/a": {"get": {"parameters": parameters, "responses": answer()}},
            "/b": {"post": {"requestBody": {"content": {"application/json": {"example": example}}}}},
            "/c": {"post": {"requestBody": body(described)}},
            "/d": {
                "post": {
                    "requestBody": {"content": {"application/json": {"example": example, "schema": {"type": "object"}}}}
                }
            },
        }
    )
    text = plan_yaml(one)
    assert secret not in text
    assert "sk_live" not in text
    by_path = {step["path"]: step for step in steps_of(one)}
    assert by_path["/b"]["json"]["n"] == 1
    assert by_path["/c"]["json"]["client_secret"] == by_path["/d"]["json"]["client_secret"] == "${API_KEY}"
    check_loads(one, tmp_path)


def test_optional_properties_without_an_example_are_told_of() -> None:
    properties = {"a": {"type": "string", "example": "x"}, "b": {"type": "string"}, "c": {"type": "integer"}}
    one = imported({"/x": {"post": {"requestBody": body({"type": "object", "properties": properties})}}})
    assert steps_of(one)[0]["json"] == {"a": "x"}
    assert notes_of(one)["optional properties"] == "left out, as they have no example: b, c"


def test_bodies_go_out_in_their_own_form() -> None:
    form = {"type": "object", "required": ["a", "b"], "properties": {"a": {"const": 1}, "b": {"const": {"c": 2}}}}
    one = imported(
        {
            "/form": {"post": {"requestBody": body(form, "application/x-www-form-urlencoded")}},
            "/merge": {"patch": {"requestBody": body({"const": {}}, "application/merge-patch+json")}},
            "/text": {"post": {"requestBody": {"content": {"text/csv": {"example": "a,b"}}}}},
            "/both": {
                "post": {
                    "requestBody": {
                        "content": {"multipart/form-data": {}, "application/json": {"example": {"a": "${b} {{ c }}"}}}
                    }
                }
            },
        }
    )
    by_path = {step["path"]: step for step in steps_of(one)}
    assert by_path["/form"]["form"] == {"a": 1, "b": '{"c": 2}'}
    assert by_path["/merge"]["headers"] == {"Content-Type": "application/merge-patch+json"}
    assert by_path["/text"]["body"] == "a,b"
    assert by_path["/text"]["headers"] == {"Content-Type": "text/csv"}
    assert by_path["/both"]["json"] == {"a": "{{ '$${b} {{ c }}' }}"}


def test_forms_with_files_get_random_bytes_and_the_files_are_named(tmp_path: Path) -> None:
    """What is required, with the media type that the document asks for; what it is told of is how to send a file."""
    binary = {"type": "string", "format": "binary"}
    schema = {
        "type": "object",
        "required": ["title", "photo", "pages", "about"],
        "properties": {
            "title": {"type": "string", "example": "Sea"},
            "photo": binary,
            "pages": {"type": "array", "items": {"type": "string", "contentMediaType": "application/pdf"}},
            "about": {"type": "object", "required": ["n"], "properties": {"n": {"const": 1}}},
            "cover": binary,
        },
    }
    content = {"schema": schema, "encoding": {"photo": {"contentType": "image/*"}, "cover": {"contentType": "a/b"}}}
    only = {"type": "object", "properties": {"scan": {"type": "string", "contentMediaType": "application/x-scan"}}}
    encoded = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png", "example": "aGk="}
    one = imported(
        {
            "/albums": {"post": {"requestBody": {"content": {"multipart/form-data": content}}}},
            "/scans": {"put": {"requestBody": body(only, "multipart/form-data")}},
            "/texts": {"put": {"requestBody": body({"properties": {"a": encoded}}, "multipart/form-data")}},
        }
    )
    by_path = {step["path"]: step["multipart"] for step in steps_of(one)}
    assert by_path["/albums"] == {
        "title": "Sea",
        "about": {"json": {"n": 1}},
        "photo": {"size": "10kB", "filename": "photo.png"},
        "pages": [{"size": "10kB", "filename": "pages.pdf"}],
    }
    assert by_path["/scans"] == {"scan": {"size": "10kB", "filename": "scan.bin", "type": "application/x-scan"}}
    assert by_path["/texts"] == {"a": "aGk="}
    assert notes_of(one)["POST /albums"].startswith("random bytes are sent as photo.png, pages.pdf; to send a file")
    check_loads(one, tmp_path)


def test_an_example_that_no_plan_should_hold_is_left_out() -> None:
    deep: Any = 1
    for _ in range(40):
        deep = {"a": deep}
    for example, reason in ((deep, "nested too deeply"), ([0] * 6_000, "too large")):
        one = imported(
            {
                "/a": {"post": {"requestBody": {"content": {"application/json": {"example": example}}}}},
                "/b": {"post": {"requestBody": body({"example": example})}},
                "/c": {"get": {"responses": answer()}},
            }
        )
        assert outline(steps_of(one)) == ["GET /c"]
        assert reason in notes_of(one)["POST /a"]
        assert reason in notes_of(one)["POST /b"]


def test_names_of_things_stay_when_the_things_are_changed() -> None:
    user = {
        "type": "object",
        "properties": {
            "id": {"type": "integer", "example": 10},
            "username": {"type": "string", "example": "ann"},
            "city": {"type": "string", "example": "Ulm"},
        },
    }
    one = imported(
        {
            "/user": {
                "post": {"requestBody": body(user), "responses": answer(user)},
                "put": {"requestBody": body(user)},
            },
            "/user/{username}": {
                "put": {"requestBody": body(user), "responses": answer(user)},
                "delete": {"responses": answer()},
            },
        }
    )
    create, *changes, delete = steps_of(one)
    assert create["json"] == {
        "id": "{{ random_int(1, 2000000000) }}",
        "username": "username {{ uuid() }}",
        "city": "Ulm",
    }
    assert changes[0]["json"]["username"] == "{{ username }}"
    assert delete["path"] == "/user/{{ username | string | urlencode }}"


def test_each_way_to_delete_has_a_thing_of_its_own_to_delete() -> None:
    number = {"name": "pet_id", "in": "path", "required": True, "schema": {"type": "integer"}}
    one = imported(
        {
            "/pets": {"post": {"requestBody": JSON_BODY, "responses": answer(ITEM, "201")}},
            "/pets/{pet_id}": {"parameters": [number], "delete": {"responses": answer()}},
            "/admin/pets/{pet_id}": {"parameters": [number], "delete": {"responses": answer()}},
        }
    )
    roles = load_of(one)["roles"]
    assert outline(roles["pet"]["flow"]) == ["POST /pets", "DELETE /pets/{{ pet_id }}"]
    assert outline(roles["pet-2"]["flow"]) == ["POST /pets", "DELETE /admin/pets/{{ pet_id }}"]


def test_things_that_need_each_other_end_the_search() -> None:
    def thing(other: str) -> Json:
        schema = {"type": "object", "required": [other], "properties": {other: {"type": "integer", "maximum": 9}}}
        return {"post": {"requestBody": body(schema), "responses": answer(ITEM, "201")}}

    get = {"get": {"responses": answer()}}
    one = imported({"/as": thing("b_id"), "/bs": thing("a_id"), "/as/{a_id}": get, "/bs/{b_id}": get})
    flow = load_of(one)["roles"]["a"]["flow"]
    assert outline(flow) == ["POST /bs", "POST /as", "GET /as/{{ a_id | string | urlencode }}"]
    assert flow[0]["json"] == {"a_id": "{{ random_int(1, 9) }}"}


def test_what_a_step_needs_is_not_done_where_the_step_cannot_be() -> None:
    shop = {"name": "shop_id", "in": "path", "required": True, "schema": {"type": "integer"}}
    logo = {"requestBody": body({"type": "object"}, "multipart/form-data")}
    one = imported(
        {
            "/shops": {"post": {"requestBody": JSON_BODY, "responses": answer(ITEM, "201")}},
            "/shops/{shop_id}/logo": {"parameters": [shop], "put": logo},
            "/status": {"get": {"responses": answer()}},
        },
        ImportOptions(only=("/shops/*", "/status")),
    )
    assert outline(steps_of(one)) == ["GET /status"]


def test_a_document_of_an_order_is_no_document_of_an_invoice() -> None:
    created = {"requestBody": JSON_BODY, "responses": answer(ITEM, "201")}
    paths: Json = {"/orders": {"post": created}, "/invoices": {"post": created}}
    for owner in ("order", "invoice"):
        number = {"name": f"{owner}_id", "in": "path", "required": True, "schema": {"type": "integer"}}
        document = {"name": "document_id", "in": "path", "required": True, "schema": {"type": "integer"}}
        paths[f"/{owner}s/{{{owner}_id}}/documents"] = {"parameters": [number], "post": created}
        paths[f"/{owner}s/{{{owner}_id}}/documents/{{document_id}}"] = {
            "parameters": [number, document],
            "get": {"responses": answer()},
            "delete": {"responses": answer()},
        }
    roles = load_of(imported(paths))["roles"]
    assert outline(roles["invoice-document"]["flow"]) == [
        "POST /invoices",
        "POST /invoices/{{ invoice_id }}/documents",
        "GET /invoices/{{ invoice_id }}/documents/{{ document_id }}",
        "DELETE /invoices/{{ invoice_id }}/documents/{{ document_id }}",
    ]
    assert outline(roles["document"]["flow"])[:2] == ["POST /orders", "POST /orders/{{ order_id }}/documents"]


def test_properties_name_things_by_their_last_words() -> None:
    transfer = {
        "type": "object",
        "required": ["from_account_id", "weird_id"],
        "properties": {"from_account_id": {"type": "integer"}, "weird_id": {"const": 3}},
    }
    one = imported(
        {
            "/bank-accounts": {"post": {"requestBody": JSON_BODY, "responses": answer(ITEM, "201")}},
            "/2.0/{id}": {"get": {"responses": answer()}},
            "/accounts": {"get": {"responses": answer({"type": "array", "items": ITEM})}},
            "/transfers": {"post": {"requestBody": body(transfer), "responses": answer()}},
        }
    )
    flow = load_of(one)["roles"]["transfer"]["flow"]
    assert outline(flow) == ["GET /accounts", "POST /transfers"]
    assert flow[0]["extract"] == {"account_id": "$[0].id"}
    assert flow[1]["json"] == {"from_account_id": "{{ account_id }}", "weird_id": 3}


def test_only_what_the_plan_uses_is_asked_for() -> None:
    secret = {"name": "X-Secret", "in": "header", "required": True, "schema": {"type": "string"}}
    cookie = {"name": "access_token", "in": "cookie", "schema": {"type": "string"}}
    one = imported(
        {
            "/a/{x}": {"post": {"parameters": [secret], "requestBody": body({}, "multipart/form-data")}},
            "/b": {"get": {"parameters": [cookie], "responses": answer()}},
        }
    )
    assert (one.files, one.variables, "test_data" in one.plan) == ({}, {}, False)
    assert steps_of(one) == [{"path": "/b", "expect": {"status": 200}}]


def test_many_kinds_of_user_are_told_of() -> None:
    paths = {f"/t{number}s": {"post": {"requestBody": JSON_BODY, "responses": answer(ITEM)}} for number in range(25)}
    single = {f"/t{number}s/{{id}}": {"get": {"responses": answer()}} for number in range(25)}
    one = imported({**paths, **single})
    assert load_of(one)["users"] == 25
    assert "--only" in notes_of(one)["users"]
    nearly = {f"/x{number}": {"get": {"responses": answer()}} for number in range(2001)}
    with pytest.raises(ImportFailedError, match="2001 operations are too many"):
        imported(nearly)


def test_some_operations_can_be_asked_for() -> None:
    one = import_openapi(CLINIC, ImportOptions(only=("GET /doctors*", "/health"), scenario="part"))
    roles = one.plan["scenarios"]["part"]["roles"]
    assert outline(roles["requests"]["endpoints"]) == ["GET /health"]
    assert outline(roles["doctor"]["flow"]) == [
        "POST /specialties",
        "POST /doctors",
        "GET /doctors/{{ doctor_id }}",
        "GET /doctors",
        "DELETE /doctors/{{ doctor_id }}",
        "DELETE /specialties/{{ specialty_id }}",
    ]
    for pattern in ("get /health", "GET /heal*", "*lth"):
        only = import_openapi(CLINIC, ImportOptions(only=(pattern,)))
        assert outline(steps_of(only)) == ["GET /health"], pattern
    with pytest.raises(ImportFailedError, match="no operation fits"):
        import_openapi(CLINIC, ImportOptions(only=("/healt?",)))
    with pytest.raises(ImportFailedError, match="no operation fits /nowhere"):
        import_openapi(CLINIC, ImportOptions(only=("/nowhere",)))


def test_json_and_yaml_give_the_same_plan() -> None:
    as_json = json.dumps(yaml.safe_load(CLINIC), default=str)
    assert import_openapi(as_json, ImportOptions()) == import_openapi(CLINIC, ImportOptions())


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    name = "a\n- {{ x }} ${HOME} #"
    one = imported(
        {
            f"/{name}": {"get": {"responses": answer()}, "delete": {}},
            "/x/{y}": {"get": {"summary": name, "tags": [name], "responses": answer()}},
        },
        info={"title": name, "version": name},
    )
    assert "GET /x/" in " ".join(outline(steps_of(one)))
    check_loads(one, tmp_path)
