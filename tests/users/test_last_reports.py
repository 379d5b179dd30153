"""A master of plain Locust says what its workers' users did up to the end, however long that takes them."""

from __future__ import annotations

import textwrap
from pathlib import Path

from tests.support.cli import command
from tests.support.locust_ports import in_processes

from loadworthy.testing import CountingServer, Delay, Route

SOURCE = """
import gevent
from locust import events, task
from locust.runners import MasterRunner
from loadworthy.users import HttpUser

class Patient(HttpUser):
    @task
    def look(self):
        self.client.get("/slow")

@events.test_stop.add_listener
def tell(environment, **_):
    if isinstance(environment.runner, MasterRunner):
        print("figures:", environment.stats.total.num_requests, flush=True)
        gevent.sleep(2)  # longer than Locust lives on after its last worker has left
        print("listener: done", flush=True)
"""


def test_requests_under_way_at_the_end_are_in_the_figures(tmp_path: Path) -> None:
    """Those of two workers end a second after the test does; who listens to its end has them, and may take its time."""
    (tmp_path / "locustfile.py").write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    with CountingServer([Route("/slow", delay=Delay.fixed(2000))]) as server:
        done = command(
            "-m", "locust", "--headless", "--host", server.url, "--users", 2, "--spawn-rate", 2, "--run-time", "1s",
            "--stop-timeout", 60, *in_processes(2), cwd=tmp_path,
        )  # fmt: skip
        log = server.log()
    assert done.code == 0, done.err
    assert [exchange.status for exchange in log] == [200] * len(log)
    told = [line for line in done.out.splitlines() if line.startswith(("figures: ", "listener: "))]
    assert told == [f"figures: {len(log)}", "listener: done"]
    assert log


STOPPING = """
import gevent
from locust import constant, events, task
from locust.runners import MasterRunner
from loadworthy.users import HttpUser

class Patient(HttpUser):
    wait_time = constant(0.1)

    @task
    def look(self):
        self.client.get("/")

@events.spawning_complete.add_listener
def stop_soon(**_):
    gevent.spawn(stop)

def stop():
    leader.runner.stop()
    while len(leader.runner.clients.ready) < 2:
        gevent.sleep(0.05)
    print("workers: there", flush=True)
    leader.runner.quit()

@events.init.add_listener
def know(environment, **_):
    global leader
    leader = environment
    if not isinstance(environment.runner, MasterRunner):
        events.spawning_complete.remove_listener(stop_soon)
"""


def test_a_test_that_is_only_stopped_keeps_its_workers(tmp_path: Path) -> None:
    """User code may stop a headless test and begin another: nobody is sent home before the end."""
    (tmp_path / "locustfile.py").write_text(textwrap.dedent(STOPPING), encoding="utf-8")
    with CountingServer() as server:
        done = command(
            "-m", "locust", "--headless", "--host", server.url, "--users", 2, "--spawn-rate", 2, "--run-time", "10m",
            *in_processes(2), cwd=tmp_path,
        )  # fmt: skip
    assert done.code == 0, done.err
    assert "workers: there" in done.out
