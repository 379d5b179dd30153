"""Is the generator fit to judge, and is all of its data there?

Data that is missing and cannot be recovered makes a run ``invalid``: percentiles over what is left describe a service
that was not measured. What a killed run did not come to write is another matter: it is known where it ends, and the run
is judged as one that ended early. A busy generator is a warning here: it adds to the response times, but does not by
itself say by how much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadworthy.analysis.verdict import Verdict
from loadworthy.record.interval import Interval

CPU_WARN = 0.9
"""Share of one core at the 95th percentile of a process's seconds from which its own queueing matters."""

LOOP_LAG_WARN_MS = 20.0
"""Lateness of the event loop that shows in every latency measured meanwhile."""

_SHOWN_GAPS = 3


class Readings:
    """The generator's own readings and the interval numbers of each process, collected interval by interval."""

    def __init__(self) -> None:
        self._cpu: dict[int, list[float]] = {}
        self._loop_lag_ms: list[float] = []
        self._numbers: dict[int, set[int]] = {}

    def add(self, interval: Interval) -> None:
        """Note one interval."""
        self._numbers.setdefault(interval.process, set()).add(interval.number)
        if (cpu := interval.health.get("cpu")) is not None:
            self._cpu.setdefault(interval.process, []).append(cpu)
        if (lag_ms := interval.health.get("loop_lag_ms")) is not None:
            self._loop_lag_ms.append(lag_ms)

    def missing(self) -> dict[int, list[int]]:
        """Process → the numbers below its highest that never came."""
        gaps = {process: sorted(set(range(max(numbers))) - numbers) for process, numbers in self._numbers.items()}
        return {process: numbers for process, numbers in sorted(gaps.items()) if numbers}

    def busiest(self) -> tuple[int, float] | None:
        """The process with the highest p95 of CPU, and that p95 as a share of one core."""
        shares = {process: _nearest_rank(values, 0.95) for process, values in sorted(self._cpu.items())}
        return max(shares.items(), key=lambda item: item[1], default=None)

    def worst_lag_ms(self) -> float | None:
        """The highest loop lag of any interval."""
        return max(self._loop_lag_ms, default=None)

    def late_intervals(self) -> tuple[int, int]:
        """How many intervals had a loop lag worth a warning, and of how many."""
        return sum(lag_ms >= LOOP_LAG_WARN_MS for lag_ms in self._loop_lag_ms), len(self._loop_lag_ms)


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict on the generator: ``cpu`` is the p95 of its busiest process, ``loop_lag_ms`` the worst second's."""

    verdict: Verdict
    cpu: float | None = None
    loop_lag_ms: float | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The form that stands in ``summary.json``; reasons that decide come before warnings."""
        return {
            "verdict": self.verdict.value,
            "loop_lag_ms": self.loop_lag_ms,
            "cpu": self.cpu,
            "reasons": [*self.reasons, *self.warnings],
        }


def judge_health(
    readings: Readings, events: Sequence[Mapping[str, Any]], torn_lines: int = 0, torn_tails: int = 0
) -> Health:
    """The verdict on the generator and its data: ``invalid`` or ``pass``, the latter perhaps with warnings."""
    lost = [*_missing_intervals(readings), *_damaged_lines(torn_lines - torn_tails), *_lost_workers(events)]
    busiest = readings.busiest()
    lag_ms = readings.worst_lag_ms()
    return Health(
        verdict=Verdict.INVALID if lost else Verdict.PASS,
        cpu=None if busiest is None else round(busiest[1], 4),
        loop_lag_ms=None if lag_ms is None else round(lag_ms, 3),
        reasons=tuple(lost),
        warnings=(*_busy_processor(busiest), *_late_loop(readings, lag_ms)),
    )


def _missing_intervals(readings: Readings) -> Iterable[str]:
    for process, numbers in readings.missing().items():
        shown = ", ".join(str(number) for number in numbers[:_SHOWN_GAPS])
        more = f" and {len(numbers) - _SHOWN_GAPS} more" if len(numbers) > _SHOWN_GAPS else ""
        count = f"{len(numbers)} interval{'s' if len(numbers) != 1 else ''}"
        yield (
            f"{count} of process {process} never arrived (number {shown}{more}), so the requests of that time are "
            "missing; run again."
        )


def _damaged_lines(count: int) -> Iterable[str]:
    if count > 0:
        lines = "1 line" if count == 1 else f"{count} lines"
        yield f"{lines} inside the run's files cannot be read, so data is missing; check the disk and run again."


def _lost_workers(events: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    lost = [event for event in events if event.get("type") == "worker_lost"]
    if lost:
        names = ", ".join(str(event.get("process", "?")) for event in lost)
        plural = "s" if len(lost) != 1 else ""
        yield (
            f"The run lost {len(lost)} worker{plural} (process {names}) and with it load and data; "
            "look at the worker's output and run again."
        )


def _busy_processor(busiest: tuple[int, float] | None) -> Iterable[str]:
    if busiest is not None and busiest[1] >= CPU_WARN:
        yield (
            f"The generator was busy: process {busiest[0]} used {busiest[1] * 100:.0f} % of a core (p95 of its "
            "seconds), so response times hold some of its own queueing; use more processes (--processes)."
        )


def _late_loop(readings: Readings, lag_ms: float | None) -> Iterable[str]:
    if lag_ms is not None and lag_ms >= LOOP_LAG_WARN_MS:
        late, total = readings.late_intervals()
        yield (
            f"The generator's event loop was up to {lag_ms:.0f} ms late ({late} of {total} intervals were "
            f"{LOOP_LAG_WARN_MS:.0f} ms or more), which the slowest response times include; look for blocking code in "
            "the user classes, or use more processes."
        )


def _nearest_rank(values: Sequence[float], fraction: float) -> float:
    return sorted(values)[max(math.ceil(fraction * len(values) - 1e-9), 1) - 1]
