"""Runs one after another, as the page asks for them; without any load."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
from tests.support.runs import interval, make_run, manifest, series, started, write_run

from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.summary import Summary
from loadworthy.engine.control import Control
from loadworthy.engine.observer import Observer
from loadworthy.engine.run import RunRequest
from loadworthy.errors import ExitCode, SetupError, UsageError
from loadworthy.page.session import FROM_THE_PAGE, Session
from loadworthy.plan.load import plan_from_mapping
from loadworthy.workload.profile import LoadChange


class Run:
    """A run that was judged."""

    def __init__(self, summary: Summary, exit_code: ExitCode) -> None:
        self.summary = summary
        self.exit_code = exit_code


Step = Callable[[Observer, Control], ExitCode]


class Runs:
    """Makes runs as a test says; each step is one run. After the last it lets the page end."""

    def __init__(self, folder: Path, *steps: Step, autoquit_s: float | None = 0) -> None:
        loaded = plan_from_mapping(
            {"base_url": "http://127.0.0.1:9", "scenarios": {"load": {"endpoints": [{"path": "/"}]}}},
            path=folder / "plan.yaml",
        )
        run = make_run(folder / "judged", [interval(0, series())], run_json=manifest(), events=[started()])
        self.summary = summarize(run)
        self.steps = list(steps)
        self.errors: list[str] = []
        self.controls: list[Control] = []
        self.session = Session(RunRequest(loaded, folder), self._make, lambda _: None, self.errors.append, autoquit_s)

    def _make(self, observer: Observer, control: Control, _on_environment: Any) -> Run:
        self.controls.append(control)
        return Run(self.summary, self.steps[len(self.controls) - 1](observer, control))

    def state(self) -> str:
        """What the page says."""
        self.session._feed.change()
        return str(self.session._feed.whole()["run"]["state"])


def ends(code: ExitCode) -> Step:
    """A run that is over at once."""
    return lambda _observer, _control: code


def test_the_first_run_begins_at_once(tmp_path: Path) -> None:
    """And its exit code is the page's, where it ends with the run."""
    runs = Runs(tmp_path, ends(ExitCode.UNDECIDED))
    assert runs.session.lead() is ExitCode.UNDECIDED
    assert runs.state() == "ended"


def test_start_makes_another_run(tmp_path: Path) -> None:
    """With a control of its own; the exit code is that of the last."""
    runs = Runs(tmp_path, ends(ExitCode.PASS), ends(ExitCode.FAIL), autoquit_s=None)
    leading = gevent.spawn(runs.session.lead)
    gevent.sleep(0)
    runs.session.start({})
    while len(runs.controls) < 2:
        gevent.sleep(0)
    os.kill(os.getpid(), signal.SIGINT)  # nothing is under way: the page ends
    assert leading.get(timeout=60) is ExitCode.FAIL
    assert runs.controls[0] is not runs.controls[1]


def test_while_a_run_is_under_way_there_is_no_other(tmp_path: Path) -> None:
    """Start is refused in a sentence; stop and the load are the run's."""

    def step(_observer: Observer, control: Control) -> ExitCode:
        with pytest.raises(UsageError, match="under way"):
            runs.session.start({})
        with pytest.raises(UsageError, match="no scenario is under way"):
            runs.session.change_load(2.0, None)
        runs.session.stop()
        assert control.stop.is_set()
        assert control.asked == FROM_THE_PAGE
        return ExitCode.INTERRUPTED

    runs = Runs(tmp_path, step)
    assert runs.session.lead() is ExitCode.INTERRUPTED


def test_between_runs_there_is_nothing_to_stop(tmp_path: Path) -> None:
    """Nor a load to change."""
    session = Runs(tmp_path).session
    with pytest.raises(UsageError, match="no run is under way"):
        session.stop()
    with pytest.raises(UsageError, match="no run is under way"):
        session.change_load(2.0, None)


def test_a_run_that_cannot_be_made_is_told_and_the_page_stays(tmp_path: Path) -> None:
    """On the page and in the terminal; the next one may do better."""

    def fails(_observer: Observer, _control: Control) -> ExitCode:
        raise SetupError("nothing listens at http://127.0.0.1:9")

    runs = Runs(tmp_path, fails, ends(ExitCode.PASS), autoquit_s=None)
    leading = gevent.spawn(runs.session.lead)
    gevent.sleep(0)
    assert (runs.state(), runs.errors) == ("failed", ["nothing listens at http://127.0.0.1:9"])
    runs.session.start({})
    while len(runs.controls) < 2:
        gevent.sleep(0)
    assert runs.state() == "ended"
    os.kill(os.getpid(), signal.SIGTERM)
    assert leading.get(timeout=60) is ExitCode.PASS


def test_its_exit_code_is_that_of_the_error(tmp_path: Path) -> None:
    """Where it was the last run."""

    def fails(_observer: Observer, _control: Control) -> ExitCode:
        raise SetupError("no")

    assert Runs(tmp_path, fails).session.lead() is ExitCode.USAGE


def test_ctrl_c_before_there_is_load_ends_run_and_page(tmp_path: Path) -> None:
    """While users are made ready nobody else listens for it."""

    def step(_observer: Observer, control: Control) -> ExitCode:
        os.kill(os.getpid(), signal.SIGINT)
        gevent.sleep(0)
        assert control.stop.is_set()
        return ExitCode.INTERRUPTED

    assert Runs(tmp_path, step, autoquit_s=None).session.lead() is ExitCode.INTERRUPTED


def test_the_handlers_of_signals_are_put_back(tmp_path: Path) -> None:
    """Whoever calls it twice finds things as they were."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    Runs(tmp_path, ends(ExitCode.PASS)).session.lead()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_the_page_knows_the_run_directory(tmp_path: Path) -> None:
    """From its beginning on, and offers what is in it."""
    path = write_run(tmp_path / "runs" / "one", [interval(0, series())], run_json=manifest())

    def step(observer: Observer, _control: Control) -> ExitCode:
        observer.on_event({"at_ms": 0, "type": "run_started", "run": "one", "path": str(path), "scenarios": ["load"]})
        assert runs.session.directory == path
        (path / "late.txt").write_text("made at the end")
        return ExitCode.PASS

    runs = Runs(tmp_path, step)
    runs.session.lead()
    runs.session._feed.change()
    run = runs.session._feed.whole()["run"]
    assert (run["run"], run["files"][0]) == ("one", "run.zip")
    assert {"run.json", "intervals.jsonl", "late.txt"} <= set(run["files"])


def test_what_was_changed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scenarios whose load changes, or that it is so already."""

    def step(_observer: Observer, control: Control) -> ExitCode:
        def change(factor: float, _scenario: str | None) -> dict[str, LoadChange]:
            return {"load": LoadChange(0, factor)} if factor != 1 else {}

        monkeypatch.setattr(control, "change_load", change)
        assert runs.session.change_load(1.5, None) == "1.5 times the planned load, in a moment: load."
        assert runs.session.change_load(1.0, None) == "That is the load already."
        return ExitCode.PASS

    runs = Runs(tmp_path, step)
    runs.session.lead()
