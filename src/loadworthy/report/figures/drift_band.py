"""The trend that was judged, over what was measured: a line, and the band in which it lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.endurance import DriftReport, MetricDrift
from loadworthy.report.drift_words import slope
from loadworthy.report.figures import layers
from loadworthy.report.figures.figure import Columns, Key
from loadworthy.report.figures.rows import AT, rounded
from loadworthy.report.figures.theme import INK

TREND = "trend"
_S_PER_H = 3600


def trend_layers(key: Key, keys: Sequence[Key], x: Any) -> list[Any]:
    """A line with the band in which its slope lies."""
    import altair as alt

    band = (
        alt.Chart(alt.NamedData(TREND))
        .mark_area(clip=True, opacity=0.12, color=INK)
        .encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    )
    return [band, *layers.line("value", key, keys, x, TREND)]


def trend_columns(
    one: MetricDrift | None, drift: DriftReport | None, duration_s: float, scale: float = 1.0
) -> tuple[str, Columns] | None:
    """The label and the data set of a trend; None where it is not known where the metric began.

    The line goes through the middle of what was judged; the band's edges have the slopes between which the true one
    lies, with 95 %, through the same point.
    """
    if one is None or drift is None or not one.change_share:
        return None
    first = one.change / one.change_share
    from_s, to_s = drift.warm_up_s, duration_s if drift.until_s is None else drift.until_s
    if min(first, first + one.change) < 0 or to_s <= from_s:
        return None
    half_h = (to_s - from_s) / _S_PER_H / 2
    middle = first + one.change / 2
    ends = [(from_s, -half_h), (to_s, half_h)]
    spreads = [sorted((middle + one.low * hours, middle + one.high * hours)) for _, hours in ends]
    columns: Columns = {
        AT: [round(at_s * MS_PER_S) for at_s, _ in ends],
        "value": [rounded((middle + one.slope_per_h * hours) / scale) for _, hours in ends],
        "low": [rounded(max(low, 0.0) / scale) for low, _ in spreads],
        "high": [rounded(high / scale) for _, high in spreads],
    }
    return f"trend, {slope(one)} per hour", columns
