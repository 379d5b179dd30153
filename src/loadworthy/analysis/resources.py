"""What monitors read while a scenario ran, as figures: the extremes, what it was at peak throughput, and where it went.

The slope is the Theil-Sen estimator: the median of the slopes between all pairs of readings, which a few outliers do
not move (Sen 1968, "Estimates of the regression coefficient based on Kendall's tau"). Long runs are first thinned to
medians of equal batches, for the pairs are as many as the square of the readings. It says where a metric went, not
whether that is significant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadworthy.analysis.accumulate import MS_PER_S, ScenarioTotals
from loadworthy.analysis.timeline import Second

PEAK_S = 10
"""The peak is the stretch of so many seconds with the most requests."""

MIN_SLOPE_READINGS = 10
MIN_SLOPE_S = 60.0
"""A slope per hour from less than a minute would say more than it knows."""

MAX_POINTS = 300
_S_PER_H = 3600.0

Json = dict[str, Any]
Points = list[tuple[float, float]]
"""(seconds since the scenario's start, value), ascending."""


@dataclass(frozen=True, slots=True)
class MetricFigures:
    """One metric of one source while a scenario ran, in the metric's own unit.

    ``at_peak`` is its mean in the busiest ten seconds, ``after_load`` the last reading between the end of the load and
    the next scenario. None where there was no such reading, or too few for a slope.
    """

    first: float
    last: float
    min: float
    max: float
    mean: float
    at_peak: float | None
    after_load: float | None
    slope_per_h: float | None

    def to_json(self) -> Json:
        """The form that stands in ``summary.json``."""
        return {key: None if value is None else round(value, 6) for key, value in asdict(self).items()}


@dataclass(slots=True)
class ResourceSeries:
    """The readings of one scenario: source → metric → points; those after ``duration_s`` were taken after the load."""

    duration_s: float
    points: dict[str, dict[str, Points]] = field(default_factory=dict)


def resource_series(
    readings: Sequence[Mapping[str, Any]], totals: Mapping[str, ScenarioTotals]
) -> dict[str, ResourceSeries]:
    """The readings of a run by scenario, each given to the scenario that had begun last.

    Those from before the first scenario belong to none. A line that is no reading is passed over.
    """
    running = sorted((one for one in totals.values() if one.intervals), key=lambda one: one.start_ms)
    starts = [one.start_ms for one in running]
    found = {one.name: ResourceSeries(one.duration_s) for one in running}
    for reading in sorted((one for one in readings if _is_reading(one)), key=lambda one: one["at_ms"]):
        place = bisect_right(starts, reading["at_ms"]) - 1
        if place < 0:
            continue
        scenario = running[place]
        metrics = found[scenario.name].points.setdefault(reading["source"], {})
        for metric, value in reading["values"].items():
            if isinstance(value, int | float):
                metrics.setdefault(metric, []).append(((reading["at_ms"] - scenario.start_ms) / MS_PER_S, value))
    return found


def _is_reading(line: Mapping[str, Any]) -> bool:
    values, source = line.get("values"), line.get("source")
    return isinstance(line.get("at_ms"), int) and isinstance(source, str) and isinstance(values, Mapping)


def judge_resources(series: ResourceSeries, seconds: Sequence[Second]) -> dict[str, dict[str, MetricFigures]]:
    """Source → metric → figures; only metrics that were read while the scenario ran. ``seconds``: its timeline."""
    peak_s = _peak_s(seconds)
    judged: dict[str, dict[str, MetricFigures]] = {}
    for source, metrics in series.points.items():
        figures = {metric: _figures(points, series.duration_s, peak_s) for metric, points in metrics.items()}
        known = {metric: one for metric, one in figures.items() if one is not None}
        if known:
            judged[source] = known
    return judged


def _figures(points: Points, duration_s: float, peak_s: float | None) -> MetricFigures | None:
    during = [(at_s, value) for at_s, value in points if at_s <= duration_s]
    after = [value for at_s, value in points if at_s > duration_s]
    if not during:
        return None
    values = [value for _, value in during]
    peak = [value for at_s, value in during if peak_s is not None and peak_s <= at_s < peak_s + PEAK_S]
    return MetricFigures(
        first=values[0],
        last=values[-1],
        min=min(values),
        max=max(values),
        mean=sum(values) / len(values),
        at_peak=sum(peak) / len(peak) if peak else None,
        after_load=after[-1] if after else None,
        slope_per_h=slope_per_h(during),
    )


def _peak_s(seconds: Sequence[Second]) -> float | None:
    """Where the stretch of ten seconds with the most requests begins, the first of several; None without requests."""
    counts = {second.at_s: second.requests for second in seconds}
    if not any(counts.values()):
        return None
    last = max(max(counts) - PEAK_S + 1, 0)
    return float(max(range(last + 1), key=lambda start: sum(counts.get(start + one, 0) for one in range(PEAK_S))))


def slope_per_h(points: Points) -> float | None:
    """The Theil-Sen slope in units per hour; None where the readings are too few or too close together."""
    if len(points) < MIN_SLOPE_READINGS or points[-1][0] - points[0][0] < MIN_SLOPE_S:
        return None
    at_s, values = _thinned(points)
    first, second = np.triu_indices(len(at_s), k=1)
    apart_s = at_s[second] - at_s[first]
    slopes = (values[second] - values[first])[apart_s > 0] / apart_s[apart_s > 0]
    return float(np.median(slopes)) * _S_PER_H


def _thinned(points: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and values; of many, the medians of :data:`MAX_POINTS` batches."""
    table = np.array(points, dtype=np.float64)
    if len(table) > MAX_POINTS:
        table = np.array([np.median(batch, axis=0) for batch in np.array_split(table, MAX_POINTS)])
    return table[:, 0], table[:, 1]
