"""What a search for the capacity found, in words that all renderings share.

A search says the same thing in several places: its sentences are reasons of the scenario, because they weigh on its
verdict. A rendering that has a part for the search shows each of them there, once (:func:`told`), and only what is left
of the reasons (:func:`other_reasons`) where reasons stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadworthy.analysis.capacity import BreakingPoint, CapacityReport, TrialFigures, capacity_sentence
from loadworthy.analysis.ending import seconds
from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.summary import Reason, ScenarioSummary
from loadworthy.analysis.trials import ObjectiveResult
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.words import rate
from loadworthy.units import UNKNOWN, format_ratio

GOOD, BAD, GENERATOR = "good", "bad", "generator"
"""What a trial says: the rate held, it did not, or nothing, for the generator was the limit."""
TRIAL_MARKS = {GOOD: "✓", BAD: "✗", GENERATOR: "!"}
SERIES_NOTE = "Over all trials together, with those that were meant to be too much:"


def told(scenario: ScenarioSummary, sentence: str) -> Reason:
    """A sentence as the scenario's reason that begins with it, which may add a remedy; one that weighs nothing if none
    does."""
    found = (reason for reason in scenario.reasons if reason.text.startswith(sentence))
    return next(found, Reason(Verdict.PASS, sentence))


def finding(scenario: ScenarioSummary, report: SearchReport) -> Reason:
    """What the search found, in one line."""
    return told(scenario, capacity_sentence(report.capacity))


def after_search(scenario: ScenarioSummary, report: SearchReport) -> list[Reason]:
    """What a service did with more than it can carry, and how it came back; nothing where it was not overloaded."""
    if report.overload is None:
        return []
    return [told(scenario, report.overload.sentence), told(scenario, report.overload.recovery.sentence)]


def other_reasons(scenario: ScenarioSummary) -> list[Reason]:
    """The scenario's reasons without those that the part on its search shows."""
    if scenario.search is None:
        return list(scenario.reasons)
    shown = [finding(scenario, scenario.search), *after_search(scenario, scenario.search)]
    return [reason for reason in scenario.reasons if reason not in shown]


def thresholds_note(report: CapacityReport) -> str:
    """Where the thresholds of a search were judged: ``at the safe load of 399.5/s (trial 14, 60 s)``."""
    trial = report.confirmed
    if report.rate is None or trial is None:
        return "at no load, for none that was tried held"
    return (
        f"at the safe load of {rate(report.rate)} (trial {place_of(report, trial.number)}, {seconds(trial.duration_s)})"
    )


def bounds(report: CapacityReport) -> str:
    """Between what rates the limit lies: ``391.4/s to 442.0/s``."""
    low, _, high = report.bounds
    if low is None and high is None:
        return UNKNOWN
    if high is None:
        return f"at least {rate(low)}"
    return f"below {rate(high)}" if low is None else f"{rate(low)} to {rate(high)}"


def capacity_line(report: CapacityReport) -> str:
    """The capacity as a figure: ``399.5/s (the limit lies between 391.4/s and 442.0/s)``."""
    low, safe, high = report.bounds
    if safe is None:
        return f"{UNKNOWN} (no rate that was tried held)"
    if low is None or high is None:
        return f"{rate(safe)} (no limit was found)"
    return f"{rate(safe)} (the limit lies between {rate(low)} and {rate(high)})"


def place_of(report: CapacityReport, number: int) -> int | None:
    """Which trial it was, counted from 1; the numbers on record count other segments, too."""
    places = {trial.number: place for place, trial in enumerate(report.trials, 1)}
    return places.get(number)


def trial_mark(trial: TrialFigures) -> str:
    """``good``, ``bad`` or ``generator``."""
    return GENERATOR if trial.by_generator else BAD if trial.is_bad else GOOD


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial as a table shows it."""

    place: int
    trial: TrialFigures
    verdict: str
    nearest: ObjectiveResult | None
    is_safe_load: bool

    @property
    def share(self) -> float | None:
        """What was bad by the objective that was nearest to breaking."""
        return None if self.nearest is None else self.nearest.share

    @property
    def allowed(self) -> float | None:
        """What that objective allows."""
        return None if self.nearest is None else self.nearest.allowed


def trial_rows(report: CapacityReport) -> list[TrialRow]:
    """All trials in the order in which they were run."""
    return [
        TrialRow(place, trial, trial_mark(trial), nearest(trial), trial is report.confirmed)
        for place, trial in enumerate(report.trials, 1)
    ]


def nearest(trial: TrialFigures) -> ObjectiveResult | None:
    """The objective that was broken by most, or that was nearest to it."""
    return trial.broken or max(trial.results, key=lambda one: one.excess, default=None)


def only_objective(rows: Sequence[TrialRow]) -> str | None:
    """The objective that was nearest to breaking in every trial; None where that differs."""
    found = {row.nearest.expression for row in rows if row.nearest is not None}
    return next(iter(found)) if len(found) == 1 else None


def generator_notes(rows: Sequence[TrialRow]) -> list[str]:
    """Why trials say nothing of the target."""
    return [
        f"Trial {row.place}: the generator was the limit, for {row.trial.by_generator}."
        for row in rows
        if row.trial.by_generator
    ]


def breaking_sentence(point: BreakingPoint) -> str:
    """``p95 < 500ms in GET / at 415.0/s (9.09 %)``."""
    where = f" in {point.series}" if point.series else ""
    return f"{point.what}{where} at {rate(point.rate)} ({format_ratio(point.share)})"


def recovery_line(recovery: Recovery) -> str:
    """How soon it was itself again, with what its queue alone takes beside it: ``12 s (its queue alone: 10 s)``."""
    if recovery.recovered is None:
        return f"{UNKNOWN} (the run ended {seconds(recovery.observed_s)} after the overload)"
    ideal = "" if recovery.ideal_s is None else f" (its queue alone: {seconds(recovery.ideal_s)})"
    if recovery.time_s is None:
        return f"not within {seconds(recovery.observed_s)}{ideal}"
    return f"{seconds(recovery.time_s)} after the overload{ideal}"
