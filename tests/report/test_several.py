"""The report over several runs: the newest of each scenario, the trend, and what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.pages import EVIL, PRODUCT, assert_ours_alone, groups_of, outlined
from tests.support.runs import ended, interval, iso, manifest, series, started, write_run

from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.verdict import Verdict
from loadworthy.errors import RunDirError
from loadworthy.record.rundir import Run
from loadworthy.report.report_json import summary_json
from loadworthy.report.several import read_several, several_html, several_json, what_is_wrong, write_several
from loadworthy.report.write import write_files


def one_run(
    folder: Path, name: str, *, day: int, ms: float = 10, scenarios: tuple[str, ...] = ("load",), reports: bool = True
) -> Path:
    """A run of two seconds on some day; each request of all its scenarios took so many ms."""
    intervals = [
        interval(second, series(times_us=[round(ms * 1000)] * 100), scenario=scenario, number=number * 10 + second)
        for number, scenario in enumerate(scenarios)
        for second in range(2)
    ]
    run_json = manifest(
        dict.fromkeys(scenarios, ("p95 < 15ms",)),
        name=name, started_at=iso(day * 86_400), ended_at=iso(day * 86_400 + 2), planned_s=2,
    )  # fmt: skip
    events = [event for scenario in scenarios for event in (started(scenario, 2), ended(scenario, at_s=2))]
    path = write_run(folder / name, intervals, events=events, run_json=run_json)
    if reports:
        written = {"summary.json": summary_json(summarize(Run.open(path))), "report.html": "its own"}
        write_files(path, written)
    return path


def data_of(folder: Path) -> Any:
    return json.loads(several_json(read_several(folder)))


def test_each_scenario_is_shown_by_its_newest_run(tmp_path: Path) -> None:
    """By the time of the run, not by its name; a scenario that only an older run had is shown from that one."""
    one_run(tmp_path, "z-first", day=1, ms=10, scenarios=("load", "smoke"))
    one_run(tmp_path, "a-second", day=2, ms=20)
    report = read_several(tmp_path)
    assert {one.summary.name: one.run for one in report.scenarios} == {"load": "a-second", "smoke": "z-first"}
    assert report.runs == 2
    assert report.verdict is Verdict.FAIL, "the newest load run broke its threshold"
    assert [one.summary.verdict for one in report.scenarios] == [Verdict.FAIL, Verdict.PASS]


def test_the_head_says_what_is_wrong(tmp_path: Path) -> None:
    """Of each scenario that did not pass, and where: the verdict alone answers nobody's next question."""
    one_run(tmp_path, "1", day=1, ms=20, scenarios=("load", "search"))
    one_run(tmp_path, "2", day=2, ms=10, scenarios=("smoke",))
    report = read_several(tmp_path)
    assert what_is_wrong(report) == [
        f"{name}: p95 was 20.0 ms over 200 requests, limit 15.0 ms." for name in ("load", "search")
    ]
    head = several_html(report).partition("<main")[0]
    assert "<li>load: p95 was 20.0 ms over 200 requests, limit 15.0 ms.</li>" in head
    assert "smoke" not in head.partition("<body")[2]


def test_the_trend_has_all_runs_with_their_changes(tmp_path: Path) -> None:
    """The newest first; the change is against the run of the same scenario before."""
    one_run(tmp_path, "1", day=1, ms=10)
    one_run(tmp_path, "2", day=2, ms=10, scenarios=("smoke",))
    one_run(tmp_path, "3", day=3, ms=12)
    rows = data_of(tmp_path)["runs"]
    assert [(row["run"], row["scenario"]) for row in rows] == [("3", "load"), ("2", "smoke"), ("1", "load")]
    assert rows[0]["p95_change"] == pytest.approx(0.2, rel=0.02)
    assert [row["p95_change"] for row in rows[1:]] == [None, None]
    assert rows[0]["requests"] == 200


def test_a_run_without_a_summary_is_summarized(tmp_path: Path) -> None:
    """It was killed before its end: its figures are there all the same, and its page does not link to a report."""
    one_run(tmp_path, "killed", day=1, reports=False)
    report = read_several(tmp_path)
    assert report.trend[0].requests == 200
    assert not report.trend[0].has_report
    assert "report.html" not in several_html(report)
    assert not (tmp_path / "killed" / "summary.json").exists()


def test_a_summary_of_another_schema_is_not_believed(tmp_path: Path) -> None:
    """It is made again from what was recorded."""
    path = one_run(tmp_path, "old", day=1)
    (path / "summary.json").write_text('{"schema": 99, "scenarios": {}}', encoding="utf-8")
    assert data_of(tmp_path)["runs"][0]["requests"] == 200


def test_other_folders_are_passed_over_and_damaged_runs_named(tmp_path: Path) -> None:
    """The report says which run could not be read, and shows the others."""
    one_run(tmp_path, "good", day=1)
    (tmp_path / "notes").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text("{", encoding="utf-8")
    report = read_several(tmp_path)
    assert report.runs == 1
    (problem,) = report.problems
    assert problem.startswith("bad cannot be read: ")
    assert "bad cannot be read" in outlined(several_html(report)).text


