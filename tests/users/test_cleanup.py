"""Test data that users created is gone when their test is over, however it ended."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest
from locust import events
from tests.support.cli import EASY_FOR_A_LOCUSTFILE, Done, command, loadworthy, only_run, summary_of, write_plan
from tests.support.locust_ports import in_processes
from tests.support.rowserver import RowServer

from loadworthy.users.cleanup import Undo, clean_up_after, remove, what_is_left

SOURCE = """
from locust import constant, task
from loadworthy.users import HttpUser
from loadworthy.users.cleanup import clean_up_after, created

clean_up_after()
clean_up_after()

class Clerk(HttpUser):
    wait_time = constant(0.01)

    @task
    def add(self):
        made = self.client.post("/contacts", json={"name": "x"})
        created(self, "DELETE", f"/contacts/{made.json()['id']}")
"""
REMOVED = re.compile(r"test data: ([\d,]+) removed")
LOCUST = ("-m", "locust", "-f", "locustfile.py", "--headless", "-u", "3", "-r", "30")
OURS = (
    "-m", "loadworthy", "run", "locustfile.py", "--users", "3", "--no-preflight",
    *EASY_FOR_A_LOCUSTFILE,
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[RowServer]:
    with RowServer() as running:
        yield running


def write(folder: Path, source: str = SOURCE) -> None:
    (folder / "locustfile.py").write_text(textwrap.dedent(source), encoding="utf-8")


def signalled(folder: Path, number: signal.Signals, arguments: tuple[str, ...], server: RowServer) -> tuple[int, str]:
    """Start a command, and send it this signal once thirty rows have been made."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        server.rows(after_made=30)
        process.send_signal(number)
        out, _ = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            process.kill()
    return process.returncode, out


