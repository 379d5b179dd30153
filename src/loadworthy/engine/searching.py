"""Leads a scenario that looks for its own load: trial after trial, and for a stress what comes after them.

The search itself is pure (:mod:`loadworthy.workload.search`), and so is the judgement of a trial
(:mod:`loadworthy.analysis.trials`). Here the two meet the clock: a trial is a segment of load that all processes are
told of; when it is over, or is bad for sure, it is waited for until all of its requests have come to an end and all
that was measured is here. Only then is it judged, and after a bad one a few sparse requests are sent until they are
answered as quickly as before: a target that still works off the last trial is not what the next one is about.

What is to be done is written as one generator, which says with each ``yield`` when to look again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.capacity import (
    capacity_of,
    capacity_sentence,
    objectives_of,
    search_of,
    trial_of,
    trial_sentence,
)
from loadworthy.analysis.segments import CAPACITY, SEGMENT, STRESS, TRIAL, SegmentData
from loadworthy.analysis.selection import Tags
from loadworthy.analysis.trials import TrialJudgement, is_bad_for_sure, judge_trial
from loadworthy.engine.drive import LATE_US, LOOK_US, TICK_US, Crew, EndReason, Progress
from loadworthy.engine.node import Outlet
from loadworthy.plan.model import Scenario, ScenarioKind
from loadworthy.record.interval import Interval
from loadworthy.units import US_PER_S
from loadworthy.workload.search import Outcome, Trial
from loadworthy.workload.segment import Segment, steady

WARM_UP, COOL_DOWN = "warm-up", "cool-down"
"""Purposes of segments that are no trials."""
WARM_UP_S = 2.0
PROBE_RATE, PROBE_S, MOST_PROBES = 20.0, 1.0, 5
"""The sparse requests after a bad trial: at most so many per second, for so long, so often."""
BACK_AT, BACK_WITHIN_US = 1.5, 2_000
"""The target is back where the median is at most so many times what it was at first, or so much more."""
FEWEST_ARRIVALS, LONGEST_FOR_THEM_S = 20, 20.0
"""A trial at a low rate lasts longer, so that it has some arrivals, but not longer than this for it."""
FIGURES_US = 3 * US_PER_S
"""How long after the last request what was measured may take to come in from all processes."""
SETTLED_US = 1_300_000
"""After so long all have reported, where it cannot be known how many arrivals there were."""
BASE_S = 10.0
OVERLOAD, OVERLOAD_S, BASE_LOAD = 1.5, 30.0, 0.5
"""What comes after the search of a stress, unless the plan says otherwise."""

Json = dict[str, Any]
Steps = Generator[int, None, None]
"""Says with each step when to look again, in µs after the scenario's start."""


