"""Workers that somebody else starts: ``loadworthy worker --join``."""

from __future__ import annotations

import os
import signal
import socket
from collections import Counter
from pathlib import Path

import pytest
from tests.support.cli import Started, loadworthy, only_run, summary_of, write_plan

from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer, Delay, Route


def told_address(started: Started) -> str:
    """Where workers are to join, as the run says."""
    for line in started.lines():
        if "worker --join " in line:
            return line.rpartition("worker --join ")[2].strip()
    raise AssertionError("it never waited for workers")


def test_workers_started_by_hand_make_the_load(tmp_path: Path) -> None:
    """Two workers join from another folder, without the plan; the books agree, and they go home by themselves."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with CountingServer() as server:
        # With a pause, or who comes first would have done them all before who is seconds behind has begun.
        scenario = {"users": 6, "iterations": 60, "wait_time": "300ms", "endpoints": [{"path": "/{{ user.name }}"}]}
        plan = {"base_url": server.url, "test_data": {"user": {"file": "users.csv"}}, "scenarios": {"load": scenario}}
        (tmp_path / "users.csv").write_text("name\n" + "\n".join(f"u{number}" for number in range(6)) + "\n")
        with Started("run", write_plan(tmp_path, plan), "--workers", 2, "--bind", "127.0.0.1:0", cwd=tmp_path) as run:
            join = ("worker", "--join", told_address(run))
            with Started(*join, cwd=elsewhere) as first, Started(*join, cwd=elsewhere) as second:
                code, out = run.finish()
                codes = [worker.finish()[0] for worker in (first, second)]
        counts = Counter(exchange.target for exchange in server.log())
    assert (code, codes) == (0, [0, 0]), out
    assert sum(counts.values()) == 60
    assert set(counts) == {f"/u{number}" for number in range(6)}  # a row for each user, none twice
    assert summary_of(only_run(tmp_path))["scenarios"]["load"]["requests"] == 60
    assert {interval.process for interval in Run.open(only_run(tmp_path)).intervals()} == {1, 2}


def test_workers_here_and_elsewhere_share_a_run_on_one_address(tmp_path: Path) -> None:
    """The master listens on one address that is not 127.0.0.1: its own children find it there, too."""
    with CountingServer() as server:
        scenario = {"users": 4, "iterations": 80, "endpoints": [{"path": "/"}]}
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"load": scenario}})
        options = ("--processes", 1, "--workers", 1, "--bind", "127.0.0.2:0")
        with (
            Started("run", plan, *options, cwd=tmp_path) as run,
            Started("worker", "--join", told_address(run), cwd=tmp_path) as worker,
        ):
            codes = [run.finish()[0], worker.finish()[0]]
        requests = len(server.log())
    assert codes == [0, 0]
    assert requests == 80
    assert {interval.process for interval in Run.open(only_run(tmp_path)).intervals()} == {1, 2}


def test_a_port_in_use_is_told_with_a_remedy(tmp_path: Path) -> None:
    """Somebody else listens where workers should join: exit code 2 and a sentence."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        plan = write_plan(
            tmp_path, {"base_url": "http://127.0.0.1:9", "scenarios": {"load": {"endpoints": [{"path": "/"}]}}}
        )
        done = loadworthy("run", plan, "--workers", 1, "--bind", f"127.0.0.1:{port}", cwd=tmp_path)
    assert done.code == 2
    assert "in use" in done.err
    assert "--bind" in done.err
    assert "Traceback" not in done.err


def test_a_plan_that_a_worker_cannot_run_is_told_to_the_user(tmp_path: Path) -> None:
    """A locustfile that breaks only in workers ends the run with the worker's own words."""
    source = """
import os, sys
from locust import HttpUser, task
if "worker" in sys.argv:
    raise RuntimeError("no licence on this machine")

class Visitor(HttpUser):
    @task
    def look(self):
        self.client.get("/")
"""
    (tmp_path / "locustfile.py").write_text(source)
    done = loadworthy(
        "run", "locustfile.py", "--url", "http://127.0.0.1:9", "--no-preflight", "--processes", 2, cwd=tmp_path
    )
    assert done.code == 2, done.out + done.err
    assert "no licence on this machine" in done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_throughput_is_the_same_over_processes(tmp_path: Path) -> None:
    """The same plan in one process and in two is measured until its time is up: the verdict must not depend on it."""
    with CountingServer((Route("*", delay=Delay.fixed(90)),)) as server:
        scenario = {"users": 4, "run_time": "4s", "wait_time": "10ms", "endpoints": [{"path": "/"}]}
        scenario["thresholds"] = ["p95 < 1m"]
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"load": scenario}})
        for processes in (1, 2):
            out = tmp_path / str(processes)
            done = loadworthy("run", plan, "--processes", processes, "--out", out, cwd=tmp_path)
            assert done.code == 0, done.out + done.err
            (run,) = out.iterdir()
            load = summary_of(run)["scenarios"]["load"]
            measured = [one for one in Run.open(run).intervals() if not one.stopping]
            end_ms = max(one.start_ms + one.duration_ms for one in measured)
            measured_s = (end_ms - min(one.start_ms for one in measured)) / 1000
            assert measured_s >= 3.9  # more where the machine stood still as the time was up
            assert load["requests"] / load["throughput"] == pytest.approx(measured_s, rel=0.02)


@pytest.mark.slow
def test_a_worker_given_up_stays_away(tmp_path: Path) -> None:
    """One worker freezes for longer than its heartbeat: the run is invalid, and its next scenario is not disturbed."""
    with CountingServer() as server:
        scenario = {"users": 4, "run_time": "9s", "wait_time": "10ms", "endpoints": [{"path": "/one"}]}
        second = {"users": 2, "iterations": 50, "endpoints": [{"path": "/two"}]}
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"one": scenario, "two": second}})
        with Started("run", plan, "--processes", 2, cwd=tmp_path) as started:
            for line in started.lines():
                if "one: started" in line:
                    break
            children = Path(f"/proc/{started.process.pid}/task/{started.process.pid}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGSTOP)
            for line in started.lines():
                if "lost" in line:
                    break
            os.kill(int(children[0]), signal.SIGCONT)
            code, out = started.finish()
        counts = Counter(exchange.target for exchange in server.log())
    assert code == 4, out
    assert counts["/two"] == 50
    scenarios = summary_of(only_run(tmp_path))["scenarios"]
    assert scenarios["two"]["requests"] == 50


def test_ctrl_c_while_waiting_for_workers_ends_the_wait(tmp_path: Path) -> None:
    """Nobody joins, and the first Ctrl-C is enough."""
    plan = write_plan(
        tmp_path, {"base_url": "http://127.0.0.1:9", "scenarios": {"load": {"endpoints": [{"path": "/"}]}}}
    )
    with Started("run", plan, "--workers", 1, "--bind", "127.0.0.1:0", cwd=tmp_path) as started:
        for line in started.lines():
            if "waiting for" in line:
                break
        started.send(signal.SIGINT)
        code, out = started.finish()
    assert code == 130, out
