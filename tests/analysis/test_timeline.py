"""The timeline for charts: merged over processes, true to the raw samples, independent of their order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.runs import START_MS, interval, series

from loadworthy.analysis.timeline import Second, TimelineBuilder
from loadworthy.analysis.windows import ScenarioWindows, look_of
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval


def seconds_of(*intervals: Interval, step_s: int = 1) -> list[Second]:
    builder = TimelineBuilder()
    for one in intervals:
        builder.add(one)
    return builder.seconds("load", step_s)


def test_processes_are_merged_second_by_second() -> None:
    """Requests, failures and users are added, percentiles are of all samples together."""
    made = seconds_of(
        interval(0, series("/a", [1000] * 90), process=1, users=3),
        interval(0, series("/a", [50_000] * 10, failures={"status": 4}), process=2, users=4),
        interval(1, series("/a", [2000] * 50), process=1, users=5),
        interval(1, process=2, users=4),
    )
    assert [(one.at_s, one.requests, one.failures, one.users) for one in made] == [(0, 100, 4, 7), (1, 50, 0, 9)]
    assert made[0].p50_ms == pytest.approx(1)
    assert made[0].p95_ms == pytest.approx(50, rel=1e-3)
    assert made[0].p99_ms is None
    assert made[1].p95_ms is None


def test_a_short_last_interval_does_not_look_like_a_drop() -> None:
    """Rates are over the time that was measured."""
    made = seconds_of(interval(0, series("/a", [1000] * 100)), interval(1, series("/a", [1000] * 20), duration_ms=200))
    assert [one.throughput for one in made] == [100, 100]


def test_steps_merge_samples_not_percentiles() -> None:
    """A step of two seconds has the percentile of both seconds' samples."""
    made = seconds_of(
        interval(0, series("/a", [1000] * 300)),
        interval(1, series("/a", [9000] * 100, failures={"status": 6})),
        step_s=2,
    )
    assert len(made) == 1
    assert made[0].p50_ms == pytest.approx(1)
    assert made[0].p99_ms == pytest.approx(9, rel=1e-3)
    assert (made[0].throughput, made[0].failure_rate, made[0].users) == (200, 3, 10)


def test_missing_seconds_are_missing() -> None:
    """Nothing is made up for a gap."""
    assert [one.at_s for one in seconds_of(interval(0), interval(3))] == [0, 3]


def test_a_process_beside_the_second_keeps_its_users() -> None:
    """Clocks of processes differ; their users do not flicker, and one that ended is gone."""
    late = Interval("load", 2, 1, START_MS + 2600, 1000, users=7)
    made = seconds_of(
        interval(0, process=1, users=1), interval(1, process=1, users=1), interval(2, process=1, users=1),
        interval(3, process=1, users=1), interval(4, process=1, users=1),
        interval(0, process=2, users=7), late,
    )  # fmt: skip
    assert [one.users for one in made] == [8, 8, 8, 8, 1]


ALL = [
    interval(second, series("/a", [100 * process + second] * 40), process=process, users=second, scenario="load")
    for process in (1, 2, 3)
    for second in range(8)
]


@given(order=st.permutations(ALL), step_s=st.sampled_from([1, 2, 5]))
@settings(max_examples=60, deadline=None)
def test_order_does_not_matter(order: list[Interval], step_s: int) -> None:
    """Processes report in any order, and the chart is the same."""
    assert seconds_of(*order, step_s=step_s) == seconds_of(*ALL, step_s=step_s)


def test_a_scenario_that_never_ran_has_no_seconds() -> None:
    """An unknown name is empty, not an error."""
    assert TimelineBuilder().seconds("load") == []


def test_arrivals_of_an_open_workload() -> None:
    """Per second over all processes; a step has the rate of its seconds, and a closed workload has none."""
    made = seconds_of(
        interval(0, process=1, scheduled=60, sent=50), interval(0, process=2, scheduled=40, sent=40),
        interval(1, process=1, scheduled=60, sent=60, dropped=10), interval(1, process=2, duration_ms=500, dropped=4),
        step_s=1,
    )  # fmt: skip
    assert [(one.intended, one.sent, one.dropped) for one in made] == [(100, 90, 0), (60, 60, 18)]
    (both,) = seconds_of(interval(0, scheduled=10, sent=10), interval(1, scheduled=30, sent=28, dropped=2), step_s=2)
    assert (both.intended, both.sent, both.dropped) == (20, 19, 1)
    (closed,) = seconds_of(interval(0, series("/a", [1000]), dropped=3))
    assert (closed.intended, closed.sent, closed.dropped) == (None, None, None)
    assert {"intended", "sent", "dropped"}.isdisjoint(closed.to_json())
    assert {"intended", "sent", "dropped", "p50_ms"} <= set(both.to_json())


