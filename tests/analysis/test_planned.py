"""What the plan asked for: rates over the planned time, and the arrivals that a lost process took with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.runs import START_MS, ended, interval, make_run, manifest, series, started_open

from loadworthy.analysis.planned import arrivals_due, asked_of
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.summary import Summary
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.model import Scenario
from loadworthy.record.interval import Interval
from loadworthy.report.words import arrivals_line
from loadworthy.workload.arrivals import chunks
from loadworthy.workload.profile import OpenProfile, profile_of

LOST = {"at_ms": START_MS + 10_000, "type": "worker_lost", "process": 2, "message": "worker 2 was lost"}


def facts(seed: int | None = 7, **scenario: Any) -> dict[str, Any]:
    """The manifest of a run of one open scenario."""
    run_json = manifest({"load": ("p95 < 1s",)}, planned_s=20.0, ended_at_s=20.0)
    spec = {"kind": "load", "thresholds": ["p95 < 1s"], "run_time": "20s", "rate": "50/s"} | scenario
    run_json["plan"]["scenarios"]["load"] = {key: value for key, value in spec.items() if value is not None}
    return run_json | {"seed": seed}


def naive(run_json: dict[str, Any], until_us: int) -> int:
    """Every arrival looked at."""
    profile = profile_of(Scenario.model_validate(run_json["plan"]["scenarios"]["load"]))
    assert isinstance(profile, OpenProfile)
    return sum(int(at_us < until_us) for _, times in chunks(profile, "7/load") for at_us in times)


STAGES = [{"duration": "10s", "ramp_to": "80/s"}, {"duration": "10s", "rate": "80/s"}]


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
@pytest.mark.parametrize(
    "load",
    [{}, {"rate": "900/s"}, {"rate": "900/s", "iterations": 5000}, {"rate": None, "run_time": None, "stages": STAGES}],
)
@pytest.mark.parametrize("until_s", [0.0, 3.21, 9.0, 20.0, 25.0, None])
def test_arrivals_are_counted_again(arrivals: str, load: dict[str, Any], until_s: float | None) -> None:
    """As many as were due by then, never more than were planned."""
    run_json = facts(arrivals=arrivals, **load)
    until_us = 20_000_000 if until_s is None else min(round(until_s * 1e6), 20_000_000)
    assert arrivals_due("load", run_json, until_s) == naive(run_json, until_us)


def test_very_many_are_not_counted_one_by_one() -> None:
    """A day at 5,000/s by the integral of its rate; without an end by the limit."""
    assert arrivals_due("load", facts(rate="5000/s", run_time="1d"), None) == 5000 * 86_400
    assert arrivals_due("load", facts(rate="50/s", run_time=None, iterations=1000), None) == 1000


@pytest.mark.parametrize(
    "run_json", [facts(seed=None), facts(rate=None, users=5), {"seed": 7, "plan": {"scenarios": {"load": 3}}}, {}]
)
def test_unknown_where_the_manifest_does_not_say(run_json: dict[str, Any]) -> None:
    """No seed, a closed workload, a plan that is not understood: the processes' own count stands."""
    assert arrivals_due("load", run_json, None) == 0


@pytest.mark.parametrize(("scheduled", "arrivals"), [(400, 0), (361, 0), (349, 400)])
def test_the_last_moment_of_a_scenario_that_broke_off(scheduled: int, arrivals: int) -> None:
    """At 8 s of 20 s, 400 were due at 50/s; that the last 50 were not reported says nothing."""
    events = [started_open(planned_s=20.0), LOST, ended(reason="interrupted", at_s=8)]
    asked = asked_of(
        "load", facts(arrivals="constant"), events, scheduled=scheduled, duration_s=8.0, is_lossy=True
    )  # fmt: skip
    assert asked.arrivals == arrivals


def judged(path: Path, intervals: list[Interval], run_json: dict[str, Any], *events: dict[str, Any]) -> Summary:
    started = started_open(planned_s=20.0, rate=50.0)
    return summarize(make_run(path / "run", intervals, run_json=run_json, events=[started, *events, ended(at_s=20)]))


def seconds(process: int, count: int) -> list[Interval]:
    one = series("/a", [1000] * 25)
    return [interval(second, one, process=process, scheduled=25, sent=25) for second in range(count)]


def test_the_share_of_a_lost_worker_was_intended(tmp_path: Path) -> None:
    """Of two workers with 25/s each one is lost half-way: 37.5/s of 50/s were sent, not of 37.5/s."""
    summary = judged(tmp_path, seconds(1, 20) + seconds(2, 10), facts(arrivals="constant"), LOST)
    load = summary.scenarios["load"]
    arrivals = load.to_json()["arrivals"]
    assert (arrivals["scheduled"], arrivals["sent"]) == (750, 750)
    assert (arrivals["rate_intended"], arrivals["rate_achieved"]) == (50.0, 37.5)
    assert arrivals_line(load) == "sent 37.5/s of 50.0/s intended, 0 dropped, 250 lost with a process"
    assert summary.verdict is Verdict.INVALID
    assert any("250 of 1,000 arrivals that the plan asks for were lost" in reason for reason in summary.reasons)
    assert any("75.00 % of the intended rate" in reason for reason in load.generator_invalid)


def test_nothing_is_missing_where_nothing_was_lost(tmp_path: Path) -> None:
    """The processes' own counts are exact, and an older run without a seed is taken by its word."""
    whole = judged(tmp_path / "whole", seconds(1, 20) + seconds(2, 20), facts(arrivals="constant"))
    assert whole.scenarios["load"].to_json()["arrivals"]["rate_intended"] == 50.0
    assert whole.verdict is Verdict.PASS
    old = judged(tmp_path / "old", seconds(1, 20) + seconds(2, 10), facts(None, arrivals="constant"), LOST)
    assert old.scenarios["load"].to_json()["arrivals"]["rate_intended"] == 37.5


def test_rates_are_those_of_the_planned_time(tmp_path: Path) -> None:
    """A second of grace, in which what was due may still begin, is no time in which more should have begun."""
    late = interval(20, series("/a", [1000] * 5), process=1, sent=5)
    short = interval(19, series("/a", [1000] * 45), process=1, scheduled=50, sent=45)
    intervals = [interval(n, series("/a", [1000] * 50), process=1, scheduled=50, sent=50) for n in range(19)]
    load = judged(tmp_path, [*intervals, short, late], facts()).scenarios["load"]
    arrivals = load.to_json()["arrivals"]
    assert (arrivals["rate_intended"], arrivals["rate_achieved"]) == (50.0, 50.0)
    assert (load.duration_s, load.due_s) == (21.0, 20.0)
    assert load.figures.throughput == pytest.approx(1000 / 21)


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
@pytest.mark.parametrize(("until_s", "due"), [(5.0, 250), (10.0, 500), (15.0, 1000), (None, 1250)])
def test_a_load_that_was_changed_by_hand_is_counted_as_it_was_changed(
    arrivals: str, until_s: float | None, due: int
) -> None:
    """Twice the rate from 10 s to 15 s; of many, too, that are not counted one by one."""
    changed = [{"type": "load_changed", "scenario": "load", "factor": factor, "from_s": at_s}
               for at_s, factor in ((10.0, 2), (15.0, 1))]  # fmt: skip
    count = arrivals_due("load", facts(arrivals=arrivals), until_s, changed)
    assert abs(count - due) <= (0 if arrivals == "constant" else 4 * due**0.5)
    many = facts(arrivals=arrivals, rate="5000/s", run_time="1d")
    assert arrivals_due("load", many, None, changed) == 5000 * (86_400 + 5)
