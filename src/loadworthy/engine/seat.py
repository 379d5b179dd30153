"""A seat: what the engine keeps of one user, beside the user.

In an open workload a user sits and waits until the crowd hands it an arrival, does that one iteration, and waits again.
In a closed one it goes on by itself, and the seat only notes when iterations began.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import gevent
from gevent import get_hub
from locust.exception import StopUser
from locust.user import User
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from loadworthy.clock import monotonic_ns
from loadworthy.users.chance import CHANCE, Chance
from loadworthy.users.feeders import SEAT
from loadworthy.workload.arrivals import Arrival

if TYPE_CHECKING:
    from loadworthy.engine.crowd import Crowd

ATTRIBUTE = SEAT
"""Name under which a user carries its seat, and key among the locals of its greenlets."""


class Seat:
    """One user's place in its crowd.

    Attributes:
        number: of the user, from 0, unique over all processes.
        arrival: what it was handed and has not done yet; open workloads only.
        is_parked: it waits for an arrival.
        is_ready: it has done its ``on_start``.
        born_us: when its greenlet began to run.
        excused_us: of the time for which its arrival waited, what it waited for the target.
        late_us: how late the iteration under way began, until a request has taken it.
        ticket: the number of its iteration over all processes, where their number is limited; closed workloads only.
        slot_us, next_slot_us: when a user with pacing should begin its iteration, and the next one; 0 without slots.
    """

    __slots__ = (
        "_chance", "_greenlet", "_stream", "arrival", "began_us", "born_us", "crowd", "excused_us",
        "in_iteration", "intended_us", "is_parked", "is_ready", "late_us", "next_slot_us", "number",
        "slot_us", "ticket", "user",
    )  # fmt: skip

    def __init__(self, crowd: Crowd, number: int, stream: str) -> None:
        self.crowd = crowd
        self.number = number
        self._stream = stream
        self._chance: Chance | None = None
        self.user: User | None = None
        self.arrival: Arrival | None = None
        self.born_us = 0
        self.excused_us = 0
        self.is_parked = False
        self.is_ready = False
        self.in_iteration = False
        self.intended_us = 0
        self.began_us = 0
        self.late_us = 0
        self.slot_us = 0
        self.next_slot_us = 0
        self.ticket: int | None = None
        self._greenlet: Any = None

    @property
    def chance(self) -> Chance:
        """The user's random numbers; in an open workload, those of its iteration."""
        if self._chance is None:
            self._chance = Chance(self._stream)
        return self._chance

    def current_chance(self) -> Chance | None:
        """The same; None between the iterations of an open workload: the task that Locust draws ahead is not used."""
        if self.is_ready and self.arrival is None and self.crowd.is_open:
            return None
        return self.chance

    def restart_chance(self, stream: str) -> None:
        """From now on random numbers are those of this name."""
        self._stream = stream
        if self._chance is not None:
            self._chance.restart(stream)

    def take(self, user: User) -> None:
        """The user is this seat's."""
        self.user = user
        setattr(user, ATTRIBUTE, self)

    def follow(self, greenlet: Any) -> None:
        """All greenlets that come of this one, the user's, belong to the seat; call before it runs."""
        greenlet.spawn_tree_locals = {ATTRIBUTE: self, CHANCE: self}

    # --- waiting for an arrival ---

    def await_arrival(self) -> None:
        """Until it is handed one. Raises StopUser where the user was told to stop."""
        if self.arrival is not None:
            return
        user: Any = self.user
        if user._state == LOCUST_STATE_STOPPING:  # noqa: SLF001  # Locust's own contract, here and below
            raise StopUser
        if self.crowd.sit_down(self):
            return
        self._greenlet, self.is_parked = gevent.getcurrent(), True
        user._state = LOCUST_STATE_WAITING  # noqa: SLF001
        try:
            while self.is_parked:
                get_hub().switch()
        finally:
            self.is_parked = False
        user._state = LOCUST_STATE_RUNNING  # noqa: SLF001

    def wake(self) -> None:
        """The parked user was given an arrival, and begins at once; call in the event loop."""
        self.is_parked = False
        self._greenlet.switch()

    # --- iterations ---

    def begin(self) -> None:
        """An iteration begins."""
        self.in_iteration = True
        self.began_us = self.intended_us = monotonic_ns() // 1000
        if self.arrival is not None:
            self.intended_us = self.crowd.intended_us(self.arrival)
            self.crowd.place.tally.own_lag(max(self.began_us - self.intended_us - self.excused_us, 0))
        elif self.slot_us:
            self.intended_us, self.slot_us = self.slot_us, 0
        else:
            return
        self.late_us = self.began_us - self.intended_us
        self._tell_user(self.late_us)

    def end(self) -> None:
        """The iteration is over, and counts; what nobody sent has no intended time any more."""
        self.in_iteration = False
        self.crowd.place.tally.iteration(
            type(self.user).__name__, self.intended_us, self.began_us, monotonic_ns() // 1000
        )
        if self.late_us:
            self.late_us = 0
            self._tell_user(0)
        if self.arrival is not None:
            self.arrival = None
            self.crowd.iteration_over()

    def _tell_user(self, late_us: int) -> None:
        if hasattr(self.user, "late_us"):
            setattr(self.user, "late_us", late_us)  # noqa: B010  # Locust's user classes do not declare it

    def take_late_us(self) -> int:
        """How late the iteration began, once: for users whose client does not ask for it."""
        late_us, self.late_us = self.late_us, 0
        return late_us


def seat_of(user: object) -> Seat | None:
    """The seat of a user; None where it is not the engine's."""
    return getattr(user, ATTRIBUTE, None)


def seat_here() -> Seat | None:
    """The seat of the user in whose greenlet this is called."""
    shared: dict[str, Any] | None = getattr(gevent.getcurrent(), "spawn_tree_locals", None)
    return shared.get(ATTRIBUTE) if shared else None


class Usher:
    """Says for which seat a user is being made: its parts ask while it is made, before it can be told."""

    def __init__(self) -> None:
        self._seat: Seat | None = None

    @contextmanager
    def seating(self, seat: Seat) -> Iterator[None]:
        """While the context lasts, users that are made are this seat's."""
        before, self._seat = self._seat, seat
        try:
            yield
        finally:
            self._seat = before

    @property
    def seat(self) -> Seat | None:
        """The seat that is being taken, or that of the caller; None where a user is made by somebody else."""
        return self._seat or seat_here()
