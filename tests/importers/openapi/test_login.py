"""The request that logs in is found where it is, and is in the plan whether or not its token is needed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadworthy.importers.imported import Imported, ImportOptions
from loadworthy.importers.openapi.plan import import_openapi

Json = dict[str, Any]


def schema_of(**properties: Any) -> Json:
    return {"content": {"application/json": {"schema": {"type": "object", "properties": properties}}}}


TEXT = {"type": "string"}
PERSON: Json = {"type": "object", "required": ["email", "password"], "properties": {"email": TEXT, "password": TEXT}}
TOKEN = schema_of(token=TEXT)["content"]


def imported(body: Json, scheme: Json, answer: Json = TOKEN) -> Imported:
    login = {"requestBody": body, "security": [], "responses": {"200": {"description": "", "content": answer}}}
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Notes", "version": "1"},
        "components": {"securitySchemes": {"user": scheme}},
        "security": [{"user": []}],
        "paths": {"/login": {"post": login}, "/notes": {"get": {"responses": {"200": {"description": ""}}}}},
    }
    return import_openapi(json.dumps(document), ImportOptions())


def test_credentials_may_stand_in_the_only_object_of_the_body() -> None:
    """``{person: {email, password}}`` is a login as ``{email, password}`` is, and is written with its object."""
    answer = schema_of(person={"type": "object", "properties": {"token": TEXT}})["content"]
    one = imported(schema_of(person=PERSON), {"type": "http", "scheme": "bearer"}, answer)
    scenario = one.plan["scenarios"]["load"]
    assert scenario["on_start"] == [
        {
            "path": "/login",
            "method": "POST",
            "json": {"person": {"email": "${API_EMAIL}", "password": "${API_PASSWORD}"}},
            "expect": {"status": 200},
            "extract": {"token": "$.person.token"},
        }
    ]
    assert scenario["endpoints"][0]["headers"] == {"Authorization": "Bearer {{ token }}"}


@pytest.mark.parametrize(
    ("description", "header", "is_noted"),
    [
        ("Send `Token <your token>`.", "Token {{ token }}", False),
        ("A JWT token that the login gave.\n\n    JWT aaa.bbb.ccc", "JWT {{ token }}", False),
        ("", "Bearer {{ token }}", True),
    ],
)
def test_an_api_key_in_authorization_is_the_token_of_the_login(description: str, header: str, is_noted: bool) -> None:
    """The word before the token is the one that the description shows; where it shows none, that is said."""
    one = imported(
        schema_of(**PERSON["properties"]),
        {"type": "apiKey", "in": "header", "name": "Authorization", "description": description},
    )
    assert one.plan["scenarios"]["load"]["endpoints"][0]["headers"] == {"Authorization": header}
    assert ("security scheme user" in [note.where for note in one.notes]) is is_noted


def test_a_login_whose_token_nobody_needs_is_a_request_as_any_other() -> None:
    """Where the others send an API key of their own, the login is not lost."""
    one = imported(schema_of(**PERSON["properties"]), {"type": "apiKey", "in": "header", "name": "X-Key"})
    scenario = one.plan["scenarios"]["load"]
    assert "on_start" not in scenario
    assert [step["path"] for step in scenario["endpoints"]] == ["/login", "/notes"]
    assert "extract" not in scenario["endpoints"][0]
    assert set(one.variables) == {"API_EMAIL", "API_PASSWORD", "API_KEY_USER"}
