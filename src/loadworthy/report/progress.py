"""What the views of a running run know: fed with events, intervals and ticks, asked for what to show.

No terminal in here, so it is tested without one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from loadworthy.analysis.accumulate import Accumulator, ScenarioTotals, WindowFigures
from loadworthy.analysis.by_hand import LOAD_CHANGED
from loadworthy.analysis.figures import Distribution
from loadworthy.analysis.segments import CAPACITY, SEGMENT, TRIAL
from loadworthy.analysis.selection import Tags
from loadworthy.analysis.summarize import judge_thresholds
from loadworthy.analysis.thresholds import ThresholdResult
from loadworthy.plan.model import Plan
from loadworthy.record.interval import Interval, SeriesInterval
from loadworthy.report.events import describe
from loadworthy.report.live_generator import GeneratorLight
from loadworthy.report.live_stage import Span, span_at, spans_of
from loadworthy.report.recent import Recent
from loadworthy.units import US_PER_S

_KEPT_MESSAGES = 3
_TOP_SERIES = 6
_TOLD = (
    "warning", "user_error", "worker_lost", "interrupted", "threshold_breached", "threshold_recovered", LOAD_CHANGED,
)  # fmt: skip


class Phase(StrEnum):
    """What a run is about."""

    STARTING = "starting"
    WAITING = "waiting"
    """For workers."""
    RUNNING = "running"
    STOPPING = "stopping"
    """The time of all scenarios is over, and what is under way comes to its end."""


@dataclass(slots=True)
class Searching:
    """How far a search has come: what is tried now, and the rates that are known to hold (``low``) and not to.

    ``trials`` counts those that are over, ``told`` is the sentence on the last of them.
    """

    trials: int = 0
    purpose: str | None = None
    rate: float | None = None
    length_s: float | None = None
    end_us: int | None = None
    """When what is tried now ends, after the scenario's start."""
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
            from_s, length_s = event.get("from_s"), self.length_s
            self.end_us = None if from_s is None or length_s is None else round((from_s + length_s) * US_PER_S)
        elif event.get("type") == TRIAL:
            self.trials = int(event.get("trial") or self.trials + 1)
            self.low, self.high = event.get("low"), event.get("high")
            self.told = str(event.get("message") or "")
        elif event.get("type") == CAPACITY:
            self.found = str(event.get("message") or "")


@dataclass(slots=True)
class Running:
    """A scenario that runs: its stage, the rate that it goes to if its workload is open, its search if it has one.

    ``stage`` counts from 0 and is None where there are none; ``factor`` is what the planned load is multiplied by after
    a change by hand; ``is_shaped`` says that a load shape of the locustfile decides on the users.
    """

    name: str
    stage: int | None = None
    rate: float | None = None
    search: Searching | None = None
    factor: float = 1.0
    is_shaped: bool = False
    spans: tuple[Span, ...] = ()
    recent: Recent = field(default_factory=Recent)

    @property
    def is_open(self) -> bool:
        """Whether its iterations begin at a rate."""
        return self.rate is not None or self.search is not None


_State = tuple[tuple[str, int], ...]
"""Scenarios, each with the number of its intervals: changes when something was measured."""


def _state_of(totals: Sequence[ScenarioTotals]) -> _State:
    return tuple((one.name, one.intervals) for one in totals)


