"""Writes what happens into the run directory, and tells the observer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from loadworthy.analysis.watch import WATCH, HealthWatch
from loadworthy.clock import Clock
from loadworthy.engine.observer import Observer, SilentObserver
from loadworthy.plan.redact import mask_named_values
from loadworthy.record.interval import Interval
from loadworthy.record.rundir import Redact, RunWriter, redacted

Json = dict[str, Any]


class Journal:
    """The :class:`~loadworthy.engine.node.Outlet` at the end of all: disk and screen.

    An interval is on disk, out of reach of our own death, as soon as it is told.
    """

    def __init__(self, writer: RunWriter, observer: Observer, clock: Clock, redact: Redact) -> None:
        self._writer = writer
        self._redact = redact
        self._observer: Observer = observer
        self._clock = clock
        self._watch = HealthWatch()

    def interval(self, interval: Interval) -> None:
        """One process's last second."""
        for series in (*interval.series, *interval.parts):
            series.name = self._redact(series.name)  # a path may carry a key
        self._writer.add_interval(interval)
        self._writer.flush()
        self._show(lambda observer: observer.on_interval(interval))
        for message in self._watch.add(interval):
            self.event({"type": "warning", "scenario": interval.scenario, "source": WATCH, "message": message})

    def failures(self, failures: Sequence[Json]) -> None:
        """Lines for ``failures.jsonl``."""
        for failure in failures:
            told = {key: mask_named_values(failure[key]) for key in ("url", "excerpt", "message")}
            self._writer.add_failure({**failure, **told})

    def event(self, event: Json) -> None:
        """An event; it gets its time here."""
        stamped = redacted({"at_ms": self._clock.wall_us() // 1000, **event}, self._redact)
        self._writer.add_event(stamped)
        self._writer.flush()
        self._show(lambda observer: observer.on_event(stamped))

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """How far the scenario is."""
        self._show(lambda observer: observer.tick(elapsed_us, planned_us, users))

    def _show(self, tell: Callable[[Observer], None]) -> None:
        """A screen that is gone (a closed pipe, a full disk behind it) is no reason to stop measuring."""
        try:
            tell(self._observer)
        except OSError:
            self._observer = SilentObserver()
