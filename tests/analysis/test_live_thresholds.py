"""Thresholds while a run goes on: what is told when, and that the order in which processes report does not matter."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.runs import START_MS, interval, part, series

from loadworthy.analysis.live_states import is_live
from loadworthy.analysis.live_thresholds import Breach, LiveThresholds
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.record.interval import Interval

SLACK_S = 3


def told(
    texts: str | Sequence[str], intervals: Iterable[Interval], plan: Mapping[str, Any] | None = None, processes: int = 1
) -> list[Breach]:
    """All that is told while these come."""
    live = LiveThresholds({"load": [texts] if isinstance(texts, str) else texts}, plan, processes=processes)
    return [breach for one in intervals for breach in live.add(one)]


def steady(seconds: int, times_us: int = 1000, failed: int = 0, requests: int = 50, first: int = 0) -> list[Interval]:
    """Seconds that are all alike."""
    failures = {"status": failed} if failed else {}
    return [interval(n, series("/a", [times_us] * requests, failures=failures)) for n in range(first, first + seconds)]


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("p95 < 500ms", {}, {"times_us": 900_000}),
        ("service_time_p50 < 500ms", {}, {"times_us": 900_000}),
        ("p5 > 5ms", {"times_us": 9000}, {}),
        ("p95 < 500ms for 3s", {}, {"times_us": 900_000}),
        ("error_rate < 1%", {}, {"failed": 20}),
        ("error_rate < 1% for 5s", {}, {"failed": 20}),
        ("p95 < 500ms", {}, {"failed": 20}),
        ("failures < 5", {}, {"failed": 20}),
        ("max < 500ms", {}, {"times_us": 900_000}),
        ("min > 5ms", {"times_us": 9000}, {}),
        ("mean < 100ms", {}, {"times_us": 900_000}),
        ("throughput > 20/s", {}, {"requests": 5}),
        ("throughput < 60/s", {}, {"requests": 500}),
        ("requests < 3000", {"requests": 10}, {"requests": 500}),
        ("/a p95 < 500ms", {}, {"times_us": 900_000}),
        ("GET p95 < 500ms", {}, {"times_us": 900_000}),
    ],
)
def test_a_breach_is_told_once_and_not_before_it_is_there(text: str, good: dict[str, int], bad: dict[str, int]) -> None:
    """Nothing in twenty good seconds; then, in bad ones, one breach with the threshold and its evidence."""
    assert told(text, steady(20, **good)) == []
    (breach,) = told(text, [*steady(20, **good), *steady(40, first=20, **bad)])
    assert (breach.scenario, breach.expression, breach.abort, breach.recovered) == ("load", text, False, False)
    assert breach.message.startswith(f"{text} was missed: ")
    assert "up to second" in breach.message


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("p95 < 500ms for 2s", "100 of 100 requests (100.00 %) took longer than 500 ms in 2 s"),
        ("error_rate < 1%", "20 of 50 requests failed, up to second 1"),
        ("max < 500ms", "900 ms over 50 requests"),
        ("failures < 5 for 1s", "20 of 50 requests failed in 1 s"),
        ("throughput > 90/s", "50.0/s in 10 s, up to second 20"),
    ],
)
def test_the_message_holds_the_evidence(text: str, evidence: str) -> None:
    """Counts, the limit, and since when it is known."""
    failures = {"status": 20} if text.startswith(("error", "failures")) else {}
    ones = [interval(n, series("/a", [900_000] * 50, failures=failures)) for n in range(30)]
    if text.startswith("throughput"):
        ones = [interval(n, series("/a", [1000] * 50)) for n in range(30)]
    (breach,) = told(text, ones)
    assert evidence in breach.message


def test_what_is_not_sure_is_not_told() -> None:
    """Two of a hundred failed where one may: that happens by chance. With forty of two thousand it is sure."""
    after = interval(20)
    two_failed = [interval(n, series("/a", [1000] * 100, failures={"status": 2})) for n in range(20)]
    assert told("error_rate <= 1%", [two_failed[0], after]) == []
    assert told("error_rate <= 1%", [*two_failed, after])
    assert told("p50 < 500ms", [interval(0, series("/a", [900_000] * 5)), after]) == []
    assert told("p50 < 500ms", [interval(0, series("/a", [900_000] * 6)), after])


def test_it_holds_again_and_is_missed_again() -> None:
    """Each is told once, with a recovery between."""
    text = "error_rate < 5% for 5s, abort"
    ones = [interval(n, series("/a", [1000] * 50, failures={"status": 25} if n // 10 % 2 else {})) for n in range(50)]
    breaches = told(text, ones)
    assert [(one.recovered, one.abort) for one in breaches] == [
        (False, True), (True, False), (False, True), (True, False)
    ]  # fmt: skip
    assert "holds again" in breaches[1].message


def test_the_first_seconds_are_left_alone() -> None:
    """By the warm-up, if there is one; throughput in any case, while users are still coming."""
    slow = [*steady(10, 900_000, 20), *steady(20, first=10)]
    for text in ("p95 < 500ms", "error_rate < 1%", "max < 1ms", "mean < 5ms", "p95 < 500ms for 3s"):
        assert told(text.replace("max < 1ms", "max < 500ms"), slow)
        assert told(f"{text.replace('max < 1ms', 'max < 500ms')}, warmup 10s", slow) == []
    ramp = [*steady(10, requests=1), *steady(30, first=10)]
    assert told("throughput > 40/s", ramp) == []
    (breach,) = told("throughput > 40/s", [*ramp, *steady(10, first=40, requests=30)])
    assert "up to second" in breach.message


def test_a_pause_of_all_requests_is_no_throughput() -> None:
    """Intervals without requests still say that time goes by."""
    ones = [interval(n, *([series("/a", [1000] * 50)] if n < 20 else [])) for n in range(40)]
    (breach,) = told("throughput > 40/s", ones)
    assert breach.message.startswith("throughput > 40/s was missed: ")


def test_users_that_are_stopping_prove_nothing() -> None:
    """The end of a scenario is no breach."""
    ones = steady(40)
    for one in steady(5, 900_000, 50, first=40):
        one.stopping = True
        ones.append(one)
    assert told(["max < 500ms", "error_rate < 1%", "throughput > 40/s"], ones) == []


def stopped(*processes: int) -> list[Interval]:
    """What each of these hands in when its measured time is over."""
    ends = [interval(9, series("/a", [900_000] * 50), process=process) for process in processes]
    for one in ends:
        one.stopping = True
    return ends


def test_the_last_moment_is_looked_at_when_all_is_over() -> None:
    """A part of a second, and the seconds that some process had not passed; never before all have handed in theirs."""
    bad = [
        interval(n, series("/a", [900_000] * 50), process=process, duration_ms=400) for process in (1, 2) for n in (0,)
    ]
    assert told("p95 < 500ms", bad, processes=2) == []
    assert told("p95 < 500ms", [*bad, *stopped(1, 1)], processes=2) == []
    (breach,) = told("p95 < 500ms", [*bad, *stopped(1, 2, 1)], processes=2)
    assert breach.message.endswith("up to second 1")
    assert told("p95 < 500ms", [*bad, *stopped(1, 2)], processes=0) == []  # nobody knows whether that is all


@pytest.mark.parametrize(("last_ms", "count"), [(1000, 1), (999, 0)])
def test_what_looks_at_so_many_seconds_needs_whole_ones(last_ms: int, count: int) -> None:
    """The last of them, too."""
    ones = [*steady(2, 900_000), interval(2, series("/a", [900_000] * 50), duration_ms=last_ms)]
    assert told("p95 < 500ms for 3s", ones) == []
    assert len(told("p95 < 500ms for 3s", [*ones, *stopped(0)])) == count


@pytest.mark.parametrize(
    "text",
    [
        "requests > 100",
        "capacity >= 300/s",
        "requests_per_user_minute < 120",
        "max > 5ms",
        "min < 5ms",
        "failures > 3",
        "dropped >= 5",
    ],
)
def test_what_is_only_known_at_the_end_is_not_looked_at(text: str) -> None:
    """It may still come."""
    assert not is_live(parse_threshold(text))
    assert told(text, steady(30)) == []


LIMITS = {
    **dict.fromkeys(("max", "min", "mean", "p95", "service_time_max"), "5ms"),
    **dict.fromkeys(("requests", "failures", "dropped", "throughput"), "1"),
    **dict.fromkeys(("error_rate", "dropped_rate"), "50%"),
}


@pytest.mark.parametrize("after", ["", " for 5s", ", warmup 5s"])
@pytest.mark.parametrize("op", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("figure", LIMITS)
def test_an_abort_that_a_plan_may_have_can_come(figure: str, op: str, after: str) -> None:
    """Of a run in which all is bad, one in which all is good, and one in which nothing is done, one is aborted."""
    text = f"{figure} {op} {LIMITS[figure]}{after}"
    bad = series("/a", [900_000] * 50, failures={"status": 40})
    runs = [
        [interval(n, bad, scheduled=400, sent=50, dropped=350) for n in range(30)],
        [interval(n, series("/a", [1000] * 50), scheduled=50, sent=50) for n in range(30)],
        [interval(n) for n in range(30)],
    ]
    try:
        parse_threshold(f"{text}, abort")
    except ValueError as error:
        assert "can only be known when all is over" in str(error)  # noqa: PT017  others are not refused at all
        assert not any(told(text, run) for run in runs)
    else:
        assert any(one.abort for run in runs for one in told(f"{text}, abort", run))


def test_drops_count() -> None:
    """As what is slower than any limit, as failed, and as themselves."""
    ones = [interval(n, series("/a", [1000] * 80), scheduled=100, sent=80, dropped=20) for n in range(10)]
    for text in ("p95 < 5ms", "error_rate < 1%", "dropped < 30", "dropped_rate < 1%", "p95 < 5ms for 2s"):
        (breach,) = told(text, ones)
        assert "dropped" in breach.message
    assert told(["p50 < 5ms", "send_lag_p99 < 1ms"], ones) == []


def test_tags_and_parts_are_meant_as_at_the_end() -> None:
    """By the steps of the plan; and parts where no series has the name."""
    plan = {"scenarios": {"load": {"endpoints": [{"path": "/a", "tags": ["shop"]}, {"path": "/b"}]}}}
    pieces = series("/a", [900_000] * 50), series("/b", [1000] * 50), part("connect", "h", [400_000] * 9)
    ones = [interval(n, *pieces) for n in range(9)]
    assert told("tag:shop p95 < 500ms", ones, plan)
    assert told("tag:other p95 < 500ms", ones, plan) == []
    assert told("connect p95 < 100ms", ones)
    assert told("/b p95 < 500ms", ones) == []


def test_scenarios_may_be_left_out() -> None:
    """One that looks for the load at which thresholds break, breaks them."""
    live = LiveThresholds({"load": ["max < 5ms"], "other": ["max < 5ms"]}, skip={"load"})
    assert [breach for one in steady(9, 900_000) for breach in live.add(one)] == []


@st.composite
def _several(draw: st.DrawFn) -> tuple[list[list[Interval]], int]:
    """Two or three processes that begin within a second; some seconds are slow, or fail."""
    processes = draw(st.integers(2, 3))
    bad = draw(st.sets(st.integers(0, 24), max_size=12))
    columns = []
    for process in range(1, processes + 1):
        offset_ms = draw(st.integers(0, 900))
        column = []
        for number in range(25):
            times = [900_000 if number in bad else 1000] * (20 + 7 * process)
            failures = {"status": 9} if number in bad and process == 1 else {}
            one = interval(number, series("/a", times, failures=failures), process=process, number=number)
            one.start_ms = START_MS + offset_ms + number * 1000
            column.append(one)
        columns.append(column)
    return columns, processes


TEXTS = ("p95 < 500ms", "p90 < 500ms for 3s", "error_rate < 5%", "error_rate < 2% for 2s, abort", "max < 500ms")


@settings(deadline=None, max_examples=60)
@given(_several(), st.randoms(use_true_random=False), st.booleans())
def test_the_order_in_which_processes_report_does_not_matter(
    given_columns: tuple[list[list[Interval]], int], order: random.Random, is_known: bool
) -> None:
    """Each reports in its own order, up to two seconds behind the others: the same breaches come of it."""
    columns, processes = given_columns
    late_ms = [[order.randrange(2000) for _ in column] for column in columns]
    arrivals = []
    for column, delays in zip(columns, late_ms, strict=True):
        at_ms = 0
        for one, delay in zip(column, delays, strict=True):
            at_ms = max(at_ms, one.start_ms + one.duration_ms + delay)
            arrivals.append((at_ms, one.process, one))
    shuffled = [one for _, _, one in sorted(arrivals, key=lambda item: item[:2])]
    in_order = sorted((one for column in columns for one in column), key=lambda one: (one.start_ms, one.process))
    expected = processes if is_known else 0
    # Only what could be looked at in both is compared: without a number of processes the last seconds stay unknown.
    assert told(TEXTS, shuffled, processes=expected) == told(TEXTS, in_order, processes=expected)


@pytest.mark.parametrize("heard_first", [1, 2])
def test_the_scenario_begins_with_the_process_that_began_first(heard_first: int) -> None:
    """Not with the one that was heard of first."""
    ones = [
        interval(n, series("/a", [900_000 if process == 2 and n == 3 else 1000] * 9), process=process, number=n)
        for n in range(9)
        for process in (heard_first, 3 - heard_first)
    ]
    for one in ones:
        one.start_ms += 900 * (one.process == 1)
    (breach,) = told("max < 500ms", ones, processes=2)
    assert breach.message.endswith("up to second 4")


def test_a_lost_process_does_not_stop_the_judging() -> None:
    """Three seconds beyond, a second is looked at without it."""
    first = [interval(n, series("/a", [1000] * 50), process=1, number=n) for n in range(3)]
    second = [interval(n, series("/a", [900_000] * 50), process=2, number=n) for n in range(12)]
    live = LiveThresholds({"load": ["max < 500ms for 5s"]}, processes=2)
    when = [one.number for one in [*first, *second] if live.add(one)]
    assert when == [4 + SLACK_S]
