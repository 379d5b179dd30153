"""The users of one scenario in one process: making them, counting them, ending them.

A crowd follows its scenario's profile by itself once it was started. What it needs to know beside the profile is its
share of the whole (:class:`~loadworthy.workload.arrivals.Split`); nobody tells it how many users to have. So all
processes of a run do the same sums, and their shares add up whatever the network between them does.

:class:`ClosedCrowd` has as many users as the profile says. :class:`~loadworthy.engine.pacing.OpenCrowd` has as many as
it takes to begin each iteration at its time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import gevent
from gevent.pool import Group
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.user import User
from locust.user.task import DefaultTaskSet, TaskSet

from loadworthy.clock import Clock
from loadworthy.engine.drive import EndReason
from loadworthy.engine.seat import Seat, Usher
from loadworthy.engine.stopping import see_off, tell_to_stop
from loadworthy.engine.tickets import CountedTickets, LeasedTickets, Tickets
from loadworthy.units import US_PER_S
from loadworthy.workload.arrivals import Arrival, Split
from loadworthy.workload.profile import ClosedProfile, LoadChange, Move
from loadworthy.workload.user_numbers import NUMBERS_OF_A_SPLIT, UserNumbers, wanted_users

STEP_S = 0.1
"""How often a closed crowd looks at its profile."""


class Tally(Protocol):
    """Counts what a crowd does; each interval takes the counts of its second."""

    scheduled: int
    sent: int
    dropped: int
    late: int

    def own_lag(self, lag_us: int) -> None:
        """An iteration began so late, and not for want of users that were free."""
        ...

    def iteration(self, name: str, intended_us: int, began_us: int, done_us: int) -> None:
        """One iteration is over."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a crowd works.

    Args:
        scenario: its name.
        stream: names the random numbers of this scenario: seed and scenario.
        environment: Locust's, whose runner holds the users' greenlets.
        usher: knows whose user is being made.
        tally: counts.
        tickets: the right to begin iterations.
        clock: monotonic time.
    """

    scenario: str
    stream: str
    environment: Environment
    usher: Usher
    tally: Tally
    tickets: Tickets
    clock: Clock


class Crowd:
    """What both kinds of crowd have in common."""

    is_open = False
    end_us: int | None = None
    """When what was due may still begin, but is no part of the measured time."""
    most_users = 0
    """Of a closed crowd over all processes, where that is known: its numbers are below."""
    is_full = False
    """Whether all users that there are to be at first are there."""

    def __init__(self, place: Place, classes: Sequence[type[User]], split: Split) -> None:
        self.place = place
        self._classes = list(classes)
        self._seats: dict[int, Seat] = {}
        self._greenlets = Group()
        self._splits: list[Split] = [split]
        self._made: Counter[int] = Counter()
        self._start_us: int | None = None
        self._periods: dict[type, int] = {}
        self.tickets = place.tickets if isinstance(place.tickets, CountedTickets | LeasedTickets) else None
        """None where there is no limit: nobody needs to ask."""

    # --- what the node asks and tells ---

    @property
    def users(self) -> int:
        """Users that run now."""
        return len(self._seats)

    def prepare(self, elapsed_us: int = 0) -> None:
        """Make ready what can be before the clock starts, or where it started so long ago; may wait."""

    def start(self, start_us: int, splits: Sequence[Split]) -> None:
        """Follow the profile from this moment, which may have passed, with these shares."""
        self._start_us = start_us
        self._splits[:] = splits

    def split(self, split: Split) -> None:
        """From its moment on the load is shared otherwise."""
        self._splits.append(split)

    def change_load(self, changes: Sequence[LoadChange]) -> None:
        """The load was changed by hand: all changes so far, the last of them new."""
        raise NotImplementedError

    def over(self) -> EndReason | None:
        """Why there is nothing more to do, if so."""
        raise NotImplementedError

    @property
    def is_idle(self) -> bool:
        """Whether this process has nothing to do, be it that it never had: its share may be nobody."""
        raise NotImplementedError

    def finish(self) -> None:
        """Begin nothing more; users go on with what they are at."""

    def dismiss(self, timeout_s: float) -> None:
        """Tell all users to stop, and wait until they have, at most for the time-out; then they are cut off."""
        self.finish()
        seats = list(self._seats.values())
        for seat in seats:
            if seat.user is not None:
                tell_to_stop(seat.user)
        see_off(self._greenlets, timeout_s)

    # --- what seats ask ---

    def period_us(self, taskset: TaskSet, find: Callable[[TaskSet], int]) -> int:
        """The time between the slots of a task set, 0 where it has none; found out once for each class."""
        kind = type(taskset) if type(taskset) is not DefaultTaskSet else type(taskset.user)
        if kind not in self._periods:
            self._periods[kind] = find(taskset)
        return self._periods[kind]

    def sit_down(self, seat: Seat) -> bool:
        """A user is ready for its next iteration; whether it was given an arrival at once."""
        raise NotImplementedError

    def iteration_over(self) -> None:
        """The iteration of an arrival is over."""

    def intended_us(self, arrival: Arrival) -> int:
        """When this arrival was due, on the monotonic clock."""
        assert self._start_us is not None  # noqa: S101  # arrivals come after the start
        return self._start_us + arrival.at_us

    # --- for the kinds of crowd ---

    @property
    def began_us(self) -> int:
        """When the scenario's clock started, on the monotonic clock; 0 before."""
        return self._start_us or 0

    def _elapsed_us(self) -> int:
        return self.place.clock.monotonic_us() - (self._start_us or 0)

    def _split_now(self) -> Split:
        return self._split_at(self._elapsed_us() if self._start_us is not None else 0)

    def _split_at(self, elapsed_us: int) -> Split:
        return next((one for one in reversed(self._splits) if one.from_us <= elapsed_us), self._splits[0])

    def _next_number(self, split: Split | None = None) -> int:
        """The number of the next user that this process makes: after workers came or went, beyond all before."""
        split = split or self._split_now()
        made = self._made[split.epoch]
        self._made[split.epoch] += 1
        return split.epoch * NUMBERS_OF_A_SPLIT + (split.share or 0) + made * split.processes

    def _make(self, user_class: type[User], number: int) -> Seat | None:
        """A user of this class, started; None, and an event, where it cannot be made."""
        environment = self.place.environment
        seat = Seat(self, number, f"{self.place.stream}/user {number}")
        try:
            with self.place.usher.seating(seat):
                user = user_class(environment)
        except Exception as error:  # noqa: BLE001  # user code may raise anything
            environment.events.user_error.fire(user_instance=None, exception=error, tb=error.__traceback__)
            return None
        seat.take(user)
        assert environment.runner is not None  # noqa: S101  # an environment of the engine has one
        greenlet = user.start(environment.runner.user_greenlets)
        seat.follow(greenlet)
        self._seats[number] = seat
        self._greenlets.add(greenlet)
        greenlet.rawlink(lambda _: self._left(seat))
        return seat

    def _left(self, seat: Seat) -> None:
        """A user is gone; runs in the event loop."""
        self._seats.pop(seat.number, None)


