"""From the intervals of a run to its recovery: which thresholds a window of requests can be held against, and how.

Limits on response times and on errors over all requests go by windows of intended starts
(:mod:`loadworthy.analysis.intended_windows`). What such a window says nothing of (a single series, a tag, a mean, the
service time, dropped arrivals) goes by what was done in the second, and is missed there only where that is sure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from loadworthy.analysis.accumulate import MS_PER_S, ScenarioTotals, merged
from loadworthy.analysis.intended_windows import Done, Window, windows_of
from loadworthy.analysis.recovery import (
    Objective,
    Overload,
    Recovery,
    in_flight_limit,
    overload_of,
    recovery_of,
)
from loadworthy.analysis.selection import NO_TAGS, Tags
from loadworthy.analysis.thresholds import evaluate
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.search_objectives import objective_of
from loadworthy.plan.thresholds import Threshold
from loadworthy.record.interval import Interval
from loadworthy.units import US_PER_MS

FEWEST_IN_WINDOW, LONGEST_WINDOW_S = 5, 10
"""Windows are long enough to hold some requests, up to a length at which a recovery could no longer be timed."""


def recovery_after(
    intervals: Sequence[Interval],
    start_ms: int,
    *,
    from_s: float,
    to_s: float,
    until_s: float,
    thresholds: Sequence[Threshold],
    tags: Tags = NO_TAGS,
    piles_up: bool = True,
) -> Recovery:
    """How soon all thresholds held again after an overload.

    Args:
        intervals: all of them, those in which users were stopping as well.
        start_ms: second 0 of all that follows.
        from_s: when the overload began.
        to_s: when it ended.
        until_s: until when the load went on.
        thresholds: what must hold.
        tags: those of the scenario.
        piles_up: whether the workload is open: in a closed one users wait, and no queue grows beyond their number.
    """
    done = [_done(interval, start_ms) for interval in intervals]
    step_s = _step_s(done, to_s, until_s)
    windows = windows_of(done, step_s)
    overload = _with_base_after(overload_of(windows, done, from_s, to_s), windows, until_s, piles_up=piles_up)
    limit = in_flight_limit(windows, from_s)
    parts, rest = _as_windows(thresholds)
    parts = [replace(part, in_flight=limit) for part in parts] or [Objective(in_flight=limit)]
    is_good: Objective | Callable[[Window], bool] = parts[0]
    if len(parts) > 1 or rest:
        holds = _holding(rest, intervals, start_ms, tags)

        def is_good(window: Window) -> bool:
            return all(part.is_good(window) for part in parts) and holds(window)

    return recovery_of(windows, from_s=to_s, is_good=is_good, until_s=until_s, step_s=step_s, overload=overload)


def _done(interval: Interval, start_ms: int) -> Done:
    """One interval as what was done around its middle."""
    total = merged(interval.series)
    middle_s = (interval.start_ms + interval.duration_ms / 2 - start_ms) / MS_PER_S
    return Done(middle_s, total.response, total.requests, total.failures, interval.dropped)


def _step_s(done: Iterable[Done], to_s: float, until_s: float) -> int:
    after = sum(one.requests for one in done if to_s <= one.middle_s < until_s)
    if not after or until_s <= to_s:
        return 1
    return min(max(math.ceil(FEWEST_IN_WINDOW * (until_s - to_s) / after), 1), LONGEST_WINDOW_S)


def _with_base_after(
    overload: Overload | None, windows: Sequence[Window], until_s: float, *, piles_up: bool
) -> Overload | None:
    """The queue is worked off beside the load that comes after the overload, which need not be the one before it."""
    if overload is None or not piles_up or until_s <= overload.to_s:
        return None if overload is None else replace(overload, served_rate=None)
    after = sum(window.requests for window in windows if overload.to_s <= window.at_s < until_s)
    return replace(overload, base_rate=after / (until_s - overload.to_s))


def _as_windows(thresholds: Sequence[Threshold]) -> tuple[list[Objective], list[Threshold]]:
    """One for each limit on response times, with the strictest limit on errors in each; and what is left over."""
    rest: list[Threshold] = []
    shares: list[float] = []
    timed: list[tuple[float, float]] = []
    for threshold in thresholds:
        objective = objective_of(threshold) if threshold.series is None else None
        if objective is not None and threshold.metric == "error_rate":
            shares.append(objective.allowed)
        elif objective is not None and threshold.metric == "response_time" and objective.limit_us is not None:
            timed.append((1 - objective.allowed, objective.limit_us / US_PER_MS))
        else:
            rest.append(threshold)
    error_rate = min(shares, default=None)
    parts = [Objective(fraction, limit_ms, error_rate) for fraction, limit_ms in timed]
    return parts or ([Objective(error_rate=error_rate)] if shares else []), rest


def _holding(
    thresholds: Sequence[Threshold], intervals: Iterable[Interval], start_ms: int, tags: Tags
) -> Callable[[Window], bool]:
    """Whether none of the thresholds was missed for sure in what was done in a window's first second."""
    seconds: dict[int, ScenarioTotals] = {}
    for interval in intervals if thresholds else ():
        at_s = math.floor((interval.start_ms + interval.duration_ms / 2 - start_ms) / MS_PER_S)
        seconds.setdefault(at_s, ScenarioTotals(interval.scenario)).add(interval)

    def holds(window: Window) -> bool:
        if not thresholds:
            return True
        second = seconds.get(window.at_s)
        return second is not None and all(
            evaluate(threshold, second, tags=tags).verdict is not Verdict.FAIL for threshold in thresholds
        )

    return holds
