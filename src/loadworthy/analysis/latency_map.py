"""Every request of a scenario by when it was done and how long it took: the heat map that percentiles put together.

The rows are even on a logarithmic scale: 1, 2, 4, 5, 8, 10, 20 or 40 of them for each power of ten, as many as make a
picture of no more than 40. A bin of a histogram goes into the row of its middle, so within 0.05 % of an edge a request
may stand in the row beside its own. What took less than 1 µs stands in the row that begins there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loadworthy.analysis.timeline import STEPS_S, TimelineBuilder
from loadworthy.record.histogram import LAST_BIN
from loadworthy.record.many_histograms import bounds_of
from loadworthy.units import US_PER_MS

MOST_COLUMNS, MOST_ROWS = 120, 40
_FINEST = 40
"""Rows of a power of ten while requests are counted; those of the map are made of them."""
_JOINED = (1, 2, 4, 5, 8, 10, 20, 40)
"""How many of them may become one."""
_DECADES = 12

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LatencyMap:
    """How many requests were done in each step and took so long; each request with a time is in one cell.

    Args:
        step_s: the length of a column.
        edges_ms: where rows begin, ascending, and last where the highest ends: row ``n`` is from ``edges_ms[n]`` to
            ``edges_ms[n + 1]``.
        cells: (where the column begins in seconds since the scenario's first interval, row, requests) of all cells that
            are not empty, by column and row.
    """

    step_s: int
    edges_ms: tuple[float, ...]
    cells: tuple[tuple[int, int, int], ...]

    def to_json(self) -> dict[str, Any]:
        """The form that stands in ``report.json``."""
        return {"step_s": self.step_s, "edges_ms": list(self.edges_ms), "cells": [list(cell) for cell in self.cells]}


def latency_map(timeline: TimelineBuilder, scenario: str) -> LatencyMap | None:
    """The map of a scenario's response times; None where no request had a time."""
    return timeline.remembered(scenario, ("latency_map",), lambda: _made(timeline, scenario))


def _made(timeline: TimelineBuilder, scenario: str) -> LatencyMap | None:
    last_s = int(timeline.last_s(scenario))
    step_s = next((one for one in STEPS_S if last_s // one < MOST_COLUMNS), last_s // MOST_COLUMNS + 1)
    edges_us = _edges_us()
    row_of_bin = _rows_of(_middles_us(), edges_us)
    table = np.zeros((last_s // step_s + 1, edges_us.size - 1), dtype=np.int64)
    for at_s, histogram in timeline.times(scenario):
        line = table[int(at_s) // step_s]
        bins, counts = histogram.used()
        np.add.at(line, row_of_bin[bins], counts)
        if histogram.overflow:  # as for percentiles: no more is known of them than the greatest
            line[_rows_of(np.array([float(histogram.max_us)]), edges_us)] += histogram.overflow
    return _with_fewer_rows(step_s, table, edges_us) if table.any() else None


def _with_fewer_rows(step_s: int, table: Int64Array, edges_us: Float64Array) -> LatencyMap:
    used = np.flatnonzero(table.any(axis=0))
    joined = next(one for one in _JOINED if used[-1] // one - used[0] // one < MOST_ROWS)
    first, last = int(used[0]) // joined, int(used[-1]) // joined
    coarse = table.reshape(table.shape[0], -1, joined).sum(axis=2)[:, first : last + 1]
    cells = tuple((column * step_s, row, int(coarse[column, row])) for column, row in np.argwhere(coarse).tolist())
    edges_ms = tuple(round(float(edges_us[row * joined]) / US_PER_MS, 6) for row in range(first, last + 2))
    return LatencyMap(step_s, edges_ms, cells)


def _edges_us() -> Float64Array:
    """Where the finest rows begin, and the last one ends: three digits of each power."""
    of_ten = [round(10 ** (number / _FINEST), 2) for number in range(_FINEST)]
    return np.array([one * 10**decade for decade in range(_DECADES) for one in of_ten] + [10.0**_DECADES])


def _middles_us() -> Float64Array:
    """The middle of each bin."""
    low_us, high_us = bounds_of(np.arange(LAST_BIN + 1))
    return (low_us + high_us) / 2


def _rows_of(values_us: Float64Array, edges_us: Float64Array) -> Int64Array:
    return np.clip(np.searchsorted(edges_us, values_us, side="right") - 1, 0, edges_us.size - 2)
