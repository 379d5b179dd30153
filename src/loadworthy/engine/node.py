"""The part of a run that lives in every process that makes load.

A local run has one node in its only process; a distributed run has one in each worker. A node records what the users of
a scenario do, and hands out intervals, failures and events through an :class:`Outlet`. How many users run is none of
its business: Locust's runner starts and stops them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from locust.env import Environment

from loadworthy.clock import Clock
from loadworthy.engine.classes import NodeSetup, ScenarioClasses
from loadworthy.engine.locust_bridge import IterationGate
from loadworthy.engine.notes import UserErrors
from loadworthy.engine.recorder import Cutter, Recorder
from loadworthy.engine.tickets import EndlessTickets, Tickets
from loadworthy.record.interval import Interval
from loadworthy.users.sink import ATTRIBUTE

Json = dict[str, Any]


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


class Node:
    """See the module. Locust must be changed by :func:`engine_patches` with the same gate while it is used."""

    def __init__(
        self, classes: ScenarioClasses, gate: IterationGate, environment: Environment, clock: Clock, outlet: Outlet
    ) -> None:
        """Make it after the environment's runner: it takes over that runner's listeners."""
        self._classes = classes
        self._environment = environment
        self._recorder = Recorder(environment, clock, classes.setup.process)
        self._gate = gate
        self._gate.on_done = self._recorder.count_iteration
        self._outlet = outlet
        self._cutter = Cutter(clock, self._cut)
        self._errors = UserErrors(outlet.event)
        setattr(environment, ATTRIBUTE, self._recorder)
        self._recorder.attach()
        environment.events.user_error.add_listener(self._errors.on_user_error)
        # User code may look at Locust's statistics when a test stops: all samples must be in them by then.
        environment.events.test_stop._handlers.insert(0, self.end)  # noqa: SLF001  # no public way to be first

    @property
    def setup(self) -> NodeSetup:
        """What this process was told."""
        return self._classes.setup

    def begin(self, name: str, tickets: Tickets | None = None) -> None:
        """Make ready for a scenario: its user classes are the environment's, and recording runs."""
        self._environment.user_classes = self._classes.classes(name)
        self._environment._tasks_filtered = False  # noqa: SLF001  # Locust filters by tags once; these are other classes
        self._gate.tickets = tickets or EndlessTickets()
        self._recorder.begin(name)
        self._errors.scenario = name
        self._cutter.start()

    def check(self) -> None:
        """Raise what keeps the intervals from being handed out, if anything does."""
        if self._cutter.error is not None:
            raise self._cutter.error

    def stopping(self) -> None:
        """The users are about to be told to stop: what was measured until now is handed out by itself."""
        if self._cutter.running:
            self._cut(0)
            self._recorder.stopping = True

    def end(self, **_kwargs: Any) -> None:
        """All users have stopped: hand out what is left. Called by Locust's ``test_stop``; again, to no effect."""
        if self._cutter.running:
            self._cutter.stop()
            self._cut(0)

    def _cut(self, loop_lag_us: int) -> None:
        runner = self._environment.runner
        self._outlet.interval(self._recorder.cut(len(runner.user_greenlets) if runner else 0, loop_lag_us))
        if failures := self._recorder.drain_failures():
            self._outlet.failures(failures)
        self._errors.flush()
