"""Capacity searches on simulated systems whose capacity is known, hundreds of seeds each, in virtual time.

What is asked of 200 searches each: the interval contains the truth in at least 90 %, and the rate is within 5 % of it
in at least 95 %. Seeds are fixed. With others, at the coverage of 95 % or more that was measured over 400 searches, 200
would fall below 90 % once in 300 times.
"""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from tests.workload.simulated import ManyServers, Searched, Shedding, SingleServer, System, poisson, search, searches

from loadworthy.workload.search import SearchSettings, settings_for

SEARCHES = 200
DRAWN_OUT = pytest.mark.slow

SYSTEMS: dict[str, tuple[System, SearchSettings]] = {
    "M/M/1 of 400/s": (SingleServer(400, 0.5), settings_for(limits_s=[0.5])),
    "M/D/1 of 400/s": (SingleServer(400, 0.5, is_steady=True), settings_for(limits_s=[0.5])),
    "M/M/1 of 2,500/s": (SingleServer(2500, 0.2), settings_for(limits_s=[0.2])),
    "M/D/1 of 2,500/s": (SingleServer(2500, 0.2, is_steady=True), settings_for(limits_s=[0.2])),
    "M/M/20": (ManyServers(20, 20, 0.25), settings_for(limits_s=[0.25])),
    "sheds load": (Shedding(400), settings_for(limits_s=[])),
    "varies by 2 %": (SingleServer(400, 0.5, spread=0.02), settings_for(limits_s=[0.5])),
    "varies by 3 %": (SingleServer(400, 0.5, spread=0.03), settings_for(limits_s=[0.5])),
}
_found: dict[str, list[Searched]] = {}


def found(name: str) -> list[Searched]:
    """200 searches of a system, done once."""
    if name not in _found:
        _found[name] = searches(*SYSTEMS[name], range(SEARCHES))
    return _found[name]


def errors(name: str) -> list[float]:
    """How far the rates are from the truth, as a share of it."""
    capacity = SYSTEMS[name][0].capacity
    return [math.inf if one.result.rate is None else one.result.rate / capacity - 1 for one in found(name)]


def contained(system: System, all_of: list[Searched]) -> float:
    """The share of searches whose interval has the truth in it."""
    ends = [(one.result.low, one.result.high) for one in all_of]
    return float(
        np.mean([low is not None and high is not None and low <= system.capacity <= high for low, high in ends])
    )


NAMES = [
    pytest.param(name, marks=DRAWN_OUT if "2,500" in name or name == "M/M/20" else (), id=name) for name in SYSTEMS
]


@pytest.mark.parametrize("name", NAMES)
def test_the_interval_contains_the_true_capacity(name: str) -> None:
    """In at least 90 % of searches, and it is no wider than three times the precision in as many."""
    assert contained(SYSTEMS[name][0], found(name)) >= 0.9
    widths = [(one.result.high or math.inf) / (one.result.low or 1e-9) - 1 for one in found(name)]
    assert np.quantile(widths, 0.9) <= 0.15


@pytest.mark.parametrize("name", NAMES)
def test_the_rate_is_within_the_precision_of_the_true_capacity(name: str) -> None:
    """Within 5 % in at least 95 % of searches; where the target itself varies by 3 % between trials, in 92 %."""
    wanted = 0.92 if name == "varies by 3 %" else 0.95
    assert np.mean([abs(error) <= 0.05 for error in errors(name)]) >= wanted
    assert abs(np.mean(errors(name))) <= 0.02
    assert all(one.result.ended == "found" for one in found(name))


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_takes_less_than_four_minutes(name: str) -> None:
    """From 10/s, cool-downs included: half of the searches end within 200 s, 95 % within 240 s."""
    took_s = [one.took_s for one in found(name)]
    assert np.median(took_s) < 200
    assert np.quantile(took_s, 0.95) < 240


@pytest.mark.parametrize("name", NAMES)
def test_no_target_gets_more_than_one_step_beyond_what_it_held(name: str) -> None:
    """Each rate is at most twice the highest that was good before it."""
    for one in found(name):
        held = 5.0
        for trial, outcome in zip(one.trials, one.outcomes, strict=True):
            assert trial.rate <= 2 * held * (1 + 1e-9)
            held = held if outcome.is_bad else max(held, trial.rate)


