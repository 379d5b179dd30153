"""The figures of a series or a scenario, as ``summary.json`` has them.

A percentile is a number only if enough samples stand behind it (see :mod:`loadworthy.analysis.order_statistics`);
otherwise it is None, which every rendering shows as a dash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.order_statistics import min_samples
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import SeriesInterval
from loadworthy.units import US_PER_MS

Json = dict[str, Any]

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
"""Key in ``summary.json`` → fraction."""


def to_ms(value_us: float | None) -> float | None:
    """Milliseconds with the µs kept."""
    return None if value_us is None else round(value_us / US_PER_MS, 3)


@dataclass(frozen=True, slots=True)
class Distribution:
    """Response or service times in ms; None where unknown or where too few samples were taken."""

    mean: float | None
    min: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    max: float | None

    @classmethod
    def of(cls, histogram: Histogram) -> Distribution:
        """The figures of one histogram; mean, minimum and maximum are exact."""
        values = histogram.percentiles_us(tuple(PERCENTILES.values()))
        shown = {
            key: to_ms(value) if histogram.count >= min_samples(fraction) else None
            for (key, fraction), value in zip(PERCENTILES.items(), values, strict=True)
        }
        known = histogram.count > 0
        return cls(
            mean=to_ms(histogram.mean_us),
            min=to_ms(histogram.min_us) if known else None,
            max=to_ms(histogram.max_us) if known else None,
            **shown,
        )

    def to_json(self) -> Json:
        """In the order in which people read them."""
        keys = ("mean", "min", *PERCENTILES, "max")
        return {key: getattr(self, key) for key in keys}


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of one series, or of a scenario as a whole (``kind`` is empty then).

    ``throughput`` counts requests per second.
    """

    requests: int
    failures: int
    error_rate: float | None
    throughput: float | None
    response_time_ms: Distribution
    service_time_ms: Distribution
    status_codes: dict[int, int]
    failure_kinds: dict[str, int]
    received_bytes: int
    sent_bytes: int
    kind: str = ""
    name: str = ""

    @classmethod
    def of(cls, total: SeriesInterval, duration_s: float) -> Figures:
        """The figures of a merged series over the scenario's measured time."""
        response = Distribution.of(total.response)
        return cls(
            requests=total.requests,
            failures=total.failures,
            error_rate=total.failures / total.requests if total.requests else None,
            throughput=total.requests / duration_s if duration_s > 0 else None,
            response_time_ms=response,
            service_time_ms=response if total.service is total.response else Distribution.of(total.service),
            status_codes=dict(sorted(total.statuses.items())),
            failure_kinds=dict(sorted(total.failure_kinds.items(), key=lambda item: (-item[1], item[0]))),
            received_bytes=total.received_bytes,
            sent_bytes=total.sent_bytes,
            kind=total.kind,
            name=total.name,
        )

    def counts_json(self) -> Json:
        """The first part of the public form: counts and rates."""
        return {
            "requests": self.requests,
            "failures": self.failures,
            "error_rate": self.error_rate,
            "throughput": None if self.throughput is None else round(self.throughput, 6),
        }

    def details_json(self) -> Json:
        """The second part: times, codes, kinds of failure, bytes."""
        return {
            "response_time_ms": self.response_time_ms.to_json(),
            "service_time_ms": self.service_time_ms.to_json(),
            "status_codes": {str(code): count for code, count in self.status_codes.items()},
            "failure_kinds": self.failure_kinds,
            "received_bytes": self.received_bytes,
            "sent_bytes": self.sent_bytes,
        }

    def to_json(self) -> Json:
        """The public form of a series."""
        return {**self.counts_json(), **self.details_json()}
