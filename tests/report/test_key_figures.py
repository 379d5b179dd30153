"""The figures that matter for a kind of scenario."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.report.searches import ERROR_RATE, SLOWER, capacity, enduring, searched, stressed
from tests.support.runs import ended, interval, make_run, manifest, open_run, series, started

from loadworthy.analysis.endurance import DriftReport
from loadworthy.analysis.reading import Reading, read
from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.resources import MetricFigures
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.stages import FailurePoint, StageReport
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.report.key_figures import key_figures, parts_of
from loadworthy.units import UNKNOWN
from loadworthy.workload.search import SearchResult

SECONDS = 40
METRIC = MetricFigures(100e6, 120e6, 100e6, 130e6, 110e6, 125e6, 105e6, 2e6)


def measured(path: Path) -> tuple[ScenarioSummary, Reading]:
    """40 seconds of 100 requests; response times double in the second half, and the last second has 10 failures."""
    intervals = [
        interval(
            second,
            series(
                times_us=[10_000 if second < SECONDS // 2 else 20_000] * 100,
                failures={"status": 10} if second == SECONDS - 1 else None,
            ),
        )
        for second in range(SECONDS)
    ]
    run = make_run(
        path,
        intervals,
        events=[started(planned_s=SECONDS), ended(at_s=SECONDS)],
        run_json=manifest(ended_at_s=SECONDS, planned_s=SECONDS),
    )
    reading = read(run)
    return summarize(run, reading).scenarios["load"], reading


def figures(path: Path, **changes: Any) -> dict[str, tuple[Any, str]]:
    """Key → value and text."""
    scenario, reading = measured(path)
    changed = replace(scenario, **changes)
    return {one.key: (one.value, one.shown) for one in key_figures(changed, parts_of(changed, reading.timeline))}


@pytest.mark.parametrize("kind", ["smoke", "load", "unknown"])
def test_a_load_test_is_about_times_throughput_errors_and_users(kind: str, tmp_path: Path) -> None:
    """The same figures as in the summary."""
    found = figures(tmp_path, kind=kind)
    assert found["response_time_p50_ms"][0] == pytest.approx(10, rel=0.01)
    assert found["response_time_p99_ms"][0] == pytest.approx(20, rel=0.01)
    assert found["throughput"] == (100.0, "100.0/s")
    assert found["error_rate"] == (10 / 4000, "0.25 %")
    assert found["users"] == (10, "10 at most")


@pytest.mark.parametrize("kind", ["stress", "spike"])
def test_a_stress_test_is_about_limits(kind: str, tmp_path: Path) -> None:
    """What was carried, what broke, the recovery, and the target's readings at peak, the generator's left out."""
    stages = StageReport((), 90.5, (FailurePoint("p95 <= 15ms", 2, 50, 20.0),), Recovery(7.0, True, 40.0, ideal_s=6.5))
    resources = {"generator": {"cpu": METRIC}, "process": {"memory_bytes": METRIC}}
    found = figures(tmp_path, kind=kind, stages=stages, resources=resources)
    assert found["max_sustained_throughput"] == (90.5, "90.5/s")
    assert found["failure_points"][1] == "p95 <= 15ms at 50 users, after 20 s"
    assert found["recovery_time_s"] == (7.0, "7 s after the overload (its queue alone: 6.5 s)")
    assert found["resources_at_peak"] == ({"process": {"memory_bytes": 125e6}}, "memory_bytes 125.0 MB")


def test_a_stress_test_says_what_is_missing(tmp_path: Path) -> None:
    """Without stages and monitors each figure says so; a service that never recovered is told apart from that."""
    found = figures(tmp_path, kind="stress")
    assert found["max_sustained_throughput"] == (None, f"{UNKNOWN} (the scenario has no stages that ran)")
    assert found["failure_points"] == ([], f"{UNKNOWN} (the scenario has no stages that ran)")
    assert found["recovery_time_s"] == (None, f"{UNKNOWN} (no stage with less load came after the highest)")
    assert found["resources_at_peak"] == ({}, f"{UNKNOWN} (no monitor read it)")
    point = FailurePoint("p95 <= 15ms", 0, 50, 0.0)
    never = figures(
        tmp_path / "never", kind="stress", stages=StageReport((), None, (point,), Recovery(None, False, 20.0))
    )
    assert never["max_sustained_throughput"][1] == "none: the thresholds held in no stage"
    assert never["recovery_time_s"] == (None, "not within 20 s")
    cut_short = figures(
        tmp_path / "short", kind="stress", stages=StageReport((), None, (point,), Recovery(None, None, 2.0))
    )
    assert cut_short["recovery_time_s"] == (None, f"{UNKNOWN} (the run ended 2 s after the overload)")
    unbroken = figures(tmp_path / "unbroken", kind="stress", stages=StageReport((), 9.0, ()))
    assert unbroken["failure_points"][1] == "none: no threshold broke in any stage"
    assert unbroken["recovery_time_s"] == (None, "not needed: no threshold broke in any stage")


def test_an_endurance_test_is_about_the_course(tmp_path: Path) -> None:
    """Ten parts: p95 of each, errors at first, at last and at worst; memory and pool from the target's readings."""
    pool = {"db_pool_usage_ratio": METRIC, "process_resident_memory_bytes": METRIC}
    resources = {"generator": {"memory_bytes": METRIC}, "prometheus http://x/metrics": pool}
    found = figures(tmp_path, kind="endurance", resources=resources)
    consistency, shown = found["response_time_consistency"]
    assert consistency["p95_ms_by_part"] == pytest.approx([10] * 5 + [20] * 5, rel=0.01)
    assert consistency["highest_to_lowest"] == pytest.approx(2, rel=0.01)
    assert shown.startswith("p95 10.0 ms to 20.0 ms over 10 parts, the highest 2.0")
    assert found["error_rate_by_part"][0] == [0] * 9 + [10 / 400]
    assert found["error_rate_by_part"][1] == "0.00 % at first, 2.50 % at last, 2.50 % at worst"
    assert set(found["memory"][0]) == {"process_resident_memory_bytes"}
    assert found["memory"][1] == (
        "process_resident_memory_bytes: 100.0 MB at first, 120.0 MB at last, 130.0 MB at most, +2.0 MB per hour"
    )
    assert set(found["database_pool"][0]) == {"db_pool_usage_ratio"}


