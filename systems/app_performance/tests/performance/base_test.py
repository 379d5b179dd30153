"""What all performance tests of the application share.

:class:`BaseLocustTest` is a user with a client, and with one method for each thing that users of the application do;
a test says how often, with Locust's ``@task``. Each of these methods makes one request and judges its status: where a
404 is what must come, a 404 is a success.

Rows that a test makes are removed again when it is over, unless it is run with ``--keep-data``. All its requests carry
the test's id, and one ``DELETE`` removes what was made under it (see the README, "Test data").

The base URL and the test data come from the configuration: that of ``PERFORMANCE_CONFIG``, which
``scripts/run_perf_tests.py`` sets, or ``config/performance_config.yaml``.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from functools import cache
from pathlib import Path
from typing import Any

from locust import events
from locust.env import Environment

from loadworthy.plan.load import LoadedPlan, load_plan
from loadworthy.plan.test_data import RowSource
from loadworthy.users import HttpUser
from loadworthy.users.cleanup import clean_up_after, created
from loadworthy.users.feeders import Row, load_rows
from loadworthy.users.http.response import Response
from loadworthy.users.preflight import require_target

FOLDER = Path(__file__).resolve().parent
CONFIG = FOLDER / "config" / "performance_config.yaml"
DATA = FOLDER / "data"
PASSWORD = os.environ.get("APP_PERFORMANCE_PASSWORD") or "performance-test"
"""Of all test accounts; the default is that of the reference service."""

PAGE_SIZE = 100
MISSING_ID = 2**31 - 1
EXPIRES_EARLIER_S = 60.0
"""A token is renewed so long before its end: a request may take a while."""

TEST_RUN_HEADER = "X-Test-Run"
_TEST_RUN = "app_performance_test_run"
"""Name under which an environment carries the id of the test that is under way."""

require_target()
clean_up_after()


@cache
def configuration() -> LoadedPlan:
    """The configuration, read once in each process; PlanError where it has mistakes."""
    return load_plan(Path(os.environ.get("PERFORMANCE_CONFIG") or CONFIG), environ=os.environ)


@cache
def rows_of(name: str, **wanted: str) -> list[Row]:
    """The rows under ``test_data`` of this name whose columns have the wanted values.

    A configuration that does not name them has those of ``data/NAME.csv``.
    """
    loaded = configuration()
    source = loaded.plan.test_data.get(name) or RowSource(file=str(DATA / f"{name}.csv"))
    return [row for row in load_rows(source, loaded.base_dir) if wanted.items() <= row.items()]


class BaseLocustTest(HttpUser):
    """A user of the application.

    Attributes that a test may set:
        role: ``member`` or ``manager``, the kind of account with which :meth:`log_in` logs in.
    """

    abstract = True
    host = configuration().plan.base_url
    role = "member"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.client.headers[TEST_RUN_HEADER] = test_run_of(self)
        self.item_ids: list[int] = []
        self.own_item_ids: list[int] = []
        self._token_ends_s = 0.0

    # --- before the first task ---

    def log_in(self) -> bool:
        """Log in with one of the test accounts; whether that worked. From now on, requests carry the token."""
        accounts = rows_of("accounts", role=self.role)
        if not accounts:
            raise ValueError(f"the test data has no accounts with the role {self.role}")
        form = {"email": random.choice(accounts)["email"], "password": PASSWORD}
        self.client.headers.pop("Authorization", None)
        response = self.send("POST", "/api/users/login", 200, json=form)
        if response is None:
            return False
        given = response.json()
        self.client.headers["Authorization"] = f"Bearer {given['access_token']}"
        self._token_ends_s = time.monotonic() + given["expires_in"] - EXPIRES_EARLIER_S
        return True

    def is_logged_in(self) -> bool:
        """Whether there is a token; logs in, again if need be, where there is none."""
        return time.monotonic() < self._token_ends_s or self.log_in()

    def find_items(self) -> bool:
        """Learn the ids of the oldest items, to read and to order; whether there are any.

        They stay, for only what the test made is removed after it.
        """
        page = {"limit": PAGE_SIZE, "sort": "id"}
        response = self.send("GET", "/api/items/", 200, name="/api/items/ [set-up]", params=page)
        if response is not None:
            self.item_ids = [item["id"] for item in response.json()["items"]]
        return bool(self.item_ids)

    # --- what users do: one request each ---

    def browse_items(self) -> None:
        """Look at one of the first pages of the catalogue."""
        page = {"limit": 20, "offset": random.randrange(0, 200, 20)}
        self.send("GET", "/api/items/", 200, params=page)

    def search_items(self) -> None:
        """Search by a word of some row of the test data."""
        words = str(self.new_item()["name"]).split()
        self.send("GET", "/api/items/", 200, name="/api/items/?q=[word]", params={"q": random.choice(words)})

    def read_item(self) -> None:
        """Look at one item."""
        if self.item_ids or self.find_items():
            self.send("GET", f"/api/items/{random.choice(self.item_ids)}", 200, name="/api/items/[id]")

    def read_missing_item(self) -> None:
        """Ask for an item that does not exist; 404 is right."""
        self.send("GET", f"/api/items/{MISSING_ID}", 404, name="/api/items/[missing]")

    def create_item(self) -> None:
        """Add an item to the catalogue."""
        response = self.send("POST", "/api/items/", 201, json=self.new_item())
        if response is not None:
            self.own_item_ids.append(response.json()["id"])

    def change_item(self) -> None:
        """Change the price of an item of one's own; without any, add one."""
        if not self.own_item_ids:
            self.create_item()
            return
        change = {"value": random.randrange(500, 50_000)}
        self.send("PATCH", f"/api/items/{self.own_item_ids[-1]}", 200, name="/api/items/[id]", json=change)

    def remove_item(self) -> None:
        """Remove the oldest item of one's own; without any, add one."""
        if not self.own_item_ids:
            self.create_item()
            return
        self.send("DELETE", f"/api/items/{self.own_item_ids.pop(0)}", 204, name="/api/items/[id]")

    def place_order(self) -> None:
        """Order up to three items."""
        if self.is_logged_in() and (self.item_ids or self.find_items()):
            chosen = random.sample(self.item_ids, min(random.randint(1, 3), len(self.item_ids)))
            lines = [{"item_id": item_id, "quantity": random.randint(1, 3)} for item_id in chosen]
            self.send("POST", "/api/orders/", 201, json={"lines": lines})

    def list_orders(self) -> None:
        """Look at the latest orders: one's own, or everybody's for a manager."""
        if self.is_logged_in():
            self.send("GET", "/api/orders/", 200)

    def read_report(self) -> None:
        """Read the sales report, as a manager."""
        if self.is_logged_in():
            days = {"days": random.choice((7, 30, 90))}
            self.send("GET", "/api/reports/sales", 200, params=days)

    def ask_for_report(self) -> None:
        """Ask for the sales report as a member; 403 is right."""
        if self.is_logged_in():
            self.send("GET", "/api/reports/sales", 403, name="/api/reports/sales [refused]")

    # --- with what ---

    def new_item(self) -> dict[str, Any]:
        """The body of an item that does not exist yet: a row of the test data under a name of its own."""
        rows = rows_of("items")
        if not rows:
            raise ValueError("the test data has no items")
        row = random.choice(rows)
        return {**row, "name": f"{row['name']} {uuid.uuid4().hex[:8]}", "value": int(row["value"])}

    def send(self, method: str, path: str, expected: int, **options: Any) -> Response | None:
        """One request; the response where its status is the expected one, else it is a failure and None.

        Args:
            options: as for :meth:`loadworthy.users.HttpSession.request`; ``name`` is the series, without ids.
        """
        options.setdefault("name", path)  # without the query
        with self.client.request(method, path, catch_response=True, **options) as response:
            is_right: bool = response.status_code == expected
            if is_right:
                response.success()
            else:
                response.failure(response.error or f"status {response.status_code}, expected {expected}")
        return response if is_right else None


def test_run_of(user: BaseLocustTest) -> str:
    """The id of the test that this user's process is running. When it is over, what was made under it is removed."""
    test_run: str | None = getattr(user.environment, _TEST_RUN, None)
    if test_run is None:
        test_run = uuid.uuid4().hex
        setattr(user.environment, _TEST_RUN, test_run)
        created(user, "DELETE", f"/api/test-runs/{test_run}")
    return test_run


def _forget_test_run(environment: Environment, **_kwargs: Any) -> None:
    """The next test, of the plan or from the web UI, has an id of its own."""
    if hasattr(environment, _TEST_RUN):
        delattr(environment, _TEST_RUN)


events.test_stop.add_listener(_forget_test_run)
