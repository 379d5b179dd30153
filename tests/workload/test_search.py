"""The capacity search: the rule of MLRsearch against its definition, the course of a search, and how it ends."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.workload.simulated import COOL_DOWN_S

from loadworthy.workload.search import CapacitySearch, Outcome, SearchSettings, Trial, settings_for
from loadworthy.workload.search_bounds import Observation, Tally, interval

PLAIN = SearchSettings(fewest_requests=1)
Judge = Callable[[Trial], bool]


def over(rate: float) -> Judge:
    """A target that is bad beyond a rate, always and at once."""
    return lambda trial: trial.rate > rate


def played(one: CapacitySearch, judge: Judge, generator: Judge = lambda _: False) -> list[Trial]:
    """All trials of a search; each takes its length and the least cool-down."""
    trials = []
    while (trial := one.next()) is not None:
        trials.append(trial)
        took_s = trial.duration_s + COOL_DOWN_S
        one.record(Outcome(trial.rate, trial.duration_s, took_s, judge(trial), generator(trial)))
    return trials


def scripted(answers: str, purposes: Sequence[str]) -> Judge:
    """Trials of these purposes are good (g) or bad (b) as the letters say, those after the last and others good."""
    letters = iter(answers)
    return lambda trial: trial.purpose in purposes and next(letters, "g") == "b"


def by_definition(trials: Sequence[tuple[int, bool]], full_s: int) -> bool | None:
    """MLRsearch, Load Classification: the seconds still missing are taken as bad, and then as good.

    Where even the first leaves a ratio of bad seconds that does not exceed a half, the load is a lower bound; where
    even the second exceeds it, an upper bound.
    """
    full_good = sum(length for length, is_bad in trials if length >= full_s and not is_bad)
    full_bad = sum(length for length, is_bad in trials if length >= full_s and is_bad)
    short = sum(length if is_bad else -length for length, is_bad in trials if length < full_s)
    bad = full_bad + max(short, 0)
    missing = max(full_s - full_good - bad, 0)
    whole = full_good + bad + missing
    if Fraction(bad + missing, whole) <= Fraction(1, 2):
        return True
    return False if Fraction(bad, whole) > Fraction(1, 2) else None


@settings(max_examples=400, deadline=None)
@given(trials=st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=8), full_s=st.integers(2, 25))
def test_the_rule_is_that_of_mlrsearch(trials: list[tuple[int, bool]], full_s: int) -> None:
    """Whatever was tried at a rate: proven good, proven bad or undecided as the definition says."""
    tally = Tally(full_s)
    for length, is_bad in trials:
        tally.add(length, is_bad)
    assert tally.is_good is by_definition(trials, full_s)


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([], None),
        ([(3, False)], None),
        ([(3, True)], None),
        ([(10, False)], True),
        ([(10, True)], False),
        ([(10, True), (10, False)], True),
        ([(10, True), (10, False), (10, True)], False),
        ([(3, True), (10, False)], True),
        ([(3, True), (3, True)], False),
        ([(3, True), (3, False), (3, True)], None),
    ],
)
def test_one_full_trial_decides_and_one_short_trial_does_not(
    trials: list[tuple[int, bool]], expected: bool | None
) -> None:
    """Cases worked out by hand; at exactly half the rate is good."""
    tally = Tally(10)
    for length, is_bad in trials:
        tally.add(length, is_bad)
    assert tally.is_good is expected


def test_a_search_grows_bisects_and_confirms() -> None:
    """10, 20 … until one is bad, that one again in full length, then full trials between, and a long one at the end."""
    one = CapacitySearch(PLAIN)
    trials = played(one, over(333.0))
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert [trial.rate for trial in trials[:8]] == [10, 20, 40, 80, 160, 320, 640, 640]
    assert [trial.duration_s for trial in trials[:8]] == [3] * 7 + [10]
    assert trials[8].rate == pytest.approx(math.sqrt(320 * 640))
    assert [trial.purpose for trial in trials] == ["grow"] * 8 + ["bisect"] * 5 + ["confirm"]
    assert {trial.duration_s for trial in trials[8:-1]} == {10}
    assert trials[-1].duration_s == 30
    result = one.result()
    assert result.ended == "found"
    assert (result.rate, one.low) == (trials[-1].rate, trials[-1].rate)
    assert one.low is not None
    assert one.high is not None
    assert one.low <= 333 < one.high <= one.low * 1.05
    assert result.low is not None
    assert result.high is not None
    assert result.low <= one.low
    assert one.high <= result.high


@settings(max_examples=60, deadline=None)
@example(truth=1.0, precision=0.05, growth=3.0)
@given(truth=st.floats(0.7, 50_000), precision=st.sampled_from([0.02, 0.05, 0.1, 0.2]), growth=st.floats(1.2, 4))
def test_a_target_that_never_wavers_is_found_to_the_precision(truth: float, precision: float, growth: float) -> None:
    """Wherever its capacity is: the bounds have it between them, and the interval contains it."""
    one = CapacitySearch(replace(PLAIN, precision=precision, growth=growth, max_duration_s=1e6))
    played(one, over(truth))
    result = one.result()
    assert result.ended == "found"
    assert one.low is not None
    assert one.high is not None
    assert one.low <= truth <= one.high <= one.low * (1 + precision)
    assert result.rate == one.low
    assert result.low is not None
    assert result.high is not None
    assert result.low <= truth <= result.high


def test_a_low_bound_of_a_short_trial_is_proven_before_it_counts() -> None:
    """The capacity is just above a rate of the growth: that rate is tried again in full length."""
    one = CapacitySearch(PLAIN)
    trials = played(one, over(160.5))
    assert [(trial.purpose, trial.duration_s) for trial in trials if trial.rate == 160] == [
        ("grow", 3),
        ("bisect", 10),
        ("confirm", 30),
    ]
    assert one.result().rate == 160


def test_asking_twice_gives_the_same_trial() -> None:
    """Until it is recorded."""
    one = CapacitySearch(PLAIN)
    first = one.next()
    assert first is not None
    assert one.next() is first
    one.record(Outcome(first.rate, first.duration_s, 4, is_bad=False))
    assert one.next() != first


def test_an_outcome_of_another_trial_is_refused() -> None:
    """Another rate than was asked for, or one more when the search is over."""
    one = CapacitySearch(PLAIN)
    with pytest.raises(ValueError, match=r"an outcome of 11\.0/s"):
        one.record(Outcome(11.0, 3, 4, is_bad=False))
    played(one, over(100))
    with pytest.raises(ValueError, match="asked for None"):
        one.record(Outcome(10.0, 3, 4, is_bad=False))


def test_a_mishap_in_a_short_trial_does_not_end_the_growth() -> None:
    """The trial at 40/s is bad once; in full length it is good, and the search goes on as if nothing had been."""
    one = CapacitySearch(PLAIN)
    trials = played(one, lambda trial: trial.rate > 333 or (trial.rate == 40 and trial.duration_s == 3))
    assert [trial.rate for trial in trials[:6]] == [10, 20, 40, 40, 80, 160]
    assert one.low is not None
    assert 333 / 1.05 < one.low <= 333


def test_no_rate_above_the_maximum() -> None:
    """The maximum itself is tried in all lengths; if it holds it is the answer, and there is no upper bound."""
    one = CapacitySearch(replace(PLAIN, max_rate=250.0))
    trials = played(one, over(333))
    assert [(trial.rate, trial.duration_s) for trial in trials[-3:]] == [(250, 3), (250, 10), (250, 30)]
    assert max(trial.rate for trial in trials) == 250
    assert (one.result().rate, one.result().high, one.result().ended) == (250, None, "max_rate")
    assert one.result().low == 250


def test_a_maximum_that_does_not_hold_is_an_upper_bound() -> None:
    """Then the search goes on below it."""
    one = CapacitySearch(replace(PLAIN, max_rate=250.0))
    trials = played(one, over(222))
    assert max(trial.rate for trial in trials) == 250
    assert one.result().ended == "found"
    assert one.low is not None
    assert 222 / 1.05 < one.low <= 222


def test_a_confirmation_that_is_bad_sends_the_search_below() -> None:
    """By half of the precision each time, until a long trial is good; the rates above are no longer good."""
    one = CapacitySearch(PLAIN)
    trials = played(one, lambda trial: trial.rate > (300 if trial.duration_s == 30 else 333))
    confirming = [trial.rate for trial in trials if trial.purpose == "confirm"]
    assert trials[-len(confirming) :] == [trial for trial in trials if trial.purpose == "confirm"]
    assert len(confirming) > 2
    assert all(later == pytest.approx(earlier / 1.025) for earlier, later in itertools.pairwise(confirming))
    assert one.result().rate == confirming[-1] <= 300 < confirming[-2] == one.high


def test_the_confirmation_allows_for_what_shorter_trials_do_not_see() -> None:
    """With a limit the long trial is below the low bound by the difference of limit / length; without one, at it."""
    one = CapacitySearch(replace(PLAIN, limit_s=0.2))
    trials = played(one, over(333))
    low = max(trial.rate for trial in trials if trial.purpose == "bisect" and trial.rate <= 333)
    assert trials[-1].rate == pytest.approx(low * (1 + 0.2 / 30) / (1 + 0.2 / 10))
    assert one.low == low
    assert one.result().rate == trials[-1].rate


def test_outcomes_that_contradict_each_other_make_the_interval_wider() -> None:
    """The same trials, but two of them the other way round: a good one above a bad one."""
    rates = (160, 300, 320, 330, 340, 350, 370, 452, 640)
    steady = interval([Observation(rate, 20.0, rate > 333) for rate in rates], 0.0)
    wavering = interval([Observation(rate, 20.0, (rate > 333) != (rate in {320, 350})) for rate in rates], 0.0)
    assert wavering[0] < steady[0] < 333 < steady[1] < wavering[1]
    assert wavering[1] / wavering[0] > 1.03 * steady[1] / steady[0]


def test_one_outcome_that_makes_no_sense_does_not_move_the_interval_away() -> None:
    """A long trial far below the others was bad once, by a mishap: the capacity is still where all others say."""
    seen = [Observation(rate, 10.0, rate > 333) for rate in (160, 320, 326, 330, 340, 350, 452, 640)]
    low, high = interval([*seen, Observation(40, 10.0, True)], 0.0)
    assert low < 333 < high
    assert high / low < 1.2


def test_the_interval_reaches_down_by_what_goes_unnoticed() -> None:
    """The longer the limit, in the same trials, the lower the capacity may be; both ends stay about the bounds."""
    seen = [Observation(rate, 20.0, rate > 333) for rate in (160, 320, 330, 340, 350, 452, 640)]
    none, some = interval(seen, 0.0), interval(seen, 0.5)
    assert 0.94 < some[0] / none[0] < 0.99
    assert 0.97 < some[1] / none[1] < 1.0


def test_the_generator_as_the_limit_ends_the_growth() -> None:
    """When it is so in small steps, too: what held so far is the answer, and it is only a lower one."""
    one = CapacitySearch(replace(PLAIN, limit_s=0.3))
    trials = played(one, lambda trial: trial.rate > 200, generator=lambda trial: trial.rate > 200)
    steps = [160, 320, 160 * 2**0.5, 160 * 2**0.25, 160 * 2**0.5]
    assert [trial.rate for trial in trials[-5:]] == pytest.approx(steps)
    held = 160 * 2**0.25
    assert one.result().rate == pytest.approx(held)
    assert (one.result().high, one.result().ended) == (None, "generator")
    assert one.result().low == pytest.approx(held / (1 + 2 * 0.3 / 3))


def test_a_generator_that_gives_up_far_beyond_the_target_is_not_the_limit() -> None:
    """It had its hands full of what waited: nearer to what holds, the target's own limit shows."""
    one = CapacitySearch(PLAIN)
    trials = played(one, over(333), generator=lambda trial: trial.rate > 480)
    assert max(trial.rate for trial in trials) == 640
    assert one.result().ended == "found"
    assert one.result().rate == pytest.approx(333, rel=0.05)


