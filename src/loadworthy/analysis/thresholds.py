"""Judging one threshold against what was measured: which series or parts it means, over what time, and the verdict.

Totals suffice for what is judged over the whole time at once. What asks for a stretch (``for``) or leaves out the
beginning (``warmup``) also needs the seconds, and so does the interval of a percentile. Without them the totals are
taken for what is to be judged, whatever the threshold asks: they are those of a stretch already, or of a run so far.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadworthy.analysis.accumulate import ScenarioTotals, merged
from loadworthy.analysis.judge import Judge
from loadworthy.analysis.over_time import judge_seconds
from loadworthy.analysis.selection import NO_TAGS, Rank, Tags, matches, matches_part, rank_of, tag_of
from loadworthy.analysis.subject import Subject, some
from loadworthy.analysis.threshold_result import ThresholdResult, format_value
from loadworthy.analysis.windows import ScenarioWindows
from loadworthy.plan.thresholds import Threshold
from loadworthy.record.interval import ITERATION, SeriesInterval
from loadworthy.units import UNKNOWN

__all__ = [
    "DROP_METRICS",
    "NO_FAILURES",
    "UNKNOWN",
    "Capacity",
    "ThresholdResult",
    "evaluate",
    "format_value",
    "matches",
    "matches_part",
]

Capacity = tuple[float | None, float | None, float | None]
"""What a search found, per second: the low end of the interval, the rate, the high end; None where it is not known."""

NO_FAILURES = Threshold(
    expression="error_rate <= 0%", metric="error_rate", aggregate=None, fraction=None, series=None, op="<=", limit=0.0
)
"""What a scenario without thresholds is judged by: no request may fail."""

DROP_METRICS = ("dropped", "dropped_rate")
"""Metrics that are about arrivals, and known where no request was made."""

_NOUNS = {ITERATION: "iteration", "connect": "connection", "tls": "TLS handshake", "first_byte": "answer"}
_LOST_BY_DROPS = {ITERATION, "first_byte"}
"""Parts that a dropped arrival would have had for sure."""


def evaluate(
    threshold: Threshold,
    totals: ScenarioTotals,
    *,
    implicit: bool = False,
    sent_alone: bool = False,
    windows: ScenarioWindows | None = None,
    tags: Tags = NO_TAGS,
    capacity: Capacity | None = None,
) -> ThresholdResult:
    """Judge a threshold against the totals of its scenario.

    A series pattern is judged over all the series it matches, merged; one that matches none may mean parts. Without
    any request there is no verdict.

    Args:
        threshold: what is asked.
        totals: of the scenario, or of a stretch of it.
        implicit: the plan does not say it.
        sent_alone: arrivals that were dropped are left out, as if nobody had wanted them.
        windows: the scenario's seconds; None: the totals are all that there is to judge.
        tags: those of the scenario.
        capacity: where one was searched.
    """
    meant = meant_by(threshold.series, totals, tags)
    subject = _subject(threshold, meant, totals, loses=not sent_alone)
    judged = Judge(threshold, subject, implicit)
    if threshold.metric == "capacity":
        return judged.judge_capacity(capacity)
    if threshold.metric not in DROP_METRICS:
        if not (totals.total.requests or meant.found or subject.lost_share):
            if totals.interrupted:
                return judged.undecided(f"{some(totals.interrupted, 'request')} made and none answered before the end")
            return judged.undecided("no request was made, so there is nothing to judge")
        if threshold.series is not None and not meant.found:
            return judged.undecided(nothing_meant(threshold.series, totals, tags))
    if windows is None or not windows.keeps(threshold):
        return judged.judge()
    return judge_seconds(threshold, subject, windows, implicit=implicit)


@dataclass(frozen=True, slots=True)
class Meant:
    """What a pattern means: series, or parts."""

    found: Sequence[SeriesInterval] = ()
    are_parts: bool = False


def meant_by(pattern: str | None, totals: ScenarioTotals, tags: Tags) -> Meant:
    """What a pattern means among what was measured; nothing for no pattern, which means all requests."""
    if pattern is None:
        return Meant()
    ranked: dict[Rank, list[SeriesInterval]] = {}
    for known, is_part in ((totals.series, False), (totals.parts, True)):
        for key, one in known.items():
            rank = rank_of(pattern, key, tags, is_part=is_part)
            if rank is not None:
                ranked.setdefault(rank, []).append(one)
    best = min(ranked, default=Rank.PART)
    return Meant(ranked.get(best, ()), best is Rank.PART)


def _subject(threshold: Threshold, meant: Meant, totals: ScenarioTotals, *, loses: bool) -> Subject:
    parts = {one.kind for one in meant.found} if meant.are_parts else set()
    total = totals.total if threshold.series is None else merged(meant.found)
    return Subject(
        total=total,
        duration_s=totals.duration_s,
        send_lag=totals.send_lag if threshold.series is None else total.send_lag,
        arrivals=totals.arrivals,
        pace=totals.pace,
        loses=loses and parts <= _LOST_BY_DROPS,
        noun=_noun(parts) if parts else "request",
    )


def _noun(kinds: Iterable[str]) -> str:
    nouns = {_NOUNS.get(kind, "part") for kind in kinds}
    return nouns.pop() if len(nouns) == 1 else "part"


def nothing_meant(pattern: str, totals: ScenarioTotals, tags: Tags) -> str:
    """Why a pattern means nothing, and what there is."""
    tag = tag_of(pattern)
    if tag is not None and tag not in tags.known:
        there = f"there are: {', '.join(tags.known)}" if tags.known else "no step has any"
        return f"no step has the tag {tag!r}; {there}"
    names = sorted(f"{kind} {name}" for kind, name in (*totals.series, *totals.parts))
    if tag is not None or not names:
        return f"no request belongs to {pattern!r}; none of its steps was done"
    near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.4) or names[:3]
    there = "the only series is" if len(names) == 1 else f"of {len(names)} series the nearest are"
    return f"no request belongs to {pattern!r}; {there} {', '.join(near)}"
