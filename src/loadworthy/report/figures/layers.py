"""What charts are put together from, in Altair's words.

Layers name their data set and hold no data, so that a page can give them more while it is looked at. The time axis is
in ms since the scenario began, on a UTC scale: that gives ticks at whole seconds, minutes and hours at any zoom. What
part of it is shown is a parameter of the chart, ``span``, which a page sets; None shows what there is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from loadworthy.report.figures.figure import Columns, Json, Key
from loadworthy.report.figures.rows import AT, TIMELINE
from loadworthy.report.figures.theme import INK, RED, SOFT

if TYPE_CHECKING:
    import altair as alt

SPAN = "span"
LIMITS, MARKS = "limits", "marks"
_FEWEST_TICKS, _MOST_TICKS = 2, 9
_ALL_DIGITS = (1, 2, 3, 4, 5, 6, 7, 8, 9)
_DASH, _LIMIT_DASH = [5, 4], [6, 4]
_TICKS = f"max(2, min(width / 90, {SPAN} ? ({SPAN}[1] - {SPAN}[0]) / 1000 : width))"
"""As many as there is room for, and none between two seconds."""
_WHOLE = "datum.value % 1 ? '' : format(datum.value, ',')"
"""There is no half of a user."""
_MOMENT = (
    "(floor(+datum.value / 36e5) ? floor(+datum.value / 36e5) + ':' : '') + "
    "utcFormat(+datum.value, +datum.value >= 36e5 ? '%M:%S' : '%-M:%S') + "
    "(+datum.value % 1000 ? slice(utcFormat(+datum.value, '.%L'), 0, 2) : '')"
)
"""``0:05``, ``2:30``, ``1:00:00``: the time of the scenario, which may go on for days."""


@contextmanager
def trusted() -> Iterator[None]:
    """Charts that are made meanwhile are not held against Vega-Lite's schema, which takes as long as all else.

    The tests make every one of them with that check.
    """
    from altair.utils import schemapi

    with schemapi.debug_mode(False):
        yield


def time_axis(field: str = AT) -> alt.X:
    """The x axis of charts over time; it begins with the scenario, not with the middle of its first step."""
    import altair as alt

    return alt.X(
        f"{field}:T",
        title=None,
        scale=alt.Scale(type="utc", domainMin=alt.ExprRef("0"), domainRaw=alt.ExprRef(SPAN)),
        axis=alt.Axis(labelExpr=_MOMENT, tickCount=alt.ExprRef(_TICKS), labelOverlap=True),
    )


def span(end_ms: float | None) -> alt.Parameter:
    """What part of the time is shown: at first all of it, to the end of the scenario where that is known."""
    import altair as alt

    return alt.param(name=SPAN, value=None if end_ms is None else [0, end_ms])


def colours(keys: Sequence[Key]) -> alt.Scale:
    """The scale from labels to colours."""
    import altair as alt

    return alt.Scale(domain=[key.label for key in keys], range=[key.colour for key in keys])


def line(column: str, key: Key, keys: Sequence[Key], x: alt.X, data: str = TIMELINE) -> list[alt.Chart]:
    """A line of one column, in the colour of its key; over an area where the key says so."""
    import altair as alt

    base = named(alt.Chart(alt.NamedData(data)), key).encode(x=x, y=alt.Y(f"{column}:Q"))
    scale = colours(keys)
    parts = []
    if key.shape == "area":
        # A fill by the same scale, without a legend, would take the legend from the lines, too.
        parts.append(base.mark_area(clip=True, opacity=0.15).encode(fill=alt.value(key.colour)))
    dash: Any = _DASH if key.shape == "dashed" else alt.Undefined
    drawn = base.mark_line(clip=True, point=False, invalid="break-paths-show-path-domains", strokeDash=dash)
    parts.append(drawn.encode(stroke=alt.Stroke("key:N", scale=scale)))
    return parts


def spots(column: str, key: Key, x: alt.X, data: str = TIMELINE) -> alt.Chart:
    """The points of one column that have no neighbour."""
    import altair as alt

    near = {f"{op}_{column}": f"{op}({column})" for op in ("lag", "lead")}
    alone = " && ".join([f"isValid(datum.{column})", *(f"!isValid(datum.{name})" for name in near)])
    chart = alt.Chart(alt.NamedData(data)).transform_window(**near).transform_filter(alone)  # type: ignore[arg-type]
    points: alt.Chart = chart.mark_point(clip=True, filled=True, opacity=1, size=28)
    return points.encode(x=x, y=alt.Y(f"{column}:Q"), fill=alt.value(key.colour))


def named(chart: alt.Chart, key: Key) -> alt.Chart:
    """The chart, all of whose rows are of this key: so it has its colour, and its place in a legend."""
    return chart.transform_calculate(key=json.dumps(key.label))


def limits(data: str = LIMITS) -> list[alt.Chart]:
    """Dashed lines across the chart: the data set has ``label`` and ``value``."""
    import altair as alt

    base = alt.Chart(alt.NamedData(data)).encode(y="value:Q")
    text = base.mark_text(align="right", baseline="top", dx=-4, dy=3, fontSize=12).encode(
        x=alt.value("width"), text="label:N", color=alt.value(INK)
    )
    rule = base.mark_rule(strokeDash=_LIMIT_DASH, opacity=0.65).encode(color=alt.value(INK))
    return [rule, text]


def marks() -> tuple[list[alt.Chart], list[alt.Chart]]:
    """What happened, behind and above the lines: stretches in which thresholds were missed, and moments.

    The data set :data:`MARKS` has ``at_ms``, ``to_ms`` (None for a moment) and ``bad``; stretches that overlap are one
    in ``shade_ms`` and ``shade_to_ms``, for no shade is darker than another.
    """
    import altair as alt

    base = alt.Chart(alt.NamedData(MARKS))
    x = time_axis()
    bands = (
        base.transform_filter("isValid(datum.shade_ms)")
        .mark_rect(clip=True, opacity=0.09)
        .encode(x=time_axis("shade_ms"), x2="shade_to_ms:T", color=alt.value(RED))
    )
    colour = alt.condition("datum.bad", alt.value(RED), alt.value(SOFT))
    rules = (
        base.transform_filter("!isValid(datum.to_ms)")
        .mark_rule(clip=True, strokeDash=[2, 3], opacity=0.8)
        .encode(x=x, color=colour)
    )
    return [bands], [rules]


def over_time(
    layers: Sequence[alt.Chart],
    *,
    height: int,
    end_ms: float | None,
    with_limits: bool = False,
    top: float | None = None,
    whole_numbers: bool = False,
) -> Json:
    """The description of a chart over time, with room for marks, and for limits where it has some."""
    import altair as alt

    behind, above = marks()
    parts = [*behind, *layers, *above, *(limits() if with_limits else ())]
    chart = alt.layer(*parts).properties(height=height).add_params(span(end_ms))
    described = plain(chart)
    _share_axis(described, top, whole_numbers=whole_numbers)
    return described


def _share_axis(described: Json, top: float | None, *, whole_numbers: bool) -> None:
    """One axis for all layers: what the first says, all say. Its unit stands in the title."""
    for layer in described["layer"]:
        y = layer.get("encoding", {}).get("y")
        if y is not None and "field" in y:
            y["title"] = None
            y["scale"] = {"zero": True, **({} if top is None else {"domainMax": top})}
            if whole_numbers:
                y["axis"] = {"labelExpr": _WHOLE}


def log_axis(described: Json, low: float, high: float) -> None:
    """A logarithmic y axis for all layers, with lines at 1, 2 and 5, or at 1 alone where it spans much."""
    for layer in described["layer"]:
        y = layer["encoding"]["y"]
        y["title"] = None
        y["scale"] = {"type": "log", "domain": [low, high], "nice": False}
        y["axis"] = {"values": _log_ticks(low, high), "format": ",~r"}


def _log_ticks(low: float, high: float) -> list[float]:
    """Round values: all digits where there are few, else 1, 2 and 5, or 1 alone; even steps where there are none."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in (_ALL_DIGITS, (1, 2, 5), (1,)):
        found = [value for one in decades for digit in digits if low <= (value := digit * 10.0**one) <= high]
        if len(found) <= _MOST_TICKS:
            break
    if len(found) < _FEWEST_TICKS:
        step = 10.0 ** math.floor(math.log10((high - low) / 2))
        step *= max(math.ceil((high - low) / step / _MOST_TICKS), 1)
        found = [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return [round(value, 9) for value in found]


def plain(chart: alt.TopLevelMixin) -> Json:
    """The description alone: the look and the size are somebody else's."""
    from altair.utils import schemapi

    described: Json = chart.to_dict(validate=schemapi.DEBUG_MODE)  # on but for charts that are trusted
    for key in ("config", "$schema", "width"):
        described.pop(key, None)
    return described


def no_limits() -> Columns:
    """The data set of a chart that has none."""
    return {"label": [], "value": []}
