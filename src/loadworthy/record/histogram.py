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
from itertools import islice

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

MAX_TRACKABLE_US = 3_600_000_000
"""One hour; a larger value is counted as overflow."""

SUB_BUCKET_BITS = 10
_EXACT_BITS = SUB_BUCKET_BITS + 1
HEADER = struct.Struct("<BBIQQQQQ")
CODEC_VERSION = 1
COUNT_DTYPES = ("<u1", "<u2", "<u4", "<u8")
WIDEST_GAP = 1
"""No two bins are further apart than two bytes can tell."""
LARGEST = 2**63 - 1
"""No figure of a histogram is larger."""
_EMPTY = np.zeros(0, dtype=np.int64)
_MANY, _AT_ONCE = 4, 64
"""From so many histograms on it is quicker to put their bins together first, and of no more at a time."""


def bin_index(value_us: int) -> int:
    """The bin of one value (0 ≤ value ≤ MAX_TRACKABLE_US)."""
    shift = max(value_us.bit_length() - _EXACT_BITS, 0)
    return (shift << SUB_BUCKET_BITS) + (value_us >> shift)


def bin_indices(values_us: Int64Array) -> Int64Array:
    """The bins of many values at once; same shape as the input."""
    # frexp's exponent is the bit length, exact for integers below 2**53.
    shifts = np.maximum(np.frexp(values_us.astype(np.float64))[1].astype(np.int64) - _EXACT_BITS, 0)
    indices: Int64Array = (shifts << SUB_BUCKET_BITS) + (values_us >> shifts)
    return indices


LAST_BIN = bin_index(MAX_TRACKABLE_US)


def bin_bounds(index: int) -> tuple[int, int]:
    """The lowest and highest integer value (inclusive) of a bin."""
    shift = max((index >> SUB_BUCKET_BITS) - 1, 0)
    low = (index - (shift << SUB_BUCKET_BITS)) << shift
    return low, low + (1 << shift) - 1