@pytest.mark.parametrize("start_rate", [10, 2000])
def test_a_mishap_of_the_generator_at_once_is_tried_again(start_rate: float) -> None:
    """Nothing else is known yet; the search goes on as if it had not been, up or down."""
    one, other = (CapacitySearch(replace(PLAIN, start_rate=start_rate)) for _ in range(2))
    trials = played(one, over(333), generator=lambda trial: trial.number == 0)
    assert trials[0].rate == trials[1].rate == start_rate
    assert [trial.rate for trial in trials[1:]] == [trial.rate for trial in played(other, over(333))]
    assert one.result() == other.result()


def test_a_generator_that_fails_at_once_leaves_nothing() -> None:
    """No rate held, and none is claimed; it had two tries."""
    one = CapacitySearch(PLAIN)
    assert len(played(one, over(1000), generator=lambda _: True)) == 2
    assert asdict(one.result()) == {"rate": None, "low": None, "high": None, "ended": "generator"}


def test_a_mishap_of_the_generator_after_the_growth_is_tried_again_once() -> None:
    """The same trial comes again; the second time in a row it is the end."""
    numbers = {9}
    once = CapacitySearch(PLAIN)
    trials = played(once, over(333), generator=lambda trial: trial.number in numbers)
    assert trials[9].rate == trials[10].rate
    assert once.result().ended == "found"
    numbers.add(12)
    again = CapacitySearch(PLAIN)
    played(again, over(333), generator=lambda trial: trial.number in numbers)
    assert again.result() == once.result()
    numbers.add(10)
    twice = CapacitySearch(PLAIN)
    assert len(played(twice, over(333), generator=lambda trial: trial.number in numbers)) == 11
    assert twice.result().ended == "generator"
    assert twice.result().rate == 320


