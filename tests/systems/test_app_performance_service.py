"""The service of app_performance: a good citizen of HTTP, on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.app_performance import PASSWORD, row_counts
from tests.support.postgres import temporary_postgres
from tests.support.systems import Service

TIMEOUT_S = 60
Json = dict[str, Any]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service on one of the databases."""
    folder = tmp_path_factory.mktemp("service")
    if request.param == "sqlite":
        with Service("app_performance", folder) as one:
            yield one
        return
    with temporary_postgres() as url, Service("app_performance", folder, url) as one:
        yield one


class Caller:
    """Somebody who sends requests, logged in or not."""

    def __init__(self, service: Service, email: str | None = None) -> None:
        self._url = service.url
        self.headers: dict[str, str] = {}
        if email is not None:
            answer = self("POST", "/api/users/login", 200, json={"email": email, "password": PASSWORD})
            self.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def __call__(self, method: str, path: str, expected: int, **options: Any) -> Any:
        """The body of the answer, whose status must be as expected."""
        headers = {**self.headers, **options.pop("headers", {})}
        answer = requests.request(method, f"{self._url}{path}", headers=headers, timeout=TIMEOUT_S, **options)
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def anyone(service: Service) -> Caller:
    """Not logged in."""
    return Caller(service)


@pytest.fixture(scope="module")
def member(service: Service) -> Caller:
    """An account without rights over others."""
    return Caller(service, "member01@example.com")


@pytest.fixture(scope="module")
def other(service: Service) -> Caller:
    """Another one."""
    return Caller(service, "member02@example.com")


@pytest.fixture(scope="module")
def manager(service: Service) -> Caller:
    """An account that sees everything."""
    return Caller(service, "manager01@example.com")


def test_an_item_goes_through_its_life(anyone: Caller, service: Service) -> None:
    """Made, read, changed in part and in whole, removed; then it is gone."""
    before = row_counts(service)
    made = anyone("POST", "/api/items/", 201, json={"name": " test ", "value": 42})
    assert (made["name"], made["value"], made["category"], made["owner_id"]) == ("test", 42, "other", None)
    path = f"/api/items/{made['id']}"
    assert anyone("GET", path, 200) == made
    assert anyone("PATCH", path, 200, json={"value": 7})["name"] == "test"
    replaced = anyone("PUT", path, 200, json={"name": "lamp", "value": 9, "category": "lighting"})
    assert (replaced["name"], replaced["value"], replaced["description"]) == ("lamp", 9, "")
    anyone("DELETE", path, 204)
    anyone("GET", path, 404)
    anyone("DELETE", path, 404)
    assert row_counts(service) == before


def test_an_items_owner_and_managers_change_it(anyone: Caller, member: Caller, other: Caller, manager: Caller) -> None:
    """401 for those who are not logged in, 403 for others."""
    path = f"/api/items/{member('POST', '/api/items/', 201, json={'name': 'mine', 'value': 1})['id']}"
    anyone("DELETE", path, 401)
    other("PATCH", path, 403, json={"value": 2})
    manager("PATCH", path, 200, json={"value": 2})
    member("DELETE", path, 204)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "test"},
        {"name": "", "value": 1},
        {"name": "   ", "value": 1},
        {"name": "x" * 121, "value": 1},
        {"name": "test", "value": -1},
        {"name": "test", "value": "many"},
        {"name": "test", "value": 2**40},
        {"name": "test", "value": 1, "category": "No such!"},
        {"name": "test", "value": 1, "id": 5},
    ],
)
def test_a_bad_item_is_refused(body: Json, anyone: Caller) -> None:
    """422 with the places of the mistakes."""
    assert anyone("POST", "/api/items/", 422, json=body)["detail"]


@pytest.mark.parametrize("body", [{"name": None}, {"value": None}, {"nme": "x"}])
def test_a_bad_change_is_refused(body: Json, anyone: Caller) -> None:
    """What is left out stays as it is; nothing can be made nothing."""
    anyone("PATCH", "/api/items/1", 422, json=body)


def test_the_catalogue_is_searched_by_parts_of_names(anyone: Caller, service: Service) -> None:
    """Upper and lower case are one; the signs of LIKE are letters like others."""
    found = anyone("GET", "/api/items/?q=LAMP&limit=100", 200)
    assert found["total"] == service.rows("items", "lower(name) LIKE '%lamp%'") > 10
    assert all("lamp" in item["name"].lower() for item in found["items"])
    assert anyone("GET", "/api/items/?q=%25", 200)["total"] == 0
    lighting = anyone("GET", "/api/items/?category=lighting", 200)
    assert {item["category"] for item in lighting["items"]} == {"lighting"}


