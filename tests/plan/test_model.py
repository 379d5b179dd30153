"""The models: how plans travel to other processes, and what cannot be changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.support.plans import FRAMEWORK_PLAN, FULL_PLAN, load_text

from loadworthy.plan.model import Plan, WaitTime


def _shipped(plan: Plan) -> Plan:
    return Plan.model_validate(json.loads(json.dumps(plan.model_dump(mode="json", by_alias=True))))


@pytest.mark.parametrize("text", [FRAMEWORK_PLAN, FULL_PLAN])
def test_a_plan_survives_the_way_to_a_worker(tmp_path: Path, text: str) -> None:
    """Written as JSON and read again, a plan equals itself."""
    plan = load_text(tmp_path, text).plan
    assert _shipped(plan) == plan
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan


_DURATIONS = st.integers(1, 366 * 86_400_000_000)
_SCALARS = st.text(max_size=5) | st.integers(-5, 5) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
_BODIES = st.recursive(
    _SCALARS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_STEPS = st.fixed_dictionaries(
    {"path": st.text(max_size=8)},
    optional={
        "json": _BODIES,
        "query": st.dictionaries(st.text(max_size=3), _SCALARS | st.lists(_SCALARS, max_size=2), max_size=2),
        "timeout": _DURATIONS.map(lambda duration_us: f"{duration_us}us"),
        "expect": st.fixed_dictionaries({}, optional={"status": st.integers(100, 599), "text": st.text(max_size=3)}),
    },
)
_SCENARIOS = st.fixed_dictionaries(
    {},
    optional={
        "flow": st.lists(_STEPS, max_size=2),
        "run_time": _DURATIONS.map(lambda duration_us: f"{duration_us}us"),
        "wait_time": st.tuples(_DURATIONS, _DURATIONS).map(lambda pair: f"{min(pair)}us-{max(pair)}us"),
        "spawn_rate": st.floats(0.001, 1e9),
        "stages": st.lists(
            st.builds(
                lambda duration, users: {"duration": f"{duration}us", "users": users}, _DURATIONS, st.integers(0)
            ),
            max_size=2,
        ),
        "thresholds": st.lists(st.sampled_from(["p95 < 1s", "GET /x p99 < 3ms", "error_rate < 0.1%"]), max_size=2),
    },
)


@given(st.dictionaries(st.text(max_size=5), _SCENARIOS, min_size=1, max_size=2))
def test_any_plan_survives_the_way_to_a_worker(scenarios: dict[str, Any]) -> None:
    """To the last microsecond and the type of every value in a body."""
    plan = Plan.model_validate({"scenarios": scenarios})
    assert _shipped(plan) == plan
    assert json.dumps(_shipped(plan).model_dump(mode="json")) == json.dumps(plan.model_dump(mode="json"))


@pytest.mark.parametrize(
    ("written", "low_us", "high_us"),
    [
        ("1s", 1_000_000, 1_000_000),
        ("10ms", 10_000, 10_000),
        ("1s-3s", 1_000_000, 3_000_000),
        ("1s - 1m30s", 1_000_000, 90_000_000),
        ("1-3", 1_000_000, 3_000_000),
        (0, 0, 0),
        (0.5, 500_000, 500_000),
        ({"low_us": 1, "high_us": 2}, 1, 2),
    ],
)
def test_wait_times_are_read(written: object, low_us: int, high_us: int) -> None:
    """One duration, two with a dash, a number of seconds, or the form in which plans travel."""
    assert WaitTime.model_validate(written) == WaitTime(low_us=low_us, high_us=high_us)


@pytest.mark.parametrize("written", ["", "-", "1s-", "-1s", "3s-1s", "1s-2s-3s", True, None, [1], {"low_us": 1}])
def test_what_is_no_wait_time_is_refused(written: object) -> None:
    """Half a range, a reversed one, or another kind of value is a mistake."""
    with pytest.raises(ValidationError):
        WaitTime.model_validate(written)


def test_one_user_unless_said() -> None:
    """Without users and stages there is one user; with stages they say it."""
    plan = Plan.model_validate({"scenarios": {"a": {"iterations": 3}, "b": {"stages": [{"duration": 1, "users": 2}]}}})
    assert (plan.scenarios["a"].users, plan.scenarios["b"].users) == (1, None)


def test_a_plan_cannot_be_changed(tmp_path: Path) -> None:
    """Every model of a plan refuses a new value, and what is a list in the file is a tuple."""
    plan = load_text(tmp_path, FULL_PLAN).plan
    browse = plan.scenarios["browse"]
    for model in (plan, browse, browse.endpoints[0], browse.endpoints[0].expect, browse.stages[0], browse.wait_time):
        assert model is not None
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, next(iter(type(model).model_fields)), None)
    assert isinstance(browse.endpoints, tuple)
    assert isinstance(browse.endpoints[0].query["tag"], tuple)
