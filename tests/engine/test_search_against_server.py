"""Searching for the capacity of real servers, whose capacity is set."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import Started, loadworthy, only_run, summary_of, write_plan

from loadworthy.record.rundir import Run
from loadworthy.testing import Delay, FaultServer, Queue, Route

pytestmark = pytest.mark.slow

LIMIT_S = 500.0
"""A search takes minutes."""


def search(tmp_path: Path, url: str, *options: object, **keys: Any) -> dict[str, Any]:
    """The scenario's part of ``summary.json``."""
    scenario = {"kind": "capacity", "endpoints": [{"path": "/"}], "thresholds": ["p95 < 300ms", "error_rate < 1%"]}
    plan = {"base_url": url, "seed": 7, "scenarios": {"find": {**scenario, **keys}}}
    done = loadworthy("run", write_plan(tmp_path, plan), *options, cwd=tmp_path, limit_s=LIMIT_S)
    assert "Traceback" not in done.out + done.err
    found: dict[str, Any] = summary_of(only_run(tmp_path))["scenarios"]["find"]
    assert "Over all trials together" in done.out
    return found


def test_a_server_that_serves_four_hundred_a_second(tmp_path: Path) -> None:
    """One after another, 2.5 ms each: found within five per cent, in an interval that holds it."""
    with FaultServer([Route("*", delay=Delay.fixed(2.5))], queue=Queue.fifo()) as server:
        found = search(tmp_path, server.url, start_rate="100/s")
        served = server.stats().requests
    capacity = found["capacity"]
    assert capacity["ended"] == "found"
    assert capacity["rate"] == pytest.approx(400, rel=0.05)
    assert capacity["low"] <= 400 <= capacity["high"]
    assert capacity["limited_by"] == "p95 < 300ms"
    assert found["requests"] == served
    assert found["arrivals"]["sent"] + found["arrivals"]["dropped"] == found["arrivals"]["scheduled"]
    assert_nothing_is_asked_beyond_twice_what_held(capacity, 100)


def assert_nothing_is_asked_beyond_twice_what_held(capacity: dict[str, Any], start_rate: float) -> None:
    """Or the first rate."""
    held = 0.0
    for trial in capacity["trials"]:
        assert trial["rate"] <= 2 * max(held, start_rate)
        held = max(held, trial["rate"]) if trial["verdict"] == "good" else held


def test_several_processes_share_each_trial(tmp_path: Path) -> None:
    """Up to a highest rate that it carries easily: that is the answer, and every request is the server's, too."""
    with FaultServer([Route("*", delay=Delay.fixed(1))]) as server:
        options = ("--processes", 2)
        found = search(tmp_path, server.url, *options, start_rate="50/s", max_rate="200/s", max_duration="3m")
        served = server.stats().requests
    capacity = found["capacity"]
    assert (capacity["ended"], capacity["rate"], capacity["high"]) == ("max_rate", 200.0, None)
    # A machine that stands still in one of them makes it bad, and the generator the limit: then others come between.
    good = [trial for trial in capacity["trials"] if trial["verdict"] == "good"]
    assert (capacity["trials"][0]["rate"], good[-1]["rate"]) == (50.0, 200.0)
    assert_nothing_is_asked_beyond_twice_what_held(capacity, 50)
    assert found["requests"] == served
    run = Run.open(only_run(tmp_path))
    processes: dict[int, set[int]] = {}
    for interval in run.intervals():
        if interval.sent and interval.segment is not None:
            processes.setdefault(interval.segment, set()).add(interval.process)
    assert all(found == {1, 2} for found in processes.values())
    counted = {trial["number"]: trial["requests"] for trial in capacity["trials"]}
    for one in good:  # those that are bad are stopped before their end
        assert counted[one["number"]] == pytest.approx(one["rate"] * one["duration_s"], rel=0.25)


def test_a_stress_overloads_and_recovers(tmp_path: Path) -> None:
    """Half as much again as was found, which a queue works off by itself."""
    with FaultServer([Route("*", delay=Delay.fixed(4))], queue=Queue.fifo()) as server:
        found = search(
            tmp_path, server.url, kind="stress", start_rate="100/s", precision="20%", overload_time="12s",
            recovery_time="40s",
        )  # fmt: skip
    overload, recovery = found["overload"], found["recovery"]
    # Next to nothing, but on a machine that others use: meanwhile nothing was served.
    stood_still_s = summary_of(only_run(tmp_path))["health"]["loop_lag_ms"] / 1000
    assert overload["rate"] == pytest.approx(1.5 * found["capacity"]["rate"])
    assert overload["behaviour"] == "holds" or stood_still_s > 1
    carried = min(250, overload["rate"])
    assert 0.9 * carried * (12 - stood_still_s) / 12 <= overload["throughput"] <= 1.1 * carried
    assert recovery["recovered"] is True
    assert 0.5 <= recovery["ratio"] <= 1.6


def test_a_search_whose_time_is_up_has_what_was_known(tmp_path: Path) -> None:
    """The bounds so far; a pass it is not."""
    with FaultServer([Route("*", delay=Delay.fixed(2.5))], queue=Queue.fifo()) as server:
        found = search(tmp_path, server.url, start_rate="50/s", max_duration="25s")
    capacity = found["capacity"]
    assert capacity["ended"] == "max_duration"
    assert found["verdict"] != "pass"
    assert len(of_type(tmp_path, "trial")) == len(capacity["trials"]) >= 2


def of_type(tmp_path: Path, kind: str) -> list[dict[str, Any]]:
    """The events of a kind so far."""
    run = next(iter((tmp_path / "runs").glob("*/events.jsonl")), None)
    lines = run.read_text(encoding="utf-8").splitlines() if run is not None else []
    return [event for line in lines if line.endswith("}") and (event := json.loads(line))["type"] == kind]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_search_that_is_interrupted_or_killed_is_unfinished(tmp_path: Path, number: signal.Signals) -> None:
    """In its third trial: the two before are there, with the bounds that they give, and the verdict is open."""
    # A limit that a machine which stands still for some seconds does not make it miss.
    scenario = {"kind": "capacity", "start_rate": "50/s", "endpoints": [{"path": "/"}], "thresholds": ["p95 < 3s"]}
    with FaultServer([Route("*", delay=Delay.fixed(2.5))], queue=Queue.fifo()) as server:
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"find": scenario}})
        with Started("run", plan, cwd=tmp_path) as running:
            while len(of_type(tmp_path, "trial")) < 2 and running.process.poll() is None:
                threading.Event().wait(0.05)
            running.process.send_signal(number)
            running.process.wait(timeout=60)
    run = only_run(tmp_path)
    if number is signal.SIGKILL:
        loadworthy("report", run, cwd=tmp_path)
    summary = summary_of(run)
    capacity = summary["scenarios"]["find"]["capacity"]
    assert summary["verdict"] == "undecided"
    assert (capacity["ended"], capacity["low"], capacity["high"]) == ("unfinished", 100.0, None)
    assert [trial["verdict"] for trial in capacity["trials"]] == ["good", "good"]