@DRAWN_OUT
@pytest.mark.parametrize("share", [0.05, 0.01])
def test_the_interval_does_not_hang_on_where_the_search_starts(share: float) -> None:
    """First rates from 10/s to 20/s, so that the trials near the capacity are others each time; p95 and p99."""
    system = SingleServer(400, 0.5, share)
    starts = [10 * 2 ** (number * 0.618034 % 1) for number in range(SEARCHES)]
    all_of = [search(system, settings_for(limits_s=[0.5], start_rate=start), seed) for seed, start in enumerate(starts)]
    assert contained(system, all_of) >= 0.9
    assert np.mean([abs((one.result.rate or 0) / system.capacity - 1) <= 0.05 for one in all_of]) >= 0.95


@DRAWN_OUT
def test_a_slow_server_has_a_wider_interval() -> None:
    """60 services/s, and 54/s within 0.5 s: near that, single trials mean little, and the interval says so."""
    system = SingleServer(60, 0.5)
    all_of = searches(system, settings_for(limits_s=[0.5]), range(SEARCHES))
    assert contained(system, all_of) >= 0.9


def test_the_time_that_is_allowed_is_kept() -> None:
    """However short it is; what held by then is the answer, and not more than the truth by what goes unnoticed."""
    system = SingleServer(400, 0.5)
    for max_duration_s in (30.0, 60.0, 120.0):
        for seed in range(20):
            one = search(system, settings_for(limits_s=[0.5], max_duration_s=max_duration_s), seed)
            assert one.took_s <= max_duration_s
            assert one.result.ended in {"max_duration", "found"}
            assert one.result.rate is not None
            assert one.result.rate <= 1.15 * system.capacity


def test_a_generator_that_is_too_slow_is_not_taken_for_the_target() -> None:
    """It makes 1,000/s of the 2,500/s that the target can do: the answer is a lower bound, and named as such."""
    one = search(SingleServer(2500, 0.2), settings_for(limits_s=[0.2]), 1, generator_rate=1000)
    assert (one.result.high, one.result.ended) == (None, "generator")
    assert one.result.rate == pytest.approx(640 * 2**0.5)


def test_one_seed_gives_one_search() -> None:
    """Trial by trial."""
    first, second = (search(*SYSTEMS["M/M/1 of 400/s"], 3) for _ in range(2))
    assert first == second


def test_the_vectorised_queue_is_the_queue() -> None:
    """Against Lindley's recursion, a request at a time, in an overloaded server: the same verdict at every limit."""
    arrived = poisson(450, 3, np.random.default_rng(7))
    service = np.random.default_rng(8).standard_exponential(arrived.size) / 400
    served = np.cumsum(service)
    done = served + np.maximum.accumulate(arrived - (served - service))
    free_s = 0.0
    for at_s, takes_s, expected_s in zip(arrived, service, done, strict=True):
        free_s = max(at_s, free_s) + takes_s
        assert free_s == pytest.approx(expected_s, abs=1e-9)


@pytest.mark.parametrize("servers", [1, 3])
def test_the_true_capacity_is_true(servers: int) -> None:
    """A million requests at the capacity: 5 % of them are slower than the limit, to within 0.4 %, which is 5 sigma."""
    random = np.random.default_rng(11)
    system: SingleServer | ManyServers = SingleServer(60, 0.1) if servers == 1 else ManyServers(3, 20, 0.2)
    limit_s = system.limit_s
    arrived = poisson(system.capacity, 1e6 / system.capacity, random)
    takes_s = random.standard_exponential(arrived.size) / system.mu
    free, late = [0.0] * servers, 0
    for at_s, lasts_s in zip(arrived.tolist(), takes_s.tolist(), strict=True):
        done_s = max(at_s, free[0]) + lasts_s
        heapq.heapreplace(free, done_s)
        late += done_s - at_s > limit_s
    assert late / arrived.size == pytest.approx(0.05, abs=0.004)
