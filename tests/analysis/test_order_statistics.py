"""Order-statistic intervals against sums of exact binomial probabilities."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadworthy.analysis.order_statistics import interval_ranks, min_samples


def naive_ranks(fraction: float, count: int) -> tuple[int | None, int | None]:
    """The definition, term by term."""
    mass = [math.comb(count, k) * fraction**k * (1 - fraction) ** (count - k) for k in range(count + 1)]
    lows = [rank for rank in range(1, count + 1) if math.fsum(mass[:rank]) <= 0.025]
    highs = [rank for rank in range(1, count + 1) if math.fsum(mass[rank:]) <= 0.025]
    return (max(lows) if lows else None), (min(highs) if highs else None)


@pytest.mark.parametrize(
    ("fraction", "fewest"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368), (0.999, 3_688), (0.9999, 36_887), (0.05, 72)]
)
def test_fewest_samples(fraction: float, fewest: int) -> None:
    """The sample sizes are those of the published rule p^n <= 2.5 %."""
    assert min_samples(fraction) == fewest
    scarce = max(fraction, 1 - fraction)
    assert scarce**fewest <= 0.025 < scarce ** (fewest - 1)


@pytest.mark.parametrize("fraction", [0.05, 0.5, 0.9, 0.95, 0.99])
def test_both_ends_are_finite_from_the_fewest_samples(fraction: float) -> None:
    """One sample fewer, and an end of the interval is missing."""
    fewest = min_samples(fraction)
    assert None not in interval_ranks(fraction, fewest)
    assert None in interval_ranks(fraction, fewest - 1)
    assert None in naive_ranks(fraction, fewest - 1)


@given(fraction=st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]), count=st.integers(1, 300))
@settings(max_examples=150, deadline=None)
def test_ranks_are_those_of_the_binomial_sums(fraction: float, count: int) -> None:
    """For small samples the ranks equal the definition, summed term by term."""
    assert interval_ranks(fraction, count) == naive_ranks(fraction, count)


def test_large_samples_follow_the_normal_approximation() -> None:
    """With ten million samples the ranks lie 1.96 standard deviations around the quantile's rank."""
    count, fraction = 10_000_000, 0.99
    low, high = interval_ranks(fraction, count)
    spread = 1.959964 * math.sqrt(count * fraction * (1 - fraction))
    assert low == pytest.approx(count * fraction - spread, abs=3)
    assert high == pytest.approx(count * fraction + spread, abs=3)
