"""The closing view of a run in the terminal: verdict and reasons first, then the evidence, then where the files are."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.summary import ScenarioSummary, Summary
from loadworthy.analysis.timeline import TimelineBuilder
from loadworthy.report.search_words import SERIES_NOTE, other_reasons, thresholds_note
from loadworthy.report.terminal import (
    MARKS,
    MAX_WIDTH,
    MIN_WIDTH,
    NARROWEST,
    STYLES,
    Clamped,
    badge,
    indented,
    labelled,
    mark,
    plain,
    reason_line,
)
from loadworthy.report.text_drift import drift_parts
from loadworthy.report.text_over_time import OverTime
from loadworthy.report.text_search import search_head, search_parts
from loadworthy.report.text_tables import (
    failures_table,
    parts_table,
    resources_table,
    series_table,
    stages_table,
    thresholds_table,
)
from loadworthy.report.text_times import times_over_run
from loadworthy.report.words import head_line, health_details, health_line, interval_note, stage_facts

__all__ = [
    "MARKS",
    "MAX_WIDTH",
    "MIN_WIDTH",
    "STYLES",
    "Clamped",
    "badge",
    "closing_view",
    "mark",
    "plain",
    "print_closing_view",
    "render_text",
]

_SHOWN_REASONS = 10
_SHOWN_PARTS = ("iteration", "connect", "tls")
"""Kinds of parts that the terminal has room for; times to the first byte are in the report."""


def closing_view(
    summary: Summary,
    failures: Iterable[Mapping[str, Any]] = (),
    *,
    target: str | None = None,
    files: Sequence[str] = (),
    timeline: TimelineBuilder | None = None,
) -> RenderableType:
    """The whole view.

    Args:
        summary: the judged run.
        failures: the lines of ``failures.jsonl`` (``Run.failures``).
        target: the base URL, for the head line.
        files: where the reports are, one line each.
        timeline: of the run (``Reading.timeline``), for the response time over time.
    """
    lines = list(failures)
    parts: list[RenderableType] = [Text(), _verdict_line(summary, target), *_reasons(summary)]
    for scenario in summary.scenarios.values():
        parts += [Text(), *_scenario(scenario, lines, timeline)]
    parts += [Text(), labelled("Generator", plain(health_line(summary.health)))]
    if details := health_details(summary.health):
        parts.append(labelled("", " · ".join(details)))
    parts += [labelled("Files" if number == 0 else "", file) for number, file in enumerate(files)]
    return Group(*parts)


def print_closing_view(console: Console, summary: Summary, **parts: Any) -> None:
    """Print :func:`closing_view` no wider than is good to read; in a narrow terminal tables become lists."""
    width = min(max(console.width, NARROWEST), MAX_WIDTH) if console.is_terminal else MAX_WIDTH
    console.print(Clamped(closing_view(summary, **parts), width), crop=False, highlight=False)


def render_text(summary: Summary, width: int = MAX_WIDTH, **parts: Any) -> str:
    """The view as plain text, for a file or a log."""
    console = Console(
        file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False, _environ={}
    )
    with console.capture() as captured:
        console.print(Clamped(closing_view(summary, **parts), min(width, MAX_WIDTH)), highlight=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def _verdict_line(summary: Summary, target: str | None) -> Text:
    facts = [summary.run, "" if summary.duration_s is None else seconds(summary.duration_s), target or ""]
    return Text.assemble(badge(summary.verdict), "  ", (plain(" · ".join(fact for fact in facts if fact)), "bold"))


def _reasons(summary: Summary) -> Iterator[RenderableType]:
    for reason in summary.reasons[:_SHOWN_REASONS]:
        grid = Table.grid(padding=(0, 1))
        grid.add_column()
        grid.add_column(overflow="fold")
        grid.add_row("  •", Text(plain(reason)))
        yield grid
    if (more := len(summary.reasons) - _SHOWN_REASONS) > 0:
        yield Text(f"    and {more} more, below and in the report", style="dim")


def _scenario(
    scenario: ScenarioSummary, failures: Sequence[Mapping[str, Any]], timeline: TimelineBuilder | None
) -> Iterator[RenderableType]:
    kind = f"  {scenario.kind} · {scenario.workload} workload"
    yield Text.assemble(mark(scenario.verdict), " ", (plain(scenario.name), "bold"), (kind, "dim"))
    if not scenario.ran:
        yield Text("  never ran", style="dim")
        return
    yield indented(Text(head_line(scenario)), above=0)
    if timeline is not None and (steps := times_over_run(scenario, timeline)):
        yield indented(OverTime(steps), above=0)
    yield from search_head(scenario)
    yield from (reason_line(reason) for reason in other_reasons(scenario))
    yield from _thresholds(scenario)
    yield from search_parts(scenario)
    yield from drift_parts(scenario)
    yield from _evidence(scenario)
    if scenario.figures.failures:
        yield indented(failures_table(scenario, failures))


def _thresholds(scenario: ScenarioSummary) -> Iterator[RenderableType]:
    if scenario.search is not None:
        yield indented(Text(f"Thresholds {thresholds_note(scenario.search.capacity)}:", style="dim"))
    yield indented(thresholds_table(scenario.thresholds), above=0 if scenario.search else 1)
    if note := interval_note(scenario.thresholds):
        yield indented(Text(plain(note), style="dim"), above=0)


def _evidence(scenario: ScenarioSummary) -> Iterator[RenderableType]:
    """What was measured, from all sides."""
    if scenario.series and scenario.search is not None:
        yield indented(Text(SERIES_NOTE, style="dim"))
    if scenario.series:
        yield indented(series_table(scenario), above=0 if scenario.search else 1)
    if shown := [(name, one) for name, one in scenario.parts.items() if one.kind in _SHOWN_PARTS]:
        yield indented(parts_table(shown))
    if scenario.stages is not None:
        yield indented(stages_table(scenario.stages))
        for fact in stage_facts(scenario.stages):
            yield indented(Text(plain(fact)), above=0)
    if scenario.resources:
        yield indented(resources_table(scenario.resources))
