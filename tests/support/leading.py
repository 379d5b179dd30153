"""Runs led from within the test's own process: what a person does to them while they go on."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.summary import Summary
from loadworthy.cli.target import load_target
from loadworthy.engine.control import Control
from loadworthy.engine.run import OnEnvironment, RunRequest, run_plan
from loadworthy.record.interval import Interval
from loadworthy.record.rundir import Run
from loadworthy.units import US_PER_S

Json = dict[str, Any]


class Person:
    """Does something when a wave has gone on for so many seconds, when an event comes, and when it sees something.

    Args:
        at_s: pairs of seconds and what is done then, ascending.
        on: type of an event → what is done when the first of its kind comes.
        when: whether it is time, by the users that run, and what is done then; once.
        in_turn: pairs of a number of users and what is done once all processes together had so many in two intervals
            on end; one pair after the other. For runs of one scenario.
    """

    def __init__(
        self,
        at_s: Sequence[tuple[float, Callable[[], object]]] = (),
        on: Mapping[str, Callable[[], object]] | None = None,
        when: tuple[Callable[[int], bool], Callable[[], object]] | None = None,
        in_turn: Sequence[tuple[int, Callable[[], object]]] = (),
    ) -> None:
        self._at_s = list(at_s)
        self._in_turn = list(in_turn)
        self._looks: dict[int, deque[int]] = {}
        self._when = when
        self._on = dict(on or {})
        self.events: list[Mapping[str, Any]] = []
        self.answers: list[object] = []

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Note it."""
        self.events.append(event)
        if (act := self._on.pop(str(event["type"]), None)) is not None:
            self.answers.append(act())

    def on_interval(self, interval: Interval) -> None:
        """Note how many users there are."""
        if not interval.stopping:
            self._looks.setdefault(interval.process, deque(maxlen=2)).append(interval.users)

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """Do what is due."""
        while self._at_s and self._at_s[0][0] * US_PER_S <= elapsed_us:
            self.answers.append(self._at_s.pop(0)[1]())
        if self._when is not None and self._when[0](users):
            _, act = self._when
            self._when = None
            self.answers.append(act())
        if self._in_turn and self._is_held(self._in_turn[0][0]):
            self.answers.append(self._in_turn.pop(0)[1]())

    def _is_held(self, users: int) -> bool:
        """Whether there were so many in the last two intervals of each process: what is on its way is not meant."""
        looks = list(self._looks.values())
        return all(len(one) == 2 for one in looks) and [sum(pair) for pair in zip(*looks, strict=True)] == [users] * 2


def request(plan: Mapping[str, Any] | Path, out: Path, processes: int = 1, **keys: Any) -> RunRequest:
    """To run this plan, over so many processes."""
    children = 0 if processes == 1 else processes
    return RunRequest(load_target(plan, environ=os.environ), out, children=children, **keys)


def run_led(
    asked: RunRequest, control: Control, person: Person, on_environment: OnEnvironment | None = None
) -> tuple[Summary, Run]:
    """Run it, and judge it; no report is written."""
    outcome = run_plan(asked, person, control=control, on_environment=on_environment)
    run = Run.open(outcome.path)
    return summarize(run), run
