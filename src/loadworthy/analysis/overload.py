"""What a service does with more than it can carry, and how it comes back: the second half of a stress.

The load was one segment in three phases: a base, an overload, the base again. Whoever is asked too much should go on
with as much as it can; a service whose throughput falls below its capacity under overload has lost work to the overload
itself (time-outs of answers that nobody waits for any more, locks, memory).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S, ScenarioTotals, merged
from loadworthy.analysis.ending import seconds
from loadworthy.analysis.figures import Figures
from loadworthy.analysis.intended_windows import Done, Window, windows_of
from loadworthy.analysis.recovery import (
    Objective,
    Overload,
    Recovery,
    in_flight_limit,
    overload_of,
    recovery_of,
)
from loadworthy.analysis.segments import SEGMENT, STRESS, SegmentData
from loadworthy.plan import search_objectives
from loadworthy.record.interval import Interval
from loadworthy.units import US_PER_MS, format_ms, format_ratio

HOLDS, DROPS, COLLAPSES = "holds", "drops", "collapses"
HOLDS_FROM, COLLAPSES_BELOW = 0.9, 0.5
"""Shares of the capacity: with more than the one throughput holds, with less than the other it has collapsed."""
FEWEST_IN_WINDOW, LONGEST_WINDOW_S = 5, 10
"""Windows are long enough to hold some requests, up to a length at which a recovery could no longer be timed."""

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
            return f"{asked} nothing came back"
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
            "rate": self.rate, "multiple": self.multiple, "time_s": self.time_s, "base_rate": self.base_rate,
            "throughput": round(self.throughput, 6),
            "share_of_capacity": None if self.share is None else round(self.share, 6),
            "behaviour": self.behaviour, "error_rate": self.figures.error_rate,
            "response_time_ms": self.figures.response_time_ms.to_json(),
        }  # fmt: skip


def overload_report(
    name: str,
    events: Sequence[Mapping[str, Any]],
    segments: Mapping[int, SegmentData],
    objectives: Sequence[search_objectives.Objective],
    capacity: float,
) -> OverloadReport | None:
    """The overload of a scenario and its recovery; None where there was none, or none of it is on record.

    ``capacity`` is the safe load that the search found, iterations per second.
    """
    told = [one for one in events if one.get("type") == SEGMENT and one.get("scenario") == name]
    event = next((one for one in told if one.get("purpose") == STRESS), None)
    data = None if event is None else segments.get(int(event["number"]))
    if event is None or data is None or not data.intervals:
        return None
    (base_rate, base_s), (rate, overload_s), (_, after_s) = event["phases"]
    done, overloaded = _cut(data, base_s, base_s + overload_s)
    per_iteration = data.totals.total.requests / max(data.totals.arrivals.iterations, 1)
    good = overloaded.total.requests - overloaded.total.failures
    served, carried = good / overload_s, capacity * per_iteration
    return OverloadReport(
        rate=rate,
        multiple=round(rate / capacity, 6),
        time_s=overload_s,
        base_rate=base_rate,
        throughput=served,
        share=served / carried if carried else None,
        figures=Figures.of(overloaded.total, overload_s),
        recovery=recovery_after(
            done, base_s, base_s + overload_s, objectives=objectives, until_s=base_s + overload_s + after_s
        ),
    )


def recovery_after(
    done: Sequence[Done],
    from_s: float,
    to_s: float,
    *,
    objectives: Sequence[search_objectives.Objective],
    until_s: float,
    also: Callable[[Window], bool] | None = None,
    piles_up: bool = True,
) -> Recovery:
    """How soon all objectives held again that a window of requests can be held against.

    Args:
        done: what was done, from the start to the end of all requests.
        from_s: when the overload began.
        to_s: when it ended.
        objectives: what must hold over all requests; those of single series are left out.
        until_s: until when the load went on.
        also: what must hold, too.
        piles_up: whether the workload is open: in a closed one users wait, and no queue grows beyond their number.
    """
    after = sum(one.requests for one in done if to_s <= one.middle_s < until_s)
    rate = after / (until_s - to_s) if until_s > to_s else 0.0
    step_s = min(max(math.ceil(FEWEST_IN_WINDOW / rate) if rate > 0 else 1, 1), LONGEST_WINDOW_S)
    windows = windows_of(done, step_s)
    overload = _with_base_after(overload_of(windows, done, from_s, to_s), windows, until_s, piles_up=piles_up)
    limit = in_flight_limit(windows, from_s)
    whole = [one for one in objectives if one.threshold.series is None]
    parts = [replace(part, in_flight=limit) for part in _as_windows(whole)] or [Objective(in_flight=limit)]
    is_good: Objective | Callable[[Window], bool]
    if len(parts) == 1 and also is None:
        is_good = parts[0]
    else:

        def all_good(window: Window) -> bool:
            return all(part.is_good(window) for part in parts) and (also is None or also(window))

        is_good = all_good
    return recovery_of(windows, from_s=to_s, is_good=is_good, until_s=until_s, step_s=step_s, overload=overload)


def _with_base_after(
    overload: Overload | None, windows: Sequence[Window], until_s: float, *, piles_up: bool
) -> Overload | None:
    """The queue is worked off beside the load that comes after the overload, which need not be the one before it."""
    if overload is None or not piles_up or until_s <= overload.to_s:
        return None if overload is None else replace(overload, served_rate=None)
    after = sum(window.requests for window in windows if overload.to_s <= window.at_s < until_s)
    return replace(overload, base_rate=after / (until_s - overload.to_s))


def _as_windows(objectives: Sequence[search_objectives.Objective]) -> list[Objective]:
    """One for each limit on times, with the strictest limit on errors in each of them."""
    shares = [one.allowed for one in objectives if one.limit_us is None]
    error_rate = min(shares, default=None)
    timed = [
        Objective(1 - one.allowed, one.limit_us / US_PER_MS, error_rate)
        for one in objectives
        if one.limit_us is not None
    ]
    return timed or ([Objective(error_rate=error_rate)] if error_rate is not None else [])


def done_of(interval: Interval, start_ms: int) -> Done:
    """One interval as what was done around its middle."""
    total = merged(interval.series)
    middle_s = (interval.start_ms + interval.duration_ms / 2 - start_ms) / MS_PER_S
    return Done(middle_s, total.response, total.requests, total.failures, interval.dropped)


def _cut(data: SegmentData, from_s: float, to_s: float) -> tuple[list[Done], ScenarioTotals]:
    """All that was done, and the totals of what was done between two times after the segment's beginning."""
    done, inside = [], ScenarioTotals(data.totals.name)
    start_ms = data.totals.start_ms
    for interval in data.each_interval():
        one = done_of(interval, start_ms)
        done.append(one)
        if from_s <= one.middle_s < to_s:
            inside.add(interval)
    return done, inside
