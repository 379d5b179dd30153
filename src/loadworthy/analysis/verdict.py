"""The four verdicts, how they combine, and the exit code that each one means."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from loadworthy.errors import ExitCode


class Verdict(StrEnum):
    """What the evidence says; public in ``summary.json``. None of them is ever turned into another to look better."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    """Every target was met, and the evidence suffices to say so."""
    FAIL = "fail"
    """A target was missed."""
    UNDECIDED = "undecided"
    """There is not enough evidence either way."""
    INVALID = "invalid"
    """The generator was the limit or data is missing: the figures do not describe the service."""


# Why this order. Invalid beats all: when the data cannot be trusted, neither can a failure found in it. Fail beats
# undecided: one target that is provably missed decides the run, whatever else is still open. Undecided beats pass: a
# run passes only if everything that was asked was answered.
_SEVERITY = (Verdict.PASS, Verdict.UNDECIDED, Verdict.FAIL, Verdict.INVALID)

_EXIT_CODES = {
    Verdict.PASS: ExitCode.PASS,
    Verdict.FAIL: ExitCode.FAIL,
    Verdict.UNDECIDED: ExitCode.UNDECIDED,
    Verdict.INVALID: ExitCode.INVALID,
}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a whole from those of its parts; of nothing at all, ``undecided``."""
    return max(verdicts, key=_SEVERITY.index, default=Verdict.UNDECIDED)


def exit_code_of(verdict: Verdict) -> ExitCode:
    """The process's exit code for a verdict."""
    return _EXIT_CODES[verdict]
