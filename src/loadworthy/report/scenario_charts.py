"""A scenario over time as charts: what was put through, how long it took, who was at work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.analysis.thresholds import ThresholdResult
from loadworthy.analysis.timeline import Second, TimelineBuilder
from loadworthy.report.charts import Chart, Limit, Line, Point, svg, time_step_s
from loadworthy.report.words import plural

_SHOWN_TIMES = ("response_time", "service_time")
_WISHES = ((min_samples(0.99), 20), (min_samples(0.95), 10))
"""Points of a chart should stand on enough requests for a p99 if twenty of them remain, or for a p95 if ten do."""
_LIMIT_IN_SIGHT = 2.5
"""A limit is drawn if it is at most so many times the highest value; beyond that it would flatten the lines."""


@dataclass(frozen=True, slots=True)
class DrawnChart:
    """A chart as the template needs it. ``note`` is a sentence below it."""

    title: str
    unit: str
    legend: Sequence[Line]
    svg: str
    note: str = ""
    height: int = 0


def chart_step_s(scenario: ScenarioSummary) -> int:
    """The seconds that a point of a scenario's charts covers."""
    return time_step_s(scenario.duration_s, scenario.figures.requests, wishes=_WISHES)


def scenario_charts(scenario: ScenarioSummary, timeline: TimelineBuilder) -> list[DrawnChart]:
    """Throughput, response time and users over the time of a scenario that ran."""
    step_s = chart_step_s(scenario)
    points = timeline.seconds(scenario.name, step_s)
    per_point = "" if step_s == 1 else f"Each point covers {step_s} s."
    return [
        _throughput_chart(points, scenario.duration_s, step_s, per_point),
        _latency_chart(scenario, points, step_s),
        _users_chart(points, scenario.duration_s, step_s),
    ]


def _line(label: str, style: str, points: Sequence[Second], field: str, step_s: int, *, filled: bool = False) -> Line:
    return Line(label, style, with_gaps([(point.at_s, getattr(point, field)) for point in points], step_s), filled)


def with_gaps(points: Iterable[Point], step_s: int) -> list[Point]:
    """The points, with a gap where steps are missing: nothing was recorded there, and the line must not hide it."""
    known: list[Point] = []
    for at_s, value in points:
        if known and at_s > known[-1][0] + step_s:
            known.append((known[-1][0] + step_s, None))
        known.append((at_s, value))
    return known


def _throughput_chart(points: Sequence[Second], end_s: float, step_s: int, note: str) -> DrawnChart:
    lines = [_line("requests", "throughput", points, "throughput", step_s, filled=True)]
    if any(point.intended is not None for point in points):
        lines.append(_line("iterations intended", "intended", points, "intended", step_s))
        lines.append(_line("iterations begun", "sent", points, "sent", step_s))
    if any(point.dropped for point in points):
        lines.append(_line("dropped", "dropped", points, "dropped", step_s, filled=True))
    if any(point.failures for point in points):
        lines.append(_line("failures", "failed", points, "failure_rate", step_s, filled=True))
    return drawn(Chart("Throughput", "per second", lines, end_s, step_s, height=190), note)


def _latency_chart(scenario: ScenarioSummary, points: Sequence[Second], step_s: int) -> DrawnChart:
    lines, missing = [], []
    for label, fraction in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        line = _line(label, label, points, f"{label}_ms", step_s)
        if any(value is not None for _, value in line.points):
            lines.append(line)
        else:
            missing.append(f"{label} ({plural(min_samples(fraction), 'request')})")
    note = f"Not drawn, for want of requests in each point: {', '.join(missing)}." if missing else ""
    highest = max((value for line in lines for _, value in line.points if value is not None), default=0.0)
    limits = limits_in_sight(scenario.thresholds, highest)
    chart = Chart("Response time", "ms", lines, scenario.duration_s, step_s, limits, height=240)
    return drawn(chart, note)


def limits_in_sight(results: Sequence[ThresholdResult], highest_ms: float) -> list[Limit]:
    """Limits on the times of the whole scenario that do not flatten what is drawn up to ``highest_ms``.

    Those of one series would be compared with the wrong lines.
    """
    known = [Limit(one.expression, one.limit) for one in results if one.metric in _SHOWN_TIMES and one.series is None]
    return [limit for limit in known if limit.value <= highest_ms * _LIMIT_IN_SIGHT]


def _users_chart(points: Sequence[Second], end_s: float, step_s: int) -> DrawnChart:
    lines = [_line("users", "users", points, "users", step_s, filled=True)]
    return drawn(Chart("Users", "", lines, end_s, step_s, height=130))


def drawn(chart: Chart, note: str = "") -> DrawnChart:
    """The chart as the template needs it; a line that is called like the chart needs no legend."""
    legend = [line for line in chart.lines if line.label != chart.title.lower()]
    return DrawnChart(chart.title, chart.unit, legend, svg(chart), note, chart.height)
