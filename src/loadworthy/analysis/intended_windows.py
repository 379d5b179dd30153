"""Windows of a run by when requests were meant to be sent, made of seconds by when they were done.

A run records responses in the second in which they were done, and there those that had waited longest come last: a
service that has just worked off its queue would look worst at the very moment at which it is well again, and requests
that hang would make a second look empty rather than bad. What was done in a second was meant to be sent its response
time earlier. As the moment within the second is not recorded, its middle is taken, so a start is right to half a
second, and what falls in the wrong window falls in its neighbour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loadworthy.analysis.figures import to_ms
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.record.histogram import Histogram
from loadworthy.units import US_PER_MS, US_PER_S

_P99 = 0.99
_ROUNDING = 1e-9
Json = dict[str, Any]
Int64Array = npt.NDArray[np.int64]
_NOTHING = np.zeros(0, dtype=np.int64)


class Done(NamedTuple):
    """What was done in one second (or a part of it), as it is recorded.

    ``middle_s`` is the middle of that time, in seconds since the start. ``requests`` are more than the histogram holds
    where some had no time. ``dropped`` are arrivals that were given up.
    """

    middle_s: float
    response: Histogram
    requests: int
    failures: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Response times, ascending, each as the middle of its bin (within 0.05 %), and how many there are of each."""

    values_us: Int64Array = field(default_factory=lambda: _NOTHING)
    counts: Int64Array = field(default_factory=lambda: _NOTHING)

    @property
    def count(self) -> int:
        """How many."""
        return int(self.counts.sum())

    @property
    def max_ms(self) -> float | None:
        """The longest; None where there are none."""
        return to_ms(float(self.values_us[-1])) if self.count else None

    def percentile_ms(self, fraction: float) -> float | None:
        """The nearest-rank percentile; None where there are too few to name it."""
        if self.count < min_samples(fraction):
            return None
        rank = max(math.ceil(fraction * self.count - _ROUNDING), 1)
        return to_ms(float(self.values_us[np.searchsorted(np.cumsum(self.counts), rank)]))

    def slower_than(self, limit_ms: float) -> int:
        """How many took longer."""
        return int(self.counts[self.values_us > limit_ms * US_PER_MS].sum())


@dataclass(frozen=True, slots=True)
class Window:
    """All that was meant to be sent in one window, and how many of all were under way at its end.

    ``failures`` and requests without a time are known by the second in which they were done only; failures are spread
    over the starts of what was done in it.
    """

    at_s: int
    requests: int
    failures: int
    in_flight: int
    dropped: int = 0
    times: Times = field(default_factory=Times)

    @property
    def p99_ms(self) -> float | None:
        """The p99 of the response times; None where there are too few to name it."""
        return self.times.percentile_ms(_P99)

    def to_json(self) -> Json:
        """As figures."""
        data: Json = {"at_s": self.at_s, "requests": self.requests, "failures": self.failures}
        return {**data, "dropped": self.dropped, "in_flight": self.in_flight, "p99_ms": self.p99_ms}


def rekey(done: Iterable[tuple[float, Histogram]], step_s: int = 1) -> dict[int, Times]:
    """Response times by the window in which their requests were meant to be sent, ascending.

    Args:
        done: histograms of what was done around a moment (the middle of a second), in seconds since the start. Those
            of a moment after the start are never keyed before it.
        step_s: the length of a window; each is named by its beginning, a multiple of it.
    """
    collected: dict[int, list[tuple[Int64Array, Int64Array]]] = {}
    for middle_s, histogram in done:
        starts, values, counts = _starts(middle_s, histogram, step_s)
        for start in np.unique(starts):
            chosen = starts == start
            collected.setdefault(int(start), []).append((values[chosen], counts[chosen]))
    return {start: _joined(parts) for start, parts in sorted(collected.items())}


def _starts(middle_s: float, histogram: Histogram, step_s: int) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Of each bin in use: the window in which it began, its middle, and its count."""
    bins = [((low + high) // 2, count) for low, high, count in histogram.bins()]
    if histogram.overflow:
        bins.append((histogram.max_us, histogram.overflow))
    table = np.array(bins, dtype=np.int64).reshape(-1, 2)
    begun_s = middle_s - table[:, 0] / US_PER_S
    if middle_s >= 0:
        begun_s = np.maximum(begun_s, 0.0)
    starts: Int64Array = np.floor(begun_s / step_s).astype(np.int64) * step_s
    return starts, table[:, 0], table[:, 1]


def _joined(parts: Sequence[tuple[Int64Array, Int64Array]]) -> Times:
    values, places = np.unique(np.concatenate([value for value, _ in parts]), return_inverse=True)
    counts = np.bincount(places.ravel(), weights=np.concatenate([count for _, count in parts]))
    return Times(values, counts.astype(np.int64))


def windows_of(done: Sequence[Done], step_s: int = 1) -> list[Window]:
    """The windows of a scenario, one after another without a gap.

    Give all that was recorded, what came after the users were told to stop as well: the requests of the last seconds
    are among it. Where a second has only a few requests, take longer windows.
    """
    times = rekey(((one.middle_s, one.response) for one in done), step_s)
    ended = {_window(one.middle_s, step_s): 0 for one in done}
    untimed, failures, dropped = dict(ended), dict.fromkeys([*times, *ended], 0), dict(ended)
    for one in done:
        place = _window(one.middle_s, step_s)
        ended[place] += one.requests
        untimed[place] += one.requests - one.response.count
        dropped[place] += one.dropped
        for start, count in _spread(one, step_s).items():
            failures[start] += count
    windows, in_flight = [], 0
    for at_s in range(min(failures, default=0), max(failures, default=-step_s) + step_s, step_s):
        mine = times.get(at_s, Times())
        requests = mine.count + untimed.get(at_s, 0)
        in_flight += requests - ended.get(at_s, 0)
        windows.append(Window(at_s, requests, failures.get(at_s, 0), in_flight, dropped.get(at_s, 0), mine))
    return windows


def _window(at_s: float, step_s: int) -> int:
    return math.floor(at_s / step_s) * step_s


def _spread(one: Done, step_s: int) -> dict[int, int]:
    """The failures of a second over the windows in which its requests began, in proportion, and none lost."""
    starts, _, counts = _starts(one.middle_s, one.response, step_s)
    if not one.failures or not counts.size:
        return {_window(one.middle_s, step_s): one.failures} if one.failures else {}
    up_to = np.round(np.cumsum(counts) * one.failures / counts.sum()).astype(np.int64)
    spread: dict[int, int] = {}
    for start, count in zip(starts.tolist(), np.diff(up_to, prepend=0).tolist(), strict=True):
        spread[start] = spread.get(start, 0) + count
    return spread
