"""The drift of an endurance in the closing view: a row for each metric that was judged, and what could not be."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from loadworthy.analysis.endurance import DriftReport
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.report.drift_words import change, drift_remarks, slope, slope_interval, to_limit
from loadworthy.report.fitting_table import FittingTable
from loadworthy.report.terminal import indented, mark, plain

_NO_SOURCE = "seen by the users"


def drift_parts(scenario: ScenarioSummary) -> Iterator[RenderableType]:
    """The table and the remarks below it. ``change`` is what it came to over the run."""
    if scenario.drift is None:
        return
    if scenario.drift.metrics:
        yield indented(_table(scenario.drift))
    else:
        yield Text()
    yield from (indented(Text(plain(remark), style="dim"), above=0) for remark in drift_remarks(scenario))


def _table(report: DriftReport) -> FittingTable:
    has_limits = any(one.limit is not None for one in report.metrics)
    table = FittingTable()
    table.add_column("")
    table.add_column("drift", overflow="fold", min_width=12)
    for heading in ("per hour", "95 % interval", "change", *(["limit in"] if has_limits else [])):
        table.add_column(heading, justify="right")
    for source in dict.fromkeys(one.source for one in report.metrics):
        table.add_row("", Text(plain(source or _NO_SOURCE), style="bold"))
        for one in (one for one in report.metrics if one.source == source):
            cells = (slope(one), slope_interval(one), change(one), *([to_limit(one)] if has_limits else []))
            table.add_row(mark(one.verdict), Text(plain(one.metric)), *cells)
    return table
