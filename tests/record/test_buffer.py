"""The sample buffer against a naive recorder that keeps every sample."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from loadworthy.record.buffer import OTHER_NAMES, FailureLog, SampleBuffer
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import SeriesInterval
from loadworthy.record.sample import Failure, FailureKind


class Attempt(NamedTuple):
    """The arguments of one ``record`` call."""

    kind: str
    name: str
    intended_us: int
    lag_us: int
    service_us: int
    status: int
    sent_bytes: int
    received_bytes: int
    failure: Failure | None


ATTEMPTS = st.lists(
    st.builds(
        Attempt,
        kind=st.sampled_from(["GET", "POST"]),
        name=st.sampled_from(["/a", "/b", "/[id]"]),
        intended_us=st.integers(0, 10**12),
        lag_us=st.sampled_from([0, 0, 0, 1, 5000]),
        service_us=st.integers(0, 4_000_000),
        status=st.sampled_from([0, 200, 404, 500]),
        sent_bytes=st.integers(0, 10**6),
        received_bytes=st.integers(0, 10**6),
        failure=st.none() | st.builds(Failure, st.sampled_from(FailureKind), st.sampled_from(["x", "y"])),
    ),
    max_size=60,
)


def record(buffer: SampleBuffer, one: Attempt) -> None:
    sent_us = one.intended_us + one.lag_us
    done_us = sent_us + one.service_us
    buffer.record(
        one.kind,
        one.name,
        one.intended_us,
        sent_us,
        done_us,
        one.status,
        one.sent_bytes,
        one.received_bytes,
        one.failure,
    )


def naive(attempts: list[Attempt]) -> dict[tuple[str, str], dict[str, Any]]:
    """Each series counted from the list of its attempts."""
    groups: dict[tuple[str, str], list[Attempt]] = {}
    for one in attempts:
        groups.setdefault((one.kind, one.name), []).append(one)
    return {
        key: {
            "requests": len(group),
            "failures": sum(one.failure is not None for one in group),
            "kinds": Counter(one.failure.kind.value for one in group if one.failure),
            "statuses": Counter(one.status for one in group if one.status),
            "sent_bytes": sum(one.sent_bytes for one in group),
            "received_bytes": sum(one.received_bytes for one in group),
            "response": Histogram.of(one.lag_us + one.service_us for one in group),
            "service": Histogram.of(one.service_us for one in group),
        }
        for key, group in groups.items()
    }


def figures(drained: list[SeriesInterval]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (one.kind, one.name): {
            "requests": one.requests,
            "failures": one.failures,
            "kinds": one.failure_kinds,
            "statuses": one.statuses,
            "sent_bytes": one.sent_bytes,
            "received_bytes": one.received_bytes,
            "response": one.response,
            "service": one.service,
        }
        for one in drained
    }


@given(seconds=st.lists(ATTEMPTS, max_size=4))
@settings(max_examples=100, deadline=None)
def test_each_drain_holds_what_came_since_the_last(seconds: list[list[Attempt]]) -> None:
    """Second after second, every figure equals the naive recorder's, and nothing is carried over."""
    buffer = SampleBuffer()
    for attempts in seconds:
        for one in attempts:
            record(buffer, one)
        drained, interrupted = buffer.drain()
        assert figures(drained) == naive(attempts)
        assert interrupted == 0
    assert buffer.drain() == ([], 0)


def test_equal_times_share_one_histogram() -> None:
    """Service is response where every sample went out when it was meant to; one late sample parts them."""
    buffer = SampleBuffer()
    buffer.record("GET", "/a", 0, 0, 100)
    (same,), _ = buffer.drain()
    buffer.record("GET", "/a", 0, 30, 100)
    (late,), _ = buffer.drain()
    assert same.service is same.response
    assert (late.response.max_us, late.service.max_us) == (100, 70)


