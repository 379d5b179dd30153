"""How a capacity search goes about it, and how long its trials have to be.

A queue that gets the share eps more than it can serve makes requests wait eps·t after t seconds. A trial of T seconds
sees that only where eps·T is beyond the limit L: it starts with an empty queue, and an overload of less than L/T goes
unnoticed. And near its capacity a random queue takes minutes to fill. In simulations of single servers half of the
trials were good as far as 0.7 to 1.9 times L/T above the true capacity. So a rate that is good for T seconds speaks for
one that is lower by about L/T in the long run. That is why a trial that can decide lasts 2·L/precision, and the last
one, which confirms the answer, two and a half times as long.

It also has so many requests at least, and takes longer where the rate is low: of few requests the share that is bad is
known badly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

START_RATE = 10.0
"""Per second, where none is given."""


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How to search.

    Args:
        start_rate: the first rate, per second.
        max_rate: no higher rate is tried; None: no such limit.
        max_duration_s: of the whole search with its cool-downs.
        precision: wanted distance between the bounds, as a share of the rate.
        short_s: length of a trial while growing.
        full_s: length of a trial that can decide, at least.
        confirm_s: length of the last one, at least.
        growth: from one trial to the next while all is well.
        limit_s: the slowest objective's limit; 0 where there are only error rates.
        fewest_requests: a trial that can decide has so many, if ``longest_s`` suffices.
        longest_s: as long as that a full trial gets, for the sake of ``fewest_requests``.

    Raises:
        ValueError: if a number is out of its bounds.
    """

    start_rate: float = START_RATE
    max_rate: float | None = None
    max_duration_s: float = 600.0
    precision: float = 0.05
    short_s: float = 3.0
    full_s: float = 10.0
    confirm_s: float = 30.0
    growth: float = 2.0
    limit_s: float = 0.0
    fewest_requests: int = 1000
    longest_s: float = 40.0

    def __post_init__(self) -> None:
        for name in ("start_rate", "max_duration_s", "precision", "short_s", "full_s", "confirm_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is a finite number above 0, not {getattr(self, name)}")
        if self.max_rate is not None and not self.start_rate <= self.max_rate < math.inf:
            raise ValueError(f"max_rate is finite and not below start_rate ({self.start_rate}), not {self.max_rate}")
        if not self.short_s <= self.full_s <= self.confirm_s:
            raise ValueError("trials do not get shorter: short_s, full_s, confirm_s")
        if not 1 < self.growth < math.inf:
            raise ValueError(f"growth is a finite number above 1, not {self.growth}")

    def full_s_at(self, rate: float) -> float:
        """Length of a full trial at a rate."""
        return max(self.full_s, min(self.fewest_requests / rate, self.longest_s))

    def confirm_s_at(self, rate: float) -> float:
        """Length of the last trial, at a rate."""
        return self.full_s_at(rate) * self.confirm_s / self.full_s


def settings_for(
    *,
    limits_s: Sequence[float],
    precision: float = 0.05,
    max_duration_s: float = 600.0,
    max_rate: float | None = None,
    start_rate: float | None = None,
) -> SearchSettings:
    """Settings whose trials are as long as the limits of the objectives demand, as far as ``max_duration_s`` lets them.

    Args:
        limits_s: of the response times in the objectives; empty if there are only error rates.
        precision, max_duration_s, max_rate, start_rate: see :class:`SearchSettings`. A ``max_rate`` below the first
            rate is the first rate.
    """
    limit_s = max(limits_s, default=0.0)
    full_s = min(max(10.0, 2.0 * limit_s / precision), max_duration_s / 12)
    return SearchSettings(
        start_rate=min(start_rate or START_RATE, max_rate or math.inf),
        max_rate=max_rate,
        max_duration_s=max_duration_s,
        precision=precision,
        short_s=min(max(3.0, 2.0 * limit_s), full_s),
        full_s=full_s,
        confirm_s=min(max(40.0, 2.5 * full_s), max_duration_s / 4),
        limit_s=limit_s,
        longest_s=max_duration_s / 15,
    )
