"""Poisson arrivals as the server sees them: Lancet's tests (Kogias, Mallon and Bugnion, ATC'19), and exact books.

What reaches the server is what was intended plus what the machine took. Where others use the machine too, that is
milliseconds, and no generator's gaps of half a millisecond stay what they were; ``benchmarks/honesty/theory.py``
looks at those on a machine that is left alone. Here stands what must be so on any machine:

* What was intended passes with all its gaps, and each request came, once and not before its time.
* At 200/s, gaps longer than half the mean: what is left of an exponential beyond any point is the same exponential,
  and delays that do not depend on the gap leave its tail as it was.
* At 2,000/s, times for 100 arrivals: sums of 100 exponentials, against which milliseconds are little.

Where the machine stands still, whatever was due meanwhile comes at once. Each request has its intended time, so it is
known which came late by more than milliseconds; these are left out, and the stretches between them looked at.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from loadworthy.testing import CountingServer
from loadworthy.units import US_PER_S
from tests.honesty.oracles import Int64Array, intended
from tests.honesty.watched import Watched, watch

LEVEL = 0.01
"""False alarms of each test of a distribution, over seeds; the seeds here are fixed."""
SEED = 7
HELD_UP_US = 100_000
"""What comes so late was held up by the machine."""


def exponential_p(gaps: Int64Array) -> float:
    """Anderson-Darling on the gaps over their mean; values of whole µs stand for their middle. Never below 0.01."""
    values = gaps + 0.5
    return float(stats.anderson(values / values.mean(), "expon", method="interpolate").pvalue)


def is_unordered(gaps: Int64Array) -> bool:
    """Whether Spearman's lag 1 is within three sigma of none: 0.3 % false alarms."""
    return bool(abs(stats.spearmanr(gaps[:-1], gaps[1:]).statistic) < 3 / np.sqrt(gaps.size))


def tail(gaps: Int64Array, beyond_us: int) -> Int64Array:
    """How much longer the longer ones are."""
    return gaps[gaps > beyond_us] - beyond_us


def times_for(count: int, moments_us: Int64Array) -> Int64Array:
    """For so many arrivals each."""
    return np.diff(moments_us[::count])


def sums_p(times: Int64Array, count: int, per_s: int) -> float:
    """Kolmogorov-Smirnov against the sum of so many exponentials, the rate known."""
    return float(stats.kstest(times, "gamma", args=(count, 0, US_PER_S / per_s)).pvalue)


def observed(folder: Path, per_s: int, run_s: int) -> tuple[Watched, list[Int64Array]]:
    """The run, and the moments at which the server saw its requests, in the stretches in which none was held up."""
    with CountingServer() as server:
        watched = watch(folder, server, SEED, rate=f"{per_s}/s", run_time=f"{run_s}s")
    order = np.argsort(watched.arrival_us, kind="stable")
    is_held_up = watched.came_late_us[order] > HELD_UP_US
    parts = np.split(order, np.flatnonzero(np.diff(is_held_up)) + 1)
    stretches = [watched.arrival_us[part] for part in parts if watched.came_late_us[part[0]] <= HELD_UP_US]
    assert sum(stretch.size for stretch in stretches) > order.size / 10
    return watched, stretches


def books_and_plan_are_right(watched: Watched, per_s: int, run_s: int) -> None:
    """To the unit; and what was intended passes Lancet's three tests with 4,096 gaps."""
    moments_us = watched.intended_us
    assert watched.scheduled == moments_us.size == watched.arrival_us.size
    assert watched.sent + watched.dropped == watched.scheduled
    assert watched.sent == watched.arrival_us.size
    gaps = np.diff(moments_us)[:4096]
    assert gaps.size == 4096
    assert exponential_p(gaps) > LEVEL
    assert is_unordered(gaps)
    assert abs(moments_us.size - per_s * run_s) < 4 * np.sqrt(per_s * run_s)


@pytest.mark.slow
def test_200_per_second_are_poisson_at_the_server(tmp_path: Path) -> None:
    """25 s: the tail of the gaps is exponential with the rate asked for, and no gap tells of the next."""
    watched, stretches = observed(tmp_path, 200, 25)
    books_and_plan_are_right(watched, 200, 25)
    gaps = np.concatenate([np.diff(moments_us) for moments_us in stretches])
    longer = tail(gaps, 2500)
    assert exponential_p(longer) > LEVEL
    assert longer.mean() == pytest.approx(5000, rel=4 / np.sqrt(longer.size))
    assert is_unordered(gaps)


@pytest.mark.slow
def test_2000_per_second_are_poisson_at_the_server(tmp_path: Path) -> None:
    """10 s: times for 100 arrivals are distributed as they should be, and none tells of the next."""
    watched, stretches = observed(tmp_path, 2000, 10)
    books_and_plan_are_right(watched, 2000, 10)
    times = np.concatenate([times_for(100, moments_us) for moments_us in stretches])
    assert sums_p(times, 100, 2000) > LEVEL
    assert is_unordered(times)


def test_the_tests_tell_other_arrivals_from_poisson() -> None:
    """An even beat with 1 ms of noise, and 10 users who wait for answers, pass none of them."""
    rng = np.random.default_rng(1)
    even = np.sort(intended(1, rate="200/s", run_time="25s", arrivals="constant") + rng.exponential(1000, 5000))
    closed = np.sort(np.cumsum(rng.lognormal(np.log(50_000), 0.3, (10, 500)), axis=1).ravel())
    for moments_us in (even.astype(np.int64), closed.astype(np.int64)):
        gaps = np.diff(moments_us)
        assert sums_p(times_for(100, moments_us), 100, 200) <= LEVEL
        assert exponential_p(gaps[:4096]) <= LEVEL
        assert exponential_p(tail(gaps, 2500)) <= LEVEL
