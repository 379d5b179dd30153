"""Thresholds over stretches of a run, against a judge that goes through them one by one."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.runs import interval, series

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.selection import Tags
from loadworthy.analysis.stretches import holds, outside
from loadworthy.analysis.threshold_result import ThresholdResult
from loadworthy.analysis.thresholds import evaluate
from loadworthy.analysis.verdict import Verdict, worst
from loadworthy.analysis.windows import ScenarioWindows, look_of
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval


def totals_of(intervals: Sequence[Interval]) -> ScenarioTotals:
    totals = ScenarioTotals("load")
    for one in intervals:
        totals.add(one)
    return totals


def judged(text: str, intervals: Sequence[Interval], *, sent_alone: bool = False) -> ThresholdResult:
    threshold = parse_threshold(text)
    windows = ScenarioWindows([look_of(threshold)], Tags())
    for one in intervals:
        windows.add(one)
    return evaluate(threshold, totals_of(intervals), windows=windows, sent_alone=sent_alone)


def naive(core: str, length: int, intervals: Sequence[Interval]) -> Verdict:
    """Every stretch judged as if it were a run of its own; those of which nothing can be said are left out."""
    verdicts = []
    for first in range(len(intervals) - length + 1):
        totals = totals_of(intervals[first : first + length])
        threshold = parse_threshold(core)
        is_silent = not totals.total.requests and not totals.arrivals.dropped
        if is_silent and not core.startswith(("throughput", "requests")):
            continue
        if threshold.metric == "dropped_rate" and not totals.arrivals.settled:
            continue
        if is_silent:
            observed = 0.0
            verdicts.append(Verdict.PASS if holds(threshold, observed) else Verdict.FAIL)
        else:
            verdicts.append(evaluate(threshold, totals).verdict)
    return worst(verdicts)


_SECONDS = st.lists(
    st.tuples(
        st.integers(0, 60),  # requests
        st.sampled_from([1000, 80_000, 99_000, 110_000, 400_000]),  # µs of most
        st.integers(0, 6),  # of which slow
        st.integers(0, 6),  # of which failed
        st.integers(0, 3),  # dropped
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)  # the first example imports SciPy
@given(
    _SECONDS,
    st.integers(1, 5),
    st.sampled_from(
        [
            "p50 < 100ms",
            "p90 <= 100ms",
            "p95 < 200ms",
            "p95 > 100ms",
            "p10 >= 85ms",
            "mean < 100ms",
            "min > 50ms",
            "max < 400ms",
            "error_rate < 5%",
            "error_rate <= 0%",
            "throughput > 30/s",
            "requests >= 40",
            "failures < 4",
            "dropped < 3",
            "dropped_rate < 5%",
        ]
    ),
    st.booleans(),
)
def test_it_is_what_going_through_all_stretches_says(
    seconds: list[tuple[int, int, int, int, int]], length: int, core: str, is_open: bool
) -> None:
    """Missed where one stretch is missed, open where one is open, else held."""
    intervals = []
    for number, (requests, most_us, slow, failed, dropped) in enumerate(seconds):
        slow, failed = min(slow, requests), min(failed, requests)
        times = [most_us] * (requests - slow) + [500_000] * slow
        one = interval(number, series("/a", times, failures={"status": failed} if failed else {}))
        if is_open:
            one.scheduled, one.sent, one.dropped = requests + dropped, requests, dropped
        intervals.append(one)
    if is_open and not any(one.sent or one.scheduled for one in intervals):
        return
    result = judged(f"{core} for {length}s", intervals)
    if len(seconds) < length:
        assert result.verdict is Verdict.UNDECIDED
        return
    if not sum(requests for requests, *_ in seconds) and not any(one.dropped for one in intervals):
        assert result.verdict is Verdict.UNDECIDED
        return
    _force_open(intervals, is_open=is_open)
    assert result.verdict is naive(core, length, intervals), result.reason


def _force_open(intervals: Sequence[Interval], *, is_open: bool) -> None:
    """A stretch in which only drops were settled is still one of an open workload."""
    for one in intervals:
        one.scheduled += is_open


def test_a_short_breach_is_none_and_a_long_one_is() -> None:
    """Ten slow seconds in a minute: too few for "for 30s", enough for "for 10s", and for all together not one."""
    seconds = [interval(n, series("/a", [900_000 if 30 <= n < 40 else 1000] * 50)) for n in range(60)]
    assert judged("p50 < 500ms for 30s", seconds).verdict is Verdict.PASS
    short = judged("p50 < 500ms for 10s", seconds)
    assert short.verdict is Verdict.FAIL
    assert short.observed == pytest.approx(900, rel=5e-4)
    assert short.reason == (
        "p50 was 900 ms over 500 requests, limit 500 ms (the worst 10s of 51 on end, from second 30 to 40)"
    )
    assert judged("p50 < 500ms", seconds).verdict is Verdict.PASS


def test_a_process_that_reports_at_its_own_moments_is_merged() -> None:
    """Half of the failures in each of two processes: together they are too many."""
    ones = [
        interval(n, series("/a", [1000] * 50, failures={"status": 1} if n == 5 else {}), process=process, number=n)
        for n in range(12)
        for process in (1, 2)
    ]
    result = judged("failures < 2 for 1s", ones)
    assert (result.verdict, result.observed) == (Verdict.FAIL, 2)
    assert "from second 5 to 6" in result.reason


def test_a_run_that_is_too_short_is_undecided() -> None:
    """And says how long it was."""
    result = judged("p50 < 500ms for 10s", [interval(n, series("/a", [1000] * 50)) for n in range(5)])
    assert result.verdict is Verdict.UNDECIDED
    assert "the scenario had 5s, and not 10s on end" in result.reason
    result = judged("p50 < 1s for 4s, warmup 2s", [interval(n, series("/a", [1000] * 50)) for n in range(5)])
    assert "the scenario had 3s after the warm-up, and not 4s on end" in result.reason


def test_too_few_requests_in_a_stretch_are_undecided() -> None:
    """The remedy is another stretch, not only a longer run."""
    result = judged("p99 < 500ms for 2s", [interval(n, series("/a", [1000] * 50)) for n in range(30)])
    assert result.verdict is Verdict.UNDECIDED
    assert "100 requests are too few (368 needed); ask for a longer time on end" in result.reason


def test_a_stretch_without_requests_says_nothing_of_times_and_much_of_throughput() -> None:
    """Nobody was slow in it; and nothing was put through."""
    seconds = [interval(n, *([series("/a", [1000] * 100)] if n < 5 or n > 8 else [])) for n in range(14)]
    assert judged("p50 < 500ms for 2s", seconds).verdict is Verdict.PASS
    assert judged("error_rate < 1% for 2s", seconds).verdict is Verdict.PASS
    result = judged("throughput > 50/s for 2s", seconds)
    assert (result.verdict, result.observed) == (Verdict.FAIL, 0)


def test_the_warm_up_is_not_looked_at() -> None:
    """Neither its requests, nor its failures, nor its time."""
    slow = [interval(n, series("/a", [900_000] * 10, failures={"status": 10})) for n in range(10)]
    quick = [interval(n, series("/a", [1000] * 100)) for n in range(10, 40)]
    for core, observed in (
        ("p95 < 500ms", 1),
        ("error_rate <= 0%", 0),
        ("max < 500ms", 1),
        ("throughput > 99/s", 100),
        ("requests >= 3000", 3000),
        ("mean < 2ms", 1),
        ("p95 < 500ms for 10s", 1),
    ):
        assert judged(core, slow + quick).verdict is not Verdict.PASS or core.startswith("requests")
        after = judged(f"{core}, warmup 10s", slow + quick)
        assert after.verdict is Verdict.PASS, after.reason
        assert after.observed == pytest.approx(observed)


def test_a_run_within_its_warm_up_is_undecided() -> None:
    """Nothing is left to judge, and that is what it says."""
    result = judged("error_rate < 1%, warmup 1m", [interval(n, series("/a", [1000])) for n in range(5)])
    assert result.verdict is Verdict.UNDECIDED
    assert "the scenario was over within its warm-up of 1m" in result.reason
    result = judged(
        "error_rate < 1%, warmup 2s", [interval(n, *([series("/a", [9])] if n < 2 else [])) for n in range(5)]
    )
    assert result.verdict is Verdict.UNDECIDED
    assert "no request was made after the warm-up" in result.reason


def test_drops_after_the_warm_up_only() -> None:
    """In an open workload, what was dropped counts as slow, unless it was before."""
    ones = [
        interval(n, series("/a", [1000] * 90), scheduled=100, sent=90, dropped=10 if n < 5 else 0) for n in range(30)
    ]
    assert judged("error_rate < 1%", ones).verdict is Verdict.FAIL
    assert judged("error_rate < 1%, warmup 5s", ones).verdict is Verdict.PASS
    assert judged("dropped <= 0, warmup 5s", ones).verdict is Verdict.PASS
    assert judged("p95 < 5ms for 3s", ones).verdict is Verdict.FAIL
    assert judged("p95 < 5ms for 3s", ones, sent_alone=True).verdict is Verdict.PASS
    assert judged("p95 < 5ms for 3s, warmup 5s", ones).verdict is Verdict.PASS
    ones[-1].dropped = ones[-1].late = 7
    assert "7 of them because the generator was behind" in judged("dropped <= 0, warmup 5s", ones).reason


def test_a_long_run_has_its_interval_from_windows() -> None:
    """From 20 whole seconds on; seconds that differ make it wider than order statistics would."""
    rng = random.Random(3)
    spread = [[100_000 * (1 + n % 5) + rng.randrange(1000) for _ in range(99)] for n in range(60)]
    ones = [interval(n, series("/a", times)) for n, times in enumerate(spread)]
    by_windows, by_order = judged("p50 < 320ms", ones), evaluate(parse_threshold("p50 < 320ms"), totals_of(ones))
    assert (by_windows.interval, by_order.interval) == ("windows", "order statistics")
    assert (by_order.verdict, by_windows.verdict) == (Verdict.PASS, Verdict.UNDECIDED)
    assert judged("p50 < 450ms", ones).verdict is Verdict.PASS
    assert judged("p50 < 320ms", ones[:19]).interval == "order statistics"
    bursts = [interval(n, series("/a", [900_000 if n in (7, 22, 41) else 100_000] * 99)) for n in range(60)]
    result = judged("p95 < 500ms", bursts)
    assert result.verdict is Verdict.UNDECIDED
    assert result.observed == pytest.approx(100, rel=5e-4)
    assert result.low == pytest.approx(100, rel=5e-4)
    assert result.high == pytest.approx(900, rel=5e-4)
    assert evaluate(parse_threshold("p95 < 500ms"), totals_of(bursts)).verdict is Verdict.UNDECIDED
    assert judged("p95 < 950ms", bursts).verdict is Verdict.PASS
    assert judged("p95 < 90ms", bursts).verdict is Verdict.FAIL


def test_failures_leave_the_interval_without_an_end() -> None:
    """4 % failed, all in a few seconds: in another run they might be 6 %, and leave no p95."""
    ones = [
        interval(n, series("/a", [1000] * 50, failures={"status": 40} if n in (5, 25, 45) else {})) for n in range(60)
    ]
    result = judged("p95 < 500ms", ones)
    assert (result.verdict, result.low, result.high) == (Verdict.UNDECIDED, 1, None)
    assert "with 97.5 % confidence it is at least 1.00 ms" in result.reason


@given(
    st.lists(st.integers(1, 3_000_000), max_size=30),
    st.sampled_from(["<", "<=", ">", ">="]),
    st.sampled_from([1, 5, 100, 700]),
)
def test_outside_the_limit(times: list[int], op: str, limit_ms: int) -> None:
    """Counted to the limit's bin: values further off than its width are on the right side."""
    threshold = parse_threshold(f"p50 {op} {limit_ms}ms")
    found = outside(Histogram.of(times), threshold)
    near = sum(abs(value - threshold.limit) <= threshold.limit / 1000 for value in times)
    assert abs(found - sum(not holds(threshold, value) for value in times)) <= near
    assert outside(Histogram.of([limit_ms * 1000] * 3), threshold) == (0 if "=" in op else 3)
