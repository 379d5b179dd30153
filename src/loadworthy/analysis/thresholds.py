"""Judging one threshold against what was measured: which series or parts it means, and the verdict."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from loadworthy.analysis.accumulate import ScenarioTotals, merged
from loadworthy.analysis.judge import Judge, Subject, some
from loadworthy.analysis.threshold_result import ThresholdResult, format_value
from loadworthy.plan.thresholds import Threshold
from loadworthy.record.interval import ITERATION, SeriesInterval
from loadworthy.units import UNKNOWN

__all__ = ["DROP_METRICS", "NO_FAILURES", "UNKNOWN", "ThresholdResult", "evaluate", "format_value", "matches"]

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
    threshold: Threshold, totals: ScenarioTotals, *, implicit: bool = False, sent_alone: bool = False
) -> ThresholdResult:
    """Judge a threshold against the totals of its scenario.

    A series pattern is judged over all the series it matches, merged; one that matches none may mean parts. Without
    any request there is no verdict.

    Args:
        threshold: what is asked.
        totals: of the scenario, or of a stretch of it.
        implicit: the plan does not say it.
        sent_alone: arrivals that were dropped are left out, as if nobody had wanted them.
    """
    found, are_parts = _found(threshold.series, totals)
    subject = _subject(threshold, found, are_parts, totals, 0.0 if sent_alone else totals.arrivals.lost_share)
    judge = Judge(threshold, subject, implicit)
    if threshold.metric in DROP_METRICS:
        return judge.judge()
    if not (totals.total.requests or found or subject.lost_share):
        if totals.interrupted:
            return judge.undecided(f"{some(totals.interrupted, 'request')} made and none answered before the end")
        return judge.undecided("no request was made, so there is nothing to judge")
    if threshold.series is not None and not found:
        return judge.undecided(_no_such_series(threshold.series, totals))
    return judge.judge()


def matches(pattern: str, kind: str, name: str) -> bool:
    """Whether a series is meant by ``KIND NAME`` or ``NAME``, in which only ``*`` is special (names hold brackets)."""
    wanted = _pattern(pattern)
    return bool(wanted.fullmatch(f"{kind} {name}") or wanted.fullmatch(name))


def matches_part(pattern: str, kind: str, name: str) -> bool:
    """Whether a part is meant by ``KIND NAME`` or ``KIND``; its name alone is that of a host or of a series."""
    wanted = _pattern(pattern)
    return bool(wanted.fullmatch(f"{kind} {name}") or wanted.fullmatch(kind))


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


def _found(pattern: str | None, totals: ScenarioTotals) -> tuple[Sequence[SeriesInterval], bool]:
    """What the pattern matches, and whether that is parts: series go first, by their name before by their kind."""
    if pattern is None:
        return (), False
    known = totals.series.values()
    series = [one for one in known if matches(pattern, one.kind, one.name)]
    series = series or [one for one in known if one.kind == pattern]
    if series:
        return series, False
    return [one for one in totals.parts.values() if matches_part(pattern, one.kind, one.name)], True


def _subject(
    threshold: Threshold,
    found: Sequence[SeriesInterval],
    are_parts: bool,
    totals: ScenarioTotals,
    lost_share: float,
) -> Subject:
    parts = {one.kind for one in found} if are_parts else set()
    total = totals.total if threshold.series is None else merged(found)
    return Subject(
        total=total,
        duration_s=totals.duration_s,
        send_lag=totals.send_lag if threshold.series is None else total.send_lag,
        arrivals=totals.arrivals,
        lost_share=lost_share if parts <= _LOST_BY_DROPS else 0.0,
        pace=totals.pace,
        noun=_noun(parts) if parts else "request",
    )


def _noun(kinds: Iterable[str]) -> str:
    nouns = {_NOUNS.get(kind, "part") for kind in kinds}
    return nouns.pop() if len(nouns) == 1 else "part"


def _no_such_series(pattern: str, totals: ScenarioTotals) -> str:
    names = sorted(f"{kind} {name}" for kind, name in (*totals.series, *totals.parts))
    near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.4) or names[:3]
    there = "the only series is" if len(names) == 1 else f"of {len(names)} series the nearest are"
    return f"no request belongs to {pattern!r}; {there} {', '.join(near)}"
