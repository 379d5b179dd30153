"""What a service does with more than it can carry, from the intervals of a stress."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support import runs

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.overload import OverloadReport, overload_report
from loadworthy.analysis.segments import SegmentCutter, SegmentData
from loadworthy.plan.search_objectives import Objective, objective_of
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.units import US_PER_S

BASE_S, OVERLOAD_S, AFTER_S = 10.0, 20.0, 40.0
CAPACITY = 200.0


def objectives() -> list[Objective]:
    found = [objective_of(parse_threshold(text)) for text in ("p95 < 200ms", "error_rate < 1%")]
    return [one for one in found if one is not None]


def queue(rates: list[tuple[float, float]], served_per_s: float) -> tuple[Any, Any]:
    """Even arrivals at these rates, (rate, seconds) each, at a server that does one thing after another."""
    at: list[float] = []
    begin_s = 0.0
    for rate, length_s in rates:
        at += list(begin_s + np.arange(round(rate * length_s)) / rate)
        begin_s += length_s
    times, service = np.array(at), 1 / served_per_s
    order = np.arange(times.size)
    done = np.maximum.accumulate(times - order * service) + order * service + service
    return times, done


def stress(at: Any, done: Any, failed: Any | None = None) -> tuple[SegmentData, dict[str, Any]]:
    """The segment as it is recorded: each second has what was done in it."""
    phases = [[100.0, BASE_S], [300.0, OVERLOAD_S], [100.0, AFTER_S]]
    event = {"type": "segment", "scenario": "find", "number": 4, "purpose": "stress", "phases": phases}
    cutter = SegmentCutter([event])
    for second in range(int(done.max()) + 1):
        mine = (done >= second) & (done < second + 1)
        begun = int(((at >= second) & (at < second + 1)).sum())
        times = np.round((done - at)[mine] * US_PER_S).astype(int).tolist()
        failures = int(failed[mine].sum()) if failed is not None else 0
        interval = runs.interval(
            second, runs.series("/x", times, failures={"status": failures} if failures else {}), scenario="find",
            scheduled=begun, sent=begun,
        )  # fmt: skip
        interval.segment, interval.iterations = 4, len(times)
        cutter.add(interval)
    return cutter.scenarios["find"][4], event


def report_of(at: Any, done: Any, failed: Any | None = None) -> OverloadReport:
    data, event = stress(at, done, failed)
    report = overload_report("find", [event], {4: data}, objectives(), CAPACITY)
    assert report is not None
    return report


RATES = [(100.0, BASE_S), (300.0, OVERLOAD_S), (100.0, AFTER_S)]


def test_a_queue_holds_its_throughput_and_comes_back_as_fast_as_it_can() -> None:
    """200/s served of 300/s asked for 20 s: 2,000 wait, and are worked off at 100/s in 20 s."""
    report = report_of(*queue(RATES, CAPACITY))
    assert (report.rate, report.multiple, report.time_s, report.base_rate) == (300.0, 1.5, 20.0, 100.0)
    assert report.behaviour == "holds"
    assert report.throughput == pytest.approx(200, rel=0.02)
    assert report.recovery.recovered is True
    assert report.recovery.ideal_s == pytest.approx(20, rel=0.05)
    assert report.recovery.time_s == pytest.approx(20, abs=2)
    assert report.to_json()["behaviour"] == "holds"
    assert "its throughput held: " in report.sentence


@pytest.mark.parametrize(("share_failed", "behaviour"), [(0.05, "holds"), (0.3, "drops"), (0.7, "collapses")])
def test_failed_answers_are_no_throughput(share_failed: float, behaviour: str) -> None:
    """What fails under overload is taken off: nine tenths of the capacity hold, less than half is a collapse."""
    at, done = queue(RATES, CAPACITY)
    overloaded = (done >= BASE_S) & (done < BASE_S + OVERLOAD_S)
    failed = overloaded & (np.arange(done.size) % 100 < 100 * share_failed)
    assert report_of(at, done, failed).behaviour == behaviour


def test_a_service_that_stays_slow_never_recovers() -> None:
    """It is said so, beside what its queue alone would have taken; no time is made up."""
    at, done = queue(RATES, CAPACITY)
    late = at >= BASE_S
    report = report_of(at, np.where(late, np.maximum(done, at + 1.0), done))
    assert (report.recovery.recovered, report.recovery.time_s) == (False, None)
    assert "it did not recover within" in report.recovery.sentence


def test_without_an_overload_there_is_no_report() -> None:
    """A search that found nothing, or a run that was killed before."""
    data = SegmentData(ScenarioTotals("find"))
    assert overload_report("find", [], {4: data}, objectives(), CAPACITY) is None
    _, event = stress(*queue(RATES, CAPACITY))
    assert overload_report("find", [event], {}, objectives(), CAPACITY) is None
