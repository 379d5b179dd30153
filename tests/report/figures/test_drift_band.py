"""The trend that was judged, as a line with the band in which it lies."""

from __future__ import annotations

from typing import Any

import pytest
from tests.report.searches import drift

from loadworthy.analysis.endurance import DriftReport, MetricDrift
from loadworthy.report.figures.drift_band import trend_columns
from loadworthy.report.figures.figure import Columns

HOUR = 3600.0


def grown(**changes: Any) -> MetricDrift:
    """From 100 MB to 120 MB in two hours, by 5 to 15 MB an hour."""
    facts = {"change": 20e6, "change_share": 0.2, "slope_per_h": 10e6, "low": 5e6, "high": 15e6}
    return drift("memory_bytes", **{**facts, **changes})


def columns_of(one: MetricDrift, scale: float = 1e6, **times: Any) -> tuple[str, Columns]:
    found = trend_columns(one, DriftReport((one,), **{"warm_up_s": 0.0, **times}), 2 * HOUR, scale)
    assert found is not None
    return found


def test_the_line_goes_through_the_middle_and_the_band_too() -> None:
    """In the unit of the figure: there it is narrowest, at the ends as wide as the slopes are apart."""
    label, columns = columns_of(grown())
    assert label == "trend, +10.0 MB per hour"
    assert columns["at_ms"] == [0, 7_200_000]
    assert columns["value"] == [100, 120]
    assert columns["low"] == [95, 115]
    assert columns["high"] == [105, 125]


def test_the_label_has_the_unit_of_our_own_metrics_too() -> None:
    """A p95 that grows does so in ms."""
    times = drift("response_time_p95", source=None, change=20.0, change_share=0.2, slope_per_h=10.0, low=5.0, high=15.0)
    assert columns_of(times, 1.0)[0] == "trend, +10.0 ms per hour"


def test_it_covers_what_was_judged() -> None:
    """From the end of the warm-up to the end of the load."""
    columns = columns_of(grown(), warm_up_s=600.0, until_s=4200.0)[1]
    assert columns["at_ms"] == [600_000, 4_200_000]
    assert columns["value"] == [105, 115], "half as long, so half as far, about the same middle"


def test_what_falls_has_a_band_the_right_way_round() -> None:
    """Low is below high."""
    columns = columns_of(grown(change=-20e6, change_share=-0.2, slope_per_h=-10e6, low=-15e6, high=-5e6))[1]
    assert columns["value"] == [100, 80]
    ends = list(zip(columns["low"], columns["value"], columns["high"], strict=True))
    assert ends == [tuple(sorted(one)) for one in ends]


def test_nothing_is_below_nothing() -> None:
    """The axis begins at 0, and so does what is measured."""
    columns = columns_of(grown(change=-90e6, change_share=-0.9, slope_per_h=-45e6, low=-70e6, high=-5e6))[1]
    assert min(columns["low"]) == 0


@pytest.mark.parametrize(
    "one",
    [
        None,
        grown(change_share=None),
        grown(change_share=0.0),
        grown(change=-20e6, change_share=0.2),
        grown(change=-30e6, change_share=-1.5),
    ],
    ids=["not judged", "unknown start", "no change", "it began below 0", "it ended below 0"],
)
def test_no_trend_where_its_start_is_not_known(one: MetricDrift | None) -> None:
    """A line that nobody can place is not drawn."""
    assert trend_columns(one, DriftReport((), 0.0), HOUR) is None


def test_no_trend_without_a_report_or_time() -> None:
    """Nothing was judged."""
    assert trend_columns(grown(), None, HOUR) is None
    assert trend_columns(grown(), DriftReport((), warm_up_s=HOUR), HOUR) is None
