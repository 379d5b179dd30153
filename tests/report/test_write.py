"""Writing the reports: all of them, whole, and the same every time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.runs import START_MS, ended, interval, make_run, manifest, series, started_open
from tests.support.shop import clean_run, failing_run

from loadworthy.errors import RunDirError
from loadworthy.record.rundir import INTERVALS, Run
from loadworthy.report.write import write_reports

NAMES = ["summary.json", "report.html", "report.json", "junit.xml", "stats.csv"]


def test_all_reports_are_written(tmp_path: Path) -> None:
    """Into the run's directory, leaving nothing else behind."""
    run = failing_run(tmp_path)
    before = {path.name for path in run.path.iterdir()}
    summary, paths = write_reports(run)
    assert [path.name for path in paths] == NAMES
    assert {path.name for path in run.path.iterdir()} == before | set(NAMES)
    assert json.loads((run.path / "summary.json").read_text()) == summary.to_json()


def test_two_calls_give_the_same_bytes(tmp_path: Path) -> None:
    """Reports depend on the run alone: not on the clock, nor on what was written before."""
    run = failing_run(tmp_path)
    _, paths = write_reports(run)
    first = [path.read_bytes() for path in paths]
    write_reports(Run.open(run.path))
    assert [path.read_bytes() for path in paths] == first


def test_report_json_holds_the_summary_and_the_timeline(tmp_path: Path) -> None:
    """All that the page shows, for programs."""
    run = clean_run(tmp_path)
    summary, _ = write_reports(run)
    data = json.loads((run.path / "report.json").read_text())
    assert data["summary"] == summary.to_json()
    assert len(data["scenarios"]["load"]["timeline"]) == 20
    assert data["scenarios"]["load"]["timeline"][3]["requests"] == 400
    assert data["facts"]["target"] == "http://127.0.0.1:8080"


@pytest.mark.parametrize("ended", [None, "completed", "interrupted", "error"])
def test_a_run_without_any_interval_has_reports(tmp_path: Path, ended: str | None) -> None:
    """However early it ended."""
    run = make_run(tmp_path / "run", run_json=manifest({"load": ["p95 < 1s"]}, ended=ended, ended_at_s=0.2))
    summary, paths = write_reports(run)
    assert all(path.stat().st_size for path in paths)
    assert summary.verdict.value == ("invalid" if ended == "error" else "undecided")


def test_a_run_cut_at_any_byte_has_reports(tmp_path: Path) -> None:
    """A sample of cuts through the intervals: the reports are made, and a torn end alone is not invalid."""
    run = clean_run(tmp_path)
    data = (run.path / INTERVALS).read_bytes()
    for length in range(0, len(data), len(data) // 12):
        (run.path / INTERVALS).write_bytes(data[:length])
        summary, _ = write_reports(Run.open(run.path))
        assert summary.health.verdict.value == "pass"


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """With the path, as an error of the run directory."""
    run = clean_run(tmp_path)
    (run.path / "report.html").mkdir()
    with pytest.raises(RunDirError, match=r"cannot write .*report\.html"):
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
    assert [path.name for path in paths] == [*NAMES, "trials.csv"]
    rows = (tmp_path / "run" / "trials.csv").read_text().splitlines()
    assert [row.split(",")[:6] for row in rows[1:]] == [
        ["load", "1", "grow", "10", "3", "good"], ["load", "2", "grow", "20", "3", "good"],
    ]  # fmt: skip
    assert summary.verdict.value == "undecided"
    assert "<h3>Trials</h3>" in (tmp_path / "run" / "report.html").read_text()
