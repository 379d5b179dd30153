"""Where a series changed its level: false alarms, hits, and the ranks against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from loadworthy.analysis.change_points import MOST_RUNS, change_points, mid_ranks

SERIES = 200


def noise(rng: np.random.Generator, count: int, level: float = 100.0) -> list[float]:
    """A flat series with 3 % noise."""
    return [float(value) for value in level * np.exp(rng.normal(0, 0.03, count))]


@pytest.mark.parametrize("count", [12, 20, 40])
def test_flat_series_have_no_change(count: int) -> None:
    """At most 5 % of 200 flat series with 3 % noise (seed 21)."""
    rng = np.random.default_rng(21)
    assert sum(bool(change_points(noise(rng, count))) for _ in range(SERIES)) / SERIES <= 0.05


def test_a_step_of_fifteen_percent_is_found_where_it_was() -> None:
    """20 runs, a step, 20 runs: within two runs in at least 90 % of 200 (seed 22), and rarely another."""
    rng = np.random.default_rng(22)
    found = [change_points([*noise(rng, 20), *noise(rng, 20, 115.0)]) for _ in range(SERIES)]
    hits = [[one for one in changes if abs(one.index - 20) <= 2] for changes in found]
    assert sum(len(hit) == 1 for hit in hits) / SERIES >= 0.9
    sizes = [hit[0].change for hit in hits if hit]
    assert np.median([size for size in sizes if size is not None]) == pytest.approx(0.15, abs=0.01)
    assert sum(len(changes) > 1 for changes in found) / SERIES <= 0.05


def test_up_and_down_again_are_two_changes() -> None:
    """Each with the medians of the stretches beside it (seed 23)."""
    rng = np.random.default_rng(23)
    up, down = change_points([*noise(rng, 12), *noise(rng, 12, 130.0), *noise(rng, 12, 100.0)])
    assert (up.index, down.index) == (12, 24)
    assert up.change == pytest.approx(0.3, abs=0.03)
    assert down.before == up.after
    assert down.change == pytest.approx(-0.23, abs=0.03)


@pytest.mark.parametrize("seed", [153, 235, 236])
def test_an_end_that_does_not_hold_by_itself_is_given_up(seed: int) -> None:
    """The stretch that differs most left the first four runs out by luck: only its other end is a change."""
    rng = np.random.default_rng(seed)
    assert [one.index for one in change_points([*noise(rng, 30), *noise(rng, 10, 115.0)])] == [30]


def test_one_wild_run_is_no_change_of_level() -> None:
    """Ten times as slow, once."""
    values = noise(np.random.default_rng(24), 30)
    values[14] *= 10
    assert change_points(values) == []


def test_a_wild_run_does_not_hide_a_change_of_level() -> None:
    """It weighs no more than any other (seed 29)."""
    rng = np.random.default_rng(29)
    values = [*noise(rng, 15), *noise(rng, 15, 115.0)]
    values[5] *= 10
    assert [one.index for one in change_points(values)] == [15]


@pytest.mark.parametrize("values", [[], [1.0], [0.0] * 40, [5.0] * 7 + [9.0]])
def test_what_is_short_or_constant_has_no_change(values: list[float]) -> None:
    """And raises nothing."""
    assert change_points(values) == []


def test_only_the_last_values_are_looked_at() -> None:
    """A change before them is not found; one among them stands at its place in the whole series (seed 27)."""
    rng = np.random.default_rng(27)
    early = [*noise(rng, 30, 50.0), *noise(rng, 470), *noise(rng, 30, 115.0)]
    assert MOST_RUNS == 500
    assert [one.index for one in change_points(early)] == [500]
    (one,) = change_points(early[:30] + early[500:] + early[30:500])  # 50, 115, 100: the fall is seen
    assert one.index == 60
    assert one.after == pytest.approx(100.0, abs=1.0)
    assert change_points(early[:30] + [100.0] * MOST_RUNS) == []


def test_a_change_from_nothing_has_no_ratio() -> None:
    """An error rate that was zero."""
    (one,) = change_points([0.0] * 12 + [0.02] * 12)
    assert (one.index, one.before, one.after, one.change) == (12, 0.0, 0.02, None)


def test_the_same_series_gives_the_same_answer() -> None:
    """The shuffles have a seed."""
    values = noise(np.random.default_rng(25), 30) + noise(np.random.default_rng(26), 8, 108.0)
    assert change_points(values) == change_points(values)


@given(st.lists(st.integers(0, 5).map(float), min_size=1, max_size=30))
def test_ranks_are_scipy_s(values: list[float]) -> None:
    """Ties share their mean."""
    assert mid_ranks(np.asarray(values)).tolist() == stats.rankdata(values).tolist()
