"""Plans of scenarios that look for their own load."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.plans import load_text, problems_of

from loadworthy.plan.model import Scenario
from loadworthy.plan.search_objectives import objective_of
from loadworthy.plan.thresholds import parse_threshold

PLAN = """
base_url: http://localhost:1
scenarios:
  find:
    kind: {kind}
    endpoints: [{{path: /}}]
{more}
"""


def plan(kind: str = "capacity", *more: str) -> str:
    return PLAN.format(kind=kind, more="\n".join(f"    {line}" for line in more))


def test_a_capacity_needs_no_load(tmp_path: Path) -> None:
    """It is open, has no users of its own, and its settings are read with their units."""
    settings = ["thresholds: [p95 < 500ms, error_rate < 1%]", "max_rate: 5000/s", "max_duration: 4m", "precision: 10%"]
    scenario = load_text(tmp_path, plan("capacity", *settings)).plan.scenarios["find"]
    assert scenario.is_search
    assert scenario.is_open
    assert scenario.users is None
    assert (scenario.max_rate, scenario.max_duration, scenario.precision) == (5000.0, 240_000_000, 0.1)


@pytest.mark.parametrize(
    ("kind", "load", "searches"),
    [
        ("stress", "max_users: 50", True),
        ("stress", "users: 5", False),
        ("stress", "rate: 5/s", False),
        ("stress", "iterations: 5", False),
        ("stress", "stages: [{duration: 1s, users: 1}]", False),
        ("load", "spawn_rate: 1", False),
        ("capacity", "max_users: 50", True),
    ],
)
def test_only_a_stress_without_load_looks_for_it(kind: str, load: str, searches: bool) -> None:
    """Any load of its own makes a stress what its plan says; a load never searches."""
    import yaml

    keys = {"kind": kind, "thresholds": ["p95 < 1s"], **yaml.safe_load(load)}
    if kind == "load":
        keys["users"] = 1
    assert Scenario.model_validate(keys).is_search is searches


@pytest.mark.parametrize(
    ("kind", "line", "told"),
    [
        ("capacity", "users: 5", "users 5 has no place in a search for the capacity"),
        ("capacity", "run_time: 5m", 'run_time "5m" has no place'),
        ("capacity", "stages: [{duration: 1s, users: 1}]", "has no place"),
        ("capacity", "overload: 2", "overload is for what comes after the search of a stress"),
        ("stress", "run_time: 1m", 'run_time "1m" has no place'),
        ("load", "max_rate: 5/s", "max_rate belongs to a search for the capacity"),
        ("load", "precision: 5%", "precision belongs to a search"),
        ("capacity", "precision: 60%", "precision"),
        ("stress", "overload: 1", "overload"),
        ("capacity", "tags: 'a b'", "is no tag"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, kind: str, line: str, told: str) -> None:
    """Each with its line and a hint."""
    problems = problems_of(tmp_path, plan(kind, "thresholds: [p95 < 500ms]", line))
    texts = [f"{problem.where} {problem.message}" for problem in problems]
    assert any(told in text for text in texts), texts
    assert all(problem.line for problem in problems)


def test_a_search_needs_something_that_must_hold(tmp_path: Path) -> None:
    """Without thresholds, or with one that says nothing of single requests."""
    (problem,) = problems_of(tmp_path, plan("capacity"))
    assert "needs to know what the service must keep" in problem.message
    (problem,) = problems_of(tmp_path, plan("capacity", "thresholds: [p95 < 500ms, mean < 100ms]"))
    assert "mean < 100ms is nothing that a search can look for" in problem.message
    (problem,) = problems_of(tmp_path, plan("capacity", "thresholds: {response_time_p95: 500, throughput: 5}"))
    assert "throughput >= 5/s is nothing that a search can look for" in problem.message
    (problem,) = problems_of(tmp_path, plan("capacity", "thresholds: ['capacity >= 300/s']"))
    assert "needs to know" in problem.message


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("p95 < 100ms, abort", "p95 < 100ms, abort would end a search at the first miss"),
        ("p95 < 100ms for 5s, abort", "p95 < 100ms for 5s, abort asks for a part of a trial"),
        ("p95 < 100ms, warmup 5s", "p95 < 100ms, warmup 5s asks for a part of a trial"),
        ("capacity >= 300/s", None),
    ],
)
@pytest.mark.parametrize("kind", ["capacity", "stress"])
def test_a_search_judges_trials_as_a_whole(tmp_path: Path, kind: str, expression: str, told: str | None) -> None:
    """Neither a stretch nor all but the beginning; and a miss ends no search, so an abort would say nothing."""
    problems = problems_of(tmp_path, plan(kind, f"thresholds: [error_rate < 1%, '{expression}']")) if told else []
    assert [problem.message for problem in problems] == ([told] if told else [])
    if told is None:
        load_text(tmp_path, plan(kind, f"thresholds: [error_rate < 1%, '{expression}']"))
    for problem in problems:
        assert "leave" in (problem.hint or "")


def test_a_search_runs_alone(tmp_path: Path) -> None:
    """Others at the same time would count as its limit."""
    text = plan("capacity", "thresholds: [p95 < 500ms]", "with: other") + "\n  other: {endpoints: [{path: /}]}\n"
    (problem,) = problems_of(tmp_path, text)
    assert "runs alone" in problem.message


@pytest.mark.parametrize(
    ("expression", "allowed", "limit_us", "at_the_edge"),
    [
        ("p95 < 500ms", 0.05, 500_000, False),
        ("GET /x service_time_p99.9 <= 1s", 0.001, 1_000_000, False),
        ("max < 2s", 0.0, 2_000_000, False),
        ("error_rate < 1%", 0.01, None, True),
        ("error_rate <= 1%", 0.01, None, False),
        ("dropped_rate < 2%", 0.02, None, True),
    ],
)
def test_a_threshold_says_how_much_may_go_wrong(
    expression: str, allowed: float, limit_us: int | None, at_the_edge: bool
) -> None:
    """The share beyond a percentile, or the rate itself; exactly so much is too much only where less was asked for."""
    objective = objective_of(parse_threshold(expression))
    assert objective is not None
    assert objective.allowed == pytest.approx(allowed)
    assert objective.limit_us == limit_us
    assert objective.is_broken_by(allowed) is at_the_edge
    assert objective.is_broken_by(allowed + 1e-6)
    assert not objective.is_broken_by(max(allowed - 1e-6, 0.0)) or not allowed


@pytest.mark.parametrize("expression", ["mean < 1s", "p95 > 1ms", "min < 1s", "throughput > 5/s", "failures < 3"])
def test_other_thresholds_are_no_objectives(expression: str) -> None:
    """They say nothing of single requests."""
    assert objective_of(parse_threshold(expression)) is None
