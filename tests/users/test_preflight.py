"""A target where nothing listens is told before any load is made."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from locust import FastHttpUser, HttpUser, User, events
from tests.support.cli import EASY_FOR_A_LOCUSTFILE, command, loadworthy, write_plan
from tests.support.locust_ports import in_processes, own_port

from loadworthy.clock import monotonic_ns
from loadworthy.testing import CountingServer
from loadworthy.users.preflight import complaint, direct_hosts, require_target, why_unreachable

DEAD = "http://127.0.0.1:9"
PATIENCE_S = 60.0
SOURCE = """
from locust import HttpUser, constant, events, task
from loadworthy.users.preflight import require_target

@events.test_start.add_listener
def prepare(**kwargs):
    open("prepared.txt", "w").close()

require_target()
require_target()

class Visitor(HttpUser):
    wait_time = constant(0.01)

    @task
    def look(self):
        self.client.get("/")
"""
LINE = f"nothing listens at {DEAD} (connection refused): start the service, or name another with"


def write(folder: Path, source: str = SOURCE) -> None:
    (folder / "locustfile.py").write_text(textwrap.dedent(source), encoding="utf-8")


# --- plain Locust ---


@pytest.mark.parametrize("processes", [1, 2])
def test_locust_ends_with_one_line_and_exit_code_2(tmp_path: Path, processes: int) -> None:
    """No user was made, no listener that prepares the target was called, and there is no traceback."""
    write(tmp_path)
    done = command("-m", "locust", "--headless", "--host", DEAD, "-t", "1m", *in_processes(processes), cwd=tmp_path)
    assert done.code == 2, done.err
    assert done.err.count(f"{LINE} --host") == 1
    assert "Traceback" not in done.out + done.err
    assert not (tmp_path / "prepared.txt").exists()


@pytest.mark.parametrize("base", ["from loadworthy.users import HttpUser", "from locust import HttpUser"])
def test_a_class_without_a_host_is_told_too(tmp_path: Path, base: str) -> None:
    """Neither --host nor a host of its own: Locust alone would end with exit code 0 and a traceback."""
    write(tmp_path, SOURCE.replace("from locust import HttpUser, ", f"{base}\nfrom locust import "))
    done = command("-m", "locust", "--headless", "-t", "1m", cwd=tmp_path)
    assert done.code == 2, done.err
    assert "Visitor has no host to test: name one with --host, or in the class" in done.err
    assert "Traceback" not in done.out + done.err


def test_a_target_that_listens_is_loaded(tmp_path: Path) -> None:
    """The question is asked without a request: the first one is a user's."""
    write(tmp_path)
    with CountingServer() as server:
        done = command("-m", "locust", "--headless", "--host", server.url, "-t", "1s", cwd=tmp_path)
        targets = {exchange.target for exchange in server.log()}
    assert done.code == 0, done.err
    assert targets == {"/"}


def test_a_load_shape_is_stopped_too(tmp_path: Path) -> None:
    """Locust starts a shape's test in another way; it ends as well."""
    write(
        tmp_path,
        SOURCE
        + """
from locust import LoadTestShape

class Steps(LoadTestShape):
    def tick(self):
        return (1, 1)
""",
    )
    done = command("-m", "locust", "--headless", "--host", DEAD, cwd=tmp_path)
    assert done.code == 2, done.err
    assert "Traceback" not in done.out + done.err


