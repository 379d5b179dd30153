"""The last minutes in equal steps, held against figures worked out from the samples themselves."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.runs import interval, series

from loadworthy.record.histogram import Histogram
from loadworthy.report.recent import CELLS, LONGEST_CELL_S, Recent


def fed(seconds: int, per_second: int = 400, time_us: int = 20_000) -> Recent:
    recent = Recent()
    for second in range(seconds):
        recent.add(interval(second, series(times_us=[time_us + second] * per_second)))
    return recent


def test_each_second_has_its_p99() -> None:
    """Of all series together, as the nearest rank in all samples of that second; the second under way is not shown."""
    rng = random.Random(1)
    recent, samples = Recent(), []
    for second in range(9):
        times = [round(rng.lognormvariate(10, 1)) for _ in range(500)]
        recent.add(interval(second, series("/a", times[:200]), series("/b", times[200:])))
        samples.append(sorted(times)[494])
    steps = recent.times_ms()
    assert (steps.name, steps.step_s) == ("p99", 1)
    assert steps.values == pytest.approx([time / 1000 for time in samples[:-1]], rel=0.001)
    assert recent.rates().values == (500.0,) * 8


def test_processes_report_in_any_order() -> None:
    """A second holds what all of them did in it."""
    intervals = [
        interval(second, series(times_us=[1000 * (process + 1)] * 300), process=process, number=second)
        for second in range(6)
        for process in range(3)
    ]
    random.Random(2).shuffle(intervals)
    recent = Recent()
    for one in intervals:
        recent.add(one)
    assert recent.rates().values == (900.0,) * 5
    assert recent.times_ms().values == pytest.approx((3.0,) * 5, rel=0.001)


def test_what_comes_late_still_counts() -> None:
    """A step that was shown already is worked out again."""
    recent = fed(5)
    assert recent.times_ms().values[2] == pytest.approx(20.002, rel=0.001)
    recent.add(interval(2, series(times_us=[90_000] * 100), process=2))
    assert recent.times_ms().values[2] == pytest.approx(90.0, rel=0.001)
    assert recent.rates().values[2] == 500.0


def test_what_is_slow_to_fill_takes_longer_steps() -> None:
    """150 requests a second make a p99 every three seconds; each step has samples enough for it, or is not known."""
    steps = fed(31, per_second=150).times_ms()
    assert (steps.name, steps.step_s, len(steps.values)) == ("p99", 3, 10)
    assert None not in steps.values


@pytest.mark.parametrize(("per_second", "name"), [(40, "p99"), (20, "p95"), (2, "p50")])
def test_too_few_requests_for_a_p99_show_a_lower_percentile(per_second: int, name: str) -> None:
    """And say so; steps of more than ten seconds tell too little of what happens."""
    steps = fed(60, per_second=per_second).times_ms()
    assert steps.name == name
    assert steps.step_s <= 10
    assert any(value is not None for value in steps.values)


def test_a_ramp_is_seen_from_its_beginning() -> None:
    """Its few requests at first decide on the step, not its many at last."""
    recent = Recent()
    for second in range(20):
        recent.add(interval(second, series(times_us=[20_000] * (100 if second < 8 else 2000))))
    values = recent.times_ms().values
    assert None not in values


def test_a_standstill_is_a_gap_and_no_zero() -> None:
    """Of seconds in which nothing was reported, nothing is known; nothing done in a second is a rate of 0."""
    recent = Recent()
    for second in (0, 1, 4, 5):
        recent.add(interval(second, series(times_us=[1000] * 400)))
    recent.add(interval(6))
    recent.add(interval(7))
    assert recent.rates().values == (400.0, 400.0, None, None, 400.0, 400.0, 0.0)
    assert recent.times_ms().values[2:4] == (None, None)


@settings(deadline=None)
@given(st.integers(2, 1200))
def test_a_long_run_keeps_its_last_minutes(seconds: int) -> None:
    """All of it until it is eight minutes old, in longer and longer steps; what is kept is bounded, and no request of
    what is shown is lost."""
    recent = Recent()
    for second in range(seconds):
        recent.add(interval(second, series(untimed=3)))
    rates = recent.rates()
    assert len(rates.values) < CELLS
    assert rates.step_s <= LONGEST_CELL_S
    assert set(rates.values) <= {3.0}
    covered = len(rates.values) * rates.step_s
    assert covered >= min(seconds, CELLS * LONGEST_CELL_S) - 2 * rates.step_s


def test_steps_that_were_put_together_have_the_p99_of_all_their_samples() -> None:
    """Not the mean of two p99s."""
    recent = Recent()
    for second in range(90):
        recent.add(interval(second, series(times_us=[1000 + 20 * second] * 300)))
    steps = recent.times_ms()
    assert steps.step_s == 2
    both = Histogram.of([1000 + 20 * 10] * 300 + [1000 + 20 * 11] * 300)
    assert steps.values[5] == pytest.approx((both.percentile_us(0.99) or 0.0) / 1000)


def test_the_end_tells_nothing_of_the_load() -> None:
    """Intervals in which users are stopping are left out."""
    recent = fed(5)
    before = recent.rates()
    recent.add(replace(interval(5, series(times_us=[9_000_000])), stopping=True))
    assert recent.rates() == before


def test_nothing_yet() -> None:
    """No step is complete before the next has begun."""
    recent = Recent()
    assert recent.times_ms().values == recent.rates().values == ()
    recent.add(interval(0, series(times_us=[1000])))
    assert recent.times_ms().values == recent.rates().values == ()
