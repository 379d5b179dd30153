"""The figures of which two groups of runs are compared, each with its contrast; no verdict yet.

The middle of each percentile is taken from the merged histograms of a side; percentiles are never averaged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from loadworthy.analysis.contrast import Basis, Contrast, contrast
from loadworthy.analysis.samples_by_window import ALL, Measured, ScenarioSample, SeriesSample
from loadworthy.record.histogram import Histogram
from loadworthy.units import US_PER_MS

ERROR_TOLERANCE = 0.001
"""So many more requests of all may fail, besides the tolerance's part of those that failed before."""

ERROR_RATE, THROUGHPUT, CAPACITY = "error rate", "throughput", "capacity"
MORE_IS_BETTER = (THROUGHPUT, CAPACITY)


class Change(StrEnum):
    """What is said of a figure, and of the whole."""

    WORSE = "worse"
    NOT_WORSE = "not worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One figure of one series.

    ``base`` and ``new`` are ms, shares or numbers per second. ``change`` is relative (0.1: ten percent more), for the
    error rate a difference of shares; ``low`` and ``high`` are its interval, None where there is none.
    ``better`` is set where it improved by more than the tolerance; that is told, and is no verdict.
    """

    scenario: str
    series: str
    figure: str
    base: float
    new: float
    change: float
    low: float | None = None
    high: float | None = None
    verdict: Change = Change.UNDECIDED
    better: bool = False
    basis: Basis | None = None
    runs_needed: int | None = None
    """Of an undecided one: about so many runs a side would decide it, if it stays as it looks."""


class Candidate(NamedTuple):
    """A figure before it is known how many are compared. ``contrast`` is None where nothing is known of its spread."""

    shown: ComparedFigure
    contrast: Contrast | None


def percentile_name(fraction: float) -> str:
    """``p95``, ``p99.9``."""
    return f"p{fraction * 100:.10g}"


def percentile(
    scenario: str, label: str, sides: Sequence[Sequence[SeriesSample]], fraction: float, tolerance: float
) -> Candidate | None:
    """A percentile of the response time; None where no run of a side has requests enough to name it."""
    used = [[one for one in side if fraction in one.log_percentiles] for side in sides]
    if not all(used):
        return None
    base_us, new_us = (
        max(Histogram.merged(one.response for one in side).percentile_us(fraction) or 0.0, 0.5) for side in used
    )
    base, new = ([one.log_percentiles[fraction] for one in side] for side in used)
    ratio = new_us / base_us
    shown = ComparedFigure(
        scenario, label, percentile_name(fraction), base_us / US_PER_MS, new_us / US_PER_MS, ratio - 1
    )
    return Candidate(shown, contrast(math.log(ratio), base, new, math.log1p(tolerance)))


def error_rate(
    scenario: str, label: str, sides: Sequence[Sequence[SeriesSample]], tolerance: float
) -> Candidate | None:
    """The share of requests that failed; None where there were none, or none of a single series failed at all."""
    measured = [[one.bad_share for one in side if one.bad_share is not None] for side in sides]
    counts = [sum(one.requests for one in side) for side in sides]
    if not all(counts):
        return None
    base, new = (_share(side) for side in sides)
    if label != ALL and not (base or new):
        return None  # the whole says so
    delta, margin = new - base, ERROR_TOLERANCE + tolerance * base
    shown = ComparedFigure(scenario, label, ERROR_RATE, base, new, delta)
    return Candidate(shown, contrast(delta, measured[0], measured[1], margin, _binomial_error((base, new), counts)))


def throughput(scenario: str, sides: Sequence[Sequence[SeriesSample]], tolerance: float) -> Candidate | None:
    """Requests per second of a closed scenario; None where a side has none."""
    measured = [[one.log_throughput for one in side if one.log_throughput is not None] for side in sides]
    return _more_is_better(scenario, THROUGHPUT, measured, tolerance)


def capacity(scenario: str, sides: Sequence[Sequence[ScenarioSample]], tolerance: float) -> Candidate | None:
    """The load that a search found safe; None where a side found none."""
    measured = [[one.log_capacity for one in side if one.log_capacity is not None] for side in sides]
    return _more_is_better(scenario, CAPACITY, measured, tolerance)


def _more_is_better(
    scenario: str, figure: str, sides: Sequence[Sequence[Measured]], tolerance: float
) -> Candidate | None:
    if not all(sides):
        return None
    base, new = (sum(one.value for one in side) / len(side) for side in sides)
    shown = ComparedFigure(scenario, ALL, figure, math.exp(base), math.exp(new), math.expm1(new - base))
    return Candidate(shown, contrast(base - new, sides[0], sides[1], math.log1p(tolerance)))


def _share(side: Sequence[SeriesSample]) -> float:
    """Over all runs, each by its number of requests."""
    weighted = [(one.bad_share.value, one.requests) for one in side if one.bad_share is not None]
    return sum(share * count for share, count in weighted) / sum(count for _, count in weighted)


def _binomial_error(shares: Sequence[float], counts: Sequence[int]) -> float:
    """What chance alone does to a difference of shares. With one more that failed and one more that did not a side, or
    no failure at all would mean that there never is one (A. Agresti and B. Caffo, The American Statistician 54, 2000).
    """
    moved = [(share * count + 1) / (count + 2) for share, count in zip(shares, counts, strict=True)]
    return math.sqrt(sum(share * (1 - share) / (count + 2) for share, count in zip(moved, counts, strict=True)))


def in_words(found: Contrast, figure: str, level: float, alpha: float) -> tuple[float, float]:
    """The ends of the interval as the change is told: relative, or a difference for the error rate."""
    low, high = found.low(level), found.high(alpha)
    if figure == ERROR_RATE:
        return low, high
    return (math.expm1(-high), math.expm1(-low)) if figure in MORE_IS_BETTER else (math.expm1(low), math.expm1(high))


def labels(sides: Sequence[Sequence[ScenarioSample]]) -> tuple[list[str], list[tuple[str, str]]]:
    """The series that both sides have, and those that only one has, with its name. A series that is the only one is
    the whole, and is not named twice."""
    base, new = (dict.fromkeys(label for one in side for label in one.series) for side in sides)
    both = [label for label in base if label in new]
    lonely = [(label, "BASE") for label in base if label not in new]
    lonely += [(label, "NEW") for label in new if label not in base]
    return (both[:1] if len(both) == 2 and not lonely else both), lonely
