"""Scenarios that run at the same time: from their beginning to their end, with the events that tell of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadworthy.analysis.by_hand import LOAD_CHANGED
from loadworthy.clock import Clock
from loadworthy.engine.classes import ScenarioClasses
from loadworthy.engine.control import Control, EndReason
from loadworthy.engine.drive import Crew, Part, drive
from loadworthy.engine.journal import Journal
from loadworthy.engine.searching import Searcher
from loadworthy.plan.model import Plan
from loadworthy.units import US_PER_S
from loadworthy.workload.profile import LoadChange, OpenProfile, Profile

Json = dict[str, Any]


class Wave:
    """Scenarios that run together, from their beginning to their end; tells the journal how they go."""

    def __init__(
        self,
        names: Sequence[str],
        plan: Plan,
        profiles: Mapping[str, Profile],
        classes: ScenarioClasses,
        crew: Crew,
        journal: Journal,
        searchers: Mapping[str, Searcher],
    ) -> None:
        self._plan = plan
        self._classes = classes
        self._crew = crew
        self._journal = journal
        self._searchers = searchers
        self._parts = [Part(name, profiles[name], classes.shape_in_charge(name), searchers.get(name)) for name in names]
        lengths = [part.duration_us for part in self._parts]
        self._planned_us = None if None in lengths else max(length for length in lengths if length is not None)

    def run(self, control: Control, clock: Clock) -> set[EndReason]:
        """Run them; the reasons for which they ended."""
        self._warn()
        self._crew.begin([part.scenario for part in self._parts])
        for part in self._parts:
            self._journal.event(self._started(part))
        self._crew.start()
        reasons = drive(self._crew, self._parts, control, clock, self)
        self._crew.end()
        return set(reasons.values())

    def stage(self, scenario: str, index: int, amount: Mapping[str, float]) -> None:
        """A stage begins."""
        self._journal.event({"type": "stage", "scenario": scenario, "index": index, **amount})

    def load_changed(self, scenario: str, change: LoadChange) -> None:
        """A change of the load by hand begins to hold."""
        load = f"{change.factor:g} × the planned load"  # noqa: RUF001  # the sign of the field
        load = "the planned load again" if change.factor == 1 else load
        self._journal.event(
            {
                "type": LOAD_CHANGED, "scenario": scenario, "factor": change.factor,
                "from_s": change.at_us / US_PER_S, "message": f"by hand: {load}",
            }
        )  # fmt: skip

    def ended(self, scenario: str, reason: EndReason) -> None:
        """A scenario is over."""
        self._journal.event({"type": "scenario_ended", "scenario": scenario, "reason": reason.value})

    def tick(self, elapsed_us: int) -> None:
        """Some time has passed."""
        searcher = next(iter(self._searchers.values()), None)  # a search runs alone
        planned_us = self._planned_us if searcher is None else elapsed_us + searcher.left_us
        self._journal.tick(elapsed_us, planned_us, self._crew.users)

    def _started(self, part: Part) -> Json:
        scenario, profile = self._plan.scenarios[part.scenario], part.profile
        event: Json = {
            "type": "scenario_started",
            "scenario": part.scenario,
            "kind": scenario.kind.value,
            "workload": "open" if scenario.is_open else "closed",
            "planned_duration_s": None if part.duration_us is None else part.duration_us / US_PER_S,
            "iterations": None if part.scenario in self._classes.partly_counted else scenario.iterations,
        }
        if scenario.is_search:
            return event | {"search": True, "arrivals": scenario.arrivals, "max_users": scenario.max_users}
        if isinstance(profile, OpenProfile):
            return event | {
                "rate": profile.peak_rate, "arrivals": scenario.arrivals, "max_users": profile.max_users
            }  # fmt: skip
        return event | {"users": None if part.shape else profile.most_users}

    def _warn(self) -> None:
        for part in self._parts:
            scenario, profile = self._plan.scenarios[part.scenario], part.profile
            if isinstance(profile, OpenProfile):
                if scenario.wait_time is not None:
                    self._tell(part, "wait_time has no effect between the iterations of a rate")
            elif part.shape is not None and (scenario.spawn_rate is not None or profile.most_users > 1):
                shape = type(part.shape).__name__
                self._tell(part, f"{shape} in the locustfile decides how many users run; users and spawn_rate do not")

    def _tell(self, part: Part, message: str) -> None:
        self._journal.event({"type": "warning", "scenario": part.scenario, "message": message})
