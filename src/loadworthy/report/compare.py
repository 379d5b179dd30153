"""A comparison as text, Markdown and JSON: the verdict first, then the figures, then which runs these were."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from loadworthy.analysis.compared_figures import CAPACITY, ERROR_RATE, THROUGHPUT, Change, ComparedFigure
from loadworthy.analysis.comparison import MOST_RUNS_TOLD, Comparison
from loadworthy.analysis.quantile_shift import QuantileShift
from loadworthy.report.fitting_table import FittingTable
from loadworthy.report.markdown_text import escaped
from loadworthy.report.terminal import NARROWEST
from loadworthy.report.text import MAX_WIDTH, Clamped, plain
from loadworthy.report.words import milliseconds, plural
from loadworthy.units import UNKNOWN

SCHEMA = 1
STYLES = {Change.WORSE: "red", Change.NOT_WORSE: "green", Change.UNDECIDED: "yellow"}
HEADINGS = ("series", "figure", "base", "new", "change", "interval", "verdict")
SHORT_REVISION = 10
_SHOWN_REASONS = 5
_SHOWN_WORDS = 2


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run of one side: its name, verdict, and the git revision that it was made at (``+`` after one with changes)."""

    name: str
    verdict: str
    revision: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class CompareReport:
    """All that is shown. ``warnings`` say what differs besides the service, as clauses; ``shifts`` are for a page."""

    comparison: Comparison
    base: tuple[ComparedRun, ...]
    new: tuple[ComparedRun, ...]
    warnings: tuple[str, ...] = ()
    shifts: tuple[QuantileShift, ...] = ()


def compare_view(report: CompareReport) -> RenderableType:
    """The view for the terminal."""
    verdict = report.comparison.verdict
    badge = Text(f" {verdict.value.upper()} ", style=f"bold white on {STYLES[verdict]}")
    parts: list[RenderableType] = [Text(), Text.assemble(badge, "  ", (headline(report), "bold"))]
    parts += [_bullet(text, "yellow") for text in warned(report)]
    parts += [_bullet(text) for text in reasons(report.comparison)]
    for scenario in dict.fromkeys(one.scenario for one in report.comparison.figures):
        figures = [one for one in report.comparison.figures if one.scenario == scenario]
        parts += [Text(), Text(plain(scenario), style="bold"), Padding(_table(figures), (0, 0, 0, 2), expand=False)]
    if report.comparison.figures:
        parts += [Text(), Text(interval_note(report.comparison), style="dim")]
    parts += [_bullet(text) for text in report.comparison.notes]
    parts += [Text(), *(Text(plain(text)) for text in side_lines(report))]
    return Group(*parts)


def print_compare(console: Console, report: CompareReport) -> None:
    """Print the view no wider than is good to read, and no narrower than its numbers need."""
    width = min(max(console.width, NARROWEST), MAX_WIDTH) if console.is_terminal else MAX_WIDTH
    console.print(Clamped(compare_view(report), width), crop=False, highlight=False)


def compare_text(report: CompareReport, width: int = MAX_WIDTH) -> str:
    """The view as plain text."""
    console = Console(
        file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False, _environ={}
    )
    with console.capture() as captured:
        console.print(Clamped(compare_view(report), width), highlight=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def compare_markdown(report: CompareReport) -> str:
    """The same for a merge request or a job's summary."""
    lines = [f"## {report.comparison.verdict.value.capitalize()}", "", escaped(f"{headline(report)}"), ""]
    lines += [f"- {escaped(text)}" for text in (*warned(report), *reasons(report.comparison))]
    for scenario in dict.fromkeys(one.scenario for one in report.comparison.figures):
        lines += ["", f"### {escaped(scenario)}", "", f"| {' | '.join(HEADINGS)} |", "|---|---|--:|--:|--:|--:|---|"]
        rows = [cells(one) for one in report.comparison.figures if one.scenario == scenario]
        lines += [f"| {' | '.join(escaped(cell) for cell in row)} |" for row in rows]
    lines += ["", interval_note(report.comparison), ""] if report.comparison.figures else [""]
    lines += [f"- {escaped(text.strip())}" for text in (*report.comparison.notes, *side_lines(report))]
    return "\n".join(lines) + "\n"


def compare_json(report: CompareReport) -> str:
    """The same for programs; shares and relative changes are numbers, 0.1 for ten percent."""
    comparison = report.comparison
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "verdict": comparison.verdict.value,
        "tolerance": comparison.tolerance,
        "runs_needed": comparison.runs_needed,
        "figures": [_figure_json(one) for one in comparison.figures],
        "base": [asdict(run) for run in report.base],
        "new": [asdict(run) for run in report.new],
        "warnings": list(report.warnings),
        "notes": list(comparison.notes),
    }
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def headline(report: CompareReport) -> str:
    """The verdict in a sentence."""
    comparison = report.comparison
    runs = f"{plural(len(report.new), 'run')} against {plural(len(report.base), 'run')}"
    count, tolerance = len(comparison.figures), percent(comparison.tolerance)
    if not count:
        return f"{runs}: nothing could be compared"
    some = len(comparison.of(comparison.verdict))
    which = f"{some} of {plural(count, 'figure')} {'is' if some == 1 else 'are'}"
    return {
        Change.WORSE: f"{runs}: {which} worse by more than {tolerance}",
        Change.NOT_WORSE: f"{runs}: none of {plural(count, 'figure')} is worse by more than {tolerance}",
        Change.UNDECIDED: f"{runs}: nothing is shown to be worse by more than {tolerance}, but {which} undecided",
    }[comparison.verdict]


