"""The part of a run that lives in every process that makes load.

A local run has one node in its only process; a distributed run has one in each worker. A node has a crowd for each
scenario under way, records what its users do, and hands out intervals, failures and events through an :class:`Outlet`.
Scenarios that run together are a *wave*.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType
from typing import Any, Protocol

import gevent
from locust.env import Environment
from locust.runners import STATE_SPAWNING, STATE_STOPPED, Runner

from loadworthy.clock import Clock
from loadworthy.engine.classes import NodeSetup, ScenarioClasses
from loadworthy.engine.crowd import ClosedCrowd, Crowd, Place
from loadworthy.engine.drive import EndReason
from loadworthy.engine.health import settled_heap
from loadworthy.engine.notes import UserErrors
from loadworthy.engine.pacing import OpenCrowd
from loadworthy.engine.recorder import Cutter, Recorder, Recording
from loadworthy.engine.seat import seat_of
from loadworthy.engine.tickets import EndlessTickets, Tickets
from loadworthy.record.interval import Interval
from loadworthy.users.feeders import SECRETS, SHARE
from loadworthy.users.precise import wait_until
from loadworthy.users.sink import ATTRIBUTE
from loadworthy.workload.arrivals import Split
from loadworthy.workload.profile import ClosedProfile, LoadChange, Move, OpenProfile, profile_of
from loadworthy.workload.segment import Segment

Json = dict[str, Any]

MARK_US = 5_000
"""So long before a segment begins, its intervals do."""

NOBODY = ClosedProfile((Move(0, 0, 0, 0),), None)
"""Until a load shape says how many."""

NO_CHANGES: Mapping[str, Sequence[LoadChange]] = MappingProxyType({})
"""All load is as it was planned."""


_FREE_TEXTS = ("url", "excerpt", "message", "traceback")
"""In what a node hands out: they may hold what users sent, or what the target said."""


class Outlet(Protocol):
    """Where a node's findings go: into the run directory, or to the master."""

    def interval(self, interval: Interval) -> None:
        """One second of this process."""
        ...

    def failures(self, failures: Sequence[Json]) -> None:
        """Lines for ``failures.jsonl``."""
        ...

    def event(self, event: Json) -> None:
        """An event, without its time."""
        ...


class _Masked:
    """An outlet that masks what looks like a credential in the rows that users have got."""

    def __init__(self, outlet: Outlet, mask: Callable[[str], str]) -> None:
        self.interval = outlet.interval
        self._outlet = outlet
        self._mask = mask

    def failures(self, failures: Sequence[Json]) -> None:
        """Lines for ``failures.jsonl``."""
        self._outlet.failures([self._masked(failure) for failure in failures])

    def event(self, event: Json) -> None:
        """An event, without its time."""
        self._outlet.event(self._masked(event))

    def _masked(self, told: Json) -> Json:
        return {key: self._mask(told[key]) if key in _FREE_TEXTS and told[key] else told[key] for key in told}


