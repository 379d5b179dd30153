"""Leads a wave of scenarios through its time: says when each stage begins, and when each scenario is over.

The crowds in all processes follow the profiles by themselves; only where a load shape of Locust's decides how many
users there are, they are told from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from locust.shape import LoadTestShape
from locust.user import User

from loadworthy.clock import Clock
from loadworthy.engine.control import Control, EndReason
from loadworthy.engine.hand import Hand
from loadworthy.errors import UsageError
from loadworthy.units import US_PER_S
from loadworthy.workload.profile import LoadChange, OpenProfile, Profile
from loadworthy.workload.segment import Segment

__all__ = [
    "LATE_US", "LOOK_US", "TICK_US", "Control", "Crew", "EndReason", "Leader", "Part", "Progress", "UserClasses",
    "drive",
]  # fmt: skip

TICK_US = 250_000
"""How often the time is told."""
LATE_US = US_PER_S
"""Iterations that were due before the end may begin so long after it: they are measured from when they were due."""
LOOK_US = 20_000
"""How often it is looked whether they have begun."""

UserClasses = list[type[User]] | None
"""Which classes users are to be of; None: those of the scenario."""


class Crew(Protocol):
    """Whoever makes the load: this process, or workers."""

    @property
    def users(self) -> int:
        """Users running now."""
        ...

    def begin(self, wave: Sequence[str]) -> None:
        """Make ready for scenarios that run together; may wait until first users are ready."""
        ...

    def start(self) -> None:
        """The clock starts: everybody follows the profiles from now on."""
        ...

    def aim(self, scenario: str, users: int, per_second: float, user_classes: UserClasses = None) -> None:
        """A load shape wants so many users, of these classes where they are given; returns at once."""
        ...

    @property
    def lead_us(self) -> int:
        """So long before it begins everybody must have heard of a segment, or of a change of the load."""
        ...

    def change_load(self, scenario: str, changes: Sequence[LoadChange]) -> None:
        """All changes by hand of the load of a scenario, the last of them new; returns at once."""
        ...

    def extend(self, scenario: str, segment: Segment) -> None:
        """A segment of a load that is decided while the run goes on; returns at once."""
        ...

    def cut_short(self, scenario: str) -> None:
        """Nothing more of the segment under way is to begin; returns at once."""
        ...

    def is_idle(self, scenario: str) -> bool:
        """Whether all of the segment has begun, and nothing of it is under way any more."""
        ...

    def over(self, scenario: str) -> EndReason | None:
        """Why there is nothing more to do for a scenario, if so; COMPLETED where all that was due has begun."""
        ...

    def dismiss(self, scenario: str) -> None:
        """One scenario is over while others go on; returns at once."""
        ...

    def end(self) -> None:
        """Stop all users, giving iterations under way the stop time-out, and bring in all that was measured."""
        ...


class Leader(Protocol):
    """Decides on the load of a scenario while it runs."""

    def advance(self, elapsed_us: int, crew: Crew, progress: Progress) -> EndReason | None:
        """Do what is due; the reason if the scenario is over."""
        ...

    def next_us(self, elapsed_us: int) -> int:
        """When to look again."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One scenario of a wave; ``shape`` decides how many users run where there is one, ``leader`` on its rates."""

    scenario: str
    profile: Profile
    shape: LoadTestShape | None = None
    leader: Leader | None = None

    @property
    def is_open(self) -> bool:
        """Whether iterations begin when they are due."""
        return isinstance(self.profile, OpenProfile)

    @property
    def duration_us(self) -> int | None:
        """Planned length, if there is one."""
        return None if self.shape is not None else self.profile.duration_us


class Progress(Protocol):
    """Told how a wave goes."""

    def stage(self, scenario: str, index: int, amount: Mapping[str, float]) -> None:
        """A stage begins; ``amount`` is ``users`` or ``rate``."""
        ...

    def load_changed(self, scenario: str, change: LoadChange) -> None:
        """A change of the load by hand begins to hold."""
        ...

    def ended(self, scenario: str, reason: EndReason) -> None:
        """A scenario is over; its users are about to be told."""
        ...

    def tick(self, elapsed_us: int) -> None:
        """Some time has passed."""
        ...


