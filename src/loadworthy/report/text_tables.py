"""The tables of the closing view that every scenario may have: thresholds, series, stages, resources, failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.figures import Figures
from loadworthy.analysis.resources import MetricFigures
from loadworthy.analysis.stages import StageReport
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.analysis.thresholds import ThresholdResult
from loadworthy.report.failures import failure_examples
from loadworthy.report.fitting_table import FittingTable
from loadworthy.report.layout import cut_middle
from loadworthy.report.resources import resource_slope, resource_value
from loadworthy.report.terminal import STYLES, mark, number_table, plain, red
from loadworthy.report.words import has_failures, interval, margin, milliseconds, observed, rate
from loadworthy.units import UNKNOWN, format_count

_SHOWN_SERIES = 30
_SHOWN_EXAMPLES = 8
_SHOWN_METRICS = 7
_MOST_PARTS = 6
_LONGEST_NAME, _LONGEST_THRESHOLD = 76, 120
"""Characters; of what is longer the middle is left out. The report has it whole."""


def thresholds_table(results: Sequence[ThresholdResult]) -> FittingTable:
    """Each threshold with what was observed; the interval of percentiles where there is one."""
    has_intervals = any(interval(result) for result in results)
    table = FittingTable()
    table.add_column("")
    table.add_column("threshold", overflow="fold")
    table.add_column("observed", justify="right", no_wrap=True)
    if has_intervals:
        table.add_column("95 % interval", no_wrap=True)
    table.add_column("margin", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for result in results:
        name = f"{result.expression} (implied: the scenario has none)" if result.implicit else result.expression
        table.add_row(
            mark(result.verdict),
            Text(cut_middle(plain(name), _LONGEST_THRESHOLD)),
            observed(result),
            *([interval(result)] if has_intervals else []),
            margin(result),
            Text(result.verdict.value, style=STYLES[result.verdict]),
        )
    return table


def series_table(scenario: ScenarioSummary) -> FittingTable:
    """The series with the most requests, and all together."""
    table = number_table("series", "requests", "failed", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms")
    shown = list(scenario.series.items())[:_SHOWN_SERIES]
    for name, figures in shown:
        table.add_row(Text(cut_middle(plain(name), _LONGEST_NAME)), *_series_cells(figures))
    if len(scenario.series) > len(shown):
        table.add_row(Text(f"and {len(scenario.series) - len(shown)} more, in the report", style="dim"))
    if len(scenario.series) > 1:
        table.add_row(Text("all together"), *_series_cells(scenario.figures), style="bold")
    return table


def parts_table(shown: Sequence[tuple[str, Figures]]) -> FittingTable:
    """What the series count already, from another side."""
    table = number_table("of which", "times", "failed", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms")
    for name, figures in shown[:_MOST_PARTS]:
        times, failed, *others = _series_cells(figures)
        table.add_row(Text(plain(name)), times, failed if has_failures(name) else UNKNOWN, *others)
    if len(shown) > _MOST_PARTS:
        table.add_row(Text(f"and {len(shown) - _MOST_PARTS} more, in the report", style="dim"))
    return table


def _series_cells(figures: Figures) -> list[RenderableType]:
    times = figures.response_time_ms
    per_second = UNKNOWN if figures.throughput is None else f"{figures.throughput:,.1f}"
    shown = (milliseconds(value) for value in (times.p50, times.p95, times.p99, times.max))
    return [format_count(figures.requests), red(figures.failures), per_second, *shown]


def stages_table(report: StageReport) -> FittingTable:
    """What each stage was like."""
    is_open = any(stage.rate is not None for stage in report.stages)
    load = ("rate", "dropped") if is_open else ("users",)
    table = number_table("stage", *load, "from", "to", "requests", "failed", "per s", "p95 ms")
    for stage in report.stages:
        table.add_row(
            str(stage.index + 1),
            *((rate(stage.rate), red(stage.dropped or 0)) if is_open else (format_count(stage.users),)),
            seconds(stage.from_s),
            seconds(stage.to_s),
            format_count(stage.requests),
            red(stage.failures),
            UNKNOWN if stage.throughput is None else f"{stage.throughput:,.1f}",
            milliseconds(stage.p95_ms),
        )
    return table


def resources_table(resources: Mapping[str, Mapping[str, MetricFigures]]) -> FittingTable:
    """What changed, in short; what stood still is in the report."""
    table = number_table("resource", "mean", "max", "at peak", "per hour")
    for source, metrics in resources.items():
        table.add_row(Text(plain(source), style="bold"))
        changed = [(metric, one) for metric, one in metrics.items() if one.min != one.max][:_SHOWN_METRICS]
        for metric, one in changed:
            shown = (resource_value(value, metric) for value in (one.mean, one.max, one.at_peak))
            table.add_row(Text(plain(f"  {metric}")), *shown, resource_slope(one.slope_per_h, metric))
        if len(metrics) > len(changed):
            table.add_row(Text(f"  and {len(metrics) - len(changed)} more, in the report", style="dim"))
    return table


def failures_table(scenario: ScenarioSummary, failures: Sequence[Mapping[str, Any]]) -> FittingTable:
    """How many failed in which way, with examples."""
    table = FittingTable()
    table.add_column("failed", justify="right", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("for example", overflow="fold")
    examples = failure_examples(failures, scenario.name)
    for kind, count in scenario.figures.failure_kinds.items():
        mine = [example for example in examples if example.kind == kind]
        shown = [plain(f"{cut_middle(one.series, _LONGEST_NAME)}: {one.message}") for one in mine[:_SHOWN_EXAMPLES]]
        cell = Text("\n".join(shown) or "no sample kept")
        if len(mine) > _SHOWN_EXAMPLES:
            cell.append(f"\nand {len(mine) - _SHOWN_EXAMPLES} other messages, in the report", style="dim")
        table.add_row(Text(format_count(count), style="red"), kind, cell)
    return table
