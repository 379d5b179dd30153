"""A timeline as columns: gaps stay gaps, what is not known stays unknown, and everything is JSON."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.figures.courses import opened, second

from loadworthy.analysis.timeline import SeriesSecond
from loadworthy.report.figures.rows import kinds_columns, kinds_of, rounded, series_columns, timeline_columns


def test_a_row_stands_at_the_middle_of_its_step() -> None:
    """In ms of the scenario, with rates per second, times in ms and shares in percent."""
    columns = timeline_columns(
        [opened(0, failures=25, failure_rate=12.5, cpu=0.315, loop_lag_ms=1.25), opened(2, requests=0, dropped=3.0)], 2
    )
    assert columns["at_ms"] == [1000, 3000]
    assert columns["requests"] == [100, 100]
    assert columns["failed"] == [12.5, 0]
    assert columns["error_rate"] == [25, None], "of no requests no share fails"
    assert columns["cpu"] == [31.5, None]
    assert columns["loop_lag"] == [1.25, None]
    assert (columns["intended"], columns["begun"], columns["dropped"]) == ([100, 100], [100, 100], [0, 3])
    assert (columns["p50"], columns["p95"], columns["p99"]) == ([10, 10], [20, 20], [30, 30])
    assert columns["users"] == [10, 10]


def test_a_gap_is_an_empty_row() -> None:
    """One, however long it is; a line is broken there."""
    columns = timeline_columns([second(0), second(1), second(6), second(7)], 1)
    assert columns["at_ms"] == [500, 1500, 2500, 6500, 7500]
    assert columns["requests"] == [100, 100, None, 100, 100]
    for name, values in columns.items():
        assert len(values) == 5, name


def test_what_is_not_known_stays_unknown() -> None:
    """Percentiles of too few requests, and the arrivals of a closed workload."""
    columns = timeline_columns([second(0, p99_ms=None)], 1)
    assert (columns["p95"], columns["p99"], columns["intended"]) == ([20], [None], [None])


def test_nothing_has_no_rows() -> None:
    """But all columns, for rows that come later."""
    columns = timeline_columns([], 1)
    assert {"at_ms", "requests", "failed", "p99", "users", "cpu"} <= set(columns)
    assert not any(columns.values())


def test_one_series_takes_the_place_of_the_timeline() -> None:
    """In the same columns, at the same moments."""
    points = [SeriesSecond(4, 12.5, 0.5, 10.0, None, None)]
    columns = series_columns(points, 2)
    assert columns["at_ms"] == timeline_columns([second(4)], 2)["at_ms"]
    assert set(columns) <= set(timeline_columns([], 2))
    assert (columns["requests"], columns["failed"], columns["p50"], columns["p95"]) == ([12.5], [0.5], [10], [None])


def test_kinds_of_failure_have_a_row_for_each_step() -> None:
    """Also where there were none: what is stacked must have something to stand on."""
    seconds = [second(0, failure_kinds={"status": 2.0}), second(1), second(2, failure_kinds={"timeout_read": 1.0})]
    columns = kinds_columns(seconds, 1, ["status", "timeout_read"])
    rows = list(zip(columns["at_ms"], columns["kind"], columns["rate"], strict=True))
    assert rows == [
        (500, "status", 2), (500, "timeout_read", 0), (1500, "status", 0), (1500, "timeout_read", 0),
        (2500, "status", 0), (2500, "timeout_read", 1),
    ]  # fmt: skip


def test_a_gap_is_no_slope_of_failures() -> None:
    """What is stacked falls to nothing at the one end of a gap, and rises at the other."""
    failed = {"failure_kinds": {"status": 3.0}}
    columns = kinds_columns([second(0, **failed), second(6, **failed)], 1, ["status"])
    assert list(zip(columns["at_ms"], columns["rate"], strict=True)) == [(500, 3), (1500, 0), (5500, 0), (6500, 3)]


def test_the_most_frequent_kind_comes_first() -> None:
    """Those that are as frequent, by name."""
    seconds = [
        second(0, failure_kinds={"status": 1.0, "assertion": 2.0}),
        second(1, failure_kinds={"status": 4.0, "connect": 2.0}),
    ]
    assert kinds_of(seconds) == ["status", "assertion", "connect"]
    assert kinds_of([second(0)]) == []


@pytest.mark.parametrize("kind", ["constructor", "__proto__", "\u2028", "<b>", ""])
def test_kinds_that_nobody_knows_are_others(kind: str) -> None:
    """A text from elsewhere does not get into a chart's description, and is counted all the same."""
    seconds = [second(0, failure_kinds={kind: 2.0, "status": 1.0, f"{kind}s": 0.5})]
    assert kinds_of(seconds) == ["other", "status"]
    assert kinds_columns(seconds, 1, kinds_of(seconds)) == {
        "at_ms": [500, 500], "kind": ["other", "status"], "rate": [2.5, 1],
    }  # fmt: skip


@given(st.floats(-1e300, 1e300))
def test_rounding_is_not_seen(value: float) -> None:
    """Five digits; whole numbers are written without a point, and everything is JSON that Vega takes."""
    short = rounded(value)
    assert short == pytest.approx(value, rel=1e-4)
    assert json.loads(json.dumps(short, allow_nan=False)) == short
    assert type(short) is float or abs(value) < 2**53


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_unknown(value: float | None) -> None:
    """A monitor may have read anything."""
    assert rounded(value) is None
