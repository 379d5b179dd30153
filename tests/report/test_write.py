"""Writing the reports: all of them, whole, and the same every time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.runs import START_MS, ended, interval, make_run, manifest, series, started, started_open

from loadworthy.analysis.reading import read
from loadworthy.errors import RunDirError
from loadworthy.record.rundir import INTERVALS, Run
from loadworthy.report.write import render_reports, write_reports

NAMES = ["summary.json", "report.html", "report.json", "junit.xml", "stats.csv"]
USUAL = ("throughput", "response-time", "users", "generator", "distribution", "every-request")


def plots(scenario: str, *names: str) -> list[str]:
    return [f"plots/{scenario}-{name}.{kind}" for kind in ("svg", "png") for name in names]


def short_run(folder: Path, **reporting: Any) -> Run:
    """Three seconds of one scenario; ``reporting`` is that section of its plan."""
    run_json = manifest({"load": ["p95 < 1s"]}, ended_at_s=3.0, planned_s=3.0)
    run_json["plan"] |= {"reporting": reporting} if reporting else {}
    intervals = [interval(second, series(times_us=[1000] * 100)) for second in range(3)]
    return make_run(folder / "run", intervals, run_json=run_json, events=[started(planned_s=3.0), ended(at_s=3)])


def names_in(run: Run) -> list[str]:
    return sorted(str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file())


def test_all_reports_are_written_and_are_the_same_the_next_time(tmp_path: Path) -> None:
    """Into the run's directory, leaving nothing else behind; a drawing and a picture of each figure beside them. They
    depend on the run alone: not on the clock, nor on what was drawn or written before."""
    run = short_run(tmp_path)
    before = names_in(run)
    summary, paths = write_reports(run)
    names = [str(path.relative_to(run.path)) for path in paths]
    assert names == [*NAMES, *plots("load", *USUAL)]
    assert names_in(run) == sorted([*before, *names])
    assert json.loads((run.path / "summary.json").read_text()) == summary.to_json()
    first = [path.read_bytes() for path in paths]
    assert write_reports(Run.open(run.path)) == (summary, paths)
    assert [path.read_bytes() for path in paths] == first


def test_scenarios_whose_names_are_alike_have_files_of_their_own(tmp_path: Path) -> None:
    """In a file system that knows no capital letters, too; and where the figure of one is called as that of another."""
    names = ("Load", "load", "load-process")
    intervals = [
        interval(second, series(times_us=[1000] * 9), scenario=name, number=10 * number + second)
        for number, name in enumerate(names)
        for second in (3 * number, 3 * number + 1)
    ]
    readings = [
        {"at_ms": START_MS + 1000 * second, "source": "process", "values": {"users": 1.0 + second}}
        for second in range(2)
    ]
    run_json = manifest(dict.fromkeys(names, ()), planned_s=1.0)
    run_json["plan"]["reporting"] = {"formats": ["plots"]}
    contents = render_reports(make_run(tmp_path / "run", intervals, resources=readings, run_json=run_json))[1]
    drawings = [name for name in contents if name.endswith(".svg")]
    assert len([name for name in drawings if "-users" in name]) == 4
    assert len({name.lower() for name in contents}) == len(contents)


def test_a_run_that_was_read_is_not_read_again(tmp_path: Path) -> None:
    """And gives the same reports."""
    run = short_run(tmp_path, formats=["html", "junit"])
    expected = render_reports(Run.open(run.path))
    reading = read(run)
    (run.path / INTERVALS).unlink()
    assert render_reports(run, reading=reading) == expected


@pytest.mark.parametrize("is_read", [False, True])
def test_whoever_waits_hears_how_far_it_is(tmp_path: Path, *, is_read: bool) -> None:
    """From nothing to all of it, never backwards."""
    shares: list[float] = []
    run = short_run(tmp_path, formats=["json", "junit", "csv", "markdown"])
    write_reports(run, told=shares.append, reading=read(run) if is_read else None)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert all(0 <= share <= 1 + 1e-9 for share in shares)
    assert len(shares) >= 4


def test_report_json_holds_the_summary_and_the_timeline(tmp_path: Path) -> None:
    """All that the page shows, for programs."""
    summary, contents = render_reports(short_run(tmp_path, formats=["json"]))
    data = json.loads(contents["report.json"])
    assert data["summary"] == summary.to_json()
    assert [second["requests"] for second in data["scenarios"]["load"]["timeline"]] == [100] * 3
    assert data["facts"]["target"] == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("reporting", "names"),
    [
        ({"formats": ["csv"]}, ["summary.json", "stats.csv"]),
        ({"formats": []}, ["summary.json"]),
        ({"formats": ["junit", "json", "junit"]}, ["summary.json", "junit.xml", "report.json"]),
        ({"formats": ["plots"]}, ["summary.json"]),
        ({"formats": ["pdf", "csv"]}, ["summary.json", "stats.csv"]),
        ({"formats": "csv"}, NAMES),
        ({"results_dir": "elsewhere"}, NAMES),
    ],
)
def test_the_plan_says_which(tmp_path: Path, reporting: Mapping[str, Any], names: list[str]) -> None:
    """In its order; the summary in any case, and the usual ones where it says nothing sensible. (A run without requests
    has no plots.)"""
    run_json = manifest({"load": []})
    run_json["plan"]["reporting"] = reporting
    assert list(render_reports(make_run(tmp_path / "run", run_json=run_json))[1]) == names


def test_formats_for_other_programs_are_written_too(tmp_path: Path) -> None:
    """Under their own names, beside the others."""
    names = list(render_reports(short_run(tmp_path, formats=["markdown", "prometheus", "locust-csv", "hdr"]))[1])
    assert names[0] == "summary.json"
    assert len(names) == len(set(names)) >= 7
    assert not {"intervals.jsonl", "run.json", "events.jsonl"} & set(names)


@pytest.mark.parametrize("ended_as", [None, "completed", "interrupted", "error"])
def test_a_run_without_any_interval_has_reports(tmp_path: Path, ended_as: str | None) -> None:
    """However early it ended."""
    run = make_run(tmp_path / "run", run_json=manifest({"load": ["p95 < 1s"]}, ended=ended_as, ended_at_s=0.2))
    summary, paths = write_reports(run)
    assert [path.name for path in paths] == NAMES
    assert all(path.stat().st_size for path in paths)
    assert summary.verdict.value == ("invalid" if ended_as == "error" else "undecided")


def test_a_run_cut_at_any_byte_has_reports(tmp_path: Path) -> None:
    """A sample of cuts through the intervals: the reports are made, and a torn end alone is not invalid."""
    run = short_run(tmp_path, formats=["html", "json", "junit", "csv"])
    data = (run.path / INTERVALS).read_bytes()
    for length in range(0, len(data), len(data) // 4):
        (run.path / INTERVALS).write_bytes(data[:length])
        summary, _ = write_reports(Run.open(run.path))
        assert summary.health.verdict.value == "pass"


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_cannot_be_written_is_said(tmp_path: Path, *, is_folder: bool) -> None:
    """With the path, as an error of the run directory; something else stands in its place, or in that of its folder."""
    run = short_run(tmp_path, formats=["junit"] if is_folder else ["plots"])
    place = run.path / ("junit.xml" if is_folder else "plots")
    if is_folder:
        place.mkdir()
    else:
        place.write_text("in the way", encoding="utf-8")
    with pytest.raises(RunDirError, match=f"cannot write .*{place.name}"):
        write_reports(run)


def test_a_search_has_its_trials_in_a_file(tmp_path: Path) -> None:
    """From the events and the intervals of a run that was interrupted after two of them."""
    rates = (10.0, 20.0)
    intervals = [
        replace(interval(second, series(times_us=[9_000] * 60), scheduled=60, sent=60), segment=second // 3)
        for second in range(6)
    ]
    trials = [
        {
            "at_ms": START_MS + 3000 * (place + 1), "type": "trial", "scenario": "load", "number": place,
            "trial": place + 1, "purpose": "grow", "rate": rate, "duration_s": 3.0, "took_s": 3.0, "sending_s": 3.0,
            "is_bad": False, "by_generator": None,
        }
        for place, rate in enumerate(rates)
    ]  # fmt: skip
    run_json = manifest({"load": ["p95 < 500ms"]}, ended="interrupted", ended_at_s=6.0, planned_s=None)
    run_json["plan"]["scenarios"]["load"] = {"kind": "capacity", "thresholds": ["p95 < 500ms"]}
    events = [started_open(planned_s=None) | {"search": True}, *trials, ended(reason="interrupted", at_s=6)]
    summary, paths = write_reports(make_run(tmp_path / "run", intervals, events=events, run_json=run_json))
    assert [path.name for path in paths][:6] == [*NAMES, "trials.csv"]
    assert paths[6].name == "load-p95-of-each-trial.svg"
    rows = (tmp_path / "run" / "trials.csv").read_text().splitlines()
    assert [row.split(",")[:6] for row in rows[1:]] == [
        ["load", "1", "grow", "10", "3", "good"], ["load", "2", "grow", "20", "3", "good"],
    ]  # fmt: skip
    assert summary.verdict.value == "undecided"
    assert "<h3>Trials</h3>" in (tmp_path / "run" / "report.html").read_text()
