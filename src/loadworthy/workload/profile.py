"""The closed workload: how many users there shall be at each moment.

A profile is a list of moves. A move says: at this moment, start going from where you are to so many users, in this
time. ``users`` with a ``spawn_rate``, and ``stages`` that hold or ramp, are all written as moves, so that the engine
knows one form only.
"""

from __future__ import annotations

from dataclasses import dataclass

from loadworthy.plan.model import Scenario
from loadworthy.units import US_PER_S


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
    """

    moves: tuple[Move, ...]
    duration_us: int | None

    def users_at(self, elapsed_us: int) -> int:
        """The target at a moment, rounded down to whole users; 0 before the start."""
        users = 0
        for move in self.moves:
            if elapsed_us < move.at_us:
                break
            gone_us = elapsed_us - move.at_us
            if gone_us >= move.over_us:
                users = move.users
            else:
                users += (move.users - users) * gone_us // move.over_us
        return users

    @property
    def most_users(self) -> int:
        """The largest target of any move."""
        return max(move.users for move in self.moves)


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
            moves.append(Move(at_us, stage.ramp_to, stage.duration, index))
        else:
            moves.append(Move(at_us, stage.users or 0, 0, index))
        at_us += stage.duration
    return ClosedProfile(tuple(moves), at_us)
