"""The percentiles of a scenario from the fastest request to the far tail, each with its interval.

Points are even on the scale log10(1 ÷ (1 - p)), on which 90, 99 and 99.9 % have the same distance, and the percentiles
that people ask for are among them. The curve ends at the highest percentile that enough samples stand behind.

The intervals are those of thresholds: by a bootstrap over windows of time where the scenario was long enough for it,
else by order statistics, which take requests to be independent and are too narrow then. Here they are about the times
that were measured. A threshold counts what failed or was dropped as slower than all of them, so where there was much of
it, its interval lies higher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.bootstrap import percentile_intervals
from loadworthy.analysis.figures import to_ms
from loadworthy.analysis.order_statistics import interval_ranks, min_samples
from loadworthy.analysis.reading import Reading
from loadworthy.analysis.threshold_result import IntervalMethod
from loadworthy.analysis.windows import Window
from loadworthy.record.histogram import Histogram

NAMED = (0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999)
_POINTS_PER_DECADE, _DECADES = 10, 4


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A percentile: ``fraction`` 0..1 of the requests took no longer than ``ms``. ``low_ms`` and ``high_ms`` enclose it
    with 95 %; None for an end that is not finite, and for the fastest request."""

    fraction: float
    ms: float
    low_ms: float | None
    high_ms: float | None

    def to_json(self) -> dict[str, Any]:
        """The form that stands in ``report.json``."""
        return {"fraction": self.fraction, "ms": self.ms, "low_ms": self.low_ms, "high_ms": self.high_ms}


@dataclass(frozen=True, slots=True)
class PercentileCurve:
    """Points ascending, none where there are no samples; ``method`` says how the intervals were found."""

    points: tuple[CurvePoint, ...]
    method: IntervalMethod

    def to_json(self) -> dict[str, Any]:
        """The form that stands in ``report.json``."""
        return {"method": self.method, "points": [point.to_json() for point in self.points]}


@dataclass(frozen=True, slots=True)
class Curves:
    """Those of a scenario; ``service`` is None where service times are the response times."""

    response: PercentileCurve
    service: PercentileCurve | None = None


def percentile_curves(reading: Reading, scenario: str) -> Curves:
    """The curves of a scenario that ran, all of its requests together."""
    total, timeline = reading.totals.scenarios[scenario].total, reading.timeline

    def make() -> Curves:
        response = percentile_curve(total.response, timeline.windows(scenario))
        if total.service is total.response:
            return Curves(response)
        return Curves(response, percentile_curve(total.service, timeline.windows(scenario, service=True)))

    return timeline.remembered(scenario, ("percentile_curves",), make)


def percentile_curve(times: Histogram, windows: Sequence[Histogram] = ()) -> PercentileCurve:
    """The curve of some times.

    Args:
        times: all of them.
        windows: the same, shared out over windows of time that are alike in length, at least 2; without any, the
            intervals are those of order statistics.
    """
    fractions = [fraction for fraction in _fractions() if times.count >= min_samples(fraction)]
    values = times.percentiles_us(fractions)
    between = _by_windows(windows, fractions) if windows else [_by_order(times, fraction) for fraction in fractions]
    points = tuple(
        CurvePoint(fraction, round(value_us / 1000, 3), *ends)
        for fraction, value_us, ends in zip(fractions, values, between, strict=True)
        if value_us is not None
    )
    return PercentileCurve(points, "windows" if windows else "order statistics")


def _fractions() -> list[float]:
    count = _POINTS_PER_DECADE * _DECADES
    even = (round(1 - 10 ** (-number / _POINTS_PER_DECADE), 8) for number in range(count + 1))
    return sorted({*even, *NAMED})


def _by_order(times: Histogram, fraction: float) -> tuple[float | None, float | None]:
    if not 0 < fraction < 1:
        return None, None
    low, high = (
        None if rank is None else times.value_at_rank_us(rank) for rank in interval_ranks(fraction, times.count)
    )
    return to_ms(low), to_ms(high)


def _by_windows(windows: Sequence[Histogram], fractions: Sequence[float]) -> list[tuple[float | None, float | None]]:
    """The fastest request has no interval."""
    asked = [fraction for fraction in fractions if fraction > 0]
    drawn = [Window(one.count, 0, 0, 0, one) for one in windows]
    found = iter(percentile_intervals(drawn, asked, bad_is_slow=False))
    ends = [next(found) if fraction > 0 else (None, None) for fraction in fractions]
    return [(to_ms(low), to_ms(high)) for low, high in ends]
