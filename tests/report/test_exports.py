"""Every format of every sort of run: it is made, it is text where it says so, and what it needs is said."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.exported import EVERY_RUN
from tests.support.shop import failing_run

from loadworthy.errors import UsageError
from loadworthy.record.rundir import Run
from loadworthy.report.exports import FORMATS, Source, export
from loadworthy.report.write import render_reports


@pytest.mark.parametrize("make", EVERY_RUN.values(), ids=list(EVERY_RUN))
def test_every_run_can_be_had_in_every_format(make: Callable[[Path], Run], tmp_path: Path) -> None:
    """However it ended, whatever its kind, whatever is in it; twice the same bytes, in any order, and nothing is left
    behind."""
    run = make(tmp_path)
    before = sorted(run.path.iterdir())
    first, again = Source(run), Source(Run.open(run.path))
    exported = {name: export(name, first) for name in FORMATS}
    assert exported == {name: export(name, again) for name in reversed(FORMATS)}
    assert sorted(run.path.iterdir()) == before
    for name, files in exported.items():
        assert all(files.values()), name
        if FORMATS[name].is_text:
            assert all(content.decode("utf-8").endswith("\n") for content in files.values()), name


def test_what_a_run_directory_holds_is_exported_as_it_is(tmp_path: Path) -> None:
    """The same bytes as the files that a run leaves."""
    run = failing_run(tmp_path)
    run.manifest["plan"]["reporting"] = {"formats": ["json", "junit", "csv"]}
    contents = render_reports(run)[1]
    for name in ("summary", "json", "junit", "csv"):
        ((file, exported),) = export(name, Source(Run.open(run.path))).items()
        content = contents.pop(file)
        assert exported == (content if isinstance(content, bytes) else content.encode())
    assert not contents


@pytest.mark.parametrize("name", [name for name, one in FORMATS.items() if not one.is_whole])
def test_one_scenario_alone(name: str, tmp_path: Path) -> None:
    """Nothing of the others is in it, but for what the run as a whole says."""
    files = export(name, Source(failing_run(tmp_path), scenario="spike"))
    everything = b"".join(files.values())
    assert b"/orders" not in everything
    assert b"/items/[id]" not in everything
    if name == "locust-csv":
        assert list(files) == ["_stats.csv", "_stats_history.csv", "_failures.csv", "_exceptions.csv"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_scenario_that_the_run_has_not(name: str, tmp_path: Path) -> None:
    """It is said which ones there are, or that the format is of the whole run."""
    words = "leave out --scenario" if FORMATS[name].is_whole else "the run has load, spike, endurance"
    with pytest.raises(UsageError, match=words):
        export(name, Source(failing_run(tmp_path), scenario="nope"))


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("otlp", "opentelemetry.proto", "otel"), ("parquet", "pyarrow", "parquet")]
)
def test_an_extra_that_is_not_installed_is_named(
    name: str, module: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=rf"needs {module}.*pip install 'loadworthy\[{extra}\]'"):
        export(name, Source(failing_run(tmp_path)))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("scenario", [None, "spike"])
def test_it_is_told_how_far_it_is(name: str, scenario: str | None, tmp_path: Path) -> None:
    """Never backwards, and in the end all of it is done."""
    if scenario is not None and FORMATS[name].is_whole:
        return
    told: list[float] = []
    export(name, Source(failing_run(tmp_path), scenario=scenario, told=told.append))
    assert told == sorted(told)
    assert told[0] >= 0
    assert told[-1] == 1


def test_a_run_that_was_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor judged, where who asks knows its summary."""
    known = Source(failing_run(tmp_path))
    expected = export("prometheus", known)
    again = Source(Run.open(known.run.path), reading=known.reading, summary=known.whole)
    monkeypatch.setattr(Run, "intervals", None)
    assert export("prometheus", again) == expected
