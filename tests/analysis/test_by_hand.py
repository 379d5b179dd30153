"""A run whose load was changed by hand: it may fail, and never passes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.runs import START_MS, ended, interval, make_run, manifest, series, started

from loadworthy.analysis.by_hand import by_hand, changes_of
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.verdict import Verdict
from loadworthy.errors import ExitCode
from loadworthy.record.rundir import Run
from loadworthy.workload.profile import LoadChange

SENTENCE = "load: the load was changed by hand {}, so this is not the load of the plan."


def changed(at_s: float, factor: float, scenario: str = "load") -> dict[str, Any]:
    """The event that tells of a change."""
    return {
        "at_ms": START_MS + round(at_s * 1000), "type": "load_changed", "scenario": scenario, "factor": factor,
        "from_s": at_s, "message": "by hand",
    }  # fmt: skip


def run_of(
    path: Path, events: Sequence[dict[str, Any]], thresholds: Sequence[str] = ("p95 < 100ms",), **keys: Any
) -> Run:
    """A minute of a scenario whose requests take 20 ms."""
    seconds = [interval(second, series("/", [20_000] * 40)) for second in range(60)]
    told = [started(), *events, ended()]
    return make_run(path / "run", seconds, events=told, run_json=manifest({"load": thresholds}, **keys))


@pytest.mark.parametrize(
    ("events", "times"),
    [([changed(10, 2)], "once"), ([changed(10, 2), changed(20, 1)], "2 times")],
)
def test_what_would_pass_is_undecided(tmp_path: Path, events: list[dict[str, Any]], times: str) -> None:
    """Also where the load of the plan came back: the reason says how often it was changed."""
    summary = summarize(run_of(tmp_path, events))
    assert summary.verdict is Verdict.UNDECIDED
    assert summary.exit_code is ExitCode.UNDECIDED
    assert summary.reasons[0] == SENTENCE.format(times)
    assert summary.scenarios["load"].thresholds[0].verdict is Verdict.PASS
    assert summary.scenarios["load"].to_json()["load_changed"] == len(events)


def test_a_change_of_another_scenario_is_none_of_this_one(tmp_path: Path) -> None:
    """It passes as ever."""
    summary = summarize(run_of(tmp_path, [changed(10, 2, "other")]))
    assert summary.scenarios["load"].verdict is Verdict.PASS
    assert "load_changed" not in summary.scenarios["load"].to_json()


def test_what_fails_has_failed(tmp_path: Path) -> None:
    """The reason stands after the one that decides."""
    summary = summarize(run_of(tmp_path, [changed(10, 2)], ["p95 < 10ms"]))
    assert summary.verdict is Verdict.FAIL
    assert summary.reasons[0].startswith("load: p95 was 20.0 ms")
    assert SENTENCE.format("once") in summary.reasons


def test_it_is_told_of_a_run_that_was_cut_short_as_well(tmp_path: Path) -> None:
    """Who asked for the end stands in the reason for it; that the load was another is another reason."""
    by = "stopped from the live page"
    run = run_of(tmp_path, [changed(10, 2)], ended="interrupted", ended_at_s=59.0, ended_reason=by)
    summary = summarize(run)
    assert summary.verdict is Verdict.UNDECIDED
    assert summary.exit_code is ExitCode.INTERRUPTED
    assert summary.reasons[0].startswith(f"The run was interrupted ({by}): it ended after 59 s of the planned 60 s.")
    assert summary.reasons[1] == SENTENCE.format("once")


def test_a_drift_under_a_changed_load_is_none_of_the_service(tmp_path: Path) -> None:
    """Response times that double with the load are no decay; whether there is one is not known."""
    seconds = [
        interval(second, series("/", [10_000 + 40 * second] * (40 if second < 300 else 80))) for second in range(600)
    ]
    run_json = manifest({"load": ["p95 < 1s"]}, ended_at_s=600.0, planned_s=600.0)
    run_json["plan"]["scenarios"]["load"]["kind"] = "endurance"
    events = [started(planned_s=600.0), ended(at_s=600)]
    steady = summarize(make_run(tmp_path / "steady", seconds, events=events, run_json=run_json))
    assert steady.verdict is Verdict.FAIL
    events.insert(1, changed(300, 2))
    by_a_person = summarize(make_run(tmp_path / "changed", seconds, events=events, run_json=run_json))
    assert by_a_person.verdict is Verdict.UNDECIDED
    drift = by_a_person.scenarios["load"].drift
    assert drift is not None
    assert drift.metrics == ()
    assert by_a_person.reasons[0] == (
        "load: whether the service decays is not known: the load was changed by hand, and all figures with it."
    )


def test_changes_are_read_back_from_the_events() -> None:
    """To the µs; nothing where nothing was changed."""
    events = [changed(1.234567, 1.5), changed(2, 9, "other"), changed(3.5, 1)]
    assert changes_of("load", events) == (LoadChange(1_234_567, 1.5), LoadChange(3_500_000, 1.0))
    assert by_hand("other", events) is not None
    assert by_hand("third", events) is None
