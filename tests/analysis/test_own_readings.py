"""The generator's own readings: weighted quantiles and the delay that stalls make, against naive counts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.runs import START_MS, interval

from loadworthy.analysis.own_readings import Readings, own_delay_ms, weighted_quantile


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), min_size=1, max_size=30),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
def test_a_weight_counts_as_so_many_values(pairs: list[tuple[int, int]], fraction: float) -> None:
    """The quantile of (value, weight) is the nearest rank of each value repeated so often."""
    repeated = sorted(value for value, weight in pairs for _ in range(weight))
    rank = -int(-round(fraction * len(repeated), 9) // 1)
    assert weighted_quantile(pairs, fraction) == repeated[max(rank, 1) - 1]


def test_nothing_has_no_quantile() -> None:
    """None, not zero."""
    assert weighted_quantile([], 0.5) is None


def test_long_intervals_weigh_more() -> None:
    """A blocked process reports seldom: one interval of 9 s at full load is nine of ten seconds."""
    readings = Readings()
    readings.add(interval(0, health={"cpu": 0.1}))
    readings.add(interval(1, health={"cpu": 0.99}, duration_ms=9000))
    assert readings.busiest() == (0, 0.99)
    assert readings.quantile("cpu", 0.1) == 0.1
    assert readings.seconds("cpu", at_least=0.9) == 9


def naive_delay_ms(stalls: list[tuple[float, float]], fraction: float, step_ms: float) -> float:
    """Requests come every so many ms; one that comes while the process stands still waits for the end of that."""
    delays = sorted(
        max(stall - number * step_ms, 0.0) for stall, length in stalls for number in range(round(length / step_ms))
    )
    return delays[min(int(fraction * len(delays)), len(delays) - 1)]


@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("seed", range(5))
def test_the_delay_that_stalls_make(seed: int, fraction: float) -> None:
    """Equal, but for the step of the arrivals, to the quantile over arrivals counted one by one."""
    rng = random.Random(seed)
    stalls = [(rng.choice([0.0, rng.uniform(0, 400)]), rng.choice([500.0, 1000.0])) for _ in range(20)]
    assert own_delay_ms(stalls, fraction) == pytest.approx(naive_delay_ms(stalls, fraction, 0.05), abs=0.2)


@pytest.mark.parametrize(
    ("stalls", "delay_ms"),
    [
        ([], 0),
        ([(0.0, 1000.0)] * 9, 0),
        ([(30.0, 1000.0)] + [(0.0, 1000.0)] * 3599, 0),  # one hiccup in an hour
        ([(30.0, 1000.0)] * 60, 20),  # 30 ms in each second: 3 %, of which 2 % are beyond 20 ms … less 1 %
        ([(4000.0, 5000.0)], 3950),
    ],
)
def test_delays_by_hand(stalls: list[tuple[float, float]], delay_ms: float) -> None:
    """The p99 is delayed by what is left of the stalls when 1 % of the time is taken off them."""
    assert own_delay_ms(stalls, 0.99) == pytest.approx(delay_ms)


def test_readings_of_a_stretch_of_time() -> None:
    """By the middle of their intervals, of all processes; those of one by its number."""
    readings = Readings()
    for second in range(4):
        for process in (1, 2):
            readings.add(interval(second, process=process, health={"cpu": second + process / 10}))
    part = readings.between(START_MS + 1000, START_MS + 3000)
    assert (part.count("cpu"), part.worst("cpu"), part.processes()) == (4, 2.2, [1, 2])
    assert part.of(1).worst("cpu") == 2.1
