"""What charts show, in words: a table of situations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.report.figures.courses import course

from loadworthy.report.figures import said
from loadworthy.report.figures.course import Course, Whole

Changes = Sequence[dict[str, Any]]


@pytest.mark.parametrize(
    ("at_s", "text"),
    [(0, "0:00"), (5, "0:05"), (5.9, "0:05"), (150, "2:30"), (3600, "1:00:00"), (90_061, "25:01:01")],
)
def test_moments(at_s: float, text: str) -> None:
    """Minutes and seconds, hours where there are any."""
    assert said.moment(at_s) == text


def rates(*values: float) -> Changes:
    return [{"throughput": value, "requests": round(value)} for value in values]


@pytest.mark.parametrize(
    ("changes", "parts", "words"),
    [
        ([], {}, ""),
        (rates(50, 100, 60), {}, "70.0/s on average, 100.0/s at most, at 0:01."),
        (rates(50, 100), {"step_s": 5}, "at 0:05. Each point covers 5 s."),
        (rates(9, 0, 0, 0, 9, 0, 9), {}, "Nothing was answered for 3 s, from 0:01 on."),
        ([{}] * 4, {"is_open": True}, "Of the iterations that were due 100 % began."),
        (
            [{"intended": 100.0, "sent": 80.0}] * 4, {"is_open": True},
            "Of the iterations that were due 80 % began: the dashed line is what was asked for.",
        ),
        ([{"intended": 0.0, "sent": 0.0}], {"is_open": True}, "100 % began."),
    ],
)  # fmt: skip
def test_throughput(changes: Changes, parts: dict[str, Any], words: str) -> None:
    """On average and at most; whether what was due was begun; where nothing was answered."""
    text = said.throughput(course(*changes, **parts))
    assert words in text
    assert bool(words) is bool(text)


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        (Whole(60.0, 0, 5), "60.0/s on average, 100.0/s at most, at 0:01."),
        (Whole(120.0, 0, 5), "120.0/s on average, with what was answered after the end, 100.0/s at most, at 0:01."),
        (Whole(None, 0, 5), "75.0/s on average"),
    ],
)
def test_the_average_is_that_of_the_summary(whole: Whole, words: str) -> None:
    """A chart leaves out what came after the end; its words must not say another rate than the figures above it."""
    assert said.throughput(course(*rates(50, 100), whole=whole)).startswith(words)


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        (Whole(9.0, 0, 5, intended=400, begun=400), "Of the iterations that were due 100 % began."),
        (Whole(9.0, 0, 5, intended=100_000, begun=99_999), "Of the iterations that were due 99.99 % began."),
        (Whole(9.0, 0, 5, intended=400, begun=100), "25 % began: the dashed line is what was asked for."),
        (
            Whole(9.0, 0, 5, intended=4000, begun=1000, late=3000),
            "25 % began; 3,000 are in no line, for the generator never came to them.",
        ),
    ],
)
def test_what_the_generator_never_came_to_is_told_of(whole: Whole, words: str) -> None:
    """No second of the timeline has it: from the seconds alone all that was due would have begun."""
    assert words in said.throughput(course(*[{}] * 4, is_open=True, whole=whole))


def test_a_service_that_was_never_slow_to_answer_has_no_stall() -> None:
    """Nor has one that is only starting, or ending."""
    assert "Nothing was answered" not in said.throughput(course(*rates(0, 0, 9, 9, 0)))


def p95s(*values: float | None) -> Changes:
    return [{"p95_ms": value, "p50_ms": 1.0} for value in values]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (p95s(*[20.0] * 10), "p95 stayed about 20.0 ms; at its worst 20.0 ms"),
        (p95s(*[20.0] * 5, 21.0, *[20.0] * 4), "p95 stayed about 20.0 ms; at its worst 21.0 ms, at 0:05."),
        (p95s(*[20.0] * 5, *[26.0] * 5), "p95 rose from 20.0 ms at first to 26.0 ms at the end; at its worst"),
        (p95s(*[20.0] * 5, *[70.0] * 5), "p95 rose from 20.0 ms at first to 70.0 ms at the end, 3.5 times; at its"),
        (p95s(*[9000.0] * 5, *[20.0] * 5), "p95 fell from 9.00 s at first to 20.0 ms at the end, 450 times; at its"),
        (p95s(*[20.0] * 5, *[0.0] * 5), "p95 fell from 20.0 ms at first to 0.00 ms at the end; at its worst 20.0 ms"),
        (p95s(*[0.0] * 10), "p95 stayed about 0.00 ms"),
        (p95s(20.0, None, None, 20.0), "p95 stayed about 20.0 ms"),
        ([{"p95_ms": None, "p50_ms": 5.0}] * 3, "p50 stayed about 5.00 ms; at its worst 5.00 ms"),
        ([{"p95_ms": 0.0, "p50_ms": 0.0}] * 3, ""),
        (p95s(*[20.0] * 5, *[0.0] * 5), "at its worst 20.0 ms, at 0:0"),
    ],
)
def test_response_time(changes: Changes, words: str) -> None:
    """How it went from the first fifth to the last, by the p95 or, where that is not known, by the p50."""
    assert words in said.response_time(course(*changes), [])


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ([20.0] * 5 + [70.0] * 5, {"is_varied": True}),
        ([None] * 4 + [20.0] * 3 + [70.0] * 3, {}),
        ([20.0] * 3 + [70.0] * 3 + [None] * 4, {}),
    ],
)
def test_beginning_and_end_are_compared_where_that_says_something(
    values: list[float | None], parts: dict[str, Any]
) -> None:
    """Not where the load was to change, nor where one of them is not known."""
    text = said.response_time(course(*p95s(*values), **parts), [])
    assert "rose" not in text
    assert "p95 was at its worst 70.0 ms, at 0:0" in text
    assert "half of its points are at 45.0 ms or less." in text


def test_percentiles_with_gaps_are_named() -> None:
    """A line that ends in the middle would look like a service that stopped."""
    changes: Changes = [
        {"p99_ms": None},
        {"p99_ms": 30.0},
        {"p99_ms": None, "p95_ms": None, "p50_ms": None, "requests": 0},
    ]
    text = said.response_time(course(*changes), [])
    assert text.endswith("Drawn only where a point has requests enough: p99 (368 requests).")
    assert "Drawn only" not in said.response_time(course(*changes, is_live=True), [])


def test_a_hump_is_told_of() -> None:
    """A course that ends as it began did not stay as it was if it was twice that between."""
    text = said.response_time(course(*p95s(*[20.0] * 8, *[200.0] * 3, *[20.0] * 8)), [])
    assert "stayed" not in text
    assert "between 0:08 and 0:11" in text
    assert "at its worst 200 ms" in text


def test_what_is_not_drawn_is_said() -> None:
    """With what it would take; while a run goes on there may be more to come."""
    changes = [{"p99_ms": None}] * 3
    text = said.response_time(course(*changes), ["p99"])
    assert text.endswith("Not drawn, for want of requests in each point: p99 (368 requests).")
    assert "Not drawn" not in said.response_time(course(*changes, is_live=True), ["p99"])


def failed(*counts: int) -> Changes:
    return [{"failures": count} for count in counts]


@pytest.mark.parametrize(
    ("changes", "kinds", "words"),
    [
        (failed(0, 0), [], ""),
        (failed(*[2] * 10), ["status"], "20 failures, all status; spread over the whole run."),
        (failed(*[0] * 10, 7, *[0] * 9), ["status"], "7 failures, all status; nine of ten between 0:10 and 0:11."),
        (failed(0, 1), ["status"], "1 failure, all status; nine of ten between 0:01 and 0:02."),
        (failed(*[0] * 20, *[50] * 5, *[0] * 20, 1), ["status"], "251 failures, all status; nine of ten between 0:20"),
    ],
)
def test_failures(changes: Changes, kinds: list[str], words: str) -> None:
    """How many, of which kind, and when most of them were."""
    text = said.failures(course(*changes, kinds=kinds))
    assert text.startswith(words)
    assert bool(words) is bool(text)


def test_failures_after_the_end_are_counted_too() -> None:
    """As many are told of as in the figures above, and which of them the chart has not."""
    text = said.failures(course(*failed(*[2] * 10), kinds=["status"], whole=Whole(9.0, 23, 5)))
    assert text == "23 failures, all status; spread over the whole run. 3 came after the end and are not drawn."


def test_the_most_frequent_kind_is_named() -> None:
    """Where there are several."""
    text = said.failures(course(*failed(3, 3), kinds=["status", "timeout_read"]))
    assert "status" in text
    assert "timeout_read" not in text


def test_failures_of_no_known_kind_are_failures() -> None:
    """A recording may not say."""
    assert said.failures(course(*failed(3, 3))).startswith("6 failures; ")


@pytest.mark.parametrize(
    ("changes", "parts", "words"),
    [
        ([], {}, ""),
        ([{"users": 1}, {"users": 7}, {"users": 7}, {"users": 2}], {}, "7 users at most, first reached at 0:01."),
        ([{"users": 1}], {}, "1 user at most, first reached at 0:00."),
        ([{"users": 1}], {"whole": Whole(9.0, 0, 3)}, "3 users at most."),
        (
            [{"users": 64}], {"is_open": True},
            "As many as it took to begin iterations when they were due: 64 users at most.",
        ),
    ],
)  # fmt: skip
def test_users(changes: Changes, parts: dict[str, Any], words: str) -> None:
    """How many there were, and when that was reached; in an open workload nobody asked for them."""
    assert said.users(course(*changes, **parts)) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([{}], ""),
        ([{"cpu": 0.5}, {"cpu": 0.931}], "Its busiest process used 93 % of a core at most."),
        (
            [{"cpu": 0.5, "loop_lag_ms": 1.0}, {"loop_lag_ms": 12.5}],
            "Its busiest process used 50 % of a core at most; its event loop was late by at most 12.5 ms.",
        ),
    ],
)
def test_generator(changes: Changes, words: str) -> None:
    """How busy it was, and how late."""
    assert said.generator(course(*changes)) == words


@pytest.mark.parametrize("tell", [said.throughput, said.failures, said.users, said.generator])
def test_nothing_is_said_of_nothing(tell: Callable[[Course], str]) -> None:
    """Before the first second there is nothing to see."""
    assert tell(course(is_live=True)) == ""
