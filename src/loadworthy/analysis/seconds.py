"""What a second of a scenario shows in charts, and how it is put together from what each process measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from loadworthy.analysis.figures import to_ms
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval

_MS_PER_S = 1000
_P99 = 0.99
_PERCENTILES = (0.5, 0.95, _P99)


@dataclass(frozen=True, slots=True)
class Second:
    """One second (or one step of several) of one scenario, over all processes.

    ``at_s`` is where it begins, in seconds since the scenario's first interval. Percentiles are response times, and
    None where too few samples were taken to name them. ``intended``, ``sent`` and ``dropped`` are iterations per second
    of an open workload, None in a closed one. ``failure_kinds`` are failures per second by kind, of those kinds that
    there were.

    The rest are the generator's own readings, None where no process has them for this time (of several scenarios at
    once only one has): ``cpu`` is the share of a core that the busiest process used on average, ``loop_lag_ms`` how
    late the event loop of any process was at worst. ``own_lag_p99_ms`` is the p99 of how late iterations of an open
    workload began by the generator's own fault, None where there are too few of them to name it.
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
    failure_kinds: Mapping[str, float] = field(default_factory=dict)
    cpu: float | None = None
    loop_lag_ms: float | None = None
    own_lag_p99_ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The form that stands in ``report.json``; what does not apply is left out."""
        data: dict[str, Any] = {name: getattr(self, name) for name in _ALWAYS}
        data |= {name: value for name in _WHERE_KNOWN if (value := getattr(self, name)) is not None}
        return {**data, "failure_kinds": dict(self.failure_kinds)} if self.failure_kinds else data


_ALWAYS = ("at_s", "requests", "failures", "throughput", "failure_rate", "p50_ms", "p95_ms", "p99_ms", "users")
_WHERE_KNOWN = ("intended", "sent", "dropped", "cpu", "loop_lag_ms", "own_lag_p99_ms")


@dataclass(slots=True)
class Share:
    """One process's part of one second. Its processor was watched for ``cpu_of_ms``, and used for ``cpu_ms`` of it."""

    requests: int = 0
    failures: int = 0
    scheduled: int = 0
    sent: int = 0
    dropped: int = 0
    duration_ms: int = 0
    users: int = 0
    last_number: int = -1
    failure_kinds: dict[str, int] = field(default_factory=dict)
    cpu_ms: float = 0.0
    cpu_of_ms: int = 0
    loop_lag_ms: float | None = None

    @classmethod
    def of(cls, interval: Interval) -> Share:
        """What one interval has."""
        cpu = interval.health.get("cpu")
        kinds: dict[str, int] = {}
        for one in interval.series:
            if one.failure_kinds:
                _add_counts(kinds, one.failure_kinds)
        return cls(
            requests=sum([one.requests for one in interval.series]),
            failures=sum([one.failures for one in interval.series]),
            scheduled=interval.scheduled,
            sent=interval.sent,
            dropped=interval.dropped,
            duration_ms=interval.duration_ms,
            users=interval.users,
            last_number=interval.number,
            failure_kinds=kinds,
            cpu_ms=0.0 if cpu is None else cpu * interval.duration_ms,
            cpu_of_ms=0 if cpu is None else interval.duration_ms,
            loop_lag_ms=interval.health.get("loop_lag_ms"),
        )

    def add(self, other: Share) -> None:
        """Add a part of the same process."""
        self.requests += other.requests
        self.failures += other.failures
        self.scheduled += other.scheduled
        self.sent += other.sent
        self.dropped += other.dropped
        self.duration_ms += other.duration_ms
        if other.last_number > self.last_number:
            self.last_number, self.users = other.last_number, other.users
        _add_counts(self.failure_kinds, other.failure_kinds)
        self.cpu_ms += other.cpu_ms
        self.cpu_of_ms += other.cpu_of_ms
        self.loop_lag_ms = _worst((self.loop_lag_ms, other.loop_lag_ms))

    @property
    def cpu(self) -> float | None:
        """The share of a core on average."""
        return self.cpu_ms / self.cpu_of_ms if self.cpu_of_ms else None


def second_of(
    at_s: int,
    shares: Mapping[int, Share],
    response: Histogram,
    *,
    users: int,
    own_lag: Histogram | None = None,
) -> Second:
    """A second from the shares of its processes; ``own_lag`` is None in a closed workload."""
    p50_ms, p95_ms, p99_ms = percentiles_ms(response, _PERCENTILES)
    is_open = own_lag is not None
    return Second(
        at_s=at_s,
        requests=sum(share.requests for share in shares.values()),
        failures=sum(share.failures for share in shares.values()),
        throughput=_rate(shares, lambda share: share.requests),
        failure_rate=_rate(shares, lambda share: share.failures),
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        users=users,
        intended=_rate(shares, lambda share: share.scheduled) if is_open else None,
        sent=_rate(shares, lambda share: share.sent) if is_open else None,
        dropped=_rate(shares, lambda share: share.dropped) if is_open else None,
        failure_kinds=_kinds(shares),
        cpu=_worst(share.cpu for share in shares.values()),
        loop_lag_ms=_worst(share.loop_lag_ms for share in shares.values()),
        own_lag_p99_ms=None if own_lag is None else percentiles_ms(own_lag, (_P99,))[0],
    )


def percentiles_ms(times: Histogram, fractions: Sequence[float]) -> list[float | None]:
    """Percentiles, None where there are too few samples to name them."""
    if not times.count:
        return [None] * len(fractions)
    values = times.percentiles_us(fractions)
    return [to_ms(value) if times.count >= _fewest(one) else None for one, value in zip(fractions, values, strict=True)]


@cache
def _fewest(fraction: float) -> int:
    return min_samples(fraction)


def _kinds(shares: Mapping[int, Share]) -> dict[str, float]:
    kinds = {kind for share in shares.values() for kind in share.failure_kinds}

    def counted(kind: str) -> Callable[[Share], int]:
        return lambda share: share.failure_kinds.get(kind, 0)

    return {kind: _rate(shares, counted(kind)) for kind in sorted(kinds)}


def _rate(shares: Mapping[int, Share], counted: Callable[[Share], int]) -> float:
    """Per second: the sum over the processes, each over its own measured time."""
    return sum(
        counted(share) * _MS_PER_S / share.duration_ms for _, share in sorted(shares.items()) if share.duration_ms > 0
    )


def _worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _add_counts(into: dict[str, int], more: Mapping[str, int]) -> None:
    for kind, count in more.items():
        into[kind] = into.get(kind, 0) + count
