"""How response times are spread, to the far tail: a percentile curve with what is known of its uncertainty.

The x axis has as much room from 99 to 99.9 as from 90 to 99 (it is logarithmic in what lies above), as the plots of
HdrHistogram have; the y axis is logarithmic, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import TYPE_CHECKING

from loadworthy.analysis.percentile_curve import CurvePoint, PercentileCurve
from loadworthy.report.figures import layers
from loadworthy.report.figures.figure import Columns, Figure, Key
from loadworthy.report.figures.rows import rounded
from loadworthy.report.figures.theme import BLUE, TEAL
from loadworthy.units import format_ms

if TYPE_CHECKING:
    import altair as alt

CURVE, SERVICE = "curve", "curve-service"
_TICKS = (0.5, 0.9, 0.99, 0.999, 0.9999)
_WIDE = 1.25
_ROOM = 1.1
_LEAST_MS = 0.001


def distribution(response: PercentileCurve, service: PercentileCurve | None = None) -> Figure | None:
    """The figure; None where there are too few requests for a curve. ``service`` where it is not the same."""
    import altair as alt

    if len(response.points) < 2:
        return None
    both = [*response.points, *(service.points if service is not None else ())]
    low, high = _range(both)
    keys = [Key("response time", BLUE)]
    data = {CURVE: _columns(response.points, low)}
    if service is not None and service.points:
        keys.append(Key("service time", TEAL, "dashed"))
        data[SERVICE] = _columns(service.points, low)
    x = alt.X(
        "place:Q",
        title=None,
        scale=alt.Scale(nice=False, zero=False),
        axis=percentile_axis(max(one.fraction for one in both)),
    )
    base = alt.Chart(alt.NamedData(CURVE)).encode(x=x)
    band = base.mark_area(opacity=0.2, color=BLUE).encode(y=alt.Y("low:Q"), y2="high:Q")
    lines = [layers.line("ms", key, keys, x, name)[-1] for key, name in zip(keys, data, strict=True)]
    spots = base.mark_point(opacity=0, size=160, color=BLUE).encode(y=alt.Y("ms:Q"), tooltip=alt.Tooltip("words:N"))
    described = layers.plain(alt.layer(band, *lines, spots).properties(height=240))
    layers.log_axis(described, low / _ROOM, high * _ROOM)
    legend = [*keys, Key("95 % interval", BLUE, "area")]
    return Figure("distribution", "Distribution", "ms, by percentile", _words(response), described, data, legend, 240)


def _range(points: Sequence[CurvePoint]) -> tuple[float, float]:
    """The least value that the logarithmic axis has, and the highest; times of 0 ms are drawn at the former."""
    known = [value for one in points for value in (one.ms, one.low_ms, one.high_ms) if value]
    return (min(known), max(known)) if known else (_LEAST_MS, _LEAST_MS * 10)


def _columns(points: Sequence[CurvePoint], low: float) -> Columns:
    return {
        "place": [rounded(place_of(one.fraction)) for one in points],
        "ms": [rounded(max(one.ms, low)) for one in points],
        "low": [None if one.low_ms is None else rounded(max(one.low_ms, low)) for one in points],
        "high": [None if one.high_ms is None else rounded(max(one.high_ms, low)) for one in points],
        "words": [_told(one) for one in points],
    }


def _told(one: CurvePoint) -> str:
    known = f", {format_ms(one.low_ms)} to {format_ms(one.high_ms)}" if one.low_ms and one.high_ms else ""
    return f"{percentile(one.fraction)}: {format_ms(one.ms)}{known}"


def place_of(fraction: float) -> float:
    """Where a fraction stands on the axis."""
    return -log10(1 - fraction) if fraction else 0.0


def percentile(fraction: float) -> str:
    """``p50``, ``p99.9``, ``p99.92``: two digits of what lies above are all that a curve knows."""
    above = max((1 - fraction) * 100, 1e-6)
    return f"p{round(fraction * 100, max(1 - floor(log10(above)), 0)):g}"


def percentile_axis(last: float) -> alt.Axis:
    """The x axis up to a fraction, with ticks at p50, p90, p99 and so on."""
    import altair as alt

    shown = [0.0, *(one for one in _TICKS if one <= last + 1e-9)]
    names = {f"{place_of(one):.3f}": percentile(one) if one else "p0" for one in shown}
    label = f"({_object(names)})[format(datum.value, '.3f')]"
    return alt.Axis(values=[rounded(place_of(one)) or 0.0 for one in shown], labelExpr=label, grid=True)


def _object(names: dict[str, str]) -> str:
    """A literal of Vega's expressions."""
    return "{" + ", ".join(f"'{key}': '{value}'" for key, value in names.items()) + "}"


def _words(curve: PercentileCurve) -> str:
    known = {round(one.fraction, 6): one for one in curve.points}
    told = [
        f"{words} took more than {format_ms(point.ms)}"
        for fraction, words in ((0.5, "Half of the requests"), (0.99, "one in a hundred"), (0.999, "one in a thousand"))
        if (point := known.get(fraction)) is not None
    ]
    text = f"{'; '.join(told)}." if told else ""
    last = curve.points[-1]
    if last.low_ms and last.high_ms and last.high_ms > last.low_ms * _WIDE:
        bounds = f"{format_ms(last.low_ms)} and {format_ms(last.high_ms)}"
        text += f" {percentile(last.fraction)} lies between {bounds}, with 95 % confidence."
    return f"{text} The curve ends where there are too few requests to go on.".strip()
