"""Changing the load by hand: which moment it is for, who is told, and what cannot be done."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from loadworthy.engine.hand import LEAD_US, Hand
from loadworthy.errors import UsageError
from loadworthy.units import US_PER_S
from loadworthy.workload.profile import LoadChange


class Told:
    """A crew that remembers what it was told."""

    def __init__(self, lead_us: int) -> None:
        self.lead_us = lead_us
        self.told: list[tuple[str, tuple[LoadChange, ...]]] = []

    def change_load(self, scenario: str, changes: Sequence[LoadChange]) -> None:
        self.told.append((scenario, tuple(changes)))


class Wave:
    """A wave of three scenarios, of which one looks for its own load, at a moment that the test says."""

    def __init__(self, lead_us: int = 2 * US_PER_S) -> None:
        self.crew = Told(lead_us)
        self.now_us = 0
        self.hand = Hand(self.crew, {"a": 60 * US_PER_S, "b": None, "find": None}, ["find"], lambda: self.now_us)


def test_a_change_is_for_a_moment_of_which_all_can_hear_in_time() -> None:
    """The crew's lead after now, in whole ms; each scenario that has a load of its own is told."""
    wave = Wave()
    wave.now_us = 5_000_001
    change = LoadChange(7_001_000, 1.5)
    assert wave.hand.change(1.5, None) == {"a": change, "b": change}
    assert wave.crew.told == [("a", (change,)), ("b", (change,))]
    assert wave.hand.changes("a") == (change,)


def test_who_leads_hears_of_it_in_time_too() -> None:
    """Where nobody else has to be told, it is still not sooner than the next look."""
    wave = Wave(lead_us=0)
    assert wave.hand.change(2, "a") == {"a": LoadChange(LEAD_US, 2)}


def test_changes_follow_one_another() -> None:
    """Two in one moment are not for one moment, and the crew is told all of them each time."""
    wave = Wave()
    first, second = wave.hand.change(2, "a")["a"], wave.hand.change(3, "a")["a"]
    assert (first.at_us, second.at_us) == (2_000_000, 2_001_000)
    assert wave.crew.told[-1] == ("a", (first, second))


def test_what_would_change_nothing_is_no_change() -> None:
    """The load that it has or is about to have; a verdict depends on it."""
    wave = Wave()
    assert wave.hand.change(1, None) == {}
    wave.hand.change(2, "a")
    assert wave.hand.change(2, None).keys() == {"b"}
    assert len(wave.crew.told) == 2


@pytest.mark.parametrize("factor", [0, -1, 100.5, math.inf, math.nan])
def test_a_factor_has_bounds(factor: float) -> None:
    """Nothing is changed, and the sentence says what to write."""
    wave = Wave()
    with pytest.raises(UsageError, match="write a factor above 0, up to 100"):
        wave.hand.change(factor, None)
    assert wave.crew.told == []
    assert wave.hand.change(100, "a")
    assert wave.hand.change(0.001, "b")


def test_only_scenarios_with_a_load_of_their_own_that_are_under_way_can_be_changed() -> None:
    """A search, one that is over or was never there: each with its sentence."""
    wave = Wave()
    with pytest.raises(UsageError, match="find finds its own load"):
        wave.hand.change(2, "find")
    with pytest.raises(UsageError, match="no scenario 'c' is under way; these are: a, b, find"):
        wave.hand.change(2, "c")
    wave.hand.let_go("a")
    with pytest.raises(UsageError, match="no scenario 'a' is under way; these are: b, find"):
        wave.hand.change(2, "a")
    wave.hand.let_go("b")
    with pytest.raises(UsageError, match="find finds its own load"):
        wave.hand.change(2, None)


def test_one_that_ends_first_is_left_out() -> None:
    """Of several; where it was meant alone, or there is no other, that is told."""
    wave = Wave()
    wave.now_us = 58 * US_PER_S
    assert wave.hand.change(2, None).keys() == {"b"}
    with pytest.raises(UsageError, match="a ends before another load could begin"):
        wave.hand.change(2, "a")
    wave.hand.let_go("b")
    with pytest.raises(UsageError, match="a ends before another load could begin"):
        wave.hand.change(2, None)


def test_a_change_is_told_once_when_it_holds() -> None:
    """Not before, and never where its scenario was over first."""
    wave = Wave()
    wave.hand.change(2, None)
    wave.now_us = 1_000_000
    wave.hand.change(3, "a")
    assert wave.hand.next_us() == 2_000_000
    assert list(wave.hand.begun(1_999_999)) == []
    told = list(wave.hand.begun(2_000_000))
    assert told == [("a", LoadChange(2_000_000, 2)), ("b", LoadChange(2_000_000, 2))]
    assert list(wave.hand.begun(2_500_000)) == []
    assert wave.hand.next_us() == 3_000_000
    wave.hand.let_go("a")
    assert wave.hand.next_us() is None
    assert list(wave.hand.begun(9_000_000)) == []
