"""Systems under test in virtual time: what a trial of the capacity search would have found, without waiting for it.

Each says of a rate, a length and a random generator whether the trial was bad, and how long it took with its cool-down.
Requests come at Poisson times, and find an empty queue at first. Those that come near the end are waited for, so they
count. A trial that is bad for sure is stopped: when more requests than the objective allows have been under way for
longer than its limit. What was sent by then is still served, and that takes its time, too.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from loadworthy.workload.search import CapacitySearch, Outcome, SearchResult, SearchSettings, Trial

Float64Array = npt.NDArray[np.float64]
COOL_DOWN_S = 1.0


class System(Protocol):
    """A target with an objective."""

    @property
    def capacity(self) -> float:
        """The rate at which the objective is just met in the long run."""
        ...

    def trial(self, rate: float, duration_s: float, random: np.random.Generator) -> tuple[bool, float]:
        """(whether it was bad, how long it took)"""
        ...


@dataclass(frozen=True)
class SingleServer:
    """M/M/1 or M/D/1, first come first served, in the cumulative-maximum form of Lindley's recursion.

    Args:
        mu: services per second.
        limit_s: of the response time.
        share: of requests that may be slower.
        spread: standard deviation of ``mu`` from trial to trial, as a share of it.
        is_steady: each service takes the same time (M/D/1).
    """

    mu: float
    limit_s: float
    share: float = 0.05
    spread: float = 0.0
    is_steady: bool = False

    @property
    def capacity(self) -> float:
        """M/M/1: the sojourn time is exponential with rate mu - lambda. M/D/1: by the heavy-traffic form of Kingman."""
        quantile = -math.log(self.share) / self.limit_s
        return self.mu - (quantile / 2 if self.is_steady else quantile)

    def trial(self, rate: float, duration_s: float, random: np.random.Generator) -> tuple[bool, float]:
        """As the protocol says."""
        arrived = poisson(rate, duration_s, random)
        mu = self.mu * math.exp(self.spread * random.standard_normal()) if self.spread else self.mu
        service = np.full(arrived.size, 1 / mu) if self.is_steady else random.standard_exponential(arrived.size) / mu
        served = np.cumsum(service)
        done = served + np.maximum.accumulate(arrived - (served - service))
        return judged(arrived, done, self.limit_s, self.share, duration_s)


@dataclass(frozen=True)
class ManyServers:
    """M/M/c with one queue; ``mu`` is of one server."""

    servers: int
    mu: float
    limit_s: float
    share: float = 0.05

    @property
    def capacity(self) -> float:
        """By bisection of the share that is slower in the long run."""
        low, high = 0.0, self.servers * self.mu
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.slower(middle) <= self.share else (low, middle)
        return low

    def slower(self, rate: float) -> float:
        """The share of requests slower than the limit: Erlang's C, then waiting and service convolved."""
        offered = rate / self.mu
        blocked = 1.0
        for number in range(1, self.servers + 1):
            blocked = offered * blocked / (number + offered * blocked)
        busy = blocked / (1 - (offered / self.servers) * (1 - blocked))
        drain, at_s = self.servers * self.mu - rate, self.limit_s
        alone = math.exp(-self.mu * at_s)
        queued = (drain * alone - self.mu * math.exp(-drain * at_s)) / (drain - self.mu)
        return (1 - busy) * alone + busy * queued

    def trial(self, rate: float, duration_s: float, random: np.random.Generator) -> tuple[bool, float]:
        """As the protocol says; each request takes the server that is free first."""
        arrived = poisson(rate, duration_s, random)
        service = (random.standard_exponential(arrived.size) / self.mu).tolist()
        free = [0.0] * self.servers
        done = np.empty(arrived.size)
        for index, at_s in enumerate(arrived.tolist()):
            ends_s = max(at_s, free[0]) + service[index]
            heapq.heapreplace(free, ends_s)
            done[index] = ends_s
        return judged(arrived, done, self.limit_s, self.share, duration_s)


@dataclass(frozen=True)
class Shedding:
    """Answers at once, and refuses the share of requests that is beyond ``most`` per second."""

    most: float
    share: float = 0.01

    @property
    def capacity(self) -> float:
        """Where the share that is refused is the one that may be."""
        return self.most / (1 - self.share)

    def trial(self, rate: float, duration_s: float, random: np.random.Generator) -> tuple[bool, float]:
        """As the protocol says."""
        arrived = poisson(rate, duration_s, random)
        shed = random.random(arrived.size) < 1 - self.most / rate
        return judged(arrived, arrived + np.where(shed, math.inf, 0.005), 1.0, self.share, duration_s, known_s=0.005)


def poisson(rate: float, duration_s: float, random: np.random.Generator) -> Float64Array:
    """Times of arrivals, ascending."""
    return np.sort(random.random(random.poisson(rate * duration_s))) * duration_s


def judged(
    arrived: Float64Array,
    done: Float64Array,
    limit_s: float,
    share: float,
    duration_s: float,
    known_s: float | None = None,
) -> tuple[bool, float]:
    """Whether too many were late, and how long the trial took with what was still queued when it ended.

    ``known_s``: after its arrival a bad one is known to be bad; the limit, unless it is told at once.
    """
    late = np.flatnonzero(done - arrived > limit_s)
    allowed = math.floor(share * arrived.size)
    if late.size <= allowed:
        return False, max(duration_s + COOL_DOWN_S, _last(done))
    stop_s = min(float(arrived[late[allowed]]) + (limit_s if known_s is None else known_s), duration_s + limit_s)
    sent = int(np.searchsorted(arrived, stop_s))
    return True, max(stop_s + COOL_DOWN_S, _last(done[:sent]))


def _last(done: Float64Array) -> float:
    ended = done[np.isfinite(done)]
    return float(ended.max()) if ended.size else 0.0


@dataclass
class Searched:
    """One search and what happened in it."""

    result: SearchResult
    took_s: float
    trials: list[Trial] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


def search(system: System, settings: SearchSettings, seed: int, generator_rate: float = math.inf) -> Searched:
    """A whole search. Trials at more than ``generator_rate`` are limited by the load generator."""
    random = np.random.default_rng(seed)
    one = CapacitySearch(settings)
    found = Searched(one.result(), 0.0)
    while (trial := one.next()) is not None:
        is_bad, took_s = system.trial(trial.rate, trial.duration_s, random)
        outcome = Outcome(trial.rate, trial.duration_s, took_s, is_bad, trial.rate > generator_rate)
        found.trials.append(trial)
        found.outcomes.append(outcome)
        found.took_s += took_s
        one.record(outcome)
    found.result = one.result()
    return found


def searches(system: System, settings: SearchSettings, seeds: range) -> list[Searched]:
    """One search a seed."""
    return [search(system, settings, seed) for seed in seeds]
