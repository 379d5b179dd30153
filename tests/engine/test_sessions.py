"""Runs one after another in a process that has something else to do: a web server goes on beside them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest
import requests
from gevent.event import Event
from gevent.pywsgi import WSGIServer
from locust.env import Environment
from locust.web import WebUI
from tests.support.leading import Person, request, run_led

from loadworthy.analysis.by_hand import changes_of
from loadworthy.analysis.verdict import Verdict
from loadworthy.engine.control import Control
from loadworthy.errors import ExitCode
from loadworthy.testing import CountingServer, Delay, Route

PATIENCE_S = 60
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Page:
    """A page beside the runs: ``/ping``, ``/load?FACTOR``, ``/stop``, a stream that never ends, and Locust's own."""

    def __init__(self) -> None:
        self.control = Control()
        self.web_ui: WebUI | None = None
        self.environments: list[Environment] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/locust") and self.web_ui is not None and self.web_ui.app is not None:
            environ["PATH_INFO"] = path.removeprefix("/locust")
            answer: Iterable[bytes] = self.web_ui.app(environ, start_response)
            return answer
        start_response("200 OK", [("Content-Type", "text/event-stream" if path == "/events" else "text/plain")])
        if path == "/events":
            return self._stream()
        if path == "/load":
            self.control.change_load(float(environ["QUERY_STRING"]))
        if path == "/stop":
            self.control.ask_to_stop("stopped from the live page")
        return [b"pong"]

    def _stream(self) -> Iterator[bytes]:
        yield b"data: here\n\n"
        Event().wait()

    def on_environment(self, environment: Environment) -> None:
        """Locust's page of each run takes the place of the one before."""
        assert environment.runner is not None
        self.environments.append(environment)
        self.web_ui = WebUI(environment, "", 0, delayed_start=True)


@contextmanager
def serving(page: Wsgi) -> Iterator[str]:
    server = WSGIServer(("127.0.0.1", 0), page, log=None)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.stop(timeout=0)


def plan_for(url: str, **scenario: Any) -> dict[str, Any]:
    """Its limit is far off: on a busy machine, too, the generator is not what decides."""
    load = {"users": 2, "wait_time": "10ms", "endpoints": [{"path": "/"}], "thresholds": ["max < 1m"], **scenario}
    return {"base_url": url, "scenarios": {"load": load}}


@pytest.mark.parametrize("processes", [1, 2])
def test_a_web_server_answers_while_a_run_goes_on(tmp_path: Path, processes: int) -> None:
    """It is asked all the time, changes the load and stops the run; a stream that is open keeps nothing from ending."""
    page = Page()
    answered_at: list[int] = []
    under_way = Event()

    def ask(url: str) -> None:
        with requests.Session() as session:
            under_way.wait()
            while under_way.is_set():
                assert session.get(f"{url}/ping", timeout=PATIENCE_S).text == "pong"
                answered_at.append(len(answered_at))

    with CountingServer() as server, serving(page) as url, requests.Session() as session:
        stream = session.get(f"{url}/events", stream=True, timeout=PATIENCE_S)
        assert next(stream.iter_lines()) == b"data: here"
        asking = gevent.spawn(ask, url)
        person = Person(
            [(0.2, lambda: gevent.spawn(requests.get, f"{url}/load?2", timeout=PATIENCE_S))],
            {"scenario_started": under_way.set, "scenario_ended": under_way.clear},
            when=(
                lambda users: users == 4 and len(answered_at) > 20,
                lambda: gevent.spawn(requests.get, f"{url}/stop", timeout=PATIENCE_S),
            ),
        )
        summary, run = run_led(request(plan_for(server.url, run_time="60s"), tmp_path, processes), page.control, person)
        asking.get()
        stream.close()
    assert len(answered_at) > 20
    assert summary.scenarios["load"].users_max == 4
    assert [one.factor for one in changes_of("load", run.events)] == [2]
    assert summary.verdict is Verdict.UNDECIDED
    assert summary.exit_code is ExitCode.INTERRUPTED
    assert run.manifest["ended_reason"] == "stopped from the live page"
    assert [one["message"] for one in run.events if one["type"] == "interrupted"] == ["stopped from the live page"]
    assert summary.reasons[0].startswith("The run was interrupted (stopped from the live page): it ended after")
    assert "load was changed by hand once" in summary.reasons[1]
    assert summary.scenarios["load"].figures.failures == 0


