"""Linux's timerfd as an alarm of gevent's event loop. Python has it from 3.13 on; before, the C library is called."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from gevent.monkey import get_original

_READ = 1  # libev's EV_READ
_TFD_NONBLOCK, _TFD_CLOEXEC, _TFD_TIMER_ABSTIME = 0o4000, 0o2000000, 1
_US_PER_S = 1_000_000
_close = get_original("os", "close")
"""At once. gevent's own puts it off until the loop has turned, for files that are still watched; ours never are."""


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


@functools.cache
def is_timerfd_there() -> bool:
    """Whether this system has them, and Python's clock is the one that they go by."""
    if not sys.platform.startswith("linux"):
        return False
    if "CLOCK_MONOTONIC" not in time.get_clock_info("perf_counter").implementation:
        return False
    try:
        _close(_create())
    except (OSError, AttributeError):
        return False
    return True


class TimerFd:
    """Calls ``callback()`` in the event loop at a moment in microseconds of ``CLOCK_MONOTONIC``.

    The file is never read: setting it anew makes it unreadable, and that is done after each call anyway.
    """

    def __init__(self, loop: Any, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._spec = _TimerSpec()
        self._value = self._spec.value
        self._pointer = ctypes.byref(self._spec)
        self._is_watched = False
        self._descriptor = -1
        self._watcher: Any = None
        self._open()

    def arm(self, due_us: int) -> None:
        """Call when the moment has come, instead of any moment set before; soon if it has passed."""
        value = self._value
        value.seconds, rest_us = divmod(max(due_us, 1), _US_PER_S)  # zero would switch it off
        value.nanoseconds = rest_us * 1000
        if _c_library().timerfd_settime(self._descriptor, _TFD_TIMER_ABSTIME, self._pointer, None):
            raise _last_error()
        if not self._is_watched:
            self._is_watched = True
            self._watcher.start(self._callback)

    def disarm(self) -> None:
        """Do not call, and do not keep the loop alive."""
        if self._is_watched:
            self._is_watched = False
            self._watcher.stop()

    def reopen(self) -> None:
        """In a forked process: let the parent's alone, and make one for this process."""
        self.close()
        self._open()

    def close(self) -> None:
        """Release it; may be called twice."""
        self.disarm()
        self._watcher.close()
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            _close(descriptor)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # the loop may be gone already, or opening have failed
            self.close()

    def _open(self) -> None:
        self._descriptor = _create()
        self._watcher = self._loop.io(self._descriptor, _READ)


@functools.cache
def _c_library() -> Any:
    """As a PyDLL, whose calls keep the interpreter's lock: no other thread gets its five milliseconds in between."""
    return ctypes.PyDLL(None, use_errno=True)


def _create() -> int:
    descriptor: int = _c_library().timerfd_create(time.CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
    if descriptor < 0:
        raise _last_error()
    return descriptor


def _last_error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))
