"""How far each percentile moved between two sides of runs: what a single figure of a comparison is one point of.

A shift that is the same everywhere is a slower service; one in the tail alone is a queue, a lock or a cache. (The idea
is that of the shift function: K. A. Doksum, *Annals of Statistics* 2, 1974.) The values are of all runs of a side
together; how sure a shift is comes from the spread between runs, as everywhere in a comparison.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from loadworthy.analysis.contrast import contrast
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.samples_by_window import ALL, Measured, RunSample, SeriesSample
from loadworthy.record.histogram import Histogram
from loadworthy.units import US_PER_MS

FRACTIONS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class ShiftPoint:
    """One percentile of both sides, in ms; ``change`` is relative, 0.1 for ten percent more.

    ``low`` and ``high`` enclose the change with 95 %; None where nothing is known of the spread.
    """

    fraction: float
    base_ms: float
    new_ms: float
    change: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class QuantileShift:
    """Ascending percentiles of a scenario as a whole."""

    scenario: str
    points: tuple[ShiftPoint, ...]


def quantile_shifts(
    base: Sequence[RunSample], new: Sequence[RunSample], scenarios: Sequence[str]
) -> list[QuantileShift]:
    """The shift of each of the scenarios that both sides have, without those of too few requests."""
    found = []
    for name in scenarios:
        sides = [_with_times(side, name) for side in (base, new)]
        points = list(_points(*sides)) if all(sides) else []
        if len(points) > 1:
            found.append(QuantileShift(name, tuple(points)))
    return found


def _with_times(runs: Sequence[RunSample], scenario: str) -> list[SeriesSample]:
    """The scenario as a whole in each run that measured any time in it."""
    known = [run.scenarios[scenario].series[ALL] for run in runs if scenario in run.scenarios]
    return [one for one in known if one.response.count]


def _points(base: Sequence[SeriesSample], new: Sequence[SeriesSample]) -> list[ShiftPoint]:
    whole = [Histogram.merged(run.response for run in side) for side in (base, new)]
    return [
        _point(fraction, base, new, whole)
        for fraction in FRACTIONS
        if min(one.count for one in whole) >= min_samples(fraction)
    ]


def _point(
    fraction: float, base: Sequence[SeriesSample], new: Sequence[SeriesSample], whole: Sequence[Histogram]
) -> ShiftPoint:
    before, after = (max(one.percentile_us(fraction) or 0.0, 0.5) for one in whole)
    delta = math.log(after / before)
    runs = [[_measured(run.response, fraction) for run in side] for side in (base, new)]
    sure = contrast(delta, runs[0], runs[1], 0.0)
    return ShiftPoint(
        fraction=fraction,
        base_ms=before / US_PER_MS,
        new_ms=after / US_PER_MS,
        change=after / before - 1,
        low=None if sure is None else math.expm1(sure.low(_TAIL)),
        high=None if sure is None else math.expm1(sure.high(_TAIL)),
    )


def _measured(response: Histogram, fraction: float) -> Measured:
    return Measured(math.log(max(response.percentile_us(fraction) or 0.0, 0.5)), None)
