"""Pours what was recorded into Locust's own statistics, in bulk.

Everything that Locust shows (web UI, console, CSV, HTML) reads ``environment.stats``. For each series a delta
``StatsEntry`` is built and ``extend`` is called with it on the entry and on the total: ``extend``, unlike writing the
fields, also feeds the cache from which Locust computes its current percentiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import locust.stats
from locust.stats import RequestStats, StatsEntry, StatsError

from loadworthy.clock import wall_s
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import SeriesInterval

ErrorCounts = Mapping[tuple[str, str, str], int]
"""(kind, name, message) → how often."""


MAX_ERRORS = 1000
OTHER_ERRORS = "(other errors)"
"""Where Locust already knows this many different errors, new ones are counted as this: messages may carry ids."""

SECONDS_KEPT = 60
"""Locust's readers look at the last dozen seconds of its per-second counts; it never forgets the others."""


def forget_old_seconds(stats: RequestStats) -> None:
    """Drop per-second counts that nobody reads any more, so that a run of days does not fill the memory."""
    oldest_s = int(wall_s()) - SECONDS_KEPT
    for entry in (stats.total, *stats.entries.values()):
        for counts in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
            for second in [second for second in counts if second < oldest_s]:
                del counts[second]


def feed(stats: RequestStats, series: Iterable[SeriesInterval], errors: ErrorCounts) -> None:
    """Add these series and errors to Locust's statistics."""
    now_s = wall_s()
    for figures in series:
        delta = _delta(stats, figures, now_s)
        stats.entries[(figures.name, figures.kind)].extend(delta)
        stats.total.extend(delta)
    for (kind, name, message), count in errors.items():
        _add_error(stats, kind, name, message, count)


def _delta(stats: RequestStats, figures: SeriesInterval, now_s: float) -> StatsEntry:
    response = figures.response
    delta = StatsEntry(stats, figures.name, figures.kind)
    delta.num_requests = figures.requests
    delta.num_none_requests = figures.requests - response.count
    delta.num_failures = figures.failures
    # Locust declares these as whole ms, and adds fractions of them all the same.
    delta.total_response_time = response.sum_us / 1000  # type: ignore[assignment]
    if response.count:
        delta.min_response_time = response.min_us / 1000  # type: ignore[assignment]
        delta.max_response_time = response.max_us / 1000  # type: ignore[assignment]
    delta.response_times = _response_times(response)
    delta.num_reqs_per_sec = {int(now_s): figures.requests}
    if figures.failures:
        delta.num_fail_per_sec = {int(now_s): figures.failures}
    delta.last_request_timestamp = now_s
    delta.total_content_length = figures.content_bytes
    return delta


def _response_times(response: Histogram) -> dict[int, int]:
    """Our bins as Locust's, by Locust's own rounding, which users may replace."""
    times: dict[int, int] = {}
    for low_us, high_us, count in response.bins():
        bucket = locust.stats.bucket_response_time((low_us + high_us) / 2000)
        times[bucket] = times.get(bucket, 0) + count
    return times


def _add_error(stats: RequestStats, kind: str, name: str, message: str, count: int) -> None:
    key = StatsError.create_key(kind, name, message)
    if key not in stats.errors and len(stats.errors) >= MAX_ERRORS:
        message = OTHER_ERRORS
        key = StatsError.create_key(kind, name, message)
    entry = stats.errors.get(key)
    if entry is None:
        entry = stats.errors[key] = StatsError(kind, name, message)
    entry.occurred()
    entry.occurrences += count - 1
