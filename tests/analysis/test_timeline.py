"""The timeline for charts: merged over processes, true to the raw samples, independent of their order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.runs import START_MS, interval, series

from loadworthy.analysis.timeline import Second, TimelineBuilder
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
