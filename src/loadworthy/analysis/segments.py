"""The intervals of scenarios whose load was decided while they ran, cut into the segments that they name.

Every interval of such a scenario says in its process's own words which segment it belongs to, so neither clocks that
differ nor edges of seconds put a sample into the wrong one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.own_readings import Readings
from loadworthy.analysis.selection import NO_TAGS, Tags
from loadworthy.record.interval import Interval

SEGMENT, TRIAL, CAPACITY = "segment", "trial", "capacity"
"""Types of the events that tell of a search."""
STRESS = "stress"
"""Purpose of the segment that follows the search of a stress."""

Json = dict[str, Any]


@dataclass(slots=True)
class SegmentData:
    """What was measured in one segment. ``intervals`` are kept, in their compact form, only where they are asked for:
    full histograms of every second would fill the memory."""

    totals: ScenarioTotals
    tags: Tags = NO_TAGS
    readings: Readings = field(default_factory=Readings)
    keeps: bool = False
    intervals: list[Json] = field(default_factory=list)

    def add(self, interval: Interval) -> None:
        """Add one interval of the segment."""
        self.totals.add(interval)
        self.readings.add(interval)
        if self.keeps:
            self.intervals.append(interval.to_json())

    def each_interval(self) -> Iterator[Interval]:
        """The intervals that were kept, in the order of time."""
        for data in sorted(self.intervals, key=lambda one: int(one["start_ms"])):
            yield Interval.from_json(data)

    @property
    def unfinished(self) -> int:
        """Iterations that began and of whose end nothing is known."""
        arrivals = self.totals.arrivals
        return max(arrivals.sent - arrivals.iterations, 0)

    @property
    def lost_share(self) -> float:
        """The share of the arrivals that were dropped, or never came to an end."""
        arrivals = self.totals.arrivals
        return min((arrivals.dropped + self.unfinished) / arrivals.settled, 1.0) if arrivals.settled else 0.0


class SegmentCutter:
    """Cuts the intervals of a run; those of segments of a stress are kept."""

    def __init__(self, events: Iterable[Mapping[str, Any]] = (), manifest: Mapping[str, Any] | None = None) -> None:
        plan = (manifest or {}).get("plan")
        specs = plan.get("scenarios") if isinstance(plan, Mapping) else None
        self._specs: Mapping[str, Any] = specs if isinstance(specs, Mapping) else {}
        self._kept = {
            (event.get("scenario"), event.get("number"))
            for event in events
            if event.get("type") == SEGMENT and event.get("purpose") == STRESS
        }
        self.scenarios: dict[str, dict[int, SegmentData]] = {}

    def add(self, interval: Interval) -> None:
        """Add one interval; those without a segment are passed over."""
        if interval.segment is None:
            return
        segments = self.scenarios.setdefault(interval.scenario, {})
        if interval.segment not in segments:
            keeps = (interval.scenario, interval.segment) in self._kept
            tags = Tags.of(self._specs.get(interval.scenario) or {})
            segments[interval.segment] = SegmentData(ScenarioTotals(interval.scenario), tags, keeps=keeps)
        segments[interval.segment].add(interval)
