"""What the views of a running run know: fed with events, intervals and ticks, asked for what to show.

No terminal in here, so it is tested without one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.accumulate import Accumulator, ScenarioTotals, WindowFigures
from loadworthy.analysis.segments import CAPACITY, SEGMENT, TRIAL
from loadworthy.analysis.selection import Tags
from loadworthy.analysis.summarize import judge_thresholds
from loadworthy.analysis.thresholds import ThresholdResult
from loadworthy.plan.model import Plan
from loadworthy.record.interval import Interval
from loadworthy.report.events import describe
from loadworthy.units import US_PER_S

_KEPT_MESSAGES = 3
_TOLD = (
    "warning", "user_error", "waiting_for_workers", "worker_lost", "interrupted", "threshold_breached",
    "threshold_recovered",
)  # fmt: skip


@dataclass(slots=True)
class Searching:
    """How far a search has come: what is tried now, and the rates that are known to hold (``low``) and not to.

    ``trials`` counts those that are over, ``told`` is the sentence on the last of them.
    """

    trials: int = 0
    purpose: str | None = None
    rate: float | None = None
    length_s: float | None = None
    low: float | None = None
    high: float | None = None
    told: str = ""
    found: str = ""
    """What it came to, once it is over."""

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Note what is tried, and what came of it."""
        if event.get("type") == SEGMENT:
            self.purpose, self.rate = event.get("purpose"), event.get("rate")
            self.length_s = event.get("duration_s")
        elif event.get("type") == TRIAL:
            self.trials = int(event.get("trial") or self.trials + 1)
            self.low, self.high = event.get("low"), event.get("high")
            self.told = str(event.get("message") or "")
        elif event.get("type") == CAPACITY:
            self.found = str(event.get("message") or "")


@dataclass(slots=True)
class Running:
    """A scenario that runs: its stage, the rate that it goes to if its workload is open, its search if it has one."""

    name: str
    stage: str | None = None
    rate: float | None = None
    search: Searching | None = None

    @property
    def is_open(self) -> bool:
        """Whether its iterations begin at a rate."""
        return self.rate is not None or self.search is not None


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
        self._tags: dict[str, Tags] = {}

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Note an event."""
        kind, name = event.get("type"), str(event.get("scenario"))
        if kind == "scenario_started":
            planned_s = event.get("planned_duration_s")
            self._start(name, event.get("rate"))
            self.running[name].search = Searching() if event.get("search") else None
            self.planned_us = None if planned_s is None else round(planned_s * US_PER_S)
            self.elapsed_us = 0
        elif kind == "scenario_ended":
            self.running.pop(name, None)
        elif kind == "stage" and name in self.running:
            self._enter_stage(self.running[name], event)
        elif kind in (SEGMENT, TRIAL, CAPACITY) and name in self.running:
            self._search(self.running[name], event)
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

    def _search(self, running: Running, event: Mapping[str, Any]) -> None:
        running.search = running.search or Searching()
        running.search.on_event(event)
        running.rate = running.search.rate

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
        """(scenario, threshold as it stands) of all that are shown; judged again only when something was measured.

        Those of a search are left out: over all of its trials together they say nothing.
        """
        known = [totals for one in self.shown if (totals := self.totals_of(one)) and self._is_judged(one)]
        state = tuple((totals.name, totals.intervals) for totals in known)
        if state != self._judged_at:
            self._judged_at = state
            self._judged = tuple((totals.name, result) for totals in known for result in self._judge(totals))
        return self._judged

    def _judge(self, totals: ScenarioTotals) -> tuple[ThresholdResult, ...]:
        spec = self.plan.scenarios[totals.name]
        if totals.name not in self._tags:
            self._tags[totals.name] = Tags.of(spec.model_dump(mode="json", by_alias=True))
        return judge_thresholds(spec.thresholds, totals, tags=self._tags[totals.name])

    def _is_judged(self, running: Running) -> bool:
        spec = self.plan.scenarios.get(running.name)
        return spec is not None and not spec.is_search
