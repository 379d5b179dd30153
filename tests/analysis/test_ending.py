"""Durations in words, and a run's length from what its manifest says."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.runs import START_MS, iso

from loadworthy.analysis.ending import judge_ending, run_duration_s, seconds
from loadworthy.analysis.planned import planned_duration_s
from loadworthy.engine.manifest import scenario_facts


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0, "0 s"), (0.04, "0 s"), (0.25, "0.3 s"), (12.34, "12.3 s"), (60, "60 s"), (99.9, "99.9 s"),
        (99.96, "1 min 40 s"), (120, "2 min"), (125.4, "2 min 5 s"), (3600, "1 h"), (5400, "1 h 30 min"),
        (86_461, "24 h 1 min"),
    ],
)  # fmt: skip
def test_durations_in_words(duration_s: float, text: str) -> None:
    """Short ones in seconds, long ones in the units people use."""
    assert seconds(duration_s) == text


@pytest.mark.parametrize(
    ("facts", "last_ms", "duration_s"),
    [
        ({"started_at": iso(0), "ended_at": iso(12.5)}, START_MS, 12.5),
        ({"started_at": iso(0), "ended_at": None}, START_MS + 9000, 9.0),
        ({"started_at": iso(0)}, None, None),
        ({"started_at": iso(5), "ended_at": iso(0)}, None, 0.0),
        ({"started_at": "2026-11-20T15:05:09+01:00", "ended_at": iso(3)}, None, 3.0),
        ({"started_at": "2026-11-20T14:05:09", "ended_at": iso(3)}, None, None),
        ({"started_at": "yesterday"}, START_MS, None),
        ({"started_at": 7}, START_MS, None),
    ],
)
def test_run_duration(facts: dict[str, Any], last_ms: int | None, duration_s: float | None) -> None:
    """The recorded end, else the last interval; unknown where the start is."""
    assert run_duration_s(facts, last_ms) == duration_s


def plan_of(**run_times: str | None) -> dict[str, Any]:
    """Scenarios of these lengths; the second runs with the first."""
    names = list(run_times)
    return {
        "scenarios": {
            name: {"users": 1, "run_time": length, "with": [names[0]] if index == 1 else []}
            for index, (name, length) in enumerate(run_times.items())
        }
    }


@pytest.mark.parametrize(
    ("facts", "planned_s"),
    [
        ({"plan": plan_of(a="6s", b="3s"), "planned_duration_s": 9.0}, 6.0),
        ({"plan": plan_of(a="3s", b="6s", c="4s"), "planned_duration_s": 13.0}, 10.0),
        ({"plan": plan_of(a="6s", b="3s"), "scenarios": ["b"], "planned_duration_s": 3.0}, 3.0),
        ({"plan": plan_of(a="6s", b=None), "planned_duration_s": None}, None),
        ({"plan": {"scenarios": {"a": {"users": "many"}}}, "planned_duration_s": 9.0}, 9.0),
        ({"planned_duration_s": 9.0}, 9.0),
        ({}, None),
    ],
)
def test_what_runs_together_is_planned_once(facts: dict[str, Any], planned_s: float | None) -> None:
    """Of scenarios at the same time the longest counts, though the manifest of an older run adds them up."""
    assert planned_duration_s(facts) == planned_s
    if planned_s is not None:
        ending = judge_ending(facts | {"ended": "interrupted"}, planned_s - 1)
        assert f"ended after {seconds(planned_s - 1)} of the planned {seconds(planned_s)}" in (ending.reason or "")
        assert judge_ending(facts | {"ended": "interrupted"}, planned_s).reason is None


def test_manifests_say_the_same() -> None:
    """The longest of each wave, and the sum over waves; unknown where one has no end."""
    lengths = {"a": 6.0, "b": 3.0, "c": 4.0}
    assert scenario_facts(lengths, [("a", "b"), ("c",)]) == 10
    assert scenario_facts(lengths) == 13
    assert scenario_facts(lengths | {"b": None}, [("a", "b"), ("c",)]) is None


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ("asked to stop", ""), ("asked to stop between two scenarios", ""), ("told twice to stop", ""), (None, ""),
        ("stopped from the live page", " (stopped from the live page)"),
    ],
)  # fmt: skip
def test_who_asked_for_the_end_is_told_where_it_is_known(by: str | None, told: str) -> None:
    """A signal bears no name."""
    ending = judge_ending({"ended": "interrupted", "planned_duration_s": 60.0, "ended_reason": by}, 12.0)
    assert (ending.reason or "").startswith(f"The run was interrupted{told}: it ended after 12 s of the planned 60 s")
