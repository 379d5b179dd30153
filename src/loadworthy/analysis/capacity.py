"""The capacity: from the trials of a search to the safe load, what limits it, and where things broke first.

Events tell what was tried, what was thought of it and what was found while the run went on; the intervals hold what was
measured. A run that was killed in its middle has the bounds that were known by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.ending import seconds
from loadworthy.analysis.figures import Figures
from loadworthy.analysis.segments import CAPACITY, TRIAL, SegmentData
from loadworthy.analysis.trials import ObjectiveResult, first_broken, judge_trial, trial_figures
from loadworthy.plan.model import Scenario
from loadworthy.plan.search_objectives import Objective, objective_of
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.units import UNKNOWN, US_PER_S, format_ratio
from loadworthy.workload.search import CapacitySearch, SearchResult, settings_for

MAX_DURATION_S = 600.0
PRECISION = 0.05
_TELLING_SHARE = 0.01
"""A kind of failure is told of where it hit so many of a series' requests."""

Json = dict[str, Any]


def objectives_of(scenario: Scenario) -> tuple[Objective, ...]:
    """What the search of a scenario looks for; see :mod:`loadworthy.plan.search_objectives`."""
    found = (objective_of(parse_threshold(text)) for text in scenario.thresholds)
    return tuple(objective for objective in found if objective is not None)


def search_of(scenario: Scenario) -> CapacitySearch:
    """The search that a scenario asks for, at its beginning."""
    limits_s = [one.limit_us / US_PER_S for one in objectives_of(scenario) if one.limit_us is not None]
    longest_us = scenario.max_duration
    return CapacitySearch(
        settings_for(
            limits_s=limits_s,
            precision=scenario.precision or PRECISION,
            max_duration_s=MAX_DURATION_S if longest_us is None else longest_us / US_PER_S,
            max_rate=scenario.max_rate,
            start_rate=scenario.start_rate,
        )
    )


@dataclass(frozen=True, slots=True)
class TrialFigures:
    """One trial of a search: what was asked, what was measured, and what that says."""

    number: int
    purpose: str
    rate: float
    duration_s: float
    took_s: float
    is_bad: bool
    by_generator: str | None
    results: tuple[ObjectiveResult, ...]
    dropped: int
    figures: Figures

    @property
    def broken(self) -> ObjectiveResult | None:
        """The objective that was missed by most."""
        return max((one for one in self.results if one.is_broken), key=lambda one: one.excess, default=None)

    def to_json(self) -> Json:
        """The form that stands in ``summary.json``."""
        data: Json = {
            "number": self.number, "purpose": self.purpose, "rate": self.rate, "duration_s": self.duration_s,
            "took_s": self.took_s, "verdict": "bad" if self.is_bad else "good",
            "objectives": [result.to_json() for result in self.results],
            **self.figures.counts_json(),
            "dropped": self.dropped,
            "response_time_ms": self.figures.response_time_ms.to_json(),
        }  # fmt: skip
        return data | ({"verdict": "generator", "by_generator": self.by_generator} if self.by_generator else {})


@dataclass(frozen=True, slots=True)
class BreakingPoint:
    """The lowest rate at which something broke: an objective (in a series, where one is named), or, by its kind, more
    than a hundredth of a series' requests."""

    what: str
    rate: float
    trial: int
    series: str | None
    share: float

    def to_json(self) -> Json:
        """The form that stands in ``summary.json``."""
        data: Json = {"threshold": self.what, "rate": self.rate, "trial": self.trial, "bad_share": round(self.share, 6)}
        return data if self.series is None else {**data, "series": self.series}


@dataclass(frozen=True, slots=True)
class CapacityReport:
    """What a search found; rates are iterations per second.

    ``rate`` is the safe load: the highest that was confirmed. The true capacity lies between ``low`` and ``high``;
    ``high`` is None where no rate was too much.
    """

    result: SearchResult
    limited_by: str | None
    trials: tuple[TrialFigures, ...]
    breaking_points: tuple[BreakingPoint, ...]
    why: str | None = None
    """Why it ended without evidence."""

    @property
    def rate(self) -> float | None:
        """The safe load."""
        return self.result.rate

    @property
    def bounds(self) -> tuple[float | None, float | None, float | None]:
        """Low, rate, high."""
        return self.result.low, self.result.rate, self.result.high

    @property
    def confirmed(self) -> TrialFigures | None:
        """The trial that speaks for the safe load: the longest good one at its rate."""
        mine = [one for one in self.trials if one.rate == self.rate and not one.is_bad]
        return max(mine, key=lambda one: (one.duration_s, one.number), default=None)

    def to_json(self) -> Json:
        """The form that stands in ``summary.json``."""
        return {
            "rate": self.result.rate, "low": self.result.low, "high": self.result.high, "ended": self.result.ended,
            "limited_by": self.limited_by, "trials": [trial.to_json() for trial in self.trials],
        }  # fmt: skip


def capacity_of(
    name: str, scenario: Scenario, events: Sequence[Mapping[str, Any]], segments: Mapping[int, SegmentData]
) -> CapacityReport:
    """What the search of a scenario found, from its events and what was measured in its segments."""
    objectives = objectives_of(scenario)
    mine = [event for event in events if event.get("scenario") == name]
    told = [event for event in mine if event.get("type") == TRIAL]
    trials = [trial_of(event, segments.get(int(event["number"])), objectives) for event in told]
    found = next((event for event in mine if event.get("type") == CAPACITY), None)
    result = _bounds_so_far(told) if found is None else result_of(found)
    return CapacityReport(
        result=result,
        limited_by=_limited_by(result, trials),
        trials=tuple(trials),
        breaking_points=tuple(_breaking_points(trials, objectives, segments)),
        why=None if found is None else found.get("why"),
    )


