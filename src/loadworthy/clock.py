"""Time, as everything in the package sees it.

Durations are integer microseconds on a monotonic scale. Wall-clock time is for people and for lining up processes;
no duration is ever computed from it. Nothing outside this module reads a clock, so tests put a :class:`FakeClock
<loadworthy.testing.FakeClock>` in its place.
"""

from __future__ import annotations

import time
from typing import Protocol

monotonic_ns = time.perf_counter_ns
"""Monotonic nanoseconds, for the hot path, where a method call on a clock object would cost as much as the reading."""

wall_s = time.time
"""Seconds since the epoch, for stamps that people read."""

wall_ns = time.time_ns
"""Nanoseconds since the epoch, to compare with stamps that the kernel made by the same clock."""


class Clock(Protocol):
    """Where the time comes from."""

    def monotonic_us(self) -> int:
        """Microseconds on a scale that never goes back; only differences mean anything."""
        ...

    def wall_us(self) -> int:
        """Microseconds since the epoch; may jump."""
        ...


class SystemClock:
    """The operating system's clocks."""

    def monotonic_us(self) -> int:
        return time.perf_counter_ns() // 1000

    def wall_us(self) -> int:
        return time.time_ns() // 1000
