"""Rows of test data in users that are made from a plan."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Any

import pytest
from locust.env import Environment
from locust.exception import StopUser

from loadworthy.plan.model import Behaviour, Plan
from loadworthy.users.declared import DeclaredUser, Identity, Surroundings, declared_user
from loadworthy.users.feeders import Feeder

ROWS = [{"n": number} for number in range(3)]


def users(per_iteration: bool = False, **identity: Any) -> Iterator[DeclaredUser]:
    """Users one after another, of a plan with three rows that are handed out once."""
    numbers = count()
    feeders = {"accounts": Feeder(ROWS, name="accounts", order="once")}
    surroundings = Surroundings(
        lambda: Identity(next(numbers), Random(1), **identity),
        feeders,
        frozenset(feeders) if per_iteration else frozenset(),
    )
    behaviour = Behaviour.model_validate({"flow": [{"path": "/{{ accounts.n }}"}]})
    plan = Plan.model_validate({"base_url": "http://127.0.0.1:9", "scenarios": {"a": {}}})
    user_class = declared_user("a", behaviour, plan, surroundings)
    environment = Environment(user_classes=[user_class])
    while True:
        yield user_class(environment)


def asked_by(user: DeclaredUser) -> list[str]:
    """Where the steps of its next iteration go."""
    asked: list[str] = []

    def perform(step: Any) -> bool:
        asked.append(step.filled(user._variables)[0])
        return True

    user.perform = perform  # type: ignore[method-assign]
    user.iterate()
    return asked


def test_a_user_without_a_row_stops_and_that_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The first three have a row each, for all their iterations; the others stop before they send anything."""
    made = users()
    for number in range(3):
        user = next(made)
        user.on_start()
        assert [asked_by(user), asked_by(user)] == [[f"/{number}"], [f"/{number}"]]
    with caplog.at_level(logging.WARNING), pytest.raises(StopUser):
        next(made).on_start()
    (record,) = caplog.records
    assert record.getMessage() == "all 3 rows of accounts have been handed out; users that find none stop"


@pytest.mark.parametrize("kind", ["ticket_number", "arrival_number"])
def test_an_iteration_has_the_row_of_its_number(kind: str) -> None:
    """Of its ticket in a closed workload, of its arrival in an open one; beyond the last row the user stops."""
    numbers = iter([2, 0, 3])
    number: Callable[[], int] = lambda: next(numbers)  # noqa: E731
    user = next(users(per_iteration=True, **{kind: number}))
    assert [asked_by(user), asked_by(user)] == [["/2"], ["/0"]]
    with pytest.raises(StopUser):
        asked_by(user)