def test_a_first_rate_that_is_too_high_is_lowered() -> None:
    """By the growth, until one holds; then the search is as always."""
    one = CapacitySearch(replace(PLAIN, start_rate=1000.0))
    trials = played(one, over(333))
    assert [trial.rate for trial in trials[:5]] == [1000, 1000, 500, 500, 250]
    assert one.result().ended == "found"
    assert one.low is not None
    assert 333 / 1.05 < one.low <= 333


def test_nothing_holds() -> None:
    """Down to a sixteenth of the first rate, and no further."""
    one = CapacitySearch(PLAIN)
    trials = played(one, over(0))
    assert [trial.rate for trial in trials] == [10, 10, 5, 5, 2.5, 2.5, 1.25, 1.25, 0.625, 0.625]
    assert asdict(one.result()) == {"rate": None, "low": None, "high": 0.625, "ended": "nothing_held"}


def test_the_lowest_rate_is_tried_whatever_the_growth_is() -> None:
    """A sixteenth of the first rate is the last step down, also where the growth does not lead there."""
    one = CapacitySearch(replace(PLAIN, growth=3.0))
    trials = played(one, over(0))
    assert [trial.rate for trial in trials[::2]] == pytest.approx([10, 10 / 3, 10 / 9, 0.625])


@pytest.mark.parametrize("max_duration_s", [20.0, 60.0, 90.0, 100.0, 110.0, 120.0])
def test_no_trial_begins_that_cannot_end_in_time(max_duration_s: float) -> None:
    """Whatever the time is, the planned trials fit into it; what held is the answer."""
    one = CapacitySearch(replace(PLAIN, max_duration_s=max_duration_s))
    trials = played(one, over(333))
    assert sum(trial.duration_s + COOL_DOWN_S for trial in trials) <= max_duration_s
    result = one.result()
    assert result.ended == "max_duration"
    assert result.rate == max(trial.rate for trial in trials if trial.rate <= 333) == one.low


