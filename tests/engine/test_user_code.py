"""User code that misbehaves: the run tells of it, goes on, and does not call it a success."""

from __future__ import annotations

import textwrap
from collections import Counter
from pathlib import Path

import pytest
from tests.support.cli import (
    EASY_FOR_A_LOCUSTFILE,
    EASY_THRESHOLDS,
    Done,
    Started,
    loadworthy,
    only_run,
    summary_of,
    write_plan,
)

from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer, Delay, Route

DEAD = "http://127.0.0.1:9"
HEAD = """
import sys, logging
from locust import HttpUser, LoadTestShape, constant, events, task
"""


def run(folder: Path, url: str, source: str, *options: object) -> Done:
    path = folder / "locustfile.py"
    path.write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
    return loadworthy("run", path, "--url", url, *EASY_FOR_A_LOCUSTFILE, *options, cwd=folder)


@pytest.mark.parametrize("processes", [1, 2])
def test_users_that_cannot_be_made_fail_the_run(tmp_path: Path, processes: int) -> None:
    """Half of the users raise in __init__: fewer than planned run, so the run must not pass."""
    source = """
    made = []

    class Visitor(HttpUser):
        wait_time = constant(0.05)

        def __init__(self, environment):
            super().__init__(environment)
            made.append(self)
            if len(made) > 2:
                raise RuntimeError("no account left")

        @task
        def look(self):
            self.client.get("/")
    """
    with CountingServer() as server:
        done = run(tmp_path, server.url, source, "--users", 6, "--run-time", "1s", "--processes", processes)
    assert done.code == 1, done.out + done.err
    assert "no account left" in done.out
    assert "Traceback" not in done.err


def test_users_that_all_stop_early_leave_it_undecided(tmp_path: Path) -> None:
    """A run that made load for a fraction of its time has not shown what was planned."""
    source = """
    from locust.exception import StopUser

    class Visitor(HttpUser):
        @task
        def look(self):
            self.client.get("/")
            raise StopUser
    """
    with CountingServer() as server:
        done = run(tmp_path, server.url, source, "--users", 2, "--run-time", "30s")
    assert done.code == 3, done.out + done.err
    assert summary_of(only_run(tmp_path))["verdict"] == "undecided"


@pytest.mark.parametrize("where", ["task", "on_start", "listener"])
def test_sys_exit_and_listeners_that_raise_are_told(tmp_path: Path, where: str) -> None:
    """``sys.exit`` ends its user, not the process with a code of its own; an error in a listener is no silence."""
    source = f"""
    class Visitor(HttpUser):
        wait_time = constant(0.05)

        def on_start(self):
            if "{where}" == "on_start":
                sys.exit(3)

        @task
        def look(self):
            self.client.get("/")
            if "{where}" == "task":
                sys.exit(3)

    @events.test_start.add_listener
    def prepare(**kwargs):
        if "{where}" == "listener":
            raise RuntimeError("cannot prepare")
    """
    with CountingServer() as server:
        done = run(tmp_path, server.url, source, "--users", 2, "--run-time", "1s")
    assert done.code == 1, done.out + done.err
    messages = [event["message"] for event in Run.open(only_run(tmp_path)).events if event["type"] == "user_error"]
    assert any("SystemExit" in message or "cannot prepare" in message for message in messages)


@pytest.mark.parametrize("client", ["loadworthy", "locust"])
def test_a_listener_that_fails_for_every_request_is_told_once_and_counted(tmp_path: Path, client: str) -> None:
    """The run fails, the count is exact, and the run directory does not grow with the requests."""
    source = """
    class Visitor(HttpUser):
        @task
        def look(self):
            self.client.get("/")

    @events.request.add_listener
    def listen(**kwargs):
        raise ValueError("no room left")
    """
    with CountingServer() as server:
        options = ("--set", "scenarios.locustfile.iterations=200", "--client", client)
        done = run(tmp_path, server.url, source, *options)
    assert done.code == 1, done.out + done.err
    events = [event for event in Run.open(only_run(tmp_path)).events if event["type"] == "user_error"]
    assert sum(event["count"] for event in events) == 200
    assert len(events) == 2
    assert all("ValueError: no room left" in event["message"] for event in events)
    assert "Traceback" not in done.out + done.err


def test_odd_logging_does_no_harm(tmp_path: Path) -> None:
    """A log call with the wrong arguments is harmless in Python, and here."""
    source = """
    class Visitor(HttpUser):
        @task
        def look(self):
            logging.warning("bad", 1)
            self.client.get("/")
    """
    with CountingServer() as server:
        done = run(tmp_path, server.url, source, "--set", "scenarios.locustfile.iterations=20")
        assert len(server.log()) == 20
    assert done.code == 0, done.out + done.err


def test_a_loop_of_attempts_that_fail_at_once_cannot_keep_the_run_from_ending(tmp_path: Path) -> None:
    """A URL that can never be sent, asked for without end, still lets the run end and be judged."""
    source = """
    class Visitor(HttpUser):
        @task
        def look(self):
            while True:
                self.client.get("http://[bad/", name="bad")
    """
    done = run(tmp_path, DEAD, source, "--no-preflight", "--run-time", "1s", "--set", "stop_timeout=500ms")
    assert done.code == 1, done.out + done.err
    assert summary_of(only_run(tmp_path))["scenarios"]["locustfile"]["failure_kinds"].keys() == {"exception"}


