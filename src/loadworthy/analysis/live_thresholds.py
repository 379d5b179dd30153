"""Thresholds while a run goes on: which are missed for sure already, and which hold again.

What stands at the end is judged at the end, by :mod:`loadworthy.analysis.thresholds`. Here only a breach is told that
more of the same would not undo, so that a run can be stopped for it: :mod:`loadworthy.analysis.live_states` says when.
Throughput is looked at over the last ten seconds, and never in the first ten, in which users are still coming.
With ``for`` the last seconds are looked at, so many of them as it says, and nothing else; all other thresholds are
looked at over all the time so far. The warm-up is never looked at.

Processes report each second at moments of their own. A second is looked at when all processes have passed it, or when
somebody is three seconds beyond it. So the same is told whatever the order in which they report. When all of them say
that the measured time is over, what is left of it is looked at, too: a run is not to go on with its next scenario after
a breach that this one proved in its last moment. What looks at so many seconds gets no part of one.
"""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.live_states import Tally, evidence, is_live, state_of_all, tally_of
from loadworthy.analysis.selection import Rank, Tags
from loadworthy.analysis.stretches import State, judge
from loadworthy.analysis.subject import counts_bad
from loadworthy.analysis.windows import Views, look_of
from loadworthy.plan.thresholds import Threshold, parse_threshold
from loadworthy.record.interval import Interval
from loadworthy.units import US_PER_S

SLACK_MS = 3000
THROUGHPUT_S = 10


@dataclass(frozen=True, slots=True)
class Breach:
    """A threshold is missed for sure, or holds again (``recovered``); ``message`` says with what evidence."""

    scenario: str
    expression: str
    message: str
    abort: bool = False
    recovered: bool = False


class LiveThresholds:
    """The thresholds of a run's scenarios; fed with intervals as they come."""

    def __init__(
        self,
        expressions: Mapping[str, Sequence[str]],
        plan: Mapping[str, Any] | None = None,
        *,
        skip: Collection[str] = (),
        processes: int = 0,
    ) -> None:
        """Thresholds to watch.

        Args:
            expressions: scenario → its thresholds.
            plan: as it stands in a run's manifest, for the tags of its steps.
            skip: scenarios that look for a load at which thresholds break.
            processes: how many processes make load; 0 where that is not known.
        """
        specs = (plan or {}).get("scenarios") or {}
        self._scenarios = {
            name: _Scenario(name, watched, Tags.of(specs.get(name) or {}), processes)
            for name, texts in expressions.items()
            if name not in skip and (watched := [one for one in map(parse_threshold, texts) if is_live(one)])
        }
        if self._scenarios:
            importlib.import_module("scipy.special")  # now, and not while load is made

    def add(self, interval: Interval) -> list[Breach]:
        """What is known now that was not before this interval came."""
        scenario = self._scenarios.get(interval.scenario)
        return [] if scenario is None else scenario.add(interval)


@dataclass(slots=True)
class _Piece:
    """What one interval has."""

    middle_ms: int
    duration_ms: int
    scheduled: int
    sent: int
    dropped: int
    iterations: int
    tallies: dict[tuple[int, Rank], Tally]


