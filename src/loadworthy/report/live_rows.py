"""The timeline of one scenario while it goes on: the rows that the report will draw, in memory that does not grow.

A row is a second at first. Whenever there would be more than :data:`MOST_ROWS` of them, rows of twice the length take
their place, so that hours fit; that is told as a change from the first row on. Rows of the next length are kept ready
beside those that are shown, a little work with each interval: putting hundreds together at once would hold up the load
that this process may be making.

A row holds all processes: it is shown once every process has told of its time, or has been silent for
:data:`SILENT_MS`. What comes later still changes it, and that is told, too.

Rows of a second often have too few requests for a percentile. It is taken over the last seconds then, up to
:data:`LOOK_BACK_S`, as many as it needs; where they do not suffice either, nobody knows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.seconds import Second, Share, percentiles_ms, second_of
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval

MOST_ROWS = 600
SILENT_MS = 5000
LOOK_BACK_S = 10
_FRACTIONS = (0.5, 0.95, 0.99)
_AT_A_TIME = 4
"""So many rows are put together with each interval; one would do, for more intervals come until they must be."""


@dataclass(slots=True)
class _Cell:
    """All that was measured in the time of one row."""

    shares: dict[int, Share] = field(default_factory=dict)
    times: Histogram = field(default_factory=Histogram)
    own_lag: Histogram = field(default_factory=Histogram)

    @classmethod
    def of(cls, interval: Interval) -> _Cell:
        times = Histogram.merged(one.response for one in interval.series)
        return cls({interval.process: Share.of(interval)}, times, interval.own_lag)

    def add(self, other: _Cell) -> None:
        for process, share in other.shares.items():
            self.shares.setdefault(process, Share()).add(share)
        self.times.merge(other.times)
        self.own_lag.merge(other.own_lag)

    def settle(self) -> None:
        """Hardly anything will be added any more: its bins in use are few."""
        self.times = Histogram.from_bytes(self.times.to_bytes())
        self.own_lag = Histogram.from_bytes(self.own_lag.to_bytes())


class _Level:
    """All rows of one length; their numbers count from the scenario's start."""

    def __init__(self, step_s: int) -> None:
        self.step_s = step_s
        self.cells: dict[int, _Cell] = {}
        self.rows: list[Second] = []
        self._numbers: list[int] = []
        """Of the rows that there are."""
        self._users: list[dict[int, int]] = []
        """For each row the last that every process has told of its users."""
        self._changed: int | None = None

    def number(self, since_ms: int) -> int:
        """Of the row at a time after the start. Nothing is before the first."""
        return max(since_ms // (MS_PER_S * self.step_s), 0)

    def add(self, since_ms: int, cell: _Cell, known_ms: int | None) -> None:
        """Add what was measured at a time; before, its process had told of all until ``known_ms``."""
        number = self.number(since_ms)
        self.cells.setdefault(number, _Cell()).add(cell)
        if (before := self.cells.get(number - 1)) is not None:
            before.settle()
        # A process that was silent had no users meanwhile, so far; now it is known to have had some.
        first = number if known_ms is None else min(number, self.number(known_ms) + 1)
        self._changed = first if self._changed is None else min(self._changed, first)

    def refresh(self, last: int, ends_ms: Mapping[int, int], *, is_open: bool) -> int | None:
        """Make the rows up to a number anew that have changed; the place of the first, None where there is none."""
        if self._changed is None or last < self._changed:
            return None
        numbers = [number for number in sorted(self.cells) if number <= last]
        kept = sum(number < self._changed for number in self._numbers)
        if kept >= len(numbers):
            return None
        ends = {process: self.number(end_ms) for process, end_ms in ends_ms.items()}
        current = dict(self._users[kept - 1]) if kept else {}
        del self.rows[kept:], self._users[kept:]
        for number in numbers[kept:]:
            current = current | {process: share.users for process, share in self.cells[number].shares.items()}
            users = sum(count for process, count in current.items() if ends[process] >= number)
            self.rows.append(self._row(number, users, is_open=is_open))
            self._users.append(current)
        self._numbers = numbers
        self._changed = last + 1 if max(self.cells) > last else None
        return kept

    def _row(self, number: int, users: int, *, is_open: bool) -> Second:
        cell = self.cells[number]
        own_lag = cell.own_lag if is_open else None
        row = second_of(number * self.step_s, cell.shares, cell.times, users=users, own_lag=own_lag)
        if cell.times.count >= min_samples(_FRACTIONS[-1]):
            return row
        p50_ms, p95_ms, p99_ms = self._looking_back(number)
        return replace(row, p50_ms=p50_ms, p95_ms=p95_ms, p99_ms=p99_ms)

    def _looking_back(self, number: int) -> Iterator[float | None]:
        """The percentiles of as many of the last seconds as each needs."""
        times = Histogram.merged([self.cells[number].times])
        before = number
        for fraction in _FRACTIONS:
            while times.count < min_samples(fraction) and (number - before + 2) * self.step_s <= LOOK_BACK_S:
                before -= 1
                if (cell := self.cells.get(before)) is not None:
                    times.merge(cell.times)
            yield from percentiles_ms(times, (fraction,))


@dataclass(frozen=True, slots=True)
class RowChange:
    """What is new: ``rows`` take the place of all from ``first`` on. ``first`` is 0 where all are others."""

    first: int
    rows: Sequence[Second]


class LiveRows:
    """Fed with the intervals of one scenario, of all its processes, in any order."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._shown, self._next = _Level(1), _Level(2)
        self._left: dict[int, int | None] = {}
        """Number of a shown row that is not yet among the next, ascending → until when its processes had told all."""
        self._start_ms: int | None = None
        self._ends_ms: dict[int, int] = {}
        """Process → how far after the start its last interval was."""
        self._untold: int | None = None
        self._is_open = False
        self._is_over = False

    @property
    def step_s(self) -> int:
        """The length of a row."""
        return self._shown.step_s

    @property
    def rows(self) -> Sequence[Second]:
        """Those that are shown."""
        return self._shown.rows

    @property
    def highest_ms(self) -> float:
        """The highest percentile that is drawn; 0 where there is none."""
        return max((one.p99_ms or one.p95_ms or one.p50_ms or 0.0 for one in self.rows), default=0.0)

    def add(self, interval: Interval) -> None:
        """Add one interval."""
        if self._start_ms is None:
            self._start_ms = interval.start_ms
        since_ms = max(interval.start_ms + interval.duration_ms // 2 - self._start_ms, 0)
        known_ms = self._ends_ms.get(interval.process)
        self._ends_ms[interval.process] = since_ms if known_ms is None else max(known_ms, since_ms)
        self._is_open = self._is_open or bool(interval.scheduled)
        cell = _Cell.of(interval)
        self._shown.add(since_ms, cell, known_ms)
        self._add_to_next(since_ms, cell, known_ms)
        self._put_together(_AT_A_TIME)
        while self._shown.number(since_ms) >= self._most:
            self._go_on_to_next()
        self._refresh()

    def _add_to_next(self, since_ms: int, cell: _Cell, known_ms: int | None) -> None:
        """At once, or with its row when that is put together: rows come in their order, so few are made anew."""
        number = self._shown.number(since_ms)
        if self._left and number > next(reversed(self._left)):
            self._left[number] = known_ms
        elif number in self._left:
            # The row has several processes: what is before it changes as far back as that of the one silent longest.
            known = [one for one in (self._left[number], known_ms) if one is not None]
            self._left[number] = min(known, default=None)
        else:
            self._next.add(since_ms, cell, known_ms)

    def end(self) -> None:
        """No process is waited for any more."""
        self._is_over = True
        self._refresh()

    def take_change(self) -> RowChange | None:
        """What is new since the last call; None where nothing is."""
        first, self._untold = self._untold, None
        return None if first is None else RowChange(first, self.rows[first:])

    def _refresh(self) -> None:
        if not self._ends_ms:
            return
        for level in (self._shown, self._next):
            place = level.refresh(self._last(level), self._ends_ms, is_open=self._is_open)
            if level is self._shown and place is not None:
                self._untold = place if self._untold is None else min(self._untold, place)

    def _last(self, level: _Level) -> int:
        """The last row that all processes have told of."""
        newest_ms = max(self._ends_ms.values())
        if self._is_over:
            return level.number(newest_ms)
        return level.number(min(end_ms for end_ms in self._ends_ms.values() if newest_ms - end_ms <= SILENT_MS))

    def _put_together(self, most: int) -> None:
        """Some of the shown rows become part of the next."""
        step_ms = self._shown.step_s * MS_PER_S
        for number in list(islice(self._left, most)):
            self._next.add(number * step_ms, self._shown.cells[number], self._left.pop(number))

    def _go_on_to_next(self) -> None:
        self._put_together(len(self._left))
        self._shown, self._next = self._next, _Level(self._next.step_s * 2)
        self._left = dict.fromkeys(sorted(self._shown.cells), None)
        self._untold = 0