def test_the_last_seconds_are_for_a_confirmation() -> None:
    """Rather a shorter long trial than one more bisection that nothing could follow."""
    one = CapacitySearch(replace(PLAIN, max_duration_s=100.0))
    trials = played(one, over(333))
    assert trials[-1].purpose == "confirm"
    assert 10 <= trials[-1].duration_s < 30
    assert one.result().rate == trials[-1].rate
    assert one.high is not None
    assert one.high / trials[-1].rate > 1.025


def test_a_cool_down_that_takes_long_counts() -> None:
    """A target that needs half a minute to recover leaves time for fewer trials."""
    one = CapacitySearch(replace(PLAIN, max_duration_s=200.0))
    spent_s = 0.0
    while (trial := one.next()) is not None:
        is_bad = trial.rate > 333
        assert spent_s + trial.duration_s + (30.0 if spent_s > 50 else 1.0) <= 200
        took_s = trial.duration_s + (30.0 if is_bad else 1.0)
        spent_s += took_s
        one.record(Outcome(trial.rate, trial.duration_s, took_s, is_bad))
    assert one.result().ended == "max_duration"


def test_an_unfinished_search_has_a_result_as_well() -> None:
    """What is known so far, for a run that was interrupted."""
    one = CapacitySearch(PLAIN)
    assert asdict(one.result()) == {"rate": None, "low": None, "high": None, "ended": "unfinished"}
    for _ in range(9):
        trial = one.next()
        assert trial is not None
        one.record(Outcome(trial.rate, trial.duration_s, 4, trial.rate > 333))
    assert one.result().ended == "unfinished"
    assert one.result().rate == 320


def test_replaying_the_outcomes_gives_the_same_result() -> None:
    """Also when they were written down as JSON in between."""
    one = CapacitySearch(settings_for(limits_s=[0.5]))
    lines, letters = [], itertools.cycle("gggggbgbbgbgg")
    while (trial := one.next()) is not None:
        outcome = Outcome(trial.rate, trial.duration_s, trial.duration_s + 1.3, next(letters) == "b")
        lines.append(json.dumps(asdict(outcome)))
        one.record(outcome)
    again = CapacitySearch(settings_for(limits_s=[0.5]))
    for line in lines:
        again.record(Outcome(**json.loads(line)))
    assert again.next() is None
    assert again.result() == one.result()


