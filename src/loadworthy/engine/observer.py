"""Who watches a run. The engine knows no terminal: it tells an observer what happens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from loadworthy.record.interval import Interval

Event = Mapping[str, Any]


class Observer(Protocol):
    """Told of a run while it goes on; must not block."""

    def on_event(self, event: Event) -> None:
        """Something happened: it has ``at_ms`` and ``type``, often ``scenario`` and ``message``.

        The first is ``run_started``, with the run's name (``run``), the ``path`` of its directory, and its
        ``scenarios``; all others stand in the directory's ``events.jsonl``, too.
        """
        ...

    def on_interval(self, interval: Interval) -> None:
        """One process's last second."""
        ...

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """About four times a second: how far the scenario is, and how many users run."""
        ...


class SilentObserver:
    """Watches nothing."""

    def on_event(self, event: Event) -> None:
        """Nothing."""

    def on_interval(self, interval: Interval) -> None:
        """Nothing."""

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """Nothing."""


class Watchers:
    """A view and other observers. One that raises does not end the run: it is logged as a warning, once for each.

    A view whose screen is gone (``OSError``) is told nothing more, and nobody misses it.
    """

    def __init__(self, view: Observer, others: Sequence[Observer]) -> None:
        self._view = view
        self._others = tuple(others)
        self._failed: set[int] = set()

    def on_event(self, event: Event) -> None:
        """Tell all."""
        self._tell(lambda observer: observer.on_event(event))

    def on_interval(self, interval: Interval) -> None:
        """Tell all."""
        self._tell(lambda observer: observer.on_interval(interval))

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """Tell all."""
        self._tell(lambda observer: observer.tick(elapsed_us, planned_us, users))

    def _tell(self, tell: Callable[[Observer], None]) -> None:
        for index, observer in enumerate(self._others):
            try:
                tell(observer)
            except Exception as error:  # noqa: BLE001  # an observer is the user's code
                self._note(index, observer, error)
        try:
            tell(self._view)
        except OSError:
            self._view = SilentObserver()

    def _note(self, index: int, observer: Observer, error: Exception) -> None:
        if index in self._failed:
            return
        self._failed.add(index)  # first of all: the warning is an event, which this observer is told, too
        logging.getLogger(__name__).warning(
            "the observer %s failed and may miss something: %s: %s",
            type(observer).__name__,
            type(error).__name__,
            error,
        )
