"""When iterations begin: held against the integral of the rate, against theory, and over any number of processes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from loadworthy.plan.model import Scenario
from loadworthy.units import US_PER_S
from loadworthy.workload.arrivals import CHUNK, Arrival, Source, Split, arrivals, chunks, expected
from loadworthy.workload.profile import LoadChange, OpenProfile, open_profile

SINGLE = [Split(0, 1)]


def profile(**keys: Any) -> OpenProfile:
    return open_profile(Scenario.model_validate(keys))


def every(one: OpenProfile, seed: str = "7") -> list[Arrival]:
    return list(arrivals(one, seed, SINGLE))


@pytest.mark.parametrize(("rate", "seconds"), [("200/s", 60), ("1/s", 3), ("3/s", 10), ("90/min", 4), ("7/s", 1000)])
def test_even_arrivals_are_as_many_as_rate_times_time(rate: str, seconds: int) -> None:
    """The first is due at once, the others one period apart, and there is not one more or less."""
    found = every(profile(rate=rate, run_time=seconds, arrivals="constant"))
    per_s = profile(rate=rate).peak_rate
    assert len(found) == round(per_s * seconds)
    assert [one.number for one in found] == list(range(len(found)))
    assert all(abs(one.at_us - one.number * US_PER_S / per_s) <= 1 for one in found)


STAGES = [
    {"duration": "2s", "ramp_to": "100/s"},
    {"duration": "3s", "rate": "100/s"},
    {"duration": "1s", "rate": 0},
    {"duration": "2s", "ramp_to": 300},
    {"duration": "1s", "ramp_to": 20},
]


def asked_until(one: OpenProfile, at_us: int) -> float:
    """The integral of the rate, by a sum over short steps."""
    total, step_us = 0.0, 500
    for middle_us in range(step_us // 2, at_us, step_us):
        leg = next(leg for leg in reversed(one.legs) if leg.at_us <= middle_us)
        share = (middle_us - leg.at_us) / leg.length_us
        factor = next((change.factor for change in reversed(one.changes) if change.at_us <= middle_us), 1.0)
        total += factor * (leg.from_rate + (leg.to_rate - leg.from_rate) * share) * step_us / US_PER_S
    return total


def test_even_arrivals_follow_ramps_and_steps() -> None:
    """At any moment there have been as many as the integral of the rate says, to within one."""
    one = profile(stages=STAGES, arrivals="constant")
    times = [arrival.at_us for arrival in every(one)]
    assert len(times) == 100 + 300 + 0 + 300 + 160
    for at_us in range(0, 9 * US_PER_S, 250_000):
        assert abs(sum(time < at_us for time in times) - asked_until(one, at_us)) <= 1.01


def test_poisson_arrivals_have_exponential_gaps() -> None:
    """Anderson-Darling on 4,096 gaps at 1 % false alarms, Spearman's lag 1 below 3 sigma, the rate within 4 sigma."""
    times = np.array([arrival.at_us for arrival in every(profile(rate="1000/s", run_time="20s"), "31")])
    gaps = np.diff(times)[:4096] + 0.5
    fit = stats.anderson(gaps / gaps.mean(), "expon", method="interpolate")
    assert fit.pvalue > 0.01
    assert abs(stats.spearmanr(gaps[:-1], gaps[1:]).statistic) < 3 / np.sqrt(gaps.size)
    assert abs(times.size - 20_000) < 4 * np.sqrt(20_000)


def test_poisson_arrivals_follow_ramps_too() -> None:
    """Mapped through the integral of the rate they are uniform: Kolmogorov-Smirnov at 1 % false alarms."""
    one = profile(stages=[{"duration": "20s", "ramp_to": "200/s"}])
    times = np.array([arrival.at_us for arrival in every(one, "5")]) / US_PER_S
    assert stats.kstest((times / 20) ** 2, "uniform").pvalue > 0.01
    assert abs(times.size - 2000) < 4 * np.sqrt(2000)


@settings(max_examples=40, deadline=None)
@given(
    rates=st.lists(st.tuples(st.floats(0, 500), st.booleans()), min_size=1, max_size=5),
    constant=st.booleans(),
    seed=st.text(max_size=8),
)
def test_arrivals_ascend_within_the_time(rates: list[tuple[float, bool]], constant: bool, seed: str) -> None:
    """Whatever the stages are: none before the start, none at or after the end, none out of order."""
    stages = [{"duration": "1s", ("ramp_to" if ramp else "rate"): f"{rate:f}/s"} for rate, ramp in rates]
    one = profile(stages=stages, arrivals="constant" if constant else "poisson")
    times = [arrival.at_us for arrival in every(one, seed)]
    assert times == sorted(times)
    assert all(0 <= time < len(rates) * US_PER_S for time in times)


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_the_shares_of_all_processes_are_the_whole(processes: int) -> None:
    """No iteration is begun twice or by nobody, whatever the number of processes."""
    one = profile(stages=STAGES)
    shares = [list(arrivals(one, "x", [Split(share, processes)])) for share in range(processes)]
    assert sorted(itertools.chain(*shares)) == every(one, "x")


