"""The live page under plain Locust: one line of a locustfile, and Locust's own figures as they were."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

import psutil
import pytest
import requests
from locust.env import Environment
from locust.runners import MasterRunner
from tests.page.looking import TIME_LIMIT_S, Looking, patient_session
from tests.support.cli import command, loadworthy
from tests.support.locust_ports import in_processes
from tests.support.systems import dead_port

from loadworthy.page.plain import LOOK, _Leader
from loadworthy.testing import CountingServer, Route

SOURCE = """
from loadworthy.page import live_page
from loadworthy.users import HttpUser
from locust import FastHttpUser, constant, task

live_page({arguments})

class Ours(HttpUser):
    wait_time = constant(0.01)

    @task(3)
    def items(self):
        self.client.get("/items")

    @task
    def broken(self):
        self.client.post("/broken")

class Theirs(FastHttpUser):
    wait_time = constant(0.01)

    @task
    def fast(self):
        self.client.get("/fast")
"""
ROUTES = (Route("/items", body_bytes=300), Route("/broken", status=500, body_bytes=50), Route("/fast"))
PLAN = """
base_url: http://127.0.0.1:9
scenarios:
  load: {rate: 50/s, endpoints: [{path: /}], thresholds: ["throughput > 1", "error_rate < 1%"]}
  other: {endpoints: [{path: /}]}
"""
WORKERS = """
import logging
from locust import events

@events.init.add_listener
def listen(runner, **_):
    look = runner.custom_messages.get("loadworthy_look")
    if look is not None:
        def on_look(**message):
            look[0](**message)
            logging.info("is looked at")
        runner.custom_messages["loadworthy_look"] = on_look, look[1]
"""
"""A worker says when it has heard that somebody looks: what it did before that would be Locust's to count alone."""
CUT_OFF = 8
"""Requests that Locust kills with their users: one for each user at most."""


def write(folder: Path, arguments: str = "", more: str = "") -> None:
    """The locustfile."""
    (folder / "locustfile.py").write_text(SOURCE.format(arguments=arguments) + more, encoding="utf-8")
    (folder / "plan.yaml").write_text(textwrap.dedent(PLAN), encoding="utf-8")


class Locust:
    """``locust`` with its web interface."""

    def __init__(self, folder: Path, url: str, *options: object) -> None:
        words = ["-f", "locustfile.py", "--host", url, "--web-port", dead_port(), *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "locust", *map(str, words)], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.said: list[str] = []

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The line of its log that says so."""
        for line in cast("IO[str]", self.process.stderr):
            self.said.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError("".join(self.said))

    def page(self) -> str:
        """The address that it says."""
        return self.wait_for(r"live page: (http\S+)")[1]

    def finish(self) -> int:
        """Ctrl-C, and its exit code."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=TIME_LIMIT_S)
        return self.process.returncode


@contextmanager
def locust(folder: Path, url: str, *options: object) -> Iterator[Locust]:
    """It ends with the block, whatever happens."""
    started = Locust(folder, url, *options)
    try:
        yield started
    finally:
        for child in (
            psutil.Process(started.process.pid).children(recursive=True) if started.process.poll() is None else ()
        ):
            with suppress(psutil.NoSuchProcess):
                child.kill()
        started.process.kill()
        started.process.communicate()


def counts(known: dict[str, Any]) -> Counter[str]:
    """Requests by name, as the page knows them."""
    ((_, sections),) = known["scenarios"].items()
    return Counter({row[0].partition(" ")[2]: row[1] for row in sections["series"]["rows"]})


