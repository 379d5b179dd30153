"""Rows of test data that are handed out once: over processes no row twice, and a clear end when they are used up."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from tests.support.cli import (
    EASY_THRESHOLDS,
    Started,
    command,
    files_of,
    loadworthy,
    only_run,
    summary_of,
    wait_until,
    write_plan,
)
from tests.support.leading import Person, request, run_led
from tests.support.locust_ports import in_processes

from loadworthy.analysis.summarize import summarize
from loadworthy.engine.classes import NodeSetup, ScenarioClasses
from loadworthy.engine.control import Control
from loadworthy.engine.shipping import pack_setup, unpack_setup
from loadworthy.errors import UsageError
from loadworthy.plan.load import plan_from_mapping
from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer, Route
from loadworthy.users.declared import DeclaredUser

ROWS = 300
USERS = 7
FAR = {"thresholds": EASY_THRESHOLDS}
"""Limits so far off that on a busy machine, too, the generator is not what decides."""


def numbers(count: int) -> dict[str, Any]:
    return {"order": "once", "per": "iteration", "generate": {"count": count, "fields": {"n": {"sequence": 0}}}}


def plan_for(url: str) -> dict[str, Any]:
    """Scenarios one after another, each with test data of its own."""
    accounts = {"email": {"faker": "email", "unique": True}, "password": "password", "shop": {"from": "shops.id"}}
    return {
        "base_url": url,
        "seed": 5,
        "test_data": {
            "closed_rows": numbers(ROWS),
            "open_rows": numbers(ROWS),
            "enough_rows": numbers(1_000),
            "fewer_rows": numbers(1_000),
            "shops": {"database": "shops.db", "query": "SELECT id FROM shops ORDER BY id"},
            "accounts": {"order": "once", "generate": {"count": USERS, "fields": accounts}},
            "comers": {"order": "once", "generate": {"count": 4, "fields": {"n": {"sequence": 0}}}},
        },
        "scenarios": {
            "closed": {"users": 6, "run_time": "60s", "flow": [{"path": "/closed/{{ closed_rows.n }}"}], **FAR},
            "open": {
                "rate": 600, "run_time": "60s", "flow": [{"path": "/open/{{ open_rows.n }}", "name": "/open"}], **FAR,
            },
            "enough": {
                "rate": 100, "run_time": "1s", "flow": [{"path": "/enough/{{ enough_rows.n }}", "name": "/e"}], **FAR,
            },
            "fewer": {"users": 3, "iterations": 20, "flow": [{"path": "/fewer/{{ fewer_rows.n }}", "name": "/f"}]},
            "waves": {
                "stages": [{"duration": "800ms", "users": users} for users in (3, 2, 3)], "wait_time": "50ms",
                "flow": [{"path": "/waves/{{ comers.n }}"}], **FAR,
            },
            "users": {
                "users": USERS, "iterations": 5 * USERS, "thresholds": ["error_rate <= 100%"],
                "wait_time": "200ms",  # or some would take the iterations of those who have not come yet
                "flow": [{"path": "/broken/{{ accounts.email }}", "name": "/broken", "query": {
                    "x": "{{ accounts.password }}", "shop": "{{ accounts.shop }}"}}],
            },
        },
    }  # fmt: skip


Ran = Callable[[int], tuple[Path, list[str]]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The run directory and the targets of all requests, of a run in so many processes; made once."""
    made: dict[int, tuple[Path, list[str]]] = {}

    def run_in(processes: int) -> tuple[Path, list[str]]:
        if processes not in made:
            made[processes] = _run(tmp_path_factory.mktemp("once"), processes)
        return made[processes]

    return run_in


def _run(folder: Path, processes: int) -> tuple[Path, list[str]]:
    connection = sqlite3.connect(folder / "shops.db")
    connection.execute("CREATE TABLE shops (id)")
    connection.executemany("INSERT INTO shops VALUES (?)", [(7,), (8,)])
    connection.commit()
    connection.close()
    with CountingServer([Route("/broken/*", status=500), Route("*")]) as server:
        plan = write_plan(folder, plan_for(server.url))
        spread = ("--processes", processes) if processes > 1 else ()
        done = loadworthy("run", plan, *spread, cwd=folder)
        targets = [exchange.target for exchange in server.log()]
    # A machine that stands still at the end of a scenario's time leaves iterations of a rate unbegun: no fault of rows.
    assert done.code in (0, 4), done.out + done.err
    return only_run(folder), targets


