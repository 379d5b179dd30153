"""The service of flask_auth: accounts, logins, profiles, administration; each request with its right status."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.test import TestResponse

from systems.flask_auth.service.app import create_app
from systems.flask_auth.service.models import Client
from systems.flask_auth.service.seed import ADMIN_EMAIL, ADMIN_PASSWORD, TEST_USERS
from systems.kit.database import MAX_OVERFLOW, POOL_SIZE, Database

FORM = {"name": "Ann Example", "email": "Ann@Shop.example", "password": "a long password", "phone": "+41 44 123 45 67"}
NEW_ID = 1002


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file."""
    one = Database(f"sqlite:///{tmp_path / 'flask_auth.db'}")
    yield one
    one.dispose()


@pytest.fixture
def app(database: Database) -> Flask:
    """The service, seeded."""
    return create_app(database)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Who asks it."""
    return app.test_client()


def _register(client: FlaskClient, **changes: Any) -> TestResponse:
    form = {key: value for key, value in {**FORM, **changes}.items() if value is not None}
    return client.post("/client_registeration", json=form)


def _bearer(client: FlaskClient, email: str = ADMIN_EMAIL, password: str = ADMIN_PASSWORD) -> dict[str, str]:
    answer = client.post("/client_login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.get_json()['token']}"}


def test_the_seed_is_the_suites_test_users_and_an_administrator(app: Flask, database: Database) -> None:
    """A thousand clients, all of whom can log in with the password of the file; one administrator."""
    users = json.loads(TEST_USERS.read_text(encoding="utf-8"))
    with database.reading() as session:
        emails = set(session.scalars(select(Client.email).where(Client.role == "client")))
        admins = session.scalars(select(Client.email).where(Client.role == "admin")).all()
    assert emails == {user["email"] for user in users}
    assert len(emails) == 1000
    assert admins == [ADMIN_EMAIL]
    for user in (users[0], users[-1]):
        assert "Authorization" in _bearer(app.test_client(), user["email"], user["password"])


def test_registration_makes_an_account_from_json_and_from_a_form(client: FlaskClient) -> None:
    """201 with the account, whose address is in lower case; the password is nowhere in it."""
    made = _register(client)
    assert made.status_code == 201
    shown = made.get_json()["client"]
    assert (shown["id"], shown["email"], shown["role"], shown["login_count"]) == (
        NEW_ID, "ann@shop.example", "client", 0,
    )  # fmt: skip
    assert "password" not in made.text
    form = client.post("/client_registeration", data={**FORM, "email": "bob@shop.example"})
    assert (form.status_code, form.get_json()["client"]["name"]) == (201, "Ann Example")


def test_the_table_has_no_password(client: FlaskClient, database: Database) -> None:
    """What is stored is a salted Argon2 hash."""
    _register(client)
    with database.reading() as session:
        row = session.get(Client, NEW_ID)
        stored = str(session.execute(text("SELECT * FROM clients")).all())
    assert row is not None
    assert row.password_hash.startswith("$argon2id$")
    assert FORM["password"] not in stored


@pytest.mark.parametrize("email", ["ann@shop.example", "ANN@shop.EXAMPLE"])
def test_an_address_registers_once(client: FlaskClient, email: str) -> None:
    """The second time is 409, however it is written, and there is still one row."""
    assert _register(client).status_code == 201
    assert _register(client, email=email).status_code == 409


def test_of_many_at_the_same_time_one_gets_the_address(app: Flask, database: Database) -> None:
    """Eight registrations of one address, all past the first look before any is done: one 201, seven 409."""
    together = threading.Barrier(8)
    statuses: list[int] = []

    def register() -> None:
        client = app.test_client()
        together.wait()
        statuses.append(_register(client).status_code)

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(statuses) == [201] + [409] * 7
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(Client.email == "ann@shop.example")) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"password": None},
        {"password": "seven77"},
        {"password": "x" * 129},
        {"name": "  "},
        {"name": "a\0b"},
        {"email": "nobody"},
        {"email": "a@b"},
        {"email": "a b@c.example"},
        {"email": f"{'x' * 200}@c.example"},
        {"phone": "call me"},
        {"role": "admin"},
        {"name": 7},
    ],
)
def test_a_form_that_is_not_right_is_refused(client: FlaskClient, changes: dict[str, Any]) -> None:
    """422 that names the field and does not repeat what was sent."""
    refused = _register(client, **changes)
    assert refused.status_code == 422
    (problem,) = refused.get_json()["detail"]
    assert problem["loc"] == [*changes]
    assert not any(str(value) in refused.text for value in changes.values() if value and str(value).strip() != "7")
    assert FORM["password"] not in refused.text


def test_bodies_of_other_kinds_are_refused(client: FlaskClient) -> None:
    """Broken JSON and JSON that is no object are 422, other kinds 415, large ones 413."""
    path = "/client_registeration"
    assert client.post(path, data="{", content_type="application/json").status_code == 422
    assert client.post(path, json=[1]).status_code == 422
    assert client.post(path, data="<a/>", content_type="text/xml").status_code == 415
    assert client.post(path).status_code == 415
    assert client.post(path, json={"name": "x" * 70_000}).status_code == 413


def test_login_gives_a_token_and_is_noted(client: FlaskClient) -> None:
    """JSON or form, in any case of the address; the account says when and how often."""
    _register(client)
    headers = _bearer(client, "ANN@shop.example", FORM["password"])
    form = client.post("/client_login", data={"email": FORM["email"], "password": FORM["password"]})
    assert form.status_code == 200
    assert (form.get_json()["token_type"], form.get_json()["client_id"]) == ("Bearer", NEW_ID)
    shown = client.get("/client_profile", headers=headers).get_json()["client"]
    assert shown["login_count"] == 2
    assert shown["last_login_at"] is not None


def test_a_refused_login_tells_nothing(client: FlaskClient) -> None:
    """A wrong password and an address that nobody has get the same 401, with the challenge; neither counts."""
    _register(client)
    wrong = client.post("/client_login", json={"email": FORM["email"], "password": "wrong"})
    nobody = client.post("/client_login", json={"email": "nobody@shop.example", "password": FORM["password"]})
    assert (wrong.status_code, wrong.get_json()) == (nobody.status_code, nobody.get_json())
    assert (wrong.status_code, wrong.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert client.post("/client_login", json={"email": FORM["email"]}).status_code == 422
    headers = _bearer(client, FORM["email"], FORM["password"])
    assert client.get("/client_profile", headers=headers).get_json()["client"]["login_count"] == 1


def test_logout_revokes_the_token_and_no_other(client: FlaskClient) -> None:
    """204, then 401 with that token; a token of another login still holds."""
    _register(client)
    one, other = (_bearer(client, FORM["email"], FORM["password"]) for _ in range(2))
    assert client.post("/client_logout", headers=one).status_code == 204
    assert client.get("/client_profile", headers=one).status_code == 401
    assert client.post("/client_logout", headers=one).status_code == 401
    assert client.get("/client_profile", headers=other).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic x"}, {"Authorization": "Bearer x.y.z"}])
def test_without_a_token_there_is_no_profile(client: FlaskClient, headers: dict[str, str]) -> None:
    """401 for each request that needs to know who asks."""
    for method, path in (
        ("GET", "/client_profile"),
        ("PATCH", "/client_profile"),
        ("DELETE", "/client_profile"),
        ("POST", "/client_logout"),
        ("GET", "/clients"),
        ("DELETE", "/clients?domain=x.example"),
        ("GET", "/clients/1"),
        ("DELETE", "/clients/1"),
    ):
        assert client.open(path, method=method, headers=headers).status_code == 401, path


def test_clients_change_their_profile_and_leave(client: FlaskClient) -> None:
    """What is given changes, what is not right is 422; an account that left is gone, and so is its token."""
    _register(client)
    headers = _bearer(client, FORM["email"], FORM["password"])
    changed = client.patch("/client_profile", json={"name": "Ann Other"}, headers=headers)
    assert (changed.status_code, changed.get_json()["client"]["name"]) == (200, "Ann Other")
    assert client.patch("/client_profile", json={"role": "admin"}, headers=headers).status_code == 422
    shown = client.get("/client_profile", headers=headers).get_json()["client"]
    assert (shown["name"], shown["phone"], shown["role"]) == ("Ann Other", FORM["phone"], "client")
    assert client.delete("/client_profile", headers=headers).status_code == 204
    assert client.get("/client_profile", headers=headers).status_code == 401
    assert client.post("/client_login", json={"email": FORM["email"], "password": FORM["password"]}).status_code == 401


def test_administration_is_the_administrators(client: FlaskClient) -> None:
    """A client gets 403 for all of it."""
    _register(client)
    headers = _bearer(client, FORM["email"], FORM["password"])
    for method, path in (
        ("GET", "/clients"),
        ("DELETE", "/clients?domain=shop.example"),
        ("GET", f"/clients/{NEW_ID}"),
        ("DELETE", "/clients/1"),
    ):
        assert client.open(path, method=method, headers=headers).status_code == 403, path
    assert client.get("/client_profile", headers=headers).status_code == 200


def test_the_list_comes_in_pages_and_by_domain(client: FlaskClient) -> None:
    """limit, offset and domain choose; total counts all that fit; silly values are 422."""
    for name in "abc":
        _register(client, email=f"{name}@shop.example")
    admin = _bearer(client)
    page = client.get("/clients?limit=2&offset=1000", headers=admin).get_json()
    assert ([item["id"] for item in page["items"]], page["total"]) == ([1001, 1002], 1004)
    shop = client.get("/clients?domain=SHOP.example&limit=1&offset=2", headers=admin).get_json()
    assert ([item["email"] for item in shop["items"]], shop["total"]) == (["c@shop.example"], 3)
    for query in ("limit=0", "limit=101", "offset=-1", "limit=x", f"offset={10**30}"):
        assert client.get(f"/clients?{query}", headers=admin).status_code == 422


def test_administrators_remove_accounts(client: FlaskClient, database: Database) -> None:
    """One by its id, or a whole domain; what is not there is 404 or 422; an administrator's account stays."""
    for name in "abc":
        _register(client, email=f"{name}@shop.example")
    admin = _bearer(client)
    assert client.get(f"/clients/{NEW_ID}", headers=admin).get_json()["client"]["email"] == "a@shop.example"
    assert client.delete(f"/clients/{NEW_ID}", headers=admin).status_code == 204
    for path, status in ((f"/clients/{NEW_ID}", 404), ("/clients/99999999999999999999", 422)):
        assert client.delete(path, headers=admin).status_code == status
        assert client.get(path, headers=admin).status_code == status
    removed = client.delete("/clients?domain=shop.example", headers=admin)
    assert (removed.status_code, removed.get_json()) == (200, {"removed": 2})
    assert client.delete("/clients?domain=shop.example", headers=admin).status_code == 404
    assert client.delete("/clients", headers=admin).status_code == 422
    assert client.delete("/clients/1001", headers=admin).status_code == 409
    assert client.delete("/client_profile", headers=admin).status_code == 409
    assert client.delete("/clients?domain=example.com", headers=admin).status_code == 404
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Client)) == 1001


