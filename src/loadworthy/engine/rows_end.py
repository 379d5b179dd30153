"""The end of a scenario whose rows of test data, each handed out once, are used up: an event says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from loadworthy.analysis.ending import ROWS_USED_UP
from loadworthy.data.once import RowLimit
from loadworthy.engine.classes import ScenarioClasses
from loadworthy.engine.control import EndReason
from loadworthy.users.feeders import used_up
from loadworthy.workload.arrivals import chunks
from loadworthy.workload.profile import LoadChange, OpenProfile, profile_of

Json = dict[str, Any]


class RowsEnd:
    """Tells once for each scenario, by the crew that finds that all its iterations are done.

    Args:
        classes: know which scenarios end with which rows.
        emit: takes the event.
    """

    def __init__(self, classes: ScenarioClasses, emit: Callable[[Json], None]) -> None:
        self._classes = classes
        self._emit = emit
        self._told: set[str] = set()

    def note(self, scenario: str, reason: EndReason | None, changes: Sequence[LoadChange] = ()) -> None:
        """There is nothing more to do for a scenario, for this reason; its load was changed like that."""
        limit = self._classes.row_limits.get(scenario)
        if limit is None or reason is not EndReason.ITERATIONS or scenario in self._told:
            return
        self._told.add(scenario)
        if self._begun(scenario, limit, changes) >= limit.rows:
            message = used_up(limit.name, limit.rows)
            self._emit(
                {
                    "type": ROWS_USED_UP, "scenario": scenario, "test_data": limit.name, "rows": limit.rows,
                    "message": message,
                }
            )  # fmt: skip

    def _begun(self, scenario: str, limit: RowLimit, changes: Sequence[LoadChange]) -> int:
        """Iterations that were to begin: an open scenario may also have come to the end of its time."""
        setup = self._classes.setup
        profile = profile_of(setup.plan.scenarios[scenario])
        if not isinstance(profile, OpenProfile):
            return limit.rows
        begun = 0
        for first, times in chunks(profile.changed(changes), f"{setup.seed}/{scenario}"):
            begun = first + int(times.size)
        return begun
