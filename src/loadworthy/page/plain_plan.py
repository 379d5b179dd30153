"""What a plan says to a test of plain Locust: thresholds. How much load there is, Locust is told by its user."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locust.env import Environment

from loadworthy.errors import UsageError
from loadworthy.plan.load import load_plan
from loadworthy.plan.model import Plan, Scenario, ScenarioKind

_NAME = "load"


@dataclass(frozen=True, slots=True)
class PlainPlan:
    """A plan of one scenario.

    Args:
        plan: the scenario without any load of its own.
        scenario: its name.
        data: the plan as it stands in a manifest.
        users: how many the plan asks for; None where it does not say, or has a rate.
        spawn_rate: how many are started per second; None where it does not say.
    """

    plan: Plan
    scenario: str
    data: Mapping[str, Any]
    users: int | None = None
    spawn_rate: float | None = None


def plain_plan(path: Path | None, scenario: str | None, environment: Environment) -> PlainPlan:
    """The scenario of a plan file; without one, a scenario that is called as the locustfile.

    Raises:
        PlanError: the plan has mistakes, or cannot be read.
        UsageError: it has no such scenario, or several and none was chosen.
    """
    if path is None:
        stem = Path(environment.locustfile or _NAME).stem
        name = scenario or stem
        plan = Plan.model_validate({"scenarios": {name: {}}})
        return PlainPlan(plan, name, {})
    loaded = load_plan(path, environ=os.environ)
    names = list(loaded.plan.scenarios)
    name = names[0] if scenario is None and len(names) == 1 else scenario or ""
    if name not in names:
        what = "which one is it about?" if scenario is None else f"there is no scenario {scenario!r}."
        raise UsageError(f"{path}: {what} Give live_page(scenario=…) one of: {', '.join(names)}")
    spec = loaded.plan.scenarios[name]
    plan = loaded.plan.model_copy(update={"scenarios": {name: _without_load(spec)}})
    return PlainPlan(plan, name, loaded.redacted_json, spec.users, spec.spawn_rate)


def _without_load(spec: Scenario) -> Scenario:
    """Users come and go as Locust is told; so it is closed, and looks for nothing."""
    return spec.model_copy(
        update={"kind": ScenarioKind.LOAD, "users": 1, "rate": None, "stages": (), "iterations": None, "run_time": None}
    )
