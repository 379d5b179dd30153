"""Two sides of runs: how far each percentile moved, with how sure that is, and what is tolerated."""

from __future__ import annotations

from loadworthy.analysis.quantile_shift import QuantileShift, ShiftPoint
from loadworthy.report.figures import layers
from loadworthy.report.figures.distribution import percentile, percentile_axis, place_of
from loadworthy.report.figures.figure import Columns, Figure, Key
from loadworthy.report.figures.rows import rounded
from loadworthy.report.figures.theme import BLUE, INK
from loadworthy.units import format_ms

SHIFT = "shift"
_HEIGHT = 220
_TAIL_FROM = 0.9
_BAND_IN_SIGHT, _LEAST_SIGHT = 2.0, 0.001
_SHOWN = 4


def shift_figure(shift: QuantileShift, tolerance: float, key: str) -> Figure:
    """The change of each percentile in percent, above 0 where the new side is slower."""
    import altair as alt

    axis = percentile_axis(max(one.fraction for one in shift.points))
    x = alt.X("place:Q", title=None, scale=alt.Scale(nice=False, zero=False), axis=axis)
    base = alt.Chart(alt.NamedData(SHIFT)).encode(x=x)
    y = alt.Y("low:Q", title=None, scale=alt.Scale(domain=_sight(shift, tolerance)))
    band = base.mark_area(opacity=0.2, color=BLUE, clip=True).encode(y=y, y2="high:Q")
    line = base.mark_line(color=BLUE).encode(y=alt.Y("change:Q"))
    spots = base.mark_point(filled=True, size=70, color=BLUE, opacity=1).encode(
        y=alt.Y("change:Q"), tooltip=alt.Tooltip("words:N")
    )
    zero = alt.Chart(alt.NamedData("zero")).mark_rule(color=INK).encode(y=alt.Y("value:Q"))
    chart = alt.layer(zero, band, *layers.limits(), line, spots).properties(height=_HEIGHT)
    data: dict[str, Columns] = {
        SHIFT: _columns(shift),
        "zero": {"value": [0]},
        layers.LIMITS: {"label": [f"tolerated: {tolerance * 100:.4g} %"], "value": [rounded(tolerance * 100)]},
    }
    keys = [Key("change of the percentile", BLUE), Key("95 % interval", BLUE, "area")]
    return Figure(
        key, f"{shift.scenario}: what moved", "% slower, by percentile", _words(shift),
        layers.plain(chart), data, keys, _HEIGHT,
    )  # fmt: skip


def _sight(shift: QuantileShift, tolerance: float) -> list[float]:
    """From where to where the y axis goes, in percent: the intervals of few runs would flatten the line in them."""
    changes = [0.0, tolerance, *(one.change for one in shift.points)]
    reach = max(max(changes) - min(changes), tolerance) * _BAND_IN_SIGHT
    bounds = [value for one in shift.points for value in (one.low, one.high) if value is not None]
    low = max(min([*changes, *bounds]), min(changes) - reach)
    high = min(max([*changes, *bounds]), max(changes) + reach)
    return [low * 100, max(high, low + _LEAST_SIGHT) * 100]


def _columns(shift: QuantileShift) -> Columns:
    points = shift.points
    return {
        "place": [rounded(place_of(one.fraction)) for one in points],
        "change": [rounded(one.change * 100) for one in points],
        "low": [None if one.low is None else rounded(one.low * 100) for one in points],
        "high": [None if one.high is None else rounded(one.high * 100) for one in points],
        "words": [_told(one) for one in points],
    }


def _told(one: ShiftPoint) -> str:
    sure = "" if one.low is None or one.high is None else f" ({one.low * 100:+.1f} to {one.high * 100:+.1f} %)"
    values = f"{format_ms(one.base_ms)} to {format_ms(one.new_ms)}"
    return f"{percentile(one.fraction)}: {values}, {one.change * 100:+.1f} %{sure}"


def _words(shift: QuantileShift) -> str:
    """Where it moved: everywhere, in the tail, or nowhere that can be told from chance."""
    told = "Above 0 the new side is slower."
    points = shift.points
    if any(one.low is None for one in points):
        return f"{told} Nothing is known of the spread from run to run, so there is no interval."
    moved = [one for one in points if (one.low or 0.0) > 0 or (one.high or 0.0) < 0]
    if not moved:
        return f"{told} No percentile, looked at by itself, moved by more than the spread from run to run."
    low, high = (limit(one.change * 100 for one in moved) for limit in (min, max))
    by = f"{low:+.1f} %" if round(low, 1) == round(high, 1) else f"{low:+.1f} to {high:+.1f} %"
    if len(moved) == len(points):
        return f"{told} The whole distribution moved, by {by}."
    if moved[0].fraction >= _TAIL_FROM and moved[-1] is points[-1]:
        return f"{told} The tail alone moved, from {percentile(moved[0].fraction)} on, by {by}."
    where = ", ".join(percentile(one.fraction) for one in moved[:_SHOWN])
    more = f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
    return f"{told} What moved, each looked at by itself: {where}{more}, by {by}."
