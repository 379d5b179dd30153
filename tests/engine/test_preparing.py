"""What a plan does once around all load, and what its users create: it is there in time, and gone in the end."""

from __future__ import annotations

import json
import signal
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import Started, loadworthy, only_run, summary_of, write_plan
from tests.support.rowserver import RowServer

ROWS = [{"name": f"row {number}"} for number in range(20)]


@pytest.fixture
def server() -> Iterator[RowServer]:
    with RowServer() as running:
        yield running


def plan_for(url: str, **keys: Any) -> dict[str, Any]:
    """One row is set up and kept in mind, twenty more are; users ask for one of them and make their own."""
    made = {"method": "POST", "json": {"name": "{{ people.name }}"}, "expect": {"status": 201}}
    return {
        "base_url": url,
        "test_data": {"people": ROWS},
        "setup": [
            {"path": "/parents", **made, "extract": {"parent": "$.id"}, "undo": {"path": "/parents/{{ parent }}"}},
            {"wait": "1ms"},
            {
                "path": "/children",
                **made,
                "for_each": "people",
                "extract": {"children": "$.id"},
                "undo": {"path": "/children/{{ children }}"},
            },
        ],
        "scenarios": {
            "load": {
                "users": 3,
                "iterations": 30,
                "flow": [
                    {
                        "path": "/rows",
                        "name": "/rows",
                        "query": {"made": "1", "parent": "{{ parent }}", "child": "{{ random_choice(children) }}"},
                    },
                    {
                        "path": "/contacts",
                        "method": "POST",
                        "json": {"child": "{{ children | length }}"},
                        "extract": {"contact": "$.id"},
                        "undo": {"path": "/contacts/{{ contact }}"},
                    },
                ],
            }
        },
        **keys,
    }