def settled(page: Looking) -> list[dict[str, Any]]:
    """Locust's statistics, when all has come to both: it kills its users, and its workers report now and then."""
    url = f"{page.url.removesuffix('loadworthy/')}stats/requests"
    while True:
        shown: list[dict[str, Any]] = page.session.get(url, timeout=30).json()["stats"]
        missing = shown[-1]["num_requests"] - counts(page.known).total()
        if not missing:
            return shown
        if missing > 0:
            assert page.look(), missing


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_its_figures_are_those_of_locust(tmp_path: Path, processes: int) -> None:
    """Requests and failures of our users and of Locust's beside them, in one process and from workers."""
    write(tmp_path, 'plan="plan.yaml", scenario="load"', WORKERS)
    with CountingServer(ROUTES) as server, locust(tmp_path, server.url, *in_processes(processes)) as started:
        url = started.page()
        if processes > 1:
            for _ in range(processes):
                started.wait_for("is looked at")
        with Looking(url) as page:
            page.until_state("ready")
            assert page.post("start", user_count=6, spawn_rate=6).json() == {"ok": True, "message": ""}
            page.until(lambda known: known["scenarios"]["load"].get("figures", {}).get("requests", 0) > 400)
            assert page.post("start", user_count=6, spawn_rate=6).status_code == 409
            page.until(lambda known: known["scenarios"]["load"]["figures"]["users_max"] == 6)  # the workers of both
            page.until(lambda known: any(one["bad"] for one in known["scenarios"]["load"]["happened"]))
            assert page.post("stop").json()["ok"]
            at_its_end = counts(page.until_state("ended")).total()
            shown = settled(page)
            known = page.known
        log = Counter(exchange.target for exchange in server.log())
        started.finish()
    by_name = {row["name"]: row["num_requests"] for row in shown}
    if processes == 1:  # what a worker did at last may come after the leader has heard that it has no users any more
        assert at_its_end == by_name["Aggregated"]
    assert dict(counts(known)) == {name: by_name[name] for name in ("/items", "/broken", "/fast")}
    assert known["scenarios"]["load"]["figures"]["failures"] == by_name["/broken"]
    for name, count in counts(known).items():
        assert 0 <= log[name] - count <= CUT_OFF
    lights = {one["expression"]: one["word"] for one in known["scenarios"]["load"]["thresholds"]}
    assert lights == {"throughput > 1": "holds", "error_rate < 1%": "missed"}


def test_its_load_is_changed_by_hand(tmp_path: Path) -> None:
    """So many times the users that somebody asked for; a second change counts from there, too."""
    write(tmp_path)
    with CountingServer(ROUTES) as server, locust(tmp_path, server.url) as started, Looking(started.page()) as page:
        assert page.post("load", factor=2).status_code == 409
        page.post("start", user_count=2, spawn_rate=50)
        for factor, users in ((3, 6), (2, 4)):
            page.until(lambda known: known["run"]["state"] == "running")
            assert page.post("load", factor=factor).json()["message"] == f"{users} users from now on."
            page.until(lambda known, users=users: known["run"]["users"] == users)  # type: ignore[misc]
        assert page.known["scenarios"]["locustfile"]["state"]["factor"] == 2
        assert page.post("load", factor=0).status_code == 409
        page.post("stop")
        page.until_state("ended")
        page.post("start", user_count=1, spawn_rate=1)
        page.until_state("running")
        known = page.until(lambda known: known["scenarios"]["locustfile"].get("figures", {}).get("requests", 0) > 0)
        assert known["scenarios"]["locustfile"]["figures"]["users_max"] == 1
        assert known["scenarios"]["locustfile"]["state"]["factor"] == 1
        started.finish()


def test_a_test_that_does_not_begin_says_why(tmp_path: Path) -> None:
    """Where nothing listens at the target, and the locustfile asks for one: on the page, and not in the log alone."""
    write(tmp_path)
    with (tmp_path / "locustfile.py").open("a", encoding="utf-8") as file:
        file.write("\nfrom loadworthy.users.preflight import require_target\nrequire_target()\n")
    with locust(tmp_path, "http://127.0.0.1:9") as started, Looking(started.page()) as page:
        page.post("start", user_count=1, spawn_rate=1)
        known = page.until_state("failed")
        assert known["run"]["why"].startswith("nothing listens at http://127.0.0.1:9 (connection refused)")
        assert known["run"]["files"] == []
        assert started.finish() == 0


def test_unless_somebody_asks_it_is_for_this_machine(tmp_path: Path) -> None:
    """Locust's default are all addresses; with our page it listens on loopback alone."""
    write(tmp_path)
    with locust(tmp_path, "http://127.0.0.1:9") as started:
        url = started.page()
        assert url.startswith("http://127.0.0.1:")
        with patient_session() as session:
            assert session.get(url, timeout=30).status_code == 200
        listening = [one for one in psutil.Process(started.process.pid).net_connections() if one.status == "LISTEN"]
        assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
        root = url.removesuffix("loadworthy/")
        answer = requests.get(root, timeout=30, headers={"Origin": "http://evil.example"})
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert "./loadworthy/" in answer.text
        assert requests.get(root, timeout=30, headers={"Host": "evil.example"}).status_code == 403
        assert started.finish() == 0


