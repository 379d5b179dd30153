"""A comparison as one page that needs nothing else: the verdict, what moved, every figure, which runs these were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadworthy.analysis.compared_figures import Change, ComparedFigure
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.compare import (
    HEADINGS,
    ComparedRun,
    CompareReport,
    cells,
    headline,
    interval_note,
    reasons,
    warned,
)
from loadworthy.report.figures.shift import shift_figure
from loadworthy.report.harmless import utf8
from loadworthy.report.html import report_environment
from loadworthy.report.html_page import CHARTS, REPORT, TABLES, FigureGroup, scripts_of

_COLOURS = {Change.WORSE: Verdict.FAIL, Change.NOT_WORSE: Verdict.PASS, Change.UNDECIDED: Verdict.UNDECIDED}
"""A comparison's verdict → the verdict whose colour and mark it has."""


@dataclass(frozen=True, slots=True)
class _Row:
    cells: Sequence[str]
    said: Verdict
    values: Sequence[float | None]
    """What base, new and change sort by."""


@dataclass(frozen=True, slots=True)
class _Side:
    name: str
    runs: Sequence[ComparedRun]


def compare_html(report: CompareReport) -> str:
    """The page."""
    comparison = report.comparison
    figures = [
        shift_figure(shift, comparison.tolerance, f"shift-{place}") for place, shift in enumerate(report.shifts, 1)
    ]
    group = FigureGroup("compared", figures)
    scenarios = dict.fromkeys(one.scenario for one in comparison.figures)
    text: str = (
        report_environment()
        .get_template("compare.html.j2")
        .render(
            verdict=comparison.verdict.value,
            colour=_COLOURS[comparison.verdict],
            headline=headline(report),
            warnings=list(warned(report)),
            reasons=list(reasons(comparison)),
            headings=HEADINGS,
            tables={name: [_row(one) for one in comparison.figures if one.scenario == name] for name in scenarios},
            note=interval_note(comparison) if comparison.figures else "",
            notes=comparison.notes,
            drawn=list(group.drawn().values()),
            sides=[_Side("Base", report.base), _Side("New", report.new)],
            scripts=scripts_of([group] if figures else [], CHARTS, TABLES, REPORT),
        )
    )
    return utf8(text)


def _row(one: ComparedFigure) -> _Row:
    said = Verdict.PASS if one.better else _COLOURS[one.verdict]
    return _Row(cells(one), said, (one.base, one.new, one.change))
