"""When the iterations of an open workload are to begin.

Let Λ(t) be the number of iterations that the profile asks for by the time t: the integral of its rate. If s₀ < s₁ < …
are the points of a process of rate 1, then Λ⁻¹(s₀), Λ⁻¹(s₁), … are the points of a process with the profile's rate
(time rescaling; Çınlar, *Introduction to Stochastic Processes*, 4.7). For Poisson arrivals the sᵢ are sums of
exponential variates, for even ones they are 0, 1, 2, …. Rates go in lines, so Λ is quadratic in each leg of the profile
and is inverted in closed form.

The whole sequence is a function of profile and seed alone. Every process works it out for itself and begins the
iterations that are its own: with n processes, process k those whose number i has i mod n = k. So shares add up to the
whole exactly, and any number of processes makes the same load. When workers come or go a new :class:`Split` holds from
some moment on, and whoever knows the splits agrees on who begins what.

Where the load is changed by hand, Λ is Λ' = A + f · (Λ - Λ(c)) from the moment c of a change by the factor f on, with A
the value that it had there. The sᵢ stay what they are. So a change moves those iterations only that were to begin after
it: none is lost or begun twice, whoever hears of it when, and whoever knows the changes agrees on when what begins.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loadworthy.units import US_PER_S
from loadworthy.workload.profile import FOR_EVER_US, Leg, OpenProfile

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]

_MASK = (1 << 64) - 1
CHUNK = 4096
"""Arrivals worked out at a time."""


class Arrival(NamedTuple):
    """One iteration that is to begin."""

    number: int
    """From 0, over all processes."""
    at_us: int
    """After the scenario's start."""


@dataclass(frozen=True, slots=True)
class Split:
    """From ``from_us`` on, ``processes`` share the load; this one is number ``share``, from 0 (None: it has none).

    ``epoch`` counts the splits of a scenario from 0.
    """

    share: int | None
    processes: int
    from_us: int = 0
    epoch: int = 0


class Source:
    """This process's arrivals in the order of time; those of all processes together are those of the profile.

    Args:
        profile: how many, when.
        seed: the run's and the scenario's.
        splits: ascending, the first from 0 on. More may be appended at any time, for moments that are still to come:
            what was not taken yet goes by them, also where it was looked at.
        first: the number of the first arrival.
        from_us: when the profile begins, after the scenario's start.
    """

    def __init__(
        self, profile: OpenProfile, seed: str, splits: Sequence[Split], *, first: int = 0, from_us: int = 0
    ) -> None:
        self._splits = splits
        self._schedule: _Schedule | None = _Schedule(profile, seed)
        self._first, self._from_us = first, from_us
        self._numbers = self._times = np.zeros(0, dtype=np.int64)
        self._own: list[Arrival] = []
        self._position = 0
        self._taken = -1
        self._known = 0

    def peek(self) -> Arrival | None:
        """The next one, which stays; None after the last."""
        while True:
            if self._known != len(self._splits):
                self._look_again()
            if self._position < len(self._own):
                return self._own[self._position]
            if not self._advance():
                return None

    def take(self) -> Arrival | None:
        """The next one; None after the last."""
        arrival = self.peek()
        if arrival is not None:
            self._position += 1
            self._taken = arrival.number
        return arrival

    def follow(self, profile: OpenProfile) -> None:
        """The load was changed: this profile is the one before but for changes from moments on that are to come.

        What was looked at and not taken goes by it, too. No effect on one that was closed.
        """
        if self._schedule is not None:
            self._schedule.follow(profile)
            self._look_at_chunk()

    def close(self) -> None:
        """There are no more."""
        self._schedule, self._own, self._position = None, [], 0
        self._numbers = self._times = self._numbers[:0]

    def forget(self) -> None:
        """The splits are others than they were: what was looked at is looked at again."""
        self._known = -1

    def skip_until(self, at_us: int) -> Iterator[None]:
        """Pass over what is due before this moment, a chunk at a time; a run of hours has many."""
        while not self._times.size or self._times[-1] < at_us:
            if not self._advance():
                return
            yield

    def _advance(self) -> bool:
        """Go to the next chunk, if there is one."""
        if self._schedule is None or not self._schedule.advance():
            return False
        self._look_at_chunk()
        return True

    def _look_at_chunk(self) -> None:
        assert self._schedule is not None  # noqa: S101  # the callers have looked
        first, times = self._schedule.chunk()
        self._times = self._from_us + times
        self._numbers = np.arange(first, first + times.size, dtype=np.int64) + self._first
        self._look_again()

    def _look_again(self) -> None:
        self._known, self._position = len(self._splits), 0
        own = _owned(self._numbers, self._times, self._splits) & (self._numbers > self._taken)
        self._own = [
            Arrival(number, at_us)
            for number, at_us in zip(self._numbers[own].tolist(), self._times[own].tolist(), strict=True)
        ]


