"""How far apart two groups of runs are, against SciPy and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from loadworthy.analysis.contrast import Basis, Contrast, contrast
from loadworthy.analysis.samples_by_window import Measured


def runs(values: list[float], se: float | None = None) -> list[Measured]:
    """A figure in several runs."""
    return [Measured(value, se) for value in values]


def mean_contrast(base: list[Measured], new: list[Measured], margin: float = 0.0) -> Contrast:
    """The contrast of the means."""
    delta = sum(one.value for one in new) / len(new) - sum(one.value for one in base) / len(base)
    found = contrast(delta, base, new, margin)
    assert found is not None
    return found


def test_several_runs_a_side_are_welch_s_test() -> None:
    """p-values and bounds as SciPy has them."""
    base, new = [4.1, 4.3, 4.0, 4.2, 4.15], [4.6, 4.2, 4.9, 4.5, 4.4, 4.7]
    found = mean_contrast(runs(base), runs(new))
    theirs = stats.ttest_ind(new, base, equal_var=False, alternative="greater")
    assert found.p_worse() == pytest.approx(theirs.pvalue)
    assert found.low(0.05) == pytest.approx(theirs.confidence_interval(0.95).low)
    other = stats.ttest_ind(new, base, equal_var=False, alternative="less")
    assert found.p_better() == pytest.approx(other.pvalue)
    assert found.high(0.02) == pytest.approx(other.confidence_interval(0.98).high)
    assert found.basis is Basis.RUNS


def test_the_margin_moves_the_question_both_ways() -> None:
    """What is just at the margin is as likely as not; an improvement must pass it, too."""
    found = Contrast(delta=0.05, se=0.01, df=8, margin=0.05, basis=Basis.RUNS)
    assert found.p_worse() == pytest.approx(0.5)
    assert Contrast(-0.05, 0.01, 8, 0.05, Basis.RUNS).p_better() == pytest.approx(0.5)


def test_a_low_end_beyond_the_margin_is_a_p_value_within_the_level() -> None:
    """The interval and the test never disagree."""
    rng = np.random.default_rng(2)
    for _ in range(200):
        found = mean_contrast(runs(list(rng.normal(0, 1, 4))), runs(list(rng.normal(1, 1, 5))), margin=0.1)
        for level in (0.05, 0.01, 0.004):
            assert (found.low(level) > found.margin) == (found.p_worse() < level)


def test_runs_that_agree_by_luck_are_not_surer_than_their_windows() -> None:
    """Three equal runs, each with an error of its own: that is the least spread."""
    found = mean_contrast(runs([1.0, 1.0, 1.0], se=0.3), runs([2.0, 2.0, 2.0], se=0.3))
    assert found.se == pytest.approx(math.sqrt(0.3**2 / 3 * 2))


def test_one_run_beside_several_borrows_their_spread() -> None:
    """As a prediction: the next run of the same kind lies within, with 95 %."""
    base = [1.0, 1.2, 0.9, 1.1, 0.8]
    found = mean_contrast(runs(base), runs([1.5]))
    assert found.basis is Basis.OTHER_SIDE
    assert found.df == 4
    assert found.se == pytest.approx(float(np.std(base, ddof=1)) * math.sqrt(1 + 1 / 5))
    assert mean_contrast(runs([1.5]), runs(base)).se == pytest.approx(found.se)


def test_one_run_a_side_knows_its_windows_alone_and_says_so() -> None:
    """Without windows there is no interval at all."""
    found = mean_contrast(runs([1.0], se=0.3), runs([2.0], se=0.4))
    assert found.basis is Basis.WINDOWS
    assert found.se == pytest.approx(0.5)
    assert contrast(1.0, runs([1.0], se=0.3), runs([2.0]), 0.0) is None


@pytest.mark.parametrize(("base_runs", "new_runs"), [(5, 5), (8, 8), (3, 8), (8, 1), (2, 2)])
def test_a_difference_that_is_not_there_is_found_in_five_percent(base_runs: int, new_runs: int) -> None:
    """One-sided at 5 %, few runs a side, 2,000 pairs: at most 6 % (seed 3)."""
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(2000):
        base, new = (runs(list(rng.normal(0, 0.03, count))) for count in (base_runs, new_runs))
        found += mean_contrast(base, new).p_worse() <= 0.05
    assert found / 2000 <= 0.06
