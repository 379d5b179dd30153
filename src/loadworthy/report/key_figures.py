"""The figures that matter for a kind of scenario, picked from all that was measured.

======================  ==========================================================================================
smoke, load             response times, throughput, error rate, concurrent users
stress, spike           the most that was carried, what broke where, the recovery, resources at peak load
capacity, and a stress  the capacity, the requests per second at the safe load, what broke first, under a stress the
that looked for it      throughput under overload and the recovery, resources at peak load
endurance               what drifted, memory over time, how even response times were, error rates over time, database
                        connections
======================  ==========================================================================================

They describe; they are no verdicts. What is over time is shown in ten equal parts of the scenario.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.overload import OverloadReport
from loadworthy.analysis.resources import MetricFigures
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.summary import OPEN, ScenarioSummary
from loadworthy.analysis.thresholds import UNKNOWN
from loadworthy.analysis.timeline import Second, TimelineBuilder
from loadworthy.plan.model import ScenarioKind
from loadworthy.report.drift_words import drift_line
from loadworthy.report.resources import GENERATOR, resource_slope, resource_value
from loadworthy.report.search_words import breaking_sentence, capacity_line, recovery_line
from loadworthy.report.words import arrivals_line, rate, stage_load
from loadworthy.units import format_count, format_ms, format_ratio

PARTS = 10
NO_STAGES = "the scenario has no stages that ran"
NO_READINGS = "no monitor read it"

_MEMORY = ("resident_memory_bytes", "memory_bytes", "rss_bytes")
_POOL = ("pool",)


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One figure: ``key`` and ``value`` for JSON, ``label`` and ``shown`` for people."""

    key: str
    label: str
    shown: str
    value: Any


def key_figures(scenario: ScenarioSummary, parts: Sequence[Second]) -> list[KeyFigure]:
    """The figures of a scenario's kind; ``parts`` are those of :func:`parts_of`."""
    if scenario.search is not None:
        return list(_of_search(scenario, scenario.search))
    if scenario.kind in (ScenarioKind.STRESS, ScenarioKind.SPIKE):
        return list(_of_stress(scenario))
    if scenario.kind == ScenarioKind.ENDURANCE:
        return list(_of_endurance(scenario, parts))
    return list(_of_load(scenario))


def parts_of(scenario: ScenarioSummary, timeline: TimelineBuilder) -> list[Second]:
    """The scenario in ten equal parts of whole seconds, fewer where it was shorter than ten seconds."""
    step_s = max(math.ceil(scenario.duration_s / PARTS), 1)
    return timeline.seconds(scenario.name, step_s)


def _of_load(scenario: ScenarioSummary) -> Iterator[KeyFigure]:
    figures = scenario.figures
    for name in ("p50", "p90", "p95", "p99"):
        value = getattr(figures.response_time_ms, name)
        yield KeyFigure(f"response_time_{name}_ms", f"Response time {name}", format_ms(value), value)
    yield KeyFigure("throughput", "Requests per second", rate(figures.throughput), _rounded(figures.throughput))
    if scenario.workload == OPEN:
        arrivals = scenario.arrivals.to_json(scenario.due_s)
        yield KeyFigure("arrivals", "Arrivals", arrivals_line(scenario), arrivals)
    yield KeyFigure("error_rate", "Error rate", format_ratio(figures.error_rate), figures.error_rate)
    yield KeyFigure("users", "Concurrent users", f"{format_count(scenario.users_max)} at most", scenario.users_max)


def _of_stress(scenario: ScenarioSummary) -> Iterator[KeyFigure]:
    report = scenario.stages
    sustained = None if report is None else report.max_sustained_throughput
    if report is None:
        shown = f"{UNKNOWN} ({NO_STAGES})"
    else:
        shown = rate(sustained) if sustained is not None else "none: the thresholds held in no stage"
    yield KeyFigure("max_sustained_throughput", "Maximum sustained throughput", shown, sustained)
    yield _failure_points(scenario)
    yield _recovery(scenario)
    yield _resources_at_peak(scenario)


def _of_search(scenario: ScenarioSummary, report: SearchReport) -> Iterator[KeyFigure]:
    capacity = report.capacity
    value = {key: one for key, one in capacity.to_json().items() if key != "trials"}
    yield KeyFigure("capacity", "Capacity (iterations)", capacity_line(capacity), value)
    confirmed = None if capacity.confirmed is None else capacity.confirmed.figures.throughput
    shown = f"{UNKNOWN} (no rate that was tried held)" if confirmed is None else f"{rate(confirmed)} at the safe load"
    label = "Maximum sustained throughput"
    yield KeyFigure("max_sustained_throughput", label, shown, _rounded(confirmed))
    points = capacity.breaking_points
    told = "; ".join(breaking_sentence(one) for one in points) or "none: no objective broke at any rate"
    yield KeyFigure("failure_points", "Failure points", told, [one.to_json() for one in points])
    if report.overload is not None:
        yield from _of_overload(report.overload)
    elif scenario.kind == ScenarioKind.STRESS:
        yield KeyFigure("recovery_time_s", "Recovery time", f"{UNKNOWN} (it was not overloaded)", None)
    yield _resources_at_peak(scenario)