def under(targets: list[str], start: str) -> list[str]:
    return [target.removeprefix(start) for target in targets if target.startswith(start)]


both = pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])


@both
def test_each_row_once_and_then_the_end(ran: Ran, processes: int) -> None:
    """Closed or open: as many iterations as rows, each with another; an event says so, and the time left is not run."""
    path, targets = ran(processes)
    run, summary = Run.open(path), summary_of(path)
    for name in ("closed", "open"):
        assert sorted(map(int, under(targets, f"/{name}/"))) == list(range(ROWS))
        (event,) = [one for one in run.events if one["type"] == "rows_used_up" and one["scenario"] == name]
        assert event["message"] == f"all 300 rows of {name}_rows have been handed out"
        (ended,) = [one for one in run.events if one["type"] == "scenario_ended" and one["scenario"] == name]
        assert ended["reason"] == "iterations"
        assert summary["scenarios"][name]["verdict"] == "pass"
        (reason,) = [one.text for one in summarize(run).scenarios[name].reasons]
        assert f"of the planned 60 s: {event['message']}" in reason
        # A machine that stood still may have spoilt another scenario: then nothing is said of those that are fine.
        assert summary["verdict"] != "pass" or f"{name}: {reason}." in summary["reasons"]


@both
def test_where_rows_are_left_nothing_is_said(ran: Ran, processes: int) -> None:
    """A scenario that came to the end of its time, or of its iterations, first."""
    path, targets = ran(processes)
    told = [event["scenario"] for event in Run.open(path).events if event["type"] == "rows_used_up"]
    assert sorted(told) == ["closed", "open"]
    begun = sorted(map(int, under(targets, "/enough/")))
    assert begun == list(range(len(begun)))
    assert sorted(map(int, under(targets, "/fewer/"))) == list(range(20))


@both
def test_a_row_for_each_user(ran: Ran, processes: int) -> None:
    """No two users have the same, and none has another one later; relations come with it."""
    _, targets = ran(processes)
    asked = Counter(under(targets, "/broken/"))
    assert len(asked) == USERS
    assert sum(asked.values()) == 5 * USERS
    assert {target.rpartition("shop=")[2] for target in asked} <= {"7", "8"}


@both
def test_as_many_rows_as_users_are_made_are_enough(ran: Ran, processes: int) -> None:
    """In all stages together. Where the machine stands still for one of them nobody may come after it."""
    path, targets = ran(processes)
    assert set(under(targets, "/waves/")) - {"3"} == {"0", "1", "2"}
    assert not [event for event in Run.open(path).events if "been handed out; users" in event.get("message", "")]


@both
def test_who_comes_after_others_have_gone_has_a_row_of_its_own(tmp_path: Path, processes: int) -> None:
    """Two of four go, two others come: six rows are used, however many processes make the users."""
    control = Control()
    person = Person(
        in_turn=[
            (4, lambda: control.change_load(0.5)),
            (2, lambda: control.change_load(1)),
            (4, lambda: control.ask_to_stop("seen enough")),
        ]
    )
    with CountingServer() as server:
        source = {"order": "once", "generate": {"count": 6, "fields": {"n": {"sequence": 0}}}}
        load = {"users": 4, "wait_time": "50ms", "flow": [{"path": "/{{ d.n }}"}], **FAR}
        plan = {"base_url": server.url, "test_data": {"d": source}, "scenarios": {"load": load}}
        _, run = run_led(request(plan, tmp_path, processes), control, person)
        targets = {one.target for one in server.log()}
    assert targets == {f"/{number}" for number in range(6)}
    assert not [event for event in run.events if "been handed out; users" in event.get("message", "")]


@pytest.mark.slow
def test_processes_do_not_matter_for_the_rows(ran: Ran) -> None:
    """One process or two: the same users with the same rows."""
    assert {*under(ran(1)[1], "/broken/")} == {*under(ran(2)[1], "/broken/")}


@both
def test_credentials_of_rows_are_in_no_file_of_the_run(ran: Ran, processes: int) -> None:
    """They were in the URLs of requests that failed, whose samples are kept."""
    path, targets = ran(processes)
    secrets = {target.partition("?x=")[2].partition("&shop")[0] for target in under(targets, "/broken/")}
    assert len(secrets) == USERS
    files = files_of(path)
    assert b"/broken/" in files["failures.jsonl"]
    assert not [name for name, content in files.items() for secret in secrets if secret.encode() in content]


