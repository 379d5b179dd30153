"""All figures of a scenario, for every rendering."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.report.searches import capacity, searched, stressed, summary
from tests.support.runs import START_MS, interval, make_run, open_run, series, started
from tests.support.shop import clean_run, failing_run

from loadworthy.analysis.reading import read
from loadworthy.analysis.resources import ResourceSeries
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.summarize import summarize
from loadworthy.record.rundir import Run
from loadworthy.report.html_page import FigureGroup
from loadworthy.report.scenario_figures import scenario_groups, short_group

POINTS = {"generator": {"cpu": [(0.0, 0.1), (1.0, 0.2)]}, "process": {"threads": [(0.0, 3.0), (1.0, 4.0)]}}


def keys(group: FigureGroup) -> list[str]:
    return [one.key for one in group.figures]


def groups_of(run: Run) -> dict[str, FigureGroup]:
    reading = read(run)
    return {name: group for name, (group, _) in scenario_groups(summarize(run, reading), reading, run.events).items()}


def short_of(run: Run, name: str, resources: ResourceSeries | None = None) -> FigureGroup:
    reading = read(run)
    return short_group("a", summarize(run, reading).scenarios[name], reading, run.events, resources)


def test_scenarios_that_ran_have_their_figures(tmp_path: Path) -> None:
    """In the order of the plan, under anchors that no name can take from each other."""
    groups = groups_of(failing_run(tmp_path))
    assert {name: group.anchor for name, group in groups.items()} == {"load": "s1", "spike": "s2"}
    assert keys(groups["load"])[:4] == ["throughput", "response-time", "failures", "users"]
    assert keys(groups["spike"])[-2:] == ["distribution", "heat-map"]
    for group in groups.values():
        assert len(set(keys(group))) == len(keys(group))


def test_one_series_needs_no_choice(tmp_path: Path) -> None:
    """It is all requests together; of several each has its columns."""
    assert groups_of(clean_run(tmp_path))["load"].series == {}
    found = groups_of(failing_run(tmp_path))["load"].series
    assert list(found) == ["GET /items", "GET /items/[id]", "POST /orders"]


def test_the_series_add_up_to_the_timeline(tmp_path: Path) -> None:
    """Step by step."""
    group = groups_of(failing_run(tmp_path))["load"]
    whole = dict(zip(group.data["timeline"]["at_ms"], group.data["timeline"]["requests"], strict=True))
    sums = dict.fromkeys(whole, 0.0)
    for columns in group.series.values():
        for at_ms, requests in zip(columns["at_ms"], columns["requests"], strict=True):
            sums[at_ms] += requests
    assert sums == pytest.approx(whole, rel=1e-3)


def test_very_many_series_are_not_all_in_the_page(tmp_path: Path) -> None:
    """Those with the most requests are; the table has the others."""
    busy = [series(f"/items/{number}", [1000] * (100 - number)) for number in range(80)]
    group = groups_of(make_run(tmp_path / "run", [interval(second, *busy) for second in range(3)]))["load"]
    assert list(group.series) == [f"GET /items/{number}" for number in range(50)]


def test_what_happened_is_on_its_own_clock(tmp_path: Path) -> None:
    """Seconds since the scenario began, of each scenario its own."""
    run = open_run(tmp_path)
    reading = read(run)
    groups = scenario_groups(summarize(run, reading), reading, run.events)
    assert [(one.at_s, one.words) for one in groups["orders"][1]] == [
        (0.0, "stage 1, 100.0/s"), (10.0, "stage 2, 200.0/s"),
    ]  # fmt: skip
    assert groups["browse"][1] == []


def test_a_stage_that_is_the_whole_load_is_no_event(tmp_path: Path) -> None:
    """Nothing changes at it; where there are several each is told of."""
    only = {"at_ms": START_MS, "type": "stage", "scenario": "load", "index": 0, "users": 5}
    second = {**only, "at_ms": START_MS + 1000, "index": 1}
    for stages, words in (([only], []), ([only, second], ["stage 1, 5 users", "stage 2, 5 users"])):
        intervals = [interval(at_s, series(times_us=[1000] * 400)) for at_s in range(3)]
        run = make_run(tmp_path / f"run-{len(stages)}", intervals, events=[started(), *stages])
        reading = read(run)
        (_, happened) = scenario_groups(summarize(run, reading), reading, run.events)["load"]
        assert [one.words for one in happened] == words


def test_a_search_has_its_trials_first_and_no_spread(tmp_path: Path) -> None:
    """Over all trials together a distribution means nothing."""
    intervals = [interval(second, series(times_us=[1000] * 100), scenario="find") for second in range(3)]
    reading = read(make_run(tmp_path / "run", intervals))
    group, happened = scenario_groups(summary(stressed()), reading, [])["find"]
    assert keys(group) == ["trials", "throughput", "response-time", "users", "generator"]
    assert [one.words for one in happened] == [
        "overload: 599.2/s, 1.5 times the capacity", "recovered, 14 s after the overload",
    ]  # fmt: skip
    nothing = summary(searched(SearchReport(capacity(trials=()))))
    assert keys(scenario_groups(nothing, reading, [])["find"][0])[0] == "throughput"


def test_a_report_over_several_runs_has_less(tmp_path: Path) -> None:
    """Throughput, response time, errors and users; readings of the generator are left to the run's own report."""
    group = short_of(clean_run(tmp_path), "load", ResourceSeries(20.0, POINTS))
    assert [one.title for one in group.figures] == [
        "Throughput", "Response time", "Error rate", "Users", "process: threads",
    ]  # fmt: skip
    assert group.series == {}


def test_what_did_not_run_has_no_figures(tmp_path: Path) -> None:
    """Nor is there a group of it in the page."""
    run = failing_run(tmp_path)
    assert keys(short_of(run, "endurance")) == []
    assert "endurance" not in groups_of(Run.open(run.path))


def test_an_event_before_the_first_interval_is_no_mark(tmp_path: Path) -> None:
    """It was told of while the users began."""
    events = [{"at_ms": START_MS - 4000, "type": "warning", "scenario": "load", "message": "early"}]
    run = make_run(tmp_path / "run", [interval(0, series(times_us=[1000] * 9))], events=events)
    assert groups_of(run)["load"].data["marks"]["words"] == []
