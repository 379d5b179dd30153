"""What response times must be: by formula, and by a queue of a few lines in virtual time. Pure; µs by default.

The queue here is Lindley's recursion, written apart from :mod:`loadworthy.testing.queueing`, so that the server is held
against something that is not the server.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from loadworthy.plan.model import Scenario
from loadworthy.workload.arrivals import chunks
from loadworthy.workload.profile import open_profile

Int64Array = npt.NDArray[np.int64]


def intended(seed: int, scenario: str = "load", **keys: Any) -> Int64Array:
    """When each iteration of an open scenario is due, µs after its start; the place is its number."""
    profile = open_profile(Scenario.model_validate(keys))
    return np.concatenate([times for _, times in chunks(profile, f"{seed}/{scenario}")])


def quantile(values: npt.NDArray[Any], fraction: float) -> float:
    """The smallest value that is not below so large a share of them: the rule of our histograms."""
    return float(np.sort(values)[max(math.ceil(fraction * values.size) - 1, 0)])


def stalled_quantile_s(fraction: float, *, run_s: float, stall_s: float, utilisation: float = 0.0) -> float:
    """One stall in a run at a steady rate; a parallel server that takes no time has utilisation 0 (docs/honesty.md)."""
    return max(0.0, stall_s - (1 - fraction) * run_s * (1 - utilisation))


def mm1_quantile_s(fraction: float, *, arrivals_per_s: float, services_per_s: float) -> float:
    """Sojourn in an M/M/1 queue: exponential, with the rate μ - λ."""
    return -math.log(1 - fraction) / (services_per_s - arrivals_per_s)


def departures(
    arrived: Int64Array, service: Int64Array, *, is_fifo: bool = True, stall: tuple[int, int] = (0, 0)
) -> Int64Array:
    """When each is served, in order or side by side, by a server whose work rests from one moment to another.

    In order: each is done when all service is that began with the busy period it belongs to. What would be done at the
    very moment at which the stall begins waits for its end.
    """
    begin, end = stall
    rest = end - begin
    came = np.where(arrived < begin, arrived, np.maximum(arrived - rest, begin)) if rest else arrived
    if is_fifo:
        worked = np.cumsum(service)
        done = worked + np.maximum.accumulate(came - (worked - service))
    else:
        done = came + service
    return np.where(done < begin, done, done + rest) if rest else done
