"""What charts over time are made of: steps that suit them, limits in sight, and nothing from after the end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.figures.courses import course
from tests.report.searches import ERRORS, enduring, threshold
from tests.support.runs import ended, interval, make_run, manifest, series, started
from tests.support.shop import failing_run

from loadworthy.analysis.reading import read
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.timeline import STEPS_S, TimelineBuilder
from loadworthy.report.figures.course import Limit, course_of, limits_in_sight, step_of, time_step_s
from loadworthy.report.figures.marks import Moment


@pytest.mark.parametrize(
    ("duration_s", "requests", "step_s"),
    [
        (60, 60_000, 1),  # enough for a p99 in each second
        (60, 60 * 200, 2),  # two seconds hold 368
        (60, 60 * 40, 2),  # a p99 is out of reach, a p95 is not
        (60, 60, 1),  # nothing helps
        (3600, 3600 * 1000, 15),  # too many points otherwise
        (0, 0, 1),
    ],
)
def test_step(duration_s: float, requests: int, step_s: int) -> None:
    """Points stand on enough requests if enough points are left."""
    assert time_step_s(duration_s, requests, wishes=((368, 20), (72, 10))) == step_s


@given(st.floats(0, 1e7), st.integers(0, 10**9))
def test_a_chart_is_never_too_full(duration_s: float, requests: int) -> None:
    """However long the run was, the steps are round and the points few enough to be read."""
    step_s = time_step_s(duration_s, requests)
    assert step_s in STEPS_S
    assert duration_s / step_s <= 240


def test_limits_in_sight_are_those_of_all_requests_that_do_not_flatten_the_lines() -> None:
    """Not those of one series, of other figures, or far above what is drawn; one below is always in sight."""
    limits = [
        threshold("p95 < 50ms", limit=50.0),
        threshold("p99 < 251ms", limit=251.0),
        threshold("max < 1ms", limit=1.0),
        threshold("service_p95 < 60ms", limit=60.0, metric="service_time"),
        threshold("GET /items p95 < 50ms", limit=50.0, series="GET /items"),
        threshold(ERRORS, 0.0, metric="error_rate", limit=0.01),
    ]
    assert limits_in_sight(limits, 100.0) == [
        Limit("p95 < 50ms", 50.0), Limit("max < 1ms", 1.0), Limit("service_p95 < 60ms", 60.0),
    ]  # fmt: skip
    assert limits_in_sight(limits, 0.0) == []


def test_a_course_of_a_run_has_its_seconds_limits_kinds_and_marks(tmp_path: Path) -> None:
    """All of the scenario, and of no other."""
    run = failing_run(tmp_path)
    reading = read(run)
    summary = summarize(run, reading)
    happened = [Moment(3.0, "what happened")]
    one = course_of(summary.scenarios["load"], reading.timeline, happened)
    assert sum(second.requests for second in one.seconds) == summary.scenarios["load"].figures.requests
    assert one.step_s == step_of(summary.scenarios["load"])
    assert [limit.label for limit in one.limits] == ["p95 < 250ms"]
    assert one.kinds == ["status", "timeout_read"]
    assert one.end_s == summary.scenarios["load"].duration_s == 30
    assert not one.is_open
    assert one.data()["marks"]["words"] == ["what happened"]
    assert set(one.data()["kinds"]["kind"]) == {"status", "timeout_read"}
    assert one.data()["timeline"]["requests"][0] == 140


def test_what_was_done_after_the_end_is_no_point(tmp_path: Path) -> None:
    """As a rate it would look like a drop of what was put through."""
    intervals = [interval(second, series(times_us=[1000] * 400)) for second in range(10)]
    intervals.append(interval(10, series(times_us=[1000] * 3), users=0))
    run = make_run(
        tmp_path / "run", intervals, run_json=manifest(planned_s=10.0), events=[started(planned_s=10.0), ended(at_s=10)]
    )
    reading = read(run)
    scenario = summarize(run, reading).scenarios["load"]
    rates = [second.throughput for second in course_of(replace(scenario, duration_s=10.0), reading.timeline).seconds]
    assert rates == [400.0] * 10


def test_a_scenario_shorter_than_a_step_has_its_point() -> None:
    """And an axis that holds it."""
    builder = TimelineBuilder()
    builder.add(interval(0, series(times_us=[1000] * 4), duration_ms=300))
    one = course_of(replace(enduring(), name="load", duration_s=0.3), builder)
    assert len(one.seconds) == 1
    assert one.end_ms == one.step_s * 1000


def test_the_trend_is_that_of_the_p95_where_it_was_judged() -> None:
    """With its label."""
    one = course_of(enduring(), TimelineBuilder())
    assert one.trend is not None
    assert one.trend[0].startswith("trend, ")
    assert course_of(replace(enduring(), drift=None), TimelineBuilder()).trend is None


def test_while_it_goes_on_there_may_be_anything() -> None:
    """So charts are made ready for it; of one that is over only what there was is shown."""
    over, live = course({}), course({}, is_live=True)
    assert [over.has(name) for name in ("users", "dropped", "cpu")] == [True, False, False]
    assert all(live.has(name) for name in ("users", "dropped", "cpu"))
    assert over.values("cpu") == []
    assert course({"cpu": 0.0}, {"cpu": None}).values("cpu") == [0.0]
    assert replace(live, end_s=None).end_ms is None
