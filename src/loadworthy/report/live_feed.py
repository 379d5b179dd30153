"""What a page shows of a run while it goes on, as data: whole for whoever begins to look, then what has changed.

:class:`LiveFeed` is an observer of a run. It has no clock and does nothing by itself: whoever has pages to feed asks
it now and then. :meth:`LiveFeed.change` gives what is new since it was asked last, the same for all pages;
:meth:`LiveFeed.whole` gives what all of them were told so far, for one that has just come.

Both have this form; of a change everything is missing that is as it was::

    {"run": {…}, "generator": {…}, "scenarios": {"load": {"state": {…}, "tiles": […], …, "timeline": {…}}}}

Values take the place of those before, but for the timeline, whose rows are added (``after_ms`` says after which).
Memory is bounded: by the rows of :mod:`loadworthy.report.live_rows`, by the number of series, by the last events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadworthy.analysis.accumulate import WindowFigures
from loadworthy.analysis.summary import Summary
from loadworthy.analysis.watch import WATCH
from loadworthy.plan.model import Plan
from loadworthy.record.interval import Interval
from loadworthy.report.events import describe
from loadworthy.report.live_scenario import LiveScenario
from loadworthy.report.live_search import known_words, now_words
from loadworthy.report.live_stage import left_words
from loadworthy.report.progress import Phase, Progress, Running
from loadworthy.report.words import health_line
from loadworthy.units import US_PER_S

Json = dict[str, Any]
Event = Mapping[str, Any]

READY, STARTING, RUNNING, STOPPING, ENDED, FAILED = "ready", "starting", "running", "stopping", "ended", "failed"
"""States of a run, as a page tells them. ``failed``: it could not be made."""
MOST_MESSAGES = 20
TIMELINE = "timeline"
_NOTHING = WindowFigures(0.0, 0, 0, None, None, None, None, None)


class LiveFeed:
    """See the module.

    Args:
        plan: what is run.
        scenarios: those of it that are; all unless given.
    """

    def __init__(self, plan: Plan, scenarios: Sequence[str] = ()) -> None:
        names = [name for name in plan.scenarios if not scenarios or name in scenarios]
        self.files: tuple[str, ...] = ()
        """Names of what can be downloaded."""
        self.doing: Sequence[str] | None = None
        """What scenarios do at the moment, in words, where that is not what their plan says."""
        self._progress = Progress(plan)
        self._scenarios = {name: LiveScenario(name, plan.scenarios[name]) for name in names}
        self._state = READY
        self._run: str | None = None
        self._why = ""
        self._summary: Summary | None = None
        self._warnings: deque[str] = deque(maxlen=MOST_MESSAGES)
        self._messages: deque[str] = deque(maxlen=MOST_MESSAGES)
        self._told: Json = {"run": {}, "generator": {}, "scenarios": {name: {} for name in names}}

    # --- what an observer is told ---

    def on_event(self, event: Event) -> None:
        """Something happened."""
        kind = event.get("type")
        if kind == "run_started":
            self._run = str(event.get("run"))
            self.begins()
            return
        if kind == "interrupted":
            self._state = STOPPING
        elif kind == "scenario_started" and self._state != STOPPING:
            self._state = RUNNING
        self._progress.on_event(event)
        for scenario in self._concerned(event):
            scenario.on_event(event if event.get("scenario") == scenario.name else {**event, "scenario": None})
        self._note(event)

    def on_interval(self, interval: Interval) -> None:
        """One process's last second."""
        self._progress.on_interval(interval)
        if (scenario := self._scenarios.get(interval.scenario)) is not None:
            scenario.on_interval(interval)

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """How far the scenarios under way are."""
        self._progress.tick(elapsed_us, planned_us, users)

    # --- what whoever runs it tells ---

    @property
    def state(self) -> str:
        """What the run is about."""
        return self._state

    def begins(self) -> None:
        """The run is about to begin."""
        self._state = STARTING

    def judged(self, summary: Summary) -> None:
        """The run is over, and this is what it came to."""
        self._state, self._summary = ENDED, summary
        for name, scenario in self._scenarios.items():
            scenario.judged = summary.scenarios.get(name)
            scenario.rows.end()

    def ended(self, why: str = "") -> None:
        """The run is over, and nobody judges it."""
        self._state, self._why = ENDED, why
        for scenario in self._scenarios.values():
            scenario.rows.end()

    def failed(self, why: str) -> None:
        """The run could not be made, or not to its end."""
        self._state, self._why = FAILED, why

    # --- what pages are told ---

    def whole(self) -> Json:
        """All that the changes so far came to."""
        scenarios = {name: dict(sections) for name, sections in self._told["scenarios"].items()}
        for name, sections in scenarios.items():
            sections[TIMELINE] = self._scenarios[name].whole_timeline()
        return {**self._told, "scenarios": scenarios}

    def change(self) -> Json | None:
        """What is new since the last call; None where nothing is."""
        changed: Json = {}
        for key, value in (("run", self._run_section()), ("generator", self._generator())):
            if value != self._told[key]:
                changed[key] = self._told[key] = value
        scenarios = {name: one for name in self._scenarios if (one := self._scenario_change(name))}
        if scenarios:
            changed["scenarios"] = scenarios
        return changed or None

    def _scenario_change(self, name: str) -> Json:
        scenario, told = self._scenarios[name], self._told["scenarios"][name]
        timeline = scenario.change()  # first: the limits in sight go by its rows
        totals = self._progress.totals.scenarios.get(name)
        running = self._progress.running.get(name)
        window = _NOTHING if running is None else self._progress.window_of(running)
        sections = scenario.sections(totals, window, list(self._now(running)))
        changed = {key: value for key, value in sections.items() if told.get(key) != value}
        told.update(changed)
        return changed if timeline is None else {**changed, TIMELINE: timeline}

    def _run_section(self) -> Json:
        progress, summary = self._progress, self._summary
        planned_us = progress.planned_us
        is_under_way = self._state in (RUNNING, STOPPING)
        return {
            "state": self._state,
            "doing": self._doing(),
            "run": self._run,
            "title": progress.title if progress.shown else "",
            "elapsed_s": progress.elapsed_us // US_PER_S if is_under_way else None,
            "planned_s": planned_us / US_PER_S if is_under_way and planned_us is not None else None,
            "users": progress.users if is_under_way else 0,
            "verdict": None if summary is None else summary.verdict.value,
            "reasons": [] if summary is None else list(summary.reasons),
            "why": self._why,
            "messages": list(self._messages),
            "files": list(self.files),
        }

    def _doing(self) -> str:
        """The state in a sentence, where the word alone says too little."""
        progress = self._progress
        if self._state == STARTING and progress.phase is Phase.WAITING:
            return f"{progress.waits_for} ({progress.joined} joined)" if progress.joined else progress.waits_for
        if self._state == STARTING:
            return "Users and workers are made ready."
        if self._state == STOPPING or (self._state == RUNNING and progress.phase is Phase.STOPPING):
            return "What is under way comes to its end."
        return ""

    def _generator(self) -> Json:
        if self._summary is not None:
            health = self._summary.health
            *readings, state = health_line(health).split(" · ")
            warnings = [*health.reasons, *health.warnings]
            return {"verdict": health.verdict.value, "words": [state, *readings], "warnings": warnings}
        light = self._progress.generator
        return {"verdict": light.verdict.value, "words": list(light.words()), "warnings": list(self._warnings)}

    def _concerned(self, event: Event) -> list[LiveScenario]:
        """Whose event it is: a scenario's, those of several (``load, browse``), or those of the whole run."""
        name = event.get("scenario")
        if name is None:
            return list(self._scenarios.values())
        if name in self._scenarios:
            return [self._scenarios[name]]
        return [self._scenarios[one] for one in str(name).split(", ") if one in self._scenarios]

    def _note(self, event: Event) -> None:
        if event.get("type") == "warning" and event.get("source") == WATCH:
            self._warnings.append(str(event.get("message") or ""))
        elif event.get("scenario") is None and (line := describe(event)) is not None:
            self._messages.append(line)

    def _now(self, running: Running | None) -> Iterator[str]:
        """What a scenario does at the moment, and how long that takes."""
        progress = self._progress
        if running is None:
            return
        if self.doing is not None:
            yield from self.doing
            return
        if running.search is not None:
            yield now_words(running)
            left = left_words(running.search.end_us, progress.elapsed_us)
            yield from [left] if left else []
            yield known_words(running.search)
            return
        found = progress.span_of(running)
        if found is None:
            if running.is_shaped:
                yield "users as the load shape of the locustfile says"
            return
        index, span = found
        stages = progress.plan.scenarios[running.name].stages
        stage = f"stage {index + 1} of {len(stages)}: " if len(stages) > 1 else ""
        by_hand = "" if running.factor == 1 else f", {running.factor:g} times that by hand"
        yield f"{stage}{span.words}{by_hand}"
        if (left := left_words(span.end_us, progress.elapsed_us)) is not None:
            yield left
