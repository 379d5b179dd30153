"""Where a short series of figures, one a run, changed its level.

Looked for is the stretch of runs that differs most from all others: by the ranks of their values, so that one wild run
has the weight of any other. The difference of the mean ranks, divided by its standard deviation, is looked at for every
stretch, those at the ends of the series among them; so a level that rose and stayed is found, and one that rose and
fell again, which looking at one split at a time would miss. (Circular binary segmentation: A. B. Olshen and others,
Biostatistics 5, 2004; here with ranks.) How large the maximum is by chance alone is found by shuffling the series: that
needs no law of the noise, only that without a change any order would have been as likely. If no more than one shuffle
in a hundred reaches it, the ends of the stretch are change points, and all parts are looked at in the same way.

At the end each change point must hold by itself: where the stretches to its two sides do not differ, it is given up.

A slow drift is not a change of level; it comes out as several changes, or as none.

The work grows with the square of the length, so only the last 500 values are looked at: what changed before them is no
news, and is not found.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LEVEL = 0.01
MIN_PART = 4
"""The fewest runs before and after a change. How small a p-value can be depends on how many orders there are: of five
runs before and five after, even the clearest change is reached by more than one shuffle in a hundred, of six and six
by far fewer."""

MOST_RUNS = 500
"""Only so many runs are looked at, the last ones. It takes about a second."""

_SHUFFLES = 999
_SEED = 20_261_120
_HAIR = 1e-9
"""Sums that were added up in another order are equal if no more than this lies between them."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change of level between two values.

    Args:
        index: of the first value of the new level, in the whole series.
        before, after: the medians of the stretches on both sides, up to the next changes, among the values looked at.
        p_value: the chance of so large a difference without a change.
    """

    index: int
    before: float
    after: float
    p_value: float

    @property
    def change(self) -> float | None:
        """Relative: 0.1 is ten percent more. None where it was zero before."""
        return self.after / self.before - 1 if self.before else None


def change_points(values: Sequence[float], level: float = LEVEL, seed: int = _SEED) -> list[ChangePoint]:
    """Where a series changed its level, in the order of time; the same series gives the same answer.

    Args:
        values: one a run, oldest first; the last :data:`MOST_RUNS` of them are looked at.
        level: the chance of finding a change in a series that has none.
        seed: of the shuffles.
    """
    passed_over = max(len(values) - MOST_RUNS, 0)
    data = np.asarray(values[passed_over:], dtype=np.float64)
    random = np.random.default_rng(seed)
    found: list[int] = []
    open_parts = [(0, len(data))]
    while open_parts:
        start, end = open_parts.pop()
        edges = [start + edge for edge in _stretch(data[start:end], level, random)]
        found += edges
        open_parts += list(itertools.pairwise([start, *edges, end])) if edges else []
    p_values = _holding(data, sorted(found), level, random)
    edges = [0, *p_values, len(data)]
    medians = [float(np.median(data[one:other])) for one, other in itertools.pairwise(edges) if other > one]
    return [
        ChangePoint(passed_over + index, medians[number], medians[number + 1], p_value)
        for number, (index, p_value) in enumerate(p_values.items())
    ]


def _stretch(values: Floats, level: float, random: np.random.Generator) -> list[int]:
    """The ends of the stretch that differs most, without those of the series itself; empty where none differs."""
    if len(values) < 2 * MIN_PART or values.min() == values.max():
        return []
    sums, shuffled = _running_sums(values, random)
    best, start, length = 0.0, 0, 0
    by_chance = np.zeros(_SHUFFLES)
    for size in range(MIN_PART, len(values) - MIN_PART + 1):
        starts = _starts(len(values), size)
        scale = math.sqrt(size * (len(values) - size) / len(values))
        own = np.abs(sums[starts + size] - sums[starts]) / scale
        by_chance = np.maximum(by_chance, np.abs(shuffled[:, starts + size] - shuffled[:, starts]).max(axis=1) / scale)
        if own.max() > best + _HAIR:
            best, start, length = float(own.max()), int(starts[own.argmax()]), size
    if _p_value(by_chance, best) > level:
        return []
    return [edge for edge in (start, start + length) if 0 < edge < len(values)]


def _starts(count: int, size: int) -> Integers:
    """Where a stretch of this size may begin: what is left before and after it is nothing, or long enough."""
    starts = np.arange(count - size + 1)
    left = count - size - starts
    possible: Integers = starts[((starts == 0) | (starts >= MIN_PART)) & ((left == 0) | (left >= MIN_PART))]
    return possible


def _holding(data: Floats, found: list[int], level: float, random: np.random.Generator) -> dict[int, float]:
    """The change points that hold by themselves, with their p-values; the weakest is given up first."""
    while True:
        edges = [0, *found, len(data)]
        p_values = {
            edge: _p_of_split(data[before:after], edge - before, random)
            for before, edge, after in zip(edges, edges[1:], edges[2:], strict=False)
        }
        weakest = max(p_values, key=lambda edge: p_values[edge], default=None)
        if weakest is None or p_values[weakest] <= level:
            return p_values
        found = [edge for edge in found if edge != weakest]


def _p_of_split(values: Floats, at: int, random: np.random.Generator) -> float:
    sums, shuffled = _running_sums(values, random)
    return _p_value(np.abs(shuffled[:, at]), abs(float(sums[at])))


def _running_sums(values: Floats, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Of the ranks less their mean, from 0 to the end; and the same for each shuffle of them, a row each."""
    ranks = mid_ranks(values)
    ranks -= ranks.mean()
    rows = np.vstack([ranks, random.permuted(np.tile(ranks, (_SHUFFLES, 1)), axis=1)])
    sums = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(rows, axis=1)], axis=1)
    return sums[0], sums[1:]


def _p_value(by_chance: Floats, observed: float) -> float:
    return (1 + int((by_chance >= observed - _HAIR).sum())) / (1 + len(by_chance))


def mid_ranks(values: Floats) -> Floats:
    """1 for the smallest; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Floats = (ends - (counts - 1) / 2)[inverse]
    return ranks
