"""Rows of test data in users that are made from a plan."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from locust.env import Environment
from locust.exception import StopUser

from loadworthy.plan.model import Behaviour, Plan
from loadworthy.users.declared import (
    MOST_STARTS_WITHOUT_ROW,
    NOTHING_SENT_PAUSE_S,
    DeclaredUser,
    Identity,
    Surroundings,
    declared_user,
)
from loadworthy.users.feeders import Feeder
from loadworthy.users.multipart import PlanFiles

ROWS = [{"n": number} for number in range(3)]


def users(
    per_iteration: bool = False, on_start: str | None = None, sent: str = "/{{ accounts.n }}", **identity: Any
) -> Iterator[DeclaredUser]:
    """Users one after another, of a plan with three rows that are handed out once; of the paths that they ask for."""
    numbers = count()
    feeders = {"accounts": Feeder(ROWS, name="accounts", order="once")}
    surroundings = Surroundings(
        lambda: Identity(next(numbers), Random(1), **identity),
        feeders,
        tuple(feeders) if per_iteration else (),
        PlanFiles(Path()),
    )
    start = [] if on_start is None else [{"path": on_start}]
    behaviour = Behaviour.model_validate({"on_start": start, "flow": [{"path": sent}]})
    plan = Plan.model_validate({"base_url": "http://127.0.0.1:9", "scenarios": {"a": {}}})
    user_class = declared_user("a", behaviour, plan, surroundings)
    environment = Environment(user_classes=[user_class])
    while True:
        yield user_class(environment)


def asked_by(user: DeclaredUser, broken: str = "") -> list[str]:
    """Where the steps of its next iteration go; the one to ``broken`` fails."""
    asked: list[str] = []

    def perform(step: Any) -> bool:
        asked.append(step.filled(user._variables)[0])
        return asked[-1] != broken

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
    identity: dict[str, Any] = {kind: lambda: next(numbers)}
    user = next(users(per_iteration=True, **identity))
    assert [asked_by(user), asked_by(user)] == [["/2"], ["/0"]]
    with pytest.raises(StopUser):
        asked_by(user)


@pytest.mark.parametrize(
    ("on_start", "left", "asked"),
    [("/login", [0, 1], ["/login", "/2"]), ("/login/{{ accounts.n }}", [], ["/login/2", "/2"])],
)
def test_a_start_that_fails_leaves_the_row_to_others(
    on_start: str, left: list[int], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it does not use it: the right to the iteration is given back with its number."""
    monkeypatch.setattr("loadworthy.users.declared.START_RETRY_S", 0.0)
    given_back: list[int] = []
    ticket = -1

    def give_back() -> None:
        given_back.append(ticket)

    user = next(users(True, on_start, ticket_number=lambda: ticket, give_ticket_back=give_back))
    for ticket in range(2):
        start = asked[0].replace("2", str(ticket))
        assert asked_by(user, broken=start) == [start]
    ticket = 2
    assert (asked_by(user), given_back) == (asked, left)


def test_who_never_gets_started_uses_rows_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a run whose rows are its end has one."""
    monkeypatch.setattr("loadworthy.users.declared.START_RETRY_S", 0.0)
    given_back: list[int] = []
    user = next(users(True, "/login", ticket_number=lambda: 0, give_ticket_back=lambda: given_back.append(0)))
    for _ in range(MOST_STARTS_WITHOUT_ROW + 5):
        assert asked_by(user, broken="/login") == ["/login"]
    assert len(given_back) == MOST_STARTS_WITHOUT_ROW


def test_a_pass_that_sends_nothing_is_followed_by_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one whose first step cannot be built fails as fast as the processor allows. Who sends something goes on."""
    pauses: list[float] = []
    monkeypatch.setattr("loadworthy.users.declared.gevent.sleep", pauses.append)
    user = next(users(sent="/{{ accounts.m }}"))
    user.iterate()
    assert pauses == [NOTHING_SENT_PAUSE_S]
    user = next(users())
    monkeypatch.setattr(user, "_send", lambda *_of_a_request: True)
    user.iterate()
    assert pauses == [NOTHING_SENT_PAUSE_S]
