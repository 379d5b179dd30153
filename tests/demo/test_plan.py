"""The demo's plan fits the demo's service: every step gets the answer it expects.

The steps are performed here by a few naive lines instead of the engine, so that this tests the plan alone.
"""

import contextlib
import json
import random
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
import jsonpath
import pytest

from loadworthy.demo.api import Api, Request
from loadworthy.demo.start import PLAN
from loadworthy.demo.store import Store
from loadworthy.plan.load import check_runnable, load_plan
from loadworthy.plan.model import Plan
from loadworthy.plan.steps import Step
from loadworthy.testing import FakeClock


@pytest.fixture(scope="module")
def plan() -> Plan:
    loaded = load_plan(PLAN, environ={"DEMO_URL": "http://127.0.0.1:1"})
    check_runnable(loaded)
    return loaded.plan


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    store = Store(tmp_path / "practice.sqlite")
    yield Api(store, FakeClock())
    store.close()


class NaiveUser:
    """Performs steps against an Api; anything not expected fails the test."""

    def __init__(self, api: Api, seed: int, headers: Mapping[str, str] | None = None) -> None:
        self._headers = dict(headers or {})
        rng = random.Random(seed)
        self._api = api
        self._environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
        self._variables: dict[str, Any] = {
            "random_int": rng.randint,
            "random_choice": rng.choice,
            "uuid": lambda: str(uuid.UUID(int=rng.getrandbits(128))),
            "user_number": seed,
        }

    def perform(self, step: Step) -> int:
        target = self._fill(step.path or "")
        if step.query:
            target += "?" + urlencode({key: self._fill(str(value)) for key, value in step.query.items()})
        body = b"" if step.json_ is None else json.dumps(self._value(step.json_)).encode()
        authorization = ""
        with contextlib.suppress(jinja2.UndefinedError):  # a login goes without the header that needs its token
            authorization = self._fill((self._headers | step.headers).get("Authorization", ""))
        response = self._api.handle(Request(step.method, target, authorization, body))
        wanted = step.expect.status or 200
        assert response.status in ((wanted,) if isinstance(wanted, int) else wanted), (target, response)
        for name, source in step.extract.items():
            self._variables[name] = jsonpath.findall(source, json.loads(response.body))[0]
        for path in step.expect.json_:
            assert jsonpath.findall(path, json.loads(response.body))
        return response.status

    def _fill(self, source: str) -> str:
        return self._environment.from_string(source).render(self._variables)

    def _value(self, source: Any) -> Any:
        if isinstance(source, dict):
            return {key: self._value(value) for key, value in source.items()}
        if isinstance(source, str) and source.startswith("{{") and source.endswith("}}"):
            return self._environment.compile_expression(source[2:-2])(**self._variables)
        return self._fill(source) if isinstance(source, str) else source


def test_it_loads_and_is_what_the_demo_promises(plan: Plan) -> None:
    """Twenty users for twenty seconds in three roles, judged by four thresholds, one of them for a series."""
    scenario = plan.scenarios["booking"]
    assert plan.base_url == "http://127.0.0.1:1"
    assert (scenario.kind, scenario.users, scenario.run_time) == ("load", 20, 20_000_000)
    assert [(name, role.weight) for name, role in scenario.roles.items()] == [
        ("reader", 12),
        ("writer", 6),
        ("admin", 2),
    ]
    assert len(scenario.thresholds) == 4


def test_every_endpoint_of_the_reader_answers(plan: Plan, api: Api) -> None:
    """Whatever day and number the templates draw."""
    for endpoint in plan.scenarios["booking"].roles["reader"].endpoints:
        for seed in range(40):
            assert NaiveUser(api, seed).perform(endpoint) == 200


def test_a_writer_books_again_and_again(plan: Plan, api: Api) -> None:
    """600 passes, more than the demo makes, all get their slot: writers do not fail by design."""
    flow = plan.scenarios["booking"].roles["writer"].flow
    user = NaiveUser(api, 1)
    for _ in range(600):
        assert [user.perform(step) for step in flow] == [200, 201, 200, 201]


def test_two_writers_after_the_same_slot_both_go_on(plan: Plan, api: Api) -> None:
    """The slower one gets 409, which is expected, and follows the appointment that has the slot."""
    look, book, *rest = plan.scenarios["booking"].roles["writer"].flow
    first, second = NaiveUser(api, 5), NaiveUser(api, 5)
    for user in (first, second):
        user.perform(look)
    assert [first.perform(book), second.perform(book)] == [201, 409]
    assert [second.perform(step) for step in rest] == [200, 201]


def test_the_admin_logs_in_and_confirms(plan: Plan, api: Api) -> None:
    """There is always something pending, for the calendar begins with thousands."""
    admin = plan.scenarios["booking"].roles["admin"]
    user = NaiveUser(api, 1, admin.headers)
    assert [user.perform(step) for step in admin.on_start] == [200]
    for _ in range(200):
        assert [user.perform(step) for step in admin.flow] == [200, 200]
