"""Our histograms in exponential buckets, as OpenTelemetry has them.

At a scale s a bucket's upper end is 2^(1/2^s) times its lower one: of a value v it is bucket ⌈log2(v)·2^s⌉ - 1, which
holds its upper end and not its lower one. Our bins are much narrower than such buckets; each goes as a whole into the
one that holds its middle. So no request is lost, and one may be in the neighbouring bucket if it was within 0.05 % of
the edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from loadworthy.record.histogram import Histogram, Int64Array
from loadworthy.record.many_histograms import bounds_of
from loadworthy.units import US_PER_S

MOST_BUCKETS = 160
"""As many as OpenTelemetry's own SDKs keep."""

HIGHEST_SCALE, LOWEST_SCALE = 8, -10
"""Prometheus' native histograms have no finer buckets; the coarsest scale holds anything in one."""


@dataclass(frozen=True, slots=True)
class ExponentialBuckets:
    """Counts of buckets of seconds; ``counts[0]`` is that of bucket ``offset``, ``zero_count`` those of 0 s."""

    scale: int
    offset: int
    counts: tuple[int, ...]
    zero_count: int


def scale_for(histogram: Histogram) -> int:
    """The finest scale at which all values fit into :data:`MOST_BUCKETS` buckets."""
    low_s = max(histogram.min_us, 1) / US_PER_S
    high_s = max(histogram.max_us, 1) / US_PER_S
    scales = range(HIGHEST_SCALE, LOWEST_SCALE, -1)
    fits = (scale for scale in scales if _bucket(high_s, scale) - _bucket(low_s, scale) < MOST_BUCKETS)
    return next(fits, LOWEST_SCALE)


def exponential_buckets(histogram: Histogram, scale: int) -> ExponentialBuckets:
    """The buckets of a histogram at a scale. What lies beyond an hour counts where the highest value lies."""
    bins, counts = histogram.used()
    zeros = int(counts[0]) if bins.size and bins[0] == 0 else 0
    if zeros:
        bins, counts = bins[1:], counts[1:]
    places = _buckets(bins, scale)
    if histogram.overflow:
        places = np.append(places, _bucket(histogram.max_us / US_PER_S, scale))
        counts = np.append(counts, histogram.overflow)
    if not places.size:
        return ExponentialBuckets(scale, 0, (), zeros)
    offset = int(places.min())
    found = np.zeros(int(places.max()) - offset + 1, dtype=np.int64)
    np.add.at(found, places - offset, counts)
    return ExponentialBuckets(scale, offset, tuple(found.tolist()), zeros)


def _buckets(bins: Int64Array, scale: int) -> Int64Array:
    low_us, high_us = bounds_of(bins)
    middles_s = (low_us + high_us) / 2 / US_PER_S
    places: Int64Array = (np.ceil(np.log2(middles_s) * 2.0**scale) - 1).astype(np.int64)
    return places


def _bucket(value_s: float, scale: int) -> int:
    return math.ceil(math.log2(value_s) * 2.0**scale) - 1
