"""How the generator itself is doing: CPU of this process, lag of its event loop, memory."""

from __future__ import annotations

import psutil

from loadworthy.clock import Clock


class HealthMeter:
    """Readings of this process since the last reading."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._process = psutil.Process()
        self._last_cpu_s = self._cpu_s()
        self._last_us = clock.monotonic_us()

    def read(self, loop_lag_us: int) -> dict[str, float]:
        """``cpu`` (share of one core), ``loop_lag_ms`` (how late the loop woke us) and ``rss_bytes``."""
        now_us, cpu_s = self._clock.monotonic_us(), self._cpu_s()
        elapsed_s = max(now_us - self._last_us, 1) / 1e6
        reading = {
            "cpu": round((cpu_s - self._last_cpu_s) / elapsed_s, 4),
            "loop_lag_ms": round(max(loop_lag_us, 0) / 1000, 3),
            "rss_bytes": float(self._process.memory_info().rss),
        }
        self._last_us, self._last_cpu_s = now_us, cpu_s
        return reading

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)
