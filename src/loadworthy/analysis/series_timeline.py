"""Each series of a scenario over time, for charts: in steps that grow longer as the run does.

An hour of fifty series is 180,000 histograms, and a chart shows some thousand points of them. So intervals are added
up while they are read, in slots so long that there are at most 480 of them. Charts have at most 240 points, and the
lengths of slots divide those of the steps that charts have, so no step gets what is not its own.

The first intervals are kept one by one, because processes report in any order, and where the scenario began is known
only when each of them has reported. Should one turn up later that began before all others, the edges of steps are wrong
by less than a slot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from loadworthy.analysis.figures import to_ms
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.record.interval import Interval
from loadworthy.record.many_histograms import HistogramRows, HistogramTable

MS_PER_S = 1000
SLOTS_S = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400)
"""Each divides the next, and of the steps of charts all that are at least as long."""
MOST_SLOTS = 480
POINTS = 240
"""No chart has more."""
_APART = 64
"""So many intervals are kept one by one."""
_UNJOINED = 16
"""So many histograms of a series are kept in a slot before they are added up."""
_PERCENTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class SeriesSecond:
    """One step of one series, over all processes; fields are those of :class:`~loadworthy.analysis.timeline.Second`."""

    at_s: int
    throughput: float
    failure_rate: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(slots=True)
class _Process:
    """What one process measured in a slot; how many requests and failures in each row."""

    duration_ms: int = 0
    requests: dict[int, int] = field(default_factory=dict)
    failures: dict[int, int] = field(default_factory=dict)

    def add(self, duration_ms: int, requests: Iterable[tuple[int, int]], failures: Iterable[tuple[int, int]]) -> None:
        self.duration_ms += duration_ms
        for row, count in requests:
            self.requests[row] = self.requests.get(row, 0) + count
        for row, count in failures:
            self.failures[row] = self.failures.get(row, 0) + count


@dataclass(slots=True)
class _Slot:
    """A stretch of time; ``at_ms`` is its middle."""

    at_ms: int
    processes: dict[int, _Process] = field(default_factory=dict)
    times: list[HistogramRows] = field(default_factory=list)

    def process(self, number: int) -> _Process:
        if number not in self.processes:
            self.processes[number] = _Process()
        return self.processes[number]

    def add(self, other: _Slot) -> None:
        for number, its in other.processes.items():
            self.process(number).add(its.duration_ms, its.requests.items(), its.failures.items())
        self.times += other.times


class SeriesTimeline:
    """The series of one scenario, whose intervals come in any order.

    Args:
        expected_s: how long the scenario is thought to last, so that slots are long enough from the first. Where it
            lasts longer they grow; where it is unknown they grow as well.
    """

    def __init__(self, expected_s: float = 0.0) -> None:
        self._rows: dict[tuple[str, str], int] = {}
        self._labels: dict[str, int] = {}
        self._slots: dict[int, _Slot] = {}
        self._slot_s = 0  # as long as it is 0, a slot is the moment in which some interval has its middle
        self._first_slot_s = max((one for one in SLOTS_S if expected_s / one >= POINTS), default=SLOTS_S[0])
        self._origin_ms = 0
        self._table = HistogramTable()

    def add(self, interval: Interval, start_ms: int) -> None:
        """Add one interval; ``start_ms`` is where the earliest of those seen so far began."""
        slot = self._slot_for(interval.start_ms + interval.duration_ms // 2, start_ms)
        series = interval.series
        rows = [self._row(one.kind, one.name) for one in series]
        slot.process(interval.process).add(
            interval.duration_ms,
            zip(rows, [one.requests for one in series], strict=True),
            [(row, one.failures) for row, one in zip(rows, series, strict=True) if one.failures],
        )
        responses = interval.responses()
        slot.times.append(responses.kept_as(np.array(rows, dtype=np.int64)[responses.rows]))
        self._join_many(slot)

    def _row(self, kind: str, name: str) -> int:
        key = (kind, name)
        row = self._rows.get(key)
        if row is None:
            # A kind may hold a space, so two series can have one label; they are shown as one.
            row = self._rows[key] = self._labels.setdefault(f"{kind} {name}", len(self._labels))
        return row

    def _slot_for(self, middle_ms: int, start_ms: int) -> _Slot:
        while self._key(middle_ms) not in self._slots and len(self._slots) >= (MOST_SLOTS if self._slot_s else _APART):
            self._widen(start_ms)
        return self._slot_at(middle_ms)

    def _slot_at(self, at_ms: int) -> _Slot:
        key, length_ms = self._key(at_ms), self._slot_s * MS_PER_S
        if key not in self._slots:
            self._slots[key] = _Slot(self._origin_ms + key * length_ms + length_ms // 2 if length_ms else at_ms)
        return self._slots[key]

    def _key(self, at_ms: int) -> int:
        return (at_ms - self._origin_ms) // (self._slot_s * MS_PER_S) if self._slot_s else at_ms

    def _widen(self, start_ms: int) -> None:
        """To the next longer slots; they are counted from the beginning as it is known the first time."""
        if self._slot_s:
            self._slot_s = next((one for one in SLOTS_S if one > self._slot_s), 2 * self._slot_s)
        else:
            self._origin_ms, self._slot_s = start_ms, self._first_slot_s
        shorter, self._slots = self._slots, {}
        for one in shorter.values():
            self._slot_at(one.at_ms).add(one)
        for slot in self._slots.values():
            self._join_many(slot)

    def _join_many(self, slot: _Slot) -> None:
        if len(slot.times) >= _UNJOINED:
            slot.times = [self._table.joined(slot.times)]

    def step_s(self, wanted_s: int) -> int:
        """The step that is to be had: a multiple of what is kept, at least so long."""
        kept_s = self._slot_s or 1
        return -(-wanted_s // kept_s) * kept_s

    def steps(self, start_ms: int, step_s: int, most: int) -> dict[str, list[SeriesSecond]]:
        """Label → its steps, ascending, for the series with the most requests, these first.

        Steps without any interval are missing; one in which the series had no request has a throughput of 0.

        Args:
            start_ms: where the first interval began; steps are counted from there.
            step_s: how long a step is; :meth:`step_s` of it is taken.
            most: of how many series.
        """
        step_s = self.step_s(step_s)
        steps: dict[int, list[_Slot]] = {}
        for slot in self._slots.values():
            steps.setdefault((slot.at_ms - start_ms) // (MS_PER_S * step_s), []).append(slot)
        chosen = self._busiest(most)
        found: dict[str, list[SeriesSecond]] = {label: [] for label in chosen}
        for step, slots in sorted(steps.items()):
            for label, second in zip(chosen, self._step(step * step_s, slots, list(chosen.values())), strict=True):
                found[label].append(second)
        return found

    def _busiest(self, most: int) -> dict[str, int]:
        """Label → row, the most requests first."""
        requests = dict.fromkeys(self._labels.values(), 0)
        for slot in self._slots.values():
            for process in slot.processes.values():
                for row, count in process.requests.items():
                    requests[row] += count
        ordered = sorted(self._labels.items(), key=lambda item: (-requests[item[1]], item[0]))
        return dict(ordered[:most])

    def _step(self, at_s: int, slots: Sequence[_Slot], rows: Sequence[int]) -> list[SeriesSecond]:
        whole = _Slot(0)
        for slot in slots:
            whole.add(slot)
        times = self._times(whole.times)
        nothing = (None, None, None)
        requests, failures = _rates(whole, lambda its: its.requests), _rates(whole, lambda its: its.failures)
        return [
            SeriesSecond(at_s, requests.get(row, 0.0), failures.get(row, 0.0), *times.get(row, nothing)) for row in rows
        ]

    def _times(self, several: Sequence[HistogramRows]) -> dict[int, tuple[float | None, ...]]:
        """Row → percentiles in ms, as far as there are samples enough."""
        joined = self._table.joined(several)
        counts, lines = joined.figures[0].tolist(), joined.percentiles_us(_PERCENTILES).tolist()
        shown = [
            [to_ms(value) if count >= fewest else None for value, count in zip(line, counts, strict=True)]
            for line, fewest in zip(lines, map(min_samples, _PERCENTILES), strict=True)
        ]
        return dict(zip(joined.rows.tolist(), zip(*shown, strict=True), strict=True))


def _rates(slot: _Slot, counted: Callable[[_Process], Mapping[int, int]]) -> dict[int, float]:
    """Row → how many per second: the sum over the processes, each over its own measured time."""
    rates: dict[int, float] = {}
    for _, its in sorted(slot.processes.items()):
        if its.duration_ms > 0:
            for row, count in counted(its).items():
                rates[row] = rates.get(row, 0.0) + count * MS_PER_S / its.duration_ms
    return rates