def result_of(event: Mapping[str, Any]) -> SearchResult:
    """What was found, from the event that tells of it."""
    return SearchResult(event.get("rate"), event.get("low"), event.get("high"), event["ended"])


def _bounds_so_far(trials: Sequence[Mapping[str, Any]]) -> SearchResult:
    """Of a search without an end on record."""
    last: Mapping[str, Any] = trials[-1] if trials else {}
    return SearchResult(last.get("low"), last.get("low"), last.get("high"), "unfinished")


def trial_of(event: Mapping[str, Any], data: SegmentData | None, objectives: Sequence[Objective]) -> TrialFigures:
    """A trial from its event and what was measured; the verdict is the event's, for the search went on from it."""
    known = SegmentData(ScenarioTotals("")) if data is None else data
    sending_s = float(event.get("sending_s") or event["duration_s"])
    return TrialFigures(
        number=int(event["number"]),
        purpose=str(event["purpose"]),
        rate=float(event["rate"]),
        duration_s=float(event["duration_s"]),
        took_s=float(event["took_s"]),
        is_bad=bool(event["is_bad"]),
        by_generator=event.get("by_generator"),
        results=judge_trial(known, objectives).results,
        dropped=known.totals.arrivals.dropped,
        figures=trial_figures(known, sending_s),
    )


def _limited_by(result: SearchResult, trials: Sequence[TrialFigures]) -> str | None:
    """What broke at the lowest rate that was too much; of several trials at it, in the last."""
    if result.ended == "generator":
        return "the load generator"
    bad = [one for one in trials if one.is_bad and one.broken is not None and not one.by_generator]
    if result.rate is not None:
        bad = [one for one in bad if one.rate > result.rate]
    lowest = min(bad, key=lambda one: (one.rate, -one.number), default=None)
    return None if lowest is None or lowest.broken is None else lowest.broken.expression


def _breaking_points(
    trials: Sequence[TrialFigures], objectives: Sequence[Objective], segments: Mapping[int, SegmentData]
) -> list[BreakingPoint]:
    """Each thing once, at the lowest rate at which it broke; the lowest rates first."""
    found: dict[tuple[str, str | None], BreakingPoint] = {}
    for trial in sorted(trials, key=lambda one: (one.rate, one.number)):
        data = segments.get(trial.number)
        if data is None or trial.by_generator or not trial.is_bad:
            continue
        for point in _broken_in(trial, data, objectives):
            found.setdefault((point.what, point.series), point)
    return sorted(found.values(), key=lambda one: (one.rate, one.series is not None, one.what, one.series or ""))


def _broken_in(trial: TrialFigures, data: SegmentData, objectives: Sequence[Objective]) -> list[BreakingPoint]:
    points = [
        BreakingPoint(one.expression, trial.rate, trial.number, None, one.share)
        for one in trial.results
        if one.is_broken
    ]
    many = sorted(data.totals.series) if len(data.totals.series) > 1 else []
    for objective in objectives:
        if objective.threshold.series is None and objective.threshold.metric != "dropped_rate":
            for kind, name in first_broken(data, objective, many):
                series = f"{kind} {name}"
                points.append(
                    BreakingPoint(objective.threshold.expression, trial.rate, trial.number, series, data.lost_share)
                )
    for (kind, name), total in sorted(data.totals.series.items()):
        for failure, count in total.failure_kinds.items():
            if count >= _TELLING_SHARE * total.requests:
                share = count / total.requests
                points.append(BreakingPoint(f"failures: {failure}", trial.rate, trial.number, f"{kind} {name}", share))
    return points


def capacity_sentence(report: CapacityReport) -> str:
    """What was found, in one clause."""
    result, limit = report.result, report.limited_by
    if result.ended == "no_evidence":
        known = "" if result.rate is None else f" above {_rate(result.rate)}"
        return f"nobody knows what it carries{known}: {report.why or 'there was nothing to judge a rate by'}"
    if result.ended == "generator":
        known = "nothing is known" if result.rate is None else f"it is at least {_rate(result.rate)}"
        return f"the generator was the limit before the service was: {known}"
    if result.rate is None and not report.trials:
        return "nothing is known of its capacity: no trial came to its end"
    if result.rate is None:
        at = f", not even {_rate(min(one.rate for one in report.trials))}"
        return f"no rate that was tried held{at}" + (f"; {limit} broke" if limit else "")
    carried = f"it safely carries {_rate(result.rate)}"
    if result.high is None:
        return f"{carried}, and no higher rate was {'allowed' if result.ended == 'max_rate' else 'tried to its end'}"
    interval = f"the limit lies between {_rate(result.low)} and {_rate(result.high)}"
    early = "; the time was up before it was found more closely" if result.ended == "max_duration" else ""
    return f"{carried}; {interval}" + (f", where {limit} breaks first" if limit else "") + early


def trial_sentence(trial: TrialFigures) -> str:
    """One trial, for the log: ``320.0/s for 8 s holds (0.4 % of 5 % allowed by p95 < 500ms)``."""
    asked = f"{_rate(trial.rate)} for {seconds(trial.duration_s)}"
    if trial.by_generator:
        return f"{asked}: the generator was the limit, for {trial.by_generator}"
    worst = trial.broken or max(trial.results, key=lambda one: one.excess, default=None)
    words = "does not hold" if trial.is_bad else "holds"
    if worst is None:
        return f"{asked} {words}"
    shares = f"{format_ratio(worst.share)} bad where {worst.expression} allows {format_ratio(worst.allowed)}"
    return f"{asked} {words}: {shares}"


def _rate(per_s: float | None) -> str:
    return UNKNOWN if per_s is None else f"{per_s:,.1f}/s"
