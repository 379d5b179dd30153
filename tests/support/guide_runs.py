"""Plans of the guide, run a little shorter than they stand there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadworthy import api
from loadworthy.analysis.summary import Summary
from loadworthy.plan.load import load_plan

QUIET = {"scenarios.*.wait_time": "1ms", "reporting.formats": []}
"""Neither times nor reports are what is looked at here."""


@dataclass(frozen=True)
class Case:
    """How a plan is shortened, and what must have been seen."""

    overrides: Mapping[str, Any]
    series: Mapping[str, int | None]
    """Which there are, and how many requests each has (None: some)."""
    holds: Callable[[dict[str, Any]], bool] = field(default=lambda _state: True)
    """What must be true of the service's state."""


def few(iterations: int, users: int = 2, **more: Any) -> dict[str, Any]:
    """So many iterations of each scenario by so many users, without pauses."""
    return {**QUIET, "scenarios.*.users": users, "scenarios.*.iterations": iterations, **more}


def run(plan: Path, case: Case, environ: Mapping[str, str]) -> Summary:
    """Run it beside itself; no request fails, all series are there, and thresholds find theirs."""
    names = list(load_plan(plan, environ=environ).plan.scenarios)
    result = api.run(
        plan, overrides=_spelt_out(case.overrides, names), out=plan.parent / "runs",
        view=False, closing=False, environ=environ,
    )  # fmt: skip
    scenarios = result.summary.scenarios.values()
    assert [scenario.figures.failures for scenario in scenarios] == [0 for _ in scenarios], result.summary.reasons
    seen = {name: figures.requests for scenario in scenarios for name, figures in scenario.series.items()}
    assert {name: seen.get(name, 0) if count else bool(seen.get(name)) for name, count in case.series.items()} == {
        name: count or True for name, count in case.series.items()
    }
    assert [one.reason for scenario in scenarios for one in scenario.thresholds if one.reason.startswith("no ")] == []
    return result.summary


def _spelt_out(overrides: Mapping[str, Any], scenarios: list[str]) -> dict[str, Any]:
    """A ``*`` stands for each scenario here, for it also adds keys."""
    return {
        key.replace("*", scenario): value
        for key, value in overrides.items()
        for scenario in (scenarios if "*" in key else [""])
    }
