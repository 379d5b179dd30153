"""Which percentiles are told, by how many samples there are."""

from __future__ import annotations

import pytest
from tests.support.runs import series

from loadworthy.analysis.figures import PERCENTILES, Distribution, Figures
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import SeriesInterval


@pytest.mark.parametrize("key", PERCENTILES)
def test_a_percentile_is_told_from_its_fewest_samples_on(key: str) -> None:
    """One sample fewer, and it is null; count, mean and extremes are always told."""
    fewest = min_samples(PERCENTILES[key])
    enough, few = (Distribution.of(Histogram.of([1500] * count)).to_json() for count in (fewest, fewest - 1))
    assert enough[key] == 1.5
    assert few[key] is None
    assert (few["mean"], few["min"], few["max"]) == (1.5, 1.5, 1.5)


def test_nothing_is_null_not_zero() -> None:
    """No request has no times, no error rate, and no rate without a measured time."""
    assert set(Distribution.of(Histogram()).to_json().values()) == {None}
    empty = Figures.of(SeriesInterval("GET", "/"), 0.0)
    assert (empty.error_rate, empty.throughput) == (None, None)
    assert Figures.of(SeriesInterval("GET", "/"), 10.0).throughput == 0


def test_microseconds_are_kept() -> None:
    """Times are ms with three decimals, as exact as they were measured."""
    assert Distribution.of(Histogram.of([1234])).to_json()["max"] == 1.234
    assert Figures.of(series("/", [1234, 1235]), 1.0).response_time_ms.mean == pytest.approx(1.2345, abs=6e-4)
