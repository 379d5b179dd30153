"""``report.json``: what it holds beyond the summary: remarks on endurances, and what charts show."""

from __future__ import annotations

import json
from pathlib import Path

from tests.report.searches import DRIFTS, enduring, scenario, stressed, summary
from tests.support.runs import interval, make_run, manifest, open_run, series

from loadworthy.analysis.reading import read
from loadworthy.analysis.summarize import summarize, timeline
from loadworthy.record.rundir import Run
from loadworthy.report.figures.course import step_of
from loadworthy.report.report_json import report_json


def test_what_a_search_found_is_in_the_summary() -> None:
    """The trials, the breaking points, the overload and the recovery."""
    data = json.loads(report_json(summary(stressed()), {}, {}, []))
    found = data["summary"]["scenarios"]["find"]
    assert [found["capacity"][key] for key in ("low", "rate", "high", "ended")] == [391.4, 399.5, 442.0, "found"]
    assert len(found["capacity"]["trials"]) == 10
    assert found["failure_points"][0]["threshold"] == "p95 < 500ms"
    assert (found["overload"]["multiple"], found["recovery"]["time_s"]) == (1.5, 14.0)


def test_remarks_on_drifts_are_kept() -> None:
    """What could not be judged; a scenario whose drift was not looked at has none of that."""
    data = json.loads(report_json(summary(enduring(), scenario("load")), {}, {}, []))
    assert data["scenarios"]["soak"]["drift_remarks"] == list(DRIFTS.remarks)
    assert data["summary"]["scenarios"]["soak"]["drift"]["memory_bytes"]["verdict"] == "fail"
    assert "drift_remarks" not in data["scenarios"]["load"]


def test_what_the_charts_show_is_there(tmp_path: Path) -> None:
    """The map, the curves and the series of each scenario that ran, in the figures that the analysis has."""
    run = open_run(tmp_path)
    reading = read(run)
    made = summarize(run, reading)
    content = report_json(made, timeline(run, reading), run.manifest, run.failures, reading=reading)
    scenarios = json.loads(content)["scenarios"]
    orders, figures = scenarios["orders"], made.scenarios["orders"].figures
    assert sum(requests for *_, requests in orders["latency_map"]["cells"]) == figures.requests
    curve = {one["fraction"]: one for one in orders["percentile_curve"]["response"]["points"]}
    assert curve[0.95]["ms"] == figures.response_time_ms.p95
    assert "service" not in orders["percentile_curve"]
    told = orders["series_timeline"]
    assert (told["step_s"], list(told["series"])) == (1, ["GET /items"])
    columns = told["series"]["GET /items"]
    assert told["at_s"] == list(range(20))
    assert sum(columns["throughput"]) * told["step_s"] == figures.requests
    assert {len(column) for column in columns.values()} == {len(told["at_s"])}
    assert list(scenarios["browse"]["series_timeline"]["series"]) == ["GET /"]


def test_series_have_the_steps_of_the_charts(tmp_path: Path) -> None:
    """Long enough for a percentile, where there are few requests in a second."""
    run = make_run(tmp_path / "run", [interval(second, series("/a", [1000] * 3)) for second in range(300)])
    reading = read(run)
    made = summarize(run, reading)
    told = json.loads(report_json(made, {}, run.manifest, [], reading=reading))["scenarios"]["load"]["series_timeline"]
    assert told["step_s"] == step_of(made.scenarios["load"]) == 30
    assert told["at_s"] == list(range(0, 300, 30))
    assert told["series"]["GET /a"]["p95_ms"] == [1.0] * 10


def test_a_scenario_that_never_ran_has_no_charts(tmp_path: Path) -> None:
    """Nor has one of whose requests no time is known a map or points."""
    run = make_run(
        tmp_path / "run",
        [interval(0, series("/a", untimed=3))],
        run_json=manifest({"load": (), "never": ()}),
    )
    reading = read(run)
    data = json.loads(report_json(summarize(run, reading), {}, run.manifest, [], reading=reading))["scenarios"]
    assert {"latency_map", "percentile_curve", "series_timeline"}.isdisjoint(data["never"])
    assert "latency_map" not in data["load"]
    assert data["load"]["percentile_curve"]["response"]["points"] == []
    assert data["load"]["series_timeline"]["series"]["GET /a"]["throughput"] == [3]


def test_points_of_the_timeline_are_short(tmp_path: Path) -> None:
    """Rates to a thousandth; what does not apply is absent."""
    chosen = interval(
        0, series("/a", [1000] * 7, failures={"status": 2}), duration_ms=900, health={"cpu": 1 / 3, "loop_lag_ms": 2.5}
    )
    run = make_run(tmp_path / "run", [chosen, interval(1, health={})])
    first, second = json.loads(
        report_json(summarize(run, read(Run.open(run.path))), timeline(Run.open(run.path)), run.manifest, [])
    )["scenarios"]["load"]["timeline"]
    assert (first["throughput"], first["failure_kinds"], first["cpu"]) == (7.778, {"status": 2.222}, 0.3333)
    assert first["loop_lag_ms"] == 2.5
    assert {"failure_kinds", "cpu", "loop_lag_ms", "own_lag_p99_ms", "intended"}.isdisjoint(second)
