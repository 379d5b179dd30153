"""How the generator itself is doing: CPU of this process, lag of its event loop, memory."""

from __future__ import annotations

import psutil

from loadworthy.clock import Clock
from loadworthy.units import US_PER_MS, US_PER_S

SHORTEST_US = 500_000
"""CPU time comes in ticks of 10 ms: over less than this its share would be noise."""


class HealthMeter:
    """Readings of this process since the last reading."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._process = psutil.Process()
        self._last_cpu_s = self._cpu_s()
        self._last_us = clock.monotonic_us()

    def read(self, loop_lag_us: int) -> dict[str, float]:
        """``loop_lag_ms`` (how late the loop woke us), ``rss_bytes`` and, unless too little time has passed since the
        last reading, ``cpu`` (share of one core)."""
        now_us, cpu_s = self._clock.monotonic_us(), self._cpu_s()
        elapsed_us = now_us - self._last_us
        reading = {
            "loop_lag_ms": round(max(loop_lag_us, 0) / US_PER_MS, 3),
            "rss_bytes": float(self._process.memory_info().rss),
        }
        if elapsed_us >= SHORTEST_US:
            reading["cpu"] = round((cpu_s - self._last_cpu_s) * US_PER_S / elapsed_us, 4)
        self._last_us, self._last_cpu_s = now_us, cpu_s
        return reading

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)