def reasons(comparison: Comparison) -> Iterator[str]:
    """What is worse, what is better, and what would decide the rest, in sentences."""
    worse, better = comparison.of(Change.WORSE), [one for one in comparison.figures if one.better]
    for word, found in (("worse", worse), ("better", better)):
        for one in found[:_SHOWN_REASONS]:
            yield f"{word}: {one.scenario}, {one.series}: {one.figure} {_told(one)}"
        if len(found) > _SHOWN_REASONS:
            yield f"and {len(found) - _SHOWN_REASONS} more are {word}, below"
    needed = comparison.runs_needed
    if needed is not None and comparison.verdict is Change.UNDECIDED:
        many = f"more than {MOST_RUNS_TOLD}" if needed > MOST_RUNS_TOLD else f"about {needed}"
        yield f"{many} runs a side would decide what is open, if it stays as it looks now"


def _told(one: ComparedFigure) -> str:
    shown = cells(one)
    return f"from {shown[2]} to {shown[3]}, {shown[4]} ({shown[5]})"


def warned(report: CompareReport) -> Iterator[str]:
    """What differs besides the service."""
    return (f"note: {text}" for text in report.warnings)


def side_lines(report: CompareReport) -> Iterator[str]:
    """For each side how many runs there were, at which revisions, against what, and which, in two lines."""
    for side, runs in (("base", report.base), ("new", report.new)):
        at = _few([(run.revision or "unknown")[:SHORT_REVISION] for run in runs])
        targets = _few([run.target for run in runs if run.target])
        yield f"{side:4}  {plural(len(runs), 'run')} · revision {at} · {targets or 'no target on record'}"
        if runs:
            yield f"      {runs[0].name}{f' … {runs[-1].name}' if len(runs) > 1 else ''}"


def _few(words: Sequence[str]) -> str:
    """Each once; of many the first and the last."""
    distinct = list(dict.fromkeys(words))
    return ", ".join(distinct) if len(distinct) <= _SHOWN_WORDS else f"{distinct[0]} … {distinct[-1]}"


def interval_note(comparison: Comparison) -> str:
    """How to read the intervals."""
    count = len(comparison.figures)
    together = f" for all {count} figures together (Holm)" if count > 1 else ""
    return (
        "Each end of an interval is wrong with a chance of at most 5 %; the end that decides on worse is so "
        f"far out that this holds{together}."
    )


def _table(figures: Sequence[ComparedFigure]) -> Table:
    table = FittingTable()
    table.add_column(HEADINGS[0], overflow="fold", min_width=12)
    table.add_column(HEADINGS[1], no_wrap=True)
    for heading in HEADINGS[2:6]:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(HEADINGS[6], no_wrap=True)
    before = None
    for one in figures:
        shown = cells(one)
        name = "" if one.series == before else plain(shown[0])
        before = one.series
        table.add_row(Text(name), *shown[1:6], Text(shown[6], style=STYLES[one.verdict]))
    return table


def cells(one: ComparedFigure) -> tuple[str, ...]:
    """A figure in words: a cell for each of :data:`HEADINGS`. What is better is not worse."""
    verdict = "better" if one.better else one.verdict.value
    interval = (
        UNKNOWN if one.low is None or one.high is None else f"{_change(one, one.low)} to {_change(one, one.high)}"
    )
    return (
        one.series,
        one.figure,
        _value(one, one.base),
        _value(one, one.new),
        _change(one, one.change),
        interval,
        verdict,
    )


def _value(one: ComparedFigure, value: float) -> str:
    if one.figure == ERROR_RATE:
        return f"{value * 100:.2f} %"
    return f"{value:,.1f}/s" if one.figure in (THROUGHPUT, CAPACITY) else f"{milliseconds(value)} ms"


def _change(one: ComparedFigure, change: float) -> str:
    """``+3.1 %``; of the error rate in percentage points, ``+0.12 pp``."""
    size = change * 100
    if one.figure == ERROR_RATE:
        return f"{_unsigned_zero(size, 2)} pp"
    return f"{_unsigned_zero(size, 1)} %" if size < 1000 else f"{size / 100 + 1:,.0f} times"


def _unsigned_zero(value: float, digits: int) -> str:
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}" if rounded else f"{0:.{digits}f}"


def percent(share: float) -> str:
    """``5 %``, ``2.5 %``."""
    return f"{share * 100:.4g} %"


def _bullet(text: str, style: str = "") -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_row("  •", Text(plain(text), style=style))
    return grid


def _figure_json(one: ComparedFigure) -> dict[str, Any]:
    data = asdict(one)
    return {**data, "verdict": one.verdict.value, "basis": None if one.basis is None else one.basis.value}
