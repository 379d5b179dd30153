"""A run as metrics in Prometheus' text format 0.0.4, for the textfile collector of node_exporter.

The values are those of one run that is over, so counts are gauges: the next run begins anew. There are no timestamps,
which the collector refuses. Times are seconds and shares 0..1. A verdict is a set of states, one of which is 1::

    loadworthy_run_verdict{verdict="pass"} 0
    loadworthy_run_verdict{verdict="fail"} 1

What is unknown (a percentile of too few requests) is left out. The name of the run stands in ``loadworthy_run_info``
alone, so that a new run does not make new time series of all others. Figures of scenarios and of series have different
names: whoever adds up one of them counts no request twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S, ScenarioTotals
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.summary import OPEN, ScenarioSummary, Summary
from loadworthy.analysis.verdict import Verdict
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import SeriesInterval
from loadworthy.report.harmless import utf8
from loadworthy.report.words import broken_by_failures
from loadworthy.units import US_PER_S

QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)


@dataclass(slots=True)
class _Family:
    """A metric with its samples: suffix and labels → value. The same labels twice would spoil the whole file."""

    name: str
    help: str
    type: str = "gauge"
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)

    def add(self, value: float | None, suffix: str = "", **labels: str) -> None:
        """Add a sample, unless its value is unknown."""
        if value is not None and math.isfinite(value):
            self.samples.setdefault((suffix, tuple(labels.items())), value)

    def add_states(self, verdict: Verdict, **labels: str) -> None:
        """Add a set of states."""
        for one in Verdict:
            self.add(float(one is verdict), **labels, verdict=one.value)

    def add_times(self, times: Histogram, **labels: str) -> None:
        """Add quantiles, sum and count of times; in seconds."""
        values = times.percentiles_us(QUANTILES)
        for fraction, value in zip(QUANTILES, values, strict=True):
            if value is not None and times.count >= min_samples(fraction):
                self.add(value / US_PER_S, **labels, quantile=f"{fraction:g}")
        self.add(times.sum_us / US_PER_S, "_sum", **labels)
        self.add(times.count, "_count", **labels)

    def lines(self) -> Iterator[str]:
        """The lines of the file."""
        if self.samples:
            yield f"# HELP {self.name} {self.help}"
            yield f"# TYPE {self.name} {self.type}"
        for (suffix, labels), value in self.samples.items():
            inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
            yield f"{self.name}{suffix}{f'{{{inside}}}' if inside else ''} {_number(value)}"


def prometheus_text(
    summary: Summary, totals: Mapping[str, ScenarioTotals] | None = None, manifest: Mapping[str, Any] | None = None
) -> str:
    """The content of a ``.prom`` file.

    Args:
        summary: the judged run.
        totals: what was measured in each scenario, for its times and series.
        manifest: ``run.json``, for the target.
    """
    families = [*_of_run(summary, manifest or {}), *_of_generator(summary)]
    families += _of_scenarios(list(summary.scenarios.values()))
    families += _of_measurements({name: one for name, one in (totals or {}).items() if name in summary.scenarios})
    families += [*_of_thresholds(summary), *_of_findings(summary)]
    return "".join(f"{line}\n" for family in families for line in family.lines())


def _of_run(summary: Summary, manifest: Mapping[str, Any]) -> Iterator[_Family]:
    info = _Family("loadworthy_run_info", "The run that these metrics are of; always 1.")
    info.add(1, run=summary.run, plan=summary.plan or "", target=str(manifest.get("target") or ""))
    verdict = _Family("loadworthy_run_verdict", "Verdict of the run: the one that is 1.")
    verdict.add_states(summary.verdict)
    start = _Family("loadworthy_run_start_time_seconds", "When the run began, seconds since the epoch.")
    start.add(_epoch_s(summary.started_at))
    duration = _Family("loadworthy_run_duration_seconds", "How long the run took.")
    duration.add(summary.duration_s)
    yield from (info, verdict, start, duration)


def _of_generator(summary: Summary) -> Iterator[_Family]:
    health = summary.health
    verdict = _Family("loadworthy_generator_verdict", "Whether the load generator was fit to judge: the one that is 1.")
    verdict.add_states(health.verdict)
    cpu = _Family("loadworthy_generator_cpu_ratio", "Share of a core that the busiest process used, p95 of its time.")
    cpu.add(health.cpu)
    lag = _Family("loadworthy_generator_event_loop_lag_seconds", "The longest that an event loop was late.")
    lag.add(_seconds(health.loop_lag_ms))
    yield from (verdict, cpu, lag)


def _of_scenarios(scenarios: list[ScenarioSummary]) -> Iterator[_Family]:
    verdict = _Family("loadworthy_scenario_verdict", "Verdict of a scenario: the one that is 1.")
    duration = _Family("loadworthy_scenario_duration_seconds", "Measured time of a scenario.")
    requests = _Family("loadworthy_scenario_requests", "Requests of a scenario.")
    failures = _Family("loadworthy_scenario_failures", "Requests of a scenario that failed.")
    kinds = _Family("loadworthy_scenario_failures_by_kind", "Requests of a scenario that failed, by kind of failure.")
    rate = _Family("loadworthy_scenario_requests_per_second", "Requests per second of measured time.")
    users = _Family("loadworthy_scenario_users_max", "The most users at once.")
    dropped = _Family("loadworthy_scenario_dropped_arrivals", "Arrivals of an open workload that were dropped.")
    for one in scenarios:
        verdict.add_states(one.verdict, scenario=one.name)
        duration.add(one.duration_s, scenario=one.name)
        requests.add(one.figures.requests, scenario=one.name)
        failures.add(one.figures.failures, scenario=one.name)
        for kind, count in one.figures.failure_kinds.items():
            kinds.add(count, scenario=one.name, failure=kind)
        rate.add(one.figures.throughput, scenario=one.name)
        users.add(one.users_max, scenario=one.name)
        dropped.add(one.arrivals.dropped if one.workload == OPEN else None, scenario=one.name)
    yield from (verdict, duration, requests, failures, kinds, rate, users, dropped)


def _of_measurements(totals: Mapping[str, ScenarioTotals]) -> Iterator[_Family]:
    whole = _Family("loadworthy_scenario_response_time_seconds", "Response times of a scenario.", "summary")
    times = _Family("loadworthy_series_response_time_seconds", "Response times of a series.", "summary")
    requests = _Family("loadworthy_series_requests", "Requests of a series.")
    failures = _Family("loadworthy_series_failures", "Requests of a series that failed.")
    for name, scenario in totals.items():
        whole.add_times(scenario.total.response, scenario=name)
        for series in sorted(scenario.series.values(), key=_by_requests):
            labels = {"scenario": name, "kind": series.kind, "name": series.name}
            times.add_times(series.response, **labels)
            requests.add(series.requests, **labels)
            failures.add(series.failures, **labels)
    yield from (whole, times, requests, failures)


def _by_requests(series: SeriesInterval) -> tuple[int, str, str]:
    return -series.requests, series.name, series.kind


def _of_thresholds(summary: Summary) -> Iterator[_Family]:
    verdict = _Family("loadworthy_threshold_verdict", "Verdict of a threshold: the one that is 1.")
    margin = _Family(
        "loadworthy_threshold_margin_ratio",
        "How far inside its limit a threshold is, as a share of the limit; negative where it is outside.",
    )
    for scenario in summary.scenarios.values():
        for one in scenario.thresholds:
            labels = {"scenario": scenario.name, "threshold": one.expression}
            verdict.add_states(one.verdict, **labels)
            margin.add(None if broken_by_failures(one) else one.margin, **labels)
    yield from (verdict, margin)


def _of_findings(summary: Summary) -> Iterator[_Family]:
    """What the kinds of scenario look for: the capacity, the recovery, the drift."""
    capacity = _Family("loadworthy_capacity_iterations_per_second", "The safe load, and what bounds the capacity.")
    recovered = _Family("loadworthy_recovered", "Whether the service came back after the load: 1, else 0.")
    recovery = _Family("loadworthy_recovery_time_seconds", "How long the service took to come back after the load.")
    drift = _Family("loadworthy_drift_verdict", "Verdict on the drift of a metric: the one that is 1.")
    change = _Family("loadworthy_drift_change_ratio", "Change of a metric over the run, as a share of where it began.")
    for name, scenario in summary.scenarios.items():
        if scenario.search is not None:
            for bound, value in zip(("low", "safe", "high"), scenario.search.capacity.bounds, strict=True):
                capacity.add(value, scenario=name, bound=bound)
        overload = None if scenario.search is None else scenario.search.overload
        found = overload.recovery if overload is not None else scenario.stages and scenario.stages.recovery
        if found:
            recovered.add(None if found.recovered is None else float(found.recovered), scenario=name)
            recovery.add(found.time_s, scenario=name)
        for one in scenario.drift.metrics if scenario.drift is not None else ():
            labels = {"scenario": name, "source": one.source or "", "metric": one.metric}
            drift.add_states(one.verdict, **labels)
            change.add(one.change_share, **labels)
    yield from (capacity, recovered, recovery, drift, change)


def _seconds(value_ms: float | None) -> float | None:
    return None if value_ms is None else value_ms / MS_PER_S


def _epoch_s(moment: str | None) -> float | None:
    try:
        return None if moment is None else datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None


def _number(value: float) -> str:
    return f"{value:.15g}"


def _escaped(text: str) -> str:
    return utf8(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
