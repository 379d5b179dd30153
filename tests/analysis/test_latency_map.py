"""The heat map: every request once, at its time and in its row, in a picture of readable size."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.runs import interval, series

from loadworthy.analysis.latency_map import MOST_COLUMNS, MOST_ROWS, LatencyMap, latency_map
from loadworthy.analysis.timeline import TimelineBuilder
from loadworthy.record.histogram import MAX_TRACKABLE_US
from loadworthy.record.interval import Interval


def map_of(*intervals: Interval) -> LatencyMap | None:
    builder = TimelineBuilder()
    for one in intervals:
        builder.add(one)
    return latency_map(builder, "load")


LATENCY = st.one_of(st.integers(0, 50), st.integers(0, 10_000_000), st.integers(0, 2 * MAX_TRACKABLE_US))


@given(
    pieces=st.lists(st.tuples(st.integers(0, 20_000), st.lists(LATENCY, max_size=8)), min_size=1, max_size=12),
    untimed=st.integers(0, 3),
)
@settings(max_examples=150, deadline=None)
def test_every_request_with_a_time_is_in_one_cell(pieces: list[tuple[int, list[int]]], untimed: int) -> None:
    """However long the run and however far apart the times are; rows and columns are few, and cells in order."""
    found = map_of(*(interval(second, series("/a", times, untimed=untimed)) for second, times in pieces))
    total = sum(len(times) for _, times in pieces)
    if not total:
        assert found is None
        return
    assert found is not None
    assert sum(requests for *_, requests in found.cells) == total
    assert all(requests > 0 for *_, requests in found.cells)
    assert list(found.cells) == sorted(found.cells)
    assert len(found.edges_ms) - 1 <= MOST_ROWS
    assert len({at_s for at_s, *_ in found.cells}) <= MOST_COLUMNS
    assert list(found.edges_ms) == sorted(set(found.edges_ms))
    assert {row for _, row, _ in found.cells} <= set(range(len(found.edges_ms) - 1))


@given(pieces=st.lists(st.tuples(st.integers(0, 500), st.integers(2, 10_000_000)), min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
def test_a_request_is_in_the_cell_of_its_time(pieces: list[tuple[int, int]]) -> None:
    """Its column holds the second in which it was done, its row the time that it took, to the width of a bin."""
    found = map_of(interval(0), *(interval(second, series("/a", [time_us])) for second, time_us in pieces))
    assert found is not None
    for second, time_us in pieces:
        rows = [row for at_s, row, _ in found.cells if at_s <= second < at_s + found.step_s]
        assert any(found.edges_ms[row] * 0.999 <= time_us / 1000 <= found.edges_ms[row + 1] * 1.001 for row in rows), (
            second,
            time_us,
        )


@pytest.mark.parametrize(
    ("times", "per_ten"),
    [
        ((5_000, 9_000), 40),
        ((1_000, 50_000), 20),
        ((1_000, 900_000), 10),
        ((10, 10_000_000), 5),
        ((1, MAX_TRACKABLE_US), 4),
    ],
)
def test_rows_are_even_on_a_logarithmic_scale(times: tuple[int, int], per_ten: int) -> None:
    """As many for each power of ten as fit, and each power has an edge of its own."""
    found = map_of(interval(0, series("/a", times)))
    assert found is not None
    steps = [math.log10(high / low) for low, high in pairwise(found.edges_ms)]
    assert steps == pytest.approx([1 / per_ten] * len(steps), rel=0.1)
    low, high = found.edges_ms[0], found.edges_ms[-1]
    powers = [10.0**power for power in range(-3, 8) if low <= 10.0**power <= high]
    assert set(powers) <= set(found.edges_ms)
    assert low <= times[0] / 1000 <= times[-1] / 1000 <= high


def test_an_hour_in_half_minutes() -> None:
    """The shortest round step that leaves few enough columns."""
    found = map_of(*(interval(second, series("/a", [1000])) for second in range(0, 3600, 5)))
    assert found is not None
    assert found.step_s == 30
    assert [at_s for at_s, *_ in found.cells] == list(range(0, 3600, 30))


def test_its_form_in_json() -> None:
    """Plain lists."""
    found = map_of(interval(0, series("/a", [1000, 1000, 1049])))
    assert found is not None
    assert found.to_json() == {"step_s": 1, "edges_ms": [1.0, 1.06], "cells": [[0, 0, 3]]}


def test_nothing_to_show() -> None:
    """A scenario that never ran, or whose requests have no times."""
    assert map_of() is None
    assert map_of(interval(0, series("/a", untimed=3))) is None
