"""Adding up intervals: the current totals of each scenario and series, and a window of the last seconds.

Used while a run goes on (the live view) and afterwards (the summary), so both always show the same figures. All of it
is addition, so the order in which processes report does not matter. Parts (what other series count already: the time to
connect, a whole iteration) are kept beside the series and added to nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from loadworthy.analysis.arrivals import NO_ARRIVALS, Arrivals
from loadworthy.analysis.figures import Distribution
from loadworthy.analysis.pace import Pace
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import ITERATION, Interval, SeriesInterval

MS_PER_S = 1000

SeriesKey = tuple[str, str]
"""(kind, name), e.g. ``("GET", "/contacts")``."""


def merged(series: Iterable[SeriesInterval], kind: str = "", name: str = "") -> SeriesInterval:
    """One total of several series; the originals stay as they are."""
    total = SeriesInterval(kind, name)
    for one in series:
        total.add(one)
    return total


@dataclass(slots=True)
class ScenarioTotals:
    """All that was measured of one scenario so far.

    Times are ms since the epoch: ``start_ms`` is where its first interval began, ``end_ms`` where its last one ended,
    not counting those in which the users were already stopping. ``series`` make up the total, ``parts`` do not.
    """

    name: str
    start_ms: int = 0
    end_ms: int = 0
    intervals: int = 0
    iterations: int = 0
    interrupted: int = 0
    series: dict[SeriesKey, SeriesInterval] = field(default_factory=dict)
    parts: dict[SeriesKey, SeriesInterval] = field(default_factory=dict)
    arrivals: Arrivals = NO_ARRIVALS
    pace: Pace = field(default_factory=Pace)
    own_lag: Histogram = field(default_factory=Histogram)
    _users: dict[int, dict[int, int]] = field(default_factory=dict)
    _latest: dict[int, tuple[int, int]] = field(default_factory=dict)
    _total: SeriesInterval | None = None

    def add(self, interval: Interval) -> None:
        """Add one interval of this scenario."""
        end_ms = interval.start_ms + interval.duration_ms
        self.start_ms = interval.start_ms if not self.intervals else min(self.start_ms, interval.start_ms)
        if not interval.stopping:
            self.end_ms = max(self.end_ms, end_ms)
        self.intervals += 1
        self.iterations += interval.iterations
        self.interrupted += interval.interrupted
        self._note_users(interval)
        self.arrivals = self.arrivals.plus(interval)
        self.own_lag.merge(interval.own_lag)
        self.pace.add(interval)
        for kept, added in ((self.series, interval.series), (self.parts, interval.parts)):
            for one in added:
                key = (one.kind, one.name)
                if key not in kept:
                    kept[key] = SeriesInterval(*key)
                kept[key].add(one)
        self._total = None

    def _note_users(self, interval: Interval) -> None:
        # One count for each process and second of the clock, so that a process that reports twice is not added twice;
        # by the interval's middle, because its ends lie on the edges of seconds.
        processes = self._users.setdefault((interval.start_ms + interval.duration_ms // 2) // MS_PER_S, {})
        processes[interval.process] = max(processes.get(interval.process, 0), interval.users)
        if interval.process not in self._latest or self._latest[interval.process][0] <= interval.number:
            self._latest[interval.process] = (interval.number, interval.users)

    @property
    def total(self) -> SeriesInterval:
        """All series as one, without the parts."""
        if self._total is None:
            self._total = merged(self.series.values(), name="Aggregated")
        return self._total

    @property
    def generator_lag(self) -> Histogram:
        """How late iterations of an open workload began by the generator's own fault; empty in a closed one.

        Older runs do not have it noted; there it is how late requests were sent, which holds waits for users, too. What
        a closed workload sends late had its user busy with the target: that is the service's doing.
        """
        if self.own_lag.count or not self.arrivals.is_open:
            return self.own_lag
        return self.send_lag

    @property
    def send_lag(self) -> Histogram:
        """How late the requests were sent that had an intended time; where they tell nothing, the iterations."""
        if self.total.send_lag.count:
            return self.total.send_lag
        return Histogram.merged(one.send_lag for (kind, _), one in self.parts.items() if kind == ITERATION)

    @property
    def duration_s(self) -> float:
        """The measured time, over all processes: from the first interval's start to where users were told to stop."""
        return max(self.end_ms - self.start_ms, 0) / MS_PER_S

    @property
    def users_max(self) -> int:
        """The most users at once, over all processes."""
        return max((sum(processes.values()) for processes in self._users.values()), default=0)

    @property
    def users_now(self) -> int:
        """The users at the end of each process's latest interval."""
        return sum(users for _, users in self._latest.values())


@dataclass(frozen=True, slots=True)
class WindowFigures:
    """The last seconds of one scenario; None where too little was measured. A look at the moment.

    ``begun`` are iterations of an open workload per second, ``throughput`` are requests: an iteration may make several.
    """

    seconds: float
    requests: int
    failures: int
    throughput: float | None
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    begun: float | None = None


class Accumulator:
    """Totals of every scenario seen, by name, and a sliding window for the one that runs."""

    def __init__(self, window_s: float = 10.0) -> None:
        self.scenarios: dict[str, ScenarioTotals] = {}
        self._window_ms = round(window_s * MS_PER_S)
        self._recent: dict[str, deque[tuple[int, int, int, SeriesInterval]]] = {}

    def add(self, interval: Interval) -> None:
        """Add one interval."""
        name = interval.scenario
        if name not in self.scenarios:
            self.scenarios[name] = ScenarioTotals(name)
            self._recent[name] = deque()
        totals = self.scenarios[name]
        totals.add(interval)
        if self._window_ms:
            end_ms = interval.start_ms + interval.duration_ms
            self._recent[name].append((interval.start_ms, end_ms, interval.sent, merged(interval.series)))
            self._forget(name, totals.end_ms - self._window_ms)

    def _forget(self, name: str, before_ms: int) -> None:
        recent = self._recent[name]
        while recent and recent[0][1] <= before_ms:
            recent.popleft()

    def window(self, scenario: str) -> WindowFigures:
        """Figures of the last seconds of a scenario, all series together, without the parts."""
        latest_ms = self.scenarios[scenario].end_ms if scenario in self.scenarios else 0
        parts = [part for part in self._recent.get(scenario, ()) if part[1] > latest_ms - self._window_ms]
        total = merged(part for *_, part in parts)
        seconds = (max(part[1] for part in parts) - min(part[0] for part in parts)) / MS_PER_S if parts else 0.0
        rate = total.requests / seconds if seconds else None
        begun = sum(part[2] for part in parts) / seconds if seconds else None
        times = Distribution.of(total.response)
        return WindowFigures(
            seconds, total.requests, total.failures, rate, times.mean, times.p50, times.p95, times.p99, begun
        )
