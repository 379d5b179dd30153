"""What thresholds look at, second by second, against naive sums."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.runs import START_MS, interval, make_run, manifest, part, series

from loadworthy.analysis.reading import read
from loadworthy.analysis.selection import Rank, Tags
from loadworthy.analysis.windows import (
    FEWEST_WINDOWS,
    MOST_WINDOWS,
    ScenarioWindows,
    WindowBuilder,
    look_of,
    needs_windows,
    window_edges,
)
from loadworthy.plan.thresholds import Threshold, parse_threshold
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval


def windows_of(text: str, intervals: Sequence[Interval], tags: Tags | None = None) -> tuple[Threshold, ScenarioWindows]:
    threshold = parse_threshold(text)
    kept = ScenarioWindows([look_of(threshold)], tags or Tags())
    for one in intervals:
        kept.add(one)
    return threshold, kept


@given(st.integers(0, 20_000))
def test_windows_share_out_the_seconds_evenly(seconds: int) -> None:
    """20 to 60 of them, as long as each other to a second; of ten seconds or more where there is time for it."""
    edges = window_edges(seconds)
    lengths = [end - first for first, end in pairwise(edges)]
    if seconds < FEWEST_WINDOWS:
        assert not lengths
        return
    assert sum(lengths) == seconds
    assert FEWEST_WINDOWS <= len(lengths) <= MOST_WINDOWS
    assert max(lengths) - min(lengths) <= 1
    assert min(lengths) >= min(seconds // FEWEST_WINDOWS, 10)


_PIECES = st.lists(
    st.tuples(
        st.integers(0, 3),  # process
        st.integers(0, 12_000),  # ms after the start
        st.integers(1, 1100),  # ms long
        st.lists(st.integers(1, 5_000_000), max_size=4),  # µs
        st.integers(0, 3),  # failures
        st.booleans(),  # stopping
    ),
    min_size=1,
    max_size=25,
)


@given(_PIECES, st.integers(0, 5), st.randoms(use_true_random=False))
def test_seconds_are_those_of_a_naive_sum(
    pieces: list[tuple[int, int, int, list[int], int, bool]], warmup_s: int, order: random.Random
) -> None:
    """By the middle of each interval, over all processes, in any order; what came after the end is in the last one."""
    intervals = []
    for number, (process, begin_ms, length_ms, times, failures, stopping) in enumerate(pieces):
        failed = {"status": min(failures, len(times))} if failures and times else {}
        seen = [series("/a", times, failures=failed)] if times else []
        one = interval(0, *seen, process=process, number=number, duration_ms=length_ms)
        one.start_ms, one.stopping = START_MS + begin_ms, stopping
        intervals.append(one)
    order.shuffle(intervals)
    threshold, kept = windows_of(f"p95 < 1s{f', warmup {warmup_s}s' if warmup_s else ''}", intervals)
    seconds = kept.seconds(threshold)

    first_ms = min(one.start_ms for one in intervals)
    ends_ms = [one.start_ms + one.duration_ms for one in intervals if not one.stopping]
    whole = (max(ends_ms, default=first_ms) - first_ms + 50) // 1000
    if whole <= warmup_s:
        assert seconds is None
        return
    assert seconds is not None
    requests, failures_of = [0] * whole, [0] * whole
    times_of: list[list[Histogram]] = [[] for _ in range(whole)]
    for one in intervals:
        second = min((one.start_ms + one.duration_ms // 2 - first_ms) // 1000, whole - 1)
        requests[second] += sum(seen.requests for seen in one.series)
        failures_of[second] += sum(seen.failures for seen in one.series)
        times_of[second] += [seen.response for seen in one.series]
    assert seconds.requests.tolist() == requests[warmup_s:]
    assert seconds.failures.tolist() == failures_of[warmup_s:]
    for place in range(len(seconds)):
        assert seconds.histogram(place, place + 1) == Histogram.merged(times_of[place + warmup_s])
    measured = sum(seen.requests - seen.failures for one in intervals if not one.stopping for seen in one.series)
    if not warmup_s and all(one.start_ms + one.duration_ms <= first_ms + whole * 1000 for one in intervals):
        assert seconds.good.sum() == pytest.approx(measured)


def test_a_rate_does_not_jump_where_a_process_cuts_its_seconds_late() -> None:
    """Seconds cut at x.5 belong half to the second before and half to the one after."""
    intervals = [interval(second, series("/a", [1000] * 100), process=1, number=second) for second in range(10)]
    for one in intervals[1:]:
        one.start_ms += 500
    intervals[0].duration_ms = 1500
    threshold, kept = windows_of("throughput > 5/s for 2s", intervals)
    seconds = kept.seconds(threshold)
    assert seconds is not None
    assert seconds.good[2:9].tolist() == pytest.approx([100] * 7)


def test_what_ends_when_users_stop_counts_and_is_no_rate() -> None:
    """Its time is not measured."""
    ones = [interval(second, series("/a", [1000] * 100)) for second in range(5)]
    late = interval(4, series("/a", [1000] * 50), number=5)
    late.start_ms += 400
    late.stopping = True
    threshold, kept = windows_of("throughput > 5/s for 1s", [*ones, late])
    seconds = kept.seconds(threshold)
    assert seconds is not None
    assert seconds.requests.tolist() == [100, 100, 100, 100, 150]
    assert seconds.good.tolist() == [100] * 5


@pytest.mark.parametrize(
    ("pattern", "rank", "requests"),
    [
        (None, Rank.NAME, 16),
        ("GET /a", Rank.NAME, 4),
        ("/*", Rank.NAME, 6),
        ("push", Rank.NAME, 2),  # a series of that name goes before the kind
        ("message", Rank.KIND, 8),
        ("connect", Rank.PART, 1),
        ("tag:shop", Rank.NAME, 6),
    ],
)
def test_a_pattern_means_names_before_kinds_before_parts(pattern: str | None, rank: Rank, requests: int) -> None:
    """As in the totals, though nobody knows at the first interval what is still to come."""
    late = interval(1, series("/a", [1000] * 4), series("/b", [1000] * 2), series("push", [9] * 2, kind="message"))
    early = interval(
        0, series("x", [5] * 2, kind="push"), series("y", [5] * 6, kind="message"), part("connect", "h", [1])
    )
    tags = Tags(series={"shop": frozenset({("GET", "/a"), ("GET", "/b")})})
    threshold, kept = windows_of(f"{pattern} p95 < 1s" if pattern else "p95 < 1s", [early, late], tags)
    seconds = kept.seconds(threshold)
    assert seconds is not None
    assert (seconds.rank, int(seconds.requests.sum())) == (rank, requests)
    assert seconds.histogram(0, 2).count == requests


def test_send_lag_of_iterations_speaks_where_requests_tell_nothing() -> None:
    """As in the totals."""
    ones = [interval(0, series("/a", [1000] * 3), part("iteration", "U", [2000] * 2, send_lag_us=[70, 80]))]
    threshold, kept = windows_of("send_lag_p99 < 1ms", ones)
    seconds = kept.seconds(threshold)
    assert seconds is not None
    assert seconds.histogram(0, 1) == Histogram.of([70, 80])
    ones[0].series[0].send_lag = Histogram.of([5])
    threshold, kept = windows_of("send_lag_p99 < 1ms", ones)
    seconds = kept.seconds(threshold)
    assert seconds is not None
    assert seconds.histogram(0, 1) == Histogram.of([5])


def test_arrivals_have_their_seconds_too() -> None:
    """Dropped of what was settled: in an open workload sent and dropped, in a closed one iterations and slots."""
    ones = [interval(n, series("/a", [1000] * 4), scheduled=5, sent=4, dropped=n) for n in range(3)]
    threshold, kept = windows_of("dropped < 2 for 1s", ones)
    seconds = kept.seconds(threshold)
    assert seconds is not None
    assert (seconds.dropped.tolist(), seconds.settled.tolist()) == ([0, 1, 2], [4, 5, 6])
    assert (seconds.arrivals.scheduled, seconds.arrivals.dropped) == (15, 3)
    threshold, kept = windows_of("dropped < 2 for 1s", [interval(0, series("/a", [1] * 7), dropped=2)])
    seconds = kept.seconds(threshold)
    assert seconds is not None
    assert seconds.settled.tolist() == [9]


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("p95 < 1s", True),
        ("service_time_p50 < 1s", True),
        ("error_rate < 1% for 5s", True),
        ("throughput > 5/s, warmup 5s", True),
        ("mean < 1s", False),
        ("error_rate < 1%, abort", False),
        ("requests > 5", False),
        ("capacity > 5/s", False),
    ],
)
def test_only_what_thresholds_ask_for_is_kept(text: str, needed: bool) -> None:
    """Totals suffice for all else."""
    assert needs_windows(parse_threshold(text)) is needed
    builder = WindowBuilder(manifest({"load": [text]}))
    builder.add(interval(0, series("/a", [1000])))
    builder.add(interval(0, series("/a", [1000]), scenario="unheard of"))
    assert list(builder.scenarios) == (["load"] if needed else [])
    assert WindowBuilder().scenarios == {}


def test_a_run_is_read_with_its_windows(tmp_path: object) -> None:
    """In the one pass over its intervals."""
    run = make_run(
        tmp_path / "run",  # type: ignore[operator]
        [interval(second, series("/a", [1000] * (second + 1))) for second in range(25)],
        run_json=manifest({"load": ["p95 < 1s"]}),
    )
    seconds = read(run).windows.scenarios["load"].seconds(parse_threshold("p95 < 1s"))
    assert seconds is not None
    assert seconds.requests.tolist() == list(range(1, 26))
    assert [window.requests for window in seconds.windows()] == list(range(1, 26))
