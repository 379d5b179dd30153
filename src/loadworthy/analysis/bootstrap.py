"""How sure a percentile is, by a bootstrap over windows of time.

Latencies of one service are not independent: slow ones come in bursts, and the intervals of order statistics, which
take each request for a witness of its own, are far too narrow then. Windows much longer than a burst are nearly
independent. So the run is put together again many times from its own windows, drawn with replacement, and what the
percentile does meanwhile is its interval: that of 95 % of the drawn runs. (B. Efron and R. J. Tibshirani, *An
Introduction to the Bootstrap*, chapters 8 and 13; blocks that do not overlap: E. Carlstein, Ann. Stat. 14, 1986.)

With few windows such an interval is too narrow. It is widened as Student's t is wider than the normal distribution,
and by the share by which the spread of K windows is too small: tails of Φ(-√(K/(K-1))·t) instead of 2.5 %, where t is
the 97.5 % quantile of Student's distribution with K - 1 degrees of freedom. (T. C. Hesterberg, "What Teachers Should
Know About the Bootstrap", The American Statistician 69, 2015.) Where bursts are longer than the windows it is still too
narrow: on a queue at 80 % utilisation it holds the truth in 8 or 9 runs of 10, and only in long ones. A run that is
longer has longer windows.

What failed or was dropped is slower than any limit. So a drawn run in which more of that is than the percentile leaves
room for has no percentile: it is beyond all that was measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from loadworthy.analysis.windows import Window
from loadworthy.record.histogram import bin_bounds

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]

DRAWS = 1000
_SEED = 95
"""The same run gives the same interval."""
_CONFIDENCE_END = 0.975
_ROUNDING = 1e-12
_SLACK = 1e-6
"""So much lower a bin is still looked at, for fractions of counts are rounded."""


def percentile_interval(
    windows: Sequence[Window], fraction: float, *, bad_is_slow: bool = True, loses: bool = True
) -> tuple[float | None, float | None]:
    """The 95 % interval of a percentile in µs; see :func:`percentile_intervals`."""
    return percentile_intervals(windows, (fraction,), bad_is_slow=bad_is_slow, loses=loses)[0]


def percentile_intervals(
    windows: Sequence[Window], fractions: Sequence[float], *, bad_is_slow: bool = True, loses: bool = True
) -> list[tuple[float | None, float | None]]:
    """The 95 % interval of each percentile in µs; None for an end beyond all that was measured.

    Args:
        windows: at least 2, that share out a run evenly.
        fractions: the quantiles, 0 < fraction < 1.
        bad_is_slow: whether what failed or was dropped counts as slower than all else.
        loses: whether anything that is judged was lost with what was dropped.
    """
    weights, cumulative = _weights(len(windows)), _cumulative(windows)
    lost = _shares(weights, windows, "dropped", "settled") if bad_is_slow and loses else np.zeros(DRAWS)
    failed = _shares(weights, windows, "failures", "requests") if bad_is_slow else np.zeros(DRAWS)
    bad = 1 - (1 - failed) * (1 - lost)
    found = []
    for fraction in fractions:
        moved = np.where(lost < 1, fraction / np.maximum(1 - lost, _ROUNDING), np.inf)
        beyond = moved > 1 + _ROUNDING
        if bad_is_slow:
            beyond |= bad > 1 - fraction + _ROUNDING
        places = _ordered(weights, cumulative, np.where(beyond, np.inf, moved))
        found.append(_ends(places, windows, cumulative.shape[1]))
    return found


def _ordered(weights: Int64Array, cumulative: Int64Array, moved: Float64Array) -> Int64Array:
    """The bins of a quantile in the drawn runs, ascending; past all bins where the quantile is infinite."""
    counts = weights @ cumulative[:, -1]
    places = np.full(DRAWS, cumulative.shape[1])
    chosen = np.flatnonzero(np.isfinite(moved))
    if chosen.size and cumulative[:, -1].any():
        ranks = np.clip(np.ceil(moved[chosen] * counts[chosen] - 1e-9), 1, np.maximum(counts[chosen], 1))
        first, last = _reach(cumulative, float(moved[chosen].min()), min(float(moved[chosen].max()), 1.0))
        places[chosen] = first + _places(weights[chosen], cumulative[:, first : last + 1], ranks)
    return np.sort(places[counts > 0])


def _reach(cumulative: Int64Array, least: float, most: float) -> tuple[int, int]:
    """The bins between which these quantiles lie in any drawn run: however windows are drawn, a quantile of all is not
    below the least, nor above the greatest, that a window has."""
    known = [one for one in cumulative if one[-1]]
    first = min(int(np.searchsorted(one, least * int(one[-1]) * (1 - _SLACK))) for one in known)
    last = max(int(np.searchsorted(one, most * int(one[-1]))) for one in known)
    return first, min(last, cumulative.shape[1] - 1)


def _ends(ordered: Int64Array, windows: Sequence[Window], end: int) -> tuple[float | None, float | None]:
    """The values of the bins between which the interval lies."""
    if not ordered.size:
        return None, None
    tail = _tail(len(windows))
    low = int(ordered[min(math.floor(tail * ordered.size), ordered.size - 1)])
    high = int(ordered[max(math.ceil((1 - tail) * ordered.size) - 1, 0)])
    return _value(low, windows, end), _value(high, windows, end)


@lru_cache(maxsize=64)
def _weights(count: int) -> Int64Array:
    """How often each window comes in each drawn run; a row is a run."""
    draws: Int64Array = np.random.default_rng(_SEED).multinomial(count, [1 / count] * count, size=DRAWS)
    return draws


@lru_cache(maxsize=64)
def _tail(count: int) -> float:
    """The share that lies beyond each end of the interval."""
    from scipy import special

    student = float(special.stdtrit(count - 1, _CONFIDENCE_END))
    return float(special.ndtr(-math.sqrt(count / (count - 1)) * student))


def _cumulative(windows: Sequence[Window]) -> Int64Array:
    """Counts up to each bin, a row for each window; the last place also has those beyond the last bin."""
    counts = [window.times._counts for window in windows]  # noqa: SLF001  one read of all bins; a list is too slow
    table = np.zeros((len(windows), max(one.size for one in counts) + 1), dtype=np.int64)
    for row, one, window in zip(table, counts, windows, strict=True):
        row[: one.size] = one
        row[-1] = window.times.overflow
    return np.cumsum(table, axis=1)


def _shares(weights: Int64Array, windows: Sequence[Window], part: str, whole: str) -> Float64Array:
    parts, wholes = (weights @ np.array([getattr(window, one) for window in windows]) for one in (part, whole))
    shares: Float64Array = np.divide(parts, wholes, out=np.zeros(DRAWS), where=wholes > 0)
    return shares


def _places(weights: Int64Array, cumulative: Int64Array, ranks: Float64Array) -> Int64Array:
    """The bin that holds the sample of each rank in each drawn run, by halving all ranges at once."""
    columns = np.ascontiguousarray(cumulative.T)
    low = np.zeros(ranks.size, dtype=np.int64)
    high = np.full(ranks.size, columns.shape[0] - 1, dtype=np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        reached = np.einsum("ij,ij->i", weights, columns[middle]) >= ranks
        high = np.where(reached, middle, high)
        low = np.where(reached, low, middle + 1)
    return low


def _value(place: int, windows: Sequence[Window], end: int) -> float | None:
    """The middle of a bin, within what was measured."""
    if place == end:
        return None
    known = [window.times for window in windows if window.times.count]
    least, most = min(one.min_us for one in known), max(one.max_us for one in known)
    if place == end - 1:
        return float(most)
    low, high = bin_bounds(place)
    return min(max((low + high) / 2, float(least)), float(most))