def ask(page: str, **form: object) -> Any:
    with urlopen(page, data=urlencode(form).encode() if form else None, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def at_last(condition: Callable[[], object], process: subprocess.Popen[str]) -> bool:
    """Ask again and again until it holds; False where the process has ended, or the time is up."""
    deadline_ns = monotonic_ns() + round(PATIENCE_S * 1e9)
    while process.poll() is None and monotonic_ns() < deadline_ns:
        if condition():
            return True
    return False


def answers(page: str) -> bool:
    try:
        ask(f"{page}/stats/requests")
    except OSError:
        return False
    return True


@pytest.fixture
def web_ui(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A Locust with a web UI on a dead target, and its process."""
    write(tmp_path)
    port = own_port()
    options = ["--host", DEAD, "--web-host", "127.0.0.1", "--web-port", str(port)]
    process = subprocess.Popen([sys.executable, "-m", "locust", *options], cwd=tmp_path, stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def wait_for_line(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    assert any(words in line for line in process.stderr), f"it ended without {words!r}"


def test_the_web_ui_goes_on(web_ui: tuple[str, subprocess.Popen[str]]) -> None:
    """The test on the dead target does not start; another one, on a live target, from the same page does."""
    page, process = web_ui
    wait_for_line(process, "Starting web interface")
    assert at_last(lambda: answers(page), process)
    ask(f"{page}/swarm", user_count=2, spawn_rate=2, host=DEAD)
    wait_for_line(process, LINE)
    assert ask(f"{page}/stats/requests")["user_count"] == 0
    with CountingServer() as server:
        ask(f"{page}/swarm", user_count=2, spawn_rate=2, host=server.url)
        assert at_last(server.log, process)


# --- loadworthy run ---


def dead_plan(folder: Path, **more: Any) -> Path:
    scenario = {"users": 1, "iterations": 3, "endpoints": [{"path": "/"}]}
    return write_plan(folder, {"base_url": DEAD, "scenarios": {"load": scenario}, **more})


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_ends_before_it_begins(tmp_path: Path, processes: int) -> None:
    """One line and exit code 2; there is no run directory, for there was no run."""
    done = loadworthy("run", dead_plan(tmp_path), "--processes", processes, cwd=tmp_path)
    assert done.code == 2
    assert done.err == f"loadworthy: {LINE} --url\n"
    assert not (tmp_path / "runs").exists()


def test_a_run_can_go_on_all_the_same(tmp_path: Path) -> None:
    """``--no-preflight``: every attempt is a failed sample, as when the service dies under load."""
    done = loadworthy("run", dead_plan(tmp_path), "--no-preflight", cwd=tmp_path)
    assert done.code == 1, done.out + done.err
    assert "FAIL" in done.out


def test_the_host_of_a_class_counts_where_there_is_no_base_url(tmp_path: Path) -> None:
    """A locustfile that names its own host; its own ``require_target()`` has nothing to do here."""
    write(tmp_path, SOURCE.replace("wait_time =", f"host = {DEAD!r}\n    wait_time ="))
    done = loadworthy("run", "locustfile.py", "--run-time", "1s", cwd=tmp_path)
    assert done.code == 2
    assert done.err == f"loadworthy: {LINE} --url\n"
    done = loadworthy(
        "run", "locustfile.py", "--no-preflight", "--run-time", "1s", *EASY_FOR_A_LOCUSTFILE, cwd=tmp_path
    )
    assert done.code == 1, done.out + done.err


def test_secrets_in_the_address_are_not_told(tmp_path: Path) -> None:
    """Neither a password in the URL nor a secret that the plan takes from the environment."""
    plan = dead_plan(tmp_path, base_url="http://joe:hidden-word@127.0.0.1:9")
    done = loadworthy("run", plan, cwd=tmp_path)
    assert done.code == 2
    assert "hidden-word" not in done.out + done.err


# --- its parts ---


def test_one_address_that_answers_is_enough() -> None:
    """``localhost`` has two addresses on most machines, and the service often listens on one."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert why_unreachable(f"http://localhost:{listening.getsockname()[1]}") is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (DEAD, "connection refused"),
        ("https://127.0.0.1:9", "connection refused"),
        ("http://no-such-host.invalid", "the host name does not resolve"),
        ("http://127.0.0.1:99999/", "the URL's port is above 65535"),
    ],
)
def test_the_reason_is_told(url: str, why: str) -> None:
    """In the words of a person, and without what varies."""
    assert why_unreachable(url) == why


def test_an_address_that_never_answers_is_given_up() -> None:
    """A listener whose queue is full lets a connection wait: after the time-out that is the reason."""
    with socket.socket() as listening, socket.socket() as first:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        first.connect(address)  # fills the queue
        why = why_unreachable("http://{}:{}".format(*address), timeout_s=0.2)
    assert why == "no answer within 0.2 s"


def test_users_behind_a_proxy_or_without_a_host_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be known from here is not asked: proxies, other protocols, no host."""

    class Direct(HttpUser):
        host = "http://127.0.0.1:8001"

    class Proxied(FastHttpUser):
        host = "http://127.0.0.1:8002"
        proxy_host = "127.0.0.1"

    class Queue(User):
        host = "amqp://127.0.0.1"

    classes: list[type[User]] = [Direct, Proxied, Queue, HttpUser]
    assert direct_hosts(classes, None, environ_proxies=True) == ["http://127.0.0.1:8001"]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:3128")
    assert direct_hosts(classes, None, environ_proxies=True) == []
    assert direct_hosts(classes, "http://a", environ_proxies=False) == ["http://a"] * 3


def test_a_password_is_not_part_of_the_line() -> None:
    """Terminals and CI logs are read by many."""
    assert "secret" not in complaint("http://joe:secret@127.0.0.1:9", "connection refused", "--host")


def test_several_modules_may_ask() -> None:
    """The second call changes nothing, and the first is before all others."""
    handlers = events.test_start._handlers
    before = list(handlers)
    try:
        require_target()
        require_target()
        assert len(handlers) == len(before) + 1
        assert handlers[1:] == before
    finally:
        handlers[:] = before
