"""A run in steps of time, all processes together, for formats that hold more than its totals.

Processes cut their seconds on their own clocks. An interval belongs to the step of its scenario that holds its middle,
counted from the scenario's first interval, as in :mod:`loadworthy.analysis.timeline`. Histograms stay in their compact
form until a step is asked for, because an hour of full ones would fill the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from loadworthy.analysis.accumulate import MS_PER_S, SeriesKey
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval, SeriesInterval

ALL_TOGETHER: SeriesKey = ("", "")
"""The key of a step that holds all series of its scenario."""


@dataclass(frozen=True, slots=True)
class Step:
    """One series (or all together) in one step.

    ``at_s`` is where the step begins, in seconds since the scenario's first interval; ``start_ms`` and ``end_ms`` are
    what its intervals cover, ms since the epoch. ``times`` are response times.
    """

    at_s: int
    key: SeriesKey
    start_ms: int
    end_ms: int
    requests: int
    failures: int
    failure_kinds: Mapping[str, int]
    content_bytes: int
    times: Histogram


class _Part(NamedTuple):
    """What one interval gives to a series."""

    middle_ms: int
    start_ms: int
    end_ms: int
    requests: int
    failure_kinds: Mapping[str, int]
    content_bytes: int
    times: bytes


class Steps:
    """The intervals of a run, given in any order; :meth:`of` and :meth:`together` give the steps of a scenario.

    Args:
        intervals: those of a run.
        told: hears which share of all series :meth:`of` has given, 0..1.
    """

    def __init__(self, intervals: Iterable[Interval], told: Callable[[float], None] | None = None) -> None:
        self._told = told
        self._given = 0
        self._parts: dict[str, dict[SeriesKey, list[_Part]]] = {}
        self._starts_ms: dict[str, int] = {}
        for interval in intervals:
            name = interval.scenario
            self._starts_ms[name] = min(interval.start_ms, self._starts_ms.get(name, interval.start_ms))
            kept = self._parts.setdefault(name, {})
            for one in interval.series:
                kept.setdefault((one.kind, one.name), []).append(_part(interval, one))

    def scenarios(self) -> list[str]:
        """Those that were seen."""
        return list(self._parts)

    def start_ms(self, scenario: str) -> int:
        """When its first interval began, ms since the epoch."""
        return self._starts_ms[scenario]

    def end_ms(self, scenario: str) -> int:
        """When the last interval in which it had a request ended, ms since the epoch; its start where none had."""
        parts = chain.from_iterable(self._parts[scenario].values())
        return max((part.end_ms for part in parts), default=self._starts_ms[scenario])

    def of(self, scenario: str, step_s: int = 1) -> Iterator[Step]:
        """Series by series in the order of kind and name, each with its steps ascending; those without it are
        missing."""
        for key, parts in sorted(self._parts.get(scenario, {}).items()):
            yield from self._cut(scenario, key, parts, step_s)
            self._given += 1
            if self._told is not None:
                self._told(min(self._given / sum(map(len, self._parts.values())), 1.0))

    def together(self, scenario: str, step_s: int = 1) -> Iterator[Step]:
        """All series as one, :data:`ALL_TOGETHER`, the steps ascending; those without a request are missing."""
        everything = chain.from_iterable(self._parts.get(scenario, {}).values())
        return self._cut(scenario, ALL_TOGETHER, everything, step_s)

    def _cut(self, scenario: str, key: SeriesKey, parts: Iterable[_Part], step_s: int) -> Iterator[Step]:
        start_ms = self._starts_ms.get(scenario, 0)
        steps: dict[int, list[_Part]] = {}
        for part in parts:
            steps.setdefault((part.middle_ms - start_ms) // (MS_PER_S * step_s), []).append(part)
        return (_step(step * step_s, key, steps[step]) for step in sorted(steps))


def _part(interval: Interval, series: SeriesInterval) -> _Part:
    return _Part(
        middle_ms=interval.start_ms + interval.duration_ms // 2,
        start_ms=interval.start_ms,
        end_ms=interval.start_ms + interval.duration_ms,
        requests=series.requests,
        failure_kinds=series.failure_kinds,
        content_bytes=series.content_bytes,
        times=series.response.to_bytes(),
    )


def _step(at_s: int, key: SeriesKey, parts: Sequence[_Part]) -> Step:
    kinds: dict[str, int] = {}
    for part in parts:
        for kind, count in part.failure_kinds.items():
            kinds[kind] = kinds.get(kind, 0) + count
    return Step(
        at_s=at_s,
        key=key,
        start_ms=min(part.start_ms for part in parts),
        end_ms=max(part.end_ms for part in parts),
        requests=sum(part.requests for part in parts),
        failures=sum(kinds.values()),
        failure_kinds=kinds,
        content_bytes=sum(part.content_bytes for part in parts),
        times=Histogram.merged([Histogram.from_bytes(part.times) for part in parts]),
    )
