"""Is it worse? Two groups of runs, figure by figure, and the verdict over all of them.

Compared are, for each scenario as a whole and each of its series: percentiles of the response time (as ratios), the
share of requests that failed (as a difference), and, of closed workloads as a whole, throughput. In an open workload
throughput is what the plan asked for, so it says nothing about the service. A search is compared by the capacity that
it found: its trials differ in their load, so its percentiles mean nothing together.

A figure is *worse* if even the low end of its interval is beyond the tolerance, *not worse* if its high end is within
it, else *undecided*. The whole is worse as soon as one figure is, and not worse only if every one is. So the low ends
are those of Holm's procedure over all figures: the chance that a service that has stayed as it was is called worse
anywhere is at most 5 %. The high ends need no such care, for a claim to which every figure must agree is not made more
likely by more figures (R. L. Berger, Technometrics 24, 1982); each is wrong with a chance of at most 5 %.

How wide the intervals are is in :mod:`loadworthy.analysis.contrast`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from loadworthy.analysis.compared_figures import (
    Candidate,
    Change,
    ComparedFigure,
    capacity,
    error_rate,
    in_words,
    labels,
    percentile,
    percentile_name,
    throughput,
)
from loadworthy.analysis.contrast import Basis, Contrast
from loadworthy.analysis.holm import holm_levels
from loadworthy.analysis.samples_by_window import ALL, RunSample, ScenarioSample
from loadworthy.analysis.selection import matches
from loadworthy.analysis.summary import CLOSED

ALPHA = 0.05
"""The chance that is taken of calling something worse that is not."""

MOST_RUNS_TOLD = 50


@dataclass(frozen=True, slots=True)
class Question:
    """What to compare, and how strictly.

    Args:
        tolerance: the relative change that is still no matter, e.g. 0.05.
        fractions: the percentiles, 0..1 each.
        scenarios: only these; all that both sides have when empty.
        series: of which series, by :func:`means` (``GET /items*``); None for all, and the scenario as a whole.
        one_run_is_enough: whether one run a side may decide.
    """

    tolerance: float = 0.05
    fractions: tuple[float, ...] = (0.5, 0.95, 0.99)
    scenarios: tuple[str, ...] = ()
    series: str | None = None
    one_run_is_enough: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """All figures, the verdict over them, and what the reader has to know besides, in sentences."""

    verdict: Change
    tolerance: float
    figures: tuple[ComparedFigure, ...]
    notes: tuple[str, ...] = ()

    def of(self, verdict: Change) -> list[ComparedFigure]:
        """The figures of which that is said."""
        return [one for one in self.figures if one.verdict is verdict]

    @property
    def runs_needed(self) -> int | None:
        """About so many runs a side would decide all that is open; None where nothing is, or that cannot be said."""
        needed = [one.runs_needed for one in self.of(Change.UNDECIDED)]
        known = [count for count in needed if count is not None]
        return max(known) if known and len(known) == len(needed) else None


def compare(base: Sequence[RunSample], new: Sequence[RunSample], question: Question) -> Comparison:
    """Compare two groups of runs, each of at least one."""
    notes: list[str] = []
    candidates = [
        candidate
        for scenario in _scenarios(base, new, question, notes)
        for candidate in _of_scenario(scenario, base, new, question, notes)
    ]
    figures = tuple(_decide(candidates, question))
    return Comparison(_overall(figures), question.tolerance, figures, (*_basis_notes(figures, question), *notes))


def _scenarios(
    base: Sequence[RunSample], new: Sequence[RunSample], question: Question, notes: list[str]
) -> Iterator[str]:
    sides = [dict.fromkeys(name for run in side for name in run.scenarios) for side in (base, new)]
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        if question.scenarios and name not in question.scenarios:
            continue
        if name in sides[0] and name in sides[1]:
            yield name
        else:
            notes.append(f"{name} ran only in {'BASE' if name in sides[0] else 'NEW'}, so it is not compared.")


def _of_scenario(
    name: str, base: Sequence[RunSample], new: Sequence[RunSample], question: Question, notes: list[str]
) -> Iterator[Candidate]:
    sides = [[run.scenarios[name] for run in side if name in run.scenarios] for side in (base, new)]
    if any(one.is_search for side in sides for one in side):
        found = capacity(name, sides, question.tolerance)
        if found is None:
            notes.append(f"{name}: not compared, for a side has no run in which a search found a capacity.")
        else:
            notes.append(f"{name} is a search: it is compared by the capacity that was found.")
            yield found
        return
    workloads = {one.workload for side in sides for one in side}
    if workloads != {CLOSED}:
        words = " in one run and ".join(sorted(workloads))
        notes.append(f"{name}: its workload is {words}: throughput is what was asked for, so it is not compared.")
    yield from _of_series(name, sides, workloads == {CLOSED}, question, notes)


def _of_series(
    name: str, sides: Sequence[Sequence[ScenarioSample]], is_closed: bool, question: Question, notes: list[str]
) -> Iterator[Candidate]:
    both, lonely = labels(sides)
    notes += [f"{name}: {label} is only in {side}, so it is not compared." for label, side in lonely]
    if question.series is not None:
        known = dict.fromkeys(label for side in sides for one in side for label in one.series if label != ALL)
        both = [label for label in known if means(question.series, label)]
    few: list[str] = []
    for label in both:
        pair = [[one.series[label] for one in side if label in one.series] for side in sides]
        for fraction in question.fractions:
            found = percentile(name, label, pair, fraction, question.tolerance)
            if found is None:
                few.append(f"{label} {percentile_name(fraction)}")
            else:
                yield found
        others = [error_rate(name, label, pair, question.tolerance)]
        if is_closed and label == ALL:
            others.append(throughput(name, pair, question.tolerance))
        yield from (one for one in others if one is not None)
    if few:
        notes.append(f"{name}: not compared, for no run of a side has requests enough: {', '.join(few)}.")


def means(pattern: str, label: str) -> bool:
    """Whether a series is meant, by its label or by its name alone; as in thresholds, only ``*`` is special."""
    kind, _, name = label.partition(" ")
    return matches(pattern, kind, name)


def _decide(candidates: Sequence[Candidate], question: Question) -> Iterator[ComparedFigure]:
    """Verdicts and intervals, now that it is known how many figures there are."""
    known = [found for _, found in candidates if found is not None]
    worse_levels = iter(holm_levels([one.p_worse() for one in known], ALPHA))
    better_levels = iter(holm_levels([one.p_better() for one in known], ALPHA))
    for shown, found in candidates:
        if found is None:
            yield shown
        else:
            yield _decided(shown, found, next(worse_levels), next(better_levels), question)


def _decided(
    shown: ComparedFigure, found: Contrast, worse_level: float, better_level: float, question: Question
) -> ComparedFigure:
    verdict = Change.UNDECIDED
    may_decide = found.basis is not Basis.WINDOWS or question.one_run_is_enough
    if may_decide and found.p_worse() <= worse_level:
        verdict = Change.WORSE
    elif may_decide and found.high(ALPHA) < found.margin:
        verdict = Change.NOT_WORSE
    low, high = in_words(found, shown.figure, worse_level, ALPHA)
    return replace(
        shown,
        low=low,
        high=high,
        verdict=verdict,
        better=may_decide and found.p_better() <= better_level,
        basis=found.basis,
        runs_needed=_runs_needed(found, worse_level) if verdict is Change.UNDECIDED else None,
    )


def _runs_needed(found: Contrast, worse_level: float) -> int | None:
    """How many runs a side would decide, if delta and spread stay as they are; None where that cannot be said."""
    if found.basis is not Basis.RUNS:
        return None
    level = worse_level if found.delta > found.margin else ALPHA
    runs_now = found.df / 2 + 1
    for runs in range(math.floor(runs_now) + 1, MOST_RUNS_TOLD + 1):
        like = replace(found, se=found.se * math.sqrt(runs_now / runs), df=2.0 * (runs - 1))
        if found.delta - like.low(level) < abs(found.delta - found.margin):
            return runs
    return MOST_RUNS_TOLD + 1


def _overall(figures: Sequence[ComparedFigure]) -> Change:
    verdicts = {one.verdict for one in figures}
    if Change.WORSE in verdicts:
        return Change.WORSE
    return Change.UNDECIDED if Change.UNDECIDED in verdicts or not verdicts else Change.NOT_WORSE


def _basis_notes(figures: Sequence[ComparedFigure], question: Question) -> Iterator[str]:
    bases = {one.basis for one in figures}
    if not figures:
        yield "There is nothing to compare."
    if Basis.WINDOWS in bases or None in bases:
        decided = "They decide, as was asked for." if question.one_run_is_enough else "So nothing is decided by them."
        yield (
            "One run a side: no run-to-run variance. The intervals hold only what changed within each run, and the "
            f"next run may lie outside of them. {decided}"
        )
    if Basis.OTHER_SIDE in bases:
        yield "One side has a single run: its run-to-run variance is taken to be that of the other side."
    if None in bases:
        yield "Figures without an interval come from runs that are too short to show how much they vary within."
