"""A stretch of load that is decided while the run goes on: a trial of a search, or what comes after it.

Whoever leads the run tells every process of a segment some time before it begins; from then on it is as with a profile
that was known from the start: each process works out all arrivals, from the seed and the segment's number, and begins
those that are its own. So a search makes the same load over any number of processes, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.workload.arrivals import Source, Split, chunks
from loadworthy.workload.profile import Leg, OpenProfile

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch.

    Args:
        number: from 0, within its scenario.
        at_us: when it begins, after the scenario's start.
        legs: its rates; their times count from its own beginning.
        first: the number of its first arrival.
        is_random: arrivals are Poisson; else evenly spaced.
    """

    number: int
    at_us: int
    legs: tuple[Leg, ...]
    first: int
    is_random: bool

    @property
    def length_us(self) -> int:
        """How long it lasts."""
        return self.legs[-1].at_us + self.legs[-1].length_us

    @property
    def end_us(self) -> int:
        """When it ends, after the scenario's start."""
        return self.at_us + self.length_us

    def stream(self, scenario: str) -> str:
        """What its random numbers are named by; ``scenario``: what those of the scenario are."""
        return f"{scenario}#{self.number}"

    def source(self, scenario: str, splits: Sequence[Split]) -> Source:
        """The arrivals of this process."""
        return Source(self._profile(), self.stream(scenario), splits, first=self.first, from_us=self.at_us)

    def count(self, scenario: str) -> int:
        """How many arrivals it has, over all processes."""
        return sum(times.size for _, times in chunks(self._profile(), self.stream(scenario)))

    def _profile(self) -> OpenProfile:
        return OpenProfile(self.legs, self.length_us, self.is_random, None, 0)

    def to_json(self) -> Json:
        """As plain data, for other processes."""
        legs = [[leg.at_us, leg.length_us, leg.from_rate, leg.to_rate, leg.stage] for leg in self.legs]
        return {
            "number": self.number, "at_us": self.at_us, "legs": legs, "first": self.first, "is_random": self.is_random
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Json) -> Segment:
        """The inverse of :meth:`to_json`."""
        legs = tuple(
            Leg(int(at_us), int(length_us), float(from_rate), float(to_rate), int(stage))
            for at_us, length_us, from_rate, to_rate, stage in data["legs"]
        )
        return cls(int(data["number"]), int(data["at_us"]), legs, int(data["first"]), bool(data["is_random"]))


def steady(rates: Sequence[tuple[float, float]]) -> tuple[Leg, ...]:
    """Legs that hold (rate per second, seconds) one after another; the stage of each is its place."""
    legs: list[Leg] = []
    at_us = 0
    for stage, (rate, length_s) in enumerate(rates):
        length_us = round(length_s * 1e6)
        legs.append(Leg(at_us, length_us, rate, rate, stage))
        at_us += length_us
    return tuple(legs)
