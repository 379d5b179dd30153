"""Many histograms at once: the same as one by one, and as wary of what is damaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadworthy.record.histogram import HEADER, LAST_BIN, MAX_TRACKABLE_US, Histogram, bin_bounds
from loadworthy.record.many_histograms import (
    HistogramRows,
    HistogramTable,
    bounds_of,
    each_from_bytes,
    from_base64,
    from_bytes,
)

LATENCY = st.one_of(st.integers(0, 300), st.integers(0, MAX_TRACKABLE_US), st.integers(0, 2 * MAX_TRACKABLE_US))
SAMPLES = st.lists(LATENCY, max_size=30)
FEW_OR_MANY = st.lists(SAMPLES, max_size=12)
FRACTIONS = (0.0, 0.5, 0.95, 0.99, 0.999, 1.0)


def rows_of(numbered: Sequence[tuple[int, Sequence[int]]]) -> HistogramRows:
    """Samples under the numbers of their rows."""
    rows = np.array([row for row, _ in numbered], dtype=np.int64)
    return HistogramRows.of([Histogram.of(samples) for _, samples in numbered]).first(rows)


def outcome(unpack: Callable[[], list[Histogram]]) -> list[Histogram] | str:
    """What comes of it, or why nothing does."""
    try:
        return unpack()
    except ValueError as error:
        return str(error)


@given(several=FEW_OR_MANY, busy=st.lists(st.sampled_from([1, 255, 256, 70_000]), max_size=3))
@settings(max_examples=150, deadline=None)
def test_unpacking_many_is_unpacking_each(several: list[list[int]], busy: list[int]) -> None:
    """Empty ones, overflow, narrow and wide gaps and counts beside each other; from bytes and from text."""
    made = [Histogram.of(samples) for samples in several]
    made += [Histogram.of([900, *[5_000_000] * count]) for count in busy]
    packed = [one.to_bytes() for one in made]
    assert from_bytes(packed).histograms() == made
    assert from_base64([one.to_base64() for one in made]).histograms() == made
    assert list(each_from_bytes(packed * 5)) == made * 5


@given(
    several=st.lists(st.lists(LATENCY, min_size=1, max_size=20), min_size=6, max_size=8),
    number=st.integers(0, 5),
    at=st.integers(0, 10_000),
    bit=st.integers(0, 7),
    cut=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_one_that_is_damaged_is_as_if_it_were_alone(
    several: list[list[int]], number: int, at: int, bit: int, cut: bool
) -> None:
    """All are refused where it is refused by itself, with the same words; else all are as they are by themselves."""
    packed = [Histogram.of(samples).to_bytes() for samples in several]
    damaged = bytearray(packed[number])
    damaged[at % len(damaged)] ^= 1 << bit
    packed[number] = bytes(damaged[: at % len(damaged)] if cut else damaged)
    assert outcome(lambda: from_bytes(packed).histograms()) == outcome(lambda: list(map(Histogram.from_bytes, packed)))


def test_text_that_is_no_base64_is_refused() -> None:
    """As it is for a single one."""
    text = Histogram.of([5]).to_base64()
    for bad in (text[:8] + "!" + text[8:], text[:-2] + "!!", text + text):
        with pytest.raises(ValueError):
            from_base64([text] * 6 + [bad])


@pytest.mark.parametrize(("gap_width", "count_width", "used"), [(2, 0, 1), (3, 0, 1), (0, 4, 0), (4, 0, 0), (2, 0, 0)])
def test_widths_that_cannot_be_are_refused(gap_width: int, count_width: int, used: int) -> None:
    """Whether or not there is anything of that width."""
    overflow = 1 - used
    header = HEADER.pack(1, gap_width << 4 | count_width, used, 1, 5, 5, 5, overflow)
    data = header + (5).to_bytes(1 << gap_width, "little") * used + b"\1" * used
    with pytest.raises(ValueError):
        Histogram.from_bytes(data)
    with pytest.raises(ValueError):
        from_bytes([Histogram.of([5]).to_bytes()] * 6 + [data])


@given(several=FEW_OR_MANY)
@settings(max_examples=100, deadline=None)
def test_together_they_are_one_merged(several: list[list[int]]) -> None:
    """Count, sum, extremes, overflow and bins."""
    made = [Histogram.of(samples) for samples in several]
    assert HistogramRows.of(made).together() == Histogram.merged(made)


PIECES = st.lists(
    st.lists(st.tuples(st.integers(0, 20), st.lists(LATENCY, max_size=12)), max_size=12), min_size=1, max_size=6
)


def test_rows_without_any_bin_are_joined() -> None:
    """All of their values are past one hour; others stand before and behind them."""
    past = MAX_TRACKABLE_US + 5
    joined = HistogramTable().joined([rows_of([(1, [past]), (0, [7])]), rows_of([(1, [past + 1]), (2, [9, past])])])
    assert joined.histograms() == [Histogram.of([7]), Histogram.of([past, past + 1]), Histogram.of([9, past])]


def test_what_comes_later_may_be_much_faster_or_slower() -> None:
    """Rows beside it keep what they have."""
    times = [5_000_000, 7, 3_000_000_000, 900_000, 2]
    joined = HistogramTable().joined([rows_of([(0, [time]), (1, [40_000])]) for time in times])
    assert joined.histograms() == [Histogram.of(times), Histogram.of([40_000] * 5)]


def test_bins_without_any_count_are_not_taken_for_those_of_the_next_row() -> None:
    """Nobody writes them, and who reads them must not mix up rows."""
    hollow = HEADER.pack(1, 0, 1, 0, 0, 0, 0, 0) + bytes([9, 0])
    packed = [hollow, *(Histogram.of([number]).to_bytes() for number in range(1, 6))]
    assert HistogramTable().joined([from_bytes(packed)] * 2).histograms() == [
        Histogram.of([number] * 2) for number in range(1, 6)
    ]


@given(several=PIECES, again=PIECES, kept=st.booleans())
@settings(max_examples=150, deadline=None)
def test_joined_rows_are_merged_row_by_row(
    several: list[list[tuple[int, list[int]]]], again: list[list[tuple[int, list[int]]]], kept: bool
) -> None:
    """Rows that come more than once, that are empty or have only overflow; the table can be used again."""
    table = HistogramTable()
    for pieces in (several, again):
        tables = [rows_of(one) for one in pieces]
        joined = table.joined([one.kept_as(one.rows) for one in tables] if kept else tables)
        wanted: dict[int, list[int]] = {}
        for row, samples in (pair for one in pieces for pair in one if pair[1]):
            wanted.setdefault(row, []).extend(samples)
        assert dict(zip(joined.rows.tolist(), joined.histograms(), strict=True)) == {
            row: Histogram.of(samples) for row, samples in sorted(wanted.items())
        }
        assert joined.rows.tolist() == sorted(wanted)


@given(several=st.lists(st.lists(LATENCY, min_size=1, max_size=400), min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_percentiles_of_rows_are_those_of_each(several: list[list[int]]) -> None:
    """To the last digit; the ends are exact, and what has overflowed is the maximum."""
    made = [Histogram.of(samples) for samples in several]
    made.append(Histogram.of([7, 8, *[MAX_TRACKABLE_US + 5] * 5]))
    lines = HistogramRows.of(made).percentiles_us(FRACTIONS)
    assert lines.T.tolist() == [one.percentiles_us(FRACTIONS) for one in made]


def test_percentiles_of_rows_without_any_bin() -> None:
    """All values are past one hour."""
    made = [Histogram.of([MAX_TRACKABLE_US + 9, MAX_TRACKABLE_US + 5])]
    assert HistogramRows.of(made).percentiles_us((0.0, 0.9)).tolist() == [
        [MAX_TRACKABLE_US + 5],
        [MAX_TRACKABLE_US + 9],
    ]


def test_bounds_of_every_bin() -> None:
    """As the function for a single bin has them."""
    low_us, high_us = bounds_of(np.arange(LAST_BIN + 1))
    assert list(zip(low_us.tolist(), high_us.tolist(), strict=True)) == [
        bin_bounds(bin_) for bin_ in range(LAST_BIN + 1)
    ]


def test_what_is_kept_is_a_small_copy() -> None:
    """Three bytes for a bin that holds less than 256, and nothing of a larger array."""
    rows = rows_of([(3, range(1000)), (5, range(2000))])
    kept = rows.kept_as(rows.rows)
    assert (kept.bins.itemsize, kept.counts.itemsize) == (2, 1)
    assert all(one.base is None or one.base.nbytes == one.nbytes for one in (kept.bins, kept.counts, kept.edges))


def test_what_was_merged_keeps_no_larger_array() -> None:
    """A series that comes once in a run must not keep all others of that second."""
    small, _ = rows_of([(0, [5]), (1, range(2000))]).histograms()
    assert [one.base for one in Histogram.merged([small]).used()] == [None, None]