def test_workers_that_come_and_go_leave_no_gap() -> None:
    """Three, then the second is lost, then another comes: from each new split on the sums are exact."""
    one = profile(rate="500/s", run_time="6s")
    crew = {
        "first": [Split(0, 3), Split(0, 2, 2 * US_PER_S), Split(0, 3, 4 * US_PER_S)],
        "lost": [Split(1, 3), Split(None, 2, 2 * US_PER_S), Split(None, 3, 4 * US_PER_S)],
        "third": [Split(2, 3), Split(1, 2, 2 * US_PER_S), Split(1, 3, 4 * US_PER_S)],
        "late": [Split(None, 3), Split(None, 2, 2 * US_PER_S), Split(2, 3, 4 * US_PER_S)],
    }
    begun = [list(arrivals(one, "x", splits)) for splits in crew.values()]
    assert sorted(itertools.chain(*begun)) == every(one, "x")
    assert max(one.at_us for one in begun[1]) < 2 * US_PER_S <= 4 * US_PER_S <= min(one.at_us for one in begun[3])


def test_a_split_may_come_while_arrivals_are_being_asked_for() -> None:
    """It holds for every arrival from its moment on, also within a chunk that was begun."""
    one = profile(rate="1000/s", run_time="3s", arrivals="constant")
    splits = [Split(0, 2)]
    taken = []
    for arrival in arrivals(one, "x", splits):
        taken.append(arrival)
        if arrival.at_us == 1_000_000:
            splits.append(Split(0, 1, 2_000_000))
    assert [one.number for one in taken] == [*range(0, 2000, 2), *range(2000, 3000)]


def test_iterations_limit_the_arrivals() -> None:
    """So many and no more, also beyond one chunk and without an end in time."""
    assert len(every(profile(rate="100000/s", iterations=CHUNK + 5))) == CHUNK + 5


def test_one_seed_gives_one_sequence() -> None:
    """The same seed the same times, another seed others."""
    one = profile(rate="100/s", run_time="5s")
    assert every(one, "7/load") == every(one, "7/load")
    assert every(one, "7/load") != every(one, "8/load")


def test_arrivals_are_worked_out_as_they_are_needed() -> None:
    """A profile without end gives its first chunks at once."""
    found = list(itertools.islice(chunks(profile(rate="10/s"), "1"), 3))
    assert [(first, times.size) for first, times in found] == [(0, CHUNK), (CHUNK, CHUNK), (2 * CHUNK, CHUNK)]


def test_what_was_looked_at_may_still_become_another_s() -> None:
    """A split that comes between looking and taking holds for what was not taken."""
    one = profile(rate="1000/s", run_time="3s", arrivals="constant")
    splits = [Split(0, 1)]
    source = Source(one, "x", splits)
    assert source.peek() == source.take() == Arrival(0, 0)
    assert source.peek() == Arrival(1, 1000)
    splits.append(Split(1, 4, 1000))
    assert [source.take() for _ in range(3)] == [Arrival(1, 1000), Arrival(5, 5000), Arrival(9, 9000)]


def test_a_newcomer_passes_over_what_was_before_it() -> None:
    """Chunk by chunk; what it begins then is what its splits say, as if it had been there all the time."""
    one = profile(rate="5000/s", run_time="20s")
    expected = list(arrivals(one, "x", [Split(None, 2), Split(0, 3, 15 * US_PER_S)]))
    splits = [Split(0, 3)]
    source = Source(one, "x", splits)
    skipped = sum(1 for _ in source.skip_until(14 * US_PER_S))
    assert skipped > 10
    source.peek()
    splits[:] = [Split(None, 2), Split(0, 3, 15 * US_PER_S)]
    source.forget()
    taken = []
    while (arrival := source.take()) is not None:
        taken.append(arrival)
    assert taken == expected


CHANGES = [
    LoadChange(1_250_000, 3), LoadChange(4_100_000, 0.5), LoadChange(5_500_000, 2), LoadChange(7_300_000, 1)
]  # fmt: skip


def test_changed_arrivals_follow_so_many_times_the_rate() -> None:
    """At any moment as many as the integral of the changed rate says, to within one; ramps and pauses included."""
    one = profile(stages=STAGES, arrivals="constant").changed(CHANGES)
    times = [arrival.at_us for arrival in every(one)]
    assert times == sorted(times)
    for at_us in range(0, 9 * US_PER_S, 250_000):
        asked = asked_until(one, at_us)
        assert abs(sum(time < at_us for time in times) - asked) <= 1.01
        assert expected(one, at_us) == pytest.approx(asked, abs=1e-3)
    assert abs(len(times) - asked_until(one, 9 * US_PER_S)) <= 1.01


