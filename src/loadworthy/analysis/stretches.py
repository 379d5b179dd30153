"""Thresholds over stretches of a run: ``p95 < 500ms for 10s`` is missed where some ten seconds on end miss it.

Each stretch is judged by itself, from second to second, over all processes. A percentile is judged by how many of the
stretch's requests do not keep within the limit: of n requests, that number is Binomial(n, 1 - p) where the percentile
lies exactly at the limit, and with a chance of at most 2.5 % either way a stretch counts as missed, or as held. That is
the interval of order statistics (:mod:`loadworthy.analysis.order_statistics`) seen from the limit; between the two a
stretch is open. All other figures are what they are. A stretch in which nothing was done that could be judged says
nothing.

One stretch that is missed is enough to fail, and one that is open keeps the whole from passing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.windows import Float64Array, Int64Array, Seconds
from loadworthy.plan.thresholds import Threshold
from loadworthy.record.histogram import Histogram

_TAIL = 0.025
_ROUNDING = 1e-12


class State(IntEnum):
    """What became of a stretch; of several the highest counts."""

    SILENT = 0
    HELD = 1
    OPEN = 2
    MISSED = 3


@dataclass(frozen=True, slots=True)
class Sums:
    """What a threshold looks at, summed up over stretches; a place in each array is a stretch.

    ``timed`` requests had a time, of which ``outside`` do not keep within the limit; ``total_us``, ``least_us`` and
    ``most_us`` are the sum and the ends of those times (of nothing: 0). ``good`` may hold fractions of requests.
    """

    requests: Int64Array
    failures: Int64Array
    dropped: Int64Array
    settled: Int64Array
    good: Float64Array
    timed: Int64Array
    outside: Int64Array
    total_us: Int64Array
    least_us: Int64Array
    most_us: Int64Array


@dataclass(frozen=True, slots=True)
class Judged:
    """For each stretch what became of it, and how bad it was: higher is worse."""

    states: npt.NDArray[np.int64]
    badness: Float64Array

    @property
    def state(self) -> State:
        """That of all together."""
        return State(int(self.states.max(initial=State.SILENT)))

    @property
    def worst(self) -> int:
        """The place of the worst stretch of those that decide; the first of several."""
        return int(np.argmax(np.where(self.states == self.states.max(), self.badness, -np.inf)))


def outside(histogram: Histogram, threshold: Threshold) -> int:
    """How many of the times do not keep within the limit, exact to the limit's bin."""
    if not histogram.count or (holds(threshold, histogram.max_us) and holds(threshold, histogram.min_us)):
        return 0
    if not holds(threshold, histogram.max_us) and not holds(threshold, histogram.min_us):
        return histogram.count
    above = histogram.count_above(int(threshold.limit))
    return above if threshold.op.startswith("<") else histogram.count - above


def holds(threshold: Threshold, value: float) -> bool:
    """Whether a value, in the unit of the limit, keeps within it."""
    return bool(_holds(threshold, np.asarray(value, dtype=np.float64)))


def _holds(threshold: Threshold, values: Float64Array) -> npt.NDArray[np.bool_]:
    compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[threshold.op]
    kept: npt.NDArray[np.bool_] = compare(values, threshold.limit)
    return kept


def by_second(threshold: Threshold, seconds: Seconds) -> Sums:
    """What there is in each second."""
    rows = np.zeros((len(seconds), 5), dtype=np.int64)
    for place in range(len(seconds)):
        if seconds.times[place]:
            times = seconds.histogram(place, place + 1)
            rows[place] = (times.count, outside(times, threshold), times.sum_us, times.min_us, times.max_us)
    columns = [rows[:, number] for number in range(5)]
    counts = (seconds.requests, seconds.failures, seconds.dropped, seconds.settled)
    return Sums(*counts, seconds.good, *columns)


def sliding(sums: Sums, length: int) -> Sums:
    """Stretches of so many seconds, from second to second; there must be as many."""

    def added(values: Int64Array) -> Int64Array:
        before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(values)))
        return before[length:] - before[:-length]

    def stretches(values: Int64Array) -> Int64Array:
        return np.lib.stride_tricks.sliding_window_view(values, length)

    no_least = np.iinfo(np.int64).max
    least = stretches(np.where(sums.timed > 0, sums.least_us, no_least)).min(axis=1)
    return Sums(
        requests=added(sums.requests),
        failures=added(sums.failures),
        dropped=added(sums.dropped),
        settled=added(sums.settled),
        good=np.lib.stride_tricks.sliding_window_view(sums.good, length).sum(axis=1),
        timed=added(sums.timed),
        outside=added(sums.outside),
        total_us=added(sums.total_us),
        least_us=np.where(least == no_least, 0, least),
        most_us=stretches(sums.most_us).max(axis=1),
    )