def test_the_administrators_password_can_be_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says it before the first start."""
    monkeypatch.setenv("FLASK_AUTH_ADMIN_PASSWORD", "something else")
    database = Database(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        client = create_app(database).test_client()
        assert "Authorization" in _bearer(client, password="something else")
        refused = client.post("/client_login", json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})
        assert refused.status_code == 401
    finally:
        database.dispose()


def test_unknown_paths_and_methods_answer_json(client: FlaskClient) -> None:
    """404; 405 with what is allowed; each with a detail."""
    assert "detail" in client.get("/nowhere").get_json()
    refused = client.put("/client_login")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "OPTIONS, POST")
    assert "detail" in refused.get_json()


def test_a_full_pool_is_503(client: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Retry-After, on an endpoint; and /health says that the database cannot be reached."""

    def gone(*_: object) -> None:
        raise PoolTimeoutError

    monkeypatch.setattr(database.engine, "connect", gone)
    busy = client.post("/client_login", json={"email": "a@b.example", "password": "x"})
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "1")
    assert client.get("/health").status_code == 503


def test_an_error_of_the_service_is_json_and_measured(app: Flask, client: FlaskClient) -> None:
    """500 with a detail that does not tell what broke, counted under its route."""

    @app.get("/broken/<name>")
    def broken(name: str) -> str:
        raise RuntimeError(name)

    answer = client.get("/broken/inside")
    assert answer.status_code == 500
    assert "inside" not in answer.get_json()["detail"]
    page = client.get("/metrics").text
    assert 'http_requests_total{method="GET",path="/broken/<name>",status="500"} 1.0' in page


def test_metrics_count_by_route_and_show_process_and_pool(client: FlaskClient) -> None:
    """Requests are counted under the route, unknown paths share one name; memory, CPU and pool are there."""
    admin = _bearer(client)
    for path in ("/clients/1", "/clients/2", "/nowhere/1", "/nowhere/2"):
        client.get(path, headers=admin)
    page = client.get("/metrics").text
    assert 'path="/clients/<int:client_id>",status="200"} 2.0' in page
    assert 'http_requests_total{method="GET",path="unknown",status="404"} 2.0' in page
    assert 'http_requests_total{method="POST",path="/client_login",status="200"} 1.0' in page
    assert "http_requests_in_progress 1.0" in page
    for metric in ("process_resident_memory_bytes", "process_cpu_seconds_total"):
        assert f"\n{metric} " in page
    assert 'db_pool_connections{state="checked_out"} 0.0' in page
    assert f"db_pool_limit {POOL_SIZE + MAX_OVERFLOW}.0" in page
