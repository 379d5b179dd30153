"""How the generator itself is doing: processor, event loop, garbage collection, memory, descriptors, ports.

A pause of the garbage collector stops everything, and grows with the objects that are alive. What is alive when the
load begins (libraries, classes, the plan) stays so: :func:`settled_heap` takes it out of the collector's sight.
"""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from loadworthy.clock import Clock
from loadworthy.units import US_PER_MS, US_PER_S

SHORTEST_US = 500_000
"""CPU time comes in ticks of 10 ms: over less than this its share would be noise."""
RARE_US = 5 * US_PER_S
"""Descriptors and ports are counted this often: with thousands of them, counting costs milliseconds."""

_DESCRIPTORS = Path("/proc/self/fd")
_SOCKETS = Path("/proc/net/sockstat")
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


class HealthMeter:
    """Readings of this process since the last reading."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._process = psutil.Process()
        self._last_cpu_s = self._cpu_s()
        self._last_us = clock.monotonic_us()
        self._counted_us: int | None = None
        self._loop_lag_us = 0
        self._collections = CollectorWatch(clock)

    def note_loop_lag(self, lag_us: int) -> None:
        """The event loop woke somebody so late."""
        self._loop_lag_us = max(self._loop_lag_us, lag_us)

    def read(self) -> dict[str, float]:
        """``loop_lag_ms`` and ``gc_pause_ms``, the worst since the last reading, and ``rss_bytes``; unless too little
        time has passed since then, ``cpu`` (share of one core); now and then ``fds``, ``fd_limit`` and ``ports``
        (share of the ephemeral ports in use)."""
        now_us, cpu_s = self._clock.monotonic_us(), self._cpu_s()
        elapsed_us = now_us - self._last_us
        reading = {
            "loop_lag_ms": round(self._loop_lag_us / US_PER_MS, 3),
            "gc_pause_ms": round(self._collections.worst_us() / US_PER_MS, 3),
        }
        with suppress(OSError):  # there may be no descriptor left to read it by
            reading["rss_bytes"] = float(self._process.memory_info().rss)
        if elapsed_us >= SHORTEST_US:
            reading["cpu"] = round((cpu_s - self._last_cpu_s) * US_PER_S / elapsed_us, 4)
        if self._counted_us is None or now_us - self._counted_us >= RARE_US:
            self._counted_us = now_us
            reading |= descriptors() | ports()
        self._last_us, self._last_cpu_s, self._loop_lag_us = now_us, cpu_s, 0
        return reading

    def _cpu_s(self) -> float:
        times = os.times()  # it needs no descriptor
        return float(times.user + times.system)


class CollectorWatch:
    """Measures the pauses of the garbage collector from when it is made until it is thrown away."""

    def __init__(self, clock: Clock) -> None:
        self._pauses: list[int] = []
        pauses, began = self._pauses, [0]

        def on_phase(phase: str, _info: object) -> None:
            if phase == "start":
                began[0] = clock.monotonic_us()
            else:
                pauses.append(clock.monotonic_us() - began[0])

        self._on_phase = on_phase
        gc.callbacks.append(on_phase)

    def __del__(self) -> None:
        if self._on_phase in gc.callbacks:
            gc.callbacks.remove(self._on_phase)

    def worst_us(self) -> int:
        """The longest pause since the last call."""
        worst = max(self._pauses, default=0)
        self._pauses.clear()
        return worst


@contextmanager
def settled_heap() -> Iterator[None]:
    """While the context lasts, the collector does not look at what is alive now."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def descriptors() -> dict[str, float]:
    """``fds`` that are open and ``fd_limit``; empty where the platform does not tell."""
    try:
        count = len(os.listdir(_DESCRIPTORS))  # noqa: PTH208  # names only, there may be tens of thousands
    except OSError:
        return {}
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {"fds": float(count)} if limit == resource.RLIM_INFINITY else {"fds": float(count), "fd_limit": float(limit)}


def ports() -> dict[str, float]:
    """``ports``: sockets of this machine, those that have just closed too, per ephemeral port; empty if unknown.

    An upper bound of what a connection to one more address would meet: ports are counted for each address apart.
    """
    try:
        words = next(line.split() for line in _SOCKETS.read_text().splitlines() if line.startswith("TCP:"))
        counts = dict(zip(words[1::2], map(int, words[2::2]), strict=False))
        low, high = map(int, _PORT_RANGE.read_text().split())
    except (OSError, StopIteration, ValueError):
        return {}
    return {"ports": round((counts.get("inuse", 0) + counts.get("tw", 0)) / max(high - low + 1, 1), 4)}
