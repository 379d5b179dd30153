"""How much load there shall be at each moment: users (a closed workload), or iterations begun per second (an open one).

A closed profile is a list of moves. A move says: at this moment, start going from where you are to so many users, in
this time. ``users`` with a ``spawn_rate``, and ``stages`` that hold or ramp, are all written as moves, so that the
engine knows one form only.

An open profile is a list of legs, each with a rate that goes in a line from one value to another. When the iterations
are to begin is worked out from it in :mod:`loadworthy.workload.arrivals`.

Either may be changed by hand while it is followed (:class:`LoadChange`): from a moment on it is so many times what was
planned, ramps included, until the next change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from loadworthy.plan.model import Scenario
from loadworthy.units import US_PER_S


@dataclass(frozen=True, slots=True)
class LoadChange:
    """From ``at_us`` after the scenario's start on, the load is ``factor`` times what was planned."""

    at_us: int
    factor: float


def factor_at(changes: Sequence[LoadChange], elapsed_us: int) -> float:
    """What the planned load is multiplied by at a moment; ``changes`` ascend in time."""
    return next((change.factor for change in reversed(changes) if change.at_us <= elapsed_us), 1.0)


def scaled_users(users: int, factor: float) -> int:
    """So many times these users, rounded to whole ones; of a few never nobody."""
    return max(math.floor(users * factor + 0.5), 1) if users else 0


@dataclass(frozen=True, slots=True)
class Move:
    """From ``at_us`` after the start, go in a line to ``users`` within ``over_us`` (0: at once)."""

    at_us: int
    users: int
    over_us: int
    stage: int
    """Index of the stage it belongs to; 0 where there are none."""


@dataclass(frozen=True, slots=True)
class ClosedProfile:
    """Users over time.

    Args:
        moves: in order of time; the first is at 0.
        duration_us: planned length, ramps included; None means until told to stop.
        changes: by hand, ascending in time. A ramp goes between so many times its ends.
    """

    moves: tuple[Move, ...]
    duration_us: int | None
    changes: tuple[LoadChange, ...] = ()

    def changed(self, changes: Sequence[LoadChange]) -> Self:
        """The same plan with these changes instead of its own."""
        return replace(self, changes=tuple(changes))

    def users_at(self, elapsed_us: int) -> int:
        """The target at a moment, rounded down to whole users; 0 before the start."""
        factor = factor_at(self.changes, elapsed_us)
        users = 0
        for move in self.moves:
            if elapsed_us < move.at_us:
                break
            gone_us, target = elapsed_us - move.at_us, scaled_users(move.users, factor)
            if gone_us >= move.over_us:
                users = target
            else:
                users += (target - users) * gone_us // move.over_us
        return users

    def goal_at(self, elapsed_us: int) -> int:
        """Where the move under way leads; the first one's before the start."""
        move = next((move for move in reversed(self.moves) if move.at_us <= elapsed_us), self.moves[0])
        return scaled_users(move.users, factor_at(self.changes, elapsed_us))

    @property
    def most_users(self) -> int:
        """The largest target of any move, as it was planned."""
        return max(move.users for move in self.moves)

    @property
    def stages(self) -> tuple[tuple[int, int, dict[str, float]], ...]:
        """(when it begins, index, ``users`` that it goes to) of each stage, with the changes in force as it begins."""
        return tuple(
            (move.at_us, move.stage, {"users": scaled_users(move.users, factor_at(self.changes, move.at_us))})
            for move in self.moves
        )


FOR_EVER_US = 1 << 53
"""Longer than any run; a whole number of µs that is still exact as a float."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A stretch of an open workload: from ``at_us``, for ``length_us``, the rate goes in a line."""

    at_us: int
    length_us: int
    from_rate: float
    to_rate: float
    stage: int


