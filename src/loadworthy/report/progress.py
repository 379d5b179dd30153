"""What the views of a running run know: fed with events, intervals and ticks, asked for what to show.

No terminal in here, so it is tested without one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from loadworthy.analysis.accumulate import Accumulator, ScenarioTotals, WindowFigures
from loadworthy.analysis.summarize import judge_thresholds
from loadworthy.analysis.thresholds import ThresholdResult
from loadworthy.plan.model import Plan
from loadworthy.record.interval import Interval
from loadworthy.report.words import plural
from loadworthy.units import US_PER_S

_KEPT_MESSAGES = 3
_TOLD = ("warning", "user_error", "waiting_for_workers", "worker_lost", "interrupted")


def describe(event: Mapping[str, Any]) -> str | None:
    """An event in one line, or None for one that people need not read."""
    kind, scenario = event.get("type"), event.get("scenario")
    message = str(event.get("message") or "")
    if kind == "user_error" and "traceback" not in event:
        return None  # more of what was told when it came first
    if kind == "user_error":
        return f"exception in user code{f' of {scenario}' if scenario else ''}: {message}"
    if kind == "worker_lost":
        return message or f"worker {event.get('process', '?')} was lost"
    if kind == "waiting_for_workers":
        return message or "waiting for workers"
    if kind == "worker_joined":
        return f"worker {event.get('process', '?')} joined"
    if kind == "stage":
        return f"{scenario}: stage {int(event.get('index', 0)) + 1}, {plural(int(event.get('users', 0)), 'user')}"
    if kind == "scenario_started":
        users = event.get("users")
        return f"{scenario}: started, {'as its load shape says' if users is None else plural(int(users), 'user')}"
    if kind == "scenario_ended":
        return f"{scenario}: ended ({event.get('reason', 'unknown')})"
    if kind == "interrupted":
        return f"interrupted{': ' + message if message else ''}"
    return f"warning: {message}" if kind == "warning" else None


class Progress:
    """The state of a run as far as it has come."""

    def __init__(self, plan: Plan, window_s: float = 10.0) -> None:
        self.plan = plan
        self.totals = Accumulator(window_s)
        self.scenario: str | None = None
        self.stage: str | None = None
        self.elapsed_us = 0
        self.planned_us: int | None = None
        self.users = 0
        self.messages: deque[str] = deque(maxlen=_KEPT_MESSAGES)
        self._judged: tuple[ThresholdResult, ...] = ()
        self._judged_at: tuple[str, int] | None = None

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Note an event."""
        kind = event.get("type")
        if kind == "scenario_started":
            planned_s = event.get("planned_duration_s")
            self.scenario, self.stage = str(event.get("scenario")), None
            self.planned_us = None if planned_s is None else round(planned_s * US_PER_S)
            self.elapsed_us = 0
        elif kind == "stage" and self._has_stages:
            self.stage = f"stage {int(event.get('index', 0)) + 1}"
        if kind in _TOLD and (line := describe(event)):
            self.messages.append(line)

    def on_interval(self, interval: Interval) -> None:
        """Add what was measured."""
        self.totals.add(interval)
        if self.scenario is None:
            self.scenario = interval.scenario

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """Note how far the scenario is."""
        self.elapsed_us, self.planned_us, self.users = elapsed_us, planned_us, users

    @property
    def _has_stages(self) -> bool:
        spec = self.plan.scenarios.get(self.scenario or "")
        return spec is not None and bool(spec.stages)

    @property
    def position(self) -> str:
        """``2/3``: which of the plan's scenarios runs; empty where there is only one."""
        names = list(self.plan.scenarios)
        if self.scenario not in names or len(names) < 2:
            return ""
        return f"{names.index(self.scenario) + 1}/{len(names)}"

    @property
    def current(self) -> ScenarioTotals | None:
        """The totals of the scenario under way, once there are any."""
        return self.totals.scenarios.get(self.scenario or "")

    def window(self) -> WindowFigures:
        """The last seconds of the scenario under way."""
        return self.totals.window(self.scenario or "")

    def thresholds(self) -> tuple[ThresholdResult, ...]:
        """The thresholds as they stand; judged again only when something was measured since."""
        totals = self.current
        spec = self.plan.scenarios.get(self.scenario or "")
        if totals is None or spec is None:
            return ()
        state = (totals.name, totals.intervals)
        if state != self._judged_at:
            self._judged, self._judged_at = judge_thresholds(spec.thresholds, totals), state
        return self._judged
