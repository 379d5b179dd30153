"""How soon a service is itself again once an overload is over.

No standard says when a service has recovered in its latency; this is ours, after RFC 2544 (26.5, system recovery) and
ISO/IEC 25045. Time is cut into windows, usually of a second, and it has recovered at the first of three in a row that
are back within the objective. If that does not come while the run lasts, it is "not within so many seconds", and no
number is made up.

*Windows go by the intended start* (:mod:`loadworthy.analysis.intended_windows` makes them): what was meant to be sent
in a second says how the service was then, whenever the answers came.

*The ideal drain* is what the queue alone would take. Above what the service gets done (μ), a load λ builds up a queue
of (λ - μ)·T in T seconds, and at the base load it is worked off at μ - λ_base::

    ideal = (λ_spike - μ)·T_spike ÷ (μ - λ_base)

A service that takes about as long has only done its work. One that takes many times as long has been kept down by
something else: retries that add to the load, caches that are cold, or a state that sustains itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.intended_windows import Done, Window
from loadworthy.units import format_count, format_ms

GOOD_IN_A_ROW = 3
"""So many good windows mean that a service has recovered."""

IN_FLIGHT_TIMES, IN_FLIGHT_MORE = 2.0, 10
"""In flight may be at most so many times what it was before, and so many more: a few do not make a queue."""

MUCH_LONGER = 3.0
"""Of the ideal drain: from here on more than the queue kept the service down."""

_ROUNDING = 1e-9
Json = dict[str, Any]


def in_flight_limit(windows: Iterable[Window], until_s: float) -> float:
    """What may be in flight again: twice the median of the windows before an overload began, and ten more."""
    before = [window.in_flight for window in windows if window.at_s < until_s]
    return IN_FLIGHT_TIMES * (float(np.median(before)) if before else 0.0) + IN_FLIGHT_MORE


@dataclass(frozen=True, slots=True)
class Objective:
    """What a good window is; None where it does not matter.

    "p95 <= 500 ms" is ``fraction`` 0.95 and ``limit_ms`` 500: at most 5 % may be slower, and what failed or was dropped
    counts as slower than any limit. ``error_rate`` is the share that may fail or be dropped, ``in_flight`` the most
    that may be under way at the end. A failure that was slow as well counts twice, for which are both is not recorded.
    """

    fraction: float | None = None
    limit_ms: float | None = None
    error_rate: float | None = None
    in_flight: float | None = None

    def bad(self, window: Window) -> int:
        """How many were slow, failed or dropped."""
        slow = 0 if self.limit_ms is None else window.times.slower_than(self.limit_ms)
        return min(slow + window.failures, window.requests) + window.dropped

    def is_good(self, window: Window) -> bool:
        """Whether a window is within it."""
        meant = window.requests + window.dropped
        if self.error_rate is not None and window.failures + window.dropped > self.error_rate * meant + _ROUNDING:
            return False
        if self.in_flight is not None and window.in_flight > self.in_flight:
            return False
        if self.fraction is None or self.limit_ms is None:
            return True
        return self.bad(window) <= (1 - self.fraction) * meant + _ROUNDING


@dataclass(frozen=True, slots=True)
class Overload:
    """What a service was given too much of: times in seconds since the start, rates per second.

    ``served_rate`` is what it got done meanwhile (see :func:`served_rate`), None if unknown. :func:`overload_of` finds
    all of them.
    """

    from_s: float
    to_s: float
    base_rate: float
    spike_rate: float
    served_rate: float | None

    @property
    def ideal_s(self) -> float | None:
        """How long its queue takes to be worked off at the base load; 0 where there was none.

        None where it is unknown, or where the service is slower than the base load, so that a queue never ends.
        """
        served = self.served_rate
        if served is None or served <= self.base_rate:
            return None
        return max(self.spike_rate - served, 0.0) * (self.to_s - self.from_s) / (served - self.base_rate)


def overload_of(windows: Iterable[Window], done: Iterable[Done], from_s: float, to_s: float) -> Overload | None:
    """An overload with the rates that it had in fact: what was meant to be sent before and in it, and what got done.

    Arrivals that were dropped are in no queue and do not count. None without a time before it, or of no length.
    """
    if from_s <= 0 or to_s <= from_s:
        return None
    before = during = 0
    for window in windows:
        before += window.requests if window.at_s < from_s else 0
        during += window.requests if from_s <= window.at_s < to_s else 0
    return Overload(from_s, to_s, before / from_s, during / (to_s - from_s), served_rate(done, from_s, to_s))


def served_rate(done: Iterable[Done], from_s: float, to_s: float) -> float | None:
    """What was done well per second from one time to another: requests that did not fail, however long they took."""
    if to_s <= from_s:
        return None
    return sum(one.requests - one.failures for one in done if from_s <= one.middle_s < to_s) / (to_s - from_s)


@dataclass(frozen=True, slots=True)
class Recovery:
    """How soon a service was itself again; seconds from the end of the overload, unless they say otherwise.

    ``time_s`` is None where it did not recover within ``observed_s``; ``recovered`` is None, too, where the run ended
    before there were enough windows to tell. ``worst_ms`` is the longest response time from the overload's start until
    then, ``worst_s`` when that request was meant to be sent, since the scenario's start. ``good_lost`` counts what was
    slow, failed or was dropped meanwhile. ``ratio`` is ``time_s`` ÷ ``ideal_s``.
    """

    time_s: float | None
    recovered: bool | None
    observed_s: float
    worst_s: float | None = None
    worst_ms: float | None = None
    good_lost: int = 0
    ideal_s: float | None = None

    @property
    def ratio(self) -> float | None:
        """Far above 1, more than the queue kept the service down; None where either is unknown, or no queue was."""
        return self.time_s / self.ideal_s if self.time_s is not None and self.ideal_s else None

    @property
    def sentence(self) -> str:
        """What happened, for people; a clause without a full stop."""
        if self.recovered is None:
            return f"whether it recovers is not known: the run ended {seconds(self.observed_s)} after the overload"
        beside = "" if self.ideal_s is None else f"; its queue alone takes {seconds(self.ideal_s)}"
        if self.time_s is None:
            was = f"it did not recover within {seconds(self.observed_s)} of the overload's end{beside}"
        elif self.ratio is None:
            was = f"it recovered {seconds(self.time_s)} after the overload"
        else:
            was = f"it recovered {seconds(self.time_s)} after the overload, {self.ratio:.1f} times what its queue takes"
            if self.ratio >= MUCH_LONGER:
                was += "; something else kept it down: look for retries, cold caches, or connections that are made anew"
        lost = f"; until then {format_count(self.good_lost)} requests were slow, failed or were dropped"
        worst = "" if self.worst_ms is None else f", the slowest took {format_ms(self.worst_ms)}"
        return f"{was}{lost}{worst}" if self.good_lost else was

    def to_json(self) -> Json:
        """The form that stands in ``summary.json``."""
        numbers = {
            "time_s": self.time_s,
            "ideal_s": self.ideal_s,
            "ratio": self.ratio,
            "observed_s": self.observed_s,
            "worst_s": self.worst_s,
            "worst_ms": self.worst_ms,
        }
        rounded = {key: None if value is None else round(value, 3) for key, value in numbers.items()}
        return {"recovered": self.recovered, **rounded, "good_lost": self.good_lost}


def recovery_of(
    windows: Sequence[Window],
    *,
    from_s: float,
    is_good: Objective | Callable[[Window], bool],
    until_s: float,
    k: int = GOOD_IN_A_ROW,
    step_s: int = 1,
    overload: Overload | None = None,
) -> Recovery:
    """When a service was back within its objective.

    Args:
        windows: by intended start (:func:`windows_of`). One that is missing, or in which nothing was meant to be sent,
            is not good: no answer is no proof of health.
        from_s: when the overload ended.
        is_good: what a good window is.
        until_s: how long the load went on; windows that end later are not looked at.
        k: so many good windows in a row.
        step_s: the windows' length.
        overload: what came before, for the ideal drain.
    """
    objective = Objective() if callable(is_good) else is_good
    judge = is_good if callable(is_good) else objective.is_good
    first = math.ceil(from_s / step_s - _ROUNDING) * step_s
    by_start = {window.at_s: window for window in windows}
    looked_at = range(first, math.floor(until_s / step_s + _ROUNDING) * step_s, step_s)
    good = [_is_good(by_start.get(at_s), judge) for at_s in looked_at]
    found = next((n for n in range(len(good) - k + 1) if all(good[n : n + k])), None)
    time_s = None if found is None else looked_at[found] - from_s
    until = until_s if found is None else looked_at[found]
    begun_s = from_s if overload is None else overload.from_s
    bad = [window for window in windows if math.floor(begun_s) <= window.at_s < until]
    worst = max((window for window in bad if window.times.count), key=lambda one: one.times.max_ms or 0.0, default=None)
    recovered = True if found is not None else False if len(good) >= k else None
    return Recovery(
        time_s=time_s,
        recovered=recovered,
        observed_s=max(until_s - from_s, 0.0) - (_streak(good) * step_s if recovered is False else 0),
        worst_s=None if worst is None else float(worst.at_s),
        worst_ms=None if worst is None else worst.times.max_ms,
        good_lost=sum(objective.bad(window) for window in bad),
        ideal_s=None if overload is None else overload.ideal_s,
    )


def _is_good(window: Window | None, judge: Callable[[Window], bool]) -> bool:
    return window is not None and window.requests > 0 and judge(window)


def _streak(good: Sequence[bool]) -> int:
    """How many at the end are good: they may be the beginning of a recovery that the run did not see through."""
    return next((n for n, one in enumerate(reversed(good)) if not one), len(good))
