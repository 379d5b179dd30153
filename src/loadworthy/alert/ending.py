"""What the end of a run is about, and which of it is news."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from loadworthy.alert.memory import OF_THE_VERDICT
from loadworthy.analysis.compared_figures import Change
from loadworthy.analysis.comparison import Comparison
from loadworthy.analysis.summary import Summary
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.alerting import Matter

BY_SEVERITY: tuple[Matter, ...] = (
    "aborted", "invalid", "fail", "regression", "drift", "undecided", "passed_again",
)  # fmt: skip
"""The most severe first; that one is in the title."""

_BY_VERDICT: Mapping[Verdict, Matter] = {
    Verdict.FAIL: "fail",
    Verdict.UNDECIDED: "undecided",
    Verdict.INVALID: "invalid",
}


def matters_of(
    summary: Summary, ended: str | None, comparison: Comparison | None, *, heard: bool
) -> tuple[Matter, ...]:
    """What a run that was judged is about, the most severe first; nothing where a person interrupted it.

    Args:
        summary: the judged run.
        ended: how it ended, as in its manifest.
        comparison: with the baseline; None where there is none.
        heard: whether somebody was told, since the last run of the same plan that passed, that it is bad.
    """
    if ended == "interrupted":
        return ()
    found = set(_found(summary, ended, comparison, heard))
    return tuple(matter for matter in BY_SEVERITY if matter in found)


def _found(summary: Summary, ended: str | None, comparison: Comparison | None, heard: bool) -> Iterator[Matter]:
    if ended in ("aborted", "error"):
        yield "aborted"
    if summary.verdict in _BY_VERDICT:
        yield _BY_VERDICT[summary.verdict]
    elif heard:
        yield "passed_again"
    if comparison is not None and comparison.verdict is Change.WORSE:
        yield "regression"
    if any(one.drift is not None and one.drift.verdict is Verdict.FAIL for one in summary.scenarios.values()):
        yield "drift"


def is_news(
    matters: Sequence[Matter], told_ms: Mapping[str, int], now_ms: int, cool_down_ms: int, *, passed_before: bool | None
) -> bool:
    """Whether one of them was not told within the cool-down, or has gone away meanwhile.

    Where the run before passed, a failure is a new one. That it is good again is always told.

    Args:
        matters: what the run is about.
        told_ms: matter → when it was last told.
        now_ms: of the same clock.
        cool_down_ms: how long the same matter is not told again.
        passed_before: whether the last run of the same plan passed; None where none is known.
    """

    def is_cool(matter: Matter) -> bool:
        if matter == "passed_again" or (passed_before and matter in OF_THE_VERDICT):
            return False
        last_ms = told_ms.get(matter)
        return last_ms is not None and 0 <= now_ms - last_ms < cool_down_ms

    return not all(is_cool(matter) for matter in matters)


def wanted(matters: Sequence[Matter], on: Collection[Matter]) -> tuple[Matter, ...]:
    """Those that the plan has told of."""
    return tuple(matter for matter in matters if matter in on)
