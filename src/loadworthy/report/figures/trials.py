"""The trials of a search: the rate that was asked against what came of it, the safe load, and where the limit lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.report.figures import layers
from loadworthy.report.figures.course import Limit, limits_in_sight
from loadworthy.report.figures.figure import Columns, Figure, Json, Key
from loadworthy.report.figures.rows import rounded
from loadworthy.report.figures.theme import AMBER, CARD, INK, PURPLE, RED, TEAL
from loadworthy.report.search_words import BAD, GENERATOR, GOOD, TrialRow, bounds, only_objective, trial_rows
from loadworthy.report.words import rate
from loadworthy.units import format_ms, format_ratio

TRIALS, BAND, SAFE = "trials", "band", "safe"
KEYS: dict[str, Key] = {
    GOOD: Key("held", TEAL, "circle"),
    BAD: Key("did not hold", RED, "diamond"),
    GENERATOR: Key("the generator was the limit", PURPLE, "triangle"),
}
"""What a trial says → how it is shown. Marks differ in shape, too: nobody needs to see colours."""

_PERCENTILES = {"p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p99.9": "p999"}
"""As thresholds call them → as figures do."""
_FEWEST_TIMED = 2
_DECADE = 10.0
_ROOM = 0.06


def trials_figure(scenario: ScenarioSummary) -> Figure | None:
    """Each trial by its rate and by the percentile that the objectives are about, or by the share of what was bad where
    they are about none; None where nothing was tried."""
    if scenario.search is None or not scenario.search.capacity.trials:
        return None
    rows = trial_rows(scenario.search.capacity)
    percentile = _percentile(scenario)
    values = {} if percentile is None else _times(rows, percentile)
    if percentile is not None and len(values) >= _FEWEST_TIMED:
        shown = _limits(scenario, percentile, max(values.values()))
        return _figure(scenario, rows, values, (f"{percentile} of each trial", "ms"), shown)
    shares = {row.place: row.share * 100 for row in rows if row.share is not None}
    return _figure(scenario, rows, shares, ("Bad requests in each trial", "%"), _allowed(rows))


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


def _figure(
    scenario: ScenarioSummary,
    rows: Sequence[TrialRow],
    values: dict[int, float],
    names: tuple[str, str],
    limits: Sequence[Limit],
) -> Figure:
    assert scenario.search is not None  # noqa: S101  # trials_figure() asks for it
    capacity = scenario.search.capacity
    low, safe, high = capacity.bounds
    drawn = [row for row in rows if row.place in values]
    rates = [value for value in [*(row.trial.rate for row in drawn), low, safe, high] if value]
    axis = _rates(rates)
    band = [] if low is None or safe is None else [(low, axis[1] if high is None else high)]
    data: dict[str, Columns] = {
        TRIALS: _columns(drawn, values),
        BAND: {"low": [rounded(one[0]) for one in band], "high": [rounded(one[1]) for one in band]},
        SAFE: {
            "rate": [] if safe is None else [rounded(safe)],
            "label": [] if safe is None else [f"safe load {rate(safe)}"],
            "align": [] if safe is None else ["right" if safe > (axis[0] + axis[1]) / 2 else "left"],
        },
        layers.LIMITS: {"label": [one.label for one in limits], "value": [rounded(one.value) for one in limits]},
    }
    said = dict.fromkeys(row.verdict for row in drawn)
    keys = [KEYS[verdict] for verdict in KEYS if verdict in said]
    legend = [*keys, *([Key("the limit lies in here", AMBER, "area")] if band else [])]
    title, unit = names
    words = _words(scenario, rows, values)
    described = _described(keys, axis)
    return Figure("trials", title, f"{unit}, by the iterations begun per second", words, described, data, legend, 260)


def shapes_of(keys: Sequence[Key]) -> list[str]:
    """The shapes of marks, as Vega calls them."""
    return ["triangle-up" if key.shape == "triangle" else key.shape for key in keys]


def _rates(rates: Sequence[float]) -> tuple[float, float, bool]:
    """The x axis: from, to, and whether it is logarithmic, as it is beyond a decade."""
    low, high = min(rates, default=1.0), max(rates, default=1.0)
    if high > low * _DECADE:
        room = (high / low) ** _ROOM
        return low / room, high * room, True
    room = (high - low or high) * _ROOM
    return max(low - room, 0.0), high + room, False


def _described(keys: Sequence[Key], axis: tuple[float, float, bool]) -> Json:
    import altair as alt

    low, high, is_log = axis
    scale = alt.Scale(domain=[low, high], type="log" if is_log else "linear", nice=False)
    x_axis = alt.Axis(format=",~r" if is_log else ",~f", tickCount=8)
    band = (
        alt.Chart(alt.NamedData(BAND))
        .mark_rect(opacity=0.22, color=AMBER)
        .encode(x=alt.X("low:Q", scale=scale, axis=x_axis, title=None), x2="high:Q")
    )
    safe = alt.Chart(alt.NamedData(SAFE)).encode(x=alt.X("rate:Q", scale=scale))
    label: dict[str, Any] = {"dy": 12, "baseline": "top", "fontWeight": 600, "color": INK}
    texts = [
        safe.transform_filter(f"datum.align == '{side}'")
        .mark_text(align=side, dx=-6 if side == "right" else 6, **label)
        .encode(text="label:N", y=alt.value(0))
        for side in ("left", "right")
    ]
    line = safe.mark_rule(color=INK, strokeWidth=1.5)
    labels = [key.label for key in keys]
    spots = (
        alt.Chart(alt.NamedData(TRIALS))
        .mark_point(filled=True, size=90, stroke=CARD, strokeWidth=1, opacity=1)
        .encode(
            x=alt.X("rate:Q", scale=scale),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=True)),
            shape=alt.Shape("said:N", scale=alt.Scale(domain=labels, range=shapes_of(keys))),
            fill=alt.Fill("said:N", scale=layers.colours(keys)),
            tooltip=alt.Tooltip("words:N"),
        )
    )
    return layers.plain(alt.layer(band, *layers.limits(), line, *texts, spots).properties(height=260))


def _columns(rows: Sequence[TrialRow], values: dict[int, float]) -> Columns:
    return {
        "rate": [rounded(row.trial.rate) for row in rows],
        "value": [rounded(values[row.place]) for row in rows],
        "said": [KEYS[row.verdict].label for row in rows],
        "words": [_told(row) for row in rows],
    }


def _told(row: TrialRow) -> str:
    times = row.trial.figures.response_time_ms
    told = f"Trial {row.place} ({row.trial.purpose}): {rate(row.trial.rate)} for {seconds(row.trial.duration_s)}, "
    p95 = "" if times.p95 is None else f"; p95 {format_ms(times.p95)}"
    share = "" if row.nearest is None else f"; {format_ratio(row.share)} bad by {row.nearest.expression}"
    return f"{told}{KEYS[row.verdict].label}{p95}{share}"


def _words(scenario: ScenarioSummary, rows: Sequence[TrialRow], values: dict[int, float]) -> str:
    assert scenario.search is not None  # noqa: S101  # trials_figure() asks for it
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
