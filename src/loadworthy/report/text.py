"""The closing view of a run in the terminal: verdict and reasons first, then the evidence, then where the files are.

Everything that comes from the plan or the service is put into :class:`rich.text.Text`, never into markup, so a name
such as ``/items/[id]`` shows as it is.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.figures import Figures
from loadworthy.analysis.resources import MetricFigures
from loadworthy.analysis.stages import StageReport
from loadworthy.analysis.summary import ScenarioSummary, Summary
from loadworthy.analysis.thresholds import UNKNOWN, ThresholdResult
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.failures import failure_examples
from loadworthy.report.resources import resource_slope, resource_value
from loadworthy.report.words import (
    head_line,
    health_details,
    health_line,
    margin,
    milliseconds,
    observed,
    rate,
    stage_facts,
)
from loadworthy.units import format_count

MAX_WIDTH = 100
MIN_WIDTH = 80
MARKS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.UNDECIDED: "?", Verdict.INVALID: "!"}
STYLES = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.UNDECIDED: "yellow", Verdict.INVALID: "magenta"}

_SHOWN_SERIES = 30
_SHOWN_EXAMPLES = 8
_SHOWN_METRICS = 7
_MOST_PARTS = 6
_SHOWN_PARTS = ("iteration", "connect", "tls")
"""Kinds of parts that the terminal has room for; times to the first byte are in the report."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """Text that cannot move the cursor or colour the terminal: control characters become ``·``."""
    return _CONTROL.sub("·", text)


def closing_view(
    summary: Summary,
    failures: Iterable[Mapping[str, Any]] = (),
    *,
    target: str | None = None,
    files: Sequence[str] = (),
) -> RenderableType:
    """The whole view.

    Args:
        summary: the judged run.
        failures: the lines of ``failures.jsonl`` (``Run.failures``).
        target: the base URL, for the head line.
        files: where the reports are, one line each.
    """
    lines = list(failures)
    parts: list[RenderableType] = [Text(), _verdict_line(summary, target), *_reasons(summary)]
    for scenario in summary.scenarios.values():
        parts += [Text(), *_scenario(scenario, lines)]
    parts += [Text(), _labelled("Generator", plain(health_line(summary.health)))]
    if details := health_details(summary.health):
        parts.append(_labelled("", " · ".join(details)))
    parts += [_labelled("Files" if number == 0 else "", file) for number, file in enumerate(files)]
    return Group(*parts)


def print_closing_view(console: Console, summary: Summary, **parts: Any) -> None:
    """Print :func:`closing_view` no wider than is good to read, and no narrower than its numbers need.

    A narrower terminal wraps the lines; that is ugly, but loses no digit.
    """
    width = min(max(console.width, MIN_WIDTH), MAX_WIDTH) if console.is_terminal else MAX_WIDTH
    console.print(Clamped(closing_view(summary, **parts), width), crop=False, highlight=False)


def render_text(summary: Summary, width: int = MAX_WIDTH, **parts: Any) -> str:
    """The view as plain text, for a file or a log."""
    console = Console(
        file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False, _environ={}
    )
    with console.capture() as captured:
        console.print(Clamped(closing_view(summary, **parts), min(width, MAX_WIDTH)), highlight=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


class Clamped:
    """Something rendered at a width of its own, whatever the console's is."""

    def __init__(self, content: RenderableType, width: int) -> None:
        self._content = content
        self._width = width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self._content, options.update_width(self._width))


def badge(verdict: Verdict) -> Text:
    """The verdict, loud: `` FAIL `` on its colour."""
    return Text(f" {verdict.value.upper()} ", style=f"bold white on {STYLES[verdict]}")


def mark(verdict: Verdict) -> Text:
    """The verdict in one character."""
    return Text(MARKS[verdict], style=f"bold {STYLES[verdict]}")


def _verdict_line(summary: Summary, target: str | None) -> Text:
    facts = [summary.run, "" if summary.duration_s is None else seconds(summary.duration_s), target or ""]
    return Text.assemble(badge(summary.verdict), "  ", (plain(" · ".join(fact for fact in facts if fact)), "bold"))


def _reasons(summary: Summary) -> Iterator[RenderableType]:
    for reason in summary.reasons:
        grid = Table.grid(padding=(0, 1))
        grid.add_row("  •", Text(plain(reason)))
        yield grid


def _labelled(label: str, text: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=9, style="bold")
    grid.add_column(overflow="fold")
    grid.add_row(label, Text(text))
    return grid


