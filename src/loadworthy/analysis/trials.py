"""Judging a trial: did this rate hold?

For each objective the intended requests that were bad are counted: those that failed, that were slower than the limit,
and that were never made, because their iteration was dropped or never came to an end. A request that failed *and* was
slow is counted once where that can be known, and nowhere more than twice: the share is capped by all requests. A trial
is bad where one objective has more bad ones than it allows.

A trial need not say anything of the target. Where it is bad and the generator was unfit
(:mod:`loadworthy.analysis.fitness`), or began clearly less than was asked, the generator was the limit. And where an
objective finds nothing to be judged by (no request of its series was made), nobody knows whether the rate holds: that
is no reason to ask for more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.accumulate import merged
from loadworthy.analysis.figures import Figures
from loadworthy.analysis.fitness import judge_fitness
from loadworthy.analysis.segments import SegmentData
from loadworthy.analysis.thresholds import evaluate, meant_by, nothing_meant
from loadworthy.analysis.validity import ACHIEVED_INVALID
from loadworthy.plan.search_objectives import Objective
from loadworthy.record.interval import SeriesInterval
from loadworthy.units import format_count

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ObjectiveResult:
    """One objective in one trial: the share of what was intended that was bad, and the share that may be."""

    expression: str
    share: float
    allowed: float
    is_broken: bool

    @property
    def excess(self) -> float:
        """How many times more than allowed was bad; of an objective that allows nothing, the share itself."""
        return self.share / self.allowed if self.allowed else self.share * 1e6

    def to_json(self) -> Json:
        """The form that stands in ``summary.json``."""
        return {
            "expression": self.expression, "bad_share": round(self.share, 6), "allowed": round(self.allowed, 6),
            "broken": self.is_broken,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrialJudgement:
    """What a trial says.

    ``by_generator``: why it says nothing of the target; None where it does. ``no_evidence``: why nobody knows whether
    the rate holds; None where that is known.
    """

    results: tuple[ObjectiveResult, ...]
    by_generator: str | None = None
    no_evidence: str | None = None

    @property
    def is_bad(self) -> bool:
        """Whether the rate did not hold."""
        return any(result.is_broken for result in self.results)


def judge_trial(data: SegmentData, objectives: Sequence[Objective], expected: int | None = None) -> TrialJudgement:
    """Judge what was measured in a trial.

    Args:
        data: of the trial.
        objectives: what must hold.
        expected: how many arrivals were asked for; None where that is not known, for the trial was cut short.
    """
    results = tuple(_result(objective, data) for objective in objectives)
    judgement = TrialJudgement(results)
    scheduled = data.totals.arrivals.scheduled
    if expected is not None and scheduled < ACHIEVED_INVALID * expected:
        return TrialJudgement(results, _not_begun(scheduled, expected))
    if not judgement.is_bad:
        return TrialJudgement(results, no_evidence=_without_evidence(data, objectives))
    thresholds = [objective.threshold for objective in objectives]
    evaluated = [evaluate(threshold, data.totals, tags=data.tags) for threshold in thresholds]
    unfit = judge_fitness(data.totals, thresholds, evaluated, data.readings, tags=data.tags).invalid
    return TrialJudgement(results, unfit[0] if unfit else None)


def _not_begun(scheduled: int, expected: int) -> str:
    return f"{format_count(scheduled)} of {format_count(expected)} arrivals are on record: a process is lost, or late"


def _without_evidence(data: SegmentData, objectives: Sequence[Objective]) -> str | None:
    """The first objective that finds nothing to be judged by."""
    if not data.totals.total.requests and not data.lost_share:
        return "no request was made, so there is nothing to judge a rate by"
    for objective in objectives:
        pattern = objective.threshold.series
        if pattern is not None and not data.lost_share and not meant_by(pattern, data.totals, data.tags).found:
            return f"{objective.threshold.expression}: {nothing_meant(pattern, data.totals, data.tags)}"
    return None


def is_bad_for_sure(data: SegmentData, objectives: Sequence[Objective], arrivals: int) -> bool:
    """Whether a trial that is under way can only be bad, whatever becomes of what is still to come of its arrivals."""
    begun = data.totals.arrivals
    if not begun.settled:
        return False
    for objective in objectives:
        for total in _subjects(objective.threshold.series, data):
            # As many requests as an iteration has made so far; in a flow the last ones have not been made yet.
            expected = max(total.requests / max(begun.iterations, 1), 1.0) * arrivals
            bad = _bad_count(objective, total) + begun.dropped * expected / arrivals
            if objective.is_broken_by(bad / expected) and bad >= 2:
                return True
    return False


def first_broken(
    data: SegmentData, objective: Objective, series: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Those of the series in which, each for itself, the objective was broken."""
    for key in series:
        total = data.totals.series.get(key)
        if total is not None and total.requests and objective.is_broken_by(_share(objective, total, data.lost_share)):
            yield key


def trial_figures(data: SegmentData, sending_s: float) -> Figures:
    """The figures of a trial; its throughput is over the time in which it was sent."""
    return Figures.of(data.totals.total, sending_s)


def _result(objective: Objective, data: SegmentData) -> ObjectiveResult:
    if objective.threshold.metric == "dropped_rate":
        share = data.lost_share
    else:
        subjects = list(_subjects(objective.threshold.series, data))
        share = _share(objective, subjects[0], data.lost_share) if subjects else data.lost_share
    return ObjectiveResult(
        objective.threshold.expression, share, objective.allowed, objective.is_broken_by(share) and share > 0
    )


def _subjects(pattern: str | None, data: SegmentData) -> Iterator[SeriesInterval]:
    """All that the objective is about, as one; nothing where no request was made yet."""
    if pattern is None:
        if data.totals.total.requests:
            yield data.totals.total
        return
    found = meant_by(pattern, data.totals, data.tags).found
    if found:
        yield merged(found)


def _share(objective: Objective, total: SeriesInterval, lost_share: float) -> float:
    bad = _bad_count(objective, total) / total.requests if total.requests else 0.0
    return 1 - (1 - bad) * (1 - lost_share) if lost_share else bad


def _bad_count(objective: Objective, total: SeriesInterval) -> int:
    if objective.threshold.metric == "dropped_rate":
        return 0
    if objective.limit_us is None:
        return total.failures
    times = total.response if objective.threshold.metric == "response_time" else total.service
    return min(times.count_above(objective.limit_us) + total.failures, total.requests)
