"""A threshold that ends the run when it is missed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import loadworthy, only_run, summary_of, write_plan

from loadworthy.testing import Delay, Errors, FaultServer, Route


def plan(url: str, threshold: str) -> dict[str, Any]:
    load: dict[str, Any] = {"users": 4, "run_time": "90s", "wait_time": "20ms", "endpoints": [{"path": "/"}]}
    load["thresholds"] = [threshold, "max < 1m"]  # which on a busy machine, too, the generator alone does not come near
    after = {"users": 1, "run_time": "5s", "endpoints": [{"path": "/"}]}
    return {"base_url": url, "scenarios": {"load": load, "after": after}}


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("threshold", ["error_rate < 1%, abort", "error_rate < 20% for 2s, abort"])
def test_it_ends_gracefully_and_says_which(tmp_path: Path, processes: int, threshold: str) -> None:
    """Long before its planned end, with all that was measured, exit code 1, and nothing run after it."""
    with FaultServer([Route("*", delay=Delay.fixed(2))], faults=[Errors(at_s=1, share=0.5)]) as server:
        options = ("--processes", processes) if processes > 1 else ()
        done = loadworthy("run", write_plan(tmp_path, plan(server.url, threshold)), *options, cwd=tmp_path)
        served = server.stats().requests
    assert done.code == 1, done.out + done.err
    run = only_run(tmp_path)
    summary = summary_of(run)
    assert summary["verdict"] == "fail"
    assert f"{threshold} was missed" in summary["reasons"][0]
    load = summary["scenarios"]["load"]
    assert load["requests"] <= served <= load["requests"] + 4  # four users, each with a request that may be cut off
    assert load["requests"] < 8000
    result, _ = load["thresholds"]
    assert (result["expression"], result["verdict"]) == (threshold, "fail")
    assert summary["scenarios"]["after"]["requests"] == 0
    events = [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [one["reason"] for one in events if one["type"] == "scenario_ended"] == ["aborted"]
    (breach,) = (one for one in events if one["type"] == "threshold_breached")
    assert (breach["expression"], breach["abort"]) == (threshold, True)
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["ended"] == "aborted"


def test_a_threshold_that_holds_ends_nothing(tmp_path: Path) -> None:
    """Nor does one without abort that is missed: the run goes to its end, and the breach is an event."""
    data = plan("", "error_rate < 60%, abort")
    load = data["scenarios"]["load"]
    load["thresholds"].append("error_rate < 1%")
    load["run_time"] = "3s"
    del data["scenarios"]["after"]
    with FaultServer([Route("*", delay=Delay.fixed(2))], faults=[Errors(share=0.3)]) as server:
        done = loadworthy("run", write_plan(tmp_path, {**data, "base_url": server.url}), cwd=tmp_path)
    assert done.code == 1
    events = [
        json.loads(line)
        for line in (only_run(tmp_path) / "events.jsonl").read_text(encoding="utf-8").splitlines()
    ]  # fmt: skip
    assert [one["reason"] for one in events if one["type"] == "scenario_ended"] == ["completed"]
    assert [one["expression"] for one in events if one["type"] == "threshold_breached"] == ["error_rate < 1%"]


@pytest.mark.parametrize("run_time", ["1400ms", "400ms"])
def test_a_breach_that_is_proven_as_a_scenario_ends_ends_the_run(tmp_path: Path, run_time: str) -> None:
    """It is no interruption by somebody else, and the next scenario does not begin, however short this one was."""
    data = plan("", "error_rate < 1%, abort")
    data["scenarios"]["load"]["run_time"] = run_time
    with FaultServer([Route("*", delay=Delay.fixed(2))], faults=[Errors()]) as server:
        done = loadworthy("run", write_plan(tmp_path, {**data, "base_url": server.url}), cwd=tmp_path)
    assert done.code == 1, done.out + done.err
    run = only_run(tmp_path)
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["ended"] == "aborted"
    summary = summary_of(run)
    assert "that ended the run" in summary["scenarios"]["load"]["thresholds"][0]["reason"]
    assert summary["scenarios"]["after"]["requests"] == 0