def _scenario(scenario: ScenarioSummary, failures: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    kind = f"  {scenario.kind} · {scenario.workload} workload"
    yield Text.assemble(mark(scenario.verdict), " ", (plain(scenario.name), "bold"), (kind, "dim"))
    if not scenario.ran:
        yield Text("  never ran", style="dim")
        return
    yield Padding(Text(head_line(scenario)), (0, 0, 0, 2), expand=False)
    for reason in scenario.reasons:
        yield Padding(Text(plain(reason.text), style=STYLES[reason.verdict]), (0, 0, 0, 2), expand=False)
    yield _indented(_thresholds(scenario.thresholds))
    if scenario.series:
        yield _indented(_series(scenario))
    if shown := [(name, one) for name, one in scenario.parts.items() if one.kind in _SHOWN_PARTS]:
        yield _indented(_parts(shown))
    if scenario.stages is not None:
        yield _indented(_stages(scenario.stages))
        for fact in stage_facts(scenario.stages):
            yield Padding(Text(plain(fact)), (0, 0, 0, 2), expand=False)
    if scenario.resources:
        yield _indented(_resources(scenario.resources))
    if scenario.figures.failures:
        yield _indented(_failures(scenario, failures))


def _indented(table: Table) -> Padding:
    return Padding(table, (1, 0, 0, 2), expand=False)


def _table(*columns: str) -> Table:
    """A table without lines: the first column takes the room that is left, the others are numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(columns[0], overflow="fold", min_width=12)
    for column in columns[1:]:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _thresholds(results: Sequence[ThresholdResult]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("threshold", overflow="fold")
    table.add_column("observed", justify="right", no_wrap=True)
    table.add_column("margin", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for result in results:
        name = f"{result.expression} (implied: the scenario has none)" if result.implicit else result.expression
        table.add_row(
            mark(result.verdict),
            Text(plain(name)),
            observed(result),
            margin(result),
            Text(result.verdict.value, style=STYLES[result.verdict]),
        )
    return table


def _series(scenario: ScenarioSummary) -> Table:
    table = _table("series", "requests", "failed", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms")
    shown = list(scenario.series.items())[:_SHOWN_SERIES]
    for name, figures in shown:
        table.add_row(Text(plain(name)), *_series_cells(figures))
    if len(scenario.series) > len(shown):
        table.add_row(Text(f"and {len(scenario.series) - len(shown)} more, in the report", style="dim"))
    if len(scenario.series) > 1:
        table.add_row(Text("all together"), *_series_cells(scenario.figures), style="bold")
    return table


def _parts(shown: Sequence[tuple[str, Figures]]) -> Table:
    """What the series count already, from another side."""
    table = _table("of which", "times", "failed", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms")
    for name, figures in shown[:_MOST_PARTS]:
        table.add_row(Text(plain(name)), *_series_cells(figures))
    if len(shown) > _MOST_PARTS:
        table.add_row(Text(f"and {len(shown) - _MOST_PARTS} more, in the report", style="dim"))
    return table


def _series_cells(figures: Figures) -> list[RenderableType]:
    times = figures.response_time_ms
    per_second = UNKNOWN if figures.throughput is None else f"{figures.throughput:,.1f}"
    shown = (milliseconds(value) for value in (times.p50, times.p95, times.p99, times.max))
    return [format_count(figures.requests), _red(figures.failures), per_second, *shown]


def _red(count: int) -> Text:
    return Text(format_count(count), style="red" if count else "")


def _stages(report: StageReport) -> Table:
    is_open = any(stage.rate is not None for stage in report.stages)
    load = ("rate", "dropped") if is_open else ("users",)
    table = _table("stage", *load, "from", "to", "requests", "failed", "per s", "p95 ms")
    for stage in report.stages:
        table.add_row(
            str(stage.index + 1),
            *((rate(stage.rate), _red(stage.dropped or 0)) if is_open else (format_count(stage.users),)),
            seconds(stage.from_s),
            seconds(stage.to_s),
            format_count(stage.requests),
            _red(stage.failures),
            UNKNOWN if stage.throughput is None else f"{stage.throughput:,.1f}",
            milliseconds(stage.p95_ms),
        )
    return table


def _resources(resources: Mapping[str, Mapping[str, MetricFigures]]) -> Table:
    """What changed, in short; what stood still is in the report."""
    table = _table("resource", "mean", "max", "at peak", "per hour")
    for source, metrics in resources.items():
        table.add_row(Text(plain(source), style="bold"))
        changed = [(metric, one) for metric, one in metrics.items() if one.min != one.max][:_SHOWN_METRICS]
        for metric, one in changed:
            shown = (resource_value(value, metric) for value in (one.mean, one.max, one.at_peak))
            table.add_row(Text(plain(f"  {metric}")), *shown, resource_slope(one.slope_per_h, metric))
        if len(metrics) > len(changed):
            table.add_row(Text(f"  and {len(metrics) - len(changed)} more, in the report", style="dim"))
    return table


def _failures(scenario: ScenarioSummary, failures: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("failed", justify="right", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("for example", overflow="fold")
    examples = failure_examples(failures, scenario.name)
    for kind, count in scenario.figures.failure_kinds.items():
        mine = [example for example in examples if example.kind == kind]
        shown = [plain(f"{one.series}: {one.message}") for one in mine[:_SHOWN_EXAMPLES]]
        cell = Text("\n".join(shown) or "no sample kept")
        if len(mine) > _SHOWN_EXAMPLES:
            cell.append(f"\nand {len(mine) - _SHOWN_EXAMPLES} other messages, in the report", style="dim")
        table.add_row(Text(format_count(count), style="red"), kind, cell)
    return table
