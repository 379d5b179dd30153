"""Services in virtual time: a queue in an overload as it would be recorded, and noise that hangs together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from loadworthy.analysis.intended_windows import Done
from loadworthy.record.histogram import Histogram

Floats = npt.NDArray[np.float64]
Stage = tuple[float, float]
"""(arrivals per second, seconds)."""


def poisson(rng: np.random.Generator, stages: Sequence[Stage]) -> Floats:
    """When requests are meant to be sent, in seconds: so many a second for so long, one stage after another."""
    start_s, parts = 0.0, []
    for rate, length_s in stages:
        count = rng.poisson(rate * length_s)
        parts.append(start_s + np.sort(rng.uniform(0, length_s, count)))
        start_s += length_s
    return np.concatenate(parts)


def fifo(arrived_s: Floats, service_s: Callable[[float], float]) -> Floats:
    """When each is done by one server in order (Lindley's recursion); ``service_s`` may depend on the wait so far."""
    done, free_s = np.empty_like(arrived_s), 0.0
    for number, at_s in enumerate(arrived_s.tolist()):
        begin_s = max(at_s, free_s)
        free_s = begin_s + service_s(begin_s - at_s)
        done[number] = free_s
    return done


def recorded(arrived_s: Floats, done_s: Floats, until_s: float) -> list[Done]:
    """Second by second as a run has it: what was done in each, and nothing of what was never done by its end."""
    times_us = np.round((done_s - arrived_s) * 1e6).astype(np.int64)
    seconds = []
    for second in range(int(until_s)):
        mine = times_us[(done_s >= second) & (done_s < second + 1)]
        seconds.append(Done(second + 0.5, Histogram.of(mine.tolist()), int(mine.size)))
    return seconds


def ar1(rng: np.random.Generator, count: int, phi: float) -> Floats:
    """Noise of standard deviation 1 in which each value takes a share ``phi`` of the one before: x' = φx + ε."""
    shocks = rng.normal(scale=(1 - phi**2) ** 0.5, size=count)
    shocks[0] /= (1 - phi**2) ** 0.5
    values = shocks.tolist()
    for place in range(1, count):
        values[place] += phi * values[place - 1]
    return np.array(values)
