"""What monitors read of the target, on the time axis of the load; over it the trend that was judged, with its band."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.endurance import DriftReport
from loadworthy.analysis.resources import Points, ResourceSeries
from loadworthy.report.figures import layers
from loadworthy.report.figures.course import time_step_s
from loadworthy.report.figures.drift_band import TREND, trend_columns, trend_layers
from loadworthy.report.figures.figure import Columns, Figure, Key
from loadworthy.report.figures.rows import AT, rounded
from loadworthy.report.figures.theme import INK, TEAL
from loadworthy.report.resources import is_bytes, resource_value, target_first

MOST_FIGURES = 16
"""Of one scenario; every metric stands in the table."""

READINGS = "readings"
_BYTES_PER_MB = 1_000_000
_GAP = 3
"""A distance of so many usual ones is a gap: the source could not be read there, and the line must not hide it."""


def reading_figures(series: ResourceSeries, drift: DriftReport | None = None) -> list[Figure]:
    """A figure for each metric that changed, up to :data:`MOST_FIGURES`; the axis begins at 0, so none below that."""
    trends = {} if drift is None else {(one.source, one.metric): one for one in drift.metrics}
    found: list[Figure] = []
    for source, metrics in target_first(series.points).items():
        for metric, points in metrics.items():
            during = [(at_s, value) for at_s, value in points if 0 <= at_s <= series.duration_s]
            values = {value for _, value in during}
            if len(values) > 1 and min(values) >= 0 and len(found) < MOST_FIGURES:
                trend = trend_columns(trends.get((source, metric)), drift, series.duration_s, _scale(metric))
                key = f"reading-{len(found) + 1}"
                found.append(_figure(key, source, metric, during, series.duration_s, trend))
    return found


def _figure(
    key: str, source: str, metric: str, points: Points, end_s: float, trend: tuple[str, Columns] | None
) -> Figure:
    step_s = time_step_s(end_s, 0)
    scale = _scale(metric)
    averaged = _averaged([(at_s, value / scale) for at_s, value in points], step_s)
    gapped = _with_gaps(averaged)
    columns: Columns = {
        AT: [round((at_s + step_s / 2) * MS_PER_S) for at_s, _ in gapped],
        "value": [rounded(value) for _, value in gapped],
    }
    keys = [Key("measured", TEAL, "area")]
    data: dict[str, Columns] = {READINGS: columns}
    x = layers.time_axis()
    if trend is not None:
        keys.append(Key(trend[0], INK, "dashed"))
        data[TREND] = trend[1]
    drawn = layers.line("value", keys[0], keys, x, READINGS)
    drawn += trend_layers(keys[1], keys, x) if trend is not None else []
    unit = _unit(metric)
    chart = layers.over_time(drawn, height=120, end_ms=max(end_s, step_s) * MS_PER_S)
    return Figure(
        key, f"{source}: {metric}", unit, _words(metric, points), chart, data, keys if trend else (), 120,
        is_over_time=True, tip=(READINGS, [("value", metric)]),
    )  # fmt: skip


def _scale(metric: str) -> float:
    return _BYTES_PER_MB if is_bytes(metric) else 1.0


def _unit(metric: str) -> str:
    unit = ["MB"] if is_bytes(metric) else ["cores"] if metric == "cpu" else []
    return " ".join([*unit, *(["per second"] if metric.startswith("rate(") else [])])


def _words(metric: str, points: Points) -> str:
    values = [value for _, value in points]
    shown = [resource_value(value, metric) for value in (values[0], values[-1], min(values), max(values))]
    return f"{shown[0]} at first, {shown[1]} at the end; between {shown[2]} and {shown[3]}."


def _averaged(points: Points, step_s: int) -> list[tuple[float, float]]:
    """One point for each step in which there are readings: their mean."""
    steps: dict[int, list[float]] = {}
    for at_s, value in points:
        steps.setdefault(int(at_s // step_s), []).append(value)
    return [(float(step * step_s), sum(values) / len(values)) for step, values in sorted(steps.items())]


def _with_gaps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float | None]]:
    apart_s = [later[0] - earlier[0] for earlier, later in pairwise(points)]
    usual_s = median(apart_s) if apart_s else 0.0
    filled: list[tuple[float, float | None]] = []
    for at_s, value in points:
        if filled and at_s - filled[-1][0] > _GAP * usual_s:
            filled.append((filled[-1][0] + usual_s, None))
        filled.append((at_s, value))
    return filled
