"""How far each percentile moved between two sides of runs, against a naive oracle and by simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import stdtrit

from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.quantile_shift import FRACTIONS, QuantileShift, ShiftPoint, quantile_shifts
from loadworthy.analysis.samples_by_window import ALL, RunSample, ScenarioSample, SeriesSample
from loadworthy.analysis.summary import CLOSED
from loadworthy.record.histogram import Histogram

Times = npt.NDArray[np.int64]
GRAIN = 2e-3
"""A histogram's bins are a thousandth wide; two of them make a quotient."""


def run_of(*times_us: int, name: str = "load") -> RunSample:
    return measured(np.array(times_us, dtype=np.int64), name)


def measured(times_us: Times, name: str = "load") -> RunSample:
    """A run of one scenario, whose requests took these times."""
    response = Histogram()
    response.record_many(times_us)
    whole = SeriesSample(len(times_us), 0, response, {}, None, None)
    return RunSample("run", {name: ScenarioSample(CLOSED, {ALL: whole})})


def lognormal(rng: np.random.Generator, count: int = 4000, median_us: float = 20_000, spread: float = 0.0) -> Times:
    return (median_us * math.exp(rng.normal(0, spread)) * np.exp(rng.normal(0, 0.5, count))).astype(np.int64)


def shift_of(base: Sequence[RunSample], new: Sequence[RunSample]) -> QuantileShift:
    (found,) = quantile_shifts(base, new, ["load"])
    return found


def points_of(base: Sequence[Times], new: Sequence[Times]) -> tuple[ShiftPoint, ...]:
    return shift_of([measured(one) for one in base], [measured(one) for one in new]).points


def test_values_are_those_of_all_runs_of_a_side_together() -> None:
    """The rank-th of all sorted times, as an oracle has it; percentiles ascend."""
    rng = np.random.default_rng(3)
    base, new = ([lognormal(rng, 2000, median) for _ in range(3)] for median in (20_000, 26_000))
    points = points_of(base, new)
    assert [one.fraction for one in points] == list(FRACTIONS)
    for one in points:
        for found_ms, side in ((one.base_ms, base), (one.new_ms, new)):
            together = np.sort(np.concatenate(side))
            expected = together[math.ceil(one.fraction * together.size - 1e-9) - 1]
            assert found_ms * 1000 == pytest.approx(expected, rel=GRAIN)
        assert one.change == pytest.approx(one.new_ms / one.base_ms - 1)


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.25, 3.0])
def test_a_slower_service_moved_everywhere_by_as_much(factor: float) -> None:
    """The same share at each percentile, however far out."""
    rng = np.random.default_rng(4)
    base = [lognormal(rng) for _ in range(3)]
    points = points_of(base, [(one * factor).astype(np.int64) for one in base])
    assert [one.change for one in points] == pytest.approx([factor - 1] * len(points), abs=2 * GRAIN)


def test_a_slower_tail_is_a_shift_of_the_tail_alone() -> None:
    """A hundredth of the requests waits; nine of ten do not know it."""
    rng = np.random.default_rng(5)
    base = [lognormal(rng) for _ in range(4)]
    new = [np.concatenate([one[40:], np.full(40, 900_000)]) for one in (lognormal(rng) for _ in range(4))]
    by_fraction = {one.fraction: one for one in points_of(base, new)}
    assert all(abs(one.change) < 0.05 for fraction, one in by_fraction.items() if fraction <= 0.9)
    assert by_fraction[0.995].change > 3
    assert (by_fraction[0.995].low or 0) > 0