def test_scenarios_that_share_rows_once_cannot_run_together(tmp_path: Path) -> None:
    """Whoever would get a row twice is told before any load, also of rows that nobody could count before."""
    connection = sqlite3.connect(tmp_path / "d.db")
    connection.execute("CREATE TABLE t AS SELECT 1 AS n UNION ALL SELECT 2")
    connection.close()
    source = {"database": f"sqlite+pysqlite:///{tmp_path / 'd.db'}", "query": "SELECT n FROM t ORDER BY n",
              "order": "once"}  # fmt: skip
    flow = [{"path": "/{{ d.n }}"}]
    other = {"users": 5, "flow": [{"path": "/"}]}
    scenarios = {"smoke": {"users": 1, "flow": flow}, "load": {"users": 3, "flow": flow}, "other": other}
    data = {"base_url": "http://127.0.0.1:9", "test_data": {"d": source}, "scenarios": scenarios}
    plan = plan_from_mapping(data, path=tmp_path / "plan.yaml", environ={}).plan

    def load(*names: str) -> None:
        ScenarioClasses(NodeSetup(plan, tmp_path, seed=1, scenarios=names)).load()

    load("smoke", "other")
    with pytest.raises(UsageError, match="scenarios smoke and load use it"):
        load("smoke", "load", "other")
    with pytest.raises(UsageError, match="scenario load: users: 3, but d has 2 rows, each once"):
        load("load")