class Histogram:
    """Counts of integer microseconds. Mutable; :meth:`merge` and :meth:`record_many` add in place.

    One that was read from bytes keeps only the bins in use, until something asks for all of them: a report merges some
    hundred thousand of those into a few, and an array over the whole range for each would be most of the work.
    """

    __slots__ = ("_dense", "_sparse", "_text", "count", "max_us", "min_us", "overflow", "sum_us")

    def __init__(self) -> None:
        self._dense: Int64Array = _EMPTY
        self._sparse: tuple[Int64Array, Int64Array] | None = None
        self._text: str | None = None  # what it was read from, until more is added
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
    def of_bins(
        cls,
        bins: Int64Array,
        counts: Int64Array,
        count: int,
        sum_us: int,
        min_us: int,
        max_us: int,
        overflow: int,
        text: str | None = None,
    ) -> Histogram:
        """A histogram of what is known to fit together; nothing is checked.

        Args:
            bins: the numbers of the bins in use, ascending.
            counts: the count of each. Neither array may be changed afterwards.
            count: all values, those past one hour among them; the others as the attributes of that name.
            text: its compact form, where it was read from one.
        """
        histogram = cls.__new__(cls)  # and no __init__, so that nothing is set twice
        histogram._dense, histogram._sparse, histogram._text = _EMPTY, (bins, counts), text  # noqa: SLF001
        histogram.count, histogram.sum_us, histogram.overflow = count, sum_us, overflow
        histogram.min_us, histogram.max_us = min_us, max_us
        return histogram

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Histogram:
        """A new histogram that holds all of them."""
        total = cls()
        total.merge_all(histograms)
        return total

    def record_many(self, values_us: Int64Array) -> None:
        """Add values; an int64 array of any length. Raises ValueError on a negative value."""
        if not values_us.size:
            return
        low, high = int(values_us.min()), int(values_us.max())
        if low < 0:
            raise ValueError(f"a latency cannot be negative: {low} us")
        self._text = None
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
        self._text = None
        if not self.count or other.min_us < self.min_us:
            self.min_us = other.min_us
        if not self.count or other.max_us > self.max_us:
            self.max_us = other.max_us
        self.count += other.count
        self.sum_us += other.sum_us
        self.overflow += other.overflow
        if other._sparse is None:
            self._add_counts(other._dense)
        elif self._sparse is None and not self._dense.size:
            bins, counts = other._sparse
            self._sparse = bins.copy(), counts.copy()  # they may be a small part of something large
        else:
            self._add_bins(*other._sparse)

    def merge_all(self, others: Iterable[Histogram]) -> None:
        """Add all that several others hold, many of them at once; others may be made only when they are asked for."""
        remaining = iter(others)
        while some := list(islice(remaining, _AT_ONCE)):
            self._merge_some([one for one in some if one.count])

    def _merge_some(self, known: Sequence[Histogram]) -> None:
        if len(known) < _MANY:
            for one in known:
                self.merge(one)
            return
        self._text = None
        self._note_extremes(min([one.min_us for one in known]), max([one.max_us for one in known]), self.count == 0)
        self.count += sum([one.count for one in known])
        self.sum_us += sum([one.sum_us for one in known])
        self.overflow += sum([one.overflow for one in known])
        used = [one.used() for one in known]
        bins, counts = (np.concatenate(column) for column in zip(*used, strict=True))
        np.add.at(self._grown_to(int(bins.max(initial=-1)) + 1), bins, counts)

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
        counts = self._counts if self._sparse is not None else self._dense
        if size > counts.size:
            self._dense = np.zeros(size, dtype=np.int64)
            self._dense[: counts.size] = counts
        return self._dense

    def _add_counts(self, counts: Int64Array) -> None:
        self._grown_to(counts.size)[: counts.size] += counts

    def _add_bins(self, bins: Int64Array, counts: Int64Array) -> None:
        if bins.size:
            np.add.at(self._grown_to(int(bins[-1]) + 1), bins, counts)

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
        ranked = self._ranked()
        return [self._value_at_rank(self._rank(fraction), *ranked) for fraction in fractions]

    def value_at_rank_us(self, rank: int) -> float:
        """The value of the rank-th smallest sample, 1 ≤ rank ≤ count, within 0.05 %."""
        return self._value_at_rank(rank, *self._ranked())

    def _ranked(self) -> tuple[Int64Array | None, Int64Array]:
        """Numbers of bins (None: all from 0 on), and how many values lie in each and below."""
        bins, counts = self._sparse or (None, self._dense)
        return bins, np.cumsum(counts)

    def _rank(self, fraction: float) -> int:
        # The epsilon undoes binary rounding of products such as 0.999 * 1000.
        return min(max(math.ceil(fraction * self.count - 1e-9), 1), self.count)

    def _value_at_rank(self, rank: int, bins: Int64Array | None, cumulative: Int64Array) -> float:
        if rank <= 1:
            return float(self.min_us)
        if rank >= self.count or rank > self.count - self.overflow:
            return float(self.max_us)
        place = min(int(np.searchsorted(cumulative, rank)), cumulative.size - 1)
        low, high = bin_bounds(place if bins is None else int(bins[place]))
        return min(max((low + high) / 2, float(self.min_us)), float(self.max_us))

    def count_above(self, limit_us: int) -> int:
        """How many values lie above the limit, exact to the limit's bin (values within it count as not above)."""
        last = bin_index(min(limit_us, MAX_TRACKABLE_US))
        if self._sparse is None:
            return int(self._dense[last + 1 :].sum()) + self.overflow
        bins, counts = self._sparse
        return int(counts[np.searchsorted(bins, last, side="right") :].sum()) + self.overflow

    def used(self) -> tuple[Int64Array, Int64Array]:
        """The numbers of the bins in use, ascending, and the count of each; overflow is not among them."""
        if self._sparse is not None:
            return self._sparse
        used = np.flatnonzero(self._dense != 0)  # ten times as fast as without the comparison
        return used, self._dense[used]

    def bins(self) -> list[tuple[int, int, int]]:
        """The bins in use, ascending: (lowest value, highest value, count), all in µs; overflow is not among them."""
        return [
            (*bin_bounds(index), count) for index, count in zip(*(one.tolist() for one in self.used()), strict=True)
        ]

    def to_bytes(self) -> bytes:
        """A compact form: a header, then bin numbers as gaps, then counts in the narrowest width that fits."""
        used, counts = self.used()
        gaps = used.copy()
        gaps[1:] -= used[:-1]
        gap_width = _narrowest(gaps)
        count_width = _narrowest(counts)
        header = HEADER.pack(
            CODEC_VERSION, gap_width << 4 | count_width, used.size, self.count, self.sum_us, self.min_us, self.max_us,
            self.overflow,
        )  # fmt: skip
        return (
            header + gaps.astype(COUNT_DTYPES[gap_width]).tobytes() + counts.astype(COUNT_DTYPES[count_width]).tobytes()
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Histogram:
        """The inverse of :meth:`to_bytes`; raises ValueError on anything else."""
        if len(data) < HEADER.size:
            raise ValueError("a histogram is cut short")
        version, widths, used_size, count, sum_us, min_us, max_us, overflow = HEADER.unpack_from(data)
        gap_width, count_width = widths >> 4, widths & 15
        if version != CODEC_VERSION or max(gap_width, count_width) >= len(COUNT_DTYPES):
            raise ValueError(f"a histogram of unknown codec version {version}")
        if gap_width > WIDEST_GAP:
            raise ValueError("a histogram has a bin past one hour")
        counts_at = HEADER.size + (used_size << gap_width)
        if len(data) != counts_at + (used_size << count_width):
            raise ValueError("a histogram has the wrong length")
        histogram = cls()
        inside = 0
        if used_size:
            gaps = np.frombuffer(data, COUNT_DTYPES[gap_width], used_size, HEADER.size)
            used = np.cumsum(gaps, dtype=np.int64)
            if used[-1] > LAST_BIN:
                raise ValueError("a histogram has a bin past one hour")
            counts = np.frombuffer(data, COUNT_DTYPES[count_width], used_size, counts_at).astype(np.int64)
            histogram._sparse = (used, counts)
            inside = int(counts.sum())
        if inside + overflow != count:
            raise ValueError("a histogram's counts do not add up")
        if max(count, sum_us, min_us, max_us) > LARGEST:
            raise ValueError("a histogram's figures are beyond what can be")
        histogram.count, histogram.sum_us, histogram.overflow = count, sum_us, overflow
        histogram.min_us, histogram.max_us = min_us, max_us
        return histogram

    def to_base64(self) -> str:
        """:meth:`to_bytes` as text."""
        return self._text or base64.b64encode(self.to_bytes()).decode("ascii")

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
    """The index in COUNT_DTYPES (and the log2 of the width in bytes) of the narrowest unsigned type that fits."""
    largest = int(values.max()) if values.size else 0
    return next(i for i, limit in enumerate((0xFF, 0xFFFF, 0xFFFF_FFFF, 2**64 - 1)) if largest <= limit)