@pytest.mark.parametrize("runner", ["loadworthy", "locust"])
def test_statistics_are_whole_when_a_test_stops(tmp_path: Path, runner: str) -> None:
    """User code that looks at Locust's figures in ``test_stop`` finds every request in them."""
    source = """
    from loadworthy.users import HttpUser as Ours

    class Visitor(Ours):
        wait_time = constant(0.01)

        @task
        def look(self):
            self.client.get("/")

    @events.test_stop.add_listener
    def look_at_figures(environment, **kwargs):
        with open("seen.txt", "w") as file:
            file.write(str(environment.stats.total.num_requests))
    """
    with CountingServer() as server:
        if runner == "loadworthy":
            run(tmp_path, server.url, source, "--users", 3, "--run-time", "2500ms")
        else:
            from tests.support.cli import command

            (tmp_path / "locustfile.py").write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
            command("-m", "locust", "--headless", "--host", server.url, "-u", 3, "-r", 3, "-t", "3s", cwd=tmp_path)
        requests = len(server.log())
    assert 0 <= requests - int((tmp_path / "seen.txt").read_text()) <= (0 if runner == "loadworthy" else 3)


def test_a_shape_chooses_classes(tmp_path: Path) -> None:
    """The third part of a tick says which classes run."""
    source = """
    class First(HttpUser):
        wait_time = constant(0.01)
        @task
        def look(self):
            self.client.get("/first")

    class Second(HttpUser):
        wait_time = constant(0.01)
        @task
        def look(self):
            self.client.get("/second")

    class Only(LoadTestShape):
        def tick(self):
            return (2, 10, [First]) if self.get_run_time() < 1.5 else None
    """
    with CountingServer() as server:
        done = run(tmp_path, server.url, source)
        counts = Counter(exchange.target for exchange in server.log())
    assert done.code == 0, done.out + done.err
    assert set(counts) == {"/first"}


def test_a_shape_that_raises_is_a_usage_error(tmp_path: Path) -> None:
    """It is named, without a traceback; what was measured stays."""
    source = """
    class Visitor(HttpUser):
        @task
        def look(self):
            self.client.get("/")

    class Broken(LoadTestShape):
        def tick(self):
            return 1 / 0
    """
    done = run(tmp_path, DEAD, source, "--no-preflight")
    assert done.code == 2
    assert "Broken" in done.err
    assert "Traceback" not in done.err


def test_options_of_locust_that_do_nothing_here_are_refused(tmp_path: Path) -> None:
    """After ``--`` stand the file's own options, not Locust's."""
    source = "class Visitor(HttpUser):\n    @task\n    def look(self):\n        self.client.get('/')\n"
    done = run(tmp_path, DEAD, source, "--run-time", "1s", "--", "--csv", "x")
    assert done.code == 2
    assert "--csv" in done.err


def test_time_outs_of_the_plan_reach_a_locustfile(tmp_path: Path) -> None:
    """``timeout: 300ms`` in the plan is kept by users of a file."""
    (tmp_path / "locustfile.py").write_text(
        HEAD + "class Visitor(HttpUser):\n    @task\n    def look(self):\n        self.client.get('/')\n"
    )
    with CountingServer((Route("*", delay=Delay.fixed(60_000)),)) as server:
        scenario = {"locustfile": "locustfile.py", "iterations": 3}
        plan = {"base_url": server.url, "timeout": "300ms", "scenarios": {"load": scenario}}
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 1, done.out + done.err
    assert summary_of(only_run(tmp_path))["scenarios"]["load"]["failure_kinds"] == {"timeout_read": 3}


def test_a_ramp_down_does_not_wait_for_slow_users(tmp_path: Path) -> None:
    """Users busy for a second each: a second after the ramp's end only those that shall stay are there."""
    stages = [{"duration": "1s", "users": 8}, {"duration": "500ms", "ramp_to": 2}, {"duration": "6s", "users": 2}]
    with CountingServer((Route("*", delay=Delay.fixed(1000)),)) as server:
        load = {"stages": stages, "endpoints": [{"path": "/"}], "thresholds": EASY_THRESHOLDS}
        plan = {"base_url": server.url, "scenarios": {"load": load}}
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    intervals = list(Run.open(only_run(tmp_path)).intervals())
    # Later where the generator stood still, as it says itself: next to never, but on a machine that others use.
    from_ms = intervals[0].start_ms + 2750 + summary_of(only_run(tmp_path))["health"]["loop_lag_ms"]
    late = [one.users for one in intervals if one.start_ms > from_ms and not one.stopping]
    assert late
    assert set(late) == {2}


def test_runs_that_start_in_the_same_second_have_directories_of_their_own(tmp_path: Path) -> None:
    """None is turned away, none overwrites another."""
    plan = write_plan(tmp_path, {"base_url": DEAD,
                                 "scenarios": {"load": {"iterations": 3, "endpoints": [{"path": "/"}]}}})  # fmt: skip
    arguments = ("run", plan, "--no-preflight")
    with Started(*arguments, cwd=tmp_path) as one, Started(*arguments, cwd=tmp_path) as two:
        codes = [started.finish()[0] for started in (one, two)]
    assert codes == [1, 1]
    assert len(list((tmp_path / "runs").iterdir())) == 2