class Node:
    """See the module. Locust must be changed by :func:`engine_patches` while it is used."""

    def __init__(self, classes: ScenarioClasses, environment: Environment, clock: Clock, outlet: Outlet) -> None:
        """Make it after the environment's runner: it takes over that runner's listeners."""
        self._classes = classes
        self._environment = environment
        self._clock = clock
        self._recorder = Recorder(environment, clock, classes.setup.process, classes.usher)
        self._outlet = outlet = _Masked(outlet, classes.secrets)
        self._cutter = Cutter(clock, self._cut_all, self._recorder.on_tick)
        self._errors = UserErrors(outlet.event)
        self._crowds: dict[str, Crowd] = {}
        self._recordings: dict[str, Recording] = {}
        self._dismissals: list[gevent.Greenlet] = []
        self._ends: list[gevent.Greenlet] = []
        self._marks: list[gevent.Greenlet] = []
        self._cut_off: deque[Interval] = deque()
        self._heap = ExitStack()
        setattr(environment, ATTRIBUTE, self._recorder)
        setattr(environment, SHARE, (classes.setup.share, classes.setup.processes))
        setattr(environment, SECRETS, classes.secrets)
        self._recorder.attach()
        environment.events.user_error.add_listener(self._on_user_error)
        # User code may look at Locust's statistics when a test stops: all samples must be in them by then.
        environment.events.test_stop._handlers.insert(0, self.end)  # noqa: SLF001  # no public way to be first

    @property
    def setup(self) -> NodeSetup:
        """What this process was told."""
        return self._classes.setup

    @property
    def users(self) -> int:
        """Users that run now."""
        return sum(crowd.users for crowd in self._crowds.values())

    # --- a wave, from its beginning to its end ---

    def begin(
        self,
        names: Sequence[str],
        tickets: Mapping[str, Tickets],
        split: Split,
        elapsed_us: int = 0,
        changes: Mapping[str, Sequence[LoadChange]] = NO_CHANGES,
    ) -> None:
        """Make ready for a wave of scenarios: test_start, and the users that are to be there before the start.

        Args:
            names: of the scenarios.
            tickets: the right to begin iterations, of those where it is limited.
            split: this process's share of the load until the start.
            elapsed_us: for so long the wave has been under way elsewhere.
            changes: of the load of scenarios, that were made there meanwhile.
        """
        wave = {name: self._classes.classes(name) for name in names}
        self._environment.user_classes = [one for classes in wave.values() for one in classes]
        self._environment._tasks_filtered = False  # noqa: SLF001  # Locust filters by tags once; these are other classes
        self._recordings = self._recorder.begin(names)
        self._crowds = {name: self._crowd(name, tickets.get(name) or EndlessTickets(), split) for name in names}
        for name, those in changes.items():
            self._crowds[name].change_load(those)
        open_test(self._environment)
        ready = [gevent.spawn(crowd.prepare, elapsed_us) for crowd in self._crowds.values()]
        gevent.joinall(ready, raise_error=True)
        self._heap.enter_context(settled_heap())

    def start(self, splits: Sequence[Split], elapsed_us: int = 0) -> None:
        """The clock starts, or started so long ago: from now on the crowds follow their profiles."""
        start_us = self._clock.monotonic_us() - elapsed_us
        self._recorder.start()
        for name, crowd in self._crowds.items():
            crowd.start(start_us, splits)
            if crowd.end_us is not None:
                self._ends.append(gevent.spawn(self._time_is_up, name, start_us + crowd.end_us))
        self._cutter.start()

    def split(self, split: Split) -> None:
        """From its moment on the load is shared otherwise."""
        for crowd in self._crowds.values():
            crowd.split(split)

    def aim(self, name: str, users: int, per_second: float, classes: Sequence[str] | None) -> None:
        """A load shape wants so many users, over all processes, of these classes where they are named."""
        crowd = self._crowds[name]
        if isinstance(crowd, ClosedCrowd):
            crowd.aim(users, per_second, classes)

    def change_load(self, name: str, changes: Sequence[LoadChange]) -> None:
        """The load of a scenario was changed by hand: all changes so far."""
        self._crowds[name].change_load(changes)

    def extend(self, name: str, segment: Segment) -> None:
        """A segment of load is to come; its samples are kept apart from those before."""
        crowd = self._crowds[name]
        if isinstance(crowd, OpenCrowd):
            crowd.extend(segment)
            self._marks.append(gevent.spawn(self._mark, name, crowd.began_us + segment.at_us, segment.number))

    def cut_short(self, name: str) -> None:
        """Nothing more of the segment under way begins."""
        crowd = self._crowds[name]
        if isinstance(crowd, OpenCrowd):
            crowd.cut_short()

    def state(self, name: str) -> tuple[bool, EndReason | None]:
        """Whether this process has nothing to do for a scenario, and why that is so for good, if it is."""
        crowd = self._crowds[name]
        reason = crowd.over()
        return reason is not None or crowd.is_idle, reason

    @property
    def is_full(self) -> bool:
        """Whether all users that there are to be at first are there."""
        return all(crowd.is_full for crowd in self._crowds.values())

    def check(self) -> None:
        """Raise what keeps the intervals from being handed out, if anything does."""
        if self._cutter.error is not None:
            raise self._cutter.error

    def dismiss(self, name: str) -> None:
        """The time of one scenario is up, while others go on; returns at once."""
        self._dismissals.append(gevent.spawn(self._dismiss, name))

    def end(self, **_kwargs: Any) -> None:
        """End the wave: all users stop, and what is left is handed out. Called by Locust's ``test_stop``, too.

        A second call has no effect.
        """
        self._stop_all()
        if self._cutter.running:
            self._cutter.stop()
            for recording in self._recordings.values():
                self._cut(recording)
        self._heap.close()

    def _time_is_up(self, name: str, end_us: int) -> None:
        """What was due may still begin for a moment; that moment is no part of the measured time."""
        wait_until(end_us)
        recording = self._recordings[name]
        if self._cutter.running and not recording.stopping:
            self._cut(recording)
            recording.stopping = True

    def _mark(self, name: str, at_us: int, number: int) -> None:
        """The intervals of a segment begin a moment before it does: so none holds samples of two."""
        wait_until(at_us - MARK_US)
        recording = self._recordings[name]
        if self._cutter.running and not recording.stopping:
            self._cut(recording, then_segment=number)
        else:
            recording.segment = number

    def _stop_all(self) -> None:
        for waiting in (self._ends, self._marks):
            gevent.killall(waiting)
            waiting.clear()
        ending = [gevent.spawn(self._dismiss, name) for name in self._crowds]
        gevent.joinall([*ending, *self._dismissals], raise_error=True)
        self._dismissals.clear()

    def _dismiss(self, name: str) -> None:
        crowd, recording = self._crowds[name], self._recordings[name]
        if recording.is_dismissed:
            return
        recording.is_dismissed = True
        crowd.finish()
        if self._cutter.running:
            self._cut(recording)
        recording.stopping = True
        crowd.dismiss(self._environment.stop_timeout or 0.0)
        if self._cutter.running:
            self._cut(recording)
        recording.is_over = self._cutter.running

    def _crowd(self, name: str, tickets: Tickets, split: Split) -> Crowd:
        setup = self._classes.setup
        has_shape = self._classes.shape_in_charge(name) is not None
        profile = NOBODY if has_shape else profile_of(setup.plan.scenarios[name])
        place = Place(
            scenario=name,
            stream=f"{setup.seed}/{name}",
            environment=self._environment,
            usher=self._classes.usher,
            tally=self._recordings[name],
            tickets=tickets,
            clock=self._clock,
        )
        classes = self._classes.classes(name)
        if isinstance(profile, OpenProfile):
            return OpenCrowd(place, classes, profile, split)
        return ClosedCrowd(place, classes, profile, split)

    # --- intervals ---

    def _cut_all(self) -> None:
        with_health = True
        for recording in self._recordings.values():
            if not recording.is_over:
                self._cut(recording, with_health=with_health)
                with_health = False

    def _cut(self, recording: Recording, *, with_health: bool = True, then_segment: int | None = None) -> None:
        """Cut off an interval, and hand it out; what comes after it may be of another segment."""
        if recording.is_over:
            return
        users = self._crowds[recording.scenario].users
        self._cut_off.append(self._recorder.cut(recording, users, with_health=with_health))
        if then_segment is not None:
            recording.segment = then_segment  # at once: others may cut while this waits
        gevent.sleep(0)  # each step takes a millisecond where there are many samples: users may go between
        self._hand_out()
        if failures := self._recorder.drain_failures(recording):
            self._outlet.failures(failures)
        self._errors.flush()

    def _hand_out(self) -> None:
        """What was cut off is never lost: who ends the cutter in the middle of its work finds it here."""
        while self._cut_off:
            self._outlet.interval(self._cut_off.popleft())

    def _on_user_error(self, user_instance: Any, exception: Exception, tb: Any, **_kwargs: Any) -> None:
        seat = seat_of(getattr(user_instance, "user", user_instance)) or self._classes.usher.seat
        first = next(iter(self._crowds), "")
        self._errors.note(seat.crowd.place.scenario if seat is not None else first, exception, tb)


def open_test(environment: Environment) -> None:
    """What Locust's runners do when a test begins, but for starting users."""
    runner = environment.runner
    assert runner is not None  # noqa: S101  # the engine has made one
    runner.stats.clear_all()
    runner.exceptions = {}
    environment._filter_tasks_by_tags()  # noqa: SLF001  # as Locust's own runners
    for user_class in environment.user_classes:
        if environment.host:
            user_class.host = environment.host
    environment.events.test_start.fire(environment=environment)
    runner.update_state(STATE_SPAWNING)


def close_test(environment: Environment, stop_users: Callable[[], None]) -> None:
    """What Locust's runners do when a test ends, with our way of stopping users."""
    runner: Runner | None = environment.runner
    assert runner is not None  # noqa: S101
    if runner.state == STATE_STOPPED:
        return
    environment.events.test_stopping.fire(environment=environment)
    stop_users()
    runner.update_state(STATE_STOPPED)
    environment.events.test_stop.fire(environment=environment)
