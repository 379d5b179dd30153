"""What is judged of a long run: which stretch of it, where its figures come from, and from when on a change matters.

The practical limits are ours. They are about the run as it was: a change that passes one of them is worth somebody's
time, whatever it would come to in a week.

======================  =====================  =====================================================================
metric                  limit over the run     why
======================  =====================  =====================================================================
response times          +20 %, at least 1 ms   people notice a fifth; less than 1 ms may be the generator's
error rate              +0.5 points            a common budget is 1 %: half of it has gone
throughput              -5 %                   what was put through; as sure a figure as this one needs no more room
memory (its floor)      +10 %, at least 1 MB   or, where that is less, what comes to +50 % in 24 hours, but at least
                                               +2 %: allocators and caches still gain that much in a healthy process
descriptors, threads,   +10 %, at least 5      a few come and go with the connections of the moment
connections, a pool
usage of a pool (share) +10 points             of ten connections one more is always in use
======================  =====================  =====================================================================

Of memory the floor is looked at, the lowest of each batch: what is left when garbage has just been collected. The error
rate of a batch is that of all its requests, for the median of seconds without any failure would be 0 up to the day on
which every other second has one. The throughput of a batch is its mean; in an open workload it is set against what was
meant to arrive in the same batch, for arrivals come by chance, and that chance is not the service's: at 10/s it alone
left 83 of 100 simulated runs of ten minutes undecided. A percentile is read second by second where it can be named in
nearly every second; else in the longer steps that are given; else not at all, for the seconds in which there were
enough requests are not like the others.

A load that changes by plan is no decay: twice the users hold twice the connections. So only the longest stretch in
which the load was steady is judged, its least and its greatest level within 5 % of each other. In a closed workload the
load is the number of users. In an open one it is what was meant to arrive, and that comes by chance: short blocks of
time are joined, the likest neighbours first, until all that are left differ for sure (bottom-up segmentation, Keogh,
Chu, Hart and Pazzani 2001; the likelihood ratio of two Poisson rates, 2 ln Λ > 25, five standard errors).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from loadworthy.analysis.drift import (
    FEWEST_BATCHES,
    S_PER_H,
    Drift,
    Point,
    Statistic,
    batches_of,
    one_of,
    trend_of,
)
from loadworthy.analysis.resources import Points, ResourceSeries
from loadworthy.analysis.timeline import Second

FloatArray = npt.NDArray[np.float64]
Unit = Literal["ms", "points", "per_s", "bytes", "count"]

GENERATOR = "generator"
"""The source that is the load generator itself; what becomes of it is no fault of the service."""

NAMED_SHARE = 0.9
"""Of the seconds with requests: in so many a percentile must be named."""

STEPS = 30
"""Longer steps for percentiles: enough of them are left when a quarter of the run is cut off as its warm-up."""

STEADY_SHARE = 0.05
"""So much more than the least load of a steady stretch its greatest may be: less than any limit on what is held."""

STOPPING_S = 5
"""So long users may be at leaving when the time is up; these last seconds say nothing of the load."""

BLOCK_S, MOST_BLOCKS = 20, 600
"""Arrivals are counted in blocks of so many seconds; in longer ones where there would be more than 600."""

_SURE = 25.0
MEMORY_24_H, MEMORY_24_H_FLOOR = 0.5, 0.02
_DAY_H = 24.0


@dataclass(frozen=True, slots=True)
class Kind:
    """How metrics of a kind are read and judged.

    ``share`` of where it began is the practical limit, but at least ``at_least`` in its unit; ``worse`` is +1 where
    more is worse, else -1; ``is_held`` where it is something that a service holds and may leak.
    """

    unit: Unit
    share: float
    at_least: float
    worse: int = 1
    statistic: Statistic = "median"
    is_held: bool = False
    per_day: bool = False

    def large(self, drift: Drift) -> float:
        """From which change over the run on it matters, in the metric's unit; positive."""
        share = self.share
        if self.per_day:
            share = min(share, max(MEMORY_24_H_FLOOR, MEMORY_24_H * drift.length_s / S_PER_H / _DAY_H))
        return max(share * abs(drift.first), self.at_least)


RESPONSE_TIME = Kind("ms", 0.20, 1.0)
ERROR_RATE = Kind("points", 0.0, 0.005)
THROUGHPUT = Kind("per_s", 0.05, 0.0, worse=-1)
MEMORY = Kind("bytes", 0.10, 1_000_000.0, statistic="min", is_held=True, per_day=True)
HELD = Kind("count", 0.10, 5.0, is_held=True)
POOL_SHARE = Kind("points", 0.0, 0.10, is_held=True)