def test_an_endurance_test_without_a_request_has_no_course(tmp_path: Path) -> None:
    """Nothing is divided by nothing."""
    scenario, _ = measured(tmp_path)
    found = {one.key: one.shown for one in key_figures(replace(scenario, kind="endurance"), [])}
    assert found["error_rate_by_part"] == UNKNOWN
    assert found["response_time_consistency"] == f"{UNKNOWN} (too few requests in each part)"
    assert found["memory"] == f"{UNKNOWN} (no monitor read it)"


def test_an_open_workload_breaks_at_a_rate(tmp_path: Path) -> None:
    """Failure points say the rate; a load test says what became of its arrivals."""
    run = open_run(tmp_path)
    reading = read(run)
    scenario = summarize(run, reading).scenarios["orders"]
    stages = StageReport((), 90.5, (FailurePoint("p95 <= 15ms", 1, 20, 10.0, rate=200.0),))
    stress = {one.key: one for one in key_figures(replace(scenario, stages=stages), [])}
    assert stress["failure_points"].shown == "p95 <= 15ms at 200.0/s, after 10 s"
    assert stress["failure_points"].value == [{"threshold": "p95 <= 15ms", "users": 20, "at_s": 10.0, "rate": 200.0}]
    load = {one.key: one for one in key_figures(replace(scenario, kind="load"), [])}
    assert load["arrivals"].shown == "sent 149.5/s of 150.0/s intended, 10 dropped"
    assert load["arrivals"].value["dropped"] == 10
    assert "arrivals" not in figures(tmp_path / "closed", kind="load")


def searched_figures(one: ScenarioSummary) -> dict[str, tuple[Any, str]]:
    return {figure.key: (figure.value, figure.shown) for figure in key_figures(one, [])}


def test_a_search_is_about_the_capacity() -> None:
    """The safe load with its interval, the requests per second there, and what broke first."""
    found = searched_figures(searched(resources={"generator": {"cpu": METRIC}, "process": {"memory_bytes": METRIC}}))
    assert found["capacity"][1] == "399.5/s (the limit lies between 391.4/s and 442.0/s)"
    assert found["capacity"][0]["rate"] == 399.5
    assert "trials" not in found["capacity"][0]
    assert found["max_sustained_throughput"] == (399.4, "399.4/s at the safe load")
    assert found["failure_points"][1].startswith(
        "p95 < 500ms at 415.0/s (9.09 %); p95 < 500ms in GET /items at 415.0/s"
    )
    assert found["resources_at_peak"][1] == "memory_bytes 125.0 MB"
    assert set(found) == {"capacity", "max_sustained_throughput", "failure_points", "resources_at_peak"}


def test_a_stress_that_searched_is_about_the_overload_as_well() -> None:
    """What was put through under overload, and the recovery with what the queue alone takes beside it."""
    found = searched_figures(stressed())
    assert found["overload_throughput"] == (398.0, "398.0/s of good answers at 599.2/s, 99.60 % of what it carries")
    assert found["recovery_time_s"] == (14.0, "14 s after the overload (its queue alone: 12.5 s)")
    never = searched_figures(stressed(Recovery(None, False, 40.0, ideal_s=12.5)))
    assert never["recovery_time_s"] == (None, "not within 40 s (its queue alone: 12.5 s)")
    assert searched_figures(searched(kind="stress"))["recovery_time_s"] == (None, f"{UNKNOWN} (it was not overloaded)")


def test_a_search_that_found_nothing_says_so() -> None:
    """No rate is made up."""
    nothing = capacity(result=SearchResult(None, None, 10.0, "nothing_held"), breaking_points=())
    found = searched_figures(searched(SearchReport(nothing)))
    assert found["capacity"][1] == found["max_sustained_throughput"][1] == f"{UNKNOWN} (no rate that was tried held)"
    assert found["failure_points"] == ([], "none: no objective broke at any rate")


def test_an_endurance_says_what_drifted() -> None:
    """What failed, and what may have drifted; or that nothing did."""
    found = searched_figures(enduring())
    assert found["drift"][1] == "memory_bytes +58.9 MB an hour; perhaps threads +4 an hour"
    assert found["drift"][0]["memory_bytes"]["verdict"] == "fail"
    calm = searched_figures(enduring(DriftReport((SLOWER, ERROR_RATE))))
    assert calm["drift"][1] == "none that matters, of 2 metrics"
    unknown = searched_figures(enduring(DriftReport((), remarks=("too short",))))
    assert unknown["drift"] == ({}, f"{UNKNOWN} (too short)")
