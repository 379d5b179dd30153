"""Series over time: true to the raw samples, in steps that fit charts, and kept in little memory."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.runs import START_MS, interval, series

from loadworthy.analysis.figures import Distribution
from loadworthy.analysis.series_timeline import MOST_SLOTS, POINTS, SLOTS_S, SeriesSecond, SeriesTimeline
from loadworthy.analysis.timeline import STEPS_S, TimelineBuilder
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval


def timeline_of(intervals: Iterable[Interval], expected_s: float | None = None) -> TimelineBuilder:
    builder = TimelineBuilder({} if expected_s is None else {"load": expected_s})
    for one in intervals:
        builder.add(one)
    return builder


def naive(intervals: Iterable[Interval], step_s: int) -> dict[str, dict[int, SeriesSecond]]:
    """Label → step → all of its samples put together, and rates process by process."""
    listed = list(intervals)
    start_ms = min(one.start_ms for one in listed)
    steps: dict[int, list[Interval]] = {}
    for one in listed:
        steps.setdefault((one.start_ms + one.duration_ms // 2 - start_ms) // (1000 * step_s), []).append(one)
    labels = {f"{one.kind} {one.name}" for several in listed for one in several.series}
    found: dict[str, dict[int, SeriesSecond]] = {label: {} for label in labels}
    for step, several in sorted(steps.items()):
        lengths_ms: dict[int, int] = {}
        for one in several:
            lengths_ms[one.process] = lengths_ms.get(one.process, 0) + one.duration_ms
        for label in labels:
            ours = [
                (one.process, each) for one in several for each in one.series if f"{each.kind} {each.name}" == label
            ]
            requests, failures = (
                sum(getattr(each, name) * 1000 / lengths_ms[process] for process, each in ours)
                for name in ("requests", "failures")
            )
            times = Distribution.of(Histogram.merged(each.response for _, each in ours))
            found[label][step] = SeriesSecond(step * step_s, requests, failures, times.p50, times.p95, times.p99)
    return found


def assert_same(found: list[SeriesSecond], wanted: Iterable[SeriesSecond]) -> None:
    """Percentiles to the last digit, rates but for the order of adding."""
    for one, other in zip(found, wanted, strict=True):
        assert (one.at_s, one.p50_ms, one.p95_ms, one.p99_ms) == (other.at_s, other.p50_ms, other.p95_ms, other.p99_ms)
        assert (one.throughput, one.failure_rate) == pytest.approx((other.throughput, other.failure_rate))


PIECES = st.lists(
    st.tuples(
        st.integers(0, 2),  # process
        st.integers(0, 9_000),  # ms after the start
        st.integers(1, 1100),  # ms long
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 60), st.booleans()), max_size=4),
    ),
    min_size=1,
    max_size=90,
)


@given(pieces=PIECES, step_s=st.sampled_from([1, 2, 5]))
@settings(max_examples=60, deadline=None)
def test_steps_are_those_of_all_samples(
    pieces: list[tuple[int, int, int, list[tuple[str, int, bool]]]], step_s: int
) -> None:
    """Whatever the processes report, in any order, with a series twice in an interval or in none."""
    made = []
    for number, (process, at_ms, duration_ms, several) in enumerate(pieces):
        measured = [
            series(f"/{name}", range(1000, 1000 + count), failures={"status": 1} if failed else None)
            for name, count, failed in several
        ]
        one = interval(0, *measured, process=process, number=number, duration_ms=duration_ms)
        one.start_ms = START_MS + at_ms
        made.append(one)
    first = min(made, key=lambda one: one.start_ms)
    made = [first, *(one for one in made if one is not first)]
    found = timeline_of(made).series("load", step_s)
    wanted = naive(made, step_s)
    assert found.keys() == wanted.keys()
    for label, points in found.items():
        assert_same(points, wanted[label].values())


def long_run(seconds: int, processes: int = 1) -> list[Interval]:
    """A busy series, a rare one, and one that is there in the second half only."""
    return [
        interval(
            second,
            series("/busy", range(1000 + second, 1040 + second)),
            *([series("/rare", [9_000], failures={"status": 1})] if second % 97 == 0 else []),
            *([series("/late", [70_000] * 3)] if second >= seconds // 2 else []),
            process=process,
        )
        for second in range(seconds)
        for process in range(processes)
    ]


@pytest.mark.parametrize("expected_s", [None, 2000.0, 700.0])
def test_a_longer_run_is_kept_in_longer_slots(expected_s: float | None) -> None:
    """Whether its length is known or not, not more slots than there may be, and the steps of charts stay exact."""
    run = long_run(2000, processes=2)
    builder = timeline_of(run, expected_s)
    assert builder.series_step_s("load", 1) == 5
    for step_s in (10, 30):
        wanted = naive(run, step_s)
        for label, points in builder.series("load", step_s).items():
            assert_same(points, wanted[label].values())


def test_order_does_not_matter_in_a_long_run() -> None:
    """But for the first interval, which says where the scenario began."""
    run = long_run(1500)
    shuffled = [run[0], *run[:0:-1]]
    assert timeline_of(shuffled).series("load", 10) == timeline_of(run).series("load", 10)


def test_slots_are_few_however_long_the_run_is() -> None:
    """An interval every minute for ten days; the steps asked for are rounded up to what there is."""
    timeline = SeriesTimeline()
    for number in range(14_400):
        one = interval(60 * number, series("/a", [1000]))
        timeline.add(one, START_MS)
    assert timeline.step_s(1) == 1800
    assert timeline.step_s(1801) == 3600
    points = timeline.steps(START_MS, 1, 1)["GET /a"]
    assert len(points) <= MOST_SLOTS
    assert {after.at_s - before.at_s for before, after in pairwise(points)} == {1800}


@given(length_s=st.integers(1, 4_000_000))
def test_slots_divide_the_steps_of_charts(length_s: int) -> None:
    """A chart has at most so many points; whichever of its steps it takes, no slot lies in two of them."""
    known = max((one for one in SLOTS_S if length_s / one >= POINTS), default=1)
    grown = next(one for one in SLOTS_S if length_s <= MOST_SLOTS * one)
    for step_s in STEPS_S:
        if length_s / step_s <= POINTS:
            assert step_s % known == 0
            assert step_s % grown == 0


def test_each_slot_divides_the_next() -> None:
    """So that slots can be put together."""
    assert all(longer % shorter == 0 for shorter, longer in pairwise(SLOTS_S))


def test_the_series_with_the_most_requests_come_first() -> None:
    """As many as are asked for; of equals the first by name."""
    builder = timeline_of(
        [interval(0, series("/b", [1, 2]), series("/a", [1, 2]), series("/c", [1]), series("/most", [1] * 3))]
    )
    assert list(builder.series("load", 1)) == ["GET /most", "GET /a", "GET /b", "GET /c"]
    assert list(builder.series("load", 1, most=2)) == ["GET /most", "GET /a"]
    assert builder.series("other", 1) == {}


def test_a_series_without_requests_has_none() -> None:
    """Its throughput is 0 while others go on, and steps in which nobody reported are missing."""
    builder = timeline_of(
        [interval(0, series("/a", [1]), series("/b", [1])), interval(1, series("/a", [1])), interval(4)]
    )
    found = builder.series("load", 1)["GET /b"]
    assert [(one.at_s, one.throughput) for one in found] == [(0, 1), (1, 0), (4, 0)]
    assert found[1].p50_ms is None


def test_two_series_of_one_label_are_one() -> None:
    """A kind may hold a space."""
    builder = timeline_of([interval(0, series("b c", [1], kind="a"), series("c", [1, 1], kind="a b"))])
    assert [one.throughput for one in builder.series("load", 1)["a b c"]] == [3]


def test_series_add_up_to_the_scenario() -> None:
    """Step by step, over processes whose seconds have different lengths."""
    run = long_run(60, processes=3)
    for number, one in enumerate(run):
        one.duration_ms = 900 + number % 3 * 50
    builder = timeline_of(run)
    whole = builder.seconds("load", 5)
    summed = [
        sum(point.throughput for point in points) for points in zip(*builder.series("load", 5).values(), strict=True)
    ]
    assert summed == pytest.approx([one.throughput for one in whole])
