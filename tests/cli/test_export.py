"""``loadworthy export`` over real run directories: where things go, and what is said."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from tests.support.compared import command_line
from tests.support.exported import hostile_run
from tests.support.shop import clean_run, failing_run

from loadworthy.cli import export as verb
from loadworthy.record.rundir import INTERVALS, MANIFEST
from loadworthy.report.exports import FORMATS

PRINTED = [name for name, one in FORMATS.items() if one.is_text and not one.prefix]
LOCUST = ["_stats.csv", "_stats_history.csv", "_failures.csv", "_exceptions.csv"]


@pytest.fixture(autouse=True)
def in_a_folder_with_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory holds the runs ``failing`` and ``clean``."""
    failing_run(tmp_path)
    clean_run(tmp_path)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", PRINTED)
def test_text_is_printed(name: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """All of it and nothing else, with exit code 0 although the run failed; and nothing is written."""
    before = sorted(Path().rglob("*"))
    assert command_line("export", "failing", "--format", name) == 0
    out = capsysbinary.readouterr().out
    assert command_line("export", "failing", "--format", name, "--out", "file") == 0
    assert out == Path("file").read_bytes()
    assert out
    assert sorted(Path().rglob("*")) == sorted([*before, Path("file")])


def test_what_cannot_be_printed_goes_into_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """And where it is, is said."""
    assert command_line("export", "failing", "--format", "parquet") == 0
    assert capsys.readouterr().out == "failing/intervals.parquet\n"
    assert Path("failing/intervals.parquet").read_bytes().startswith(b"PAR1")
    assert command_line("export", "failing", "--format", "locust-csv", "--scenario", "load") == 0
    assert capsys.readouterr().out.split() == [f"failing/locust{name}" for name in LOCUST]
    assert all(Path(f"failing/locust{name}").stat().st_size for name in LOCUST)


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ("x.prom", "x.prom"),
        ("new/x.prom", "new/x.prom"),
        ("there", "there/loadworthy.prom"),
        ("new/", "new/loadworthy.prom"),
    ],
)
def test_a_file_or_a_folder(out: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder is one that there is, or that ends with a slash; in it the file has its usual name."""
    Path("there").mkdir()
    assert command_line("export", "clean", "--format", "prometheus", "--out", out) == 0
    assert capsys.readouterr().out == f"{expected}\n"
    assert Path(expected).read_text().startswith("# HELP")


@pytest.mark.parametrize(
    ("out", "prefix"), [("results/nightly", "results/nightly"), ("there", "there/locust"), ("new/", "new/locust")]
)
def test_of_several_files_it_is_the_prefix(out: str, prefix: str) -> None:
    """As that of ``locust --csv``."""
    Path("there").mkdir()
    assert command_line("export", "clean", "--format", "locust-csv", "--scenario", "load", "--out", out) == 0
    assert sorted(Path().glob(f"{prefix}*")) == sorted(Path(f"{prefix}{name}") for name in LOCUST)


def test_a_link_to_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    """An address of a page or a path, and nothing else."""
    for url in ("https://ci.example/1/report.html", "../report.html"):
        assert command_line("export", "clean", "--format", "markdown", "--report-url", url) == 0
        assert f"[full report](<{url}>)" in capsys.readouterr().out
    assert command_line("export", "clean", "--format", "markdown", "--report-url", "javascript:alert(1)") == 2
    assert "no address of a page" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gone", "--format", "csv"], "gone is not a run directory"),
        (["clean", "--format", "csv", "--scenario", "nope"], "--scenario nope: the run has smoke, load"),
        (["clean", "--format", "json", "--scenario", "load"], "--format json is of the whole run"),
        (["clean", "--format", "csv", "--to", "http://127.0.0.1:1"], "--to is for --format otlp"),
        (["clean", "--format", "otlp", "--to", "http://127.0.0.1:1", "--out", "x"], "leave one of them out"),
        (["clean", "--format", "otlp", "--to", "127.0.0.1:4318"], "--to takes the address of an OTLP/HTTP endpoint"),
        (["clean", "--format", "csv", "--out", "clean/run.json/x"], "cannot write clean/run.json/x"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_a_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2."""
    assert command_line("export", *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_format_that_there_is_not_is_told_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """By argparse."""
    with pytest.raises(SystemExit) as ended:
        command_line("export", "clean", "--format", "xml")
    assert ended.value.code == 2
    assert "locust-csv" in capsys.readouterr().err


def test_a_damaged_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Its manifest is not what it should be; torn intervals are passed over."""
    text = Path("clean", MANIFEST).read_text()
    Path("clean", MANIFEST).write_text(text.replace('"planned_duration_s": 30.0', '"planned_duration_s": "x"'))
    assert command_line("export", "clean", "--format", "csv") == 2
    assert "clean is damaged" in capsys.readouterr().err
    Path("failing", INTERVALS).write_bytes(Path("failing", INTERVALS).read_bytes()[:-5])
    assert command_line("export", "failing", "--format", "csv") == 0


class Terminal(io.StringIO):
    """A standard output that somebody looks at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("name", PRINTED)
def test_a_terminal_is_not_played_with(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the target's moves its cursor or changes its colours."""
    hostile_run(Path())
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert command_line("export", "hostile", "--format", name) == 0
    monkeypatch.undo()
    assert terminal.getvalue()
    assert not any(char < " " or "\x7f" <= char <= "\x9f" for char in terminal.getvalue().replace("\n", ""))


def test_the_help_names_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    """With what it is, and examples."""
    with pytest.raises(SystemExit):
        command_line("export", "--help")
    shown = " ".join(capsys.readouterr().out.split())
    for name, one in FORMATS.items():
        assert f"{name} {one.what}" in shown
    assert "examples:" in shown
    assert "GITHUB_STEP_SUMMARY" in shown


def test_the_utf8_does_not_depend_on_the_locale(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """What is printed is the file's bytes, whatever encoding standard output has."""
    assert os.linesep == "\n"
    assert command_line("export", "clean", "--format", "markdown") == 0
    assert "✅".encode() in capsysbinary.readouterr().out
    assert verb.OTLP in FORMATS
