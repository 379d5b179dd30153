"""``loadworthy run LOCUSTFILE``: users written for Locust's own classes, any protocol, shapes, listeners, mistakes."""

from __future__ import annotations

import textwrap
from collections import Counter
from pathlib import Path

import pytest
from tests.support.cli import EASY_FOR_A_LOCUSTFILE, loadworthy, only_run, summary_of, write_plan

from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer, Route

USER = """
from locust import {base}, between, constant, task

class Visitor({base}):
    wait_time = constant(0.005)

    def on_start(self):
        self.client.get("/login")

    @task(3)
    def items(self):
        with self.client.get("/items", catch_response=True) as response:
            if response.json()["id"] != 7:
                response.failure("wrong id")

    @task
    def missing(self):
        with self.client.get("/missing", catch_response=True) as response:
            if response.status_code == 404:
                response.success()
"""
ROUTES = (Route("/login"), Route("/items", json={"id": 7}), Route("/missing", status=404))


def write(folder: Path, source: str, name: str = "locustfile.py") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    return path


@pytest.mark.parametrize("base", ["HttpUser", "FastHttpUser"])
@pytest.mark.parametrize("client", ["loadworthy", "locust"])
def test_locusts_own_users_are_recorded_with_either_client(tmp_path: Path, base: str, client: str) -> None:
    """One file, with our client or its own: the books agree with the server's, and judgements are the user's."""
    with CountingServer(ROUTES) as server:
        path = write(tmp_path, USER.format(base=base))
        options = ("--url", server.url, "--users", 3, "--run-time", "2s", "--client", client)
        done = loadworthy("run", path, *options, *EASY_FOR_A_LOCUSTFILE, cwd=tmp_path)
        counts = Counter(f"{exchange.method} {exchange.target}" for exchange in server.log())
    assert done.code == 0, done.out + done.err
    series = summary_of(only_run(tmp_path))["scenarios"]["locustfile"]["series"]
    assert {name: figures["requests"] for name, figures in series.items()} == counts
    assert counts["GET /login"] == 3
    assert counts["GET /items"] > 10
    assert not any(figures["failures"] for figures in series.values())


def test_our_client_really_replaces_locusts(tmp_path: Path) -> None:
    """By default a file for Locust's HttpUser sends with our client, with ``--client locust`` it keeps its own."""
    source = """
    import os
    from locust import HttpUser, task

    class Visitor(HttpUser):
        @task
        def look(self):
            self.client.get("/" + type(self.client).__module__.split(".")[0])
    """
    targets = {}
    for client in ("loadworthy", "locust"):
        with CountingServer() as server:
            path = write(tmp_path, source)
            loadworthy(
                "run",
                path,
                "--url",
                server.url,
                "--set",
                "scenarios.locustfile.iterations=3",
                "--client",
                client,
                cwd=tmp_path,
            )
            targets[client] = {exchange.target for exchange in server.log()}
    assert targets == {"loadworthy": {"/loadworthy"}, "locust": {"/locust"}}


def test_any_protocol_that_fires_request_events_is_recorded(tmp_path: Path) -> None:
    """A user of no HTTP at all: its events become samples, with failures, and untimed ones count without a time."""
    source = """
    from locust import User, constant, task

    class Queue(User):
        wait_time = constant(0.001)

        @task
        def work(self):
            fire = self.environment.events.request.fire
            fire(request_type="PUT", name="jobs", response_time=12.3456, response_length=9, exception=None, context={})
            fire(request_type="GET", name="jobs", response_time=5, response_length=0,
                 exception=ConnectionResetError("gone"), context={})
            fire(request_type="ASYNC", name="note", response_time=None, response_length=0, exception=None, context={})
    """
    write(tmp_path, source)
    plan = {"scenarios": {"queue": {"locustfile": "locustfile.py", "users": 2, "iterations": 100}}}
    done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 1, done.out + done.err
    series = summary_of(only_run(tmp_path))["scenarios"]["queue"]["series"]
    assert {name: figures["requests"] for name, figures in series.items()} == {
        "PUT jobs": 100,
        "GET jobs": 100,
        "ASYNC note": 100,
    }
    assert series["PUT jobs"]["response_time_ms"]["p50"] == pytest.approx(12.346, rel=0.001)
    assert series["GET jobs"]["failure_kinds"] == {"reset": 100}
    assert series["ASYNC note"]["response_time_ms"]["max"] is None


