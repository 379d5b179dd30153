"""Totals of scenarios and series, and the sliding window, against naive counts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.runs import interval, series

from loadworthy.analysis.accumulate import Accumulator, ScenarioTotals
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval


def totals_of(accumulator: Accumulator) -> object:
    """Everything that the order of adding must not change."""
    return {
        name: (
            totals.start_ms,
            totals.end_ms,
            totals.iterations,
            totals.users_max,
            totals.users_now,
            {
                key: (one.to_json()["requests"], one.failures, one.response)
                for key, one in sorted(totals.series.items())
            },
            totals.total.response,
        )
        for name, totals in sorted(accumulator.scenarios.items())
    }


INTERVALS = [
    interval(
        second,
        series("/a", [1000 * second + process + 1] * (second + 1), failures={"status": 1} if second == 2 else None),
        series("/b", [77_000 + second], kind="POST"),
        process=process,
        users=3 * second + process,
        scenario=scenario,
        number=second + offset,
    )
    for scenario, offset in (("load", 0), ("spike", 6))
    for process in (1, 2, 3)
    for second in range(6)
]


@given(order=st.permutations(INTERVALS))
@settings(max_examples=60, deadline=None)
def test_order_does_not_matter(order: list[Interval]) -> None:
    """Processes report in any order, and the totals are the same."""
    straight, shuffled = Accumulator(), Accumulator()
    for one in INTERVALS:
        straight.add(one)
    for one in order:
        shuffled.add(one)
    assert totals_of(shuffled) == totals_of(straight)


def test_users_are_added_over_processes_of_one_second() -> None:
    """The most users at once is the best second of all processes together; a short extra interval counts once."""
    accumulator = Accumulator()
    for process, users in ((1, [2, 5, 5]), (2, [4, 4, 1])):
        for second, count in enumerate(users):
            accumulator.add(interval(second, process=process, users=count))
    accumulator.add(interval(1, process=1, number=9, users=5, duration_ms=100))
    totals = accumulator.scenarios["load"]
    assert totals.users_max == 9
    assert totals.users_now == 6


def test_window_holds_only_the_last_seconds() -> None:
    """What lies further back than the window is forgotten; the totals keep it."""
    accumulator = Accumulator(window_s=3)
    for second in range(10):
        accumulator.add(interval(second, series("/a", [10_000 * (second + 1)] * 400)))
    window = accumulator.window("load")
    assert window.requests == 1200
    assert window.seconds == 3
    assert window.throughput == pytest.approx(400)
    assert window.p50_ms == pytest.approx(90, rel=1e-3)
    assert window.p99_ms == pytest.approx(100, rel=1e-3)
    assert accumulator.scenarios["load"].total.requests == 4000


def test_window_shows_no_percentile_of_too_few_samples() -> None:
    """Ten requests have a median and no p99."""
    accumulator = Accumulator()
    accumulator.add(interval(0, series("/a", [5000] * 10)))
    window = accumulator.window("load")
    assert window.p50_ms == pytest.approx(5)
    assert window.p99_ms is None


def test_window_of_an_unknown_scenario_is_empty() -> None:
    """Before the first interval there is nothing, and that is no error."""
    window = Accumulator().window("load")
    assert (window.requests, window.throughput, window.p50_ms) == (0, None, None)


def test_a_late_report_of_old_seconds_is_not_in_the_window() -> None:
    """A slow worker's backlog belongs to the totals, not to the last seconds."""
    accumulator = Accumulator(window_s=3)
    for second in range(10):
        accumulator.add(interval(second, series("/a", [1000] * 10), process=1))
    for second in range(10):
        accumulator.add(interval(second, series("/a", [1000] * 7), process=2))
    assert accumulator.window("load").requests == 3 * 17
    assert accumulator.scenarios["load"].total.requests == 170


def test_the_total_follows_what_is_added() -> None:
    """A total that was looked at is not the last word."""
    accumulator = Accumulator()
    for second in range(3):
        accumulator.add(interval(second, series("/a", [1000] * 10)))
        assert accumulator.scenarios["load"].total.requests == 10 * (second + 1)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_time_in_which_users_stop_is_not_measured_over(order: tuple[int, ...]) -> None:
    """Requests that end while the users stop are counted; the time they took to stop thins out no throughput."""
    parts = [interval(second, series(times_us=[1000] * 50)) for second in range(4)]
    parts[2].stopping = parts[3].stopping = True
    totals = ScenarioTotals("load")
    for index in order:
        totals.add(parts[index])
    assert totals.total.requests == 200
    assert totals.duration_s == 2


def test_the_generator_s_lag_is_its_own() -> None:
    """What was noted; in an older run of an open workload how late was sent; nothing in a closed one."""
    late = series("/items", [60_000] * 10, send_lag_us=[51_000] * 10)
    for sent, own_us, lag_us in ((10, [40], 40), (10, [], 51_000), (0, [], 0)):
        totals = ScenarioTotals("load")
        one = interval(0, late, sent=sent)
        one.own_lag = Histogram.of(own_us)
        totals.add(one)
        assert totals.generator_lag.max_us == lag_us
        assert totals.send_lag.max_us == 51_000


def test_the_window_tells_iterations_from_requests() -> None:
    """A flow of two requests begins half as many iterations a second."""
    accumulator = Accumulator()
    for second in range(3):
        accumulator.add(interval(second, series("/items", [1000] * 100), scheduled=50, sent=50))
    window = accumulator.window("load")
    assert (window.begun, window.throughput) == (50.0, 100.0)