def judge(threshold: Threshold, sums: Sums, length_s: float, *, loses: bool) -> Judged:
    """Judge stretches of so many seconds; ``loses``: what was dropped counts as slower than any limit."""
    lost, bad = shares(sums, loses=loses)
    made = (sums.requests > 0) | (lost > 0)
    match threshold.metric:
        case "error_rate":
            return _compared(threshold, bad, made)
        case "throughput":
            return _compared(threshold, sums.good / length_s, np.ones_like(made))
        case "requests":
            return _compared(threshold, sums.requests.astype(np.float64), np.ones_like(made))
        case "failures":
            return _compared(threshold, sums.failures.astype(np.float64), made)
        case "dropped":
            return _compared(threshold, sums.dropped.astype(np.float64), sums.settled > 0)
        case "dropped_rate":
            return _compared(threshold, _share(sums.dropped, sums.settled), sums.settled > 0)
    judged = judge_percentile(threshold, sums, lost) if threshold.fraction else judge_extreme(threshold, sums)
    if not threshold.op.startswith("<") or threshold.aggregate == "min" or threshold.metric == "send_lag":
        return judged
    most = 1 - _ROUNDING if threshold.fraction is None else 1 - threshold.fraction + _ROUNDING
    broken = made & (bad > most)
    # Worse than any time is that there is none.
    return Judged(np.where(broken, State.MISSED, judged.states), np.where(broken, 1e18 * bad, judged.badness))


def shares(sums: Sums, *, loses: bool) -> tuple[Float64Array, Float64Array]:
    """The shares that were dropped, and that were bad: dropped or failed."""
    lost = _share(sums.dropped, sums.settled) if loses else np.zeros(len(sums.requests))
    return lost, 1 - (1 - _share(sums.failures, sums.requests)) * (1 - lost)


def _share(part: Int64Array, whole: Int64Array) -> Float64Array:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _compared(threshold: Threshold, values: Float64Array, speaks: npt.NDArray[np.bool_]) -> Judged:
    states = np.where(_holds(threshold, values), State.HELD, State.MISSED)
    sign = 1.0 if threshold.op.startswith("<") else -1.0
    return Judged(np.where(speaks, states, State.SILENT), sign * values)


def judge_extreme(threshold: Threshold, sums: Sums) -> Judged:
    """Judge the mean, the least or the most of stretches by their times alone."""
    values = {"min": sums.least_us.astype(np.float64), "max": sums.most_us.astype(np.float64)}.get(
        threshold.aggregate or "", _share(sums.total_us, sums.timed)
    )
    return _compared(threshold, values, sums.timed > 0)


def judge_percentile(threshold: Threshold, sums: Sums, lost: Float64Array) -> Judged:
    """Judge a percentile of stretches by their times alone; ``lost`` is the share that has none, for it was dropped."""
    from scipy import special

    # What was dropped lies beyond the slowest, so the quantile moves towards it.
    fraction = np.minimum((threshold.fraction or 0.0) / np.maximum(1 - lost, _ROUNDING), 1.0)
    is_upper = threshold.op.startswith("<")
    # So many of the samples must lie below the limit, or may; a chance far out in a tail is no chance.
    below = (sums.timed - sums.outside if is_upper else sums.outside).astype(np.float64)
    few = special.bdtr(below, sums.timed, fraction) <= _TAIL
    many = np.where(below > 0, special.bdtrc(np.maximum(below - 1, 0), sums.timed, fraction), 1.0) <= _TAIL
    missed, held = (few, many) if is_upper else (many, few)
    # As of a whole run: few samples may prove a breach, but nothing good.
    values, places = np.unique(fraction, return_inverse=True)
    held = held & (sums.timed >= np.array([min_samples(float(value)) for value in values])[places])
    states = np.where(missed, State.MISSED, np.where(held, State.HELD, State.OPEN))
    return Judged(np.where(sums.timed > 0, states, State.SILENT), _share(sums.outside, sums.timed))
