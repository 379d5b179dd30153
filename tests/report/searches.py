"""Scenarios that looked for their own load, and endurances, put together by hand: what the renderings are tried on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from loadworthy.analysis.arrivals import Arrivals
from loadworthy.analysis.capacity import BreakingPoint, CapacityReport, TrialFigures, capacity_sentence
from loadworthy.analysis.endurance import DriftReport, MetricDrift
from loadworthy.analysis.figures import Distribution, Figures
from loadworthy.analysis.overload import OverloadReport
from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.summary import OPEN, Reason, ScenarioSummary, Summary
from loadworthy.analysis.threshold_result import ThresholdResult
from loadworthy.analysis.trials import ObjectiveResult
from loadworthy.analysis.validity import Health
from loadworthy.analysis.verdict import Verdict
from loadworthy.errors import ExitCode
from loadworthy.workload.search import SearchResult

P95, ERRORS = "p95 < 500ms", "error_rate < 1%"
CPU = "process 0 used 97 % of a core"


def times(p50: float | None = None, p95: float | None = None, p99: float | None = None) -> Distribution:
    """Response times with only these percentiles."""
    return Distribution(p50, p50, p50, p95, p95, p99, None, p99)


def figures(requests: int, p95: float | None, *, per_s: float = 100.0, failures: int = 0) -> Figures:
    """Figures of so many requests; the p99 is a tenth above the p95."""
    found = times(p95, p95, None if p95 is None else p95 * 1.1)
    return Figures(requests, failures, failures / requests, per_s, found, found, {200: requests}, {}, 500, 100)


def trial(
    number: int, purpose: str, rate: float, length_s: float, p95: float | None, bad: float = 0.0, **changes: Any
) -> TrialFigures:
    """A trial of which this share was bad by its limit on times, and none by its limit on failures."""
    results = (ObjectiveResult(P95, bad, 0.05, bad > 0.05), ObjectiveResult(ERRORS, 0.0, 0.01, is_broken=False))
    return TrialFigures(
        number, purpose, rate, length_s, length_s + 1, bad > 0.05, None, results, 0,
        figures(round(rate * length_s), p95, per_s=rate - 0.1),
    )  # fmt: skip


TRIALS = (
    trial(1, "grow", 10.0, 3.0, None),
    trial(2, "grow", 20.0, 3.0, 2.8),
    trial(3, "grow", 80.0, 3.0, 2.9),
    trial(4, "grow", 320.0, 3.0, 6.4, 0.004),
    trial(5, "grow", 640.0, 3.0, 740.0, 0.31),
    trial(7, "bisect", 640.0, 20.0, 1510.0, 0.62),
    trial(9, "bisect", 452.5, 20.0, 812.0, 0.27),
    trial(11, "bisect", 380.5, 20.0, 9.1),
    trial(12, "bisect", 415.0, 20.0, 530.0, 0.0909),
    trial(14, "confirm", 399.5, 60.0, 18.4, 0.012),
)
BROKEN = (
    BreakingPoint(P95, 415.0, 12, None, 0.0909),
    BreakingPoint(P95, 415.0, 12, "GET /items", 0.12),
    BreakingPoint("failures: timeout_read", 640.0, 5, "POST /orders", 0.031),
)


def capacity(**changes: Any) -> CapacityReport:
    """A search that found 399.5/s."""
    found = CapacityReport(SearchResult(399.5, 391.4, 442.0, "found"), P95, TRIALS, BROKEN)
    return replace(found, **changes)


def overload(recovery: Recovery | None = None) -> OverloadReport:
    """Half as much again as the service can carry, for half a minute."""
    came_back = recovery or Recovery(14.0, True, 40.0, 43.0, 9_400.0, 6_210, ideal_s=12.5)
    return OverloadReport(599.2, 1.5, 30.0, 199.7, 398.0, 0.996, figures(17_900, 8_900.0), came_back)


def threshold(expression: str = P95, observed: float = 18.4, **changes: Any) -> ThresholdResult:
    """A limit on the p95 that holds."""
    base = ThresholdResult(
        expression, observed, Verdict.PASS, f"{expression} holds", "ms", "<", 500.0,
        is_percentile=True, low=17.2, high=21.0, interval="windows",
    )  # fmt: skip
    return replace(base, **changes)


def scenario(name: str = "find", **changes: Any) -> ScenarioSummary:
    """A scenario of two series without anything special; its reasons are those that are given."""
    base = ScenarioSummary(
        name=name,
        kind="load",
        verdict=Verdict.PASS,
        figures=figures(76_000, 610.0, per_s=250.0),
        users_max=64,
        series={"GET /items": figures(60_000, 600.0), "POST /orders": figures(16_000, 640.0)},
        thresholds=(threshold(), threshold(ERRORS, 0.0, unit="ratio", limit=0.01, is_percentile=False, low=None)),
        duration_s=300.0,
        workload=OPEN,
        arrivals=Arrivals(scheduled=76_000, sent=76_000, iterations=76_000),
        due_s=300.0,
    )
    return replace(base, **changes)


def searched(report: SearchReport | None = None, kind: str = "capacity", **changes: Any) -> ScenarioSummary:
    """A scenario that looked for its own load, with the reasons that go with it."""
    found = report or SearchReport(capacity())
    reasons = [Reason(Verdict.PASS, capacity_sentence(found.capacity))]
    if found.overload is not None:
        verdict = {True: Verdict.PASS, False: Verdict.FAIL, None: Verdict.UNDECIDED}
        reasons.append(Reason(Verdict.PASS, found.overload.sentence))
        reasons.append(Reason(verdict[found.overload.recovery.recovered], found.overload.recovery.sentence))
    return scenario(kind=kind, search=found, **{"reasons": tuple(reasons), **changes})


def stressed(recovery: Recovery | None = None, **changes: Any) -> ScenarioSummary:
    """A stress that looked for its capacity and then asked for more."""
    return searched(SearchReport(capacity(), overload(recovery)), "stress", **changes)


def drift(metric: str, **changes: Any) -> MetricDrift:
    """A metric of the service's process that grew by a quarter."""
    base = MetricDrift(
        metric, "process on port 8080", 58.9e6, 55.0e6, 63.0e6, 29.4e6, 0.24, 0.0001, Verdict.FAIL,
        f"{metric} of process on port 8080 grew",
    )  # fmt: skip
    return replace(base, **changes)


