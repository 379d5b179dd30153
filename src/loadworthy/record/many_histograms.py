"""Many histograms at once, as a report meets them: an hour of fifty series is 180,000 of them.

Each is small, so taken one by one it is not numpy's work that costs the time but calling it. Here all histograms of an
interval are decoded together, and those of many intervals are added up together, series by series. What comes out is
what :class:`~loadworthy.record.histogram.Histogram` makes of them one by one.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

from loadworthy.record.histogram import (
    CODEC_VERSION,
    COUNT_DTYPES,
    HEADER,
    LARGEST,
    LAST_BIN,
    SUB_BUCKET_BITS,
    WIDEST_GAP,
    Histogram,
)

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]

_FIGURES = ("count", "sum_us", "min_us", "max_us", "overflow")
_COUNT, _SUM, _MIN, _MAX, _OVERFLOW = range(5)
_HEADERS = np.dtype([("version", "u1"), ("widths", "u1"), ("used", "<u4"), *((name, "<u8") for name in _FIGURES)])
_FEW = 4
"""So few histograms are quicker decoded one by one."""
_UNPACKED = 16
"""So many are unpacked at once where they are many."""
_AT_ONCE = 8
"""So many rows are taken out at once: larger arrays are got from the operating system and given back each time."""
_NOTHING = np.zeros(0, dtype=np.int64)


def from_base64(texts: Sequence[str]) -> HistogramRows:
    """:meth:`Histogram.from_base64` of each, the first in row 0; ValueError where any of them is not one."""
    return from_bytes([a2b_base64(text, strict_mode=True) for text in texts])


def from_bytes(packed: Sequence[bytes]) -> HistogramRows:
    """:meth:`Histogram.from_bytes` of each, the first in row 0; ValueError where any of them is not one."""
    found = _unpacked(packed) if len(packed) > _FEW else None
    # One that is damaged is found again by what can say what is wrong with it.
    return HistogramRows.of([Histogram.from_bytes(data) for data in packed]) if found is None else found


def each_from_bytes(packed: Sequence[bytes]) -> Iterator[Histogram]:
    """The same one after another, of a number that need not fit into memory; ValueError where it comes to a bad one."""
    for first in range(0, len(packed), _UNPACKED):
        yield from from_bytes(packed[first : first + _UNPACKED]).histograms()


@dataclass(frozen=True, slots=True, eq=False)
class HistogramRows:
    """Histograms side by side, each in a row with a number. Arrays are shared: none of them may be changed.

    Args:
        rows: the numbers of the rows. Only :meth:`HistogramTable.joined` sees to it that each is there once.
        edges: where the bins of each row begin and, last, where they end.
        bins: the numbers of the bins in use, ascending in each row.
        counts: the count of each.
        figures: a line each of count, sum_us, min_us, max_us and overflow, with a place for each row.
    """

    rows: Int64Array
    edges: Int64Array
    bins: Integers
    counts: Integers
    figures: Int64Array

    @classmethod
    def of(cls, histograms: Sequence[Histogram]) -> HistogramRows:
        """Each histogram as a row, the first in row 0."""
        used = [one.used() for one in histograms]
        figures = [(one.count, one.sum_us, one.min_us, one.max_us, one.overflow) for one in histograms]
        return cls(
            rows=np.arange(len(used)),
            edges=_sums(np.array([bins.size for bins, _ in used], dtype=np.int64)),
            bins=np.concatenate([_NOTHING, *(bins for bins, _ in used)]),
            counts=np.concatenate([_NOTHING, *(counts for _, counts in used)]),
            figures=np.array(figures, dtype=np.int64).reshape(-1, 5).T,
        )

    def histograms(self, texts: Iterable[str | None] = repeat(None)) -> list[Histogram]:
        """The histogram of each row; ``texts`` are those that they were read from."""
        places = self.edges.tolist()
        bins, counts = self.bins.astype(np.int64, copy=False), self.counts.astype(np.int64, copy=False)
        return [
            Histogram.of_bins(bins[start:end], counts[start:end], count, sum_us, min_us, max_us, overflow, text)
            for start, end, (count, sum_us, min_us, max_us, overflow), text in zip(
                places, places[1:], self.figures.T.tolist(), texts, strict=False
            )
        ]

    def first(self, rows: Int64Array) -> HistogramRows:
        """As many of the first rows as there are numbers for them, under these numbers."""
        edges = self.edges[: rows.size + 1]
        end = int(edges[-1])
        return HistogramRows(rows, edges, self.bins[:end], self.counts[:end], self.figures[:, : rows.size])

    def filled(self) -> HistogramRows:
        """Those rows that hold anything."""
        chosen = self.figures[_COUNT] > 0
        if chosen.all():
            return self
        sizes = np.diff(self.edges)
        kept = np.repeat(chosen, sizes)
        edges = _sums(sizes[chosen])
        return HistogramRows(self.rows[chosen], edges, self.bins[kept], self.counts[kept], self.figures[:, chosen])

    def together(self) -> Histogram:
        """All rows as one histogram."""
        counted = self.figures[:, self.figures[_COUNT] > 0]
        if not counted.size:
            return Histogram()
        cells = np.zeros(int(self.bins.max(initial=-1)) + 1, dtype=np.int64)
        np.add.at(cells, self.bins, self.counts.astype(np.int64, copy=False))
        used = np.flatnonzero(cells != 0)
        count, sum_us, _, _, overflow = counted.sum(axis=1).tolist()
        least_us, most_us = int(counted[_MIN].min()), int(counted[_MAX].max())
        return Histogram.of_bins(used, cells[used], count, sum_us, least_us, most_us, overflow)

    def kept_as(self, rows: Int64Array) -> HistogramRows:
        """The same under other numbers, in as little memory as will do; a copy, to be kept for long."""
        bins, counts = self.bins.astype(np.uint16), _narrowed(self.counts)
        return HistogramRows(rows, self.edges.copy(), bins, counts, self.figures.copy())

    def percentiles_us(self, fractions: Sequence[float]) -> Float64Array:
        """Those of :meth:`Histogram.percentiles_us`: a line for each fraction, with a place for each row. All rows must
        have values."""
        counted, totals, overflow = _sums(self.counts), self.figures[_COUNT], self.figures[_OVERFLOW]
        bins = self.bins if self.bins.size else np.zeros(1, dtype=np.int64)
        lines = np.empty((len(fractions), totals.size))
        for line, fraction in zip(lines, fractions, strict=True):
            # The epsilon undoes binary rounding of products, as it does there.
            ranks = np.clip(np.ceil(fraction * totals - 1e-9).astype(np.int64), 1, totals)
            places = np.searchsorted(counted[1:], counted[self.edges[:-1]] + ranks)
            low_us, high_us = bounds_of(bins[np.minimum(places, bins.size - 1)].astype(np.int64))
            line[:] = np.clip((low_us + high_us) / 2, self.figures[_MIN], self.figures[_MAX])
            np.copyto(line, self.figures[_MAX], where=(ranks >= totals) | (ranks > totals - overflow))
            np.copyto(line, self.figures[_MIN], where=ranks <= 1)
        return lines


def bounds_of(bins: Int64Array) -> tuple[Int64Array, Int64Array]:
    """:func:`~loadworthy.record.histogram.bin_bounds` of many bins at once."""
    shifts = np.maximum((bins >> SUB_BUCKET_BITS) - 1, 0)
    low_us = (bins - (shifts << SUB_BUCKET_BITS)) << shifts
    return low_us, low_us + (1 << shifts) - 1


def _unpacked(packed: Sequence[bytes]) -> HistogramRows | None:
    """All of them, or None where any is damaged."""
    if min(map(len, packed)) < HEADER.size:
        return None
    heads = np.frombuffer(b"".join([data[: HEADER.size] for data in packed]), _HEADERS)
    widths, sizes = heads["widths"].astype(np.int64), heads["used"].astype(np.int64)
    gap_widths, count_widths = widths >> 4, widths & 15
    if (heads["version"] != CODEC_VERSION).any():
        return None
    if gap_widths.max() > WIDEST_GAP or count_widths.max() >= len(COUNT_DTYPES):
        return None
    counts_at = HEADER.size + (sizes << gap_widths)
    if (counts_at + (sizes << count_widths)).tolist() != [len(data) for data in packed]:
        return None
    places = counts_at.tolist()
    gaps = _numbers([data[HEADER.size : end] for data, end in zip(packed, places, strict=True)], sizes, gap_widths)
    counts = _numbers([data[start:] for data, start in zip(packed, places, strict=True)], sizes, count_widths)
    return _fitted(heads, sizes, gaps, counts.astype(np.int64))


def _numbers(parts: Sequence[bytes], sizes: Int64Array, widths: Int64Array) -> Integers:
    """The numbers of all parts, one part after another; each part has numbers of its own width."""
    known = set(widths.tolist())
    if len(known) == 1:
        return np.frombuffer(b"".join(parts), COUNT_DTYPES[known.pop()])
    joined = np.empty(int(sizes.sum()), dtype=np.int64)
    width_of_each = np.repeat(widths, sizes)
    for width in known:
        ours = b"".join([part for part, its in zip(parts, widths.tolist(), strict=True) if its == width])
        joined[width_of_each == width] = np.frombuffer(ours, COUNT_DTYPES[width])
    return joined


def _fitted(heads: npt.NDArray[np.void], sizes: Int64Array, gaps: Integers, counts: Int64Array) -> HistogramRows | None:
    """The rows, or None where they do not fit together."""
    figures = np.array([heads[name] for name in _FIGURES]).astype(np.int64)
    if figures.min() < 0:  # what is larger than can be
        return None
    edges, reached = _sums(sizes), _sums(gaps)
    before, counted = reached[edges[:-1]], _sums(counts)[edges]
    if (reached[edges[1:]] - before).max() > LAST_BIN:
        return None
    inside = counted[1:] - counted[:-1]
    if (inside < 0).any() or (inside != figures[_COUNT] - figures[_OVERFLOW]).any():
        return None
    return HistogramRows(np.arange(sizes.size), edges, reached[1:] - np.repeat(before, sizes), counts, figures)


def _sums(values: Integers) -> Int64Array:
    """The sum of all values before each place, and last of all of them."""
    sums = np.zeros(values.size + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


def _narrowed(counts: Integers) -> Integers:
    """The same in as little memory as will do."""
    largest = int(counts.max(initial=0))
    kind = next((kind for kind in (np.uint8, np.uint16, np.uint32) if largest <= np.iinfo(kind).max), np.int64)
    return counts.astype(kind)


class HistogramTable:
    """Adds up rows. A row has a cell for each bin from its lowest to its highest, whether it is in use or not: that is
    quick where the pieces of a row are alike. The cells are kept, for such memory is slow to get.
    """

    def __init__(self) -> None:
        self._cells = np.zeros(0, dtype=np.int64)  # always empty between calls

    def joined(self, several: Sequence[HistogramRows]) -> HistogramRows:
        """Rows of the same number as one; they come ascending, without those that are empty."""
        several = [one.filled() for one in several]
        rows, places = np.unique(np.concatenate([_NOTHING, *(one.rows for one in several)]), return_inverse=True)
        if len(several) == 1 and np.array_equal(rows, several[0].rows):
            return several[0]
        lows, highs = _ends(several, places, rows.size)
        starts = _sums(highs - lows + 1)
        self._add(several, (starts[:-1] - lows)[places], int(starts[-1]))
        taken = [
            self._taken(starts[first : first + _AT_ONCE + 1], lows[first : first + _AT_ONCE])
            for first in range(0, rows.size, _AT_ONCE)
        ]
        return HistogramRows(
            rows=rows,
            edges=_sums(np.concatenate([_NOTHING, *(sizes for sizes, _, _ in taken)])),
            bins=np.concatenate([_NOTHING, *(bins for _, bins, _ in taken)]).astype(np.uint16),
            counts=_narrowed(np.concatenate([_NOTHING, *(counts for *_, counts in taken)])),
            figures=_figures(places, rows.size, [one.figures for one in several]),
        )

    def _add(self, several: Sequence[HistogramRows], offsets: Int64Array, cells: int) -> None:
        """Add bins to cells; an offset for each row says where the cell of its bin 0 would be."""
        if self._cells.size < cells:
            self._cells = np.zeros(cells + cells // 4, dtype=np.int64)
        done = 0
        for one in several:
            places = np.repeat(offsets[done : done + one.rows.size], np.diff(one.edges))
            places += one.bins
            np.add.at(self._cells, places, one.counts.astype(np.int64, copy=False))
            done += one.rows.size

    def _taken(self, starts: Int64Array, lows: Int64Array) -> tuple[Int64Array, Int64Array, Int64Array]:
        """Out of the cells of some rows, which are empty then: how many bins each has in use, which, and the counts.

        ``starts`` is where the cells of each row start and where those of the last end, ``lows`` its lowest bin.
        """
        cells = self._cells[starts[0] : starts[-1]]
        used = np.flatnonzero(cells != 0)
        counts = cells[used]
        cells[:] = 0
        starts = starts - starts[0]
        sizes = np.diff(np.searchsorted(used, starts))
        return sizes, used - np.repeat(starts[:-1] - lows, sizes), counts


def _ends(several: Sequence[HistogramRows], places: Int64Array, rows: int) -> tuple[Int64Array, Int64Array]:
    """The lowest and the highest bin of each row; one without any has a high that is one less than its low."""
    lows, highs = np.full(rows, LAST_BIN + 1), np.full(rows, -1)
    done = 0
    for one in several:
        ours, edges = places[done : done + one.rows.size], one.edges
        done += one.rows.size
        with_bins = np.flatnonzero(edges[1:] > edges[:-1])
        np.minimum.at(lows, ours[with_bins], one.bins[edges[:-1][with_bins]].astype(np.int64))
        np.maximum.at(highs, ours[with_bins], one.bins[edges[1:][with_bins] - 1].astype(np.int64))
    return np.minimum(lows, highs + 1), highs


def _figures(places: Int64Array, rows: int, parts: Sequence[Int64Array]) -> Int64Array:
    """Of each row those of the parts whose place it is, none of which is empty."""
    given = np.concatenate([np.zeros((5, 0), dtype=np.int64), *parts], axis=1)
    figures = np.zeros((5, rows), dtype=np.int64)
    figures[_MIN] = LARGEST
    for line, ufunc in ((_COUNT, np.add), (_SUM, np.add), (_MIN, np.minimum), (_MAX, np.maximum), (_OVERFLOW, np.add)):
        ufunc.at(figures[line], places, given[line])
    return figures