@dataclass(frozen=True, slots=True)
class OpenProfile:
    """Iterations begun per second, over time.

    Args:
        legs: without gaps, the first at 0.
        duration_us: planned length; None means until told to stop, or until ``limit`` iterations were begun.
        is_random: arrivals are Poisson; else evenly spaced.
        limit: so many iterations at most.
        max_users: users at most, over all processes.
        is_led: nothing is known beforehand; :class:`~loadworthy.workload.segment.Segment` by segment is told while it
            runs.
        changes: by hand, ascending in time; ``max_users`` and ``limit`` stay what they are.
    """

    legs: tuple[Leg, ...]
    duration_us: int | None
    is_random: bool
    limit: int | None
    max_users: int
    is_led: bool = False
    changes: tuple[LoadChange, ...] = ()

    def changed(self, changes: Sequence[LoadChange]) -> Self:
        """The same plan with these changes instead of its own."""
        return replace(self, changes=tuple(changes))

    @property
    def peak_rate(self) -> float:
        """The highest rate of any moment, per second, as it was planned."""
        return max(max(leg.from_rate, leg.to_rate) for leg in self.legs)

    @property
    def stages(self) -> tuple[tuple[int, int, dict[str, float]], ...]:
        """(when it begins, index, ``rate`` that it holds or goes to) of each stage, with the changes in force then.

        None where it is led.
        """
        if self.is_led:
            return ()
        return tuple(
            (leg.at_us, leg.stage, {"rate": leg.to_rate * factor_at(self.changes, leg.at_us)}) for leg in self.legs
        )


Profile = ClosedProfile | OpenProfile

_SECONDS_OF_USERS = 10
_FEWEST_USERS, _MOST_USERS = 50, 10_000


def profile_of(scenario: Scenario) -> Profile:
    """What a scenario asks for, open or closed."""
    return open_profile(scenario) if scenario.is_open else closed_profile(scenario)


def open_profile(scenario: Scenario) -> OpenProfile:
    """The profile of a scenario with a ``rate``, with stages of rates, or of one that looks for its rates."""
    is_random = scenario.arrivals == "poisson"
    if scenario.is_search:
        nothing = Leg(0, FOR_EVER_US, 0.0, 0.0, 0)
        return OpenProfile((nothing,), None, is_random, None, scenario.max_users or _MOST_USERS, is_led=True)
    if scenario.stages:
        legs = tuple(_legs(scenario))
    else:
        rate, length_us = scenario.rate or 0.0, scenario.run_time or FOR_EVER_US
        legs = (Leg(0, length_us, rate, rate, 0),)
    end_us = legs[-1].at_us + legs[-1].length_us
    duration_us = None if end_us == FOR_EVER_US else end_us
    peak = max(max(leg.from_rate, leg.to_rate) for leg in legs)
    cap = scenario.max_users or min(max(round(peak * _SECONDS_OF_USERS), _FEWEST_USERS), _MOST_USERS)
    return OpenProfile(legs, duration_us, is_random, scenario.iterations, cap)


def _legs(scenario: Scenario) -> Iterable[Leg]:
    at_us, rate = 0, 0.0
    for index, stage in enumerate(scenario.stages):
        to_rate = stage.ramp_to_rate if stage.rate is None else stage.rate
        target = 0.0 if to_rate is None else to_rate
        yield Leg(at_us, stage.duration, rate if stage.rate is None else target, target, index)
        at_us, rate = at_us + stage.duration, target


def closed_profile(scenario: Scenario) -> ClosedProfile:
    """The profile of a scenario: its ``stages``, or ``users`` (1 unless given) at ``spawn_rate`` for ``run_time``."""
    if scenario.stages:
        return _staged(scenario)
    users = scenario.users or 1
    ramp_us = round((users / scenario.spawn_rate) * US_PER_S) if scenario.spawn_rate else 0
    return ClosedProfile((Move(0, users, ramp_us, 0),), scenario.run_time)


def _staged(scenario: Scenario) -> ClosedProfile:
    moves: list[Move] = []
    at_us = 0
    for index, stage in enumerate(scenario.stages):
        if stage.ramp_to is not None:
            moves.append(Move(at_us, int(stage.ramp_to), stage.duration, index))
        else:
            moves.append(Move(at_us, stage.users or 0, 0, index))
        at_us += stage.duration
    return ClosedProfile(tuple(moves), at_us)