def events_of(folder: Path) -> list[dict[str, Any]]:
    lines = (only_run(folder) / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def told_of_data(folder: Path) -> list[str]:
    """The warnings of a run, but for those that a busy machine has brought about."""
    warnings = [event["message"] for event in events_of(folder) if event["type"] == "warning"]
    return [one for one in warnings if not one.startswith("The generator's")]


def assert_all_gone(server: RowServer, said: str) -> None:
    """No row is left, none was asked for twice, and the lines add up to what was made."""
    found = server.rows()
    assert found["made"] > 0
    assert found["rows"] == []
    assert len(found["deletes"]) == len(set(found["deletes"])) == found["made"]
    assert sum(int(number.replace(",", "")) for number in REMOVED.findall(said)) == found["made"]


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_nothing_is_left_after_a_test_of_locust(tmp_path: Path, server: RowServer, processes: int) -> None:
    """When ``--run-time`` is over, each process removes what its users made, and says how much."""
    write(tmp_path)
    done = command(*LOCUST, "--host", server.url, "-t", "2s", *in_processes(processes), cwd=tmp_path)
    assert done.code == 0, done.err
    assert "ERROR" not in done.err
    assert_all_gone(server, done.err)


@pytest.mark.parametrize(
    ("processes", "number"),
    [
        (1, signal.SIGINT),
        (1, signal.SIGTERM),
        (2, signal.SIGINT),
        pytest.param(2, signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_nothing_is_left_when_locust_is_stopped(
    tmp_path: Path, server: RowServer, processes: int, number: signal.Signals
) -> None:
    """Ctrl-C and SIGTERM, to one process or to the master of two: the same as at the planned end."""
    write(tmp_path)
    code, out = signalled(tmp_path, number, (*LOCUST, "--host", server.url, *in_processes(processes)), server)
    assert code == 0, out
    assert_all_gone(server, out)


def test_nothing_is_left_when_a_user_ends_the_test(tmp_path: Path, server: RowServer) -> None:
    """The greenlet that stops the test is then one of those that it stops; the command ends all the same."""
    write(tmp_path, SOURCE + "        if made.json()['id'] == 20:\n            self.environment.runner.quit()\n")
    done = command(*LOCUST, "--host", server.url, "-u", "1", cwd=tmp_path)
    assert done.code == 0, done.err
    assert_all_gone(server, done.err)


@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_is_left_after_a_run_and_removing_is_not_measured(
    tmp_path: Path, server: RowServer, processes: int
) -> None:
    """Under ``loadworthy run`` too, and what is measured is what the users did."""
    write(tmp_path)
    done = command(*OURS, "--url", server.url, "--run-time", "2s", "--processes", processes, cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    found = server.rows()
    assert found["rows"] == []
    series = summary_of(only_run(tmp_path))["scenarios"]["locustfile"]["series"]
    assert {name: figures["requests"] for name, figures in series.items()} == {"POST /contacts": found["made"]}
    assert told_of_data(tmp_path) == []
    assert not [event for event in events_of(tmp_path) if event["type"] == "worker_lost"]


@pytest.mark.parametrize("processes", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_nothing_is_left_when_a_run_is_stopped(tmp_path: Path, server: RowServer, processes: str) -> None:
    """The first Ctrl-C ends the load, removes the data, and then judges."""
    write(tmp_path)
    arguments = (*OURS, "--url", server.url, "--run-time", "5m", "--processes", processes)
    code, out = signalled(tmp_path, signal.SIGINT, arguments, server)
    assert code == 130, out
    found = server.rows()
    assert found["made"] >= 30
    assert found["rows"] == []


def test_each_scenario_finds_what_the_first_found(tmp_path: Path, server: RowServer) -> None:
    """Data is removed after each scenario of a plan, not at the end of all."""
    write(tmp_path, SOURCE + "\n    def on_start(self):\n        "
          "open('seen.txt', 'a').write(f\"{self.client.get('/rows').json()['rows']}\\n\")\n")  # fmt: skip
    scenario = {"locustfile": "locustfile.py", "users": 1, "iterations": 5}
    plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"one": scenario, "two": scenario}})
    done = loadworthy("run", plan, cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    assert (tmp_path / "seen.txt").read_text() == "[]\n[]\n"
    assert server.rows()["made"] == 10


def keep_with_locust(folder: Path, url: str) -> Done:
    return command(*LOCUST, "--host", url, "-t", "1s", "--keep-data", cwd=folder)


def keep_with_loadworthy(folder: Path, url: str) -> Done:
    return command(*OURS, "--url", url, "--run-time", "1s", "--", "--keep-data", cwd=folder)


def keep_in_workers(folder: Path, url: str) -> Done:
    return command(*LOCUST, "--host", url, "-t", "1s", *in_processes(2), "--keep-data", cwd=folder)


@pytest.mark.parametrize(
    "run", [keep_with_locust, keep_with_loadworthy, pytest.param(keep_in_workers, marks=pytest.mark.slow)]
)
def test_data_is_kept_where_asked(tmp_path: Path, server: RowServer, run: Any) -> None:
    """``--keep-data`` leaves every row, and says how many."""
    write(tmp_path)
    done = run(tmp_path, server.url)
    assert done.code == 0, done.out + done.err
    found = server.rows()
    assert len(found["rows"]) == found["made"] > 0
    assert found["deletes"] == []
    if run is not keep_with_loadworthy:
        kept = [int(number) for number in re.findall(r"test data: (\d+) kept", done.err)]
        assert sum(kept) == found["made"]


def test_what_is_left_is_a_warning_of_the_run(tmp_path: Path, server: RowServer) -> None:
    """It names the request and why it did not help; the rest is gone."""
    write(
        tmp_path,
        SOURCE
        + """
        if made.json()["id"] == 1:
            created(self, "DELETE", f"/stuck/{self.client.post('/stuck').json()['id']}")
""",
    )
    done = command(
        *OURS, "--url", server.url, "--set", "scenarios.locustfile.iterations=10", "--users", 1, cwd=tmp_path
    )
    assert done.code == 0, done.out + done.err
    assert server.rows()["rows"] == ["/stuck/2"]
    assert told_of_data(tmp_path) == ["test data: 10 removed, 1 left: DELETE /stuck/2: 500"]


# --- remove(), against the server ---


def make_rows(server: RowServer, *collections: str, **more: Any) -> list[Undo]:
    from loadworthy.users.cleanup import NoSamples
    from loadworthy.users.http import HttpSession

    session = HttpSession(server.url, NoSamples())
    user: Any = SimpleNamespace(host=server.url, client=session)
    undos = [Undo(user, "DELETE", f"{one}/{session.post(one).json()['id']}", **more) for one in collections]
    session.close()
    return undos


def removed(undos: list[Undo], limit_s: float = 30.0) -> dict[int, str]:
    """What is left, by index."""
    left = dict.fromkeys(range(len(undos)), "not reached")
    remove(undos, left, limit_s)
    return left


def test_the_newest_go_first_and_failures_get_a_second_try(server: RowServer) -> None:
    """Twenty in turn, eight at a time; one that fails is asked for again after all the others."""
    undos = make_rows(server, "/flaky", *["/contacts"] * 19)
    assert removed(undos) == {}
    asked = [int(path.rpartition("/")[2]) for path in server.rows()["deletes"]]
    assert asked[-1] == 1
    assert asked[0] > 12  # one of the newest eight: the others are not sent before one of these is gone


def test_what_hangs_on_another_process_s_rows_is_tried_until_those_are_gone(
    server: RowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """409 twice, for a child that somebody else removes only then; where nobody does, it is left."""
    parent, child = make_rows(server, "/parents", "/children")

    def somebody_else() -> None:
        while server.rows()["deletes"].count(parent.path) < 2:
            pass
        assert removed([child]) == {}

    other = gevent.spawn(somebody_else)
    assert removed([parent]) == {}
    other.get()
    monkeypatch.setattr("loadworthy.users.cleanup._PAUSES_S", (0.0, 0.0))
    orphan, _ = make_rows(server, "/parents", "/children")
    assert removed([orphan]) == {0: "409"}


def test_what_is_gone_already_counts_as_gone(server: RowServer) -> None:
    """404 and 410 are no reason to complain."""
    undos = make_rows(server, "/contacts")
    assert removed(undos) == {}
    assert removed(undos) == {}


def test_headers_are_asked_for_when_they_are_needed(server: RowServer) -> None:
    """A callable gives the token of that moment; one that raises is told of, and so is a refusal."""
    token = {"Authorization": "Bearer stale"}
    undos = make_rows(server, "/secure", headers=lambda: dict(token))
    token["Authorization"] = "Bearer fresh"
    assert removed(undos) == {}
    (refused,) = make_rows(server, "/secure")
    (broken,) = make_rows(server, "/secure", headers=lambda: {"a": {}}["token"])
    assert removed([refused, broken]) == {0: "401", 1: "KeyError: 'token'"}


def test_the_headers_and_cookies_of_the_client_are_sent(server: RowServer) -> None:
    """A user that put its token on its client need not repeat it."""
    (undo,) = make_rows(server, "/secure")
    client: Any = undo.user.client  # type: ignore[attr-defined]
    client.headers["Authorization"] = "Bearer fresh"
    assert removed([undo]) == {}


def test_a_server_that_does_not_answer_cannot_hold_the_test(server: RowServer) -> None:
    """When the time is up, what was not reached is left, and what was is not."""
    left = removed(make_rows(server, *["/deaf"] * 8, "/contacts"), limit_s=1.0)
    assert set(left) == set(range(8))
    assert server.rows()["rows"] == [f"/deaf/{number}" for number in range(1, 9)]


def test_saying_it_twice_is_saying_it_once() -> None:
    """Several modules of a suite may call it; Locust's parser would refuse a second ``--keep-data``."""
    hooks = (events.init_command_line_parser, events.init, events.test_stop, events.quitting)
    before = [list(hook._handlers) for hook in hooks]
    try:
        clean_up_after()
        once = [len(hook._handlers) for hook in hooks]
        clean_up_after()
        assert [len(hook._handlers) for hook in hooks] == once
    finally:
        for hook, handlers in zip(hooks, before, strict=True):
            hook._handlers[:] = handlers


def test_what_is_left_for_the_same_reason_stands_together() -> None:
    """After a server is gone the reason is the same for hundreds, and is read once; how many are not named is said."""
    undos = [Undo(cast("Any", None), "DELETE", f"/orders/{number}") for number in range(30)]
    gone = what_is_left(undos, dict.fromkeys(range(5, 30), "cannot connect"))
    assert gone.startswith("5 removed, 25 left: DELETE /orders/5, DELETE /orders/6, ")
    assert gone.endswith(", DELETE /orders/24: cannot connect; 5 more")
    assert gone.count("cannot connect") == 1
    assert what_is_left(undos, {1: "500", 2: "409", 3: "500"}) == (
        "27 removed, 3 left: DELETE /orders/1, DELETE /orders/3: 500; DELETE /orders/2: 409"
    )
