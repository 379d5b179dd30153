"""What a service does with more than it can carry, and how it comes back: the second half of a stress.

The load was one segment in three phases: a base, an overload, the base again. Whoever is asked too much should go on
with as much as it can; a service whose throughput falls below its capacity under overload has lost work to the overload
itself (time-outs of answers that nobody waits for any more, locks, memory).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S, ScenarioTotals
from loadworthy.analysis.ending import seconds
from loadworthy.analysis.figures import Figures
from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.recovery_windows import recovery_after
from loadworthy.analysis.segments import SEGMENT, STRESS, SegmentData
from loadworthy.plan.thresholds import Threshold
from loadworthy.record.interval import Interval
from loadworthy.units import format_ms, format_ratio

HOLDS, DROPS, COLLAPSES = "holds", "drops", "collapses"
HOLDS_FROM, COLLAPSES_BELOW = 0.9, 0.5
"""Shares of the capacity: with more than the one throughput holds, with less than the other it has collapsed."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OverloadReport:
    """The overload of a stress: rates are iterations per second, throughput is requests per second that did not fail.

    ``share`` is the throughput under overload as a share of what the service carries at its capacity.
    """

    rate: float
    multiple: float
    time_s: float
    base_rate: float
    throughput: float
    share: float | None
    figures: Figures
    recovery: Recovery
    from_s: float = 0.0
    """When it began, after the scenario's start."""

    @property
    def behaviour(self) -> str | None:
        """``holds``, ``drops`` or ``collapses``; None where it is not known."""
        if self.share is None:
            return None
        return HOLDS if self.share >= HOLDS_FROM else COLLAPSES if self.share < COLLAPSES_BELOW else DROPS

    @property
    def sentence(self) -> str:
        """What it did, in a clause."""
        asked = f"at {self.rate:,.1f}/s, {self.multiple:g} times its capacity, for {seconds(self.time_s)}"
        if self.share is None:
            return f"{asked}, when the run was cut short: what its throughput does is not known"
        behaviour = {HOLDS: "held", DROPS: "dropped", COLLAPSES: "collapsed"}[self.behaviour or HOLDS]
        times, failed = self.figures.response_time_ms.p95, self.figures.error_rate
        p95 = "" if times is None else f", with a p95 of {format_ms(times)}"
        return (
            f"{asked} its throughput {behaviour}: {self.throughput:,.1f} good answers/s, {format_ratio(self.share)} of "
            f"what it carries at its capacity{p95} and {format_ratio(failed)} failures"
        )

    def to_json(self) -> Json:
        """The form that stands in ``summary.json``, beside ``recovery``."""
        return {
            "rate": self.rate, "multiple": self.multiple, "from_s": self.from_s, "time_s": self.time_s,
            "base_rate": self.base_rate,
            "throughput": round(self.throughput, 6),
            "share_of_capacity": None if self.share is None else round(self.share, 6),
            "behaviour": self.behaviour, "error_rate": self.figures.error_rate,
            "response_time_ms": self.figures.response_time_ms.to_json(),
        }  # fmt: skip


def overload_report(
    name: str,
    events: Sequence[Mapping[str, Any]],
    segments: Mapping[int, SegmentData],
    thresholds: Sequence[Threshold],
    capacity: float,
) -> OverloadReport | None:
    """The overload of a scenario and its recovery; None where there was none, or none of it is on record.

    Of a run that was cut short only what was seen counts: an overload that was not over has no behaviour yet.

    Args:
        name: of the scenario.
        events: of the run.
        segments: of the scenario.
        thresholds: what must hold again.
        capacity: the safe load that the search found, iterations per second.
    """
    told = [one for one in events if one.get("type") == SEGMENT and one.get("scenario") == name]
    event = next((one for one in told if one.get("purpose") == STRESS), None)
    data = None if event is None else segments.get(int(event["number"]))
    intervals = [] if data is None else list(data.each_interval())
    if event is None or data is None or not intervals:
        return None
    (base_rate, base_s), (rate, overload_s), (_, after_s) = event["phases"]
    seen_s = _seen_s(intervals, data.totals.start_ms)
    if seen_s <= base_s:
        return None
    overloaded_s, end_s = min(overload_s, seen_s - base_s), base_s + overload_s
    overloaded = _between(intervals, data.totals.start_ms, base_s, base_s + overloaded_s)
    per_iteration = data.totals.total.requests / max(data.totals.arrivals.iterations, 1)
    served, carried = (overloaded.total.requests - overloaded.total.failures) / overloaded_s, capacity * per_iteration
    return OverloadReport(
        rate=rate,
        multiple=round(rate / capacity, 6),
        time_s=overloaded_s,
        base_rate=base_rate,
        throughput=served,
        share=served / carried if carried and seen_s >= end_s else None,
        figures=Figures.of(overloaded.total, overloaded_s),
        recovery=recovery_after(
            intervals,
            data.totals.start_ms,
            from_s=base_s,
            to_s=end_s,
            until_s=min(end_s + after_s, max(seen_s, end_s)),
            thresholds=thresholds,
            tags=data.tags,
        ),
        from_s=float(event.get("from_s") or 0.0) + base_s,
    )


def _seen_s(intervals: Sequence[Interval], start_ms: int) -> float:
    """Until when load was made."""
    ends_ms = [one.start_ms + one.duration_ms for one in intervals if not one.stopping]
    return (max(ends_ms, default=start_ms) - start_ms) / MS_PER_S


def _between(intervals: Sequence[Interval], start_ms: int, from_s: float, to_s: float) -> ScenarioTotals:
    """The totals of what was done between two times."""
    inside = ScenarioTotals(intervals[0].scenario)
    for interval in intervals:
        if from_s <= (interval.start_ms + interval.duration_ms / 2 - start_ms) / MS_PER_S < to_s:
            inside.add(interval)
    return inside