class _Follower:
    """Where one scenario of the wave is; a :class:`Leader` that goes by the profile or the shape."""

    def __init__(self, part: Part, hand: Hand) -> None:
        self.part = part
        self._hand = hand
        self._begun = 0
        self._asked_us = 0
        self._last: object = None

    def advance(self, elapsed_us: int, crew: Crew, progress: Progress) -> EndReason | None:
        """Do what is due; the reason if it is over."""
        name = self.part.scenario
        for at_us, index, amount in self._stages_to_come():
            if at_us > elapsed_us:
                break
            progress.stage(name, index, amount)
            self._begun += 1
        end_us = self.part.duration_us
        if (
            end_us is not None
            and elapsed_us >= end_us
            and (not self.part.is_open or elapsed_us >= end_us + LATE_US or crew.over(name) is not None)
        ):
            return EndReason.COMPLETED
        if self.part.shape is not None:
            return self._follow_shape(self.part.shape, elapsed_us, crew)
        reason = crew.over(name)
        return None if reason is EndReason.COMPLETED else reason

    def next_us(self, elapsed_us: int) -> int:
        """When to look again."""
        marks = [elapsed_us + TICK_US]
        if self.part.shape is not None:
            marks.append(self._asked_us)
        marks += [at_us for at_us, _, _ in self._stages_to_come()[:1]]
        if self.part.duration_us is not None:
            late = elapsed_us >= self.part.duration_us
            marks.append(elapsed_us + LOOK_US if late else self.part.duration_us)
        return min(marks)

    def _stages_to_come(self) -> Sequence[tuple[int, int, Mapping[str, float]]]:
        """As the load was changed so far; none where a shape decides."""
        if self.part.shape is not None:
            return ()
        return self.part.profile.changed(self._hand.changes(self.part.scenario)).stages[self._begun :]

    def _follow_shape(self, shape: LoadTestShape, elapsed_us: int, crew: Crew) -> EndReason | None:
        """A Locust load shape is asked once a second, until it says None."""
        if elapsed_us >= self._asked_us:
            self._asked_us += US_PER_S
            tick = _asked(shape)
            if tick is None:
                return EndReason.COMPLETED
            if tick != self._last:
                crew.aim(self.part.scenario, *tick)
                self._last = tick
                return None
        wants_users = isinstance(self._last, tuple) and self._last[0]
        return crew.over(self.part.scenario) if wants_users else None


def drive(
    crew: Crew, parts: Sequence[Part], control: Control, clock: Clock, progress: Progress
) -> dict[str, EndReason]:
    """Lead a wave that has begun until all its scenarios are over, or until told to stop; why each ended.

    The last ones to end are left to ``crew.end()``.
    """
    reasons: dict[str, EndReason] = {}
    for part in parts:
        if part.shape is not None:
            part.shape.reset_time()
    start_us = clock.monotonic_us()
    led = [part.scenario for part in parts if part.leader is not None]
    lengths_us = {part.scenario: part.duration_us for part in parts}
    hand = Hand(crew, lengths_us, led, lambda: clock.monotonic_us() - start_us)
    running: dict[str, Leader] = {part.scenario: part.leader or _Follower(part, hand) for part in parts}
    with control.in_hand(hand):
        while True:
            elapsed_us = clock.monotonic_us() - start_us
            for name, change in hand.begun(elapsed_us):
                progress.load_changed(name, change)
            looked = {name: control.reason or one.advance(elapsed_us, crew, progress) for name, one in running.items()}
            ended = {name: reason for name, reason in looked.items() if reason is not None}
            reasons |= ended
            running = {name: one for name, one in running.items() if name not in ended}
            progress.tick(elapsed_us)
            for name, reason in ended.items():
                hand.let_go(name)
                progress.ended(name, reason)
                if running:
                    crew.dismiss(name)
            if not running:
                return reasons
            control.stop.wait(timeout=max(_next_us(running, hand, elapsed_us) - elapsed_us, 0) / US_PER_S)


def _next_us(running: Mapping[str, Leader], hand: Hand, elapsed_us: int) -> int:
    """When there is something to do again."""
    marks = [one.next_us(elapsed_us) for one in running.values()]
    change_us = hand.next_us()
    return min(marks if change_us is None else [*marks, change_us])


def _asked(shape: LoadTestShape) -> tuple[int, float, UserClasses] | None:
    """The shape's answer; UsageError where it raises or answers something else."""
    name = type(shape).__name__
    try:
        tick = shape.tick()
        if tick is None:
            return None
        users, per_second, *classes = tick
        return int(users), float(per_second), classes[0] if classes else None
    except Exception as error:
        raise UsageError(f"the load shape {name} failed in tick(): {type(error).__name__}: {error}") from error