def test_locusts_page_follows_each_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made on the environment of the run, lives on when that is over, and gives way to the next one's."""
    # It parses the command line of the process, which is that of the tests.
    monkeypatch.setattr("locust.argument_parser.ui_extra_args_dict", lambda _arguments=None: {})
    page = Page()
    seen: list[int] = []
    with CountingServer() as server, serving(page) as url:
        for iterations in (30, 40):
            page.control = Control()
            asked = request(plan_for(server.url, iterations=iterations), tmp_path)
            running = gevent.spawn(run_led, asked, page.control, Person(), page.on_environment)
            summary, _ = running.get()  # not the main greenlet
            assert summary.verdict is Verdict.PASS
            stats = requests.get(f"{url}/locust/stats/requests", timeout=PATIENCE_S).json()
            seen.append(next(one["num_requests"] for one in stats["stats"] if one["name"] == "/"))
        assert len(server.log()) == 70
    assert seen == [30, 40]
    first, second = page.environments
    assert first is not second
    assert first.runner is not second.runner


def test_an_observer_is_told_first_where_the_run_is(tmp_path: Path) -> None:
    """Before its end there is no other way to know; the directory itself need not say."""
    person = Person()
    with CountingServer() as server:
        _, run = run_led(request(plan_for(server.url, iterations=3), tmp_path), Control(), person)
    first = dict(person.events[0])
    assert first.pop("at_ms") > 0
    assert first == {"type": "run_started", "run": run.path.name, "path": str(run.path), "scenarios": ["load"]}
    assert "run_started" not in {event["type"] for event in run.events}
    assert [dict(event) for event in person.events[1:]] == run.events


def test_one_who_asks_before_the_start_gets_no_load(tmp_path: Path) -> None:
    """The run is interrupted before any; the words are on record."""
    control = Control()
    control.ask_to_stop("stopped from the live page")
    with CountingServer() as server:
        _, run = run_led(request(plan_for(server.url, run_time="60s"), tmp_path), control, Person())
        assert server.log() == []
    assert run.manifest["ended"] == "interrupted"
    assert run.manifest["ended_reason"] == "stopped from the live page before any load was made"
    assert [one["message"] for one in run.events if one["type"] == "interrupted"] == ["stopped from the live page"]


def test_an_environment_that_is_not_wanted_ends_the_run(tmp_path: Path) -> None:
    """What the caller's function raises comes out, and the run directory says that it broke off."""

    def refuse(_environment: Environment) -> None:
        raise ValueError("no port is free")

    with CountingServer() as server:
        with pytest.raises(ValueError, match="no port is free"):
            run_led(request(plan_for(server.url, iterations=3), tmp_path), Control(), Person(), refuse)
        assert server.log() == []
    (path,) = tmp_path.iterdir()
    assert json.loads((path / "run.json").read_text())["ended"] == "error"


PROGRAM = """
import locust  # first of all: it patches the process
import json, os, signal, sys
from pathlib import Path

import gevent

from loadworthy.cli.target import load_target
from loadworthy.engine.run import RunRequest, run_plan


class Watching:
    def on_event(self, event):
        print(event["type"], event.get("message", ""), flush=True)

    def on_interval(self, interval):
        print("measured", flush=True)  # which the main part of the run has no hand in

    def tick(self, elapsed_us, planned_us, users):
        if users == 3 and elapsed_us > 500_000:
            print("under way", flush=True)


plan = load_target(json.loads(sys.argv[1]), environ={})
running = gevent.spawn(run_plan, RunRequest(plan, Path(sys.argv[2])), Watching())
print(running.get().ended, signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


def test_a_second_ctrl_c_ends_a_run_that_is_not_in_the_main_greenlet(tmp_path: Path) -> None:
    """Users hang in requests of a minute: it reaches the run itself, and whoever waits for it goes on."""
    with CountingServer([Route("*", delay=Delay.fixed(60_000))]) as server:
        plan = plan_for(server.url, users=3, run_time="60s") | {"stop_timeout": "50s", "timeout": "90s"}
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(plan), str(tmp_path)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            assert program.stdout is not None
            assert any("under way" in line for line in program.stdout)
            program.send_signal(signal.SIGINT)
            assert any("interrupted stopping" in line for line in program.stdout)
            assert any("measured" in line for line in program.stdout)
            program.send_signal(signal.SIGINT)
            said, _ = program.communicate(timeout=PATIENCE_S)
        finally:
            if program.poll() is None:
                program.kill()
                program.wait()
    assert said.splitlines()[-1] == "interrupted True", said
    assert "Traceback" not in said
    (path,) = tmp_path.iterdir()
    assert json.loads((path / "run.json").read_text())["ended_reason"] == "told twice to stop"
