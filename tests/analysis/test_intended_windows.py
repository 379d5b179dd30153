"""Windows by intended start, against a naive count over single requests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.simulated_queues import fifo, poisson, recorded

from loadworthy.analysis.intended_windows import Done, Times, rekey, windows_of
from loadworthy.record.histogram import Histogram

ms = 1000


def done(middle_s: float, *times_ms: float, failures: int = 0, untimed: int = 0, dropped: int = 0) -> Done:
    histogram = Histogram.of([round(one * ms) for one in times_ms])
    return Done(middle_s, histogram, len(times_ms) + untimed, failures, dropped)


def test_what_was_done_belongs_to_the_second_in_which_it_was_meant_to_be_sent() -> None:
    """Its end less its time; the end is taken to be in the middle of its second."""
    found = rekey([(10.5, Histogram.of([400 * ms, 600 * ms, 3_000 * ms])), (12.5, Histogram.of([5_100 * ms]))])
    assert {start: times.count for start, times in found.items()} == {7: 2, 9: 1, 10: 1}
    assert found[7].max_ms == pytest.approx(5_100, rel=0.0005)


def test_nothing_was_meant_to_be_sent_before_the_start() -> None:
    """Half a second of doubt does not make a second that never was; where the start is not second 0, it may."""
    histogram = Histogram.of([900 * ms])
    assert list(rekey([(0.5, histogram)])) == [0]
    assert list(rekey([(-3.5, histogram)])) == [-5]


@given(st.integers(0, 1000), st.sampled_from([1, 2, 5]))
@settings(max_examples=25, deadline=None)
def test_every_request_is_in_its_window_or_the_one_beside_it(seed: int, step_s: int) -> None:
    """None is lost, and up to any window the count is right to within those of half a second."""
    rng = np.random.default_rng(seed)
    arrived = poisson(rng, [(40, 10), (120, 10), (40, 20)])
    served = fifo(arrived, lambda _wait: float(rng.exponential(0.012)))
    windows = windows_of(recorded(arrived, served, math.ceil(served.max()) + 1), step_s)
    assert sum(window.requests for window in windows) == arrived.size
    for window in windows:
        end_s = window.at_s + step_s
        counted = sum(one.requests for one in windows if one.at_s < end_s)
        assert (arrived < end_s - 0.501).sum() <= counted <= (arrived < end_s + 0.501).sum()


def test_in_flight_are_those_meant_to_be_sent_that_are_not_done() -> None:
    """At a window's end; and a gap in which nothing happened is a window, too."""
    windows = windows_of([done(0.5, 1), done(5.5, 5_000, 4_900, 2_000, 1), done(6.5, 1)])
    assert [window.at_s for window in windows] == [0, 1, 2, 3, 4, 5, 6]
    assert [window.requests for window in windows] == [3, 0, 0, 1, 0, 1, 1]
    assert [window.in_flight for window in windows] == [2, 2, 2, 3, 3, 0, 0]


def test_failures_are_spread_over_the_starts_of_what_was_done_with_them() -> None:
    """In proportion, and not one is lost."""
    windows = windows_of([done(0.5, 1), done(9.5, *[4_000] * 30, *[1] * 10, failures=7)])
    assert {window.at_s: window.failures for window in windows if window.failures} == {5: 5, 9: 2}


def test_what_has_no_time_counts_in_the_second_in_which_it_was_done() -> None:
    """Requests, their failures, and arrivals that were given up; a request of more than an hour has the longest."""
    (window,) = windows_of([done(3.5, untimed=4, failures=2, dropped=3)])
    assert window.to_json() == {
        "at_s": 3, "requests": 4, "failures": 2, "dropped": 3, "in_flight": 0, "p99_ms": None,
    }  # fmt: skip
    windows = windows_of([done(8000.5, 7_200_000, 1)])
    assert (windows[0].at_s, windows[0].requests, windows[0].times.max_ms) == (800, 1, 7_200_000)


def test_percentiles_are_named_from_enough_samples_on() -> None:
    """368 for p99, and the value is that of the histogram."""
    values = list(range(1000, 369_000, 1000))
    windows = windows_of([done(0.5, *(one / ms for one in values))])
    assert windows[0].p99_ms == pytest.approx(365, rel=1e-3)  # the 365th of 368
    assert windows_of([done(0.5, *(one / ms for one in values[1:]))])[0].p99_ms is None


def test_slower_than_a_limit_is_right_to_the_bin() -> None:
    """And nothing is slower where there is nothing."""
    times = rekey([(0.5, Histogram.of([100 * ms, 200 * ms, 300 * ms]))])[0]
    assert [times.slower_than(limit) for limit in (99, 150, 250, 301)] == [3, 2, 1, 0]
    assert Times().slower_than(1) == 0
    assert Times().max_ms is None


def test_nothing_recorded_has_no_windows() -> None:
    """Not even one."""
    assert windows_of([]) == []
    assert rekey([]) == {}
