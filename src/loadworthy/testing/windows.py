"""When a fault is on, and how stalls bend time. Pure functions of µs; no clock in here.

A stall stops all work, so a stalled server is best seen through its *work time*: a clock that stands still while the
server is stalled and runs with real time otherwise. Whatever a queue does can be computed in work time as if there
were no stalls, and each moment translated back::

    work │              ╱ C        A request that comes at A, or within the stall at B, is due when the work clock
         │             ╱           has run for its service time: at C. So a parallel server answers those of the
         │   A____B___╱            stall at its end plus their service time, and a FIFO server drains its queue.
         │  ╱
         │ ╱
         └────────────────── real

The way back is taken at its right end: what is due at the very moment at which a stall begins waits for its end.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, once or repeated; its start is part of it, its end is not.

    Args:
        start_us: when it begins.
        length_us: how long it is; None means for good.
        every_us: from one start to the next; None means once.
    """

    start_us: int
    length_us: int | None = None
    every_us: int | None = None

    def elapsed_us(self, now_us: int) -> int | None:
        """How long it has been on; None when it is not."""
        elapsed_us = now_us - self.start_us
        if elapsed_us < 0:
            return None
        if self.every_us is not None:
            elapsed_us %= self.every_us
        return elapsed_us if self.length_us is None or elapsed_us < self.length_us else None

    def next_edge_us(self, now_us: int) -> int | None:
        """The next moment after ``now_us`` at which it begins or ends; None when there is none."""
        if now_us < self.start_us:
            return self.start_us
        if self.length_us is None:
            return None
        base_us = self.start_us
        if self.every_us is not None:
            base_us += (now_us - base_us) // self.every_us * self.every_us
        if now_us < base_us + self.length_us:
            return base_us + self.length_us
        return None if self.every_us is None else base_us + self.every_us


class WorkClock:
    """The work time of a server with stalls.

    Time does not go back: a stamp before the last one counts as the last one. Stalls may be changed at any time; what
    has passed stays as it was.
    """

    def __init__(self) -> None:
        self._windows: tuple[Window, ...] = ()
        self._repeats_from_us = 0
        """From here on the windows do nothing but repeat, together once in ``_period_us``."""
        self._period_us = 1
        self._now_us = 0
        self._work_us = 0
        self._is_stalled = False
        self._until_us: int | None = None
        """The next edge of a window: up to there it goes on as it does now."""
        # Where it ran on after each stall, and from the beginning: there, work and real time went on side by side.
        self._from_work_us = [0]
        self._from_real_us = [0]

    def set_stalls(self, windows: Iterable[Window], now_us: int) -> None:
        """From now on it stands still in these windows."""
        self.work_us(now_us)
        self._windows = tuple(windows)
        ends = (one.start_us + (one.length_us or 0 if one.every_us is None else 0) for one in self._windows)
        self._repeats_from_us = max(ends, default=0)
        self._period_us = math.lcm(*(one.every_us for one in self._windows if one.every_us is not None))
        self._look()

    def is_stalled(self, now_us: int) -> bool:
        """Whether it stands still."""
        self.work_us(now_us)
        return self._is_stalled

    def work_us(self, now_us: int) -> int:
        """Work time at ``now_us``."""
        while self._until_us is not None and self._until_us <= now_us:
            self._pass(self._until_us)
            self._look()
        if now_us > self._now_us:
            self._pass(now_us)
        return self._work_us

    def _pass(self, now_us: int) -> None:
        if not self._is_stalled:
            self._work_us += now_us - self._now_us
        self._now_us = now_us

    def _look(self) -> None:
        """See what the windows say from now on."""
        was_stalled, self._is_stalled = self._is_stalled, self._in_window(self._now_us)
        self._until_us = self._edge_us(self._now_us)
        if was_stalled and not self._is_stalled:
            self._from_work_us.append(self._work_us)
            self._from_real_us.append(self._now_us)

    def real_us(self, work_us: int) -> int | None:
        """The last moment at which the work time is ``work_us``; None if a stall without an end comes before.

        Stalls that take turns are one without an end, too: none has ended when all of them have repeated once.
        """
        if work_us < self._work_us:
            index = bisect_right(self._from_work_us, work_us) - 1
            return self._from_real_us[index] + work_us - self._from_work_us[index]
        real_us, reached_us = self._now_us, self._work_us
        is_stalled, edge_us = self._is_stalled, self._until_us
        stalled_from_us = real_us
        while True:
            if not is_stalled:
                if edge_us is None or reached_us + edge_us - real_us > work_us:
                    return real_us + work_us - reached_us
                reached_us += edge_us - real_us
                stalled_from_us = edge_us
            if edge_us is None or edge_us > max(stalled_from_us, self._repeats_from_us) + self._period_us:
                return None
            real_us = edge_us
            is_stalled, edge_us = self._in_window(real_us), self._edge_us(real_us)

    def _in_window(self, now_us: int) -> bool:
        return any(window.elapsed_us(now_us) is not None for window in self._windows)

    def _edge_us(self, now_us: int) -> int | None:
        edges = [edge for window in self._windows if (edge := window.next_edge_us(now_us)) is not None]
        return min(edges, default=None)