def test_untimed_samples_count_without_a_time() -> None:
    """They are requests, failures and statuses, and no part of the percentiles."""
    buffer = SampleBuffer()
    buffer.record("WS", "push", 0, 0, 40)
    buffer.record_untimed("WS", "push", failure=Failure(FailureKind.ASSERTION, "wrong"))
    (one,), _ = buffer.drain()
    assert (one.requests, one.failures, one.response.count) == (2, 1, 1)
    buffer.record_untimed("WS", "push")
    (only_untimed,), _ = buffer.drain()
    assert (only_untimed.requests, only_untimed.response.count) == (1, 0)


def test_too_many_names_share_one_series() -> None:
    """Names with an id in them do not eat the memory, and no request is lost."""
    buffer = SampleBuffer(max_series=3)
    for number in range(10):
        buffer.record("GET", f"/{number}", 0, 0, 1)
    buffer.record("POST", "/x", 0, 0, 1)
    drained, _ = buffer.drain()
    counts = {(one.kind, one.name): one.requests for one in drained}
    assert counts["GET", OTHER_NAMES] == 7
    assert counts["POST", OTHER_NAMES] == 1
    assert sum(counts.values()) == 11


def test_interrupted_attempts_are_counted_apart() -> None:
    """They are no samples."""
    buffer = SampleBuffer()
    buffer.interrupted()
    buffer.interrupted()
    assert buffer.drain() == ([], 2)
    assert buffer.drain() == ([], 0)


def test_failures_are_kept_a_few_of_each_kind() -> None:
    """The first of each way to fail in each series, and never more than the total."""
    log = FailureLog(per_key=2, total=5)
    status, reset = Failure(FailureKind.STATUS, "HTTP 500"), Failure(FailureKind.RESET, "reset")
    for _ in range(4):
        log.add("GET", "/a", 500, status)
        log.add("GET", "/a", 0, reset)
        log.add("GET", "/b", 500, status)
    kept = log.drain()
    assert [(name, failure.kind.value) for _, name, _, failure in kept] == [
        ("/a", "status"), ("/a", "reset"), ("/b", "status"), ("/a", "status"), ("/a", "reset"),
    ]  # fmt: skip
    log.add("GET", "/c", 500, status)
    assert log.drain() == []


def test_parts_are_drained_apart() -> None:
    """A connection and an iteration add to no series; the first byte comes with the sample, and is a part as well."""
    buffer = SampleBuffer()
    buffer.record("GET", "/a", 100, 130, 500, first_byte_us=400)
    buffer.record("GET", "/a", 0, 0, 50)
    buffer.record_part("connect", "shop:80", 100, 120)
    buffer.record_part("iteration", "User", 100, 600, None, 130)
    buffer.receive_lag(7)
    (series,), _ = buffer.drain()
    assert (series.requests, series.response.max_us, series.send_lag.max_us, series.send_lag.count) == (2, 400, 30, 1)
    parts = {(one.kind, one.name): one for one in buffer.drain_parts()}
    assert parts["first_byte", "GET /a"].response == Histogram.of([300])
    assert parts["connect", "shop:80"].response == Histogram.of([20])
    iteration = parts["iteration", "User"]
    assert (iteration.response.max_us, iteration.service.max_us, iteration.send_lag.max_us) == (500, 470, 30)
    assert buffer.drain_receive_lags() == Histogram.of([7])
    assert (buffer.drain(), buffer.drain_parts(), buffer.drain_receive_lags().count) == (([], 0), [], 0)


def test_a_failed_part_counts_its_failure() -> None:
    """In its own series; the sample that it belongs to fails by itself."""
    buffer = SampleBuffer()
    buffer.record_part("tls", "shop:443", 0, 9, Failure(FailureKind.TLS, "no"))
    (part,) = buffer.drain_parts()
    assert (part.failures, part.failure_kinds) == (1, {"tls": 1})
    assert buffer.drain_errors() == {}
