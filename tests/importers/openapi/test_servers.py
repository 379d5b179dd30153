"""Requests go to the servers that the document names; passwords and other hosts are told of, and never just loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadworthy.importers.emit import plan_yaml
from loadworthy.importers.imported import Imported, ImportOptions
from loadworthy.importers.openapi.plan import import_openapi
from loadworthy.plan.load import plan_from_mapping

Json = dict[str, Any]
GET: Json = {"get": {"responses": {"200": {"description": ""}}}}
SECRET = "hunter2secret"
_CREDENTIALS = {"username": {"type": "string"}, "password": {"type": "string"}}
LOGIN: Json = {
    "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": _CREDENTIALS}}}},
    "responses": {"200": {"description": ""}},
}


def imported(paths: Mapping[str, Any], servers: Any, base_url: str | None = None, **more: Any) -> Imported:
    document = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths, "servers": servers, **more}
    one = import_openapi(json.dumps(document), ImportOptions(base_url=base_url))
    text = plan_yaml(one)
    environ = dict.fromkeys(one.variables, "a-value")
    plan_from_mapping(yaml.safe_load(text), path=Path("plan.yaml"), environ=environ)  # it is a plan
    assert SECRET not in text
    assert SECRET not in repr(one.variables)
    return one


def paths_of(one: Imported) -> list[str]:
    return [step["path"] for step in one.plan["scenarios"]["load"]["endpoints"]]


def notes_of(one: Imported) -> dict[str, str]:
    return {note.where: note.what for note in one.notes}


@pytest.mark.parametrize(
    ("own", "base_url", "expected", "base"),
    [
        ("/v2", None, "${BASE_URL:-https://shop.example}/v2/x", "${BASE_URL:-https://shop.example}/v1"),
        ("/v1/", None, "/x", "${BASE_URL:-https://shop.example/v1}"),
        ("https://shop.example/v1", None, "/x", "${BASE_URL:-https://shop.example/v1}"),
        ("https://shop.example", None, "${BASE_URL:-https://shop.example}/x", "${BASE_URL:-https://shop.example}/v1"),
        ("/v2", "http://localhost:9", "http://localhost:9/v2/x", "http://localhost:9"),
        ("https://shop.example/{v}", "http://localhost:9/b", "http://localhost:9/v3/x", "http://localhost:9/b"),
    ],
)
def test_a_server_of_an_operation_is_below_the_same_variable(
    own: str, base_url: str | None, expected: str, base: str
) -> None:
    """So BASE_URL and --url move it, too; also where its variables have defaults."""
    server = {"url": own, "variables": {"v": {"default": "v3"}}}
    for item in ({**GET, "servers": [server]}, {"get": {**GET["get"], "servers": [server]}}):
        one = imported({"/a": GET, "/x": item}, [{"url": "https://shop.example/v1"}], base_url)
        assert (one.plan["base_url"], paths_of(one)) == (base, ["/a", expected])
        assert "allowed_hosts" not in one.plan
        assert not one.notes


def test_another_host_is_allowed_and_told_of() -> None:
    """Without it the plan could not run; with --url nobody asked for it, and the run refuses until somebody does."""
    items = {f"/{name}": {**GET, "servers": [{"url": f"https://ann:{SECRET}@files.shop.example/f"}]} for name in "xy"}
    one = imported({"/a": GET, **items}, [{"url": "https://shop.example/v1"}])
    url = "https://ann:${PASSWORD_FILES_SHOP_EXAMPLE}@files.shop.example/f"
    assert paths_of(one) == ["/a", f"{url}/x", f"{url}/y"]
    assert one.plan["scenarios"]["load"]["endpoints"][1]["name"] == "https://files.shop.example/f/x"
    assert one.plan["allowed_hosts"] == ["files.shop.example", "shop.example"]
    assert "2 requests go to this host" in notes_of(one)["files.shop.example"]
    assert list(one.variables) == ["PASSWORD_FILES_SHOP_EXAMPLE"]

    other = imported({"/a": GET, **items}, [{"url": "https://shop.example/v1"}], "http://localhost:9")
    assert "allowed_hosts" not in other.plan
    assert "there still, and not to --url" in notes_of(other)["files.shop.example"]


def test_what_is_on_somebody_elses_host_is_left_out() -> None:
    """Nobody asked its owner; a login there is none, either, unless the user names it."""
    other = [{"url": "https://api.payments.example"}]
    paths = {"/a": GET, "/pay": {**GET, "servers": other}, "/login": {"post": {**LOGIN, "servers": other}}}
    one = imported(paths, [{"url": "https://shop.test"}])
    assert paths_of(one) == ["/a"]
    assert "on_start" not in one.plan["scenarios"]["load"]
    assert "allowed_hosts" not in one.plan
    for where in ("GET /pay", "POST /login"):
        assert "its server is on api.payments.example" in notes_of(one)[where]
        assert notes_of(one)[where].endswith("it is left out")


def test_passwords_of_servers_are_variables() -> None:
    """In the base URL, whoever gives it; in the notes they are masked."""
    servers = [{"url": f"https://ann:{SECRET}@shop.example/v1"}, {"url": f"https://x:{SECRET}@b.example"}]
    one = imported({"/a": GET, "/b": {**GET, "servers": [{"url": "/v2"}]}}, servers)
    assert one.plan["base_url"] == "https://ann:${BASE_URL_PASSWORD}@shop.example/v1"
    assert paths_of(one) == ["/a", "https://ann:${BASE_URL_PASSWORD}@shop.example/v2/b"]
    assert notes_of(one)["servers"] == "only the first is loaded; the others: https://x:***@b.example"
    given = imported({"/a": GET}, servers, f"http://bob:{SECRET}@localhost:9/")
    assert given.plan["base_url"] == "http://bob:${BASE_URL_PASSWORD}@localhost:9"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://[::1", "cannot be read"),
        ("http://a:99999", "cannot be read"),
        ("http://a:0/", "port 0"),
        ("https://a/?q=1", "beyond a path"),
        ("https://{host}/", "a variable without a default"),
        ("ftp://a", "no http:// or https:// URL"),
        ("http://a b/", "a space"),
    ],
)
def test_a_server_that_no_plan_can_have_is_told_of(url: str, reason: str) -> None:
    one = imported({"/a": GET, "/x": {**GET, "servers": [{"url": url}]}}, [{"url": url}])
    assert one.plan["base_url"] == "${BASE_URL:-http://localhost:8000}"
    assert reason in notes_of(one)["servers"]
    assert reason in notes_of(one)["GET /x"]
    assert paths_of(one) == ["/a", "/x"]


def test_the_login_goes_to_its_own_server() -> None:
    one = imported({"/login": {"post": {**LOGIN, "servers": [{"url": "/auth"}]}}, "/a": GET}, [])
    assert one.plan["scenarios"]["load"]["on_start"][0]["path"] == "${BASE_URL:-http://localhost:8000}/auth/login"


@pytest.mark.parametrize("base_url", [None, "http://localhost:9"])
def test_a_document_without_servers_is_about_the_one_that_most_paths_have(base_url: str | None) -> None:
    """Where each path names its server and the document none, that host is the service, and nothing is left out."""
    own = [{"url": "https://api.shop.example"}]
    paths = {"/a": {**GET, "servers": own}, "/b": {**GET, "servers": own}, "/c": GET}
    paths["/d"] = {**GET, "servers": [{"url": "https://eu.api.shop.example"}]}
    one = imported(paths, [], base_url)
    assert paths_of(one) == ["/a", "/b", "/c", "https://eu.api.shop.example/d"]
    assert one.plan["base_url"] == (base_url or "${BASE_URL:-https://api.shop.example}")
