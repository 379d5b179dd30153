"""What the trials of a capacity search say: is a rate good or bad, and between which rates is the capacity.

**One rate**: :class:`Tally`, the rule of MLRsearch (draft-ietf-bmwg-mlrsearch).

**The interval.** The last two bounds of a search are no honest interval. Each rests on one trial or two, which near the
capacity come out one way or the other; and trials that start with an empty queue are kinder than the long run
(:mod:`loadworthy.workload.search_settings`). So all outcomes are read together, those that contradict each other as
well, with a model of few assumptions. A trial of T seconds at the rate r is bad with the probability

    miss + (1 - 2·miss) · logistic((ln r - ln C - ln(1 + k·L/T)) / noise)

where C is the capacity; L the limit of the slowest objective, and k how much of L/T goes unnoticed, 0 to 2; ``miss``
the chance of an outcome that has nothing to do with the rate. The noise has the variance s² + 8/(r·T): s is how much
the target itself changes from trial to trial, 1 % to 6 %; the rest is because n requests are a random sample. Arrivals
alone vary by 1/√n, services of random length by as much again; that this is to be doubled, because slow ones come in
bunches, was found in simulations. None of C, k and s is known. On a grid of all three, flat in ln C, each point is
weighed by how likely it makes what was seen (Bayes' rule), and the interval holds the middle 90 % of C's weight.

What it claims: it contains the rate at which the objective is just met in the long run, in at least 90 % of searches.
In simulations it does in 92 to 100 %, for queues near saturation (M/M/1, M/D/1, M/M/c), for a server that sheds load,
and for one whose speed varies by 3 %. It is as wide as so few trials leave it: about 10 % at the default precision.

Where it fails: targets whose response time rises slowly, far below saturation, at low rates (M/M/1 with half of its
capacity used up and 30 or 100 requests/s: 85 %). There the share of slow requests is near the objective's over a wide
range of rates, and a trial has too few requests to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

EXCEED_RATIO = 0.5
"""A rate is good while at most this share of its trial seconds is bad."""

_MISS = 0.02
_TAIL = 0.05
_UNNOTICED = np.array([0.0, 0.5, 1.0, 1.5, 2.0])
_NOISE = np.array([0.01, 0.02, 0.04, 0.06])
_NOISE_WEIGHT = np.array([2.0, 2.0, 2.0, 1.0])
_SAMPLING = 8.0
_LOGISTIC = 3**0.5 / np.pi  # the scale of a logistic distribution whose standard deviation is 1
_REACH, _POINTS = 0.4, 1201  # of the grid, in ln C to each side


@dataclass(slots=True)
class Tally:
    """Trial seconds at one rate, and what they prove.

    Short trials that were bad are held against those that were good, and only what exceeds them counts, as bad.

    Args:
        full_s: a trial this long, or longer, is a full one; so many seconds can decide.
    """

    full_s: float
    full_good_s: float = 0.0
    full_bad_s: float = 0.0
    short_good_s: float = 0.0
    short_bad_s: float = 0.0

    def add(self, duration_s: float, is_bad: bool) -> None:
        """One more trial."""
        if duration_s < self.full_s:
            if is_bad:
                self.short_bad_s += duration_s
            else:
                self.short_good_s += duration_s
        elif is_bad:
            self.full_bad_s += duration_s
        else:
            self.full_good_s += duration_s

    @property
    def is_good(self) -> bool | None:
        """True: proven good, a lower bound. False: proven bad, an upper bound. None: undecided, to be tried again."""
        excess = max(0.0, self.short_bad_s - self.short_good_s * EXCEED_RATIO / (1 - EXCEED_RATIO))
        bad = self.full_bad_s + excess
        whole = max(self.full_good_s + bad, self.full_s)
        if whole - self.full_good_s <= whole * EXCEED_RATIO:
            return True
        return False if bad > whole * EXCEED_RATIO else None

    @property
    def held(self) -> bool:
        """Proven good; or undecided, and good for longer than bad."""
        if self.is_good is None:
            return self.full_good_s + self.short_good_s > self.full_bad_s + self.short_bad_s
        return self.is_good


class Observation(NamedTuple):
    """A trial, as far as the interval is concerned."""

    rate: float
    duration_s: float
    is_bad: bool


def interval(seen: Sequence[Observation], limit_s: float) -> tuple[float, float]:
    """Between which rates the capacity is, where some trials were good and some bad.

    Args:
        seen: the trials of a search.
        limit_s: of the slowest objective; 0 if there is none.
    """
    rates = np.log([one.rate for one in seen])
    lengths_s = np.array([one.duration_s for one in seen])
    is_bad = np.array([one.is_bad for one in seen])
    middle = _middle(rates, is_bad)
    capacity = np.linspace(middle - _REACH, middle + _REACH, _POINTS)
    unnoticed = np.log1p(_UNNOTICED[:, None] * limit_s / lengths_s)
    scale = _LOGISTIC * np.sqrt(_NOISE[:, None] ** 2 + _SAMPLING / (np.exp(rates) * lengths_s))
    # Axes: capacity, how much goes unnoticed, noise, trial.
    beyond = (rates - capacity[:, None, None, None] - unnoticed[:, None, :]) / scale
    bad = _MISS + (1 - 2 * _MISS) / (1 + np.exp(np.clip(-beyond, -50, 50)))
    weight = _NOISE_WEIGHT * np.exp(np.log(np.where(is_bad, bad, 1 - bad)).sum(axis=-1))
    reached = np.cumsum(weight.sum(axis=(1, 2)))
    low, high = np.exp(np.interp([_TAIL, 1 - _TAIL], reached / reached[-1], capacity))
    return float(low), float(high)


def low_end(seen: Sequence[Observation], rate: float, limit_s: float) -> float:
    """How much a rate that held proves where nothing was bad: less what went unnoticed in its longest trial."""
    longest_s = max(one.duration_s for one in seen if one.rate == rate)
    return float(rate / (1 + _UNNOTICED[-1] * limit_s / longest_s))


def _middle(rates: Float64Array, is_bad: npt.NDArray[np.bool_]) -> float:
    """Where the fewest trials are on the wrong side of it, in ln C; the middle of such places."""
    order = np.argsort(rates)
    ascending, bad = rates[order], is_bad[order]
    wrong = np.concatenate(([0], np.cumsum(bad))) + np.concatenate((np.cumsum(~bad[::-1])[::-1], [0]))
    edges = np.concatenate((ascending[:1], ascending, ascending[-1:]))
    best = np.flatnonzero(wrong == wrong.min())
    return float((edges[best[0]] + edges[best[-1] + 1]) / 2)
