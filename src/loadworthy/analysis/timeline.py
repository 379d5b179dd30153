"""What happened second by second, for charts; it is not part of ``summary.json``.

Processes cut their seconds on their own clocks, so each interval goes into the second of the scenario that holds its
middle, and a rate is the sum of each process's requests over that process's own measured time: a short last interval
does not look like a drop. Histograms are kept in their compact form until they are asked for, because an hour of full
ones would fill the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import TypeVar, cast

from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.seconds import Second, Share, second_of
from loadworthy.analysis.series_timeline import SeriesSecond, SeriesTimeline
from loadworthy.analysis.windows import window_edges
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval
from loadworthy.record.many_histograms import each_from_bytes

__all__ = ["Second", "SeriesSecond", "TimelineBuilder"]

T = TypeVar("T")

_GRACE_MS = 50
"""A second that is shorter by so little is a whole one: clocks are read a little late or early."""


@dataclass(slots=True)
class _Parts:
    """What has its middle in the same ms; histograms in their compact form."""

    shares: dict[int, Share] = field(default_factory=dict)
    response: list[bytes] = field(default_factory=list)
    service: list[bytes] = field(default_factory=list)
    own_lag: list[bytes] = field(default_factory=list)

    def add(self, interval: Interval) -> None:
        share = Share.of(interval)
        if interval.process in self.shares:
            self.shares[interval.process].add(share)
        else:
            self.shares[interval.process] = share
        response = interval.response()
        if response.count:
            packed = response.to_bytes()
            same = all(one.service is one.response for one in interval.series)
            self.response.append(packed)
            self.service.append(
                packed if same else Histogram.merged([one.service for one in interval.series]).to_bytes()
            )
        if interval.own_lag.count:
            self.own_lag.append(interval.own_lag.to_bytes())


@dataclass(slots=True)
class _Scenario:
    """``end_ms`` is where the last interval ended in which users were not stopping yet. ``parts`` are kept by the
    absolute ms of their middle, for only in the end the start is known for sure."""

    start_ms: int
    series: SeriesTimeline
    end_ms: int = 0
    is_open: bool = False
    parts: dict[int, _Parts] = field(default_factory=dict)
    made: dict[tuple[object, ...], object] = field(default_factory=dict)

    def add(self, interval: Interval) -> None:
        self.start_ms = min(self.start_ms, interval.start_ms)
        if not interval.stopping:
            self.end_ms = max(self.end_ms, interval.start_ms + interval.duration_ms)
        self.is_open = self.is_open or interval.scheduled > 0
        self.parts.setdefault(interval.start_ms + interval.duration_ms // 2, _Parts()).add(interval)
        self.series.add(interval, self.start_ms)
        self.made.clear()

    def steps(self, step_s: int) -> dict[int, list[_Parts]]:
        """Number of the step → what lies in it, ascending."""
        steps: dict[int, list[_Parts]] = {}
        for middle_ms, parts in sorted(self.parts.items()):
            steps.setdefault((middle_ms - self.start_ms) // (MS_PER_S * step_s), []).append(parts)
        return steps

    def seconds(self, step_s: int) -> list[Second]:
        steps = self.steps(step_s)
        shares = {step: _by_process(parts) for step, parts in steps.items()}
        users = _users_by_step(shares)
        times = _merged([data for part in parts for data in part.response] for parts in steps.values())
        lags = _merged([data for part in parts for data in part.own_lag] for parts in steps.values())
        return [
            second_of(step * step_s, shares[step], response, users=users[step], own_lag=lag if self.is_open else None)
            for step, response, lag in zip(steps, times, lags, strict=True)
        ]


STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
"""Steps of a timeline that people read easily."""


class TimelineBuilder:
    """Collects intervals in any order; :meth:`seconds` gives the timeline of each scenario.

    What was asked for once is remembered until the scenario's next interval comes.

    Args:
        expected_s: how long each scenario is thought to last, in seconds, where that is known.
    """

    def __init__(self, expected_s: Mapping[str, float] | None = None) -> None:
        self._expected_s = dict(expected_s or {})
        self._scenarios: dict[str, _Scenario] = {}

    def add(self, interval: Interval) -> None:
        """Add one interval."""
        name = interval.scenario
        if name not in self._scenarios:
            series = SeriesTimeline(self._expected_s.get(name, 0.0))
            self._scenarios[name] = _Scenario(interval.start_ms, series)
        self._scenarios[name].add(interval)

    def scenarios(self) -> list[str]:
        """The scenarios seen."""
        return list(self._scenarios)

    def seconds(self, scenario: str, step_s: int = 1) -> list[Second]:
        """The timeline of a scenario in steps of so many seconds, ascending; steps without any interval are missing."""
        known = self._scenarios.get(scenario)
        if known is None:
            return []
        return list(self.remembered(scenario, ("seconds", step_s), lambda: known.seconds(step_s)))

    def series(self, scenario: str, step_s: int, most: int = 50) -> dict[str, list[SeriesSecond]]:
        """``"GET /x"`` → its timeline, for the series with the most requests, these first.

        The steps are those of :meth:`seconds`; a series without requests in one of them has a throughput of 0 there. In
        a long run only as much is kept as charts need: :meth:`series_step_s` says which steps there are.
        """
        known = self._scenarios.get(scenario)
        if known is None:
            return {}
        key = ("series", known.series.step_s(step_s), most)
        found = self.remembered(scenario, key, lambda: known.series.steps(known.start_ms, step_s, most))
        return {label: list(points) for label, points in found.items()}

    def series_step_s(self, scenario: str, step_s: int) -> int:
        """The steps that :meth:`series` has where these are asked for: the same, or the next longer that there are."""
        known = self._scenarios.get(scenario)
        return step_s if known is None else known.series.step_s(step_s)

    def times(self, scenario: str) -> Iterator[tuple[float, Histogram]]:
        """The response times that each process noted at once: where their middle lies, in seconds since the scenario's
        first interval, and the histogram; ascending."""
        known = self._scenarios.get(scenario)
        found = [] if known is None else sorted(known.parts.items())
        start_ms = 0 if known is None else known.start_ms
        moments = ((middle_ms - start_ms) / MS_PER_S for middle_ms, parts in found for _ in parts.response)
        yield from zip(moments, each_from_bytes([data for _, parts in found for data in parts.response]), strict=True)

    def last_s(self, scenario: str) -> float:
        """Where the middle of the last of all intervals lies, in seconds since the scenario's first one; 0 of none."""
        known = self._scenarios.get(scenario)
        return 0.0 if known is None else (max(known.parts) - known.start_ms) / MS_PER_S

    def windows(self, scenario: str, *, service: bool = False) -> list[Histogram]:
        """The response (or service) times in each window of the bootstrap; none where the scenario was too short.

        The windows are those of :meth:`Seconds.windows <loadworthy.analysis.windows.Seconds.windows>`, with all
        requests in them.
        """
        known = self._scenarios.get(scenario)
        whole = 0 if known is None else (known.end_ms - known.start_ms + _GRACE_MS) // MS_PER_S
        edges = window_edges(whole)
        if known is None or not edges:
            return []
        seconds: list[list[bytes]] = [[] for _ in range(whole)]
        for second, several in known.steps(1).items():
            for parts in several:
                seconds[min(second, whole - 1)] += parts.service if service else parts.response
        return list(_merged([data for one in seconds[first:end] for data in one] for first, end in pairwise(edges)))

    def remembered(self, scenario: str, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """What ``make`` gives, or gave the last time under this key if no interval came since."""
        known = self._scenarios.get(scenario)
        if known is None:
            return make()
        if key not in known.made:
            known.made[key] = make()
        return cast("T", known.made[key])


def _merged(groups: Iterable[Sequence[bytes]]) -> Iterator[Histogram]:
    """Of each group one histogram that holds all of it."""
    packed = list(groups)
    unpacked = each_from_bytes([data for group in packed for data in group])
    for group in packed:
        yield Histogram.merged(islice(unpacked, len(group)))


def _by_process(parts: Iterable[_Parts]) -> dict[int, Share]:
    shares: dict[int, Share] = {}
    for part in parts:
        for process, share in part.shares.items():
            shares.setdefault(process, Share()).add(share)
    return shares


def _users_by_step(shares: Mapping[int, Mapping[int, Share]]) -> dict[int, int]:
    """Users over all processes; one whose interval fell just beside a step keeps its last count until its own end."""
    ends: dict[int, int] = {process: step for step, by_process in shares.items() for process in by_process}
    current: dict[int, int] = {}
    totals: dict[int, int] = {}
    for step, by_process in shares.items():
        current |= {process: share.users for process, share in by_process.items()}
        totals[step] = sum(users for process, users in current.items() if ends[process] >= step)
    return totals