LEAK = drift("memory_bytes", time_to_limit_s=12_000.0, limit=512e6, falls_after_load=False)
SLOWER = drift(
    "response_time_p95", source=None, slope_per_h=1.2, low=-0.4, high=2.9, change=0.6, change_share=0.06,
    verdict=Verdict.PASS, limit=500.0, reason="response_time_p95 did not clearly drift",
)  # fmt: skip
ERROR_RATE = drift(
    "error_rate", source=None, slope_per_h=-0.001, low=-0.002, high=0.0, change=-0.0005, change_share=-0.05,
    verdict=Verdict.PASS, reason="error_rate did not drift",
)  # fmt: skip
THREADS = drift(
    "threads", slope_per_h=4.0, low=-1.0, high=9.0, change=2.0, change_share=None, verdict=Verdict.UNDECIDED,
    reason="threads of process on port 8080 may have drifted",
)  # fmt: skip
DRIFTS = DriftReport((SLOWER, ERROR_RATE, LEAK, THREADS), 60.0, ("the throughput never became steady",))


def enduring(report: DriftReport = DRIFTS, **changes: Any) -> ScenarioSummary:
    """An endurance whose service leaks memory."""
    reasons = tuple(Reason(one.verdict, one.reason) for one in report.metrics if one.verdict is not Verdict.PASS)
    given = {"drift": report, "verdict": report.verdict, "reasons": reasons, **changes}
    return scenario("soak", kind="endurance", **given)


def summary(*scenarios: ScenarioSummary) -> Summary:
    """A run of these."""
    return Summary(
        run="2026-11-20T14-05-09-find",
        plan="shop",
        verdict=Verdict.PASS,
        exit_code=ExitCode.PASS,
        reasons=tuple(f"{one.name}: {reason.text}." for one in scenarios for reason in one.reasons),
        started_at="2026-11-20T14:05:09Z",
        duration_s=300.0,
        scenarios={one.name: one for one in scenarios},
        health=Health(Verdict.PASS, cpu=0.42, loop_lag_ms=2.0),
    )
