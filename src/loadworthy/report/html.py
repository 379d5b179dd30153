"""``report.html``: one page that needs nothing else. No script, no request to anywhere, light and dark, fit to print.

Everything that is not ours goes through Jinja's escaping; only our own drawings are marked as safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.resources import ResourceSeries
from loadworthy.analysis.summary import ScenarioSummary, Summary
from loadworthy.analysis.thresholds import UNKNOWN, ThresholdResult, format_value
from loadworthy.analysis.timeline import Second, TimelineBuilder
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.charts import Chart, Limit, Line, Point, svg, time_step_s
from loadworthy.report.failures import FailureExample, failure_examples
from loadworthy.report.resources import resource_charts, resource_slope, resource_value
from loadworthy.report.text import MARKS
from loadworthy.report.words import (
    arrivals_line,
    health_details,
    health_line,
    interval,
    margin,
    milliseconds,
    observed,
    plural,
    rate,
    stage_facts,
    stage_load,
    workload_notes,
)
from loadworthy.units import format_bytes, format_count, format_ms, format_ratio

if TYPE_CHECKING:
    from jinja2 import Environment

MEANINGS = {
    Verdict.PASS: "Every target was met.",
    Verdict.FAIL: "A target was missed.",
    Verdict.UNDECIDED: "There is not enough evidence to say.",
    Verdict.INVALID: "The figures do not describe the service: data is missing, or the generator was the limit.",
}
_SHOWN_EXAMPLES = 40
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


@dataclass(frozen=True, slots=True)
class ScenarioPage:
    """A scenario with all that the template shows of it."""

    summary: ScenarioSummary
    charts: Sequence[DrawnChart]
    examples: Sequence[FailureExample]
    more_examples: int
    same_times: bool
    """Response and service times are equal, so one row says both."""
    resource_charts: Sequence[DrawnChart] = ()


def report_html(
    summary: Summary,
    timeline: TimelineBuilder,
    manifest: Mapping[str, Any],
    failures: Sequence[Mapping[str, Any]],
    resources: Mapping[str, ResourceSeries] | None = None,
) -> str:
    """The content of ``report.html``; ``resources`` are what monitors read, by scenario."""
    series = resources or {}
    pages = [_page(scenario, timeline, failures, series.get(scenario.name)) for scenario in summary.scenarios.values()]
    text: str = (
        page_environment()
        .get_template("report.html.j2")
        .render(
            summary=summary,
            meaning=MEANINGS[summary.verdict],
            pages=pages,
            facts=run_facts(summary, manifest),
            workload_notes=workload_notes(summary.scenarios.values()),
        )
    )
    return text


def page_environment() -> Environment:
    """Jinja with the templates of this package and the filters that they use."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("loadworthy.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= _filters()
    return environment


def _filters() -> dict[str, Callable[..., Any]]:
    return {
        "count": format_count,
        "ms": milliseconds,
        "ratio": format_ratio,
        "rate": rate,
        "bytes": format_bytes,
        "seconds": seconds,
        "margin": margin,
        "interval": interval,
        "arrivals": arrivals_line,
        "stage_load": stage_load,
        "health": health_line,
        "health_details": health_details,
        "mark": MARKS.__getitem__,
        "observed": observed,
        "limit": lambda result: f"{result.op} {format_value(result.limit, result.unit)}",
        "gauge": gauge,
        "latency": format_ms,
        "resource": resource_value,
        "slope": resource_slope,
        "stage_facts": stage_facts,
    }


def gauge(result: ThresholdResult) -> tuple[float, float] | None:
    """Lengths in percent: of a bar for the observed value, and up to the limit's mark; None where there is no scale."""
    if result.observed is None or result.limit <= 0:
        return None
    full = max(result.observed, result.limit) * 1.15
    return round(result.observed / full * 100, 1), round(result.limit / full * 100, 1)


def run_facts(summary: Summary, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and value of what is known of the run itself, in the order of interest."""
    git, seed = manifest.get("git"), manifest.get("seed")
    facts = {
        "Target": manifest.get("target"),
        "Plan": summary.plan,
        "Started": summary.started_at,
        "Duration": None if summary.duration_s is None else seconds(summary.duration_s),
        "Ended": ": ".join(str(part) for part in (manifest.get("ended"), manifest.get("ended_reason")) if part),
        "Seed": None if seed is None else str(seed),
        "Processes": manifest.get("processes"),
        "Git": _git(git) if isinstance(git, Mapping) else None,
        "Versions": _joined(manifest.get("versions")),
        "Host": _joined(manifest.get("host")),
    }
    return [(label, str(value)) for label, value in facts.items() if value not in (None, "")]


def _git(git: Mapping[str, Any]) -> str:
    return f"{str(git.get('revision', UNKNOWN))[:12]}{' with uncommitted changes' if git.get('dirty') else ''}"


def _joined(facts: object) -> str | None:
    if not isinstance(facts, Mapping):
        return None
    return ", ".join(f"{key} {value}" for key, value in facts.items() if value is not None)


def _page(
    scenario: ScenarioSummary,
    timeline: TimelineBuilder,
    failures: Sequence[Mapping[str, Any]],
    resources: ResourceSeries | None,
) -> ScenarioPage:
    examples = failure_examples(failures, scenario.name)
    return ScenarioPage(
        summary=scenario,
        charts=scenario_charts(scenario, timeline) if scenario.ran else (),
        examples=examples[:_SHOWN_EXAMPLES],
        more_examples=max(len(examples) - _SHOWN_EXAMPLES, 0),
        same_times=scenario.figures.response_time_ms == scenario.figures.service_time_ms,
        resource_charts=[drawn(chart) for chart in resource_charts(resources)] if resources else (),
    )


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
    limits = [limit for limit in _time_limits(scenario.thresholds) if limit.value <= highest * _LIMIT_IN_SIGHT]
    chart = Chart("Response time", "ms", lines, scenario.duration_s, step_s, limits, height=240)
    return drawn(chart, note)


def _time_limits(results: Sequence[ThresholdResult]) -> list[Limit]:
    """Limits on the times of the whole scenario; those of one series would be compared with the wrong lines."""
    return [Limit(one.expression, one.limit) for one in results if one.metric in _SHOWN_TIMES and one.series is None]


def _users_chart(points: Sequence[Second], end_s: float, step_s: int) -> DrawnChart:
    lines = [_line("users", "users", points, "users", step_s, filled=True)]
    return drawn(Chart("Users", "", lines, end_s, step_s, height=130))


def drawn(chart: Chart, note: str = "") -> DrawnChart:
    """The chart as the template needs it; a line that is called like the chart needs no legend."""
    legend = [line for line in chart.lines if line.label != chart.title.lower()]
    return DrawnChart(chart.title, chart.unit, legend, svg(chart), note, chart.height)
