"""What happened second by second, for charts; it is not part of ``summary.json``.

Processes cut their seconds on their own clocks, so each interval goes into the second of the scenario that holds its
middle, and a rate is the sum of each process's requests over that process's own measured time: a short last interval
does not look like a drop. Histograms are kept in their compact form until the end, because an hour of full ones would
fill the memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.figures import Distribution
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval


@dataclass(frozen=True, slots=True)
class Second:
    """One second (or one step of several) of one scenario, over all processes.

    ``at_s`` is where it begins, in seconds since the scenario's first interval. Percentiles are response times, and
    None where too few samples were taken to name them. ``intended``, ``sent`` and ``dropped`` are iterations per second
    of an open workload, None in a closed one.
    """

    at_s: int
    requests: int
    failures: int
    throughput: float
    failure_rate: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    users: int
    intended: float | None = None
    sent: float | None = None
    dropped: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The form that stands in ``report.json``; what does not apply is left out."""
        data = asdict(self)
        absent = [key for key in _ARRIVALS if data[key] is None]
        return {key: value for key, value in data.items() if key not in absent}


_ARRIVALS = ("intended", "sent", "dropped")


@dataclass(slots=True)
class _Share:
    """One process's part of one second."""

    requests: int = 0
    failures: int = 0
    scheduled: int = 0
    sent: int = 0
    dropped: int = 0
    duration_ms: int = 0
    users: int = 0
    last_number: int = -1


@dataclass(slots=True)
class _Parts:
    shares: dict[int, _Share] = field(default_factory=dict)
    histograms: list[bytes] = field(default_factory=list)


class TimelineBuilder:
    """Collects intervals in any order; :meth:`seconds` gives the timeline of each scenario."""

    def __init__(self) -> None:
        self._intervals: dict[str, dict[int, _Parts]] = {}
        self._start_ms: dict[str, int] = {}
        self._open: set[str] = set()

    def add(self, interval: Interval) -> None:
        """Add one interval."""
        name = interval.scenario
        self._start_ms[name] = min(interval.start_ms, self._start_ms.get(name, interval.start_ms))
        # Keyed by the absolute ms of the middle until the scenario's start is known for sure.
        middle_ms = interval.start_ms + interval.duration_ms // 2
        parts = self._intervals.setdefault(name, {}).setdefault(middle_ms, _Parts())
        share = parts.shares.setdefault(interval.process, _Share())
        share.requests += sum(one.requests for one in interval.series)
        share.failures += sum(one.failures for one in interval.series)
        share.scheduled += interval.scheduled
        share.sent += interval.sent
        share.dropped += interval.dropped
        if interval.scheduled:
            self._open.add(name)
        share.duration_ms += interval.duration_ms
        if interval.number > share.last_number:
            share.last_number, share.users = interval.number, interval.users
        response = Histogram.merged(one.response for one in interval.series)
        if response.count:
            parts.histograms.append(response.to_bytes())

    def scenarios(self) -> list[str]:
        """The scenarios seen."""
        return list(self._intervals)

    def seconds(self, scenario: str, step_s: int = 1) -> list[Second]:
        """The timeline of a scenario in steps of so many seconds, ascending; steps without any interval are missing."""
        start_ms = self._start_ms.get(scenario, 0)
        steps: dict[int, list[_Parts]] = {}
        for middle_ms, parts in sorted(self._intervals.get(scenario, {}).items()):
            steps.setdefault((middle_ms - start_ms) // (MS_PER_S * step_s), []).append(parts)
        users = _users_by_step(steps)
        is_open = scenario in self._open
        return [_second(step * step_s, parts, users[step], is_open) for step, parts in sorted(steps.items())]


def _second(at_s: int, parts: list[_Parts], users: int, is_open: bool) -> Second:
    histogram = Histogram.merged(Histogram.from_bytes(data) for part in parts for data in part.histograms)
    times = Distribution.of(histogram)
    shares = _by_process(parts)
    return Second(
        at_s=at_s,
        requests=sum(share.requests for share in shares.values()),
        failures=sum(share.failures for share in shares.values()),
        throughput=_rate(shares, "requests"),
        failure_rate=_rate(shares, "failures"),
        p50_ms=times.p50,
        p95_ms=times.p95,
        p99_ms=times.p99,
        users=users,
        intended=_rate(shares, "scheduled") if is_open else None,
        sent=_rate(shares, "sent") if is_open else None,
        dropped=_rate(shares, "dropped") if is_open else None,
    )


def _rate(shares: dict[int, _Share], counted: str) -> float:
    return sum(_per_s(getattr(share, counted), share.duration_ms) for _, share in sorted(shares.items()))


def _by_process(parts: Iterable[_Parts]) -> dict[int, _Share]:
    shares: dict[int, _Share] = {}
    for part in parts:
        for process, share in part.shares.items():
            total = shares.setdefault(process, _Share())
            total.requests += share.requests
            total.failures += share.failures
            total.scheduled += share.scheduled
            total.sent += share.sent
            total.dropped += share.dropped
            total.duration_ms += share.duration_ms
            if share.last_number > total.last_number:
                total.last_number, total.users = share.last_number, share.users
    return shares


def _per_s(count: int, duration_ms: int) -> float:
    return count * MS_PER_S / duration_ms if duration_ms > 0 else 0.0


def _users_by_step(steps: dict[int, list[_Parts]]) -> dict[int, int]:
    """Users over all processes; one whose interval fell just beside a step keeps its last count until its own end."""
    shares = {step: _by_process(parts) for step, parts in sorted(steps.items())}
    ends: dict[int, int] = {process: step for step, by_process in shares.items() for process in by_process}
    current: dict[int, int] = {}
    totals: dict[int, int] = {}
    for step, by_process in shares.items():
        current |= {process: share.users for process, share in by_process.items()}
        totals[step] = sum(users for process, users in current.items() if ends[process] >= step)
    return totals
