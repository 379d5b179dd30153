"""Follows a workload's profile: tells a crew how many users there shall be, and when the scenario is over."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from loadworthy.workload.profile import ClosedProfile, Move

TICK_S = 0.25

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
    WORKERS_LOST = "workers_lost"
    """No worker was left to make load."""


class Crew(Protocol):
    """Whoever makes the load: this process, or workers."""

    @property
    def users(self) -> int:
        """Users running now."""
        ...

    def begin(self, scenario: str) -> None:
        """Make ready for a scenario; no users yet."""
        ...

    def set_users(self, users: int, per_second: float, user_classes: UserClasses = None) -> None:
        """Go from where it is to so many users, of these classes where they are given; returns at once."""
        ...

    def over(self) -> EndReason | None:
        """Why there is nothing more to do, if so."""
        ...

    def end(self) -> None:
        """Stop all users, giving iterations under way the stop time-out, and bring in all that was measured."""
        ...


class Control:
    """How a run is told to stop: once, and it ends gracefully; twice, and it ends now."""

    def __init__(self) -> None:
        self.stop = Event()

    @contextmanager
    def signals(self, on_first: Callable[[], None]) -> Iterator[None]:
        """Ctrl-C and SIGTERM stop the run while the context lasts; a second one raises KeyboardInterrupt."""

        def handle(_number: int, _frame: FrameType | None) -> None:
            if self.stop.is_set():
                raise KeyboardInterrupt
            self.stop.set()
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


OnMove = Callable[[Move], None]
OnTick = Callable[[int], None]


def drive(
    crew: Crew, profile: ClosedProfile, control: Control, clock: Clock, on_move: OnMove, on_tick: OnTick
) -> EndReason:
    """Follow the profile until its end, the crew's, or until told to stop. ``on_tick`` gets the elapsed µs."""
    pending = deque(profile.moves)
    users = 0
    start_us = clock.monotonic_us()
    while True:
        elapsed_us = clock.monotonic_us() - start_us
        while pending and pending[0].at_us <= elapsed_us:
            move = pending.popleft()
            on_move(move)
            crew.set_users(move.users, _per_second(abs(move.users - users), move.over_us))
            users = move.users
        on_tick(elapsed_us)
        if control.stop.is_set():
            return EndReason.INTERRUPTED
        if profile.duration_us is not None and elapsed_us >= profile.duration_us:
            return EndReason.COMPLETED
        if (reason := crew.over()) is not None:
            return reason
        marks = [TICK_S]
        if pending:
            marks.append((pending[0].at_us - elapsed_us) / US_PER_S)
        if profile.duration_us is not None:
            marks.append((profile.duration_us - elapsed_us) / US_PER_S)
        control.stop.wait(timeout=max(min(marks), 0))


def drive_shape(crew: Crew, shape: LoadTestShape, control: Control, clock: Clock, on_tick: OnTick) -> EndReason:
    """Follow a Locust load shape, asked once a second, until it says None."""
    shape.reset_time()
    start_us = clock.monotonic_us()
    last: object = None
    while True:
        tick = _asked(shape)
        if tick is None:
            return EndReason.COMPLETED
        if tick != last:
            crew.set_users(*tick)
            last = tick
        on_tick(clock.monotonic_us() - start_us)
        if control.stop.wait(timeout=1):
            return EndReason.INTERRUPTED
        if (reason := crew.over()) is not None and tick[0]:
            return reason


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


def _per_second(users: int, over_us: int) -> float:
    """Users per second; a move that takes no time is done in the dispatcher's first step (a tenth of a second)."""
    if over_us <= 0:
        return max(users, 1) * 10.0
    return max(users, 1) * US_PER_S / over_us