def test_pages_do_not_overlap_and_are_sorted(anyone: Caller, service: Service) -> None:
    """All pages together are all items, by value from the dearest on."""
    values, ids = [], []
    total = service.rows("items")
    for offset in range(0, total, 100):
        page = anyone("GET", f"/api/items/?limit=100&offset={offset}&sort=-value", 200)
        assert page["total"] == total
        values += [item["value"] for item in page["items"]]
        ids += [item["id"] for item in page["items"]]
    assert len(set(ids)) == total
    assert values == sorted(values, reverse=True)


def test_items_are_sorted_by_value_by_an_index(service: Service) -> None:
    """In both directions; on PostgreSQL as far as the planner may not sort."""
    if not service.database.startswith("sqlite"):
        assert service.rows("pg_indexes", "indexname = 'ix_items_by_value' AND indexdef LIKE '%(value, id)%'") == 1
        return
    for order in ("value, id", "value DESC, id DESC"):
        plan = " ".join(row[-1] for row in service.query(f"EXPLAIN QUERY PLAN SELECT * FROM items ORDER BY {order}"))
        assert "USING INDEX ix_items_by_value" in plan
        assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    "path", ["/api/items/?limit=0", "/api/items/?limit=101", "/api/items/?sort=name", "/api/items/0",
             "/api/items/99999999999999999999", "/api/items/x"],
)  # fmt: skip
def test_a_bad_query_is_refused(path: str, anyone: Caller) -> None:
    """422, also for a number that no database column holds."""
    anyone("GET", path, 422)


def test_log_in_takes_the_right_password_alone(anyone: Caller, member: Caller) -> None:
    """401 for a wrong password as for an unknown address, and what was sent is not repeated."""
    unknown = anyone("POST", "/api/users/login", 401, json={"email": "x@example.com", "password": PASSWORD})
    wrong = anyone("POST", "/api/users/login", 401, json={"email": "member01@example.com", "password": "nope-nope"})
    assert unknown == wrong
    refused = anyone("POST", "/api/users/login", 422, json={"password": "nope-nope"})
    assert "nope-nope" not in str(refused)
    assert member("GET", "/api/users/me", 200)["email"] == "member01@example.com"


def test_a_token_that_does_not_hold_is_refused(anyone: Caller) -> None:
    """401, also where none is needed: who sends one wants to be known."""
    forged = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
    anyone("GET", "/api/orders/", 401)
    anyone("GET", "/api/orders/", 401, headers=forged)
    anyone("POST", "/api/items/", 401, headers=forged, json={"name": "test", "value": 1})


def test_orders_are_their_owners(member: Caller, other: Caller, manager: Caller, service: Service) -> None:
    """403 for others; a manager sees all; an item that was ordered cannot be removed."""
    before = row_counts(service)
    item = member("POST", "/api/items/", 201, json={"name": "chair", "value": 250})
    order = member("POST", "/api/orders/", 201, json={"lines": [{"item_id": item["id"], "quantity": 3}]})
    path = f"/api/orders/{order['id']}"
    assert order["total"] == 750
    assert member("GET", path, 200) == order
    other("GET", path, 403)
    other("DELETE", path, 403)
    assert manager("GET", path, 200)["total"] == 750
    assert member("GET", "/api/orders/?limit=1", 200)["items"] == [order]
    other("GET", f"/api/orders/?user_id={order['user_id']}", 403)
    assert manager("GET", f"/api/orders/?user_id={order['user_id']}&limit=1", 200)["items"] == [order]
    manager("DELETE", f"/api/items/{item['id']}", 409)
    member("DELETE", path, 204)
    member("GET", path, 404)
    member("DELETE", f"/api/items/{item['id']}", 204)
    assert row_counts(service) == before


def test_a_bad_order_is_refused(member: Caller, service: Service) -> None:
    """404 for an item that does not exist, 422 for an order that makes no sense; nothing is stored."""
    before = row_counts(service)
    member("POST", "/api/orders/", 404, json={"lines": [{"item_id": 1}, {"item_id": 2**31 - 1}]})
    for lines in ([], [{"item_id": 1}, {"item_id": 1}], [{"item_id": 1, "quantity": 0}], [{"item_id": 2**31}]):
        member("POST", "/api/orders/", 422, json={"lines": lines})
    assert row_counts(service) == before


