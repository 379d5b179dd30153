"""The history of scenarios as text and JSON: a line a run, a sparkline of one figure, a sentence for each change."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from loadworthy.analysis.change_points import MIN_PART
from loadworthy.analysis.trend import Trend, TrendChange, TrendPoint
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.fitting_table import FittingTable
from loadworthy.report.sparkline import sparkline
from loadworthy.report.terminal import NARROWEST
from loadworthy.report.text import MAX_WIDTH, STYLES, Clamped, plain
from loadworthy.report.words import milliseconds, plural
from loadworthy.units import UNKNOWN, format_count

SCHEMA = 1
SHORT_REVISION = 8
_SHOWN_RUNS = 40


def history_view(trends: Sequence[Trend], notes: Sequence[str] = ()) -> RenderableType:
    """The view for the terminal; ``notes`` say which runs were passed over, and why."""
    parts: list[RenderableType] = []
    for trend in trends:
        parts += [Text(), Text(plain(_title(trend)), style="bold")]
        parts += [Padding(part, (0, 0, 0, 2), expand=False) for part in _of_trend(trend)]
    if notes:
        parts.append(Text())
    parts += [Text(plain(note), style="yellow") for note in notes]
    return Group(*parts)


def print_history(console: Console, trends: Sequence[Trend], notes: Sequence[str] = ()) -> None:
    """Print the view no wider than is good to read, and no narrower than its numbers need."""
    width = min(max(console.width, NARROWEST), MAX_WIDTH) if console.is_terminal else MAX_WIDTH
    console.print(Clamped(history_view(trends, notes), width), crop=False, highlight=False)


def history_text(trends: Sequence[Trend], notes: Sequence[str] = (), width: int = MAX_WIDTH) -> str:
    """The view as plain text."""
    console = Console(
        file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False, _environ={}
    )
    with console.capture() as captured:
        console.print(Clamped(history_view(trends, notes), width), highlight=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def history_json(folder: str, trends: Sequence[Trend], notes: Sequence[str] = ()) -> str:
    """The same for programs: every run, whether shown or not."""
    data = {
        "schema": SCHEMA,
        "folder": folder,
        "scenarios": [
            {
                "scenario": trend.scenario,
                "series": trend.series or None,
                "figure": trend.figure,
                "runs": [_point_json(point) for point in trend.points],
                "changes": [_change_json(change) for change in trend.changes],
            }
            for trend in trends
        ],
        "notes": list(notes),
    }
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _title(trend: Trend) -> str:
    return f"{trend.scenario}{f' · {trend.series}' if trend.series else ''}  {plural(len(trend.points), 'run')}"


def _of_trend(trend: Trend) -> Iterator[RenderableType]:
    yield _table(trend)
    if len(trend.points) > _SHOWN_RUNS:
        earlier = plural(len(trend.points) - _SHOWN_RUNS, "earlier run")
        yield Text(f"{earlier} not shown; --json has all", style="dim")
    yield Text()
    yield Text(sparkline_of(trend))
    for sentence in change_sentences(trend):
        yield Text(plain(sentence), style="bold")


def _table(trend: Trend) -> Table:
    has_capacity = any("capacity" in point.figures for point in trend.points)
    names = ("requests", "p50 ms", "p95 ms", "p99 ms", "failed", "capacity" if has_capacity else "per s")
    table = FittingTable()
    for name in ("started (UTC)", "revision", "verdict"):
        table.add_column(name, no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    changed = {change.after.run.name for change in trend.changes}
    for point in trend.points[-_SHOWN_RUNS:]:
        figures = point.figures
        times = (milliseconds(figures.get(key)) for key in ("p50", "p95", "p99"))
        cells = [format_count(int(figures.get("requests", 0))), *times]
        cells += [_share(figures.get("error_rate")), _per_s(figures.get("capacity" if has_capacity else "throughput"))]
        table.add_row(
            started(point), Text(plain(revision(point))), _verdict(point.run.verdict), *cells,
            style="bold" if point.run.name in changed else "",
        )  # fmt: skip
    return table


def started(point: TrendPoint) -> str:
    """When a run began, to the second."""
    return plain(point.run.started_at[:19].replace("T", " ")) or UNKNOWN


def revision(point: TrendPoint) -> str:
    """The commit, short; with ``+`` where files had been changed since."""
    if point.run.revision is None:
        return UNKNOWN
    return f"{point.run.revision[:SHORT_REVISION]}{'+' if point.run.dirty else ''}"


def _verdict(verdict: str) -> Text:
    known = {one.value: style for one, style in STYLES.items()}
    return Text(plain(verdict), style=known.get(verdict, ""))


def _share(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share * 100:.2f} %"


def _per_s(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.1f}"


def figure_value(figure: str, value: float) -> str:
    """A figure with its unit."""
    if figure == "error_rate":
        return _share(value)
    if figure in ("throughput", "capacity"):
        return f"{value:,.1f}/s"
    return format_count(int(value)) if figure == "requests" else f"{milliseconds(value)} ms"


def sparkline_of(trend: Trend) -> str:
    """The figure in a line of plain characters, with its least and its most."""
    known = [value for value in trend.values if value is not None]
    name = trend.figure.replace("_", " ")
    if not known:
        return f"{name}: not known in any of these runs"
    least, most = (figure_value(trend.figure, value) for value in (min(known), max(known)))
    return f"{name}  {sparkline(trend.values)}  {least} to {most}"


def change_sentences(trend: Trend) -> list[str]:
    """A sentence for each change of level, and one where there was none, or where there are too few runs to tell."""
    if trend.changes:
        return [_sentence(trend, change) for change in trend.changes]
    known = [
        point
        for point in trend.points
        if trend.figure in point.figures and point.run.verdict != Verdict.INVALID and not point.run.cut_short
    ]
    name = trend.figure.replace("_", " ")
    if len(known) < 2 * MIN_PART:
        runs = plural(len(known), "run")
        return [f"Whether the {name} changed its level is not known: {runs}, and it takes {2 * MIN_PART}."]
    return [f"No change of level in the {name} of {plural(len(known), 'run')}."]


def _sentence(trend: Trend, change: TrendChange) -> str:
    found, name = change.found, trend.figure.replace("_", " ")
    size = "" if found.change is None else f" by {abs(found.change) * 100:.1f} %"
    word = "rose" if found.after > found.before else "fell"
    before, after = (figure_value(trend.figure, value) for value in (found.before, found.after))
    text = f"{name} {word}{size}, from {before} to {after}, with {change.after.run.name}: {_where(change)}."
    if change.other_load:
        text += " The plan of the scenario changed there, too, so this may be the load and not the service."
    return text


def _where(change: TrendChange) -> str:
    before, after = revision(change.before), revision(change.after)
    if change.same_revision:
        dirty = change.before.run.dirty or change.after.run.dirty
        return f"both sides are revision {before}, so " + (
            "a change that was not committed, or not the code" if dirty else "it was not the code"
        )
    if UNKNOWN in (before, after):
        return "the revision is not known"
    return f"revision {after}, after {before}"


def _point_json(point: TrendPoint) -> dict[str, Any]:
    run = point.run
    return {
        "run": run.name,
        "started_at": run.started_at or None,
        "verdict": run.verdict,
        "revision": run.revision,
        "dirty": run.dirty,
        **{key: int(value) if key == "requests" else value for key, value in point.figures.items()},
    }


def _change_json(change: TrendChange) -> dict[str, Any]:
    found = change.found
    return {
        "run": change.after.run.name,
        "previous_run": change.before.run.name,
        "revision": change.after.run.revision,
        "previous_revision": change.before.run.revision,
        "before": found.before,
        "after": found.after,
        "change": found.change,
        "p_value": found.p_value,
        "plan_changed": change.other_load,
    }