@pytest.mark.parametrize("runs", [(2, 2), (3, 5), (1, 4), (4, 1)])
def test_the_interval_is_welch_s_of_the_logarithms(runs: tuple[int, int]) -> None:
    """By the spread from run to run; a single run takes the spread of the other side."""
    rng = np.random.default_rng(6)
    base, new = ([lognormal(rng, 1000, spread=0.1) for _ in range(count)] for count in runs)
    (point,) = (one for one in points_of(base, new) if one.fraction == 0.5)
    logs = [[math.log(np.sort(one)[499]) for one in side] for side in (base, new)]
    if min(runs) > 1:
        theirs = stats.ttest_ind(logs[1], logs[0], equal_var=False).confidence_interval(0.95)
        reach = (theirs.high - theirs.low) / 2
    else:
        several = max(logs, key=len)
        error = np.std(several, ddof=1) * math.sqrt(1 + 1 / len(several))
        reach = float(stdtrit(len(several) - 1, 0.975)) * error
    delta = math.log1p(point.change)
    assert point.low == pytest.approx(math.expm1(delta - reach), abs=0.01)
    assert point.high == pytest.approx(math.expm1(delta + reach), abs=0.01 * (1 + math.expm1(delta + reach)))


def test_one_run_a_side_knows_nothing_of_the_spread() -> None:
    """So there is no interval, rather than one that is too narrow."""
    rng = np.random.default_rng(7)
    points = points_of([lognormal(rng)], [lognormal(rng)])
    assert all(one.low is None and one.high is None for one in points)


def test_the_interval_holds_what_it_says() -> None:
    """In nineteen of twenty comparisons of a service with itself nought is inside, at the middle and far out."""
    rng = np.random.default_rng(8)
    comparisons = 300
    missed = dict.fromkeys((0.1, 0.5, 0.99), 0)
    for _ in range(comparisons):
        base, new = ([lognormal(rng, 800, spread=0.05) for _ in range(4)] for _ in range(2))
        for one in points_of(base, new):
            if one.fraction in missed:
                assert one.low is not None
                assert one.high is not None
                missed[one.fraction] += not one.low <= 0 <= one.high
    # 5 % of 300 are 15; more than 26 of them would happen once in five hundred times if the intervals were right.
    assert max(missed.values()) <= 26


@given(st.integers(2, 4000), st.integers(2, 4000))
def test_only_percentiles_that_both_sides_can_name(base: int, new: int) -> None:
    """The smaller side decides; a scenario with fewer than two of them has no shift."""
    found = quantile_shifts([run_of(*[1000] * base)], [run_of(*[1000] * new)], ["load"])
    expected = [fraction for fraction in FRACTIONS if min(base, new) >= min_samples(fraction)]
    assert [one.fraction for shift in found for one in shift.points] == (expected if len(expected) > 1 else [])


def test_scenarios_that_both_sides_have() -> None:
    """In the order asked for; one that only one side ran is left out."""
    both = [RunSample("a", {**run_of(*[1000] * 50).scenarios, **run_of(*[1000] * 50, name="soak").scenarios})]
    found = quantile_shifts(both, [run_of(*[1000] * 50, name="soak"), run_of(*[1000] * 50)], ["soak", "load", "none"])
    assert [one.scenario for one in found] == ["soak", "load"]
    assert quantile_shifts(both, [run_of(*[1000] * 50, name="other")], ["load", "other"]) == []


def test_a_run_that_did_not_have_the_scenario_is_passed_over() -> None:
    """Or that had no request in it: it says nothing of how long they take."""
    rng = np.random.default_rng(9)
    base, new = ([measured(lognormal(rng, spread=0.02)) for _ in range(3)] for _ in range(2))
    alone = shift_of(base, new)
    assert shift_of([*base, run_of(*[1000] * 50, name="other")], new) == alone
    assert shift_of([*base, run_of()], new) == alone


def test_times_of_nothing() -> None:
    """Requests that took no time at all are no division by zero."""
    points = shift_of([run_of(*[0] * 200)] * 2, [run_of(*[10] * 200)] * 2).points
    assert all(math.isfinite(one.change) and one.change > 0 for one in points)
    assert all(one.change == 0 for one in shift_of([run_of(*[0] * 200)], [run_of(*[0] * 200)]).points)
