"""Does a metric drift: Kendall's tau for whether, Theil and Sen's slope for how much.

Readings that come every second hang together: a slow second is followed by another. The Mann-Kendall test takes each
for news, and on raw readings of a service that does not drift it cries wolf in a third of all runs, or in most. So the
run is cut into batches of equal time, far longer than readings hang together, and only one value of each is looked at:
the median, or, for memory, the minimum, which is what is left after the garbage is collected.

With AR(1) noise, one reading a second, and 25 batches, 4 % of runs without drift are called significant at the level of
5 % where φ = 0.6, and 5 % where φ = 0.8, from ten minutes to an hour (1,000 simulated runs each; minima up to 7 %).
Batches of a few seconds still hang together: of runs of two minutes it is 9 % and 20 %. That a drift must be large as
well is what stands between this and a verdict (see :mod:`loadworthy.analysis.endurance`).

Of the batches, Kendall's tau (here its p-value, two-sided) is the test, and the median of the slopes between all pairs
the estimate, with the interval that belongs to that test (Sen 1968, "Estimates of the regression coefficient based on
Kendall's tau"). Neither assumes a distribution, and a few wild batches move neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

BATCHES = 25
FEWEST_BATCHES, MOST_BATCHES = 20, 30
"""Fewer show no trend, more are so short that they hang together."""

MIN_LENGTH_S = 120.0
"""A shorter stretch tells nothing of an hour."""

S_PER_H = 3600.0

Statistic = Literal["median", "min"]
Point = tuple[float, float]
"""(seconds since the start, value)."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Where a metric went, in its own unit.

    ``slope_per_h`` with the interval ``low`` to ``high``; ``p_value`` of there being no trend. ``first`` and ``last``
    are where the line through the batches begins and ends, ``change`` is the difference: what it came to over the
    stretch of ``length_s`` seconds.
    """

    slope_per_h: float
    low: float
    high: float
    p_value: float
    change: float
    first: float
    last: float
    length_s: float

    def over_run(self, slope_per_h: float) -> float:
        """What a slope comes to over the stretch."""
        return slope_per_h * self.length_s / S_PER_H

    def to_json(self) -> dict[str, Any]:
        """The form that stands in ``summary.json``."""
        return {key: round(value, 6) for key, value in asdict(self).items()}


def drift_of(
    points: Sequence[Point], *, batches: int = BATCHES, statistic: Statistic = "median", alpha: float = 0.05
) -> Drift | None:
    """The drift of a metric; None with fewer than 20 batches that have a reading, or less than two minutes of them.

    Args:
        points: readings, ascending in time.
        batches: into how many stretches of equal time to cut them; those without a reading are left out.
        statistic: which value of a batch to look at.
        alpha: the interval holds the slope with a probability of 1 - alpha.

    Raises:
        ValueError: ``batches`` is not within 20 to 30.
    """
    values = [one_of(group, statistic) for group in batches_of(points, batches)]
    return trend_of(values, points[0][0], points[-1][0], alpha=alpha) if len(values) >= FEWEST_BATCHES else None


def batches_of(points: Sequence[Point], batches: int = BATCHES) -> list[list[Point]]:
    """The readings in batches of equal time, those without any left out; none at all of less than two minutes."""
    if not FEWEST_BATCHES <= batches <= MOST_BATCHES:
        raise ValueError(f"{batches} batches: there must be {FEWEST_BATCHES} to {MOST_BATCHES} of them")
    if len(points) < FEWEST_BATCHES or points[-1][0] - points[0][0] < MIN_LENGTH_S:
        return []
    start_s, length_s = points[0][0], points[-1][0] - points[0][0]
    groups: dict[int, list[Point]] = {}
    for point in points:
        place = min(int((point[0] - start_s) / length_s * batches), batches - 1)
        groups.setdefault(place, []).append(point)
    return list(groups.values())


def one_of(group: Sequence[Point], statistic: Statistic) -> Point:
    """What stands for a batch: the mean of its times, and the median or the minimum of its values."""
    values = [value for _, value in group]
    value = float(np.median(values)) if statistic == "median" else min(values)
    return sum(at_s for at_s, _ in group) / len(group), value


def trend_of(values: Sequence[Point], from_s: float, to_s: float, *, alpha: float = 0.05) -> Drift:
    """The trend of values that are taken as independent (one a batch), over the stretch from one time to another."""
    from scipy import stats

    at_s = np.array([one for one, _ in values])
    table = np.array([value for _, value in values])
    # SciPy's alpha is the level of confidence. Its method is that of the line's height alone: "joint" leaves as many
    # values above the line as below.
    fit = stats.theilslopes(table, at_s, alpha=1 - alpha, method="joint")
    slope, height = float(fit.slope), float(fit.intercept)
    p_value = float(stats.kendalltau(at_s, table).pvalue)  # NaN where all values are the same
    return Drift(
        slope_per_h=slope * S_PER_H,
        low=float(fit.low_slope) * S_PER_H,
        high=float(fit.high_slope) * S_PER_H,
        p_value=1.0 if math.isnan(p_value) else p_value,
        change=slope * (to_s - from_s),
        first=height + slope * from_s,
        last=height + slope * to_s,
        length_s=to_s - from_s,
    )
