"""What the plan in a run's manifest asked for: how long the run was to take, and how many iterations were to begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadworthy.plan.model import Plan, Scenario
from loadworthy.units import US_PER_S
from loadworthy.workload.profile import profile_of
from loadworthy.workload.together import waves


def planned_scenarios(manifest: Mapping[str, Any]) -> dict[str, Scenario]:
    """The scenarios that were to run, in the plan's order; none where this version does not understand the plan."""
    try:
        plan = Plan.model_validate(manifest.get("plan"))
    except ValueError:
        return {}
    chosen = manifest.get("scenarios")
    return {name: one for name, one in plan.scenarios.items() if not isinstance(chosen, list) or name in chosen}


def planned_duration_s(manifest: Mapping[str, Any]) -> float | None:
    """How long the run was to take; None without a planned end.

    As the manifest says, but for scenarios that run together: there the longest of each wave counts. Manifests of
    older runs added them up.
    """
    told = manifest.get("planned_duration_s")
    scenarios = planned_scenarios(manifest) if told is not None else {}
    together = waves(scenarios, list(scenarios))
    if all(len(wave) == 1 for wave in together):
        return None if told is None else float(told)
    lengths_us = [[profile_of(scenarios[name]).duration_us for name in wave] for wave in together]
    known = [max((length for length in wave if length is not None), default=0) for wave in lengths_us]
    return float(told or 0) if any(None in wave for wave in lengths_us) else sum(known) / US_PER_S
