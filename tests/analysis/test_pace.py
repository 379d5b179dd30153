"""Requests per minute of a user, against a naive count over the raw intervals."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.support.runs import START_MS, interval, make_run, manifest, series

from loadworthy.analysis.pace import Pace, PaceWindow
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.thresholds import parse_threshold, threshold_from_mapping
from loadworthy.record.interval import Interval


def naive(intervals: list[Interval]) -> PaceWindow | None:
    """Every window of 60 seconds, added up one by one."""
    seconds = {(one.start_ms + one.duration_ms // 2) // 1000: 0 for one in intervals}
    first, last = min(seconds), max(seconds)
    length = min(60, last - first + 1)
    best = None
    for start in range(first, last - length + 2):
        inside = [one for one in intervals if start <= (one.start_ms + one.duration_ms // 2) // 1000 < start + length]
        requests = sum(part.requests for one in inside for part in one.series)
        user_minutes = sum(one.users * one.duration_ms for one in inside) / 60_000
        if best is None or requests > best.requests:
            best = PaceWindow(length, requests, user_minutes)
    return best


@pytest.mark.parametrize(("processes", "length"), [(1, 5), (1, 60), (2, 61), (3, 200)])
def test_the_busiest_minute_is_that_of_a_naive_count(processes: int, length: int) -> None:
    """Over several processes, ramps, gaps and intervals of odd lengths, in any order."""
    rng = random.Random(length)
    intervals = [
        interval(
            second,
            series(times_us=[1000] * rng.randrange(20)),
            process=process,
            users=rng.randrange(10),
            duration_ms=rng.choice([1000, 1000, 990, 400]),
        )
        for process in range(processes)
        for second in range(length)
        if second % 37 != 36
    ]
    rng.shuffle(intervals)
    pace = Pace()
    for one in intervals:
        pace.add(one)
    busiest, expected = pace.busiest(), naive(intervals)
    assert busiest is not None
    assert expected is not None
    assert (busiest.seconds, busiest.requests) == (expected.seconds, expected.requests)
    assert busiest.user_minutes == pytest.approx(expected.user_minutes)


def test_a_steady_pace_is_known() -> None:
    """Ten users, fifteen requests a second between them: ninety a minute each, however long it goes on."""
    for length in (4, 60, 90):
        pace = Pace()
        for second in range(length):
            pace.add(interval(second, series(times_us=[1] * 15), users=10))
        busiest = pace.busiest()
        assert busiest is not None
        assert busiest.per_user_minute == pytest.approx(90)


def test_stopping_and_no_users_do_not_count() -> None:
    """What still ends while users stop is left out; without users there is no figure."""
    pace = Pace()
    pace.add(interval(0, series(times_us=[1] * 5), users=0))
    assert pace.busiest() is None
    pace.add(interval(1, series(times_us=[1] * 6), users=6))
    late = interval(2, series(times_us=[1] * 600), users=6)
    late.stopping = True
    pace.add(late)
    busiest = pace.busiest()
    assert busiest is not None
    assert busiest.requests == 11
    assert busiest.user_minutes == pytest.approx(0.1)
    assert Pace().busiest() is None


@pytest.mark.parametrize(("limit", "verdict"), [("< 120", Verdict.FAIL), ("<= 120", Verdict.PASS)])
def test_it_is_a_threshold_and_a_figure(tmp_path: Path, limit: str, verdict: Verdict) -> None:
    """Judged to the point, with its evidence; in ``summary.json`` whether asked for or not."""
    intervals = [interval(second, series(times_us=[1000] * 4), users=2) for second in range(30)]
    run_json = manifest({"load": [f"requests_per_user_minute {limit}"]})
    scenario = summarize(make_run(tmp_path / "run", intervals, run_json=run_json)).scenarios["load"]
    (result,) = scenario.thresholds
    assert (result.verdict, result.observed) == (verdict, 120.0)
    assert "was 120.0 in the busiest 30 s (120 requests in 1.0 user-minutes)" in result.reason
    assert scenario.to_json()["requests_per_user_minute"] == 120.0


def test_without_users_it_is_null_and_undecided(tmp_path: Path) -> None:
    """A threshold on it cannot be judged then."""
    intervals = [interval(0, series(times_us=[1000] * 4), users=0)]
    run_json = manifest({"load": ["requests_per_user_minute < 1"]})
    scenario = summarize(make_run(tmp_path / "run", intervals, run_json=run_json)).scenarios["load"]
    assert scenario.to_json()["requests_per_user_minute"] is None
    assert scenario.thresholds[0].verdict is Verdict.UNDECIDED


def test_how_it_is_written() -> None:
    """A number, also in the short form; of the whole scenario only."""
    assert threshold_from_mapping("requests_per_user_minute", 120) == "requests_per_user_minute <= 120"
    assert parse_threshold("requests_per_user_minute < 99.5").limit == 99.5
    with pytest.raises(ValueError, match="names a series"):
        parse_threshold("GET /x requests_per_user_minute < 120")
    with pytest.raises(ValueError, match="not a number of requests"):
        parse_threshold("requests_per_user_minute < 2/s")


def test_seconds_are_those_of_the_clock() -> None:
    """Where a process began makes no difference."""
    pace = Pace()
    for process in (1, 2):
        one = interval(0, series(times_us=[1]), process=process, users=1)
        one.start_ms = START_MS + 499 * (process - 1)
        pace.add(one)
    busiest = pace.busiest()
    assert busiest is not None
    assert busiest.seconds == 1
