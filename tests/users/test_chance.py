"""Random numbers that can be replayed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from loadworthy.users.chance import CHANCE, Chance, chance_here, personal_random

DRAWS: list[Callable[[random.Random], Any]] = [
    lambda numbers: numbers.random(),
    lambda numbers: numbers.randint(1, 10**9),
    lambda numbers: numbers.choice("abcdefgh"),
    lambda numbers: numbers.choices("abcdefgh", weights=range(8), k=5),
    lambda numbers: numbers.sample(range(1000), 5),
    lambda numbers: numbers.gauss(0, 1),
    lambda numbers: numbers.uniform(1, 9),
    lambda numbers: numbers.getrandbits(128),
    lambda numbers: numbers.expovariate(2),
]


class Holder:
    """Somebody with a stream."""

    def __init__(self, name: str) -> None:
        self._chance = Chance(name)

    def current_chance(self) -> Chance:
        return self._chance


@pytest.mark.parametrize("draw", DRAWS)
def test_a_stream_is_that_of_its_name(draw: Callable[[random.Random], Any]) -> None:
    """It equals a generator that was seeded with the name at once, whatever is drawn first."""
    expected = random.Random("7/load/3")
    chance = Chance("7/load/3")
    assert [draw(chance) for _ in range(5)] == [draw(expected) for _ in range(5)]


@pytest.mark.parametrize("draw", DRAWS)
def test_a_restart_begins_another_stream(draw: Callable[[random.Random], Any]) -> None:
    """Nothing of the old one is left, not even a number drawn ahead."""
    chance = Chance("old")
    draw(chance)
    chance.restart("new")
    expected = random.Random("new")
    assert [draw(chance) for _ in range(5)] == [draw(expected) for _ in range(5)]


def test_the_module_draws_from_the_stream_of_who_calls() -> None:
    """Two greenlets, each with its own, and a child of one; others draw from the module's own numbers."""

    def three() -> list[float]:
        return [random.random(), random.random(), gevent.spawn(random.random).get()]

    with personal_random():
        random.seed(5)
        greenlets = [gevent.spawn(three) for _ in range(3)]
        for greenlet, name in zip(greenlets[:2], ("a", "b"), strict=True):
            greenlet.spawn_tree_locals = {CHANCE: Holder(name)}
        drawn = [greenlet.get() for greenlet in greenlets]
        assert chance_here() is None
    for name, numbers in zip(("a", "b"), drawn, strict=False):
        expected = random.Random(name)
        assert numbers == [expected.random() for _ in range(3)]
    own = random.Random(5)
    assert drawn[2] == [own.random() for _ in range(3)]


def test_the_module_is_put_back() -> None:
    """Also where something was raised meanwhile."""
    before = random.random, random.choice
    with pytest.raises(KeyError), personal_random():
        raise KeyError(random.choice is before[1])
    assert (random.random, random.choice) == before
