"""What thresholds look at, second by second: for intervals of percentiles, for ``for`` and for ``warmup``.

The totals of a run cannot tell how a figure moved while it went on. So while a run is read, what its thresholds look
at is kept for each interval, and nothing else: counts, and histograms in their compact form. A second of the scenario
holds the intervals whose middle lies in it, over all processes, counted from the scenario's first interval. What was
done after the last whole second (requests that still ended when the users were told to stop) belongs to the last one,
so that seconds add up to the totals; only rates leave it out, for that time is not measured.

A *window* is some seconds on end. Windows for the bootstrap (:mod:`loadworthy.analysis.bootstrap`) are ten seconds or
longer where the run has time for 20 of them, and never more than 60: they must be longer than slow requests come in
bursts, and many enough to show how they differ.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loadworthy.analysis.accumulate import MS_PER_S, SeriesKey
from loadworthy.analysis.arrivals import Arrivals
from loadworthy.analysis.selection import NO_TAGS, Rank, Tags, rank_of
from loadworthy.plan.thresholds import TIME_METRICS, Threshold, parse_threshold
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import ITERATION, Interval, SeriesInterval
from loadworthy.record.many_histograms import each_from_bytes

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]

FEWEST_WINDOWS, MOST_WINDOWS = 20, 60
GOOD_WINDOW_S = 10
_GRACE_MS = 50
"""A second that is shorter by so little is a whole one: clocks are read a little late or early."""


class Look(NamedTuple):
    """What a threshold looks at: series (None: all), and which times of them (None: only counts)."""

    series: str | None
    times: str | None


class Seen(NamedTuple):
    """What an interval has of a look."""

    requests: int
    failures: int
    times: Histogram


def look_of(threshold: Threshold) -> Look:
    """What a threshold looks at."""
    return Look(threshold.series, threshold.metric if threshold.metric in TIME_METRICS else None)


def needs_windows(threshold: Threshold) -> bool:
    """Whether the totals do not suffice to judge it."""
    return threshold.is_conditional or threshold.fraction is not None


@dataclass(frozen=True, slots=True)
class Window:
    """Some seconds on end of what a threshold looks at; ``dropped`` of ``settled`` arrivals of an open workload."""

    requests: int
    failures: int
    dropped: int
    settled: int
    times: Histogram


@dataclass(frozen=True, slots=True)
class Seconds:
    """The seconds of a scenario from some second on; ``first`` is its number. A place in each array is a second.

    ``good`` are requests that did not fail, spread evenly over the time of their interval: processes cut their seconds
    at moments of their own. ``times`` are histograms in their compact form, one for each interval.
    """

    first: int
    requests: Int64Array
    failures: Int64Array
    dropped: Int64Array
    settled: Int64Array
    good: Float64Array
    times: Sequence[Sequence[bytes]]
    arrivals: Arrivals
    rank: Rank = Rank.NAME

    def __len__(self) -> int:
        return len(self.requests)

    def histogram(self, first: int, end: int) -> Histogram:
        """The times of some of the seconds, by their places."""
        return Histogram.merged(each_from_bytes([data for second in self.times[first:end] for data in second]))

    def window(self, first: int, end: int) -> Window:
        """Some of the seconds as one."""
        return Window(
            requests=int(self.requests[first:end].sum()),
            failures=int(self.failures[first:end].sum()),
            dropped=int(self.dropped[first:end].sum()),
            settled=int(self.settled[first:end].sum()),
            times=self.histogram(first, end),
        )

    def windows(self) -> tuple[Window, ...]:
        """All of it as windows for the bootstrap; none where there are too few seconds."""
        edges = window_edges(len(self))
        return tuple(self.window(first, end) for first, end in pairwise(edges))


def window_edges(seconds: int) -> tuple[int, ...]:
    """Where windows begin and end that share out so many seconds evenly; () where 20 windows are not to be had."""
    if seconds < FEWEST_WINDOWS:
        return ()
    length = seconds // min(max(seconds // GOOD_WINDOW_S, FEWEST_WINDOWS), MOST_WINDOWS)
    count = min(seconds // length, MOST_WINDOWS)
    return tuple(number * seconds // count for number in range(count + 1))


@dataclass(slots=True)
class _Rows:
    """What the intervals of a scenario have of a look; ``at`` is the interval's place among those of the scenario."""

    at: array[int] = field(default_factory=lambda: array("q"))
    requests: array[int] = field(default_factory=lambda: array("q"))
    failures: array[int] = field(default_factory=lambda: array("q"))
    times: list[bytes] = field(default_factory=list)

    def add(self, place: int, seen: Seen, times: bytes) -> None:
        self.at.append(place)
        self.requests.append(seen.requests)
        self.failures.append(seen.failures)
        self.times.append(times)


