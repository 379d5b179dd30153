"""Runs one after another: a figure for each scenario that ran more than once, so that a change of level shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loadworthy.analysis.verdict import Verdict
from loadworthy.report.figures import layers
from loadworthy.report.figures.figure import Columns, Figure, Key
from loadworthy.report.figures.rows import rounded
from loadworthy.report.figures.theme import AMBER, BLUE, CARD, PURPLE, RED, TEAL
from loadworthy.report.figures.trials import shapes_of
from loadworthy.report.words import plural, rate
from loadworthy.units import format_ms

if TYPE_CHECKING:
    from loadworthy.report.several_trend import TrendRow

RUNS = "runs"
_SHOWN = 200
_VERDICTS = {
    Verdict.PASS: Key("pass", TEAL, "circle"),
    Verdict.FAIL: Key("fail", RED, "diamond"),
    Verdict.UNDECIDED: Key("undecided", AMBER, "triangle"),
    Verdict.INVALID: Key("invalid", PURPLE, "triangle"),
}


def trend_figures(rows: Sequence[TrendRow]) -> list[Figure]:
    """One for each scenario with two runs or more, by its p95, or by its capacity; ``rows`` have the newest first."""
    found = []
    for place, name in enumerate(dict.fromkeys(row.scenario for row in rows), 1):
        mine = [row for row in reversed(rows) if row.scenario == name][-_SHOWN:]
        is_search = any(row.capacity is not None for row in mine)
        values = [(row, row.capacity if is_search else row.p95_ms) for row in mine]
        known = [(row, value) for row, value in values if value is not None]
        if len(known) > 1:
            found.append(_figure(f"trend-{place}", name, known, is_search))
    return found


def _figure(key: str, name: str, known: Sequence[tuple[TrendRow, float]], is_search: bool) -> Figure:
    import altair as alt

    unit = "iterations per second" if is_search else "ms"
    said = dict.fromkeys(row.verdict for row, _ in known)
    keys = [_VERDICTS[verdict] for verdict in _VERDICTS if verdict.value in said]
    scale = layers.colours(keys)
    base = alt.Chart(alt.NamedData(RUNS)).encode(
        x=alt.X(
            "place:Q", title=None, axis=alt.Axis(tickMinStep=1, format="d"), scale=alt.Scale(nice=False, padding=12)
        ),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=True)),
    )
    line = base.mark_line(color=BLUE)
    spots = base.mark_point(filled=True, size=80, stroke=CARD, strokeWidth=1, opacity=1).encode(
        fill=alt.Fill("verdict:N", scale=scale),
        shape=alt.Shape("verdict:N", scale=alt.Scale(domain=[one.label for one in keys], range=shapes_of(keys))),
        tooltip=alt.Tooltip("words:N"),
    )
    chart = layers.plain(alt.layer(line, spots).properties(height=180))
    title = f"{name}: {'capacity' if is_search else 'p95'} of each run"
    return Figure(key, title, unit, _words(known, is_search), chart, {RUNS: _columns(known, is_search)}, keys, 180)


def _columns(known: Sequence[tuple[TrendRow, float]], is_search: bool) -> Columns:
    return {
        "place": list(range(1, len(known) + 1)),
        "value": [rounded(value) for _, value in known],
        "verdict": [row.verdict for row, _ in known],
        "words": [f"{row.run}: {_value(value, is_search)}, {row.verdict}" for row, value in known],
    }


def _words(known: Sequence[tuple[TrendRow, float]], is_search: bool) -> str:
    (_, last), (_, before) = known[-1], known[-2]
    change = f", {(last / before - 1) * 100:+.0f} % against the one before" if before else ""
    return (
        f"{plural(len(known), 'run')}, the newest on the right: {_value(last, is_search)}{change}. "
        "Whether the level changed, and with which commit, says `loadworthy history`."
    )


def _value(value: float, is_search: bool) -> str:
    return rate(value) if is_search else format_ms(value)
