"""Leads a wave of scenarios through its time: says when each stage begins, and when each scenario is over.

The crowds in all processes follow the profiles by themselves; only where a load shape of Locust's decides how many
users there are, they are told from here.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import FrameType
from typing import Protocol

import gevent
from gevent.event import Event
from locust.shape import LoadTestShape
from locust.user import User

from loadworthy.clock import Clock
from loadworthy.errors import UsageError
from loadworthy.units import US_PER_S
from loadworthy.workload.profile import OpenProfile, Profile
from loadworthy.workload.segment import Segment

TICK_US = 250_000
"""How often the time is told."""
LATE_US = US_PER_S
"""Iterations that were due before the end may begin so long after it: they are measured from when they were due."""
LOOK_US = 20_000
"""How often it is looked whether they have begun."""

UserClasses = list[type[User]] | None
"""Which classes users are to be of; None: those of the scenario."""


class EndReason(StrEnum):
    """Why a scenario ended."""

    COMPLETED = "completed"
    """Its time was up."""
    ITERATIONS = "iterations"
    """All iterations were done."""
    USERS_STOPPED = "users_stopped"
    """All users had stopped by themselves."""
    INTERRUPTED = "interrupted"
    """Somebody asked for it."""
    ABORTED = "aborted"
    """A threshold that ends the run was missed."""
    WORKERS_LOST = "workers_lost"
    """No worker was left to make load."""


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
        """So long before it begins everybody must have heard of a segment."""
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


class Control:
    """How a run is told to stop: once, and it ends gracefully; twice, and it ends now."""

    def __init__(self) -> None:
        self.stop = Event()
        self.why: str | None = None
        """Why the run ends itself; None where somebody else asked for it, or nobody did."""

    def abort(self, why: str) -> None:
        """The run ends itself, gracefully."""
        if not self.stop.is_set():
            self.why = why
            self.stop.set()

    @property
    def reason(self) -> EndReason | None:
        """Why scenarios are to end now, if they are."""
        if not self.stop.is_set():
            return None
        return EndReason.INTERRUPTED if self.why is None else EndReason.ABORTED

    @contextmanager
    def signals(self, on_first: Callable[[], None]) -> Iterator[None]:
        """Ctrl-C and SIGTERM stop the run while the context lasts; a second one raises KeyboardInterrupt."""

        asked = 0

        def handle(_number: int, _frame: FrameType | None) -> None:
            nonlocal asked
            asked += 1
            if asked > 1:
                raise KeyboardInterrupt
            self.stop.set()  # which it may be already: the run ends itself
            on_first()

        hub = gevent.get_hub()
        printed = hub.NOT_ERROR
        hub.NOT_ERROR = (*printed, KeyboardInterrupt)  # it reaches the main greenlet; no traceback on the way
        previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            hub.NOT_ERROR = printed
            for number, handler in previous.items():
                signal.signal(number, handler)


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

    def ended(self, scenario: str, reason: EndReason) -> None:
        """A scenario is over; its users are about to be told."""
        ...

    def tick(self, elapsed_us: int) -> None:
        """Some time has passed."""
        ...


class _Follower:
    """Where one scenario of the wave is; a :class:`Leader` that goes by the profile or the shape."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._stages = deque(() if part.shape is not None else part.profile.stages)
        self._asked_us = 0
        self._last: object = None

    def advance(self, elapsed_us: int, crew: Crew, progress: Progress) -> EndReason | None:
        """Do what is due; the reason if it is over."""
        name = self.part.scenario
        while self._stages and self._stages[0][0] <= elapsed_us:
            _, index, amount = self._stages.popleft()
            progress.stage(name, index, amount)
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
        if self._stages:
            marks.append(self._stages[0][0])
        if self.part.duration_us is not None:
            late = elapsed_us >= self.part.duration_us
            marks.append(elapsed_us + LOOK_US if late else self.part.duration_us)
        return min(marks)

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
    running: dict[str, Leader] = {part.scenario: part.leader or _Follower(part) for part in parts}
    reasons: dict[str, EndReason] = {}
    for part in parts:
        if part.shape is not None:
            part.shape.reset_time()
    start_us = clock.monotonic_us()
    while True:
        elapsed_us = clock.monotonic_us() - start_us
        ended: list[str] = []
        for name, one in running.items():
            if (reason := control.reason or one.advance(elapsed_us, crew, progress)) is not None:
                reasons[name] = reason
                ended.append(name)
        running = {name: one for name, one in running.items() if name not in ended}
        progress.tick(elapsed_us)
        for name in ended:
            progress.ended(name, reasons[name])
            if running:
                crew.dismiss(name)
        if not running:
            return reasons
        left_us = min(one.next_us(elapsed_us) for one in running.values()) - elapsed_us
        control.stop.wait(timeout=max(left_us, 0) / US_PER_S)


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