def _of_overload(overload: OverloadReport) -> Iterator[KeyFigure]:
    share = "" if overload.share is None else f", {format_ratio(overload.share)} of what it carries"
    shown = f"{rate(overload.throughput)} of good answers at {rate(overload.rate)}{share}"
    yield KeyFigure("overload_throughput", "Throughput under overload", shown, _rounded(overload.throughput))
    yield KeyFigure(
        "recovery_time_s", "Recovery time", recovery_line(overload.recovery), _rounded(overload.recovery.time_s)
    )


def _resources_at_peak(scenario: ScenarioSummary) -> KeyFigure:
    peaks = {
        source: {metric: one.at_peak for metric, one in metrics.items()}
        for source, metrics in _target(scenario).items()
    }
    told = [
        f"{metric} {resource_value(value, metric)}"
        for metrics in peaks.values()
        for metric, value in metrics.items()
        if value is not None
    ]
    return KeyFigure("resources_at_peak", "Resources at peak load", "; ".join(told) or _unread(), peaks)


def _failure_points(scenario: ScenarioSummary) -> KeyFigure:
    points = () if scenario.stages is None else scenario.stages.failure_points
    told = [f"{one.threshold} at {stage_load(one.users, one.rate)}, after {seconds(one.at_s)}" for one in points]
    none = f"{UNKNOWN} ({NO_STAGES})" if scenario.stages is None else "none: no threshold broke in any stage"
    value = [{key: value for key, value in one.to_json().items() if key != "stage"} for one in points]
    return KeyFigure("failure_points", "Failure points", "; ".join(told) or none, value)


def _recovery(scenario: ScenarioSummary) -> KeyFigure:
    recovery = None if scenario.stages is None else scenario.stages.recovery
    if recovery is None and scenario.stages is not None and not scenario.stages.failure_points:
        shown = "not needed: no threshold broke in any stage"
    elif recovery is None:
        shown = f"{UNKNOWN} (no stage with less load came after the highest)"
    else:
        shown = recovery_line(recovery)
    return KeyFigure("recovery_time_s", "Recovery time", shown, recovery and recovery.time_s)


def _of_endurance(scenario: ScenarioSummary, parts: Sequence[Second]) -> Iterator[KeyFigure]:
    if scenario.drift is not None:
        yield KeyFigure("drift", "Drift", drift_line(scenario.drift), scenario.drift.to_json()["drift"])
    yield _course("memory", "Memory over time", _metrics(scenario, _MEMORY))
    p95s = [part.p95_ms for part in parts]
    known = [value for value in p95s if value is not None]
    spread = max(known) / min(known) if known and min(known) > 0 else None
    shown = f"{UNKNOWN} (too few requests in each part)" if spread is None else _range_text(known, spread)
    value = {"p95_ms_by_part": p95s, "highest_to_lowest": _rounded(spread)}
    yield KeyFigure("response_time_consistency", "Response time consistency", shown, value)
    rates = [part.failures / part.requests if part.requests else None for part in parts]
    seen = [one for one in rates if one is not None]
    shown = ", ".join(f"{format_ratio(one)} at {when}" for when, one in _extremes(seen)) or UNKNOWN
    yield KeyFigure("error_rate_by_part", "Error rate over time", shown, rates)
    yield _course("database_pool", "Database connection pool", _metrics(scenario, _POOL))


def _extremes(values: Sequence[float]) -> list[tuple[str, float]]:
    return [("first", values[0]), ("last", values[-1]), ("worst", max(values))] if values else []


def _range_text(known: Sequence[float], spread: float) -> str:
    low, high = format_ms(min(known)), format_ms(max(known))
    return f"p95 {low} to {high} over {len(known)} parts, the highest {spread:.2f} times the lowest"


def _course(key: str, label: str, metrics: dict[str, MetricFigures]) -> KeyFigure:
    told = [
        f"{metric}: {resource_value(one.first, metric)} at first, {resource_value(one.last, metric)} at last, "
        f"{resource_value(one.max, metric)} at most"
        + ("" if one.slope_per_h is None else f", {resource_slope(one.slope_per_h, metric)} per hour")
        for metric, one in metrics.items()
    ]
    return KeyFigure(
        key, label, "; ".join(told) or _unread(), {metric: one.to_json() for metric, one in metrics.items()}
    )


def _target(scenario: ScenarioSummary) -> dict[str, dict[str, MetricFigures]]:
    return {source: metrics for source, metrics in scenario.resources.items() if source != GENERATOR}


def _metrics(scenario: ScenarioSummary, words: Sequence[str]) -> dict[str, MetricFigures]:
    """The target's metrics whose name has one of the words; that of a second source has the source before it."""
    found: dict[str, MetricFigures] = {}
    for source, metrics in _target(scenario).items():
        for metric, figures in metrics.items():
            if any(word in metric.partition("{")[0] for word in words):
                found[metric if metric not in found else f"{source} {metric}"] = figures
    return found


def _unread() -> str:
    return f"{UNKNOWN} ({NO_READINGS})"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
