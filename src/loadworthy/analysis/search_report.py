"""What a scenario that looked for its own load found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.capacity import CapacityReport
from loadworthy.analysis.overload import OverloadReport

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What a search found, and for a stress what came after it."""

    capacity: CapacityReport
    overload: OverloadReport | None = None

    def to_json(self) -> Json:
        """The keys that stand in the scenario's part of ``summary.json``."""
        data: Json = {
            "capacity": self.capacity.to_json(),
            "failure_points": [point.to_json() for point in self.capacity.breaking_points],
        }
        if self.overload is not None:
            data |= {"overload": self.overload.to_json(), "recovery": self.overload.recovery.to_json()}
        return data
