"""What a search found, in the words that all renderings share."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.report.searches import CPU, ERRORS, P95, TRIALS, capacity, searched, stressed

from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.summary import Reason
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.search_words import (
    after_search,
    bounds,
    breaking_sentence,
    capacity_line,
    finding,
    nearest,
    only_objective,
    other_reasons,
    place_of,
    recovery_line,
    thresholds_note,
    trial_rows,
)
from loadworthy.units import UNKNOWN
from loadworthy.workload.search import SearchResult


@pytest.mark.parametrize(
    ("low", "rate", "high", "between", "line"),
    [
        (391.4, 399.5, 442.0, "391.4/s to 442.0/s", "399.5/s (the limit lies between 391.4/s and 442.0/s)"),
        (500.0, 500.0, None, "at least 500.0/s", "500.0/s (no limit was found)"),
        (None, None, 10.0, "below 10.0/s", f"{UNKNOWN} (no rate that was tried held)"),
        (None, None, None, UNKNOWN, f"{UNKNOWN} (no rate that was tried held)"),
    ],
)
def test_bounds(low: float | None, rate: float | None, high: float | None, between: str, line: str) -> None:
    """As far as they are known."""
    report = capacity(result=SearchResult(rate, low, high, "found"))
    assert (bounds(report), capacity_line(report)) == (between, line)


def test_trials_are_counted_from_one() -> None:
    """The numbers on record count warm-ups and rests as well."""
    report = capacity()
    assert [row.place for row in trial_rows(report)] == list(range(1, 11))
    assert (place_of(report, 14), place_of(report, 6)) == (10, None)
    assert thresholds_note(report) == "at the safe load of 399.5/s (trial 10, 60 s)"
    assert [row.place for row in trial_rows(report) if row.is_safe_load] == [10]
    assert breaking_sentence(report.breaking_points[1]) == "p95 < 500ms in GET /items at 415.0/s (12.00 %)"


def test_a_trial_is_told_by_its_nearest_objective() -> None:
    """The one that broke by most, or that came nearest to it."""
    good, bad = TRIALS[3], TRIALS[8]
    rows = trial_rows(capacity(trials=(good, bad, replace(bad, by_generator=CPU))))
    assert [row.verdict for row in rows] == ["good", "bad", "generator"]
    assert [(row.share, row.allowed) for row in rows[:2]] == [(0.004, 0.05), (0.0909, 0.05)]
    assert only_objective(rows) == P95
    errors = replace(good, results=(good.results[0], replace(good.results[1], share=0.009)))
    found = nearest(errors)
    assert found is not None
    assert found.expression == ERRORS
    assert only_objective(trial_rows(capacity(trials=(good, errors)))) is None
    assert nearest(replace(good, results=())) is None
    at_limit = (replace(good.results[0], share=0.05), replace(good.results[1], share=0.01, is_broken=True))
    broken = nearest(replace(good, results=at_limit))
    assert broken is at_limit[1], "both are exactly at their limit, and that breaks only the strict one"


def test_reasons_are_told_in_the_part_on_the_search() -> None:
    """Each once: with what it adds to the sentence, and not where the other reasons stand."""
    late = Reason(Verdict.UNDECIDED, "it was interrupted")
    one = stressed(Recovery(None, False, 40.0))
    one = replace(one, reasons=(late, *one.reasons))
    assert other_reasons(one) == [late]
    assert one.search is not None
    assert [reason.verdict for reason in after_search(one, one.search)] == [Verdict.PASS, Verdict.FAIL]
    remedied = replace(one, reasons=(Reason(Verdict.INVALID, f"{one.reasons[1].text}; use more processes"),))
    assert finding(remedied, one.search).verdict is Verdict.INVALID
    assert finding(remedied, one.search).text.endswith("; use more processes")
    assert other_reasons(remedied) == []
    silent = searched(reasons=())
    assert silent.search is not None
    assert finding(silent, silent.search).text.startswith("it safely carries 399.5/s")
    assert after_search(silent, SearchReport(capacity())) == []


def test_recoveries() -> None:
    """With the ideal beside it; no number where there is none."""
    assert recovery_line(Recovery(14.0, True, 40.0, ideal_s=12.5)) == (
        "14 s after the overload (its queue alone: 12.5 s)"
    )
    assert recovery_line(Recovery(3.0, True, 40.0)) == "3 s after the overload"
    assert recovery_line(Recovery(None, False, 40.0)) == "not within 40 s"
    assert recovery_line(Recovery(None, None, 2.0)) == f"{UNKNOWN} (the run ended 2 s after the overload)"
