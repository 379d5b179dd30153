"""Who watches a run. The engine knows no terminal: it tells an observer what happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from loadworthy.record.interval import Interval

Event = Mapping[str, Any]


class Observer(Protocol):
    """Told of a run while it goes on; must not block."""

    def on_event(self, event: Event) -> None:
        """Something happened: it has ``at_ms`` and ``type``, often ``scenario`` and ``message``."""
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
