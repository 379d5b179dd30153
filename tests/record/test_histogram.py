"""Histograms against sorted lists: percentiles, merging, the codec."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadworthy.record.histogram import HEADER, MAX_TRACKABLE_US, Histogram, bin_bounds, bin_index, bin_indices
from loadworthy.record.many_histograms import from_base64

LATENCY = st.one_of(st.integers(0, 5000), st.integers(0, MAX_TRACKABLE_US), st.integers(0, 2 * MAX_TRACKABLE_US))
SAMPLES = st.lists(LATENCY, max_size=300)
FRACTIONS = st.one_of(st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]), st.floats(0, 1))


def naive_percentile(samples: list[int], fraction: float) -> int:
    """The nearest rank of a sorted list."""
    return sorted(samples)[max(math.ceil(fraction * len(samples) - 1e-9), 1) - 1]


@given(value=st.integers(0, MAX_TRACKABLE_US))
def test_a_bin_holds_its_value_and_is_narrow(value: int) -> None:
    """Bounds enclose the value, within 0.1 % of it, exact below 2,048 µs."""
    low, high = bin_bounds(bin_index(value))
    assert low <= value <= high
    assert high - low <= value / 1024
    assert bin_indices(np.array([value])).tolist() == [bin_index(value)]


@given(value=st.integers(0, MAX_TRACKABLE_US - 1))
def test_bins_are_in_order_and_without_holes(value: int) -> None:
    """The next value lies in the same bin or in the next one."""
    assert bin_index(value + 1) - bin_index(value) in (0, 1)


@given(samples=SAMPLES, fraction=FRACTIONS)
@settings(max_examples=300)
def test_percentiles_are_those_of_the_sorted_list(samples: list[int], fraction: float) -> None:
    """Within 0.05 % of the nearest-rank value; exact at both ends; the maximum where the rank has overflowed."""
    got = Histogram.of(samples).percentile_us(fraction)
    if not samples:
        assert got is None
        return
    wanted = naive_percentile(samples, fraction)
    if wanted > MAX_TRACKABLE_US:
        assert got == max(samples)
    else:
        assert got == pytest.approx(wanted, rel=0.0005, abs=0)


@given(samples=SAMPLES)
def test_count_sum_and_extremes_are_exact(samples: list[int]) -> None:
    """Overflow included: nothing is dropped."""
    histogram = Histogram.of(samples)
    assert (histogram.count, histogram.sum_us) == (len(samples), sum(samples))
    assert histogram.overflow == sum(sample > MAX_TRACKABLE_US for sample in samples)
    if samples:
        assert (histogram.min_us, histogram.max_us) == (min(samples), max(samples))
        assert histogram.mean_us == pytest.approx(sum(samples) / len(samples))
    else:
        assert histogram.mean_us is None


@given(parts=st.lists(SAMPLES, max_size=5), seed=st.randoms())
def test_merging_is_recording_everything(parts: list[list[int]], seed: object) -> None:
    """In any order and grouping, a merged histogram equals one of all samples."""
    everything = Histogram.of([sample for part in parts for sample in part])
    histograms = [Histogram.of(part) for part in parts]
    assert Histogram.merged(histograms) == everything
    assert Histogram.merged(reversed(histograms)) == everything
    assert Histogram.merged([Histogram.merged(histograms[:2]), Histogram.merged(histograms[2:])]) == everything


@given(samples=SAMPLES)
def test_codec_round_trip(samples: list[int]) -> None:
    """Through bytes and through text; the copy goes on counting as the original would."""
    histogram = Histogram.of(samples)
    copy = Histogram.from_bytes(histogram.to_bytes())
    assert copy == histogram
    assert Histogram.from_base64(histogram.to_base64()) == histogram
    copy.merge(histogram)
    assert copy == Histogram.of(samples + samples)


@given(counts=st.lists(st.sampled_from([1, 255, 256, 70_000]), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_codec_widths(counts: list[int]) -> None:
    """Counts beyond one and two bytes survive."""
    histogram = Histogram()
    for number, count in enumerate(counts):
        histogram.record_many(np.full(count, 10 ** (number + 2), dtype=np.int64))
    assert Histogram.from_bytes(histogram.to_bytes()) == histogram


@given(data=st.binary(max_size=120))
def test_decoding_anything_else_is_a_value_error(data: bytes) -> None:
    """Whatever the bytes are, there is no other exception."""
    try:
        Histogram.from_bytes(data)
    except ValueError:
        return
    assert len(data) >= 46


@given(samples=st.lists(LATENCY, min_size=1, max_size=50), at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_never_escapes_as_another_error(samples: list[int], at: int, bit: int) -> None:
    """It is refused, or it is a histogram that can be used; it never crashes later."""
    data = bytearray(Histogram.of(samples).to_bytes())
    data[at % len(data)] ^= 1 << bit
    try:
        histogram = Histogram.from_bytes(bytes(data))
    except ValueError:
        return
    histogram.percentiles_us((0.5, 0.99))
    histogram.merge(Histogram.of(samples))


@given(samples=st.lists(LATENCY, min_size=1, max_size=30), cut=st.integers(1, 40))
def test_a_cut_histogram_is_refused(samples: list[int], cut: int) -> None:
    """Fewer bytes are not a smaller histogram."""
    data = Histogram.of(samples).to_bytes()
    with pytest.raises(ValueError, match="histogram"):
        Histogram.from_bytes(data[:-cut])


@given(samples=SAMPLES, limit=st.integers(0, MAX_TRACKABLE_US))
def test_count_above(samples: list[int], limit: int) -> None:
    """Exact up to the limit's own bin."""
    above = Histogram.of(samples).count_above(limit)
    edge = bin_bounds(bin_index(limit))[1]
    assert above == sum(sample > edge for sample in samples)