def test_for_others_it_needs_the_token(tmp_path: Path) -> None:
    """Locust's own page, too."""
    write(tmp_path)
    with locust(tmp_path, "http://127.0.0.1:9", "--web-host", "0.0.0.0", "--web-base-path", "/tests") as started:
        url = started.page()
        port, token = url.split("://")[1].partition("/")[0].rpartition(":")[2], url.partition("?token=")[2]
        root = f"http://127.0.0.1:{port}/tests"
        assert "/tests/loadworthy/?" in url
        with patient_session() as session:
            for path in ("/", "/loadworthy/", "/assets/x", "/stats/requests"):
                assert session.get(f"{root}{path}", timeout=30).status_code == 401
            assert session.get(f"{root}/loadworthy/?token={token}", timeout=30).status_code == 200
            assert session.get(f"{root}/stats/requests", timeout=30).status_code == 200
            assert session.post(f"{root}/loadworthy/start", timeout=30).status_code == 403
        started.finish()


class Workers:
    """The runner of a leader whose workers were there first."""

    def __init__(self, *names: str) -> None:
        self.clients = dict.fromkeys(names)
        self.told: list[tuple[str, int, str]] = []

    def get_worker_index(self, name: str) -> int:
        """As Locust counts them."""
        return list(self.clients).index(name)

    def register_message(self, *_: object) -> None:
        """From now on it listens."""

    def send_message(self, kind: str, data: dict[str, int], client_id: str) -> None:
        """Note it."""
        self.told.append((kind, data["process"], client_id))


def test_workers_that_came_before_the_page_are_told_that_somebody_looks() -> None:
    """They have asked in vain: where the leader's own listeners of ``init`` take their time, nobody heard them."""
    runner = Workers("one", "two")
    _Leader(Environment(), cast("MasterRunner", runner), lambda _: None)
    assert runner.told == [(LOOK, 1, "one"), (LOOK, 2, "two")]


HEADLESS = """
import sys
from locust import events

@events.quitting.add_listener
def told(environment, **_):
    modules = [name for name in ("altair", "loadworthy.page.plain_page", "loadworthy.page.view") if name in sys.modules]
    print("TOLD", modules, len(environment.events.request._handlers), file=sys.stderr)
"""


def test_headless_nothing_changes(tmp_path: Path) -> None:
    """Nothing is recorded, no library of charts is loaded; Locust's figures are those of the server."""
    write(tmp_path)
    with (tmp_path / "locustfile.py").open("a", encoding="utf-8") as file:
        file.write(HEADLESS)
    with CountingServer(ROUTES) as server:
        options = ("--headless", "--host", server.url, "-u", 2, "-r", 2, "-t", "2s", "--json", "--stop-timeout", 5)
        done = command("-m", "locust", "-f", "locustfile.py", *options, cwd=tmp_path)
        log = Counter(exchange.target for exchange in server.log())
    assert "TOLD [] 1" in done.err
    assert "live page" not in done.err
    entries = {row["name"]: row["num_requests"] for row in json.loads(done.out[done.out.index("[") :])}
    for name, count in entries.items():
        assert 0 <= log[name] - count <= CUT_OFF


def test_headless_workers_are_not_asked(tmp_path: Path) -> None:
    """They ask whether somebody looks, hear nothing, and nobody warns of it."""
    write(tmp_path)
    with CountingServer(ROUTES) as server:
        options = ("--headless", "--host", server.url, "-u", 2, "-r", 2, "-t", "2s", *in_processes(2))
        done = command("-m", "locust", "-f", "locustfile.py", *options, cwd=tmp_path)
    assert "loadworthy_" not in done.err
    assert "Unknown message" not in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('plan="plan.yaml"', r"which one is it about\? Give live_page\(scenario=…\) one of: load, other"),
        ('plan="plan.yaml", scenario="nothing"', "there is no scenario 'nothing'"),
        ('plan="missing.yaml"', "missing.yaml"),
    ],
)
def test_a_plan_with_a_mistake_ends_it(tmp_path: Path, arguments: str, said: str) -> None:
    """Exit code 2, and a sentence instead of a traceback."""
    write(tmp_path, arguments)
    options = ("-f", "locustfile.py", "--host", "http://127.0.0.1:9", "--web-port", dead_port())
    done = command("-m", "locust", *options, cwd=tmp_path)
    assert done.code == 2
    assert re.search(said, done.err)
    assert "Traceback" not in done.err


def test_under_loadworthy_run_the_line_has_no_effect(tmp_path: Path) -> None:
    """The same file runs there, and its page is another."""
    write(tmp_path)
    with CountingServer(ROUTES) as server:
        done = loadworthy("run", "locustfile.py", "--url", server.url, "--users", 2, "--run-time", "1s", cwd=tmp_path)
    assert "live page" not in done.out + done.err
    assert "locustfile: ended (completed)" in done.out
