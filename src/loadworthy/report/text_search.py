"""The search for a capacity in the closing view: what was found, the trials, where things broke, what came after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from loadworthy.analysis.capacity import CapacityReport
from loadworthy.analysis.ending import seconds
from loadworthy.analysis.summary import Reason, ScenarioSummary
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.fitting_table import FittingTable
from loadworthy.report.search_words import (
    BAD,
    GENERATOR,
    GOOD,
    TRIAL_MARKS,
    TrialRow,
    after_search,
    finding,
    generator_notes,
    only_objective,
    place_of,
    trial_rows,
)
from loadworthy.report.terminal import STYLES, indented, number_table, plain, reason_line
from loadworthy.report.words import as_sentence, milliseconds, rate
from loadworthy.units import UNKNOWN, format_ratio

_STYLES = {GOOD: "green", BAD: "red", GENERATOR: "magenta"}
_SHOWN_BREAKING_POINTS = 12


def search_head(scenario: ScenarioSummary) -> Iterator[RenderableType]:
    """What the search found, in one line."""
    if scenario.search is not None:
        found = finding(scenario, scenario.search)
        style = "bold" if found.verdict is Verdict.PASS else f"bold {STYLES[found.verdict]}"
        yield indented(Text(plain(as_sentence(found.text)), style=style), above=0)


def search_parts(scenario: ScenarioSummary) -> Iterator[RenderableType]:
    """The trials, the breaking points, and for a stress the overload and the recovery."""
    if scenario.search is None:
        return
    capacity = scenario.search.capacity
    if capacity.trials:
        rows = trial_rows(capacity)
        yield indented(_trials(rows))
        yield from (indented(Text(plain(note), style="magenta"), above=0) for note in generator_notes(rows))
    if capacity.breaking_points:
        yield indented(_breaking_points(capacity))
    if after := after_search(scenario, scenario.search):
        yield Text()
        yield from (reason_line(Reason(one.verdict, as_sentence(one.text))) for one in after)


def _trials(rows: Sequence[TrialRow]) -> FittingTable:
    """In the order in which they were run. The objective has a column of its own where it is not always the same."""
    only = only_objective(rows)
    table = FittingTable()
    table.add_column("")
    for heading in ("trial", "rate", "length", "p95 ms", "p99 ms"):
        table.add_column(heading, justify="left" if heading == "trial" else "right", no_wrap=True)
    table.add_column("bad", justify="right", no_wrap=True)
    table.add_column(f"allowed by\n{plain(only)}" if only else "allowed", justify="right", min_width=7)
    if only is None:
        table.add_column("by", overflow="fold")
    for row in rows:
        times = row.trial.figures.response_time_ms
        objective = [] if only else [Text(plain(row.nearest.expression)) if row.nearest else Text(UNKNOWN)]
        table.add_row(
            Text(TRIAL_MARKS[row.verdict], style=f"bold {_STYLES[row.verdict]}"),
            Text(f"{row.place:>2} {row.trial.purpose}"),
            rate(row.trial.rate),
            seconds(row.trial.duration_s),
            milliseconds(times.p95),
            milliseconds(times.p99),
            Text(format_ratio(row.share), style=_STYLES[row.verdict] if row.verdict != GOOD else ""),
            format_ratio(row.allowed),
            *objective,
            style="bold" if row.is_safe_load else "",
        )
    return table


def _breaking_points(capacity: CapacityReport) -> FittingTable:
    table = number_table("breaks first", "at", "trial", "bad")
    table.add_column("in", overflow="fold")
    for point in capacity.breaking_points[:_SHOWN_BREAKING_POINTS]:
        place = place_of(capacity, point.trial)
        table.add_row(
            Text(plain(point.what)),
            rate(point.rate),
            UNKNOWN if place is None else str(place),
            format_ratio(point.share),
            Text(plain(point.series or "all together")),
        )
    if (more := len(capacity.breaking_points) - _SHOWN_BREAKING_POINTS) > 0:
        table.add_row(Text(f"and {more} more, in the report", style="dim"))
    return table