def test_a_negative_latency_is_refused() -> None:
    """A clock that ran backwards must not become a fast request."""
    with pytest.raises(ValueError, match="negative"):
        Histogram.of([5, -1])


def test_bins_list_what_was_recorded() -> None:
    """Ascending, with counts; overflow is not among them."""
    assert Histogram.of([7, 5, 7, MAX_TRACKABLE_US + 1]).bins() == [(5, 5, 1), (7, 7, 2)]


@given(parts=st.lists(SAMPLES, max_size=80), packed=st.booleans())
@settings(max_examples=60, deadline=None)
def test_many_at_once_are_the_same_as_one_after_another(parts: list[list[int]], packed: bool) -> None:
    """Whether they were recorded here or read from bytes, and onto what was there before."""
    histograms = [Histogram.of(part) for part in parts]
    if packed:
        histograms = [Histogram.from_bytes(one.to_bytes()) for one in histograms]
    total, single = Histogram.of([7, 70_000]), Histogram.of([7, 70_000])
    total.merge_all(one for one in histograms)
    for one in histograms:
        single.merge(one)
    assert total == single
    assert total.percentiles_us((0.0, 0.5, 0.99, 1.0)) == single.percentiles_us((0.0, 0.5, 0.99, 1.0))


@given(samples=SAMPLES, more=SAMPLES, fraction=FRACTIONS, limit=st.integers(0, 2 * MAX_TRACKABLE_US))
def test_what_was_read_answers_as_what_was_recorded(
    samples: list[int], more: list[int], fraction: float, limit: int
) -> None:
    """Percentiles, counts and bins; and what was merged from it stays as it is when it goes on counting."""
    recorded = Histogram.of(samples)
    copy = Histogram.from_bytes(recorded.to_bytes())
    total = Histogram.merged([copy])
    assert copy.percentile_us(fraction) == recorded.percentile_us(fraction)
    assert copy.count_above(limit) == recorded.count_above(limit)
    assert copy.bins() == recorded.bins()
    copy.merge(Histogram.of(more))
    assert total == recorded


@pytest.mark.parametrize("field", ["count", "sum_us", "min_us", "max_us"])
def test_figures_beyond_reason_are_refused(field: str) -> None:
    """They could not be added up."""
    data = bytearray(Histogram.of([5, 7]).to_bytes())
    at = 6 + 8 * ["count", "sum_us", "min_us", "max_us"].index(field)
    data[at + 7] |= 0x80
    with pytest.raises(ValueError, match="histogram"):
        Histogram.from_bytes(bytes(data))


def test_gaps_wider_than_any_can_be_are_refused() -> None:
    """A gap of eight bytes could lead back to before the first bin."""
    gaps = np.array([10, 2**64 - 4], dtype="<u8").tobytes()
    header = HEADER.pack(1, 3 << 4, 2, 2, 20, 6, 10, 0)
    with pytest.raises(ValueError, match="past one hour"):
        Histogram.from_bytes(header + gaps + bytes([1, 1]))


@given(
    samples=SAMPLES, more=st.lists(LATENCY, min_size=1, max_size=9), how=st.sampled_from(["record", "merge", "many"])
)
def test_what_was_read_is_written_as_it_is_now(samples: list[int], more: list[int], how: str) -> None:
    """The text that it was read from, until more is added in whatever way."""
    text = Histogram.of(samples).to_base64()
    (copy,) = from_base64([text]).histograms([text])
    assert copy.to_base64() is text
    if how == "record":
        copy.record_many(np.array(more, dtype=np.int64))
    elif how == "merge":
        copy.merge(Histogram.of(more))
    else:
        copy.merge_all([Histogram.of([one]) for one in more])
    assert copy.to_base64() == Histogram.of(samples + more).to_base64()
