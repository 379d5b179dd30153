"""What an API is about shows in its paths, however these spell it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadworthy.importers.imported import ImportOptions
from loadworthy.importers.openapi.plan import import_openapi
from loadworthy.importers.openapi.things import singular

Json = dict[str, Any]


def answers(code: str, schema: Json | None = None) -> Json:
    content = {} if schema is None else {"content": {"application/json": {"schema": schema}}}
    return {"responses": {code: {"description": "", **content}}}


def scenario_of(paths: Json) -> Json:
    document = {"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": paths}
    scenario: Json = import_openapi(json.dumps(document), ImportOptions()).plan["scenarios"]["load"]
    return scenario


@pytest.mark.parametrize(
    ("plural", "word"),
    [
        ("orders", "order"),
        ("categories", "category"),
        ("boxes", "box"),
        ("movies", "movie"),
        ("project_statuses", "project_status"),
        ("favoriteMovies", "favorite_movie"),
        ("sizes", "size"),
        ("news", "news"),
        ("people", "person"),
        ("address", "address"),
    ],
)
def test_plurals_become_the_word_for_one(plural: str, word: str) -> None:
    """A collection of movies holds a movie, which ``movie_id`` names."""
    assert singular(plural) == word


def test_an_ending_of_the_format_belongs_to_no_thing() -> None:
    """``/calls/{id}.json`` is one of ``/calls.json``: it is created, read and deleted in one flow."""
    created = {"type": "object", "properties": {"id": {"type": "string"}}}
    one = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]}
    scenario = scenario_of(
        {
            "/calls.json": {"post": answers("201", created)},
            "/calls/{id}.json": {**one, "get": answers("200"), "delete": answers("204")},
        }
    )
    assert [(step.get("method", "GET"), step["path"]) for step in scenario["flow"]] == [
        ("POST", "/calls.json"),
        ("GET", "/calls/{{ call_id | string | urlencode }}.json"),
        ("DELETE", "/calls/{{ call_id | string | urlencode }}.json"),
    ]


def test_a_thing_that_another_parameter_follows_is_no_collection() -> None:
    """``/gists/{gist_id}/{sha}`` makes no second kind of thing out of ``/gists/{gist_id}``."""
    created = {"type": "object", "properties": {"id": {"type": "integer"}}}
    number = {"name": "gist_id", "in": "path", "required": True, "schema": {"type": "integer"}}
    version = {"name": "sha", "in": "path", "required": True, "schema": {"type": "string"}}
    scenario = scenario_of(
        {
            "/gists": {"post": answers("201", created)},
            "/gists/{gist_id}": {"parameters": [number], "get": answers("200"), "patch": answers("200")},
            "/gists/{gist_id}/forks": {"parameters": [number], "get": answers("200")},
            "/gists/{gist_id}/{sha}": {"parameters": [number, version], "get": answers("200")},
        }
    )
    created_in = [name for name, role in scenario["roles"].items() if role["flow"][0]["path"] == "/gists"]
    assert created_in == ["gist", "sha"]


def test_an_object_is_no_identifier() -> None:
    """An answer that tells all of the owner does not give what ``{owner}`` in a path stands for."""
    created = {"type": "object", "properties": {"id": {"type": "integer"}, "owner": {"type": "object"}}}
    both = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in ("owner", "repo")]
    scenario = scenario_of(
        {
            "/repos": {"post": answers("201", created)},
            "/repos/{owner}/{repo}": {"parameters": both, "get": answers("200")},
        }
    )
    assert "$.owner" not in repr(scenario)
    assert "repo_rows.owner" in repr(scenario)


def test_a_version_names_no_thing() -> None:
    """``/orders/v1/{id}`` is an order, and ``/shops/v1/{id}`` a shop."""
    number = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    created = {"type": "object", "properties": {"id": {"type": "integer"}}}
    paths: Json = {}
    for things in ("orders", "shops"):
        paths[f"/{things}/v1"] = {"post": answers("201", created)}
        paths[f"/{things}/v1/{{id}}"] = {"parameters": [number], "get": answers("200")}
    scenario = scenario_of(paths)
    assert set(scenario["roles"]) == {"order", "shop"}
    assert scenario["roles"]["order"]["flow"][0]["extract"] == {"order_id": "$.id"}
