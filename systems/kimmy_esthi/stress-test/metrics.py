"""What is measured, second by second, beside Loadworthy's own figures; the place to add a metric.

A metric is a class with ``name`` (its key in the results file), ``label`` (its words in the closing block), ``add``,
told of each second, and ``value``. One whose value is a number is printed in the closing block; all are saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from loadworthy.record.interval import Interval


class Metric(Protocol):
    """Made anew for each scenario."""

    name: ClassVar[str]
    label: ClassVar[str]

    def add(self, interval: Interval) -> None:
        """One second: ``users``, ``start_ms``, and in ``series`` for each endpoint ``requests``, ``failures``,
        ``statuses``, ``received_bytes``, and ``response``, the histogram of its response times in µs.
        """
        ...

    def value(self) -> Any:
        """What it comes to: a number, or anything that JSON can hold."""
        ...


class Timeline:
    """Users, requests and failures of each second."""

    name: ClassVar[str] = "timeline"
    label: ClassVar[str] = "Timeline"

    def __init__(self) -> None:
        self._seconds: list[dict[str, Any]] = []

    def add(self, interval: Interval) -> None:
        """A line of it."""
        self._seconds.append(
            {
                "start_ms": interval.start_ms,
                "duration_ms": interval.duration_ms,
                "users": interval.users,
                "requests": sum(series.requests for series in interval.series),
                "failed": sum(series.failures for series in interval.series),
            }
        )

    def value(self) -> list[dict[str, Any]]:
        """The seconds, in their order."""
        return self._seconds


class MetricsCollector:
    """Told of a scenario while it runs (as an observer of Loadworthy's), and hands on to each metric."""

    METRICS: ClassVar[tuple[type[Metric], ...]] = (Timeline,)
    """Enter yours here."""

    def __init__(self) -> None:
        self._metrics: list[Metric] = [metric() for metric in self.METRICS]

    def on_interval(self, interval: Interval) -> None:
        """A second went by."""
        for metric in self._metrics:
            metric.add(interval)

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Events go to Loadworthy's view and into the run directory."""

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """Nothing is drawn here."""

    def values(self) -> dict[str, Any]:
        """Each metric's value by its name."""
        return {metric.name: metric.value() for metric in self._metrics}

    def numbers(self) -> dict[str, float]:
        """The values that are numbers, by label."""
        values = {metric.label: metric.value() for metric in self._metrics}
        return {label: value for label, value in values.items() if isinstance(value, int | float)}
