"""Writes what happens into the run directory, tells the observer, and looks whether thresholds are missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from loadworthy.analysis.live_thresholds import Breach, LiveThresholds
from loadworthy.analysis.watch import WATCH, HealthWatch
from loadworthy.clock import Clock
from loadworthy.engine.observer import Observer, SilentObserver
from loadworthy.plan.redact import mask_named_values
from loadworthy.record.interval import Interval
from loadworthy.record.rundir import Redact, RunWriter, redacted

Json = dict[str, Any]
RUN_STARTED = "run_started"
"""What observers are told first, and no file: ``run`` is its name, ``path`` its directory."""


def _nothing(_message: str) -> None:
    """Nobody is to be told."""


class Journal:
    """The :class:`~loadworthy.engine.node.Outlet` at the end of all: disk and screen.

    An interval is on disk, out of reach of our own death, as soon as it is told.
    """

    def __init__(
        self,
        writer: RunWriter,
        observer: Observer,
        clock: Clock,
        redact: Redact,
        *,
        thresholds: LiveThresholds | None = None,
        on_abort: Callable[[str], None] = _nothing,
    ) -> None:
        """A journal.

        Args:
            writer: of the run directory.
            observer: who is told of all that happens.
            clock: for the time of events.
            redact: takes out of a text what must not be told.
            thresholds: those that are looked at while the run goes on; events tell where one is missed.
            on_abort: called once, with the sentence that says so, when one is missed that ends the run.
        """
        self._writer = writer
        self._redact = redact
        self._observer: Observer = observer
        self._clock = clock
        self._watch = HealthWatch()
        self._thresholds = thresholds
        self._on_abort = on_abort

    def begin(self, scenarios: Sequence[str]) -> None:
        """Tell the observer, and nobody else, where the run directory is, and which scenarios are to run."""
        at_ms, path = self._clock.wall_us() // 1000, self._writer.path
        event = {"at_ms": at_ms, "type": RUN_STARTED, "run": path.name, "path": str(path), "scenarios": list(scenarios)}
        self._show(lambda observer: observer.on_event(event))

    def interval(self, interval: Interval) -> None:
        """One process's last second."""
        for series in (*interval.series, *interval.parts):
            series.name = self._redact(series.name)  # a path may carry a key
        self._writer.add_interval(interval)
        self._writer.flush()
        self._show(lambda observer: observer.on_interval(interval))
        for message in self._watch.add(interval):
            self.event({"type": "warning", "scenario": interval.scenario, "source": WATCH, "message": message})
        for breach in self._thresholds.add(interval) if self._thresholds is not None else ():
            self._tell(breach)

    def _tell(self, breach: Breach) -> None:
        """The event first: whoever stops the run finds the reason on record."""
        kind = "threshold_recovered" if breach.recovered else "threshold_breached"
        event = {"type": kind, "scenario": breach.scenario, "expression": breach.expression, "message": breach.message}
        self.event(event | {"abort": True} if breach.abort else event)
        if breach.abort:
            on_abort, self._on_abort = self._on_abort, _nothing
            on_abort(breach.message)

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
