"""The last minutes of one scenario in equal steps: response times and requests per second, for a line that is watched.

The first minute is kept second by second. Whenever there are more than :data:`CELLS` cells, neighbours are put
together, until a cell is eight seconds long; from then on the oldest go. So the whole run is seen until it is eight
minutes old, then its last eight minutes, and what is kept does not grow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.figures import PERCENTILES, to_ms
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval
from loadworthy.report.sparkline import Steps

CELLS = 60
LONGEST_CELL_S = 8
LONGEST_STEP_S = 10
"""A percentile that takes longer steps than this to have samples enough gives way to the next lower one."""

_SHOWN = ("p99", "p95", "p50")


@dataclass(slots=True)
class _Cell:
    requests: int = 0
    times: Histogram = field(default_factory=Histogram)

    def add(self, other: _Cell) -> None:
        self.requests += other.requests
        self.times.merge(other.times)


class Recent:
    """Fed with the intervals of one scenario, of all its processes, in any order. The step under way is not shown."""

    def __init__(self) -> None:
        self._cells: dict[int, _Cell] = {}
        self._cell_s = 1
        self._start_ms: int | None = None
        self._known: dict[tuple[str, int, int], tuple[int, float | None]] = {}

    def add(self, interval: Interval) -> None:
        """Add one interval; those in which users were already stopping tell nothing of the load."""
        if interval.stopping:
            return
        if self._start_ms is None:
            self._start_ms = interval.start_ms
        middle_ms = interval.start_ms + interval.duration_ms // 2
        number = (middle_ms - self._start_ms) // (MS_PER_S * self._cell_s)
        if self._cells and number <= max(self._cells) - CELLS:
            return  # it comes too late to be seen
        is_new = number not in self._cells
        cell = self._cells.setdefault(number, _Cell())
        for series in interval.series:
            cell.requests += series.requests
            cell.times.merge(series.response)
        if is_new:
            self._make_room()

    def _make_room(self) -> None:
        while max(self._cells) - min(self._cells) >= CELLS and self._cell_s < LONGEST_CELL_S:
            self._double()
        oldest = max(self._cells) - CELLS + 1
        self._cells = {number: cell for number, cell in self._cells.items() if number >= oldest}
        before = self._cells.get(max(self._cells) - 1)
        if before is not None:  # its bins in use are few, and it will hardly be added to again
            before.times = Histogram.from_bytes(before.times.to_bytes())

    def _double(self) -> None:
        cells, self._cells = self._cells, {}
        self._cell_s *= 2
        for number, cell in sorted(cells.items()):
            self._cells.setdefault(number // 2, _Cell()).add(cell)

    def times_ms(self) -> Steps:
        """The p99 of the response time; a lower percentile where too few requests are made for that."""
        numbers = self._complete()
        if not numbers:
            return Steps(_SHOWN[0], self._cell_s, ())
        usual = self._usual_count(numbers)
        for name in _SHOWN:
            together = math.ceil(min_samples(PERCENTILES[name]) / usual)
            if together * self._cell_s <= LONGEST_STEP_S:
                break
        together = min(together, max(LONGEST_STEP_S // self._cell_s, 1))
        self._known = {key: one for key, one in self._known.items() if key[:2] == (name, together * self._cell_s)}
        return self._steps(name, together, lambda group, cells: self._percentile(name, together, group, cells))

    def _usual_count(self, numbers: range) -> int:
        """So many samples, or more, are in three of four cells that have any."""
        counts = (self._cells[number].times.count for number in numbers if number in self._cells)
        ascending = sorted(count for count in counts if count)
        return ascending[len(ascending) // 4] if ascending else 1

    def rates(self) -> Steps:
        """Requests per second."""
        return self._steps("per s", 1, lambda _, cells: sum(cell.requests for cell in cells) / self._cell_s)

    def _complete(self) -> range:
        """Numbers of the cells of which all was told, or so it seems, for a later one has begun."""
        return range(min(self._cells), max(self._cells)) if self._cells else range(0)

    def _steps(self, name: str, together: int, figure: Callable[[int, list[_Cell]], float | None]) -> Steps:
        numbers = self._complete()
        values = []
        for group in range(numbers.start // together, numbers.stop // together) if numbers else ():
            members = range(group * together, (group + 1) * together)
            cells = [self._cells[number] for number in members if number in self._cells]
            values.append(figure(group, cells) if cells else None)
        return Steps(name, together * self._cell_s, tuple(values))

    def _percentile(self, name: str, together: int, group: int, cells: list[_Cell]) -> float | None:
        """Worked out again only where something was added."""
        key, count = (name, together * self._cell_s, group), sum(cell.times.count for cell in cells)
        if key not in self._known or self._known[key][0] != count:
            fraction = PERCENTILES[name]
            enough = count >= min_samples(fraction)
            times = Histogram.merged(cell.times for cell in cells) if enough else Histogram()
            self._known[key] = (count, to_ms(times.percentile_us(fraction)))
        return self._known[key][1]