def test_reports_are_for_managers_and_add_up(anyone: Caller, member: Caller, manager: Caller, service: Service) -> None:
    """401, 403; what was sold by day, by category and in the tables is the same."""
    anyone("GET", "/api/reports/sales", 401)
    member("GET", "/api/reports/sales", 403)
    report = manager("GET", "/api/reports/sales?days=365", 200)
    ((revenue, orders),) = service.query("SELECT sum(total), count(*) FROM orders")
    assert sum(day["revenue"] for day in report["by_day"]) == revenue
    assert sum(day["orders"] for day in report["by_day"]) == orders
    assert sum(one["revenue"] for one in report["by_category"]) == revenue
    best = [item["revenue"] for item in report["best_items"]]
    assert len(best) == 10
    assert best == sorted(best, reverse=True)
    manager("GET", "/api/reports/sales?days=0", 422)


def test_accounts_are_listed_for_managers(member: Caller, manager: Caller) -> None:
    """Without their passwords."""
    member("GET", "/api/users/", 403)
    page = manager("GET", "/api/users/?limit=100", 200)
    assert page["total"] == 50
    assert set(page["items"][0]) == {"id", "email", "name", "role"}


def test_the_rows_of_a_test_go_with_one_request(anyone: Caller, member: Caller, service: Service) -> None:
    """Those of its id alone, orders with their lines; a second time there is nothing."""
    before = row_counts(service)
    mine, others = uuid.uuid4().hex, uuid.uuid4().hex
    for test_run in (mine, others):
        headers = {"X-Test-Run": test_run}
        item = anyone("POST", "/api/items/", 201, json={"name": "test", "value": 1}, headers=headers)
        member("POST", "/api/orders/", 201, json={"lines": [{"item_id": item["id"]}]}, headers=headers)
    assert anyone("DELETE", f"/api/test-runs/{mine}", 200) == {"removed": {"orders": 1, "items": 1}}
    anyone("DELETE", f"/api/test-runs/{mine}", 404)
    anyone("POST", "/api/items/", 410, json={"name": "late", "value": 1}, headers={"X-Test-Run": mine})
    assert service.rows("items", "test_run = :one", one=mine) == 0
    assert row_counts(service)["items"] == before["items"] + 1
    anyone("DELETE", f"/api/test-runs/{others}", 200)
    assert row_counts(service) == before
    anyone("DELETE", "/api/test-runs/everything", 422)
    anyone("POST", "/api/items/", 422, json={"name": "test", "value": 1}, headers={"X-Test-Run": "x"})


def test_a_test_whose_item_somebody_else_ordered_stays_whole(anyone: Caller, member: Caller, service: Service) -> None:
    """409, and nothing of it is removed."""
    test_run = uuid.uuid4().hex
    item = anyone("POST", "/api/items/", 201, json={"name": "test", "value": 1}, headers={"X-Test-Run": test_run})
    order = member("POST", "/api/orders/", 201, json={"lines": [{"item_id": item["id"]}]})
    anyone("DELETE", f"/api/test-runs/{test_run}", 409)
    assert service.rows("items", "test_run = :one", one=test_run) == 1
    member("DELETE", f"/api/orders/{order['id']}", 204)
    anyone("DELETE", f"/api/test-runs/{test_run}", 200)


def test_orders_at_the_same_time_are_all_kept(member: Caller, service: Service) -> None:
    """40 by eight at once: each has an id of its own and is in the table."""
    test_run = uuid.uuid4().hex

    def order(number: int) -> int:
        body = {"lines": [{"item_id": number + 1, "quantity": 1}]}
        made: Json = member("POST", "/api/orders/", 201, json=body, headers={"X-Test-Run": test_run})
        return int(made["id"])

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(order, range(40)))
    assert len(ids) == 40 == service.rows("orders", "test_run = :one", one=test_run)
    member("DELETE", f"/api/test-runs/{test_run}", 200)


def test_health_and_metrics(anyone: Caller, service: Service) -> None:
    """The database's state; requests by route, memory, CPU and the connection pool."""
    assert anyone("GET", "/health", 200) == {"status": "ok", "database": "ok"}
    anyone("GET", "/api/items/1", 200)
    text = requests.get(f"{service.url}/metrics", timeout=TIMEOUT_S).text
    for part in (
        'http_requests_total{method="GET",path="/api/items/{item_id}",status="200"}',
        "process_resident_memory_bytes", "process_cpu_seconds_total", 'db_pool_connections{state="checked_out"}',
        "db_pool_usage_ratio",
    ):  # fmt: skip
        assert part in text


def test_a_second_start_finds_the_data_as_it_was(tmp_path: Path) -> None:
    """The seed is for empty databases alone."""
    with Service("app_performance", tmp_path) as one:
        Caller(one)("POST", "/api/items/", 201, json={"name": "test", "value": 1})
        counts = row_counts(one)
    assert counts["items"] == 2001
    assert counts["users"] == 50
    with Service("app_performance", tmp_path) as one:
        assert row_counts(one) == counts