def arrivals(profile: OpenProfile, seed: str, splits: Sequence[Split]) -> Iterator[Arrival]:
    """All arrivals of a :class:`Source`, one after another."""
    source = Source(profile, seed, splits)
    while (arrival := source.take()) is not None:
        yield arrival


def _owned(numbers: Int64Array, times: Int64Array, splits: Sequence[Split]) -> npt.NDArray[np.bool_]:
    """Which of these are this process's."""
    own = np.zeros(numbers.size, dtype=np.bool_)
    for index, split in enumerate(splits):
        until = splits[index + 1].from_us if index + 1 < len(splits) else FOR_EVER_US
        first, last = np.searchsorted(times, (split.from_us if index else 0, until))
        if split.share is not None and first < last:
            own[first:last] = numbers[first:last] % split.processes == split.share
    return own


def unit_interval(seed: int, number: int) -> float:
    """A number of 0..1 (below 1) for each iteration, as good as random: SplitMix64 (Steele, Lea and Flood, 2014)."""
    mixed = (seed + (number + 1) * 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((mixed ^ (mixed >> 31)) >> 11) * 2.0**-53


def number_of(seed: str) -> int:
    """64 bits that stand for a text, in every process the same."""
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), "big")


def chunks(profile: OpenProfile, seed: str) -> Iterator[tuple[int, Int64Array]]:
    """All arrivals of the profile, over all processes: (number of the first, times in µs, ascending)."""
    schedule = _Schedule(profile, seed)
    while schedule.advance():
        first, times = schedule.chunk()
        if times.size:
            yield first, times


def expected(profile: OpenProfile, until_us: int) -> float:
    """How many arrivals the profile asks for by this moment: the integral of its rate, whatever its ``limit``."""
    return _Areas(profile).until(until_us)


class _Schedule:
    """The arrivals of a profile, chunk by chunk, at each of which the profile may be exchanged for a changed one."""

    def __init__(self, profile: OpenProfile, seed: str) -> None:
        self._points = _poisson_points(seed) if profile.is_random else _even_points()
        self._chunk: Float64Array = np.zeros(0)
        self._first = 0
        self.follow(profile)

    def follow(self, profile: OpenProfile) -> None:
        """Go by this profile, which has the same legs."""
        self._areas, self._limit = _Areas(profile), profile.limit

    def advance(self) -> bool:
        """Go to the next chunk; False where the one that it is at holds the last arrival."""
        if self._inside().size < self._chunk.size:
            return False
        self._first += self._chunk.size
        self._chunk = next(self._points)
        return True

    def chunk(self) -> tuple[int, Int64Array]:
        """That at which it is, which may be empty: (number of the first, times in µs, ascending)."""
        return self._first, self._areas.times_us(self._inside())

    def _inside(self) -> Float64Array:
        inside = self._chunk[self._chunk < self._areas.total]
        return inside if self._limit is None else inside[: max(self._limit - self._first, 0)]


def _even_points() -> Iterator[Float64Array]:
    first = 0
    while True:
        yield np.arange(first, first + CHUNK, dtype=np.float64)
        first += CHUNK


def _poisson_points(seed: str) -> Iterator[Float64Array]:
    generator = np.random.Generator(np.random.PCG64(number_of(seed)))
    reached = 0.0
    while True:
        points = reached + np.cumsum(generator.standard_exponential(CHUNK))
        reached = float(points[-1])
        yield points


