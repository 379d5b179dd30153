"""Charts as files: each an SVG that stands by itself, with its title, legend and colours, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape

from loadworthy.analysis.resources import ResourceSeries
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.analysis.timeline import TimelineBuilder
from loadworthy.report.charts import WIDTH, Chart, Line
from loadworthy.report.key_figures import GENERATOR
from loadworthy.report.resources import resource_charts
from loadworthy.report.scenario_charts import DrawnChart, chart_step_s, drawn, scenario_charts, with_gaps
from loadworthy.report.search_chart import search_chart

_ADDRESS = re.compile(r"https?://\S+")
_HEAD = 48
_MOST_CHARACTERS = 80
_CHARACTER_WIDTH = 7.5
"""About that of the legend's letters; SVG cannot measure text by itself."""

_STYLE = """
svg { --page: #ffffff; --ink: #1b2330; --soft: #5b6675; --rule: #dde2e9;
  --blue: #1f6fc4; --amber: #c98500; --red: #cf4436; --teal: #14837a; --purple: #7b3fa8; }
@media (prefers-color-scheme: dark) {
  svg { --page: #18202b; --ink: #e6ebf2; --soft: #9aa7b8; --rule: #2c3746;
    --blue: #68b0ff; --amber: #f0b53f; --red: #ff8170; --teal: #52cabd; --purple: #cf9cf0; } }
text { font-family: system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
.page { fill: var(--page); } .title { fill: var(--ink); font-size: 16px; font-weight: 600; }
.run { fill: var(--soft); font-size: 12px; } .label { fill: var(--soft); font-size: 13px; }
.throughput, .p50 { --stroke: var(--blue); } .failed, .p99 { --stroke: var(--red); }
.p95 { --stroke: var(--amber); } .users { --stroke: var(--teal); }
.intended { --stroke: var(--ink); } .sent { --stroke: var(--teal); } .dropped { --stroke: var(--red); }
.trend { --stroke: var(--ink); } .held { --stroke: var(--teal); } .broke { --stroke: var(--red); }
.unfit { --stroke: var(--purple); } .within { --stroke: var(--amber); }
.line.intended, .line.trend { stroke-dasharray: 5 4; }
.line { fill: none; stroke: var(--stroke); stroke-width: 1.8; stroke-linejoin: round; }
.dot, .key { fill: var(--stroke); } .area { fill: var(--stroke); opacity: .14; }
.grid { stroke: var(--rule); } .axis { stroke: var(--soft); } .tick { fill: var(--soft); font-size: 12px; }
.spot { fill: var(--stroke); stroke: var(--page); } .spot.chosen { stroke: var(--ink); stroke-width: 2; }
.band { fill: var(--amber); opacity: .22; }
.safe { stroke: var(--ink); stroke-width: 1.5; } .safe-label { fill: var(--ink); font-weight: 600; }
.limit { stroke: var(--ink); stroke-dasharray: 6 4; opacity: .65; } .limit-label { stroke: none; fill: var(--ink); }
"""


def all_charts(
    scenario: ScenarioSummary, timeline: TimelineBuilder, resources: ResourceSeries | None
) -> list[DrawnChart]:
    """A scenario over time: throughput, response time, errors, users, and what monitors read of the target.

    The trials go first where it looked for its own load. None if it never ran.
    """
    if not scenario.ran:
        return []
    throughput, latency, users = scenario_charts(scenario, timeline)
    target = _of_target(resources) if resources else ResourceSeries(0.0)
    readings = [drawn(chart) for chart in resource_charts(target, scenario.drift)]
    trials = search_chart(scenario)
    return [*([trials] if trials else []), throughput, latency, error_chart(scenario, timeline), users, *readings]


def _of_target(resources: ResourceSeries) -> ResourceSeries:
    points = {source: metrics for source, metrics in resources.points.items() if source != GENERATOR}
    return replace(resources, points=points)


def error_chart(scenario: ScenarioSummary, timeline: TimelineBuilder) -> DrawnChart:
    """The share of requests that failed, in percent."""
    step_s = chart_step_s(scenario)
    shares: list[tuple[float, float | None]] = [
        (point.at_s, 100 * point.failures / point.requests if point.requests else None)
        for point in timeline.seconds(scenario.name, step_s)
    ]
    line = Line("error rate", "failed", with_gaps(shares, step_s), filled=True)
    return drawn(Chart("Error rate", "%", [line], scenario.duration_s, step_s, height=130))


def plot_files(scenario: str, run: str, charts: Sequence[DrawnChart]) -> dict[str, str]:
    """File name → SVG of a scenario's charts: ``load-response-time.svg``."""
    # A monitor's chart has its address in the title, which would fill the name.
    names = unique_names([f"{scenario}-{_ADDRESS.sub('', chart.title)}" for chart in charts])
    return {f"{name}.svg": standalone_svg(chart, scenario, run) for name, chart in zip(names, charts, strict=True)}


def unique_names(texts: Sequence[str]) -> list[str]:
    """A name that can stand in any file system for each text, numbered where two would be the same."""
    names: list[str] = []
    for text in texts:
        base = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_MOST_CHARACTERS].strip("-") or "plot"
        name, number = base, 1
        while name in names:
            number += 1
            name = f"{base}-{number}"
        names.append(name)
    return names


def standalone_svg(chart: DrawnChart, scenario: str, run: str) -> str:
    """An SVG document of one chart; ``scenario`` and ``run`` stand above it."""
    height = chart.height + _HEAD
    title = f"{scenario}: {chart.title}{f' ({chart.unit})' if chart.unit else ''}"
    # The drawing sizes itself to what it is put into; here it has its place.
    placed = chart.svg.replace("<svg ", f'<svg y="{_HEAD}" width="{WIDTH}" height="{chart.height}" ', 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="16" y="22">{escape(title)}</text>',
        f'<text class="run" x="16" y="40">{escape(run)}</text>',
        *_legend(chart.legend),
        placed,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(lines: Sequence[Line]) -> Iterator[str]:
    """From the right edge to the left, so that the last line's label ends there."""
    x = float(WIDTH - 16)
    for line in reversed(lines):
        x -= len(line.label) * _CHARACTER_WIDTH
        yield f'<text class="label" x="{x:.1f}" y="40">{escape(line.label)}</text>'
        x -= 22
        yield f'<rect class="key {escape(line.style)}" x="{x:.1f}" y="35" width="16" height="3"/>'
        x -= 16