class _Scenario:
    """The thresholds of one scenario, and what came of seconds that were not yet looked at."""

    def __init__(self, name: str, thresholds: Sequence[Threshold], tags: Tags, processes: int) -> None:
        self._watched = [_Watched(name, threshold) for threshold in thresholds]
        self._views = Views(dict.fromkeys(map(look_of, thresholds)), tags)
        self._expected = processes
        self._pending: list[_Piece] = []
        self._start_ms = 0
        self._next: int | None = None
        self._latest_ms: dict[int, int] = {}
        self._newest_ms = 0
        self._over: set[int] = set()
        self._is_open = False

    def add(self, interval: Interval) -> list[Breach]:
        if interval.stopping:
            self._over.add(interval.process)
            return list(self._look_at_the_rest())
        if self._next is None and (not self._latest_ms or interval.start_ms < self._start_ms):
            self._start_ms = interval.start_ms
        piece = self._piece(interval)
        self._pending.append(piece)
        self._latest_ms[interval.process] = max(piece.middle_ms, self._latest_ms.get(interval.process, 0))
        self._newest_ms = max(self._newest_ms, interval.start_ms + interval.duration_ms)
        return list(self._look())

    def _piece(self, interval: Interval) -> _Piece:
        tallies: dict[tuple[int, Rank], Tally] = {}
        looks = self._views.of(interval)
        for number, watched in enumerate(self._watched):
            for rank, seen in looks[look_of(watched.threshold)].items():
                tallies[number, rank] = tally_of(seen, watched.threshold)
        return _Piece(
            middle_ms=interval.start_ms + interval.duration_ms // 2,
            duration_ms=interval.duration_ms,
            scheduled=interval.scheduled,
            sent=interval.sent,
            dropped=interval.dropped,
            iterations=interval.iterations,
            tallies=tallies,
        )

    def _look(self) -> Iterator[Breach]:
        """Look at each second that is complete."""
        while self._pending:
            number = self._next or 0
            end_ms = self._start_ms + (number + 1) * MS_PER_S
            all_passed = 0 < self._expected <= len(self._latest_ms) and min(self._latest_ms.values()) >= end_ms
            if not all_passed and self._newest_ms < end_ms + SLACK_MS:
                return
            yield from self._look_until(end_ms)

    def _look_at_the_rest(self) -> Iterator[Breach]:
        """Where all processes have handed in all that they measured."""
        if not self._expected or len(self._over) < self._expected or not self._over.issuperset(self._latest_ms):
            return
        while self._pending:
            end_ms = self._start_ms + ((self._next or 0) + 1) * MS_PER_S
            yield from self._look_until(end_ms, is_part=self._newest_ms < end_ms)

    def _look_until(self, end_ms: int, *, is_part: bool = False) -> Iterator[Breach]:
        """Look at the next second; at what there is of it, where it is a part."""
        number = self._next or 0
        self._next = number + 1
        pieces = [one for one in self._pending if one.middle_ms < end_ms]
        # What comes too late still counts, in the next second that is looked at.
        self._pending = [one for one in self._pending if one.middle_ms >= end_ms]
        yield from self._look_at(number, pieces, is_part=is_part)

    def _look_at(self, number: int, pieces: Sequence[_Piece], *, is_part: bool) -> Iterator[Breach]:
        self._is_open = self._is_open or any(one.scheduled or one.sent for one in pieces)
        dropped = sum(one.dropped for one in pieces)
        settled = dropped + sum(one.sent if self._is_open else one.iterations for one in pieces)
        covered_s = sum(one.duration_ms for one in pieces) / MS_PER_S / len(self._latest_ms)
        for place, watched in enumerate(self._watched):
            for one in pieces:
                for rank in Rank:
                    if (place, rank) in one.tallies:
                        watched.meet(rank)
            second = Tally(dropped=dropped, settled=settled, covered_s=covered_s)
            for one in pieces:
                if found := one.tallies.get((place, watched.rank)):
                    second.add(found)
            if not (is_part and watched.needs_whole_seconds):
                yield from watched.look(number, second, is_open=self._is_open)


class _Watched:
    """One threshold: what it has seen, and whether it is missed at the moment."""

    def __init__(self, scenario: str, threshold: Threshold) -> None:
        self.threshold = threshold
        self.rank = Rank.PART
        self._scenario = scenario
        self._is_missed = False
        self._all = Tally()
        self._means: list[float] = []
        length = None if threshold.for_us is None else threshold.for_us // US_PER_S
        self._length = THROUGHPUT_S if length is None and threshold.metric == "throughput" else length
        begin = threshold.warmup_us // US_PER_S
        self._begin = max(begin, THROUGHPUT_S) if threshold.metric == "throughput" and length is None else begin
        self._last: deque[Tally] = deque(maxlen=self._length or 1)

    @property
    def needs_whole_seconds(self) -> bool:
        """Whether it looks at the last ones, so many of them, and not at all the time so far."""
        return self._length is not None

    def meet(self, rank: Rank) -> None:
        """There is a series that is meant so; what was meant less well is forgotten."""
        if rank < self.rank:
            self.rank = rank
            self._all, self._means = Tally(), []
            self._last.clear()

    def look(self, number: int, second: Tally, *, is_open: bool) -> Iterator[Breach]:
        """One second more."""
        if number < self._begin:
            return
        self._last.append(second)
        self._all.add(second)
        if second.timed:
            self._means.append(second.total_us / second.timed)
        loses = is_open and counts_bad(self.threshold)
        if self._length is None:
            seen, state = self._all, state_of_all(self.threshold, self._all, self._means, loses=loses)
        elif len(self._last) == self._length:
            seen = Tally()
            for one in self._last:
                seen.add(one)
            # A process that fell silent makes no requests; one that is a little late with its second does.
            covered_s = max(seen.covered_s, self._length - 1.0)
            state = judge(self.threshold, seen.sums(), covered_s, loses=loses).state
        else:
            return
        if state is State.MISSED and not self._is_missed:
            self._is_missed = True
            yield self._told("was missed", seen, number, loses=loses)
        elif state is State.HELD and self._is_missed:
            self._is_missed = False
            yield self._told("holds again", seen, number, loses=loses)

    def _told(self, what: str, seen: Tally, number: int, *, loses: bool) -> Breach:
        threshold = self.threshold
        why = evidence(threshold, seen, self._length, loses=loses)
        message = f"{threshold.expression} {what}: {why}, up to second {number + 1}"
        recovered = what != "was missed"
        return Breach(self._scenario, threshold.expression, message, threshold.abort and not recovered, recovered)