def test_changed_poisson_arrivals_stay_poisson() -> None:
    """Three times the rate from a moment on: both parts are uniform, Kolmogorov-Smirnov at 1 % false alarms each."""
    one = profile(rate="100/s", run_time="20s").changed([LoadChange(10 * US_PER_S, 3)])
    times = np.array([arrival.at_us for arrival in every(one, "5")]) / US_PER_S
    before, after = times[times < 10], times[times >= 10]
    assert stats.kstest(before / 10, "uniform").pvalue > 0.01
    assert stats.kstest((after - 10) / 10, "uniform").pvalue > 0.01
    assert abs(before.size - 1000) < 4 * np.sqrt(1000)
    assert abs(after.size - 3000) < 4 * np.sqrt(3000)


@settings(max_examples=60, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 9 * US_PER_S), st.floats(0.01, 20)), max_size=5, unique_by=lambda c: c[0]
    ),
    constant=st.booleans(),
)
def test_a_change_leaves_what_was_before_it(changes: list[tuple[int, float]], constant: bool) -> None:
    """Number by number and to the microsecond, whatever changes follow; and what comes after it is not before it."""
    one = profile(stages=STAGES, arrivals="constant" if constant else "poisson")
    ascending = [LoadChange(at_us, factor) for at_us, factor in sorted(changes)]
    found = every(one)
    for count, change in enumerate(ascending, 1):
        changed = every(one.changed(ascending[:count]))
        kept = sum(arrival.at_us < change.at_us for arrival in found)
        assert changed[:kept] == found[:kept]
        assert all(arrival.at_us >= change.at_us - 1 for arrival in changed[kept:])
        assert [arrival.number for arrival in changed] == list(range(len(changed)))
        found = changed


@pytest.mark.parametrize("heard_us", [-1, 0, 100_000])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_no_iteration_is_lost_or_doubled_at_a_change(processes: int, heard_us: int) -> None:
    """Each process hears of two changes while it takes arrivals, at moments of its own: together they begin each once.

    One that hears of them late, when it has begun some at the old rate, begins the others as all do.
    """
    one = profile(rate="2000/s", run_time="4s")
    changed = one.changed([LoadChange(1_000_000, 2.5), LoadChange(2_000_000, 0.4)])
    begun: list[Arrival] = []
    for share in range(processes):
        source = Source(one, "x", [Split(share, processes)])
        hears = [(1_000_000, one.changed(changed.changes[:1])), (2_000_000, changed)]
        late_us = heard_us if share == processes - 1 else -100_000 * share
        while (arrival := source.peek()) is not None:
            if hears and arrival.at_us >= hears[0][0] + late_us:
                source.follow(hears.pop(0)[1])
                continue
            begun.append(arrival)
            source.take()
    assert sorted(arrival.number for arrival in begun) == list(range(len(every(changed, "x"))))
    if heard_us <= 0:
        assert sorted(begun) == every(changed, "x")


def test_a_source_that_had_come_to_its_end_goes_on_where_there_is_more() -> None:
    """A low rate is known to its end at once; a change asks for more before that."""
    one = profile(rate="2/s", run_time="10s", arrivals="constant")
    source = Source(one, "x", SINGLE)
    taken = [source.take() for _ in range(20)]
    assert source.peek() is None
    more = one.changed([LoadChange(9_600_000, 50)])
    source.follow(more)
    rest = list(iter(source.take, None))
    assert [*taken, *rest] == every(more, "x")
    assert len(rest) == 40
    source.close()
    source.follow(one.changed([LoadChange(9_900_000, 100)]))
    assert source.take() is None


def test_a_change_and_workers_that_come_and_go() -> None:
    """Splits hold from their moments on, by the changed times."""
    one = profile(rate="500/s", run_time="6s").changed([LoadChange(3 * US_PER_S, 4)])
    crew = {
        "first": [Split(0, 2), Split(0, 1, 2 * US_PER_S), Split(0, 2, 4 * US_PER_S)],
        "lost": [Split(1, 2), Split(None, 1, 2 * US_PER_S), Split(None, 2, 4 * US_PER_S)],
        "late": [Split(None, 2), Split(None, 1, 2 * US_PER_S), Split(1, 2, 4 * US_PER_S)],
    }
    begun = [list(arrivals(one, "x", splits)) for splits in crew.values()]
    assert sorted(itertools.chain(*begun)) == every(one, "x")
    assert 0.45 < len(begun[2]) / sum(arrival.at_us >= 4 * US_PER_S for arrival in every(one, "x")) < 0.55


@pytest.mark.parametrize("factor", [0.1, 10])
def test_iterations_stay_a_limit(factor: float) -> None:
    """As many as the plan says, later or sooner."""
    one = profile(rate="1000/s", iterations=2000).changed([LoadChange(500_000, factor)])
    found = every(one)
    assert len(found) == 2000
    last_s = 0.5 + 1500 / (1000 * factor)
    assert found[-1].at_us / US_PER_S == pytest.approx(last_s, rel=0.1)
