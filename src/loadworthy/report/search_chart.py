"""The trials of a search as a chart: the rate that was asked against what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.report.charts import Limit, Line
from loadworthy.report.scatter import Mark, Scatter, Shape, svg
from loadworthy.report.scenario_charts import DrawnChart, limits_in_sight
from loadworthy.report.search_words import (
    BAD,
    GENERATOR,
    GOOD,
    TrialRow,
    bounds,
    only_objective,
    trial_rows,
)
from loadworthy.report.words import rate
from loadworthy.units import format_ms, format_ratio

_STYLES: dict[str, tuple[str, Shape, str]] = {
    GOOD: ("held", "circle", "held"),
    BAD: ("broke", "diamond", "did not hold"),
    GENERATOR: ("unfit", "triangle", "the generator was the limit"),
}
"""What a trial says → its CSS class, its shape, and its words."""

_PERCENTILES = {"p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p99.9": "p999"}
"""As thresholds call them → as figures do."""
_FEWEST_TIMED = 2


def search_chart(scenario: ScenarioSummary) -> DrawnChart | None:
    """Each trial by its rate and by the percentile that the objectives are about, or by the share of what was bad where
    they are about none; None where nothing was tried."""
    if scenario.search is None or not scenario.search.capacity.trials:
        return None
    rows = trial_rows(scenario.search.capacity)
    percentile = _percentile(scenario)
    values = {} if percentile is None else _times(rows, percentile)
    if percentile is not None and len(values) >= _FEWEST_TIMED:
        limits = _limits(scenario, percentile, max(values.values()))
        return _drawn(scenario, rows, values, (f"{percentile} of each trial", "ms"), limits)
    shares = {row.place: row.share * 100 for row in rows if row.share is not None}
    return _drawn(scenario, rows, shares, ("Bad requests in each trial", "%"), _allowed(rows))


def _percentile(scenario: ScenarioSummary) -> str | None:
    """That of the first objective on response times, as thresholds call it."""
    for result in scenario.thresholds:
        threshold = parse_threshold(result.expression)
        if threshold.metric == "response_time" and threshold.aggregate in _PERCENTILES:
            return threshold.aggregate
    return None


def _times(rows: Sequence[TrialRow], percentile: str) -> dict[int, float]:
    """Place of the trial → ms, without those of too few requests."""
    known = {row.place: getattr(row.trial.figures.response_time_ms, _PERCENTILES[percentile]) for row in rows}
    return {place: value for place, value in known.items() if value is not None}


def _limits(scenario: ScenarioSummary, percentile: str, highest: float) -> list[Limit]:
    mine = [one for one in scenario.thresholds if parse_threshold(one.expression).aggregate == percentile]
    return limits_in_sight(mine, highest)


def _allowed(rows: Sequence[TrialRow]) -> list[Limit]:
    only = only_objective(rows)
    allowed = next((row.allowed for row in rows if row.allowed is not None), None)
    return [] if only is None or allowed is None else [Limit(f"allowed by {only}", allowed * 100)]


def _drawn(
    scenario: ScenarioSummary,
    rows: Sequence[TrialRow],
    values: dict[int, float],
    title: tuple[str, str],
    limits: Sequence[Limit],
) -> DrawnChart:
    assert scenario.search is not None  # noqa: S101  # search_chart() asks for it
    capacity = scenario.search.capacity
    marks = [_mark(row, values[row.place]) for row in rows if row.place in values]
    low, safe, high = capacity.bounds
    band = None if low is None or safe is None else (low, high)
    line = None if safe is None else (safe, f"safe load {rate(safe)}")
    chart = Scatter(*title, marks, limits, band, line)
    said = dict.fromkeys(row.verdict for row in rows)
    legend = [Line(_STYLES[verdict][2], _STYLES[verdict][0], ()) for verdict in _STYLES if verdict in said]
    legend += [Line("the limit lies in here", "within", ())] if band else []
    unit = f"{chart.unit}, by the iterations begun per second"
    return DrawnChart(chart.title, unit, legend, svg(chart), _note(scenario, rows, values), chart.height)


def _mark(row: TrialRow, value: float) -> Mark:
    style, shape, words = _STYLES[row.verdict]
    times = row.trial.figures.response_time_ms
    told = (
        f"Trial {row.place} ({row.trial.purpose}): {rate(row.trial.rate)} for {seconds(row.trial.duration_s)}, {words}"
    )
    p95 = "" if times.p95 is None else f"; p95 {format_ms(times.p95)}"
    share = "" if row.nearest is None else f"; {format_ratio(row.share)} bad by {row.nearest.expression}"
    return Mark(row.trial.rate, value, style, shape, f"{told}{p95}{share}", row.is_safe_load)


def _note(scenario: ScenarioSummary, rows: Sequence[TrialRow], values: dict[int, float]) -> str:
    """What there is to see."""
    assert scenario.search is not None  # noqa: S101  # search_chart() asks for it
    capacity = scenario.search.capacity
    told = "Each mark is a trial at one rate: a circle where the objectives held, a diamond where one broke."
    if any(row.verdict == GENERATOR for row in rows):
        told += " A triangle says nothing of the target: the generator was the limit."
    if capacity.rate is not None and capacity.confirmed is not None:
        is_confirmed = capacity.result.ended in ("found", "max_rate")
        which = "the highest rate that was confirmed" if is_confirmed else "the highest rate that held"
        told += f" The line is the safe load: {which}, in a trial of {seconds(capacity.confirmed.duration_s)}."
        told += f" The limit lies in the band, {bounds(capacity)}."
    missing = [str(row.place) for row in rows if row.place not in values]
    if missing:
        numbers = f"trial{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        told += f" Not drawn, for want of requests: {numbers}."
    return told
