"""One scenario that looked for its own load → its figures and its verdict.

Its thresholds are what the search held every rate against. They are judged where that means something: at the safe
load, in the trial that confirmed it. Over all trials together they say nothing, for half of the trials were meant to be
too much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.capacity import CapacityReport, capacity_of, capacity_sentence
from loadworthy.analysis.overload import overload_report
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.segments import SegmentData
from loadworthy.analysis.selection import NO_TAGS
from loadworthy.analysis.summary import Reason
from loadworthy.analysis.threshold_result import ThresholdResult
from loadworthy.analysis.thresholds import evaluate
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.model import Scenario, ScenarioKind
from loadworthy.plan.search_objectives import is_judged_beside
from loadworthy.plan.thresholds import Threshold, parse_threshold
from loadworthy.record.rundir import Run


def judge_search(
    name: str, scenario: Scenario, segments: Mapping[int, SegmentData], run: Run
) -> tuple[SearchReport, tuple[ThresholdResult, ...], tuple[Reason, ...]]:
    """The report, the thresholds at the safe load, and what weighs on the verdict besides them."""
    capacity = capacity_of(name, scenario, run.events, segments)
    overload = None
    if scenario.kind is ScenarioKind.STRESS and capacity.rate is not None:
        overload = overload_report(name, run.events, segments, _thresholds(scenario), capacity.rate)
    report = SearchReport(capacity, overload)
    confirmed = None if capacity.confirmed is None else segments.get(capacity.confirmed.number)
    totals = ScenarioTotals(name) if confirmed is None else confirmed.totals
    tags = NO_TAGS if confirmed is None else confirmed.tags
    results = tuple(
        evaluate(parse_threshold(text), totals, tags=tags, capacity=capacity.bounds) for text in scenario.thresholds
    )
    return report, results, tuple(_reasons(report, results, scenario))


def _thresholds(scenario: Scenario) -> list[Threshold]:
    """Those that say how the service is to be, not how much it must carry."""
    parsed = [parse_threshold(text) for text in scenario.thresholds]
    return [threshold for threshold in parsed if not is_judged_beside(threshold)]


def _reasons(report: SearchReport, results: tuple[ThresholdResult, ...], scenario: Scenario) -> Iterator[Reason]:
    yield Reason(_verdict(report.capacity, results), capacity_sentence(report.capacity) + _remedy(report.capacity))
    overload = report.overload
    if overload is not None:
        recovered = overload.recovery.recovered
        verdict = {True: Verdict.PASS, False: Verdict.FAIL, None: Verdict.UNDECIDED}[recovered]
        yield Reason(Verdict.PASS, overload.sentence)
        yield Reason(verdict, overload.recovery.sentence)
    elif scenario.kind is ScenarioKind.STRESS and report.capacity.result.ended in ("found", "max_rate", "max_duration"):
        why = ": max_rate was reached before its capacity" if report.capacity.result.ended == "max_rate" else ""
        yield Reason(Verdict.UNDECIDED, f"it was not overloaded{why}, so nothing is known of its recovery")


def _verdict(report: CapacityReport, results: tuple[ThresholdResult, ...]) -> Verdict:
    """``undecided`` where the time was up, unless all that was asked of the capacity itself is known by then."""
    result = report.result
    if result.ended == "generator":
        return Verdict.INVALID
    if result.ended in ("unfinished", "no_evidence") or (result.rate is None and result.ended != "nothing_held"):
        return Verdict.UNDECIDED
    if result.rate is None:
        return Verdict.FAIL
    demands = [one.verdict for one in results if one.metric == "capacity"]
    is_answered = bool(demands) and Verdict.UNDECIDED not in demands
    return Verdict.UNDECIDED if result.ended == "max_duration" and not is_answered else Verdict.PASS


def _remedy(report: CapacityReport) -> str:
    if report.result.ended == "generator":
        return "; use more processes (--processes) or machines, or set max_rate to what you need to know"
    if report.result.ended == "max_duration":
        return "; give it more time (max_duration), or be content with less precision"
    remedies = {
        "unfinished": "; run it to its end",
        "no_evidence": "; name series that the scenario has, or begin at a higher start_rate",
    }
    return remedies.get(report.result.ended, "")