def test_listeners_of_user_code_hear_every_request(tmp_path: Path) -> None:
    """Somebody else's listener on Locust's request event is called once a request, with Locust's keywords."""
    source = """
    from locust import HttpUser, events, task

    heard = []

    @events.request.add_listener
    def listen(request_type, name, response_time, response_length, response, context, exception, url, **kwargs):
        heard.append((request_type, name, response.status_code, response_length, context["role"], url[:4]))

    @events.test_stop.add_listener
    def tell(**kwargs):
        with open("heard.txt", "w") as file:
            file.write(repr((len(heard), sorted(set(heard)))))

    class Visitor(HttpUser):
        def context(self):
            return {"role": "visitor"}

        @task
        def look(self):
            self.client.get("/items")
    """
    with CountingServer((Route("/items", body_bytes=20),)) as server:
        write(tmp_path, source)
        plan = {
            "base_url": server.url,
            "scenarios": {"load": {"locustfile": "locustfile.py", "users": 2, "iterations": 40}},
        }
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    assert (tmp_path / "heard.txt").read_text() == repr((40, [("GET", "/items", 200, 20, "visitor", "http")]))
    assert summary_of(only_run(tmp_path))["scenarios"]["load"]["requests"] == 40


def test_exceptions_of_user_code_are_told_and_fail_the_run(tmp_path: Path) -> None:
    """A task that raises goes on raising; the run counts it, shows where, and cannot pass."""
    source = """
    from locust import HttpUser, constant, task

    class Visitor(HttpUser):
        wait_time = constant(0.01)

        @task
        def look(self):
            self.client.get("/items")
            {}["not there"]
    """
    with CountingServer() as server:
        write(tmp_path, source)
        plan = {
            "base_url": server.url,
            "scenarios": {"load": {"locustfile": "locustfile.py", "users": 1, "iterations": 25}},
        }
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 1, done.out + done.err
    events = [event for event in Run.open(only_run(tmp_path)).events if event["type"] == "user_error"]
    assert sum(event["count"] for event in events) == 25
    assert events[0]["message"] == "KeyError: 'not there'"
    assert "locustfile.py" in events[0]["traceback"]


