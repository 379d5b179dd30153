"""The trend over several runs where scenarios looked for their own load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.report.searches import capacity, enduring, searched, summary
from tests.report.test_several import one_run

from loadworthy.analysis.arrivals import NO_ARRIVALS
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.summary import CLOSED, ScenarioSummary
from loadworthy.report.several import read_several, several_html
from loadworthy.report.several_trend import trend_rows
from loadworthy.workload.search import SearchResult


def found(rate: float | None) -> ScenarioSummary:
    report = capacity(result=SearchResult(rate, rate, None if rate is None else rate * 1.1, "found"))
    trials = tuple(one if rate is None or one.number != 14 else replace(one, rate=rate) for one in report.trials)
    return searched(SearchReport(replace(report, trials=trials)))


def data(*scenarios: ScenarioSummary) -> Any:
    return summary(*scenarios).to_json()


def test_the_figures_are_those_at_the_safe_load(tmp_path: Path) -> None:
    """Not those of all trials; the change is that of the safe load, for times at other loads cannot be compared."""
    runs = [(tmp_path / "1", data(found(400.0))), (tmp_path / "2", data(found(440.0)))]
    newest, oldest = trend_rows(runs)
    assert (newest.run, newest.capacity, newest.p95_ms, newest.throughput) == ("2", 440.0, 18.4, 399.4)
    assert newest.capacity_change == pytest.approx(0.1)
    assert newest.p95_change is None
    assert oldest.capacity_change is None


def test_a_search_that_found_nothing_has_no_figures(tmp_path: Path) -> None:
    """And is nothing that a later one is compared with; nor is a run of the same name that did not search."""
    plain = replace(enduring(), name="find", workload=CLOSED, arrivals=NO_ARRIVALS)
    order = (("1", plain), ("2", found(None)), ("3", found(400.0)), ("4", plain))
    fourth, third, second, first = trend_rows([(tmp_path / name, data(one)) for name, one in order])
    assert (second.capacity, second.p95_ms, second.throughput, second.error_rate) == (None, None, None, None)
    assert (third.capacity_change, third.p95_change) == (None, None)
    assert (first.p95_ms, fourth.p95_ms, fourth.p95_change) == (610.0, 610.0, None)


def test_the_page_shows_the_safe_load(tmp_path: Path) -> None:
    """In the overview, beside the thresholds, and in the trend."""
    one_run(tmp_path, "1", day=1)
    report = read_several(tmp_path)
    one = replace(report.scenarios[0], summary=found(400.0))
    page = several_html(
        replace(report, scenarios=(one,), trend=tuple(trend_rows([(tmp_path / "1", data(found(400.0)))])))
    )
    assert "399.4 <small>at its safe load</small></td>" in page
    assert "at the safe load of 400.0/s" in page
    assert '<td class="n">400.0/s</td>' in page
    nothing = several_html(replace(report, scenarios=(replace(one, summary=found(None)),)))
    assert "safe load</small>" not in nothing
