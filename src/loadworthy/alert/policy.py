"""When a threshold that is missed while a run goes on is told, and when that it holds again.

A state machine without a clock: it is told what happened and when, and says what is due. A miss is told when it has
lasted for ``after``, once; one that ends the run, at once. That it holds again is told only where the miss was. The
same miss is not told again before the cool-down is over; if it lasts longer than that, it is told then. What a scenario
has not been told of when it ends stands in the message on the whole run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from loadworthy.plan.alerting import Matter

BREACH = "breach: "
"""What all keys of misses begin with."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be told now.

    Args:
        matter: a breach, or that it is over.
        scenario: whose threshold it is.
        expression: the threshold.
        evidence: the sentence of the event.
        lasted_us: how long it had been missed.
        aborts: whether the run ends because of it.
    """

    matter: Literal["breach", "recovered"]
    scenario: str
    expression: str
    evidence: str
    lasted_us: int
    aborts: bool = False


@dataclass(slots=True)
class _Miss:
    since_us: int
    evidence: str
    told: bool = False


class Policy:
    """What is due while one run goes on. All times are µs of one monotonic clock."""

    def __init__(
        self, on: Collection[Matter], after_us: int, cool_down_us: int, told_us: Mapping[str, int] | None = None
    ) -> None:
        """A policy.

        Args:
            on: what is told at all.
            after_us: how long a miss lasts before it is told.
            cool_down_us: how long the same miss is not told again.
            told_us: :func:`key_of` → when it was last told, by earlier runs.
        """
        self._on = frozenset(on)
        self._after_us = after_us
        self._cool_down_us = cool_down_us
        self._told_us = dict(told_us or {})
        self._missed: dict[tuple[str, str], _Miss] = {}
        self._ended: set[str] = set()

    def breached(self, now_us: int, scenario: str, expression: str, evidence: str, *, aborts: bool) -> list[Due]:
        """A threshold is missed from now on."""
        if "breach" not in self._on or scenario in self._ended:  # its last second may be looked at after its end
            return []
        self._missed.setdefault((scenario, expression), _Miss(now_us, evidence)).evidence = evidence
        return list(self._due(now_us, aborting=(scenario, expression) if aborts else None))

    def recovered(self, now_us: int, scenario: str, expression: str, evidence: str) -> list[Due]:
        """It holds again."""
        miss = self._missed.pop((scenario, expression), None)
        if miss is None or not miss.told or "recovered" not in self._on:
            return []
        return [Due("recovered", scenario, expression, evidence, now_us - miss.since_us)]

    def ended(self, scenario: str) -> None:
        """A scenario is over."""
        self._ended.add(scenario)
        self._missed = {key: miss for key, miss in self._missed.items() if key[0] != scenario}

    def tick(self, now_us: int) -> list[Due]:
        """What is due by now."""
        return list(self._due(now_us)) if self._missed else []

    def _due(self, now_us: int, aborting: tuple[str, str] | None = None) -> Iterator[Due]:
        for (scenario, expression), miss in self._missed.items():
            aborts = (scenario, expression) == aborting
            lasted_us = now_us - miss.since_us
            if miss.told or (lasted_us < self._after_us and not aborts):
                continue
            last_us = self._told_us.get(key_of(scenario, expression))
            if last_us is not None and 0 <= now_us - last_us < self._cool_down_us:  # else a clock was set back
                continue
            miss.told = True
            self._told_us[key_of(scenario, expression)] = now_us
            yield Due("breach", scenario, expression, miss.evidence, lasted_us, aborts)


def key_of(scenario: str, expression: str) -> str:
    """By what a miss is recognised."""
    return f"{BREACH}{scenario}: {expression}"
