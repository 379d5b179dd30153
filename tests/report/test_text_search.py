"""Searches and endurances in the closing view, against goldens and for what each part says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.report.searches import (
    CPU,
    DRIFTS,
    TRIALS,
    capacity,
    drift,
    enduring,
    scenario,
    searched,
    stressed,
    summary,
    trial,
)
from tests.support.golden import assert_golden

from loadworthy.analysis.capacity import BreakingPoint
from loadworthy.analysis.endurance import DriftReport
from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.summary import Reason, ScenarioSummary
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.text import render_text
from loadworthy.workload.search import SearchResult


def lines_of(one: ScenarioSummary, width: int = 100) -> list[str]:
    """The view from the scenario's name on, with single spaces."""
    lines = [" ".join(line.split()) for line in render_text(summary(one), width).splitlines()]
    return lines[next(place for place, line in enumerate(lines) if line[2:].startswith(f"{one.name} ")) :]


@pytest.mark.parametrize("width", [100, 80, 60, 40])
def test_golden(width: int) -> None:
    """A stress that searched and an endurance that leaks, at all widths."""
    text = render_text(summary(stressed(), enduring()), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert_golden(f"text_search_{width}.txt", text)


def test_the_order_of_a_search() -> None:
    """The finding, thresholds at the safe load, the trials, breaking points, overload and recovery, series."""
    lines = lines_of(stressed())
    parts = [
        "It safely carries 399.5/s", "Thresholds at the safe load of 399.5/s (trial 10, 60 s):", "✓ 1 grow 10.0/s",
        "✓ 10 confirm 399.5/s", "breaks first", "At 599.2/s", "It recovered 14 s", "Over all trials together",
        "series requests",
    ]  # fmt: skip
    places = [next(n for n, line in enumerate(lines) if line.startswith(part)) for part in parts]
    assert places == sorted(places)
    assert sum(line.startswith(("It safely carries", "it safely carries")) for line in lines) == 1


def test_a_finding_keeps_its_remedy_and_other_reasons_their_place() -> None:
    """A reason that begins with the sentence is shown whole, once."""
    one = searched()
    found, late = one.reasons[0].text, "it was interrupted"
    reasons = (Reason(Verdict.UNDECIDED, f"{found}; give it more time"), Reason(Verdict.UNDECIDED, late))
    lines = lines_of(replace(one, reasons=reasons), 200)
    assert lines[2].startswith("It safely carries")
    assert "give it more time" in " ".join(lines[2:4])
    assert late in lines


def test_a_trial_that_says_nothing_is_marked_and_explained() -> None:
    """The generator was the limit, and why."""
    blamed = replace(TRIALS[4], by_generator=CPU)
    report = SearchReport(capacity(trials=(*TRIALS[:4], blamed), result=SearchResult(320, 320, None, "generator")))
    lines = lines_of(searched(report))
    assert any(line.startswith("! 5 grow 640.0/s") for line in lines)
    assert f"Trial 5: the generator was the limit, for {CPU}." in lines


def test_objectives_that_differ_are_named_in_each_row() -> None:
    """A header cannot name both."""
    by_errors = tuple(
        replace(one, share=0.5 if one.allowed == 0.01 else 0.0, is_broken=one.allowed == 0.01)
        for one in TRIALS[0].results
    )
    mixed = replace(TRIALS[0], results=by_errors, is_bad=True)
    lines = lines_of(searched(SearchReport(capacity(trials=(*TRIALS[1:3], mixed)))), 80)
    assert any(line.endswith("50.00 % 1.00 % error_rate < 1%") for line in lines)
    assert not any("allowed by p95" in line for line in lines)


def test_a_search_that_found_nothing() -> None:
    """No load is made up, and nothing breaks for want of trials."""
    nothing = capacity(result=SearchResult(None, None, 10.0, "nothing_held"), trials=(), breaking_points=())
    lines = lines_of(searched(SearchReport(nothing)))
    assert "Thresholds at no load, for none that was tried held:" in lines
    assert not any(line.startswith(("trial rate", "breaks first")) for line in lines)


def test_large_numbers_fit_into_80_columns() -> None:
    """Six digits of rates, and objectives with long names."""
    points = (BreakingPoint("checkout service_time_p99.9 < 250ms", 123_456.7, 3, "GET /a/rather/long/name", 0.5),)
    rows = tuple(trial(n, "confirm", 123_456.7, 3600.0, 12_345.0, 0.9) for n in range(1, 4))
    report = SearchReport(capacity(trials=rows, breaking_points=points))
    text = render_text(summary(searched(report)), 80)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "…" not in text
    for part in ("123,456.7/s", "12,345", "90.00 %", "50.00 %"):
        assert part in text


def test_a_recovery_that_did_not_come_is_told_where_the_overload_is() -> None:
    """Not among the reasons at the top as well."""
    never = Recovery(None, False, 40.0)
    lines = lines_of(stressed(never))
    at = next(n for n, line in enumerate(lines) if line.startswith("It did not recover within 40 s"))
    assert at > lines.index(next(line for line in lines if line.startswith("breaks first")))
    assert not any(line.startswith("it did not recover") for line in lines)


def test_the_drift_of_each_metric() -> None:
    """Slope with interval, change, and when the limit is reached; what nobody could judge is said below."""
    lines = lines_of(enduring())
    assert "✗ memory_bytes +58.9 MB +55.0 to +63.0 MB +24 % 3 h 20 min" in lines
    assert "✓ error_rate -0.10 pts -0.20 to 0.00 pts -0.05 pts" in lines
    assert "? threads +4 -1 to +9 +2" in lines
    assert "The first 60 s were left out." in lines
    assert "The throughput never became steady." in lines
    without = lines_of(enduring(DriftReport((replace(DRIFTS.metrics[3]),))))
    assert not any("limit in" in line for line in without)


def test_a_drift_that_could_not_be_judged_is_said_once() -> None:
    """As the reason, and not as a remark below an empty table as well."""
    report = DriftReport((), 0.0, ("no drift was judged: that takes two minutes",))
    one = scenario("soak", kind="endurance", drift=report)
    unknown = Reason(Verdict.UNDECIDED, f"whether the service decays is not known: {report.remarks[0]}")
    text = render_text(summary(replace(one, reasons=(unknown,))), 200)
    assert text.count("that takes two minutes") == 2, "in the run's reasons and in the scenario's"
    assert "No drift was judged: that takes two minutes." in lines_of(one)


def test_names_of_metrics_cannot_steer_the_terminal() -> None:
    """Monitors read names from the target."""
    evil = drift("\x1b[2J[red]m", source="\x07[bold]s")
    text = render_text(summary(enduring(DriftReport((evil,), remarks=("\x1b[1m",)))), 100)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]m" in text