class Progress:
    """The state of a run as far as it has come. Several scenarios may run at once."""

    def __init__(self, plan: Plan, window_s: float = 10.0) -> None:
        self.plan = plan
        self.totals = Accumulator(window_s)
        self.running: dict[str, Running] = {}
        self.phase = Phase.STARTING
        self.waits_for = ""
        """What is waited for, in words."""
        self.joined = 0
        self.end_reason: str | None = None
        """Why the last scenario ended."""
        self.generator = GeneratorLight()
        self.elapsed_us = 0
        self.planned_us: int | None = None
        self.users = 0
        self.messages: deque[str] = deque(maxlen=_KEPT_MESSAGES)
        self._last: Running | None = None
        self._together = 0
        self._judged: tuple[tuple[str, ThresholdResult], ...] = ()
        self._judged_at: _State | None = None
        self._busiest: tuple[tuple[SeriesInterval, Distribution], ...] = ()
        self._busiest_at: _State | None = None
        self._windows: dict[str, tuple[int, WindowFigures]] = {}
        self._tags: dict[str, Tags] = {}

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Note an event."""
        kind, name = event.get("type"), str(event.get("scenario"))
        self.generator.on_event(event)
        if kind == "scenario_started":
            self._start_planned(name, event)
        elif kind == "scenario_ended":
            self._end(name, event)
        elif kind == "waiting_for_workers":
            self.phase, self.waits_for = Phase.WAITING, describe(event) or ""
        elif kind == "worker_joined":
            self.joined += 1
        elif name in self.running:
            self._note(self.running[name], kind, event)
        if kind in _TOLD and (line := describe(event)):
            self.messages.append(line)

    def on_interval(self, interval: Interval) -> None:
        """Add what was measured."""
        self.totals.add(interval)
        self.generator.on_interval(interval)
        if self._last is None:
            self._start(interval.scenario, None)
        running = self.running.get(interval.scenario)
        if running is not None:
            running.recent.add(interval)

    def _start_planned(self, name: str, event: Mapping[str, Any]) -> None:
        planned_s = event.get("planned_duration_s")
        running = self._start(name, event.get("rate"))
        running.search = Searching() if event.get("search") else None
        running.is_shaped = not running.is_open and event.get("users") is None
        self.planned_us = None if planned_s is None else round(planned_s * US_PER_S)
        self.elapsed_us = 0

    def _start(self, name: str, per_second: float | None) -> Running:
        self._together = self._together + 1 if self.running else 1
        spec = self.plan.scenarios.get(name)
        self._last = self.running[name] = Running(name, rate=per_second, spans=spans_of(spec) if spec else ())
        self.phase, self.end_reason = Phase.RUNNING, None
        return self._last

    def _end(self, name: str, event: Mapping[str, Any]) -> None:
        if self.running.pop(name, None) is not None and not self.running:
            self.phase, self.end_reason = Phase.STOPPING, str(event.get("reason"))

    def _note(self, running: Running, kind: object, event: Mapping[str, Any]) -> None:
        if kind == "stage":
            self._enter_stage(running, event)
        elif kind in (SEGMENT, TRIAL, CAPACITY):
            self._search(running, event)
        elif kind == LOAD_CHANGED:
            running.factor = float(event.get("factor") or 1.0)

    def _enter_stage(self, running: Running, event: Mapping[str, Any]) -> None:
        spec = self.plan.scenarios.get(running.name)
        if spec is not None and spec.stages:
            running.stage = int(event.get("index", 0))
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

    def stage_of(self, scenario: str) -> int | None:
        """The stage that a scenario is in, from 0, where it has several."""
        return self.running[scenario].stage if scenario in self.running else None

    def span_of(self, running: Running) -> tuple[int, Span] | None:
        """What the plan has a scenario do now, after its place among all that it has it do; None if it says nothing."""
        if not running.spans or running.is_shaped:
            return None
        index = span_at(running.spans, self.elapsed_us) if running.stage is None else running.stage
        index = min(index, len(running.spans) - 1)
        return index, running.spans[index]

    @property
    def title(self) -> str:
        """What runs: ``load 2/3``, ``load + browse``, ``starting``."""
        names = list(self.plan.scenarios)
        titles = []
        for one in self.shown:
            position = f" {names.index(one.name) + 1}/{len(names)}" if one.name in names and len(names) > 1 else ""
            titles.append(f"{one.name}{position}")
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
        """The last seconds of a scenario; worked out again only when something was measured."""
        totals = self.totals_of(running)
        state = totals.intervals if totals is not None else 0
        if running.name not in self._windows or self._windows[running.name][0] != state:
            self._windows[running.name] = (state, self.totals.window(running.name))
        return self._windows[running.name][1]

    def thresholds(self) -> tuple[tuple[str, ThresholdResult], ...]:
        """(scenario, threshold as it stands) of all that are shown; judged again only when something was measured.

        Those of a search are left out: over all of its trials together they say nothing.
        """
        known = [totals for one in self.shown if (totals := self.totals_of(one)) and self._is_judged(one)]
        state = _state_of(known)
        if state != self._judged_at:
            self._judged_at = state
            self._judged = tuple((totals.name, result) for totals in known for result in self._judge(totals))
        return self._judged

    def busiest(self) -> tuple[tuple[SeriesInterval, Distribution], ...]:
        """The series with the most requests of all that are shown, each with its response times."""
        known = [totals for one in self.shown if (totals := self.totals_of(one))]
        if (state := _state_of(known)) != self._busiest_at:
            self._busiest_at = state
            series = (one for totals in known for one in totals.series.values())
            top = sorted(series, key=lambda one: (-one.requests, one.name))[:_TOP_SERIES]
            self._busiest = tuple((one, Distribution.of(one.response)) for one in top)
        return self._busiest

    def _judge(self, totals: ScenarioTotals) -> tuple[ThresholdResult, ...]:
        spec = self.plan.scenarios[totals.name]
        if totals.name not in self._tags:
            self._tags[totals.name] = Tags.of(spec.model_dump(mode="json", by_alias=True))
        return judge_thresholds(spec.thresholds, totals, tags=self._tags[totals.name])

    def _is_judged(self, running: Running) -> bool:
        spec = self.plan.scenarios.get(running.name)
        return spec is not None and not spec.is_search