class ClosedCrowd(Crowd):
    """As many users as the profile says; users that stop by themselves are not replaced."""

    def __init__(self, place: Place, classes: Sequence[type[User]], profile: ClosedProfile, split: Split) -> None:
        super().__init__(place, classes, split)
        self._profile = profile
        self.most_users = profile.most_users
        self._turns = _turns(classes)
        self._named: list[str] = []
        self._by_name = {user_class.__name__: user_class for user_class in classes}
        self._alive: list[Seat | None] = []
        self._loop: gevent.Greenlet | None = None
        self._target = 0
        self._is_aimed = False
        self._numbers: UserNumbers | None = None

    def start(self, start_us: int, splits: Sequence[Split]) -> None:
        super().start(start_us, splits)
        self._numbers = None
        self._loop = gevent.spawn(self._follow)

    def split(self, split: Split) -> None:
        super().split(split)
        self._numbers = None

    def aim(self, users: int, per_second: float, classes: Sequence[str] | None = None) -> None:
        """Instead of following the profile any further, go to so many users, over all processes, at this speed.

        Both are what the shape says; where the load was changed by hand, there are so many times these.
        """
        now_us = self._elapsed_us()
        from_users = self._profile.changed(()).users_at(now_us)
        over_us = round(abs(users - from_users) * US_PER_S / per_second)
        moves = (Move(0, from_users, 0, 0), Move(now_us, users, over_us, 0))
        self._profile = ClosedProfile(moves, None, self._profile.changes)
        chosen = self._classes if classes is None else [self._by_name[name] for name in classes]
        self._turns, self._named = _turns(chosen), []
        self.is_full = False
        self._is_aimed = True

    def change_load(self, changes: Sequence[LoadChange]) -> None:
        self._profile = self._profile.changed(changes)
        self._numbers = None

    def over(self) -> EndReason | None:
        if self.users or self._start_us is None:
            return None
        if self.place.tickets.exhausted:
            return EndReason.ITERATIONS
        return EndReason.USERS_STOPPED if self.is_full and self._target else None

    @property
    def is_idle(self) -> bool:
        return self.is_full and not self.users

    def finish(self) -> None:
        if self._loop is not None:
            self._loop.kill()
            self._loop = None

    def _follow(self) -> None:
        while True:
            self._adjust(self._elapsed_us())
            gevent.sleep(STEP_S)

    def _adjust(self, elapsed_us: int) -> None:
        split = self._split_at(elapsed_us)
        everywhere = wanted_users(self._profile, elapsed_us)
        self._target = share_of(everywhere, split)
        while len(self._alive) < self._target:
            if (user_class := self._class_of_next(split)) is None:
                break
            self._alive.append(self._make(user_class, self._number_of_next(split, elapsed_us)))
        if len(self._alive) > self._target:
            self._stop_newest(len(self._alive) - self._target)
        if not self.is_full and everywhere == self._profile.goal_at(elapsed_us):
            self.is_full = True
            self.place.environment.events.spawning_complete.fire(user_count=self.users)

    def _number_of_next(self, split: Split, elapsed_us: int) -> int:
        """By its place among the users of all processes, where this one knows all that became of the load so far."""
        if not self._is_aimed and all(one.epoch == epoch for epoch, one in enumerate(self._splits)):
            if self._numbers is None:
                self._numbers = UserNumbers(self._profile, self._splits)
            if (number := self._numbers.number(self._place_of_next(split), elapsed_us)) is not None:
                return number
        return self._next_number(split)

    def _place_of_next(self, split: Split) -> int:
        return (split.share or 0) + len(self._alive) * split.processes

    def _class_of_next(self, split: Split) -> type[User] | None:
        """The class of this process's next user: the users of all processes together are in Locust's order."""
        place = self._place_of_next(split)
        while len(self._named) <= place:
            name = next(self._turns)
            if not name:
                return None
            self._named.append(name)
        return self._by_name[self._named[place]]

    def _stop_newest(self, count: int) -> None:
        leaving = Group()
        for _ in range(count):
            seat = self._alive.pop()
            if seat is not None and seat.user is not None and seat.number in self._seats:
                tell_to_stop(seat.user)
                leaving.add(seat.user.greenlet)
        if leaving:
            gevent.spawn(see_off, leaving, self.place.environment.stop_timeout)


def _turns(classes: Sequence[type[User]]) -> Iterator[str | None]:
    """Names of user classes in the order in which Locust starts them: fixed counts first, then by weight."""
    generator: Iterator[str | None] = UsersDispatcher([], list(classes))._user_gen()  # noqa: SLF001  # its rule, not a copy
    return generator


def share_of(users: int, split: Split) -> int:
    """How many of the numbers below ``users`` are this process's."""
    if split.share is None:
        return 0
    return max((users - split.share + split.processes - 1) // split.processes, 0)
