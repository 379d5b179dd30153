"""Waiting for a moment more precisely than gevent can: within tens of microseconds, not within a millisecond.

gevent's timers end up as the time-out of ``epoll_wait``, which counts whole milliseconds. A *timerfd* is a file that
becomes readable at a moment given in nanoseconds, and the event loop wakes for it as for any other file. There is one
for each event loop, set to the first of a heap of moments: whoever waits costs a heap entry, not a descriptor.

Moments are microseconds of ``clock.monotonic_ns``, which on Linux is ``CLOCK_MONOTONIC``, the timerfd's own scale; so
they are handed to the kernel as they are, and no time is lost or gained by working out how long is left.

Where there is no timerfd (macOS, Windows), one of gevent's timers does the same a little later.

Everything belongs to the thread, and so the event loop, in which it is called.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any

from gevent import get_hub, getcurrent

from loadworthy.clock import monotonic_ns
from loadworthy.users.timerfd import TimerFd, is_timerfd_there

_NEVER_US = 1 << 62
_US_PER_S = 1_000_000
_COMPACT_FROM = 64
"""A heap with fewer cancelled entries is left as it is."""


class Call:
    """One that was asked for by :func:`call_at`."""

    __slots__ = ("_callback", "_moments")

    def __init__(self, moments: Moments, callback: Callable[[], object]) -> None:
        self._moments: Moments | None = moments
        self._callback: Callable[[], object] | None = callback

    @property
    def is_pending(self) -> bool:
        """Whether it is still to come: neither made nor cancelled."""
        return self._callback is not None

    def cancel(self) -> None:
        """Do not make it; nothing happens if it was made or cancelled before."""
        if self._callback is None:
            return
        self._callback = None
        if self._moments is not None:
            self._moments.count_cancelled()

    def leave_heap(self) -> None:
        """It is about to be made; cancelling it is still possible, but nothing to be counted."""
        self._moments = None

    def take(self) -> Callable[[], object] | None:
        """The callback, for whoever makes the call now; None if it was cancelled."""
        callback, self._callback = self._callback, None
        return callback


def call_at(due_us: int, callback: Callable[[], object]) -> Call:
    """Have ``callback()`` called in the event loop at this moment, or as soon as can be if it has passed.

    It must not wait for anything; a greenlet's ``switch`` will do. Calls come in the order of their moments, then of
    asking. What one raises is reported by gevent as for any callback, and spoils no other. A call keeps the loop alive.
    """
    return _moments_of(get_hub()).add(due_us, callback)


def wait_until(due_us: int) -> None:
    """Let other greenlets run until this moment; returns at once, without letting any run, if it has passed.

    A greenlet that is killed, or gets a ``gevent.Timeout``, while it waits leaves nothing behind.
    """
    if monotonic_ns() // 1000 >= due_us:
        return
    hub = get_hub()
    call = _moments_of(hub).add(due_us, getcurrent().switch)
    try:
        while call.is_pending:  # whoever else switches here by mistake does not end the wait
            hub.switch()
    finally:
        call.cancel()


class Moments:
    """The calls of one event loop.

    Args:
        hub: gevent's.
        is_precise: whether a timerfd is used.
    """

    def __init__(self, hub: Any, *, is_precise: bool = True) -> None:
        self._hub = hub
        self._heap: list[tuple[int, int, Call]] = []
        self._numbers = count()
        self._cancelled = 0
        self._armed_us = _NEVER_US
        self._is_calling = False
        self._alarm: TimerFd | LoopTimer = (
            TimerFd(hub.loop, self._call_due) if is_precise else LoopTimer(hub.loop, self._call_due)
        )

    def add(self, due_us: int, callback: Callable[[], object]) -> Call:
        """See :func:`call_at`."""
        call = Call(self, callback)
        heappush(self._heap, (due_us, next(self._numbers), call))
        if due_us < self._armed_us and not self._is_calling:
            self._arm(due_us)
        return call

    def count_cancelled(self) -> None:
        """An entry will never be called; those are dropped once they are the most."""
        self._cancelled += 1
        if self._cancelled == len(self._heap):
            self._heap.clear()
            self._cancelled = 0
            if not self._is_calling:
                self._arm_next()  # nothing is left: the loop must not be kept alive
        elif self._cancelled > _COMPACT_FROM and self._cancelled * 2 > len(self._heap):
            self._heap[:] = [entry for entry in self._heap if entry[2].is_pending]
            heapify(self._heap)
            self._cancelled = 0

    def reopen(self) -> None:
        """This process was forked: its timerfd is its parent's, too."""
        self._alarm.reopen()
        self._armed_us = _NEVER_US
        self._arm_next()

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def _call_due(self) -> None:
        """Runs in the event loop. What is added meanwhile waits for the next turn, so that sockets get theirs."""
        now_us = monotonic_ns() // 1000
        heap, due = self._heap, []
        while heap and heap[0][0] <= now_us:
            call = heappop(heap)[2]
            if call.is_pending:
                call.leave_heap()
                due.append(call)
            else:
                self._cancelled -= 1
        self._is_calling = True
        try:
            for call in due:
                self._make(call)
        finally:
            self._is_calling = False
            self._arm_next()

    def _make(self, call: Call) -> None:
        callback = call.take()
        if callback is None:  # cancelled by one that was called before it
            return
        try:
            callback()
        except BaseException:  # noqa: BLE001  # gevent's own loop does the same, and decides what ends the process
            self._hub.handle_error(callback, *sys.exc_info())

    def _arm_next(self) -> None:
        if self._heap:
            self._arm(self._heap[0][0])
        elif self._armed_us != _NEVER_US:
            self._armed_us = _NEVER_US
            self._alarm.disarm()

    def _arm(self, due_us: int) -> None:
        self._armed_us = due_us
        self._alarm.arm(due_us)


class LoopTimer:
    """One of gevent's timers as an alarm."""

    def __init__(self, loop: Any, callback: Callable[[], None]) -> None:
        self._timer = loop.timer(0.0)
        self._loop = loop
        self._callback = callback

    def arm(self, due_us: int) -> None:
        """Call when the moment has come, instead of any moment set before."""
        self._timer.close()
        self._timer = self._loop.timer(max(due_us - monotonic_ns() // 1000, 0) / _US_PER_S)
        self._timer.start(self._callback, update=True)

    def disarm(self) -> None:
        """Do not call, and do not keep the loop alive."""
        self._timer.stop()

    def reopen(self) -> None:
        """A timer of the loop is this process's own."""


_every: weakref.WeakSet[Moments] = weakref.WeakSet()


def _moments_of(hub: Any) -> Moments:
    """Kept on the hub, whose life they share."""
    try:
        moments: Moments = hub.loadworthy_moments
    except AttributeError:
        moments = hub.loadworthy_moments = Moments(hub, is_precise=is_timerfd_there())
        _every.add(moments)
    return moments


def _reopen_after_fork() -> None:
    for moments in _every:
        moments.reopen()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reopen_after_fork)
