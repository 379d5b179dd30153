"""MSER-5 against its definition, and against series whose warm-up is known."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.simulated_queues import ar1

from loadworthy.analysis.steady import truncation_point


def naive(values: list[float]) -> list[float]:
    """The statistic for each cut, term by term."""
    means = [fmean(values[start : start + 5]) for start in range(0, len(values) - 4, 5)]
    kept = [means[cut:] for cut in range(len(means) // 2 + 1)]
    return [math.fsum((one - fmean(part)) ** 2 for one in part) / len(part) ** 2 for part in kept]


@given(st.lists(st.integers(0, 1000).map(float), min_size=50, max_size=120))
@settings(max_examples=200, deadline=None)
def test_it_is_the_cut_with_the_smallest_error(values: list[float]) -> None:
    """No other cut has a smaller statistic; at the limit it is none."""
    errors = naive(values)
    cut = truncation_point(values)
    best = len(errors) - 1 if cut is None else cut // 5
    assert errors[best] == pytest.approx(min(errors), rel=1e-9, abs=1e-9)
    assert cut is None or cut % 5 == 0


@pytest.mark.parametrize("level", [0.0, 0.1, 1e9 / 3])
def test_what_never_changes_has_no_warm_up(level: float) -> None:
    """And no rounding finds one in it."""
    assert truncation_point([level] * 333) == 0


def test_a_step_is_cut_off_where_it_is() -> None:
    """Slow for 40 values, then quick: whole batches of five go, and one in which both are."""
    noise = np.random.default_rng(1).normal(scale=0.01, size=300)
    for length, cut in ((40, 40), (42, 45)):
        found = truncation_point([(300 if at < length else 100) + one for at, one in enumerate(noise)])
        assert found is not None
        assert cut <= found <= cut + 20  # noise may make a later cut better by a hair


def test_a_decaying_warm_up_is_mostly_cut_off() -> None:
    """Of 100 runs with noise that hangs together, what is left of the start is less than two of its 20 deviations.

    The start decays with a constant of 30 values, so 70 values must go; where noise is at its best for it, fewer do.
    """
    left = []
    for seed in range(100):
        noise = ar1(np.random.default_rng(seed), 600, 0.6)
        values = [20 * math.exp(-at / 30) + one for at, one in enumerate(noise)]
        cut = truncation_point(values)
        assert cut is not None
        left.append(20 * math.exp(-cut / 30))
    assert max(left) < 6
    assert fmean(left) < 2


def test_what_goes_on_changing_is_not_steady() -> None:
    """A line has no cut, however long it is."""
    assert truncation_point([float(one) for one in range(400)]) is None


@pytest.mark.parametrize("count", [0, 4, 49])
def test_too_few_tell_nothing(count: int) -> None:
    """Of fewer than ten means none is the best."""
    assert truncation_point([1.0] * count) is None
    assert truncation_point([1.0] * 50) == 0
