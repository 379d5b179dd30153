"""What a service does with more than it can carry, from the intervals of a stress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tests.support import runs

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.overload import OverloadReport, overload_report
from loadworthy.analysis.segments import SegmentCutter, SegmentData
from loadworthy.plan.thresholds import Threshold, parse_threshold
from loadworthy.units import US_PER_S

BASE_S, OVERLOAD_S, AFTER_S = 10.0, 20.0, 40.0
CAPACITY = 200.0


def thresholds(*expressions: str) -> list[Threshold]:
    return [parse_threshold(text) for text in expressions or ("p95 < 200ms", "error_rate < 1%")]


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


def stress(at: Any, done: Any, failed: Any | None = None, until_s: float = 1e9) -> tuple[SegmentData, dict[str, Any]]:
    """The segment as it is recorded: what was done in each second; of a run that was cut short, what was seen."""
    phases = [[100.0, BASE_S], [300.0, OVERLOAD_S], [100.0, AFTER_S]]
    event = {"type": "segment", "scenario": "find", "number": 4, "purpose": "stress", "phases": phases}
    cutter = SegmentCutter([event])
    for second in range(int(min(done.max(), until_s - 1)) + 1):
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


def report_of(
    at: Any, done: Any, failed: Any | None = None, *, until_s: float = 1e9, judged: Sequence[Threshold] = ()
) -> OverloadReport:
    data, event = stress(at, done, failed, until_s)
    report = overload_report("find", [event], {4: data}, judged or thresholds(), CAPACITY)
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
    assert overload_report("find", [], {4: data}, thresholds(), CAPACITY) is None
    _, event = stress(*queue(RATES, CAPACITY))
    assert overload_report("find", [event], {}, thresholds(), CAPACITY) is None


@pytest.mark.parametrize("until_s", [5, 10])
def test_a_run_that_was_cut_short_before_the_overload_has_none(until_s: float) -> None:
    """Not one in which the throughput has collapsed."""
    data, event = stress(*queue(RATES, CAPACITY), until_s=until_s)
    assert overload_report("find", [event], {4: data}, thresholds(), CAPACITY) is None


def test_an_overload_that_was_cut_short_says_nothing_of_what_would_have_been() -> None:
    """Its figures are those of the time that was seen; behaviour and recovery are not known."""
    report = report_of(*queue(RATES, CAPACITY), until_s=22)
    assert report.time_s == pytest.approx(12)
    assert report.throughput == pytest.approx(200, rel=0.03)
    assert (report.share, report.behaviour) == (None, None)
    assert (report.recovery.recovered, report.recovery.time_s) == (None, None)
    assert "is not known" in report.sentence


def test_a_recovery_that_was_cut_short_may_still_have_come() -> None:
    """Two seconds after the overload it was still bad; that it never recovers is more than is known."""
    report = report_of(*queue(RATES, CAPACITY), until_s=BASE_S + OVERLOAD_S + 2)
    assert (report.behaviour, report.recovery.recovered) == ("holds", None)


@pytest.mark.parametrize("expression", ["GET /x p95 < 200ms", "service_time_p95 < 200ms", "GET /* mean < 200ms"])
def test_what_windows_say_nothing_of_must_hold_again_too(expression: str) -> None:
    """A limit on one series, on the service time, or a mean: a service that stays slow has not recovered."""
    at, done = queue(RATES, CAPACITY)
    stays_slow = np.where(at >= BASE_S, np.maximum(done, at + 1.0), done)
    assert report_of(at, stays_slow, judged=thresholds(expression)).recovery.recovered is False
    recovers = report_of(at, done, judged=thresholds(expression)).recovery
    assert recovers.recovered is True
    assert recovers.time_s == pytest.approx(20, abs=3)


def test_a_limit_on_drops_is_no_limit_on_errors() -> None:
    """Some failures within their own limit do not keep it from recovering."""
    at, done = queue(RATES, CAPACITY)
    failed = np.arange(done.size) % 100 == 0
    judged = thresholds("p95 < 200ms", "error_rate < 5%", "dropped_rate <= 0.1%")
    assert report_of(at, done, failed, judged=judged).recovery.recovered is True
