"""Reads the monitors of a plan while a run goes on.

Each source has a greenlet that waits for its turn and a thread of the operating system in which it is read, so a source
that is slow, or hangs, holds up neither the load nor the other sources. The threads are a pool of our own: gevent's
shared one also looks up host names. A reading that took longer than its turn is not made up for.

A source that cannot be read is told of once, and once when it is back. The last reading is taken after the load has
ended, so that one sees whether memory and connections are given back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

from loadworthy.clock import Clock
from loadworthy.errors import LoadworthyError
from loadworthy.monitor.source import SourceError, Values
from loadworthy.monitor.sources import Watched, generator, require_drivers, sources_of
from loadworthy.plan.model import Monitor, Plan
from loadworthy.record.rundir import RunWriter
from loadworthy.units import US_PER_S

LAST_READING_S = 3.0
"""How long the end of the run waits for the last readings; shorter than a reading may take, for people wait here."""

MOST_CHANGES_TOLD = 20
"""A source that comes and goes is told of so often; a run directory is bounded."""

Json = dict[str, Any]
EmitEvent = Callable[[Json], None]
Outcome = Values | SourceError


class Monitoring:
    """The monitors of one run: those of the plan for all of it, those of a scenario while it runs.

    Args:
        plan: secrets included.
        scenarios: names of those that will run.
        clock: stamps the readings.

    Raises:
        SetupError: a library that a monitor needs is not installed.
    """

    def __init__(self, plan: Plan, scenarios: Sequence[str], clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        everything = [*plan.monitors, *(one for name in scenarios for one in plan.scenarios[name].monitors)]
        require_drivers(everything)
        self._any = bool(everything)
        self._records: tuple[RunWriter, EmitEvent] | None = None

    @contextmanager
    def of_plan(self, writer: RunWriter, emit: EmitEvent) -> Iterator[None]:
        """Read the plan's monitors, and the generator if there is any monitor at all, while the context lasts.

        Readings go to the writer, what went wrong with them is emitted; that holds for scenarios, too.
        """
        self._records = writer, emit
        watched = sources_of(self._plan.monitors, self._plan, self._clock)
        with self._reading([*watched, generator(self._clock)] if self._any else [], writer, emit):
            yield

    @contextmanager
    def of_scenario(self, name: str) -> Iterator[None]:
        """Within :meth:`of_plan`: read a scenario's own monitors, but none that the plan has, too."""
        if self._records is None:
            raise RuntimeError("of_scenario() belongs into of_plan(), which says where readings go")
        own: list[Monitor] = [one for one in self._plan.scenarios[name].monitors if one not in self._plan.monitors]
        with self._reading(sources_of(own, self._plan, self._clock), *self._records):
            yield

    @contextmanager
    def _reading(self, watched: Sequence[Watched], writer: RunWriter, emit: EmitEvent) -> Iterator[None]:
        if not watched:
            yield
            return
        over, pool = Event(), ThreadPool(len(watched))
        watches = [
            _Watch(name, one, self._clock, writer, emit, pool)
            for name, one in zip(_names(watched), watched, strict=True)
        ]
        greenlets = [gevent.spawn(watch.run, over) for watch in watches]
        try:
            yield
        finally:
            over.set()
            _finish(greenlets, pool)
            for watch in watches:
                watch.conclude()


def _finish(greenlets: Sequence[gevent.Greenlet], pool: ThreadPool) -> None:
    """Wait for the last readings, but not for a thread that hangs: it ends with its time-out or with the process."""
    gevent.joinall(greenlets, timeout=LAST_READING_S)
    if all(greenlet.ready() for greenlet in greenlets):
        pool.kill()
    gevent.killall(greenlets)


def _names(watched: Sequence[Watched]) -> list[str]:
    """The sources' names, numbered where two are the same."""
    seen: Counter[str] = Counter()
    names = []
    for one in watched:
        seen[one.source.name] += 1
        count = seen[one.source.name]
        names.append(one.source.name if count == 1 else f"{one.source.name} #{count}")
    return names


class _Watch:
    """One source at work."""

    def __init__(
        self, name: str, watched: Watched, clock: Clock, writer: RunWriter, emit: EmitEvent, pool: ThreadPool
    ) -> None:
        self._name = name
        self._source, self._every_us = watched
        self._clock = clock
        self._writer = writer
        self._emit = emit
        self._pool = pool
        self._failing = False
        self._changes = 0
        self._closed = False
        self._error: LoadworthyError | None = None

    def run(self, over: Event) -> None:
        """Read until ``over`` is set, and once more unless it cannot be read anyway."""
        due_us = self._clock.monotonic_us()
        try:
            while True:
                is_last = over.is_set()
                self._take(self._clock.wall_us() // 1000)
                if is_last or (self._failing and over.is_set()):
                    break
                now_us = self._clock.monotonic_us()
                due_us = max(due_us + self._every_us, now_us)
                over.wait(timeout=(due_us - now_us) / US_PER_S)
            self._pool.spawn(self._source.close).get()
            self._closed = True
        except LoadworthyError as error:  # the disk is full: told by conclude(), in the run's own greenlet
            self._error = error

    def conclude(self) -> None:
        """Say what there is to say of the readings; raises RunDirError where they could not be written."""
        if self._error is not None:
            raise self._error
        if not self._closed:
            self._warn(f"{self._name} had not answered when the run ended; its last reading is missing")
        for note in self._source.notes():
            self._warn(f"{note}.")

    def _take(self, at_ms: int) -> None:
        outcome = self._pool.spawn(self._attempt).get()
        if isinstance(outcome, SourceError):
            self._tell(failing=True, why=str(outcome))
            return
        self._tell(failing=False)
        if outcome:
            self._writer.add_resource({"at_ms": at_ms, "source": self._name, "values": outcome})
            self._writer.flush()

    def _attempt(self) -> Outcome:
        """In the thread. What it raises would be printed there, so it is handed back instead."""
        try:
            return self._source.read()
        except SourceError as error:
            return error
        except Exception as error:  # noqa: BLE001  # a monitor that fails, however it does, must not end the run
            return SourceError(f"{type(error).__name__}: {error}")

    def _tell(self, *, failing: bool, why: str = "") -> None:
        if failing == self._failing:
            return
        self._failing = failing
        self._changes += 1
        if self._changes > MOST_CHANGES_TOLD:
            return
        if failing:
            self._warn(f"{self._name} cannot be read: {why}; its readings are missing until it can")
        else:
            self._emit({"type": "monitor_back", "source": self._name, "message": f"{self._name} can be read again"})

    def _warn(self, message: str) -> None:
        """A warning stands among the reasons of the run's verdict, without weighing on it."""
        self._emit({"type": "warning", "source": self._name, "message": message})
