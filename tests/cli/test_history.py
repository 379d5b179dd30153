"""``loadworthy history`` over real run directories."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from tests.support.compared import command_line, write_simulated

from loadworthy.record.index import INDEX

RUNS = 16


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen runs over eight commits; slower by 30 % from the fifth on."""
    folder = tmp_path_factory.mktemp("made") / "runs"
    rng = np.random.default_rng(41)
    for number in range(RUNS):
        write_simulated(
            folder / f"run-{number:02}", rng, at_s=60 * number, revision=f"commit{number // 2:02}aaaaaaaa",
            factor=1.0 if number < RUNS // 2 else 1.3, seconds=4, per_second=200,
        )  # fmt: skip
    return folder


@pytest.fixture
def runs(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them to work on, in ``runs``."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(made, tmp_path / "runs"))


def told(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What the command prints, its lines put together; it ends well."""
    assert command_line("history", *words) == 0
    return " ".join(capsys.readouterr().out.split())


def test_the_trend_and_the_commit_at_which_it_changed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oldest first; the change with the runs' revisions; the index is kept beside the runs."""
    out = told(capsys)
    assert "load 16 runs" in out
    assert out.index("commit00") < out.index("commit07")
    assert "with run-08: revision commit04, after commit03." in out
    assert (runs / INDEX).is_file()
    assert not list(runs.glob("*/summary.json"))


def test_the_second_time_reads_only_what_is_new(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is as it was is not opened again, unless asked; one that was deleted disappears, a new one comes."""
    from loadworthy.record.rundir import Run

    first = told(capsys)
    opened: list[str] = []
    plain = Run.open

    def watched(path: Path) -> Run:
        opened.append(path.name)
        return plain(path)

    monkeypatch.setattr(Run, "open", watched)
    assert told(capsys) == first
    assert opened == []
    shutil.rmtree(runs / "run-03")
    write_simulated(runs / "run-99", np.random.default_rng(42), at_s=9000, seconds=4, per_second=50)
    data = json.loads(_json(capsys))
    assert [run["run"] for run in data["scenarios"][0]["runs"]][2:4] == ["run-02", "run-04"]
    assert data["scenarios"][0]["runs"][-1]["run"] == "run-99"
    assert opened == ["run-99"]
    told(capsys, "--rebuild")
    assert len(opened) == 1 + RUNS


def _json(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert command_line("history", "--json", *words) == 0
    return capsys.readouterr().out


def test_a_run_that_was_judged_again_is_read_again(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its summary is what counts."""
    told(capsys)
    assert command_line("report", runs / "run-00") == 0
    summary = json.loads((runs / "run-00" / "summary.json").read_text())
    summary["verdict"] = "fail"
    (runs / "run-00" / "summary.json").write_text(json.dumps(summary))
    capsys.readouterr()
    assert json.loads(_json(capsys))["scenarios"][0]["runs"][0]["verdict"] == "fail"


def test_what_cannot_be_read_is_told_and_passed_over(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A manifest that is none, a summary that says nothing; the others are shown."""
    (runs / "run-01" / "run.json").write_text("{")
    (runs / "run-02" / "summary.json").write_text('{"schema": 1, "scenarios": {"load": {}}}')
    out = told(capsys)
    assert "load 14 runs" in out
    assert "passed over run-01: cannot read" in out
    assert "passed over run-02: its summary is damaged" in out
    assert "loadworthy report" in out


def test_one_series_and_another_figure(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By their names."""
    out = told(capsys, "runs", "--scenario", "load", "--series", "GET /items", "--figure", "throughput")
    assert "load · GET /items 16 runs" in out
    assert "No change of level in the throughput of 16 runs." in out


def test_a_damaged_index_is_made_again(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever lies there."""
    first = told(capsys)
    (runs / INDEX).write_bytes(b"no database" * 100)
    assert told(capsys) == first
    database = sqlite3.connect(runs / INDEX)
    assert database.execute("SELECT count(*) FROM runs").fetchone() == (RUNS,)
    database.close()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["gone"], "gone: there is no such folder"),
        (["--figure", "p42"], "--figure p42: there are: requests"),
        (["--scenario", "laod"], "--scenario laod: no run has it; there are: load"),
        (["--series", "GET /x"], "--series GET /x: no run has it; there are: GET /items"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    runs: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    assert command_line("history", *words) == 2
    assert sentence in capsys.readouterr().err


def test_a_folder_without_runs_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Or with none that can be read; nothing is left behind there."""
    assert command_line("history", tmp_path) == 2
    assert "holds no run that can be read" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "run.json").write_text("{")
    assert command_line("history", tmp_path, "--rebuild") == 2
    assert "passed over torn" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["torn"]


def test_runs_that_were_cut_short_stand_in_it_and_take_no_part_in_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed ones and interrupted ones; those that Ctrl-C ended after all was done, or a threshold, count."""
    rng = np.random.default_rng(43)
    ends = {"killed": None, "interrupted": "interrupted", "done": "interrupted", "aborted": "aborted"}
    for number in range(12):
        name = "plain" if number < 6 else list(ends)[number % 2]
        _write_ended(tmp_path / "short" / f"run-{number:02}", rng, number, ends.get(name, "completed"), name)
        name = "plain" if number < 6 else list(ends)[2 + number % 2]
        _write_ended(tmp_path / "whole" / f"run-{number:02}", rng, number, ends.get(name, "completed"), name)
    out = told(capsys, tmp_path / "short")
    assert "load 12 runs" in out
    assert "Whether the p95 changed its level is not known: 6 runs, and it takes 8." in out
    assert "load: 6 runs were cut short (killed or interrupted) or changed by hand, and left out in looking" in out
    assert told(capsys, tmp_path / "short") == out  # from the index
    out = told(capsys, tmp_path / "whole")
    assert "with run-06" in out
    assert "cut short" not in out


def _write_ended(path: Path, rng: np.random.Generator, number: int, ended: str | None, name: str) -> None:
    """A run of four seconds; the sort that is meant to be another ran half as slow again."""
    planned_s = 8.0 if name in ("killed", "interrupted", "aborted") else 4.0
    facts: dict[str, object] = {
        "ended": ended,
        "planned_duration_s": planned_s,
        **({"ended_at": None} if ended is None else {}),
    }
    factor = 1.0 if name == "plain" else 1.5
    write_simulated(path, rng, at_s=60 * number, factor=factor, seconds=4, per_second=200, run_json=facts)


def test_it_is_told_where_only_the_last_runs_are_looked_at(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of sixteen with a change at the eighth the last seven have none; all stand in the table."""
    from loadworthy.analysis import change_points

    note = "load: changes were looked for in the last"
    monkeypatch.setattr(change_points, "MOST_RUNS", RUNS)
    assert note not in told(capsys)
    monkeypatch.setattr(change_points, "MOST_RUNS", 7)
    out = told(capsys)
    assert f"{note} 7 of 16 runs." in out
    assert "load 16 runs" in out
    assert "No change of level" in out
