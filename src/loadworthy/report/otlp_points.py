"""Points of OpenTelemetry metrics: one value, or one distribution, of one moment.

The messages are those of ``opentelemetry-proto``, an extra.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from loadworthy.record.histogram import Histogram
from loadworthy.report.exponential import exponential_buckets
from loadworthy.report.harmless import utf8
from loadworthy.units import US_PER_S

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint, NumberDataPoint

_NS_PER_MS = 1_000_000


def attributes_of(texts: Mapping[str, str]) -> list[KeyValue]:
    """Attributes with texts as their values."""
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    return [KeyValue(key=key, value=AnyValue(string_value=utf8(text))) for key, text in texts.items()]


def number_point(
    at_ms: float, value: float, attributes: Mapping[str, str], from_ms: float | None = None
) -> NumberDataPoint:
    """A value at a moment (ms since the epoch), an integer as such; ``from_ms`` is where a sum began."""
    from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

    point = NumberDataPoint(attributes=attributes_of(attributes), time_unix_nano=_ns(at_ms))
    if from_ms is not None:
        point.start_time_unix_nano = _ns(from_ms)
    if isinstance(value, int):
        point.as_int = value
    else:
        point.as_double = value
    return point


def distribution_point(
    at_ms: float, times: Histogram, scale: int, attributes: Mapping[str, str], from_ms: float
) -> ExponentialHistogramDataPoint:
    """All times since ``from_ms``, in seconds, in the exponential buckets of a scale."""
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

    found = exponential_buckets(times, scale)
    positive = ExponentialHistogramDataPoint.Buckets(offset=found.offset, bucket_counts=found.counts)
    return ExponentialHistogramDataPoint(
        attributes=attributes_of(attributes),
        start_time_unix_nano=_ns(from_ms),
        time_unix_nano=_ns(at_ms),
        count=times.count,
        sum=times.sum_us / US_PER_S,
        scale=scale,
        zero_count=found.zero_count,
        positive=positive,
        min=times.min_us / US_PER_S,
        max=times.max_us / US_PER_S,
    )


def _ns(at_ms: float) -> int:
    return round(at_ms * _NS_PER_MS)
