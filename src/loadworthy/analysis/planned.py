"""What the plan in a run's manifest asked for: how long the run was to take, and how many iterations were to begin.

A process that is lost takes with it the count of those that were its to begin. But arrivals are a function of the plan
and the seed alone, so how many there should have been can be counted again. That is done only where something was lost;
else the processes' own counts are exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadworthy.analysis.by_hand import changes_of
from loadworthy.plan.model import Plan, Scenario
from loadworthy.units import US_PER_S
from loadworthy.workload.arrivals import chunks, expected
from loadworthy.workload.profile import FOR_EVER_US, OpenProfile, profile_of
from loadworthy.workload.together import waves

_MOST_COUNTED = 2_000_000
"""Arrivals that are counted one by one, in about a second; of more the expected number says it to 0.1 %."""

_LAST_MOMENT_S = 1.0
"""What was due so shortly before a scenario broke off, no process may have come to."""


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


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of one scenario.

    Args:
        planned_s: its planned length; None without one, or where the run does not say.
        max_users: the most users of an open workload; None where the run does not say.
        arrivals: so many were due by the time it ended; 0 where the processes' own count says it.
    """

    planned_s: float | None = None
    max_users: int | None = None
    arrivals: int = 0

    def due_s(self, duration_s: float) -> float:
        """The planned time of a scenario that was measured for so long."""
        return duration_s if self.planned_s is None else min(duration_s, self.planned_s)


def asked_of(
    name: str,
    manifest: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    *,
    scheduled: int,
    duration_s: float,
    is_lossy: bool,
) -> Asked:
    """What was asked of a scenario that ran.

    Args:
        name: its name.
        manifest: of the run.
        events: of the run.
        scheduled: the arrivals that processes reported.
        duration_s: its measured time.
        is_lossy: data of the run was lost, so that arrivals may be missing among those.
    """
    mine = [event for event in events if event.get("scenario") == name]
    started: Mapping[str, Any] = next((event for event in mine if event.get("type") == "scenario_started"), {})
    reason = next((event.get("reason") for event in mine if event.get("type") == "scenario_ended"), None)
    planned_s, max_users = started.get("planned_duration_s"), started.get("max_users")
    if not (is_lossy and scheduled):
        return Asked(planned_s, max_users)
    to_the_end = reason == "completed"
    until_s = None if to_the_end else min(duration_s, planned_s or duration_s)
    arrivals = arrivals_due(name, manifest, until_s, events)
    before_s = max((until_s or 0.0) - _LAST_MOMENT_S, 0.0)
    if not to_the_end and arrivals_due(name, manifest, before_s, events) <= scheduled:
        arrivals = 0
    return Asked(planned_s, max_users, arrivals)


def arrivals_due(
    name: str, manifest: Mapping[str, Any], until_s: float | None, events: Sequence[Mapping[str, Any]] = ()
) -> int:
    """How many iterations of an open scenario were to begin in its first seconds, or (None) in all.

    With the changes by hand that its events tell of. 0 where the manifest does not say it: a run without a seed, a plan
    that is not understood.
    """
    scenario, seed = planned_scenarios(manifest).get(name), manifest.get("seed")
    profile = None if scenario is None else profile_of(scenario)
    if not isinstance(profile, OpenProfile) or profile.is_led or seed is None:
        return 0
    profile = profile.changed(changes_of(name, events))
    end_us = FOR_EVER_US if profile.duration_us is None else profile.duration_us
    until_us = end_us if until_s is None else min(round(until_s * US_PER_S), end_us)
    asked = expected(profile, until_us)
    if profile.limit is not None and asked > 2 * profile.limit + _MOST_COUNTED:
        return profile.limit
    if asked > _MOST_COUNTED:
        return round(asked)
    count = 0
    for first, times in chunks(profile, f"{seed}/{name}"):
        count = first + int(np.searchsorted(times, until_us))
        if count < first + times.size:
            break
    return count
