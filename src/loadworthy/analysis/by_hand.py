"""A load that was changed by hand while the run went on: what the events say of it, and what it does to the verdict.

Such a run did not do what its plan says. What it showed may be bad enough to fail; but it is no evidence that the load
of the plan is carried, and a drift in it is none of the service's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadworthy.units import US_PER_S
from loadworthy.workload.profile import LoadChange

LOAD_CHANGED = "load_changed"
"""Type of the event that tells of a change: ``from_s`` after the scenario's start on, ``factor`` times the plan."""


def changes_of(scenario: str, events: Sequence[Mapping[str, Any]]) -> tuple[LoadChange, ...]:
    """The changes of the load of a scenario, ascending in time."""
    return tuple(
        LoadChange(round(float(event["from_s"]) * US_PER_S), float(event["factor"]))
        for event in _told(scenario, events)
    )


def by_hand(scenario: str, events: Sequence[Mapping[str, Any]]) -> str | None:
    """Why a scenario whose load was changed by hand cannot pass, as a clause; None for any other."""
    count = sum(1 for _ in _told(scenario, events))
    if not count:
        return None
    times = "once" if count == 1 else f"{count} times"
    return f"the load was changed by hand {times}, so this is not the load of the plan"


def _told(scenario: str, events: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (event for event in events if event.get("type") == LOAD_CHANGED and event.get("scenario") == scenario)