class Searcher:
    """See the module.

    Args:
        name: the scenario's.
        scenario: what the plan says of it.
        stream: what its random numbers are named by.
        timeout_us: after so long a request has ended, well or badly.
        tell: takes events.
    """

    def __init__(
        self, name: str, scenario: Scenario, stream: str, timeout_us: int, tell: Callable[[Json], None]
    ) -> None:
        self.name = name
        self._scenario = scenario
        self._stream = stream
        self._patience_us = timeout_us * max(len(scenario.flow), 1) + LATE_US
        self._tell = tell
        self._search = search_of(scenario)
        self._objectives = objectives_of(scenario)
        self._tags = Tags.of(scenario.model_dump(mode="json", by_alias=True))
        self._segments: dict[int, SegmentData] = {}
        self._trials: list[Json] = []
        self._numbers = self._arrivals = 0
        self._sent_s = 0.0
        self._expected: int | None = None
        self._baseline_us: float | None = None
        self._start_rate = PROBE_RATE
        self._now_us = self._due_us = 0
        self._crew: Crew | None = None
        self._progress: Progress | None = None
        self._no_evidence: str | None = None
        self._trial_us: int | None = None
        self._stress_end_us: int | None = None
        self._steps = self._all_steps()

    # --- what the engine asks and tells ---

    def add(self, interval: Interval) -> None:
        """One process's last second."""
        if interval.scenario == self.name and interval.segment in self._segments:
            self._segments[interval.segment].add(interval)

    def advance(self, elapsed_us: int, crew: Crew, progress: Progress) -> EndReason | None:
        """Do what is due; the reason if the scenario is over."""
        reason = crew.over(self.name)  # raises what has gone wrong
        if reason is not None:
            return reason
        self._now_us, self._crew, self._progress = elapsed_us, crew, progress
        while self._due_us <= elapsed_us:
            due_us = next(self._steps, None)
            if due_us is None:
                return EndReason.COMPLETED
            self._due_us = max(due_us, elapsed_us + 1)
        return None

    def next_us(self, elapsed_us: int) -> int:
        """When to look again."""
        return min(self._due_us, elapsed_us + TICK_US)

    @property
    def left_us(self) -> int:
        """About so much time is left."""
        if self._stress_end_us is not None:
            return max(self._stress_end_us - self._now_us, 0)
        rest_s = sum(length_s for _, length_s in self._stress_phases(1.0)) if self._is_stress else 0.0
        gone_us = 0 if self._trial_us is None else self._now_us - self._trial_us
        return max(round(self._search.left_s * US_PER_S) - gone_us, 0) + round(rest_s * US_PER_S)

    # --- the steps ---

    @property
    def _is_stress(self) -> bool:
        return self._scenario.kind is ScenarioKind.STRESS

    def _all_steps(self) -> Steps:
        yield from self._warm_up()
        while self._no_evidence is None and (trial := self._search.next()) is not None:
            yield from self._try(trial)
        result = self._search.result()
        event: Json = {
            "type": CAPACITY, "scenario": self.name, "rate": result.rate, "low": result.low, "high": result.high,
            "ended": result.ended if self._no_evidence is None else "no_evidence",
        }  # fmt: skip
        if self._no_evidence is not None:
            event["why"] = self._no_evidence
        report = capacity_of(self.name, self._scenario, [*self._trials, event], self._segments)
        self._tell({**event, "message": f"{self.name}: {capacity_sentence(report)}"})
        if self._is_stress and result.rate is not None and result.ended in ("found", "max_duration"):
            yield from self._segment(self._stress_phases(result.rate), STRESS, with_stages=True)

    def _warm_up(self) -> Steps:
        """First connections, log-ins and caches are no part of any trial; and so quick is the target by itself."""
        first = self._search.next()
        if first is not None:
            self._start_rate = first.rate
            number = yield from self._segment([(first.rate, WARM_UP_S)], WARM_UP)
            self._baseline_us = self._segments[number].totals.total.response.percentile_us(0.5)

    def _try(self, trial: Trial) -> Steps:
        began_us = self._trial_us = self._now_us
        number, judgement = yield from self._measure(trial)
        if judgement.no_evidence:
            self._no_evidence = judgement.no_evidence
            return
        data, sending_s = self._segments[number], self._sent_s
        if judgement.is_bad:
            yield from self._cool_down()
        took_s = (self._now_us - began_us) / US_PER_S
        outcome = Outcome(trial.rate, trial.duration_s, took_s, judgement.is_bad, judgement.by_generator is not None)
        self._search.record(outcome)
        self._trial_us = None
        event: Json = {
            "type": TRIAL, "scenario": self.name, "number": number, "trial": trial.number + 1,
            "purpose": trial.purpose, "rate": trial.rate, "duration_s": trial.duration_s, "took_s": round(took_s, 3),
            "sending_s": round(sending_s, 3), "is_bad": outcome.is_bad,
            "by_generator": judgement.by_generator,
            "low": self._search.low, "high": self._search.high, "left_s": round(self._search.left_s, 1),
        }  # fmt: skip
        self._trials.append(event)
        figures = trial_of(event, data, self._objectives)
        self._tell({**event, "message": f"{self.name}: {trial_sentence(figures)}"})

    def _measure(self, trial: Trial) -> Generator[int, None, tuple[int, TrialJudgement]]:
        """Do a trial, and once more for longer where an objective saw nothing: what is rare needs time to be seen."""
        length_s = max(trial.duration_s, min(FEWEST_ARRIVALS / trial.rate, LONGEST_FOR_THEM_S))
        for seconds in (length_s, max(length_s, LONGEST_FOR_THEM_S)):
            number = yield from self._segment([(trial.rate, seconds)], trial.purpose, may_stop=True)
            judgement = judge_trial(self._segments[number], self._objectives, self._expected)
            if judgement.no_evidence is None:
                break
        return number, judgement

    def _cool_down(self) -> Steps:
        """Until the target answers as quickly as at first; after some time it is told that it does not."""
        if self._baseline_us is None:
            return
        rate = min(PROBE_RATE, self._start_rate)
        for _ in range(MOST_PROBES):
            number = yield from self._segment([(rate, max(PROBE_S, 5 / rate))], COOL_DOWN)
            median_us = self._segments.pop(number).totals.total.response.percentile_us(0.5)
            back_us = max(BACK_AT * self._baseline_us, self._baseline_us + BACK_WITHIN_US)
            if median_us is None or median_us <= back_us:
                return
        message = (
            f"{self.name}: after a rest the target is still slower than at first; the next trial begins all the same"
        )
        self._tell({"type": "warning", "scenario": self.name, "message": message})

    def _stress_phases(self, capacity: float) -> list[tuple[float, float]]:
        """(rate, seconds): the base, more than can be carried, the base again."""
        one = self._scenario
        times, share = one.overload or OVERLOAD, one.base_load or BASE_LOAD
        overload_s = OVERLOAD_S if one.overload_time is None else one.overload_time / US_PER_S
        drain_s = (times - 1) * overload_s / (1 - share)
        recovery_s = 2 * drain_s + 10 if one.recovery_time is None else one.recovery_time / US_PER_S
        return [(share * capacity, BASE_S), (times * capacity, overload_s), (share * capacity, recovery_s)]

    # --- one segment ---

    def _segment(
        self, phases: Sequence[tuple[float, float]], purpose: str, *, may_stop: bool = False, with_stages: bool = False
    ) -> Generator[int, None, int]:
        """Make this load, (rate, seconds) after (rate, seconds), and wait for the end of all of it; its number."""
        assert self._crew is not None  # noqa: S101  # advance() sets it before any step
        segment, expected = self._next_segment(phases)
        if purpose == STRESS:
            self._stress_end_us = segment.end_us
        data = self._segments[segment.number] = SegmentData(ScenarioTotals(self.name), self._tags)
        self._crew.extend(self.name, segment)
        peak = max(rate for rate, _ in phases)
        self._tell(
            {
                "type": SEGMENT, "scenario": self.name, "number": segment.number, "purpose": purpose, "rate": peak,
                "from_s": segment.at_us / US_PER_S, "duration_s": segment.length_us / US_PER_S,
                "phases": [[rate, length_s] for rate, length_s in phases], "message": _words(purpose, phases),
            }
        )  # fmt: skip
        was_cut = False
        marks = [segment.at_us + leg.at_us for leg in segment.legs] if with_stages else []
        while self._now_us < segment.end_us:
            while marks and marks[0] <= self._now_us:
                self._tell_stage(len(phases) - len(marks), phases)
                marks.pop(0)
            if may_stop and is_bad_for_sure(data, self._objectives, expected):
                self._crew.cut_short(self.name)
                was_cut = True
                break
            yield min(self._now_us + TICK_US, segment.end_us, *marks[:1])
        self._expected = None if was_cut else expected
        self._sent_s = max(min(self._now_us, segment.end_us) - segment.at_us, 1) / US_PER_S
        yield from self._wait_for_figures(data, None if was_cut else expected)
        return segment.number

    def _next_segment(self, phases: Sequence[tuple[float, float]]) -> tuple[Segment, int]:
        """The segment, and how many arrivals it has."""
        assert self._crew is not None  # noqa: S101
        segment = Segment(
            number=self._numbers,
            at_us=self._now_us + self._crew.lead_us,
            legs=steady(phases),
            first=self._arrivals,
            is_random=self._scenario.arrivals == "poisson",
        )
        expected = segment.count(self._stream)
        self._numbers += 1
        self._arrivals += expected
        return segment, expected

    def _wait_for_figures(self, data: SegmentData, expected: int | None) -> Steps:
        """Until nothing is under way, and what was measured of it is here."""
        assert self._crew is not None  # noqa: S101
        patience_us = self._now_us + self._patience_us
        while not self._crew.is_idle(self.name) and self._now_us < patience_us:
            yield self._now_us + LOOK_US
        if not self._crew.is_idle(self.name):
            self._crew.cut_short(self.name)
            message = f"{self.name}: iterations are under way after the time-out of their requests; they count as bad"
            self._tell({"type": "warning", "scenario": self.name, "message": message})
        idle_us = self._now_us
        while self._now_us < idle_us + FIGURES_US and not _is_complete(data, expected, self._now_us - idle_us):
            yield self._now_us + LOOK_US

    def _tell_stage(self, index: int, phases: Sequence[tuple[float, float]]) -> None:
        if self._progress is not None:
            self._progress.stage(self.name, index, {"rate": phases[index][0]})


def _is_complete(data: SegmentData, expected: int | None, idle_us: int) -> bool:
    """Whether all processes have reported all that they did in a segment of so many arrivals."""
    arrivals = data.totals.arrivals
    is_all = idle_us >= SETTLED_US if expected is None else arrivals.scheduled >= expected
    return is_all and arrivals.scheduled == arrivals.sent + arrivals.dropped and not data.unfinished


def _words(purpose: str, phases: Sequence[tuple[float, float]]) -> str:
    asked = ", then ".join(f"{rate:,.1f}/s for {length_s:g} s" for rate, length_s in phases)
    return f"{purpose}: {asked}"


class SearchOutlet:
    """Passes on what was measured, and shows the intervals to those who lead a search."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self.searchers: Mapping[str, Searcher] = {}

    def interval(self, interval: Interval) -> None:
        """One process's last second."""
        self._outlet.interval(interval)
        if (searcher := self.searchers.get(interval.scenario)) is not None:
            searcher.add(interval)

    def failures(self, failures: Sequence[Json]) -> None:
        """Lines for ``failures.jsonl``."""
        self._outlet.failures(failures)

    def event(self, event: Json) -> None:
        """An event."""
        self._outlet.event(event)