def test_failures_by_kind() -> None:
    """Per second over all processes, each over its own time; together they are the failure rate."""
    (made,) = seconds_of(
        interval(0, series("/a", [1000] * 9, failures={"status": 2, "timeout": 1}), process=1),
        interval(0, series("/b", [1000] * 9, failures={"status": 3}), process=2, duration_ms=500),
    )
    assert made.failure_kinds == {"status": 8, "timeout": 1}
    assert sum(made.failure_kinds.values()) == made.failure_rate
    assert made.to_json()["failure_kinds"] == {"status": 8, "timeout": 1}
    (fine,) = seconds_of(interval(0, series("/a", [1000])))
    assert fine.failure_kinds == {}
    assert "failure_kinds" not in fine.to_json()


def test_the_generators_own_readings() -> None:
    """The busiest process on average, and the worst lag of the event loop in any of them."""
    made = seconds_of(
        interval(0, process=1, health={"cpu": 0.2, "loop_lag_ms": 9.0}),
        interval(1, process=1, health={"cpu": 0.8, "loop_lag_ms": 1.0}, duration_ms=3000),
        interval(0, process=2, health={"cpu": 0.6, "loop_lag_ms": 2.0}),
        interval(1, process=2, health={"loop_lag_ms": 4.0}),
        interval(9, process=1, health={}),
        step_s=5,
    )
    assert [(one.cpu, one.loop_lag_ms) for one in made] == [(pytest.approx(0.65), 9.0), (None, None)]
    assert {"cpu", "loop_lag_ms"} <= set(made[0].to_json())
    assert {"cpu", "loop_lag_ms"}.isdisjoint(made[1].to_json())


def test_the_generators_own_lag_is_that_of_an_open_workload() -> None:
    """Over all processes, and only where it can be named."""
    named, few = interval(0, scheduled=400, sent=400), interval(2, scheduled=300, sent=300)
    named.own_lag, few.own_lag = Histogram.of([100] * 396 + [5000] * 4), Histogram.of([100] * 300)
    other = interval(0, process=1)
    other.own_lag = Histogram.of([2000] * 4)
    assert [one.own_lag_p99_ms for one in seconds_of(named, few, other)] == [2.0, None]
    closed = interval(0)
    closed.own_lag = Histogram.of([100] * 400)
    (made,) = seconds_of(closed)
    assert made.own_lag_p99_ms is None
    assert "own_lag_p99_ms" not in made.to_json()


def test_what_is_remembered_is_forgotten_with_the_next_interval() -> None:
    """The same question gets the same answer, and one that nobody can spoil for others, until there is more to tell."""
    builder = TimelineBuilder()
    builder.add(interval(0, series("/a", [1000])))
    first = builder.seconds("load")
    first.clear()
    assert [one.requests for one in builder.seconds("load")] == [1]
    builder.series("load", 1)["GET /a"].clear()
    assert len(builder.series("load", 1)["GET /a"]) == 1
    builder.add(interval(1, series("/a", [1000])))
    assert [one.requests for one in builder.seconds("load")] == [1, 1]
    assert len(builder.series("load", 1)["GET /a"]) == 2


@given(
    pieces=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 40_000),
            st.integers(1, 1200),
            st.lists(st.integers(0, 5_000_000), max_size=3),
            st.booleans(),
        ),
        max_size=60,
    )
)
@settings(max_examples=60, deadline=None)
def test_windows_are_those_of_thresholds(pieces: list[tuple[int, int, int, list[int], bool]]) -> None:
    """Response and service times in the same windows as those by which percentiles are judged."""
    thresholds = [parse_threshold("p95 < 1s"), parse_threshold("service_time_p95 < 1s")]
    kept = ScenarioWindows([look_of(one) for one in thresholds])
    builder = TimelineBuilder()
    for number, (process, at_ms, duration_ms, times, stopping) in enumerate(pieces):
        one = interval(0, series("/a", times, service_us=[time // 2 for time in times]), process=process, number=number)
        one.start_ms, one.duration_ms, one.stopping = START_MS + at_ms, duration_ms, stopping
        kept.add(one)
        builder.add(one)
    for threshold, service in zip(thresholds, (False, True), strict=True):
        seconds = kept.seconds(threshold)
        wanted = () if seconds is None else seconds.windows()
        assert builder.windows("load", service=service) == [window.times for window in wanted]


def test_times_are_in_the_order_of_their_moments() -> None:
    """All that was measured, as each process noted it, counted from the scenario's beginning."""
    builder = TimelineBuilder()
    for one in (
        interval(2, series("/a", [3000]), series("/b", [4000])),
        interval(0, series("/a", [1000]), process=1),
        interval(1, process=1),
    ):
        builder.add(one)
    times = list(builder.times("load"))
    assert [at_s for at_s, _ in times] == [0.5, 2.5]
    assert [histogram for _, histogram in times] == [Histogram.of([1000]), Histogram.of([3000, 4000])]
    assert builder.last_s("load") == 2.5
    assert (list(builder.times("other")), builder.last_s("other"), builder.windows("other")) == ([], 0.0, [])
