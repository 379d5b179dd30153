"""A mergeable latency histogram: log-linear, three significant digits, 1 µs to 1 h.

The scheme is HdrHistogram's (Gil Tene), with 2048 exact values and then 1024 bins for each doubling::

    shift = max(bit_length(v) - 11, 0)          index = (shift << 10) + (v >> shift)

so 0..2047 µs are exact, and above that a bin is at most v/1024 wide: reporting its middle errs by less than 0.05 %.
Count, sum, minimum and maximum are exact. Values past one hour keep their place in count, sum and maximum and are
counted in :attr:`Histogram.overflow`; nothing is dropped and nothing wraps. Merging adds counts, so it loses nothing
and any order gives the same result; percentiles themselves are never averaged.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

MAX_TRACKABLE_US = 3_600_000_000
"""One hour; a larger value is counted as overflow."""

_SUB_BUCKET_BITS = 10
_EXACT_BITS = _SUB_BUCKET_BITS + 1
_HEADER = struct.Struct("<BBIQQQQQ")
_CODEC_VERSION = 1
_COUNT_DTYPES = ("<u1", "<u2", "<u4", "<u8")
_EMPTY = np.zeros(0, dtype=np.int64)


def bin_index(value_us: int) -> int:
    """The bin of one value (0 ≤ value ≤ MAX_TRACKABLE_US)."""
    shift = max(value_us.bit_length() - _EXACT_BITS, 0)
    return (shift << _SUB_BUCKET_BITS) + (value_us >> shift)


def bin_indices(values_us: Int64Array) -> Int64Array:
    """The bins of many values at once; same shape as the input."""
    # frexp's exponent is the bit length, exact for integers below 2**53.
    shifts = np.maximum(np.frexp(values_us.astype(np.float64))[1].astype(np.int64) - _EXACT_BITS, 0)
    indices: Int64Array = (shifts << _SUB_BUCKET_BITS) + (values_us >> shifts)
    return indices


def bin_bounds(index: int) -> tuple[int, int]:
    """The lowest and highest integer value (inclusive) of a bin."""
    shift = max((index >> _SUB_BUCKET_BITS) - 1, 0)
    low = (index - (shift << _SUB_BUCKET_BITS)) << shift
    return low, low + (1 << shift) - 1


class Histogram:
    """Counts of integer microseconds. Mutable; :meth:`merge` and :meth:`record_many` add in place.

    One that was read from bytes keeps only the bins in use, until something asks for all of them: a report merges some
    hundred thousand of those into a few, and an array over the whole range for each would be most of the work.
    """

    __slots__ = ("_dense", "_sparse", "count", "max_us", "min_us", "overflow", "sum_us")

    def __init__(self) -> None:
        self._dense: Int64Array = _EMPTY
        self._sparse: tuple[Int64Array, Int64Array] | None = None
        self.count = 0
        self.sum_us = 0
        self.min_us = 0
        self.max_us = 0
        self.overflow = 0

    @classmethod
    def of(cls, values_us: Iterable[int]) -> Histogram:
        """A histogram of these values."""
        histogram = cls()
        histogram.record_many(np.fromiter(values_us, dtype=np.int64))
        return histogram

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Histogram:
        """A new histogram that holds all of them."""
        total = cls()
        for histogram in histograms:
            total.merge(histogram)
        return total

    def record_many(self, values_us: Int64Array) -> None:
        """Add values; an int64 array of any length. Raises ValueError on a negative value."""
        if not values_us.size:
            return
        low, high = int(values_us.min()), int(values_us.max())
        if low < 0:
            raise ValueError(f"a latency cannot be negative: {low} us")
        self._note_extremes(low, high, self.count == 0)
        self.count += int(values_us.size)
        self.sum_us += int(values_us.sum())
        if high > MAX_TRACKABLE_US:
            inside = values_us[values_us <= MAX_TRACKABLE_US]
            self.overflow += int(values_us.size - inside.size)
            values_us = inside
        if values_us.size:
            self._add_counts(np.bincount(bin_indices(values_us)).astype(np.int64, copy=False))

    def merge(self, other: Histogram) -> None:
        """Add all that the other holds."""
        if not other.count:
            return
        self._note_extremes(other.min_us, other.max_us, self.count == 0)
        self.count += other.count
        self.sum_us += other.sum_us
        self.overflow += other.overflow
        if other._sparse is not None:
            self._add_bins(*other._sparse)
        else:
            self._add_counts(other._dense)

    def _note_extremes(self, low: int, high: int, first: bool) -> None:
        self.min_us = low if first else min(self.min_us, low)
        self.max_us = high if first else max(self.max_us, high)

    @property
    def _counts(self) -> Int64Array:
        """The count of every bin up to the highest in use."""
        if self._sparse is not None:
            bins, counts = self._sparse
            self._sparse = None
            self._dense = _EMPTY
            self._add_bins(bins, counts)
        return self._dense

    def _grown_to(self, size: int) -> Int64Array:
        counts = self._counts
        if size > counts.size:
            self._dense = np.zeros(size, dtype=np.int64)
            self._dense[: counts.size] = counts
        return self._dense

    def _add_counts(self, counts: Int64Array) -> None:
        self._grown_to(counts.size)[: counts.size] += counts

    def _add_bins(self, bins: Int64Array, counts: Int64Array) -> None:
        if bins.size:
            self._grown_to(int(bins[-1]) + 1)[bins] += counts

    @property
    def mean_us(self) -> float | None:
        """The exact mean, or None when empty."""
        return self.sum_us / self.count if self.count else None

    def percentile_us(self, fraction: float) -> float | None:
        """The nearest-rank percentile: the middle of the bin that holds the ⌈fraction·n⌉-th smallest value.

        Args:
            fraction: 0..1; 0 gives the exact minimum, 1 the exact maximum.

        Returns:
            Microseconds within 0.05 % of the value, None when empty.
        """
        values = self.percentiles_us((fraction,))
        return values[0]

    def percentiles_us(self, fractions: Sequence[float]) -> list[float | None]:
        """Several percentiles in one pass over the bins; see :meth:`percentile_us`."""
        if not self.count:
            return [None] * len(fractions)
        cumulative = np.cumsum(self._counts)
        return [self._value_at_rank(self._rank(fraction), cumulative) for fraction in fractions]

    def value_at_rank_us(self, rank: int) -> float:
        """The value of the rank-th smallest sample, 1 ≤ rank ≤ count, within 0.05 %."""
        return self._value_at_rank(rank, np.cumsum(self._counts))

    def _rank(self, fraction: float) -> int:
        # The epsilon undoes binary rounding of products such as 0.999 * 1000.
        return min(max(math.ceil(fraction * self.count - 1e-9), 1), self.count)

    def _value_at_rank(self, rank: int, cumulative: Int64Array) -> float:
        if rank <= 1:
            return float(self.min_us)
        if rank >= self.count or rank > self.count - self.overflow:
            return float(self.max_us)
        low, high = bin_bounds(int(np.searchsorted(cumulative, rank)))
        return min(max((low + high) / 2, float(self.min_us)), float(self.max_us))

    def count_above(self, limit_us: int) -> int:
        """How many values lie above the limit, exact to the limit's bin (values within it count as not above)."""
        above = int(self._counts[bin_index(min(limit_us, MAX_TRACKABLE_US)) + 1 :].sum())
        return above + self.overflow

    def used(self) -> tuple[Int64Array, Int64Array]:
        """The numbers of the bins in use, ascending, and the count of each; overflow is not among them."""
        if self._sparse is not None:
            return self._sparse
        used = np.flatnonzero(self._dense)
        return used, self._dense[used]

    def bins(self) -> list[tuple[int, int, int]]:
        """The bins in use, ascending: (lowest value, highest value, count), all in µs; overflow is not among them."""
        return [(*bin_bounds(int(index)), int(self._counts[index])) for index in np.flatnonzero(self._counts)]

    def to_bytes(self) -> bytes:
        """A compact form: a header, then bin numbers as gaps, then counts in the narrowest width that fits."""
        used, counts = self.used()
        gaps = np.diff(used, prepend=0)
        gap_width = _narrowest(gaps)
        count_width = _narrowest(counts)
        header = _HEADER.pack(
            _CODEC_VERSION, gap_width << 4 | count_width, used.size, self.count, self.sum_us, self.min_us, self.max_us,
            self.overflow,
        )  # fmt: skip
        return (
            header
            + gaps.astype(_COUNT_DTYPES[gap_width]).tobytes()
            + counts.astype(_COUNT_DTYPES[count_width]).tobytes()
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Histogram:
        """The inverse of :meth:`to_bytes`; raises ValueError on anything else."""
        if len(data) < _HEADER.size:
            raise ValueError("a histogram is cut short")
        version, widths, used_size, count, sum_us, min_us, max_us, overflow = _HEADER.unpack_from(data)
        gap_width, count_width = widths >> 4, widths & 15
        if version != _CODEC_VERSION or max(gap_width, count_width) >= len(_COUNT_DTYPES):
            raise ValueError(f"a histogram of unknown codec version {version}")
        counts_at = _HEADER.size + (used_size << gap_width)
        if len(data) != counts_at + (used_size << count_width):
            raise ValueError("a histogram has the wrong length")
        histogram = cls()
        inside = 0
        if used_size:
            gaps = np.frombuffer(data, _COUNT_DTYPES[gap_width], used_size, _HEADER.size)
            used = np.cumsum(gaps, dtype=np.int64)
            if used[-1] > bin_index(MAX_TRACKABLE_US):
                raise ValueError("a histogram has a bin past one hour")
            counts = np.frombuffer(data, _COUNT_DTYPES[count_width], used_size, counts_at).astype(np.int64)
            histogram._sparse = (used, counts)
            inside = int(counts.sum())
        if inside + overflow != count:
            raise ValueError("a histogram's counts do not add up")
        histogram.count, histogram.sum_us, histogram.overflow = count, sum_us, overflow
        histogram.min_us, histogram.max_us = min_us, max_us
        return histogram

    def to_base64(self) -> str:
        """:meth:`to_bytes` as text."""
        return base64.b64encode(self.to_bytes()).decode("ascii")

    @classmethod
    def from_base64(cls, text: str) -> Histogram:
        """The inverse of :meth:`to_base64`; raises ValueError on anything else."""
        return cls.from_bytes(base64.b64decode(text, validate=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Histogram n={self.count} min={self.min_us} max={self.max_us} us>"


def _narrowest(values: Int64Array) -> int:
    """The index in _COUNT_DTYPES (and the log2 of the width in bytes) of the narrowest unsigned type that fits."""
    largest = int(values.max()) if values.size else 0
    return next(i for i, limit in enumerate((0xFF, 0xFFFF, 0xFFFF_FFFF, 2**64 - 1)) if largest <= limit)
