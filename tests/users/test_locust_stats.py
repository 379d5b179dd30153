"""Bulk feeding of Locust's statistics, held against Locust's own way of recording one by one."""

from random import Random

import pytest
from locust.stats import RequestStats

from loadworthy.record.buffer import SampleBuffer
from loadworthy.record.sample import Failure, FailureKind
from loadworthy.users.locust_stats import MAX_ERRORS, OTHER_ERRORS, feed

FAILED = Failure(FailureKind.STATUS, "500 Internal Server Error")


@pytest.fixture
def pair() -> tuple[RequestStats, RequestStats]:
    """Statistics of 2,000 samples: fed in bulk in five parts, and recorded one by one."""
    random = Random(4)
    bulk, single, buffer = RequestStats(), RequestStats(), SampleBuffer()
    for number in range(2000):
        name, size = random.choice(["/a", "/b"]), random.randrange(1000)
        time_us = round(random.lognormvariate(10, 1.5))
        failed = random.random() < 0.1
        buffer.record(
            "GET", name, 0, 0, time_us, 500 if failed else 200, 90, size + 60, FAILED if failed else None, size
        )
        single.log_request("GET", name, time_us / 1000, size)  # type: ignore[arg-type]  # fractional ms, as its users fire
        if failed:
            single.log_error("GET", name, FAILED.message)
        if number % 400 == 399:
            feed(bulk, buffer.drain()[0], buffer.drain_errors())
    return bulk, single


def test_bulk_feeding_gives_what_single_recording_gives(pair: tuple[RequestStats, RequestStats]) -> None:
    """Counts, sums, extremes, sizes and failures are equal, for each entry and the total."""
    bulk, single = pair
    for name in ("/a", "/b", None):
        fed, own = (stats.total if name is None else stats.get(name, "GET") for stats in (bulk, single))
        assert fed.num_requests == own.num_requests
        assert fed.num_failures == own.num_failures
        assert fed.total_content_length == own.total_content_length
        assert fed.total_response_time == pytest.approx(own.total_response_time)
        assert (fed.min_response_time, fed.max_response_time) == (own.min_response_time, own.max_response_time)
        assert sum(fed.num_reqs_per_sec.values()) == own.num_requests
        assert sum(fed.num_fail_per_sec.values()) == own.num_failures


@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.95, 0.99])
def test_percentiles_are_locusts_own(pair: tuple[RequestStats, RequestStats], fraction: float) -> None:
    """Within one step of Locust's own rounding: a bin of ours may lie on one of its edges."""
    bulk, single = pair
    fed, own = (stats.total.get_response_time_percentile(fraction) for stats in (bulk, single))
    assert fed == pytest.approx(own, rel=0.05)


def test_errors_are_counted_by_message(pair: tuple[RequestStats, RequestStats]) -> None:
    """The error report has the same lines and occurrences."""
    bulk, single = pair
    assert {key: error.occurrences for key, error in bulk.errors.items()} == {
        key: error.occurrences for key, error in single.errors.items()
    }


def test_current_percentiles_are_fed(pair: tuple[RequestStats, RequestStats]) -> None:
    """The web UI's current percentiles come from a cache that only ``extend`` fills."""
    bulk, _ = pair
    assert bulk.total.response_times_cache


def test_untimed_samples_count_without_a_time() -> None:
    """They are Locust's requests with no response time."""
    stats, buffer = RequestStats(), SampleBuffer()
    buffer.record_untimed("ASYNC", "note")
    buffer.record("ASYNC", "note", 0, 0, 5000)
    feed(stats, buffer.drain()[0], {})
    entry = stats.get("note", "ASYNC")
    assert (entry.num_requests, entry.num_none_requests) == (2, 1)
    assert entry.avg_response_time == 5


def test_errors_with_ids_do_not_fill_the_memory_and_known_ones_are_still_counted() -> None:
    """Beyond so many different messages new ones share a line; those that have one keep it."""
    stats = RequestStats()
    feed(stats, [], {("GET", "/a", f"no user {number}"): 1 for number in range(MAX_ERRORS)})
    feed(stats, [], {("GET", "/a", "no user 5"): 2, ("GET", "/a", "brand new"): 3, ("GET", "/a", "newer still"): 4})
    occurrences = {error.error: error.occurrences for error in stats.errors.values()}
    assert occurrences["no user 5"] == 3
    assert occurrences[OTHER_ERRORS] == 7
    assert len(stats.errors) == MAX_ERRORS + 1
