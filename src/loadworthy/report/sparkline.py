"""Figures over time in a line of plain characters, a character a value: ``▁`` is the least, ``█`` the most.

Three scales, for three uses. :func:`sparkline` spreads what there is over all the levels, for a trend over runs.
:func:`time_sparkline` is logarithmic, for latencies: a stall of seconds does not flatten the milliseconds around it,
and values that differ by less than a factor of two do not look like mountains. :func:`rate_sparkline` begins at zero,
for what is counted: half as high is half as much.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SPARKS = "▁▂▃▄▅▆▇█"
GAP = "·"
"""Stands where a value is not known."""

MOST_SPARKS = 60
LEAST_FACTOR = 2.0
"""From the lowest to the highest level of a logarithmic line, at least."""

_LEVELS = len(SPARKS) - 1

Values = Sequence[float | None]
"""The oldest first; None where it is not known."""

_Level = Callable[[float], float]
"""A value as a share of the height, 0..1."""


@dataclass(frozen=True, slots=True)
class Steps:
    """A figure over time in steps of so many seconds, the oldest first. ``name`` says which: ``p99``, ``per s``."""

    name: str
    step_s: int
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A line, and the least and the most of the values that were given; None where none is known.

    ``together`` is how many values stand behind a character.
    """

    text: str
    low: float | None
    high: float | None
    together: int = 1


def sparkline(values: Values, most: int = MOST_SPARKS) -> str:
    """A line from the least value to the most. Of more than ``most`` values neighbours are put together, by medians."""
    grouped, _ = _grouped(values, most, statistics.median)
    known = [value for value in grouped if value is not None]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    return _drawn(grouped, lambda value: (value - low) / span if span else 3 / _LEVELS)


def time_sparkline(values: Values, most: int = MOST_SPARKS) -> Sparkline:
    """A logarithmic line, for values above 0; of neighbours that are put together the largest counts."""
    grouped, together = _grouped(values, most, max)
    known = [value for value in values if value is not None]
    if not known:
        return Sparkline(GAP * len(grouped), None, None, together)
    low, high = min(known), max(known)
    floor = max(low, high * 1e-6, 1e-9)  # a time of 0 has no logarithm
    span = math.log(max(high / floor, LEAST_FACTOR))
    line = _drawn(grouped, lambda value: math.log(max(value, floor) / floor) / span)
    return Sparkline(line, low, high, together)


def rate_sparkline(values: Values, most: int = MOST_SPARKS) -> Sparkline:
    """A line from zero to the most; neighbours are put together by their mean."""
    grouped, together = _grouped(values, most, statistics.fmean)
    known = [value for value in values if value is not None]
    if not known:
        return Sparkline(GAP * len(grouped), None, None, together)
    highest = max(value for value in grouped if value is not None)
    line = _drawn(grouped, lambda value: max(value, 0.0) / highest if highest > 0 else 0.0)
    return Sparkline(line, min(known), max(known), together)


def _grouped(
    values: Values, most: int, put_together: Callable[[Sequence[float]], float]
) -> tuple[list[float | None], int]:
    """At most so many values, and how many of those given stand behind each."""
    if not values:
        return [], 1
    step = -(-len(values) // max(most, 1))
    groups = ([value for value in values[at : at + step] if value is not None] for at in range(0, len(values), step))
    return [put_together(group) if group else None for group in groups], step


def _drawn(values: Values, level: _Level) -> str:
    return "".join(GAP if value is None else SPARKS[round(level(value) * _LEVELS)] for value in values)