def test_without_a_run_there_is_nothing_to_report(tmp_path: Path) -> None:
    """An empty folder, a missing one, and one with damaged runs alone."""
    with pytest.raises(RunDirError, match="there are no runs to report on"):
        read_several(tmp_path)
    with pytest.raises(RunDirError, match="cannot read the folder"):
        read_several(tmp_path / "missing")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text("[]", encoding="utf-8")
    with pytest.raises(RunDirError, match="bad cannot be read"):
        read_several(tmp_path)


def test_the_page_needs_nothing_else_and_links_to_the_runs(tmp_path: Path) -> None:
    """Nothing from elsewhere; the only links are to places in it and to the runs' reports."""
    one_run(tmp_path, "first", day=1, scenarios=("load", "smoke"))
    text = several_html(read_several(tmp_path))
    assert_ours_alone(text)
    page = outlined(text)
    links = page.values("href")
    inside = {link[1:] for link in links if link.startswith("#")}
    assert len(inside) == 2
    assert inside <= set(page.values("id"))
    assert {link for link in links if not link.startswith("#")} == {"../first/report.html"}


def test_no_name_takes_the_place_of_another(tmp_path: Path) -> None:
    """Scenarios may be called as the page calls its own parts; each link leads to its scenario's section."""
    names = ("s2", "s1-users", "trend")
    one_run(tmp_path, "first", day=1, scenarios=names)
    one_run(tmp_path, "second", day=2, scenarios=names)
    text = several_html(read_several(tmp_path))
    assert_ours_alone(text)
    sections = {part.split('"')[0]: part for part in text.split('<section class="scenario" id="')[1:]}
    links = text.split('<td><a href="#')[1:]
    for link in links:
        anchor, name = link.split('"')[0], link.split(">")[1].split("<")[0]
        assert f"<h2>{name} " in sections[anchor]
    assert len(links) == len(sections) == 3
    assert len(groups_of(text)) == 4


def test_the_scripts_find_what_they_draw(tmp_path: Path) -> None:
    """Each figure has its element, and each scenario's charts are zoomed by its own toolbar."""
    one_run(tmp_path, "first", day=1, scenarios=("load", "smoke"))
    one_run(tmp_path, "second", day=2)
    text = several_html(read_several(tmp_path))
    page, groups = outlined(text), groups_of(text)
    for figures in groups.values():
        assert {one["id"] for one in figures.values()} <= set(page.values("id"))
    over_time = {anchor for anchor, figures in groups.items() if any(one["overTime"] for one in figures.values())}
    assert sorted(page.values("data-toolbar")) == sorted(over_time)
    assert len(over_time) == 2
    assert text.count('<svg class="drawing"') == sum(map(len, groups.values())) == 9


def test_a_scenario_that_ran_more_than_once_has_its_trend(tmp_path: Path) -> None:
    """With the newest on the right; one run is none."""
    one_run(tmp_path, "1", day=1, ms=10, scenarios=("load", "smoke"))
    assert "trend" not in groups_of(several_html(read_several(tmp_path)))
    one_run(tmp_path, "2", day=2, ms=12)
    (figure,) = groups_of(several_html(read_several(tmp_path)))["trend"].values()
    assert figure["title"] == "load: p95 of each run"
    assert figure["data"]["runs"]["words"] == ["1: 10.0 ms, pass", "2: 12.0 ms, pass"]


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """A scenario's name cannot break out of the page."""
    one_run(tmp_path, "evil", day=1, scenarios=(EVIL,))
    text = several_html(read_several(tmp_path))
    assert_ours_alone(text)
    assert EVIL in outlined(text).text
    assert PRODUCT not in text


def test_all_is_written_below_the_folder_of_the_runs(tmp_path: Path) -> None:
    """The page, the data and the plots; a second time gives the same bytes, and is not misled by the first."""
    one_run(tmp_path, "first", day=1)
    written = write_several(tmp_path)
    folder = tmp_path / "reports"
    assert written.files[:2] == (folder / "performance_report.html", folder / "performance_report.json")
    assert [path.name for path in written.files[2:]] == [
        f"load-{name}.{kind}"
        for name in ("throughput", "response-time", "error-rate", "users")
        for kind in ("svg", "png")
    ]
    contents = {path: path.read_bytes() for path in written.files}
    again = write_several(tmp_path)
    assert {path: path.read_bytes() for path in again.files} == contents
    assert again.report.runs == 1


def test_only_runs_of_these_names(tmp_path: Path) -> None:
    """The others of the folder are as if they were not there."""
    for day, name in enumerate(("1", "2", "3"), 1):
        one_run(tmp_path, name, day=day, reports=False)
    report = read_several(tmp_path, ["1", "3", "9"])
    assert report.runs == 2
    assert [row.run for row in report.trend] == ["3", "1"]
    with pytest.raises(RunDirError, match="there are no runs to report on"):
        read_several(tmp_path, ["9"])


def test_a_report_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A file stands where the folder would be."""
    one_run(tmp_path, "first", day=1)
    (tmp_path / "reports").write_text("in the way", encoding="utf-8")
    with pytest.raises(RunDirError, match="cannot write the report below"):
        write_several(tmp_path)


def test_it_is_told_how_far_it_is(tmp_path: Path) -> None:
    """Never backwards, over all runs that are read, and in the end all of it is done."""
    one_run(tmp_path, "first", day=1, scenarios=("load", "smoke"))
    one_run(tmp_path, "second", day=2)
    told: list[float] = []
    read_several(tmp_path, told=told.append)
    assert told == sorted(told)
    assert 0.5 in told
    assert told[-1] == 1
