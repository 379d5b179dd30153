"""Which number a user of a closed workload has, over all processes.

Users stand in places: the first is in place 0, and those that were made last go first. A place that is taken again, in
a later ramp, is a new user's. Numbers are given in the order in which the profile takes places: a ramp from 2 users to
3, after one from 0 to 3, has number 3 for place 2. So they are without gaps, and there are exactly as many as users are
made; and they are a function of the profile, the place and the time, so that nobody need ask anybody.

Where a worker was lost, those that are left get new users in places beyond those that each has had: numbers go on
there. A process that had fewer users than its share at that time gets users whose number nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadworthy.workload.arrivals import Split
from loadworthy.workload.profile import ClosedProfile

NUMBERS_OF_A_SPLIT = 10_000_000
"""Users whose place among those of all processes nobody can tell any more have numbers from here on."""
_BEHIND_US = 500_000
"""So late a process may be with making the users of its share."""


def wanted_users(profile: ClosedProfile, elapsed_us: int) -> int:
    """The users of this moment; the first user of a ramp comes at once, as Locust's does."""
    users, goal = profile.users_at(elapsed_us), profile.goal_at(elapsed_us)
    return users + 1 if users < goal else users


@dataclass(frozen=True, slots=True)
class _Rise:
    """From a moment on, places from ``low`` to below ``top`` are taken, by users with numbers from ``first`` on."""

    at_us: int
    low: int
    top: int
    first: int
    epoch: int


class UserNumbers:
    """See the module.

    Args:
        profile: what the crowds of all processes follow.
        splits: all so far, with the first; of each the epoch is its place among them.
    """

    def __init__(self, profile: ClosedProfile, splits: Sequence[Split]) -> None:
        self._splits = list(splits)
        self._rises = list(_rises(profile, self._splits))

    @property
    def count(self) -> int:
        """How many users are made in all."""
        return sum(rise.top - rise.low for rise in self._rises)

    def number(self, place: int, elapsed_us: int) -> int | None:
        """That of the user who takes this place at this moment; None where it has none."""
        epoch = _epoch_at(self._splits, elapsed_us)
        for rise in reversed(self._rises):
            if rise.at_us <= elapsed_us and rise.epoch == epoch and rise.low <= place < rise.top:
                return rise.first + place - rise.low
        return None


def _epoch_at(splits: Sequence[Split], elapsed_us: int) -> int:
    return next((epoch for epoch in reversed(range(len(splits))) if splits[epoch].from_us <= elapsed_us), 0)


def _rises(profile: ClosedProfile, splits: Sequence[Split]) -> Iterator[_Rise]:
    """Between two of the moments at which something changes, users become more, or fewer, and not both."""
    moments = {move.at_us for move in profile.moves} | {change.at_us for change in profile.changes}
    at_us = sorted(moments | {split.from_us for split in splits[1:]})
    level = made = epoch = 0
    for begin_us, end_us in zip(at_us, [*at_us[1:], None], strict=True):
        before, epoch = epoch, _epoch_at(splits, begin_us)
        if epoch != before:
            had = min(level, wanted_users(profile, max(begin_us - _BEHIND_US, 0)))
            level = had // splits[before].processes * splits[epoch].processes
        first = wanted_users(profile, begin_us)
        last = profile.goal_at(begin_us) if end_us is None else wanted_users(profile, end_us - 1)
        low, top = min(level, first), max(first, last)
        if top > low:
            yield _Rise(begin_us, low, top, made, epoch)
            made += top - low
        level = last