def test_columns_of_a_database_are_looked_at_when_the_run_is_set_up(tmp_path: Path) -> None:
    """Of one that is not read with the plan: where the template stands, and what may have been meant."""
    with closing(sqlite3.connect(tmp_path / "d.db")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS email")
    source = {"database": f"sqlite+pysqlite:///{tmp_path / 'd.db'}", "query": "SELECT email FROM t ORDER BY email"}
    scenarios = {
        name: {"flow": [{"path": f"/{{{{ d.{column} }}}}"}]} for name, column in (("a", "email"), ("b", "mail"))
    }
    data = {"base_url": "http://127.0.0.1:9", "test_data": {"d": source}, "scenarios": scenarios}
    plan = plan_from_mapping(data, path=tmp_path / "plan.yaml", environ={}).plan
    ScenarioClasses(NodeSetup(plan, tmp_path, seed=1, scenarios=("a",))).load()
    with pytest.raises(UsageError, match=r"scenarios\.b\.flow\[0\]\.path: d has no column mail; did you mean email\?"):
        ScenarioClasses(NodeSetup(plan, tmp_path, seed=1, scenarios=("a", "b"))).load()


def test_rows_at_random_are_drawn_in_the_order_of_the_plan(tmp_path: Path) -> None:
    """So that users with the same random numbers get the same rows in every process."""
    names = [f"{letter}{number}" for letter in "xfam" for number in range(3)]
    sources = {name: {"rows": [{"n": 1}], "order": "random", "per": "iteration"} for name in names}
    flow = [{"path": "/".join(["", *(f"{{{{ {name}.n }}}}" for name in sorted(names))])}]
    data = {"base_url": "http://127.0.0.1:9", "test_data": sources, "scenarios": {"a": {"flow": flow}}}
    plan = plan_from_mapping(data, path=tmp_path / "plan.yaml", environ={}).plan
    (user_class,) = ScenarioClasses(NodeSetup(plan, tmp_path, seed=1, scenarios=("a",))).classes("a")
    assert issubclass(user_class, DeclaredUser)
    assert list(user_class.surroundings.fed_per_iteration) == names


def test_all_processes_make_rows_of_the_same_day(tmp_path: Path) -> None:
    """That of the run, which travels with the plan, also to a worker that comes after midnight; so do large numbers."""
    fields = {"born": {"faker": "date_of_birth"}}
    data = {"base_url": "http://127.0.0.1:9", "test_data": {"d": {"generate": {"count": 9, "fields": fields}}},
            "scenarios": {"a": {"flow": [{"path": "/{{ d.born }}"}]}}}  # fmt: skip
    plan = plan_from_mapping(data, path=tmp_path / "plan.yaml", environ={}).plan
    given = {"id": 10**38}
    setups = [
        NodeSetup(plan, tmp_path, 1, scenarios=("a",), given=given, today=date(2000 + year, 5, 17)) for year in (1, 9)
    ]
    unpacked = [unpack_setup(msgpack.loads(msgpack.dumps(pack_setup(setup, 1))), tmp_path) for setup in setups]
    assert [(one.today, one.given) for one in unpacked] == [(one.today, given) for one in setups]
    first, later = ([ScenarioClasses(one)._sources.rows("d")[number] for number in range(9)] for one in unpacked)
    assert first != later


LOCUSTFILE = """
from pathlib import Path
from locust import constant, task
from loadworthy.users import HttpUser
from loadworthy.users.feeders import feed

accounts = feed([{"n": n} for n in range(9)], order="once")
orders = feed({"generate": {"count": 60, "fields": {"n": {"sequence": 0}}}}, order="once", per="iteration")

class Buyer(HttpUser):
    wait_time = constant(0)

    def on_start(self):
        self.account = accounts.row(self)

    @task
    def buy(self):
        number = orders.row(self)["n"]
        self.client.get(f"/order/{number}/of/{self.account['n']}", name="/order")
"""


@pytest.mark.parametrize("way", ["ours", pytest.param("locust", marks=pytest.mark.slow)])
def test_locustfiles_have_rows_of_their_own(tmp_path: Path, way: str) -> None:
    """In two processes of a run, or of plain Locust: no account and no order twice, and an end."""
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    common = ("--users", 8, "--spawn-rate", 100, "--run-time", "4s")
    with CountingServer() as server:
        if way == "ours":
            done = loadworthy("run", "locustfile.py", "--url", server.url, *common, "--processes", 2, cwd=tmp_path)
        else:
            plain = ("-m", "locust", "-f", "locustfile.py", "--headless", "--host", server.url)
            done = command(*plain, *common, *in_processes(2), cwd=tmp_path)
        parts = [target.split("/") for target in (one.target for one in server.log()) if target.startswith("/order/")]
    orders, accounts = [int(part[2]) for part in parts], {int(part[4]) for part in parts}
    assert sorted(orders) == list(range(60)), done.err
    assert accounts <= set(range(9))
    assert "all 60 rows of the test data have been handed out" in done.out + done.err


@pytest.mark.slow
def test_a_hundred_thousand_users_over_four_processes(tmp_path: Path) -> None:
    """Each with an address of its own: the server's log has a hundred thousand different ones."""
    count = 100_000
    fields = {"name": "name", "email": {"faker": "email", "unique": True}}
    source = {"order": "once", "per": "iteration", "generate": {"count": count, "fields": fields}}
    signup = {"path": "/signup", "method": "POST", "query": {"email": "{{ accounts.email }}"},
              "json": {"name": "{{ accounts.name }}"}}  # fmt: skip
    with CountingServer() as server:
        plan = {"base_url": server.url, "test_data": {"accounts": source},
                "scenarios": {"signup": {"users": 40, "flow": [signup]}}}  # fmt: skip
        done = loadworthy("run", write_plan(tmp_path, plan), "--processes", 4, cwd=tmp_path, limit_s=600)
        emails = Counter(one.target.partition("email=")[2] for one in server.log() if one.method == "POST")
    assert done.code in (0, 4), done.out + done.err  # two cores may make the generator late, not its rows wrong
    assert len(emails) == sum(emails.values()) == count
    assert summary_of(only_run(tmp_path))["scenarios"]["signup"]["requests"] == count


def _wait_for_rows(server: CountingServer, count: int) -> None:
    """Until so many different ones were asked for."""
    wait_until(lambda: len({one.target.split("/")[1] for one in server.log()}) >= count, "the load")


@pytest.mark.slow
def test_a_lost_worker_s_users_are_replaced_by_some_with_rows_of_their_own(tmp_path: Path) -> None:
    """Of those that are left; nobody gets a row that another has had."""
    with CountingServer() as server:
        source = {"order": "once", "generate": {"count": 15, "fields": {"n": {"sequence": 0}}}}
        flow = [{"path": "/{{ d.n }}/{{ uuid() }}", "name": "/row"}]
        load = {"users": 10, "run_time": "8s", "wait_time": "100ms", "flow": flow}
        plan = {"base_url": server.url, "test_data": {"d": source}, "scenarios": {"load": load}}
        with Started("run", write_plan(tmp_path, plan), "--processes", 2, cwd=tmp_path) as started:
            _wait_for_rows(server, 10)
            children = Path(f"/proc/{started.process.pid}/task/{started.process.pid}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGKILL)
            _, out = started.finish()
        rows = [int(target.split("/")[1]) for target in (one.target for one in server.log())]
    run = Run.open(only_run(tmp_path))
    assert [one for one in run.events if one["type"] == "shared_anew"], out
    assert set(rows) == set(range(15))
    assert len(set(rows[-100:])) == 10
    assert not [event for event in run.events if "users that find none stop" in event.get("message", "")]