def test_the_time_left_is_known_roughly() -> None:
    """After the growth within a third of what it took; never more than the limit leaves; 0 at the end."""
    one = CapacitySearch(settings_for(limits_s=[0.2]))
    left, spent = [], [0.0]
    while (trial := one.next()) is not None:
        left.append(one.left_s)
        took_s = trial.duration_s + COOL_DOWN_S
        spent.append(spent[-1] + took_s)
        one.record(Outcome(trial.rate, trial.duration_s, took_s, trial.rate > 333))
    assert one.left_s == 0
    assert all(0 < one <= 600 - gone for one, gone in zip(left, spent, strict=False))
    assert all(
        one == pytest.approx(spent[-1] - gone, rel=0.35) for one, gone in list(zip(left, spent, strict=False))[8:]
    )


@settings(max_examples=150, deadline=None)
@given(
    answers=st.lists(st.booleans(), max_size=60),
    overruns_s=st.lists(st.floats(0, 10), min_size=1, max_size=5),
    generator=st.integers(0, 80),
    max_rate=st.none() | st.floats(10, 5000),
    growth=st.floats(1.3, 4),
)
def test_whatever_the_outcomes_are_the_bounds_are_kept(
    answers: list[bool], overruns_s: list[float], generator: int, max_rate: float | None, growth: float
) -> None:
    """It ends; no rate is above the maximum or more than a step beyond what holds; no trial ends too late."""
    one = CapacitySearch(replace(PLAIN, max_rate=max_rate, growth=growth, limit_s=0.3))
    spent_s, letters, overruns = 0.0, itertools.chain(answers, itertools.repeat(False)), itertools.cycle(overruns_s)
    while (trial := one.next()) is not None:
        low, high = one.low, one.high
        assert trial.rate <= (max_rate or math.inf)
        assert trial.rate <= (10.0 if low is None else low * growth) * (1 + 1e-9)
        assert trial.rate >= 10 / 16 * (1 - 1e-9) or (high is not None and trial.rate >= high / 1.03)
        assert spent_s + trial.duration_s <= 600
        assert low is None or high is None or low < high
        took_s = trial.duration_s + COOL_DOWN_S + next(overruns)
        spent_s += took_s
        one.record(Outcome(trial.rate, trial.duration_s, took_s, next(letters), trial.number == generator))
    result = one.result()
    assert result.ended != "unfinished"
    if result.rate is not None:
        assert result.low is not None
        assert result.low <= result.rate <= (result.high or math.inf)


def test_trials_are_as_long_as_the_limit_demands() -> None:
    """Twice the limit over the precision, for the slowest objective; at least 10 s; the whole search still fits."""
    assert settings_for(limits_s=[]).full_s == 10
    assert settings_for(limits_s=[0.2, 0.5]).full_s == 20
    assert settings_for(limits_s=[0.5], precision=0.1).full_s == 10
    slow = settings_for(limits_s=[5.0], max_duration_s=600.0)
    assert (slow.short_s, slow.full_s, slow.confirm_s) == (10, 50, 125)
    hasty = settings_for(limits_s=[5.0], max_duration_s=60.0)
    assert (hasty.short_s, hasty.full_s, hasty.confirm_s) == (5, 5, 15)
    assert settings_for(limits_s=[], start_rate=50.0, max_rate=20.0).start_rate == 20


def test_low_rates_take_longer() -> None:
    """A trial that can decide has 1,000 requests, if that is not too long."""
    one = settings_for(limits_s=[])
    assert [one.full_s_at(rate) for rate in (10, 50, 1000)] == [40, 20, 10]
    assert [one.confirm_s_at(rate) for rate in (10, 50, 1000)] == [160, 80, 40]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"start_rate": 0.0}, "start_rate is a finite number above 0"),
        ({"precision": math.nan}, "precision is a finite number above 0"),
        ({"max_duration_s": math.inf}, "max_duration_s is a finite number above 0"),
        ({"max_rate": 5.0}, "max_rate is finite and not below start_rate"),
        ({"full_s": 2.0}, "trials do not get shorter"),
        ({"growth": 1.0}, "growth is a finite number above 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(keys: dict[str, float], message: str) -> None:
    """With the name of the setting."""
    with pytest.raises(ValueError, match=message):
        replace(SearchSettings(), **keys)  # type: ignore[arg-type]
