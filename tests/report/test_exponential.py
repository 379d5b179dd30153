"""Exponential buckets: every request in one, the one of its value, and no more buckets than receivers keep."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.record.histogram import MAX_TRACKABLE_US, Histogram
from loadworthy.report.exponential import (
    HIGHEST_SCALE,
    MOST_BUCKETS,
    ExponentialBuckets,
    exponential_buckets,
    scale_for,
)

VALUES = st.lists(st.integers(0, MAX_TRACKABLE_US) | st.integers(0, 3000), min_size=1, max_size=100)


def edges_s(found: ExponentialBuckets, place: int) -> tuple[float, float]:
    """The lower and upper end of a bucket."""
    width = 2.0**-found.scale
    return 2.0 ** ((found.offset + place) * width), 2.0 ** ((found.offset + place + 1) * width)


@given(VALUES)
def test_each_value_is_in_its_bucket(values_us: list[int]) -> None:
    """To the width of one of our bins; the counts add up, and both ends are in use."""
    histogram = Histogram.of(values_us)
    found = exponential_buckets(histogram, scale_for(histogram))
    assert sum(found.counts) + found.zero_count == histogram.count
    assert found.zero_count == values_us.count(0)
    assert len(found.counts) <= MOST_BUCKETS + 1
    remaining = sorted(value / 1e6 for value in values_us if value)
    for place, count in enumerate(found.counts):
        low_s, high_s = edges_s(found, place)
        mine, remaining = remaining[:count], remaining[count:]
        assert all(low_s * 0.999 <= value <= high_s * 1.001 for value in mine)
    if found.counts:
        assert found.counts[0] > 0 < found.counts[-1]


def test_the_upper_end_belongs_to_a_bucket() -> None:
    """At scale 0 the ends are powers of two seconds."""
    places = {value: exponential_buckets(Histogram.of([value]), 0).offset
              for value in (990_000, 1_010_000, 4_096_000_000, 4_096_000_001)}  # fmt: skip
    assert list(places.values()) == [-1, 0, 11, 12]


@pytest.mark.parametrize(
    ("values_us", "scale"),
    [([5000], HIGHEST_SCALE), ([1, MAX_TRACKABLE_US], 2), ([1000, 2000], 7), ([0], HIGHEST_SCALE)],
)
def test_the_scale_is_as_fine_as_the_range_allows(values_us: list[int], scale: int) -> None:
    """One step finer would take too many buckets, or be finer than anybody keeps."""
    histogram = Histogram.of(values_us)
    assert scale_for(histogram) == scale
    doublings = math.log2(max(values_us[-1], 1) / max(values_us[0], 1))
    assert scale == HIGHEST_SCALE or doublings * 2 ** (scale + 1) >= MOST_BUCKETS - 1


def test_what_lies_beyond_an_hour_counts_where_the_highest_lies() -> None:
    """And nothing at all is no bucket."""
    histogram = Histogram.of([1_000_000, MAX_TRACKABLE_US * 3])
    found = exponential_buckets(histogram, 0)
    assert (found.offset, found.counts[0], found.counts[-1], len(found.counts)) == (0, 1, 1, 14)
    assert exponential_buckets(Histogram(), 3) == ExponentialBuckets(3, 0, (), 0)
