"""Holm's step-down procedure, against the textbook."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.analysis.holm import holm_levels

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def textbook(p_values: list[float], alpha: float) -> list[bool]:
    """Holm (1979), word for word: reject the smallest while it is small enough."""
    rejected = [False] * len(p_values)
    remaining = list(range(len(p_values)))
    while remaining:
        smallest = min(remaining, key=lambda index: p_values[index])
        if p_values[smallest] > alpha / len(remaining):
            break
        rejected[smallest] = True
        remaining.remove(smallest)
    return rejected


@given(P_VALUES)
def test_a_question_is_answered_yes_exactly_if_its_p_value_is_within_its_level(p_values: list[float]) -> None:
    """For any p-values, ties among them."""
    levels = holm_levels(p_values, 0.05)
    assert [p <= level for p, level in zip(p_values, levels, strict=True)] == textbook(p_values, 0.05)


def test_levels_by_hand() -> None:
    """The smallest of four gets a quarter, the next a third; behind the one that stops it all share its level."""
    assert holm_levels([0.20, 0.001, 0.018, 0.012], 0.06) == [0.06, 0.015, 0.03, 0.02]
    assert holm_levels([0.5, 0.001, 0.4], 0.06) == [0.03, 0.02, 0.03]
    assert holm_levels([], 0.05) == []


def test_the_chance_of_any_false_yes_keeps_to_alpha() -> None:
    """Twelve questions without an answer, dependent in pairs: at most 5 % of 4,000 families have any yes (seed 1)."""
    rng = np.random.default_rng(1)
    false = 0
    for _ in range(4000):
        values = np.repeat(rng.uniform(size=6), 2).tolist()
        levels = holm_levels(values, 0.05)
        false += any(p <= level for p, level in zip(values, levels, strict=True))
    assert false / 4000 <= 0.05
