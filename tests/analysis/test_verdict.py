"""How verdicts combine, and what they say to the caller."""

from __future__ import annotations

import itertools

import pytest

from loadworthy.analysis.verdict import Verdict, exit_code_of, worst
from loadworthy.errors import ExitCode


@pytest.mark.parametrize(
    ("stronger", "weaker"), list(itertools.pairwise([Verdict.INVALID, Verdict.FAIL, Verdict.UNDECIDED, Verdict.PASS]))
)
def test_order(stronger: Verdict, weaker: Verdict) -> None:
    """Invalid beats fail, fail beats undecided, undecided beats pass, whichever comes first."""
    assert worst([stronger, weaker]) is stronger
    assert worst([weaker, stronger]) is stronger


def test_of_nothing() -> None:
    """Nothing judged is not a pass."""
    assert worst([]) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("verdict", "code"), [("pass", 0), ("fail", 1), ("undecided", 3), ("invalid", 4)], ids=lambda value: str(value)
)
def test_exit_codes(verdict: str, code: int) -> None:
    """Each verdict has the exit code that is public interface."""
    assert exit_code_of(Verdict(verdict)) == ExitCode(code)
