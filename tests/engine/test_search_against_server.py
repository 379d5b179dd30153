"""Searching for the capacity of real servers, whose capacity is set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import loadworthy, only_run, summary_of, write_plan

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
    held = 0.0
    for trial in capacity["trials"]:
        assert trial["rate"] <= 2 * max(held, 100)
        held = held if trial["verdict"] == "bad" else max(held, trial["rate"])


def test_several_processes_share_each_trial(tmp_path: Path) -> None:
    """Up to a highest rate that it carries easily: that is the answer, and every request is the server's, too."""
    with FaultServer([Route("*", delay=Delay.fixed(1))]) as server:
        options = ("--processes", 2)
        found = search(tmp_path, server.url, *options, start_rate="50/s", max_rate="200/s", max_duration="3m")
        served = server.stats().requests
    capacity = found["capacity"]
    assert (capacity["ended"], capacity["rate"], capacity["high"]) == ("max_rate", 200.0, None)
    assert [trial["rate"] for trial in capacity["trials"]][:3] == [50.0, 100.0, 200.0]
    assert found["requests"] == served
    run = Run.open(only_run(tmp_path))
    processes: dict[int, set[int]] = {}
    for interval in run.intervals():
        if interval.sent and interval.segment is not None:
            processes.setdefault(interval.segment, set()).add(interval.process)
    assert all(found == {1, 2} for found in processes.values())
    counted = {trial["number"]: trial["requests"] for trial in capacity["trials"]}
    assert all(count == pytest.approx(rate * length, rel=0.25) for count, rate, length in _asked(capacity, counted))


def _asked(capacity: dict[str, Any], counted: dict[int, int]) -> list[tuple[int, float, float]]:
    return [(counted[one["number"]], one["rate"], one["duration_s"]) for one in capacity["trials"]]


def test_a_stress_overloads_and_recovers(tmp_path: Path) -> None:
    """A highest rate keeps the search short; then half as much again, which a queue works off by itself."""
    with FaultServer([Route("*", delay=Delay.fixed(4))], queue=Queue.fifo()) as server:
        found = search(
            tmp_path, server.url, kind="stress", start_rate="60/s", max_rate="240/s", overload_time="12s",
            recovery_time="40s", max_duration="3m",
        )  # fmt: skip
    overload, recovery = found["overload"], found["recovery"]
    assert overload["rate"] == pytest.approx(1.5 * found["capacity"]["rate"])
    assert overload["behaviour"] == "holds"
    assert overload["throughput"] == pytest.approx(250, rel=0.1)
    assert recovery["recovered"] is True
    assert 0.5 <= recovery["ratio"] <= 1.6


def test_a_search_that_is_interrupted_has_what_was_known(tmp_path: Path) -> None:
    """Killed by a limit of time in its middle: the bounds so far, and no verdict."""
    with FaultServer([Route("*", delay=Delay.fixed(2.5))], queue=Queue.fifo()) as server:
        found = search(tmp_path, server.url, start_rate="50/s", max_duration="25s")
    capacity = found["capacity"]
    assert capacity["ended"] == "max_duration"
    assert found["verdict"] in ("undecided", "fail")
    events = [
        json.loads(line) for line in (only_run(tmp_path) / "events.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len([one for one in events if one["type"] == "trial"]) == len(capacity["trials"]) >= 2
