"""The generator's own readings over a run: collected interval by interval, then asked for what was worst.

Readings are weighted by the length of their intervals, because a process that is overloaded reports seldom: when its
event loop stands still for five seconds there is one interval of five seconds, not five.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval

_MS_PER_S = 1000
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class HealthReading:
    """What one process read of itself in one interval; see :class:`~loadworthy.record.interval.Interval`."""

    process: int
    start_ms: int
    duration_ms: int
    values: Mapping[str, float]

    @property
    def stall_ms(self) -> float:
        """The longest that the process stood still: its event loop was late, or garbage was collected."""
        return max(self.values.get("loop_lag_ms", 0.0), self.values.get("gc_pause_ms", 0.0))


class Readings:
    """All readings of a run, and the interval numbers of each process."""

    def __init__(self, readings: Sequence[HealthReading] = ()) -> None:
        self.receive_lag = Histogram()
        self._readings = list(readings)
        self._numbers: dict[int, set[int]] = {}

    def add(self, interval: Interval) -> None:
        """Note one interval."""
        self._numbers.setdefault(interval.process, set()).add(interval.number)
        self.receive_lag.merge(interval.receive_lag)
        if interval.health:
            self._readings.append(
                HealthReading(interval.process, interval.start_ms, interval.duration_ms, interval.health)
            )

    def missing(self) -> dict[int, list[int]]:
        """Process → the numbers below its highest that never came."""
        gaps = {process: sorted(set(range(max(numbers))) - numbers) for process, numbers in self._numbers.items()}
        return {process: numbers for process, numbers in sorted(gaps.items()) if numbers}

    def between(self, start_ms: int, end_ms: int) -> Readings:
        """Those whose middle lies in a stretch of time; with several scenarios at once, one speaks for all of them."""
        middles = ((one.start_ms + one.duration_ms / 2, one) for one in self._readings)
        return Readings([one for middle_ms, one in middles if start_ms <= middle_ms <= end_ms])

    def of(self, process: int) -> Readings:
        """Those of one process."""
        return Readings([one for one in self._readings if one.process == process])

    def processes(self) -> list[int]:
        """The processes that read anything, ascending."""
        return sorted({one.process for one in self._readings})

    def seconds(self, key: str, at_least: float = 0.0) -> float:
        """For how long a reading was there, and at least so much; over all processes."""
        return sum(weight for value, weight in self._weighted(key) if value >= at_least) / _MS_PER_S

    def worst(self, key: str) -> float | None:
        """The highest reading of any interval."""
        return max((one.values[key] for one in self._readings if key in one.values), default=None)

    def count(self, key: str, at_least: float = 0.0) -> int:
        """How many intervals had a reading of at least so much."""
        return sum(one.values.get(key, -1.0) >= at_least for one in self._readings)

    def quantile(self, key: str, fraction: float) -> float | None:
        """The reading that was not exceeded for this share of the time."""
        return weighted_quantile(self._weighted(key), fraction)

    def busiest(self) -> tuple[int, float] | None:
        """The process with the highest p95 of CPU, and that p95 as a share of one core."""
        shares = [(process, self.of(process).quantile("cpu", 0.95)) for process in self.processes()]
        known = [(process, share) for process, share in shares if share is not None]
        return max(known, key=lambda item: item[1], default=None)

    def descriptors(self) -> tuple[float, float] | None:
        """(open, limit) where the share of the limit was highest."""
        read = [one.values for one in self._readings if one.values.get("fd_limit") and "fds" in one.values]
        worst = max(read, key=lambda values: values["fds"] / values["fd_limit"], default=None)
        return None if worst is None else (worst["fds"], worst["fd_limit"])

    def stalls(self) -> list[tuple[float, float]]:
        """(longest stall in ms, length of the interval in ms) of each reading."""
        return [(one.stall_ms, float(one.duration_ms)) for one in self._readings]

    def stalls_while_busy(self, cpu: float) -> list[tuple[float, float]]:
        """The same, of those intervals in which the process used at least so much CPU."""
        return [(one.stall_ms, float(one.duration_ms)) for one in self._readings if one.values.get("cpu", 0.0) >= cpu]

    def _weighted(self, key: str) -> Iterator[tuple[float, float]]:
        return ((one.values[key], float(one.duration_ms)) for one in self._readings if key in one.values)


def weighted_quantile(values: Iterable[tuple[float, float]], fraction: float) -> float | None:
    """The smallest of (value, weight) that, with all below it, has this share of the weight; None of nothing."""
    ordered = sorted(values)
    wanted = sum(weight for _, weight in ordered) * fraction - _ROUNDING
    for value, weight in ordered:
        wanted -= weight
        if wanted <= 0:
            return value
    return None


def own_delay_ms(stalls: Iterable[tuple[float, float]], fraction: float) -> float:
    """How late the generator by itself made the quantile of requests that come evenly over the time.

    A process that stands still for L delays what comes meanwhile by anything up to L, so of a time T the share that is
    delayed by more than x is Σ max(0, L - x) ÷ T. The quantile p is delayed by the x at which that share is 1 - p; by
    nothing if all stalls together are a smaller share of the time.
    """
    listed = list(stalls)
    ordered = sorted((stall for stall, _ in listed if stall > 0), reverse=True)
    room_ms = (1 - fraction) * sum(length for _, length in listed)
    together = 0.0
    for count, stall in enumerate(ordered, start=1):
        together += stall
        delay = (together - room_ms) / count
        following = ordered[count] if count < len(ordered) else 0.0
        if delay >= following:
            return delay
    return 0.0
