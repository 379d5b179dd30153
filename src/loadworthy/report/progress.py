"""What the views of a running run know: fed with events, intervals and ticks, asked for what to show.

No terminal in here, so it is tested without one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.accumulate import Accumulator, ScenarioTotals, WindowFigures
from loadworthy.analysis.summarize import judge_thresholds
from loadworthy.analysis.thresholds import ThresholdResult
from loadworthy.plan.model import Plan
from loadworthy.record.interval import Interval
from loadworthy.report.words import stage_load
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
        return f"{scenario}: stage {int(event.get('index', 0)) + 1}, {_load(event)}"
    if kind == "scenario_started":
        return f"{scenario}: started, {_load(event)}"
    if kind == "scenario_ended":
        return f"{scenario}: ended ({event.get('reason', 'unknown')})"
    if kind == "interrupted":
        return f"interrupted{': ' + message if message else ''}"
    return f"warning: {message}" if kind == "warning" else None


def _load(event: Mapping[str, Any]) -> str:
    users, per_second = event.get("users"), event.get("rate")
    if per_second is None and users is None:
        return "as its load shape says"
    return stage_load(int(users or 0), None if per_second is None else float(per_second))


@dataclass(slots=True)
class Running:
    """A scenario that runs: its stage, and the rate that it goes to where its workload is open."""

    name: str
    stage: str | None = None
    rate: float | None = None


class Progress:
    """The state of a run as far as it has come. Several scenarios may run at once."""

    def __init__(self, plan: Plan, window_s: float = 10.0) -> None:
        self.plan = plan
        self.totals = Accumulator(window_s)
        self.running: dict[str, Running] = {}
        self._last: Running | None = None
        self._together = 0
        self.elapsed_us = 0
        self.planned_us: int | None = None
        self.users = 0
        self.messages: deque[str] = deque(maxlen=_KEPT_MESSAGES)
        self._judged: tuple[tuple[str, ThresholdResult], ...] = ()
        self._judged_at: tuple[tuple[str, int], ...] | None = None

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Note an event."""
        kind, name = event.get("type"), str(event.get("scenario"))
        if kind == "scenario_started":
            planned_s = event.get("planned_duration_s")
            self._start(name, event.get("rate"))
            self.planned_us = None if planned_s is None else round(planned_s * US_PER_S)
            self.elapsed_us = 0
        elif kind == "scenario_ended":
            self.running.pop(name, None)
        elif kind == "stage" and name in self.running:
            self._enter_stage(self.running[name], event)
        if kind in _TOLD and (line := describe(event)):
            self.messages.append(line)

    def on_interval(self, interval: Interval) -> None:
        """Add what was measured."""
        self.totals.add(interval)
        if self._last is None:
            self._start(interval.scenario, None)

    def _start(self, name: str, per_second: float | None) -> None:
        self._together = self._together + 1 if self.running else 1
        self._last = self.running[name] = Running(name, rate=per_second)

    def _enter_stage(self, running: Running, event: Mapping[str, Any]) -> None:
        spec = self.plan.scenarios.get(running.name)
        if spec is not None and spec.stages:
            running.stage = f"stage {int(event.get('index', 0)) + 1}"
        if event.get("rate") is not None:
            running.rate = event["rate"]

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """Note how far the scenario is."""
        self.elapsed_us, self.planned_us, self.users = elapsed_us, planned_us, users

    @property
    def shown(self) -> Sequence[Running]:
        """The scenarios to show: those that run, or the last that did."""
        return tuple(self.running.values()) or ((self._last,) if self._last else ())

    def stage_of(self, scenario: str) -> str | None:
        """The stage that a scenario is in, where it has several."""
        return self.running[scenario].stage if scenario in self.running else None

    @property
    def title(self) -> str:
        """What runs: ``load 2/3 stage 4``, ``load + browse``, ``starting``."""
        names = list(self.plan.scenarios)
        titles = []
        for one in self.shown:
            position = f"{names.index(one.name) + 1}/{len(names)}" if one.name in names and len(names) > 1 else ""
            titles.append(" ".join(part for part in (one.name, position, one.stage or "") if part))
        return " + ".join(titles) or "starting"

    def users_of(self, running: Running) -> int:
        """Users of one scenario: what the engine says where it runs alone, else what the intervals do; then none."""
        if running.name not in self.running:
            return 0
        totals = self.totals.scenarios.get(running.name)
        return self.users if self._together < 2 else totals.users_now if totals is not None else 0

    def totals_of(self, running: Running) -> ScenarioTotals | None:
        """The totals of a scenario, once there are any."""
        return self.totals.scenarios.get(running.name)

    def window_of(self, running: Running) -> WindowFigures:
        """The last seconds of a scenario."""
        return self.totals.window(running.name)

    def thresholds(self) -> tuple[tuple[str, ThresholdResult], ...]:
        """(scenario, threshold as it stands) of all that are shown; judged again only when something was measured."""
        known = [totals for one in self.shown if (totals := self.totals_of(one)) and one.name in self.plan.scenarios]
        state = tuple((totals.name, totals.intervals) for totals in known)
        if state != self._judged_at:
            self._judged_at = state
            self._judged = tuple(
                (totals.name, result)
                for totals in known
                for result in judge_thresholds(self.plan.scenarios[totals.name].thresholds, totals)
            )
        return self._judged