class ScenarioWindows:
    """What the thresholds of one scenario look at, interval by interval, in any order."""

    def __init__(self, looks: Iterable[Look], tags: Tags = NO_TAGS) -> None:
        self._rows: dict[Look, dict[Rank, _Rows]] = {look: {} for look in looks}
        self._views = Views(self._rows, tags)
        self._columns: tuple[array[int], ...] = tuple(array("q") for _ in range(8))

    def add(self, interval: Interval) -> None:
        """Add one interval of the scenario."""
        place = len(self._columns[0])
        told = (
            interval.start_ms,
            interval.duration_ms,
            interval.stopping,
            interval.scheduled,
            interval.sent,
            interval.dropped,
            interval.late,
            interval.iterations,
        )
        for column, value in zip(self._columns, told, strict=True):
            column.append(int(value))
        packed: dict[int, bytes] = {}
        for look, ranks in self._views.of(interval).items():
            for rank, seen in ranks.items():
                key = id(seen.times)
                if seen.times.count and key not in packed:
                    packed[key] = seen.times.to_bytes()
                self._rows[look].setdefault(rank, _Rows()).add(place, seen, packed[key] if seen.times.count else b"")

    def keeps(self, threshold: Threshold) -> bool:
        """Whether there are seconds of what a threshold looks at, and it needs them."""
        return needs_windows(threshold) and look_of(threshold) in self._rows

    def seconds(self, threshold: Threshold) -> Seconds | None:
        """What a threshold looks at, second by second, from the end of its warm-up; None if no second is left."""
        ranks = self._rows[look_of(threshold)]
        if not self._columns[0]:
            return None
        first = threshold.warmup_us // 1_000_000
        start_ms, duration_ms, stopping, *_ = columns = [np.asarray(column, dtype=np.int64) for column in self._columns]
        begin_ms = int(start_ms.min())
        ends_ms = (start_ms + duration_ms)[stopping == 0]
        whole = (int(ends_ms.max(initial=begin_ms)) - begin_ms + _GRACE_MS) // MS_PER_S
        if whole <= first:
            return None
        second = np.minimum((start_ms + duration_ms // 2 - begin_ms) // MS_PER_S, whole - 1)
        known = list(ranks)
        if threshold.series is None:  # iterations speak for requests only where those tell nothing
            known = [rank for rank in ranks if any(ranks[rank].times)] or known
        rank = min(known, default=Rank.NAME)
        rows = ranks.get(rank, _Rows())
        at = np.asarray(rows.at, dtype=np.int64)
        requests, failures = (np.asarray(one, dtype=np.int64) for one in (rows.requests, rows.failures))
        times: list[list[bytes]] = [[] for _ in range(whole - first)]
        for place, data in zip(second[at].tolist(), rows.times, strict=True):
            if data and place >= first:
                times[place - first].append(data)
        arrivals = _arrivals(columns, second >= first)
        settled = columns[5] + (columns[4] if arrivals.is_open else columns[7])
        measured = at[stopping[at] == 0]
        good = (requests - failures)[stopping[at] == 0]
        spread = _spread((start_ms - begin_ms)[measured], duration_ms[measured], good, whole)
        return Seconds(
            first=first,
            requests=_sums(second[at], requests, whole)[first:],
            failures=_sums(second[at], failures, whole)[first:],
            dropped=_sums(second, columns[5], whole)[first:],
            settled=_sums(second, settled, whole)[first:],
            good=spread[first:],
            times=times,
            arrivals=arrivals,
            rank=rank,
        )


def _arrivals(columns: Sequence[Int64Array], counted: npt.NDArray[np.bool_]) -> Arrivals:
    scheduled, sent, dropped, late, iterations = (int(column[counted].sum()) for column in columns[3:])
    return Arrivals(scheduled, sent, dropped, late, iterations)


def _sums(places: Int64Array, values: Int64Array, length: int) -> Int64Array:
    sums = np.zeros(length, dtype=np.int64)
    np.add.at(sums, places, values)
    return sums


def _spread(start_ms: Int64Array, duration_ms: Int64Array, values: Int64Array, length: int) -> Float64Array:
    """Values spread evenly over their time, as so much in each second; what lies past the last second is left out."""
    spread = np.zeros(length + 1)
    for begin, lasts, value in zip(start_ms.tolist(), duration_ms.tolist(), values.tolist(), strict=True):
        second, end = begin // MS_PER_S, begin + lasts
        while second * MS_PER_S < end and second < length:
            overlap = min(end, (second + 1) * MS_PER_S) - max(begin, second * MS_PER_S)
            spread[second] += value * overlap / max(lasts, 1)
            second += 1
    return spread[:length]


class Views:
    """Takes out of intervals what thresholds look at; it remembers which series each of them means."""

    def __init__(self, looks: Iterable[Look], tags: Tags = NO_TAGS) -> None:
        self._looks = tuple(looks)
        self._of_all = [look for look in self._looks if look.series is None]
        self._tags = tags
        self._meant: dict[tuple[str, str, bool], tuple[tuple[Look, Rank], ...]] = {}

    def of(self, interval: Interval) -> dict[Look, dict[Rank, Seen]]:
        """For each look what the interval has of it, by the rank at which it is meant."""
        found: dict[tuple[Look, Rank], list[SeriesInterval]] = {}
        if interval.series:
            found |= {(look, Rank.NAME): interval.series for look in self._of_all}
        for is_part, several in ((False, interval.series), (True, interval.parts)):
            for one in several:
                for meant in self._meant_by(one.kind, one.name, is_part):
                    found.setdefault(meant, []).append(one)
        seen: dict[Look, dict[Rank, Seen]] = {look: {} for look in self._looks}
        joint: dict[tuple[int, ...], Histogram] = {}  # two looks at the same times add them up once
        for (look, rank), ones in found.items():
            times = Histogram()
            if look.times == "response_time" and ones is interval.series:
                times = interval.response()
            elif look.times is not None:
                several_times = [_times_of(one, look.times) for one in ones]
                key = tuple(map(id, several_times))
                if key not in joint:
                    joint[key] = several_times[0] if len(ones) == 1 else Histogram.merged(several_times)
                times = joint[key]
            seen[look][rank] = Seen(sum(one.requests for one in ones), sum(one.failures for one in ones), times)
        return seen

    def _meant_by(self, kind: str, name: str, is_part: bool) -> tuple[tuple[Look, Rank], ...]:
        key = (kind, name, is_part)
        if key not in self._meant:
            ranks = [(look, self._rank(look, (kind, name), is_part)) for look in self._looks]
            self._meant[key] = tuple((look, rank) for look, rank in ranks if rank is not None)
        return self._meant[key]

    def _rank(self, look: Look, key: SeriesKey, is_part: bool) -> Rank | None:
        if look.series is not None:
            return rank_of(look.series, key, self._tags, is_part=is_part)
        # For series as a whole see `of`. How late iterations began speaks for requests where they do not tell.
        return Rank.PART if is_part and look.times == "send_lag" and key[0] == ITERATION else None


def _times_of(one: SeriesInterval, times: str) -> Histogram:
    if times == "send_lag":
        return one.send_lag
    return one.response if times == "response_time" else one.service


class WindowBuilder:
    """Keeps what thresholds look at while a run is read; the order of the intervals does not matter."""

    def __init__(self, manifest: Mapping[str, Any] | None = None) -> None:
        self.scenarios: dict[str, ScenarioWindows] = {}
        plan = (manifest or {}).get("plan")
        specs = plan.get("scenarios") if isinstance(plan, Mapping) else None
        for name, spec in (specs if isinstance(specs, Mapping) else {}).items():
            if isinstance(spec, Mapping) and (looks := _looks(spec.get("thresholds") or ())):
                self.scenarios[name] = ScenarioWindows(looks, Tags.of(spec))

    def add(self, interval: Interval) -> None:
        """Add one interval."""
        kept = self.scenarios.get(interval.scenario)
        if kept is not None:
            kept.add(interval)


def _looks(expressions: Iterable[str]) -> list[Look]:
    thresholds = map(parse_threshold, expressions)
    return list(dict.fromkeys(look_of(one) for one in thresholds if needs_windows(one)))
