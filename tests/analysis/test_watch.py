"""Warnings while a run goes on: each once, again after its cause had gone, and none where all is well."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import pytest
from tests.support.runs import interval, part, series

from loadworthy.analysis.watch import GONE_AFTER, HealthWatch
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval

FIT = {"cpu": 0.3, "loop_lag_ms": 1.0, "gc_pause_ms": 2.0, "fds": 9, "fd_limit": 1000, "ports": 0.1}


def second(number: int, *, lag_us: int = 60, health: dict[str, float] | None = None, **changes: Any) -> Interval:
    """A second of an open workload in which all is well, but for the changes."""
    times = series("/a", [5000] * 100, send_lag_us=[lag_us] * 100)
    arrivals = {"scheduled": 100, "sent": 100} | changes
    return interval(number, times, health=FIT | (health or {}), **arrivals)


def watched(intervals: Iterable[Interval]) -> list[tuple[int, str]]:
    """(place of the interval, sentence) of all that was told."""
    watch = HealthWatch()
    return [(place, sentence) for place, one in enumerate(intervals) for sentence in watch.add(one)]


def test_nothing_is_told_of_a_generator_that_is_fit() -> None:
    """Not in a minute, of an open or a closed workload."""
    assert watched(second(number) for number in range(60)) == []
    assert watched(interval(number, series("/a", [5000] * 100), health=FIT) for number in range(60)) == []


CAUSES: dict[str, tuple[dict[str, Any], int, str]] = {
    # what: (what is different from the fifth second on, when it is told, what is told)
    "cpu": ({"health": {"cpu": 0.99}}, 7, "Process 0 of the generator used 71 % of a core over the last 5 s"),
    "loop": ({"health": {"loop_lag_ms": 21.0}}, 5, "The generator's event loop was 21.0 ms late (process 0)"),
    "gc": ({"health": {"gc_pause_ms": 164.0}}, 5, "garbage collector took 164 ms"),
    "fds": ({"health": {"fds": 800}}, 5, "800 of the 1,000 files open that it may"),
    "ports": ({"health": {"ports": 0.9}}, 5, "90 % of this machine's ephemeral ports"),
    "send lag": ({"lag_us": 3000}, 5, "load: process 0 begins iterations 3.00 ms late"),
    "dropped": ({"sent": 93, "dropped": 7}, 5, "load: 7 arrivals found no user free so far"),
    "late": ({"dropped": 2, "late": 2}, 6, "load: 4 arrivals were never sent, because the generator was behind"),
}


@pytest.mark.parametrize("what", CAUSES)
def test_each_cause_is_told_once_and_again_after_it_had_gone(what: str) -> None:
    """When it is there, not while it lasts, and anew when it comes back after ten good looks."""
    changes, told_at, words = CAUSES[what]
    bad_until, back_at = 30, 30 + GONE_AFTER + 20
    intervals = [
        second(number, **(changes if 5 <= number < bad_until or number >= back_at else {})) for number in range(80)
    ]
    told = watched(intervals)
    assert len(told) == 2
    assert told[0][0] == told_at
    assert back_at <= told[1][0] < back_at + 5
    assert words in told[0][1]


@pytest.mark.parametrize("what", CAUSES)
def test_one_on_the_edge_is_not_told_every_second(what: str) -> None:
    """Bad in each third second: it never goes away, so it is told once at most."""
    changes, _, _ = CAUSES[what]
    assert len(watched(second(number, **(changes if number % 3 == 0 else {})) for number in range(60))) <= 1


def test_each_process_and_scenario_has_warnings_of_its_own() -> None:
    """Two processes that are late are two warnings; so are two scenarios."""
    late = [
        interval(0, process=process, scenario=scenario, health={"loop_lag_ms": 50.0}, scheduled=1, dropped=1)
        for process, scenario in ((1, "a"), (2, "a"), (1, "b"), (2, "b"))
    ]
    assert len([text for _, text in watched(late) if "event loop" in text]) == 2
    assert [text[:10] for _, text in watched(late) if "found no user" in text] == ["a: 1 arriv", "b: 1 arriv"]


def test_drops_of_a_busy_process_are_its_own() -> None:
    """More users do not help a process that has no time for those that it has."""
    for cpu, words in ((0.99, "the generator is the limit (process 0 is too busy)"), (0.5, "raise max_users")):
        intervals = [
            interval(number, scheduled=9, sent=9, dropped=int(number == 8), health={"cpu": cpu}) for number in range(9)
        ]
        (text,) = [text for _, text in watched(intervals) if "found no user" in text]
        assert text.startswith("load: 1 arrival found no user free so far and was dropped; ")
        assert words in text


def test_a_slow_service_allows_more_lag() -> None:
    """3 ms are less than 5 % of 100 ms."""
    slow = [
        interval(number, series("/a", [100_000] * 100, send_lag_us=[3000] * 100), scheduled=100, sent=100)
        for number in range(20)
    ]
    assert watched(slow) == []


def test_few_requests_have_no_p99() -> None:
    """30 a second are not enough in ten seconds; 40 are."""
    for per_second, warned in ((30, False), (40, True)):
        intervals = [
            interval(number, part("iteration", "U", [9000] * per_second, send_lag_us=[5000] * per_second), scheduled=1)
            for number in range(30)
        ]
        assert bool(watched(intervals)) is warned


def test_a_pace_that_is_missed_is_told() -> None:
    """In a closed workload, as slots that were skipped; a send lag there is the service's doing."""
    one = series("/a", [5000] * 400, send_lag_us=[3000] * 400)
    ((_, text),) = watched(interval(number, one, dropped=3) for number in range(9))
    assert text.startswith("load: 3 iterations due by the pace of their users were skipped")


def test_a_process_that_reports_seldom_is_seen() -> None:
    """One interval of six seconds is as good as six."""
    ((place, text),) = watched([interval(0, health={"cpu": 0.99}, duration_ms=6000)])
    assert (place, "99 % of a core over the last 6 s" in text) == (0, True)


def test_the_generator_s_own_lag_goes_before_all_else() -> None:
    """Requests that waited for the target's sake are no warning where this process noted its own lateness."""
    for own_us, warned in ((100, False), (5000, True)):
        intervals = [
            dataclasses.replace(
                interval(number, series(times_us=[90_000] * 50, send_lag_us=[80_000] * 50), scheduled=50, sent=50),
                own_lag=Histogram.of([own_us] * 50),
            )
            for number in range(30)
        ]
        assert bool(watched(intervals)) is warned
