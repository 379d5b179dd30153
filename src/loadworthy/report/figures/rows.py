"""Data sets of charts over time: a scenario's timeline as columns, the same in a report and on the live page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.timeline import Second, SeriesSecond
from loadworthy.record.sample import FailureKind
from loadworthy.report.figures.figure import Columns

TIMELINE, KINDS, SERIES = "timeline", "kinds", "series"
AT = "at_ms"
_DIGITS = 5
_EXACT = 2**53
OTHER = "other"
_KNOWN = frozenset(kind.value for kind in FailureKind)

_FIELDS = {
    "requests": "throughput",
    "failed": "failure_rate",
    "intended": "intended",
    "begun": "sent",
    "dropped": "dropped",
    "p50": "p50_ms",
    "p95": "p95_ms",
    "p99": "p99_ms",
    "users": "users",
    "loop_lag": "loop_lag_ms",
    "own_lag": "own_lag_p99_ms",
}
"""Column → the field of a :class:`Second`. Rates are per second, times in ms."""
_OF_SERIES = ("requests", "failed", "p50", "p95", "p99")


def timeline_columns(seconds: Sequence[Second], step_s: int) -> Columns:
    """The timeline: a row for each step, at the step's middle; an empty one where steps are missing, for the gap."""
    filled = _with_gaps(seconds, step_s)
    columns: dict[str, list[Any]] = {AT: [_middle_ms(at_s, step_s) for at_s, _ in filled]}
    for column, name in _FIELDS.items():
        columns[column] = [None if one is None else rounded(getattr(one, name)) for _, one in filled]
    columns["error_rate"] = [None if one is None or not one.requests else _percent(one) for _, one in filled]
    columns["cpu"] = [None if one is None or one.cpu is None else rounded(one.cpu * 100) for _, one in filled]
    return columns


def series_columns(points: Sequence[SeriesSecond], step_s: int) -> Columns:
    """One series in the columns of the timeline, as far as they are known of a series."""
    return {
        AT: [_middle_ms(one.at_s, step_s) for one in points],
        **{column: [rounded(getattr(one, _FIELDS[column])) for one in points] for column in _OF_SERIES},
    }


def kinds_columns(seconds: Sequence[Second], step_s: int, kinds: Sequence[str]) -> Columns:
    """Failures per second by kind: a row for each step and each of the kinds."""
    rows = [
        (_middle_ms(at_s, step_s), kind, 0 if one is None else rounded(_of_kind(one, kind)))
        for at_s, one in _with_gaps(seconds, step_s, both_ends=True)
        for kind in kinds
    ]
    return {AT: [row[0] for row in rows], "kind": [row[1] for row in rows], "rate": [row[2] for row in rows]}


def kinds_of(seconds: Iterable[Second]) -> list[str]:
    """The kinds of failure that there were, the most frequent first.

    What is none of the closed set is :data:`OTHER`: descriptions of charts have kinds in expressions, where a text from
    elsewhere has nothing to do.
    """
    sums: dict[str, float] = {}
    for one in seconds:
        for kind, rate in one.failure_kinds.items():
            known = kind if kind in _KNOWN else OTHER
            sums[known] = sums.get(known, 0.0) + rate
    return sorted(sums, key=lambda kind: (-sums[kind], kind))


def _of_kind(one: Second, kind: str) -> float:
    if kind != OTHER:
        return one.failure_kinds.get(kind, 0.0)
    return sum(rate for name, rate in one.failure_kinds.items() if name not in _KNOWN)


def rounded(value: float | None) -> float | None:
    """Five significant digits are more than a chart shows; None for what is no number."""
    if value is None:
        return None
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if abs(short) < _EXACT and short == int(short) else short


def _percent(one: Second) -> float | None:
    return rounded(100 * one.failures / one.requests)


def _middle_ms(at_s: float, step_s: int) -> int:
    return round((at_s + step_s / 2) * MS_PER_S)


def _with_gaps(seconds: Sequence[Second], step_s: int, *, both_ends: bool = False) -> list[tuple[float, Second | None]]:
    """What was not recorded must show: an empty step where some are missing, or one at each end of the gap."""
    filled: list[tuple[float, Second | None]] = []
    for one in seconds:
        if filled and one.at_s > filled[-1][0] + step_s:
            filled.append((filled[-1][0] + step_s, None))
            if both_ends and one.at_s - step_s > filled[-1][0]:
                filled.append((one.at_s - step_s, None))
        filled.append((one.at_s, one))
    return filled
