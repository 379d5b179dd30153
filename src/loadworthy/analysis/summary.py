"""The Summary: the figures and verdicts of a run. Its JSON form, ``summary.json``, is public interface.

A field that does not apply is absent, one that is unknown is null. Times are ms with the µs kept, rates per second,
ratios 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from loadworthy.analysis.arrivals import NO_ARRIVALS, Arrivals
from loadworthy.analysis.endurance import DriftReport
from loadworthy.analysis.figures import Distribution, Figures
from loadworthy.analysis.resources import MetricFigures
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.stages import StageReport
from loadworthy.analysis.thresholds import ThresholdResult
from loadworthy.analysis.validity import Health
from loadworthy.analysis.verdict import Verdict
from loadworthy.errors import ExitCode

SUMMARY_SCHEMA = 1
OPEN, CLOSED = "open", "closed"
Json = dict[str, Any]


class Reason(NamedTuple):
    """Something besides thresholds that weighed on a verdict, and the verdict that it speaks for."""

    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class ScenarioSummary:
    """One scenario. ``reasons`` say why it is not simply what its thresholds say."""

    name: str
    kind: str
    verdict: Verdict
    figures: Figures
    users_max: int
    series: dict[str, Figures]
    """``"GET /x"`` → its figures, in the order of the most requests."""
    thresholds: tuple[ThresholdResult, ...]
    reasons: tuple[Reason, ...] = ()
    duration_s: float = 0.0
    iterations: int = 0
    interrupted: int = 0
    """Attempts that the end of the run cut off; they are no samples."""
    ran: bool = True
    workload: str = CLOSED
    """``open`` or ``closed``."""
    requests_per_user_minute: float | None = None
    """In the busiest minute; None where no user ran."""
    stages: StageReport | None = None
    """None where the scenario has no stages, or none of them ran."""
    resources: dict[str, dict[str, MetricFigures]] = field(default_factory=dict)
    """Source → metric → its figures while the scenario ran."""
    parts: dict[str, Figures] = field(default_factory=dict)
    """``"connect host:443"`` → its figures: what the series count already."""
    arrivals: Arrivals = NO_ARRIVALS
    due_s: float = 0.0
    """The planned time that went by: the measured time without what came after the planned end."""
    send_lag_ms: Distribution | None = None
    """How late requests were sent that had an intended time; None where none had."""
    generator_invalid: tuple[str, ...] = ()
    """Those of the reasons that say that the generator was the limit."""
    generator_warnings: tuple[str, ...] = ()
    """What the generator did to it that does not make it invalid; clauses without its name."""
    search: SearchReport | None = None
    """None where the scenario did not look for its own load."""
    drift: DriftReport | None = None
    """None where the scenario is no endurance."""
    load_changes: int = 0
    """How often its load was changed by hand; then it was not the load of the plan."""

    def to_json(self) -> Json:
        """The form that stands in ``summary.json``."""
        data: Json = {
            "kind": self.kind,
            "verdict": self.verdict.value,
            "workload": self.workload,
            **self.figures.counts_json(),
            "users_max": self.users_max,
            "requests_per_user_minute": self.requests_per_user_minute,
            **self.figures.details_json(),
            "series": {name: figures.to_json() for name, figures in self.series.items()},
            "thresholds": [result.to_json() for result in self.thresholds],
        }
        if self.parts:
            data["parts"] = {name: figures.to_json() for name, figures in self.parts.items()}
        if self.send_lag_ms is not None:
            data["send_lag_ms"] = self.send_lag_ms.to_json()
        if self.workload == OPEN:
            data["arrivals"] = self.arrivals.to_json(self.due_s)
        elif self.arrivals.dropped:
            data["dropped"] = self.arrivals.dropped
        if self.stages is not None:
            data |= self.stages.to_json()
        if self.search is not None:
            data |= self.search.to_json()
        if self.drift is not None:
            data |= self.drift.to_json()
        if self.load_changes:
            data["load_changed"] = self.load_changes
        if self.resources:
            data["resources"] = {
                source: {metric: figures.to_json() for metric, figures in metrics.items()}
                for source, metrics in self.resources.items()
            }
        return data


@dataclass(frozen=True, slots=True)
class Summary:
    """A run, judged. ``reasons`` are whole sentences, the most important first."""

    run: str
    plan: str | None
    verdict: Verdict
    exit_code: ExitCode
    reasons: tuple[str, ...]
    started_at: str | None
    duration_s: float | None
    scenarios: dict[str, ScenarioSummary]
    health: Health

    def to_json(self) -> Json:
        """The content of ``summary.json``."""
        return {
            "schema": SUMMARY_SCHEMA,
            "run": self.run,
            "plan": self.plan,
            "verdict": self.verdict.value,
            "exit_code": int(self.exit_code),
            "reasons": list(self.reasons),
            "started_at": self.started_at,
            "duration_s": self.duration_s,
            "scenarios": {name: scenario.to_json() for name, scenario in self.scenarios.items()},
            "health": self.health.to_json(),
        }