def events_of(folder: Path) -> list[dict[str, Any]]:
    lines = (only_run(folder) / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def messages(folder: Path, kind: str) -> list[str]:
    return [str(event.get("message")) for event in events_of(folder) if event["type"] == kind]


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_is_set_up_is_there_for_all_users_and_gone_afterwards(
    tmp_path: Path, server: RowServer, processes: int
) -> None:
    """No request of it is a sample; children go before their parent; users' own rows are gone, too."""
    plan = plan_for(server.url, teardown=[{"path": "/contacts", "method": "POST", "json": {}}])
    done = loadworthy("run", write_plan(tmp_path, plan), "--processes", processes, cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    load = summary_of(only_run(tmp_path))["scenarios"]["load"]
    assert {name: one["requests"] for name, one in load["series"].items()} == {"GET /rows": 30, "POST /contacts": 30}
    found = server.rows()
    assert found["made"] == 1 + len(ROWS) + 30 + 1
    assert len(found["rows"]) == 1, "what the tear-down made stays"
    assert len(set(found["deletes"])) == 51
    assert found["deletes"][-1] == "/parents/1"
    assert messages(tmp_path, "setup") == ["set-up: 21 requests"]
    assert messages(tmp_path, "teardown") == ["tear-down: 22 requests"]


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, server: RowServer) -> None:
    """In the middle of the load."""
    plan = plan_for(server.url)
    plan["scenarios"]["load"].update(iterations=None, run_time="60s", wait_time="5ms")
    with Started("run", write_plan(tmp_path, plan), cwd=tmp_path) as started:
        server.rows(after_made=60)
        started.send(signal.SIGINT)
        code, out = started.finish()
    assert code == 130, out
    assert server.rows()["rows"] == []


def test_an_abort_leaves_nothing_behind(tmp_path: Path, server: RowServer) -> None:
    """A threshold that ends the run, in its first seconds."""
    plan = plan_for(server.url)
    plan["scenarios"]["load"].update(
        iterations=None, run_time="60s", wait_time="5ms", thresholds=["requests < 10, abort"]
    )
    done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 1, done.out + done.err
    assert json.loads((only_run(tmp_path) / "run.json").read_text(encoding="utf-8"))["ended"] == "aborted"
    assert server.rows()["made"] > 21
    assert server.rows()["rows"] == []


def test_a_set_up_that_fails_ends_the_run_and_is_undone(tmp_path: Path, server: RowServer) -> None:
    """Before any load, with the step, the row and the reason; the run directory says so, too."""
    plan = plan_for(server.url)
    plan["setup"].append({"path": "/rows/nobody", "method": "DELETE", "for_each": "people"})
    done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 2
    assert "setup step 4, DELETE /rows/nobody: 404 Not Found (row 1 of people)" in done.err
    assert "Traceback" not in done.err
    assert (server.rows()["made"], server.rows()["rows"]) == (21, [])
    assert json.loads((only_run(tmp_path) / "run.json").read_text(encoding="utf-8"))["ended"] == "error"


def test_nothing_is_cut_off_when_one_of_many_fails(tmp_path: Path, server: RowServer) -> None:
    """What is under way is awaited, so that it can be undone; nothing more is begun."""
    plan = plan_for(server.url, test_data={"people": [{"name": "x", "number": number} for number in range(50)]})
    plan["setup"] = [
        {
            "path": "/picky",
            "method": "POST",
            "for_each": "people",
            "json": {"number": "{{ people.number }}"},
            "extract": {"picky": "$.id"},
            "undo": {"path": "/picky/{{ picky }}"},
        }
    ]
    plan["scenarios"] = {"load": {"iterations": 1, "endpoints": [{"path": "/rows"}]}}
    done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 2
    assert "409 Conflict (row 3 of people)" in done.err
    found = server.rows()
    assert 0 < found["made"] < 10
    assert (found["rows"], len(found["deletes"])) == ([], found["made"])


def test_rows_that_are_gone_after_the_load_cost_nothing(tmp_path: Path, server: RowServer) -> None:
    """What the tear-down needs is read before the load; what nobody uses is not read at all."""
    (tmp_path / "people.csv").write_text("name\nann\n", encoding="utf-8")
    plan = plan_for(server.url, test_data={"people": {"file": "people.csv"}})
    plan["teardown"] = [{"path": "/contacts", "method": "POST", "json": {"name": "{{ people.name }}"}}]
    del plan["setup"]
    plan["scenarios"] = {"load": {"locustfile": "users.py", "iterations": 1}}
    users = f"""
        from pathlib import Path
        from locust import task
        from loadworthy.users import HttpUser
        class Eater(HttpUser):
            @task
            def eat(self):
                Path({str(tmp_path / "people.csv")!r}).unlink()
                self.client.get("/rows")
    """
    (tmp_path / "users.py").write_text(textwrap.dedent(users), encoding="utf-8")
    done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    assert server.rows()["made"] == 1


def test_a_tear_down_that_fails_is_told_and_changes_no_verdict(tmp_path: Path, server: RowServer) -> None:
    """What follows the failed step is done all the same."""
    teardown = [{"path": "/rows/nobody", "method": "DELETE"}, {"path": "/contacts", "method": "POST"}]
    plan = plan_for(server.url, teardown=teardown)
    plan["setup"][0]["undo"] = {"path": "/stuck/{{ parent }}"}
    done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    told = [one for one in messages(tmp_path, "warning") if one.startswith("tear-down: ")]
    assert told == [
        "tear-down: teardown step 1, DELETE /rows/nobody: 404 Not Found",
        "tear-down: 20 removed, 1 left: DELETE /stuck/1: 500",
    ]
    assert [row.split("/")[1] for row in server.rows()["rows"]] == ["parents", "contacts"]


def test_credentials_of_rows_are_not_told(tmp_path: Path, server: RowServer) -> None:
    """Neither by a set-up that fails nor by what could not be removed."""
    people = [{"name": "ann", "login": {"password": "open-sesame"}}]
    plan = plan_for(server.url, test_data={"people": people})
    secret = "?key={{ people.login.password }}"
    plan["setup"] = [{**plan["setup"][0], "undo": {"path": "/stuck/{{ parent }}" + secret}}]
    plan["scenarios"] = {"load": {"iterations": 1, "endpoints": [{"path": "/rows"}]}}
    done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    warned = [one for one in messages(tmp_path, "warning") if one.startswith("tear-down: ")]
    assert warned == ["tear-down: 0 removed, 1 left: DELETE /stuck/1?key=***: 500"]
    plan["setup"].append(
        {
            "path": "/rows/no",
            "name": "{{ people.login.password }}",
            "method": "DELETE",
            "expect": {"text": "{{ people.login.password }}"},
        }
    )
    failed = loadworthy("run", write_plan(tmp_path, plan), "--out", "failed", cwd=tmp_path)
    assert failed.code == 2
    told = (
        done.out
        + failed.err
        + "".join(
            file.read_text(encoding="utf-8") for file in tmp_path.rglob("*") if file.suffix in (".json", ".jsonl")
        )
    )
    assert "open-sesame" not in told


def test_the_data_may_stay(tmp_path: Path, server: RowServer) -> None:
    """``--keep-data``, as for suites in Python."""
    teardown = [{"path": "/contacts", "method": "POST"}]
    plan = write_plan(tmp_path, plan_for(server.url, teardown=teardown))
    done = loadworthy("run", plan, "--", "--keep-data", cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    assert (server.rows()["deletes"], len(server.rows()["rows"])) == ([], 51)
    assert messages(tmp_path, "teardown") == ["no tear-down: the data stays (--keep-data)"]