_MEMORY = re.compile(r"(resident_memory|memory|rss)_bytes")
_SETTINGS = {"max", "min", "limit", "capacity", "size", "virtual", "overflow"}
_MIRRORS = {"idle", "free", "available"}
"""What falls as what is in use grows; one of the two is enough."""

_LIMIT_BESIDE = {"connections": "max_connections", "process_open_fds": "process_max_fds"}
"""Metric → the one of the same source that is its limit."""


def kind_of(metric: str) -> Kind | None:
    """What a monitored metric is, by its name; None where it is not judged."""
    name = metric.partition("{")[0].lower()
    words = set(re.split(r"[^a-z]+", metric.lower()))
    if name.startswith("rate(") or words & (_SETTINGS | _MIRRORS):
        return None
    if _MEMORY.search(name):
        return MEMORY
    if "pool" in words:
        return POOL_SHARE if words & {"ratio", "usage", "utilization", "share"} else HELD
    if words & {"descriptors", "fds", "threads"} or name.endswith("connections"):
        return HELD
    return None


class Subject(NamedTuple):
    """One metric that is judged: a value for each batch, and the stretch that they are of.

    ``after`` are readings from after the load, ``limit`` is what it must not pass, in its unit; None where unknown.
    """

    metric: str
    source: str | None
    kind: Kind
    values: list[Point]
    from_s: float
    to_s: float
    after: list[float]
    limit: float | None

    @property
    def drift(self) -> Drift:
        """Its trend over all batches."""
        return trend_of(self.values, self.from_s, self.to_s)

    @property
    def late_drift(self) -> Drift:
        """Its trend over the second half of them."""
        late = self.values[len(self.values) // 2 :]
        return trend_of(late, late[0][0], self.to_s)


class Stretch(NamedTuple):
    """From when to when the load was steady, in seconds since the scenario's start; all of it ends at ``end_s``."""

    from_s: float
    to_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.to_s - self.from_s


def steady_stretch(seconds: Sequence[Second], duration_s: float | None = None) -> Stretch:
    """The longest stretch of steady load, the last of those that are equally long; all of it where no load is known.

    Args:
        seconds: the timeline, second by second.
        duration_s: the measured time; what came later is not looked at.
    """
    during = [one for one in seconds if duration_s is None or one.at_s < duration_s]
    end_s = float(during[-1].at_s + 1 if during else 0) if duration_s is None else duration_s
    if not during:
        return Stretch(0.0, end_s, end_s)
    during = [one for one in during if one.at_s < end_s - STOPPING_S] or during
    is_open = any(one.intended is not None for one in during)
    starts, levels = _rates(during) if is_open else _users(during)
    edges_s = [0.0, *(float(during[start].at_s) for start in starts[1:]), end_s]
    first, end = _longest(edges_s, levels)
    # Arrivals tell of a change only to a block.
    margin_s = _block_s(during) if is_open else 0
    from_s = edges_s[first] + (margin_s if first else 0)
    to_s = edges_s[end] - (margin_s if end < len(levels) else 0)
    return Stretch(from_s, max(to_s, from_s), end_s)


def _longest(edges_s: Sequence[float], levels: Sequence[float]) -> tuple[int, int]:
    """The first of the longest row of levels that are near enough to each other, and the one after its last."""
    best, start = (0, 0), 0
    for end in range(1, len(levels) + 1):
        while max(levels[start:end]) > (1 + STEADY_SHARE) * min(levels[start:end]):
            start += 1
        if levels[start] > 0 and edges_s[end] - edges_s[start] >= edges_s[best[1]] - edges_s[best[0]]:
            best = (start, end)
    return best if best[1] else (0, len(levels))


def _users(seconds: Sequence[Second]) -> tuple[list[int], list[float]]:
    """Where the number of users changes, and the numbers; one that is there for a second or two is passed over."""
    users = np.pad([one.users for one in seconds], 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(users, 5), axis=1).tolist()
    starts = [0, *(place for place, (old, new) in enumerate(pairwise(smooth), 1) if old != new)]
    return starts, [float(smooth[start]) for start in starts]


def _block_s(seconds: Sequence[Second]) -> int:
    return max(BLOCK_S, len(seconds) // MOST_BLOCKS)


def _rates(seconds: Sequence[Second]) -> tuple[list[int], list[float]]:
    """Where the rate of arrivals surely changes, to a block, and the rates."""
    block_s = _block_s(seconds)
    starts = [place * block_s for place in range(max(len(seconds) // block_s, 1))]
    counts = np.add.reduceat(np.array([one.intended or 0.0 for one in seconds]), starts)
    lengths = np.diff([*starts, len(seconds)]).astype(np.float64)
    while len(counts) > 1:
        apart = _likelihood(counts, lengths)
        joined = _likelihood(counts[:-1] + counts[1:], lengths[:-1] + lengths[1:])
        ratios = 2 * (apart[:-1] + apart[1:] - joined)
        place = int(np.argmin(ratios))
        if ratios[place] > _SURE:
            break
        counts[place] += counts[place + 1]
        lengths[place] += lengths[place + 1]
        counts, lengths = np.delete(counts, place + 1), np.delete(lengths, place + 1)
        del starts[place + 1]
    return starts, (counts / lengths).tolist()


def _likelihood(counts: FloatArray, lengths: FloatArray) -> FloatArray:
    """The logarithm of the greatest likelihood of so many arrivals in such a time, less what is the same for all."""
    return np.asarray(counts * np.log(np.maximum(counts, 1e-9) / lengths))


def step_s(duration_s: float) -> int:
    """How long the steps must be that percentiles are read in where seconds have too few requests."""
    return max(int(duration_s / STEPS), 1)


def response_times(fine: Sequence[Second], steps: Sequence[Second], limits: Mapping[str, float]) -> Iterator[Subject]:
    """The percentiles that can be named."""
    for key in ("p50", "p95", "p99"):
        metric = f"response_time_{key}"
        points = _named(fine, f"{key}_ms") or _named(steps, f"{key}_ms")
        yield from _subject(metric, None, RESPONSE_TIME, points, [], limits.get(metric))


def _named(seconds: Sequence[Second], key: str) -> list[Point]:
    """The values of a percentile; none where it cannot be named in enough of them."""
    busy = [second for second in seconds if second.requests]
    points = [(float(second.at_s), float(value)) for second in busy if (value := getattr(second, key)) is not None]
    return points if len(points) >= NAMED_SHARE * len(busy) else []


def counts(seconds: Sequence[Second], limits: Mapping[str, float]) -> Iterator[Subject]:
    """The throughput and the error rate."""
    yield from _by_batch("throughput", THROUGHPUT, seconds, _put_through(seconds), limits)
    busy = [second for second in seconds if second.requests]
    yield from _by_batch("error_rate", ERROR_RATE, busy, _error_share, limits)


def _error_share(batch: Sequence[Second]) -> float:
    return sum(second.failures for second in batch) / sum(second.requests for second in batch)


def _put_through(seconds: Sequence[Second]) -> Callable[[Sequence[Second]], float]:
    """How the throughput of a batch is found; what failed was not put through."""
    intended = sum(second.intended or 0.0 for second in seconds)

    def put_through(batch: Sequence[Second]) -> float:
        rate = sum(second.throughput - second.failure_rate for second in batch) / len(batch)
        mine = sum(second.intended or 0.0 for second in batch) / len(batch)
        return rate * intended / len(seconds) / mine if mine else rate

    return put_through


def _by_batch(
    metric: str,
    kind: Kind,
    seconds: Sequence[Second],
    value_of: Callable[[Sequence[Second]], float],
    limits: Mapping[str, float],
) -> Iterator[Subject]:
    """A metric whose batches have a value as a whole, not that of a second in their middle."""
    groups = batches_of([(float(second.at_s), float(place)) for place, second in enumerate(seconds)])
    if len(groups) < FEWEST_BATCHES:
        return
    values = [
        (sum(at_s for at_s, _ in group) / len(group), value_of([seconds[int(place)] for _, place in group]))
        for group in groups
    ]
    yield Subject(metric, None, kind, values, float(seconds[0].at_s), float(seconds[-1].at_s), [], limits.get(metric))


def held(resources: ResourceSeries, from_s: float, to_s: float, limits: Mapping[str, float]) -> Iterator[Subject]:
    """What monitors read of the target, from the end of the warm-up to that of the steady load."""
    for source, metrics in resources.points.items():
        if source == GENERATOR:
            continue
        for metric, points in metrics.items():
            kind = kind_of(metric)
            if kind is None:
                continue
            during = [point for point in points if from_s <= point[0] <= to_s]
            after = [value for at_s, value in points if at_s > resources.duration_s]
            yield from _subject(metric, source, kind, during, after, _limit_of(metric, source, metrics, limits))


def _subject(
    metric: str, source: str | None, kind: Kind, points: list[Point], after: list[float], limit: float | None
) -> Iterator[Subject]:
    """The metric, where it has batches enough."""
    values = [one_of(group, kind.statistic) for group in batches_of(points)]
    if len(values) >= FEWEST_BATCHES:
        yield Subject(metric, source, kind, values, points[0][0], points[-1][0], after, limit)


def _limit_of(metric: str, source: str, metrics: Mapping[str, Points], limits: Mapping[str, float]) -> float | None:
    for key in (f"{source} {metric}", metric):
        if key in limits:
            return limits[key]
    beside = metrics.get(_LIMIT_BESIDE.get(metric, ""))
    if beside:
        return float(beside[-1][1])
    return 1.0 if kind_of(metric) is POOL_SHARE else None
