"""What the end of a run is about, which of it is news, and what is remembered of it for the next run."""

from __future__ import annotations

import fcntl
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from tests.report.searches import enduring, scenario, summary, threshold

from loadworthy.alert.ending import BY_SEVERITY, is_news, matters_of, wanted
from loadworthy.alert.memory import ALERTS, Remembered, plan_key, recall, remember
from loadworthy.analysis.compared_figures import Change
from loadworthy.analysis.comparison import Comparison
from loadworthy.analysis.summary import Summary
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.alerting import DEFAULT_MATTERS, Matter

WORSE = Comparison(Change.WORSE, 0.05, ())
SAME = Comparison(Change.NOT_WORSE, 0.05, ())

ADDING = """
import fcntl, pathlib, sys
from loadworthy.alert.memory import remember
folder, number = pathlib.Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
with (folder / "lock").open() as lock:
    fcntl.flock(lock, fcntl.LOCK_SH)
    for at_ms in range(30):
        remember(folder, f"plan {number}", False, {f"breach: {at_ms}": at_ms})
        remember(folder, "shared", False, {f"breach: {number} {at_ms}": at_ms})
"""


def judged(verdict: Verdict) -> Summary:
    """A run of this verdict."""
    return replace(summary(scenario(thresholds=(threshold(),))), verdict=verdict)


@pytest.mark.parametrize(
    ("verdict", "ended", "comparison", "heard", "matters"),
    [
        (Verdict.PASS, "completed", None, False, ()),
        (Verdict.PASS, "completed", SAME, False, ()),
        (Verdict.PASS, "completed", None, True, ("passed_again",)),
        (Verdict.PASS, "completed", WORSE, True, ("regression", "passed_again")),
        (Verdict.FAIL, "completed", WORSE, False, ("fail", "regression")),
        (Verdict.FAIL, "aborted", None, False, ("aborted", "fail")),
        (Verdict.INVALID, "error", None, False, ("aborted", "invalid")),
        (Verdict.UNDECIDED, "completed", None, True, ("undecided",)),
        (Verdict.FAIL, "interrupted", WORSE, False, ()),
        (Verdict.PASS, "interrupted", None, True, ()),
    ],
)  # fmt: skip
def test_matters(
    verdict: Verdict, ended: str, comparison: Comparison | None, heard: bool, matters: tuple[Matter, ...]
) -> None:
    """By verdict, by how it ended, by the baseline and by what was told before; what a person interrupted is none."""
    assert matters_of(judged(verdict), ended, comparison, heard=heard) == matters


def test_a_drift_is_a_matter_of_its_own() -> None:
    """Beside the failure that it is."""
    assert enduring().drift is not None
    bad = enduring()
    found = matters_of(replace(summary(bad), verdict=Verdict.FAIL), "completed", None, heard=False)
    assert ("drift" in found) == (bad.drift is not None and bad.drift.verdict is Verdict.FAIL)
    assert found[0] == "fail"


def test_only_what_is_wanted() -> None:
    """Undecided runs are told only where the plan says so."""
    assert wanted(("fail", "undecided"), DEFAULT_MATTERS) == ("fail",)
    assert set(BY_SEVERITY) | {"breach", "recovered"} == {*DEFAULT_MATTERS, "undecided"}


def test_news() -> None:
    """The same matter is none within the cool-down; another is, and so is one after a run that passed."""
    told = {"fail": 1000, "regression": 1000}

    def news(matters: tuple[Matter, ...], now: int, *, passed: bool | None = False) -> bool:
        return is_news(matters, told, now, 600, passed_before=passed)

    assert not news(("fail",), 1599)
    assert not news(("fail", "regression"), 1599)
    assert news(("fail",), 1600)
    assert news(("invalid", "fail"), 1100)
    assert news(("fail",), 1100, passed=True)
    assert not news(("regression",), 1100, passed=True)  # it may pass and be worse, time and again
    assert news(("passed_again",), 1100)
    assert news(("fail",), 900)  # told in the future: a clock was set


def test_what_several_runs_leave() -> None:
    """The latest time of each matter; that it is bad has been heard until a run passes, unless nobody was told."""
    unheard = Remembered().after(False, {"regression": 1})
    assert unheard == Remembered(False, {"regression": 1})
    told = unheard.after(False, {"fail": 7})
    assert told == Remembered(False, {"regression": 1, "fail": 7}, heard=True)
    assert told.after(None, {"fail": 3, "breach: load: p95 < 5ms": 9}) == Remembered(
        False, {"regression": 1, "fail": 7, "breach: load: p95 < 5ms": 9}, heard=True
    )
    assert told.after(True, {"passed_again": 8}) == Remembered(True, {"regression": 1, "fail": 7, "passed_again": 8})
    assert Remembered(True).after(None, {"breach: load: p95 < 5ms": 9}).heard


def test_memory(tmp_path: Path) -> None:
    """What is kept is found again by the same plan, scenarios and target; a damaged file is as none."""
    folder, key = tmp_path / "runs", plan_key("shop", ("load",), "http://shop.test")
    assert recall(folder, key) == Remembered()
    remember(folder, key, False, {"fail": 5})
    remember(folder, plan_key("shop", ("load",), None), True, {})
    assert recall(folder, key) == Remembered(False, {"fail": 5}, heard=True)
    for number in range(120):
        remember(folder, f"plan {number}", True, {})
    assert recall(folder, key) == Remembered()  # so long ago that its place was needed
    for text in ("", "[]", '{"schema": 2, "plans": {}}', '{"schema": 1, "plans": {"plan 1": 7}}',
                 '{"schema": 1, "plans": {"plan 1": {"passed": "x", "told": {"fail": "soon"}}}}'):  # fmt: skip
        (folder / ALERTS).write_text(text, encoding="utf-8")
        assert recall(folder, "plan 1") == Remembered()


def test_runs_that_end_together_forget_nothing_of_each_other(tmp_path: Path) -> None:
    """Four processes that add to the same plan at the same time, and to one of their own: all is there."""
    command = [sys.executable, "-c", ADDING, str(tmp_path)]
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        adding = [Popen([*command, str(number)], stdout=PIPE) for number in range(4)]
        for one in adding:
            assert one.stdout is not None
            one.stdout.readline()  # it is there, and begins when all are
        fcntl.flock(lock, fcntl.LOCK_UN)
    for one in adding:
        one.communicate()
        assert one.returncode == 0
    assert {len(recall(tmp_path, f"plan {number}").told_ms) for number in range(4)} == {30}
    assert len(recall(tmp_path, "shared").told_ms) == 120