def test_a_load_shape_decides_users_and_length(tmp_path: Path) -> None:
    """A LoadTestShape in the file is followed to its end."""
    source = """
    from locust import HttpUser, LoadTestShape, constant, task

    class Steps(LoadTestShape):
        def tick(self):
            run_time = self.get_run_time()
            if run_time < 1.5:
                return (2, 10)
            return (5, 10) if run_time < 7 else None  # whatever the machine does meanwhile

    class Visitor(HttpUser):
        wait_time = constant(0.01)

        @task
        def look(self):
            self.client.get("/items")
    """
    with CountingServer() as server:
        path = write(tmp_path, source)
        done = loadworthy("run", path, "--url", server.url, *EASY_FOR_A_LOCUSTFILE, cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    users = [interval.users for interval in Run.open(only_run(tmp_path)).intervals()]
    assert 2 in users
    assert max(users) == 5


def test_options_after_two_dashes_go_to_the_file(tmp_path: Path) -> None:
    """A file may add options of its own to Locust's parser; they reach its users, in workers as well."""
    source = """
    from locust import HttpUser, events, task

    @events.init_command_line_parser.add_listener
    def add(parser):
        parser.add_argument("--path", default="/default")

    class Visitor(HttpUser):
        @task
        def look(self):
            self.client.get(self.environment.parsed_options.path)
    """
    path = write(tmp_path, source)
    for processes in (1, 2):
        with CountingServer() as server:
            done = loadworthy(
                "run",
                path,
                "--url",
                server.url,
                "--users",
                2,
                "--processes",
                processes,
                "--set",
                "scenarios.locustfile.iterations=20",
                "--",
                "--path",
                "/chosen",
                cwd=tmp_path,
            )
            targets = {exchange.target for exchange in server.log()}
        assert done.code == 0, done.out + done.err
        assert targets == {"/chosen"}


def test_what_the_master_notes_among_the_options_reaches_its_workers(tmp_path: Path) -> None:
    """As with Locust: a file notes something in ``test_start``, before the first user is made anywhere."""
    source = """
    from locust import HttpUser, events, task
    from locust.runners import MasterRunner

    @events.test_start.add_listener
    def note(environment, **kwargs):
        if isinstance(environment.runner, MasterRunner):
            environment.parsed_options.workers = len(environment.runner.clients.ready)
        else:
            environment.known = environment.parsed_options.workers

    class Visitor(HttpUser):
        @task
        def look(self):
            self.client.get(f"/{self.environment.known}")
    """
    path = write(tmp_path, source)
    with CountingServer() as server:
        options = ("--url", server.url, "--users", 2, "--processes", 2, "--set", "scenarios.locustfile.iterations=20")
        done = loadworthy("run", path, *options, *EASY_FOR_A_LOCUSTFILE, cwd=tmp_path)
        targets = {exchange.target for exchange in server.log()}
    assert done.code == 0, done.out + done.err
    assert targets == {"/2"}


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import locust\nthis is not python\n", "locustfile.py:2"),
        ("import locust\n\n1 / 0\n", "locustfile.py:3"),
        ("x = 1\n", "has no user class"),
        ("import sys\nsys.exit(3)\n", "ended the program"),
    ],
)
def test_a_broken_file_is_a_usage_error_with_its_line(tmp_path: Path, source: str, sentence: str) -> None:
    """No traceback: what is wrong and where, exit code 2, and no load was made."""
    done = loadworthy("run", write(tmp_path, source), "--url", "http://127.0.0.1:9", "--run-time", "1s", cwd=tmp_path)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_a_file_without_a_host_says_what_to_do(tmp_path: Path) -> None:
    """An HTTP user without a base URL is told to give one."""
    path = write(tmp_path, USER.format(base="HttpUser"))
    done = loadworthy("run", path, "--run-time", "1s", cwd=tmp_path)
    assert done.code == 2
    assert "--url" in done.err


def test_unknown_classes_and_scenarios_are_named(tmp_path: Path) -> None:
    """The message lists what there is."""
    write(tmp_path, USER.format(base="HttpUser"))
    plan = {
        "base_url": "http://127.0.0.1:9",
        "scenarios": {"load": {"locustfile": "locustfile.py", "user_classes": ["Visitr"], "run_time": "1s"}},
    }
    path = write_plan(tmp_path, plan)
    done = loadworthy("run", path, cwd=tmp_path)
    assert done.code == 2
    assert "Visitr" in done.err
    assert "Visitor" in done.err
    done = loadworthy("run", path, "--scenario", "laod", cwd=tmp_path)
    assert done.code == 2
    assert "load" in done.err


def test_a_shape_has_no_effect_where_the_plan_says_the_rate(tmp_path: Path) -> None:
    """That is told, once, and the load is the plan's."""
    shape = (
        "from locust import LoadTestShape\nclass Waves(LoadTestShape):\n    def tick(self):\n        return (50, 50)\n"
    )
    write(tmp_path, USER.format(base="HttpUser") + shape)
    load = {"locustfile": "locustfile.py", "rate": "40/s", "run_time": "1s", "max_users": 5}
    with CountingServer(ROUTES) as server:
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"load": load}})
        done = loadworthy("run", plan, cwd=tmp_path)
    assert done.out.count("load: Waves of the locustfile has no effect: the plan says the rate") >= 1
    assert summary_of(only_run(tmp_path))["scenarios"]["load"]["users_max"] <= 5