class _Areas:
    """Λ of a profile with its changes, and its inverse; up to a change it is to the last bit what it was before."""

    def __init__(self, profile: OpenProfile) -> None:
        planned = self._planned = _PlannedAreas(profile.legs)
        at_us, factors, from_planned, begins = [0], [1.0], [0.0], [0.0]
        for change in profile.changes:
            reached = planned.until(change.at_us)
            begins.append(begins[-1] + factors[-1] * (reached - from_planned[-1]))
            from_planned.append(reached)
            at_us.append(change.at_us)
            factors.append(change.factor)
        self._at_us = np.array(at_us, dtype=np.int64)
        self._factors = np.array(factors)
        self._from_planned = np.array(from_planned)
        self._begins = np.array(begins)
        self.total = _rounded_up_if_whole(begins[-1] + factors[-1] * (planned.total - from_planned[-1]))

    def until(self, at_us: int) -> float:
        """Λ at a moment."""
        piece = int(np.searchsorted(self._at_us, at_us, side="right")) - 1
        since = self._planned.until(at_us) - float(self._from_planned[piece])
        return float(self._begins[piece]) + float(self._factors[piece]) * since

    def times_us(self, points: Float64Array) -> Int64Array:
        """Λ⁻¹ of ascending points below ``total``, rounded down to whole µs."""
        pieces = np.searchsorted(self._begins, points, side="right") - 1
        planned = self._from_planned[pieces] + (points - self._begins[pieces]) / self._factors[pieces]
        return np.maximum(self._planned.times_us(planned), self._at_us[pieces])


class _PlannedAreas:
    """Λ of a profile as it was planned, and its inverse."""

    def __init__(self, legs: Sequence[Leg]) -> None:
        self._at_us = np.array([leg.at_us for leg in legs], dtype=np.float64)
        self._length_us = np.array([leg.length_us for leg in legs], dtype=np.float64)
        self._from = np.array([leg.from_rate for leg in legs]) / US_PER_S
        self._slope = (np.array([leg.to_rate for leg in legs]) / US_PER_S - self._from) / self._length_us
        areas = (self._from + 0.5 * self._slope * self._length_us) * self._length_us
        self._ends = np.cumsum(areas)
        self._begins = np.concatenate(([0.0], self._ends[:-1]))
        self.total = _rounded_up_if_whole(float(self._ends[-1]))

    def until(self, at_us: int) -> float:
        """Λ at a moment; after the end ``total``."""
        leg = max(int(np.searchsorted(self._at_us, at_us, side="right")) - 1, 0)
        gone_us = max(at_us - float(self._at_us[leg]), 0.0)
        if leg == self._at_us.size - 1 and gone_us >= self._length_us[leg]:
            return self.total
        return float(self._begins[leg] + (self._from[leg] + 0.5 * self._slope[leg] * gone_us) * gone_us)

    def times_us(self, points: Float64Array) -> Int64Array:
        """Λ⁻¹ of ascending points below ``total``, rounded down to whole µs."""
        legs = np.minimum(np.searchsorted(self._ends, points, side="right"), self._ends.size - 1)
        rest, rate, slope = points - self._begins[legs], self._from[legs], self._slope[legs]
        # The root of slope/2·t² + rate·t = rest in the form that does not cancel, and is right for slope 0.
        root = np.sqrt(np.maximum(rate * rate + 2.0 * slope * rest, 0.0))
        divisor = rate + root
        gone_us = np.divide(2.0 * rest, divisor, out=np.zeros_like(rest), where=divisor > 0)
        at_us = self._at_us[legs] + np.clip(gone_us, 0.0, self._length_us[legs])
        times: Int64Array = np.floor(at_us + 1e-6).astype(np.int64)
        return times


def _rounded_up_if_whole(area: float) -> float:
    """Rates add up to a hair more or less than a whole number: 200/s for 60 s are 12,000 arrivals, 0 to 11,999."""
    nearest = round(area)
    return float(nearest) if math.isclose(area, nearest, rel_tol=1e-12, abs_tol=1e-9) else area
