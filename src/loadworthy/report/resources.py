"""How readings of monitors look: their numbers with units, and their course on the scenario's time axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from statistics import median

from loadworthy.analysis.endurance import DriftReport, MetricDrift
from loadworthy.analysis.resources import Points, ResourceSeries
from loadworthy.analysis.thresholds import UNKNOWN
from loadworthy.report.charts import Chart, Line, Point, time_step_s
from loadworthy.units import format_bytes

MOST_CHARTS = 16
"""Of one scenario; every metric stands in the table."""

_BYTES_PER_MB = 1_000_000
_GAP = 3
"""A distance of so many usual ones is a gap: the source could not be read there, and the line must not hide it."""


def is_bytes(metric: str) -> bool:
    """Whether a metric counts bytes, going by its name as Prometheus' conventions have it."""
    name = metric.removeprefix("rate(").rstrip(")").partition("{")[0]
    return name.removesuffix("_total").endswith("_bytes")


def resource_value(value: float | None, metric: str) -> str:
    """A reading with the unit that its name tells: ``83.2 MB``, ``0.31``, ``187/s``; ``–`` for None."""
    if value is None:
        return UNKNOWN
    rated = metric.startswith("rate(")
    if is_bytes(metric):
        shown = f"{'-' if value < 0 else ''}{format_bytes(abs(value))}"
    else:
        shown = f"{value:,.0f}" if abs(value) >= 1000 or value == round(value) else f"{value:.3g}"
    return f"{shown}/s" if rated else shown


def resource_slope(slope_per_h: float | None, metric: str) -> str:
    """A change per hour with its sign: ``+1.2 MB``; ``–`` for None."""
    text = resource_value(slope_per_h, metric)
    return f"+{text}" if slope_per_h is not None and slope_per_h > 0 else text


def resource_charts(series: ResourceSeries, drift: DriftReport | None = None) -> list[Chart]:
    """A chart for each metric that changed, up to :data:`MOST_CHARTS`; the axis begins at 0, so none below that.

    With ``drift`` the trend of each metric that was judged is drawn over it.
    """
    trends = {} if drift is None else {(one.source, one.metric): one for one in drift.metrics}
    warm_up_s = 0.0 if drift is None else drift.warm_up_s
    until_s = None if drift is None else drift.until_s
    charts: list[Chart] = []
    for source, metrics in series.points.items():
        for metric, points in metrics.items():
            during = [(at_s, value) for at_s, value in points if 0 <= at_s <= series.duration_s]
            values = {value for _, value in during}
            if len(values) > 1 and min(values) >= 0 and len(charts) < MOST_CHARTS:
                chart = _chart(source, metric, during, series.duration_s)
                charts.append(_with_trend(chart, trends.get((source, metric)), warm_up_s, until_s))
    return charts


def _with_trend(chart: Chart, drift: MetricDrift | None, from_s: float, until_s: float | None) -> Chart:
    """The chart with the line from where the metric began to where it went; without it where that is not known."""
    if drift is None or not drift.change_share:
        return chart
    first = drift.change / drift.change_share
    ends = (first, first + drift.change)
    if min(ends) < 0:
        return chart
    scale = _BYTES_PER_MB if is_bytes(drift.metric) else 1.0
    # A point stands for the step that begins there and is drawn in its middle; the ends of a trend are moments.
    to_s = chart.end_s if until_s is None else until_s
    moments = (from_s - chart.step_s / 2, to_s - chart.step_s / 2)
    points = [(at_s, value / scale) for at_s, value in zip(moments, ends, strict=True)]
    label = f"trend, {resource_slope(drift.slope_per_h, drift.metric)} per hour"
    return replace(chart, lines=[*chart.lines, Line(label, "trend", points)])


def _chart(source: str, metric: str, points: Points, end_s: float) -> Chart:
    in_mb = is_bytes(metric)
    scaled = [(at_s, value / _BYTES_PER_MB if in_mb else value) for at_s, value in points]
    unit = ["MB"] if in_mb else ["cores"] if metric == "cpu" else []
    unit += ["per second"] if metric.startswith("rate(") else []
    step_s = time_step_s(end_s, 0)
    line = Line(metric, "users", list(_with_gaps(_averaged(scaled, step_s))), filled=True)
    return Chart(f"{source}: {metric}", " ".join(unit), [line], end_s, step_s, height=120)


def _averaged(points: Points, step_s: int) -> Points:
    """One point for each step in which there are readings: their mean."""
    steps: dict[int, list[float]] = {}
    for at_s, value in points:
        steps.setdefault(int(at_s // step_s), []).append(value)
    return [(float(step * step_s), sum(values) / len(values)) for step, values in sorted(steps.items())]


def _with_gaps(points: Points) -> Iterator[Point]:
    apart_s = [later[0] - earlier[0] for earlier, later in pairwise(points)]
    usual_s = median(apart_s) if apart_s else 0.0
    before_s: float | None = None
    for at_s, value in points:
        if before_s is not None and at_s - before_s > _GAP * usual_s:
            yield before_s + usual_s, None
        yield at_s, value
        before_s = at_s
