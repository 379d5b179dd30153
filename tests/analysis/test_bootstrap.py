"""The interval of a percentile from windows of time: against a naive oracle, and its coverage by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest

from loadworthy.analysis import bootstrap
from loadworthy.analysis.bootstrap import percentile_interval
from loadworthy.analysis.windows import Window, window_edges
from loadworthy.record.histogram import Histogram

Floats = npt.NDArray[np.float64]


def window(times_us: Sequence[int], *, failures: int = 0, dropped: int = 0) -> Window:
    return Window(len(times_us), failures, dropped, len(times_us) + dropped, Histogram.of(times_us))


def cut(done_s: Floats, times_us: Floats, seconds: int) -> list[Window]:
    """Samples, in the windows of a run of so many seconds."""
    values = times_us.astype(np.int64)
    edges = window_edges(seconds)
    return [window(values[(done_s >= first) & (done_s < end)].tolist()) for first, end in pairwise(edges)]


def naive(windows: Sequence[Window], times: Sequence[Sequence[int]], fraction: float) -> tuple[float, float]:
    """Each drawn run put together sample by sample, and the ends of its percentiles."""
    drawn = []
    for weights in bootstrap._weights(len(windows)):
        samples = sorted(value for one, weight in zip(times, weights, strict=True) for value in list(one) * int(weight))
        drawn.append(samples[max(math.ceil(fraction * len(samples) - 1e-9), 1) - 1])
    drawn.sort()
    tail = bootstrap._tail(len(windows))
    return drawn[math.floor(tail * len(drawn))], drawn[math.ceil((1 - tail) * len(drawn)) - 1]


@pytest.mark.parametrize("fraction", [0.05, 0.5, 0.95, 0.99])
def test_it_is_the_naive_bootstrap(fraction: float) -> None:
    """Weights times counts, for all drawn runs at once, is the same as drawing samples: to the width of a bin."""
    rng = np.random.default_rng(5)
    times = [rng.integers(1, 2000 * (number + 1), size=5 + 3 * number).tolist() for number in range(21)]
    windows = [window(one) for one in times]
    assert percentile_interval(windows, fraction) == pytest.approx(naive(windows, times, fraction), rel=1e-3)


def test_the_same_windows_give_the_same_interval() -> None:
    """Random numbers with a fixed seed."""
    windows = [window([1000 * (number + 1)] * 20) for number in range(20)]
    first = percentile_interval(windows, 0.9)
    bootstrap._weights.cache_clear()
    assert percentile_interval(windows, 0.9) == first


@pytest.mark.parametrize(("count", "tail"), [(20, 0.0159), (60, 0.0219), (10_000, 0.025)])
def test_few_windows_get_a_wider_interval(count: int, tail: float) -> None:
    """2.5 % at each end where there are many; less for 20, by the normal tail of 2.093 (Student's t) times √(20/19)."""
    assert bootstrap._tail(count) == pytest.approx(tail, abs=1e-4)


def test_windows_that_are_alike_leave_no_doubt() -> None:
    """There is nothing in which drawn runs could differ."""
    assert percentile_interval([window([100_000] * 30)] * 20, 0.95) == (100_000, 100_000)


def test_an_empty_window_is_no_harm() -> None:
    """A series may have had nothing to do for some time; nothing at all has no interval."""
    windows = [window([1000] * 50) if number % 2 else window([]) for number in range(20)]
    assert percentile_interval(windows, 0.95) == (1000, 1000)
    assert percentile_interval([window([])] * 20, 0.95) == (None, None)


def test_times_past_the_last_bin_are_the_longest() -> None:
    """More than an hour."""
    windows = [window([1000] * 10 + [4_000_000_000] * 10)] * 20
    assert percentile_interval(windows, 0.9) == (4_000_000_000, 4_000_000_000)


def test_what_failed_moves_the_upper_end_beyond_all() -> None:
    """Where the failures of some drawn runs leave no room for a p95, it has no upper end; nor a lower, where all do."""
    few = [window([1000] * 100, failures=40 if number < 2 else 0) for number in range(20)]
    assert percentile_interval(few, 0.95) == (1000, None)
    assert percentile_interval(few, 0.95, bad_is_slow=False) == (1000, 1000)
    assert percentile_interval([window([1000] * 100, failures=10)] * 20, 0.95) == (None, None)
    assert percentile_interval([window([1000] * 100, failures=4)] * 20, 0.95) == (1000, 1000)


def test_what_was_dropped_moves_the_quantile() -> None:
    """With 10 % dropped the p81 of all is the p90 of those that were sent."""
    rng = np.random.default_rng(6)
    times = [rng.integers(1000, 900_000, size=90).tolist() for _ in range(20)]
    with_drops = [window(one, dropped=10) for one in times]
    plain = [window(one) for one in times]
    assert percentile_interval(with_drops, 0.81) == percentile_interval(plain, 0.9)
    assert percentile_interval(with_drops, 0.81, loses=False) == percentile_interval(plain, 0.81)
    assert percentile_interval(with_drops, 0.95) == (None, None)


def covered(make: Callable[[np.random.Generator], list[Window]], fraction: float, truth_us: float, seed: int) -> float:
    """In how many of 200 runs the interval holds the truth."""
    rng = np.random.default_rng(seed)
    held = 0
    for _ in range(200):
        low, high = percentile_interval(make(rng), fraction)
        held += (low is not None and low <= truth_us) and (high is None or truth_us <= high)
    return held / 200


@pytest.mark.slow
@pytest.mark.parametrize(("fraction", "seconds"), [(0.5, 20), (0.95, 20), (0.95, 60), (0.99, 60), (0.95, 300)])
def test_coverage_of_independent_samples(fraction: float, seconds: int) -> None:
    """Lognormal, 50 a second, nominal 95 %: at least 90 %. With 95 % in truth fewer than 90 % of 200 come in 0.1 %."""

    def make(rng: np.random.Generator) -> list[Window]:
        count = 50 * seconds
        return cut(rng.uniform(0, seconds, count), 100_000 * np.exp(0.5 * rng.standard_normal(count)), seconds)

    truth_us = 100_000 * math.exp(0.5 * NormalDist().inv_cdf(fraction))
    assert covered(make, fraction, truth_us, seed=11) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "seconds"), [(80.0, 300), (400.0, 60)])
def test_coverage_on_a_queue(rate: float, seconds: int) -> None:
    """M/M/1 at 80 % utilisation, p95 of the sojourn: at least 80 %, where order statistics hold the truth in 12 %."""
    served = rate / 0.8

    def make(rng: np.random.Generator) -> list[Window]:
        count = rng.poisson(rate * seconds)
        arrived = np.sort(rng.uniform(0, seconds, count))
        busy = rng.exponential(1 / (served - rate)) if rng.random() < 0.8 else 0.0
        before = np.concatenate(([0.0], np.cumsum(service := rng.exponential(1 / served, count))[:-1]))
        # Lindley: the server is free when the last of any busy period is done.
        free = np.maximum.accumulate(np.maximum(arrived - before, busy))
        done = free + before + service
        return cut(np.minimum(done, seconds - 1e-9), 1e6 * (done - arrived), seconds)

    truth_us = -1e6 * math.log(0.05) / (served - rate)
    assert covered(make, 0.95, truth_us, seed=12) >= 0.8
