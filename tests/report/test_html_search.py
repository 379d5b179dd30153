"""Searches and endurances in the HTML report: all that was found, escaped, without a script; the chart of trials."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from tests.report.searches import (
    CPU,
    ERRORS,
    LEAK,
    TRIALS,
    capacity,
    drift,
    enduring,
    scenario,
    searched,
    stressed,
    summary,
    threshold,
)
from tests.report.test_html import EVIL, outlined
from tests.support.runs import interval, series

from loadworthy.analysis.capacity import BreakingPoint
from loadworthy.analysis.endurance import DriftReport
from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.resources import MetricFigures, ResourceSeries
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.analysis.timeline import TimelineBuilder
from loadworthy.report.html import report_html
from loadworthy.report.plots import all_charts, plot_files
from loadworthy.report.search_chart import search_chart
from loadworthy.units import UNKNOWN
from loadworthy.workload.search import SearchResult

MEMORY = MetricFigures(1e8, 1.2e8, 1e8, 1.3e8, 1.1e8, 1.25e8, 1e8, 2e6)


def page_of(*scenarios: ScenarioSummary, resources: dict[str, ResourceSeries] | None = None) -> str:
    timeline = TimelineBuilder()
    for place, one in enumerate(scenarios):
        for second in range(3):
            timeline.add(interval(second, series(times_us=[1000] * 100), scenario=one.name, number=9 * place + second))
    return report_html(summary(*scenarios), timeline, {}, [], resources)


def section(page: str, heading: str) -> str:
    """The page from a heading to the next one."""
    return page.split(f"<h3>{heading}")[1].split("<h3>", maxsplit=1)[0]


def told(part: str) -> str:
    """Its text, with single spaces."""
    return " ".join(re.sub(r"<[^>]+>", " ", part).replace("&lt;", "<").split())


def test_a_search_is_shown_whole() -> None:
    """The finding, thresholds at the safe load, the trials, what breaks, overload and recovery, in that order."""
    page = page_of(stressed())
    outlined(page)
    assert "<script" not in page
    headings = re.findall(r"<h3>(.*?)(?: <small>.*?)?</h3>", page)
    assert headings == ["Thresholds", "Trials", "What breaks first", "Overload and recovery", "Over time", "Series"]
    assert page.count("It safely carries 399.5/s; the limit lies between 391.4/s and 442.0/s") == 1
    assert "at the safe load of 399.5/s (trial 10, 60 s)" in section(page, "Thresholds")
    trials = told(section(page, "Trials"))
    assert "9 bisect 415.0/s 20 s ✗ did not hold 9.09 % 5.00 % 8,300 0 0 530 530 583" in trials
    assert f"1 grow 10.0/s 3 s ✓ held 0.00 % 5.00 % 30 0 0 {UNKNOWN} {UNKNOWN} {UNKNOWN}" in trials
    breaks = told(section(page, "What breaks first"))
    assert "p95 < 500ms all together 415.0/s 9 9.09 %" in breaks
    assert "failures: timeout_read POST /orders 640.0/s 5 3.10 %" in breaks
    after = told(section(page, "Overload and recovery"))
    assert after.index("At 599.2/s, 1.5 times its capacity") < after.index("It recovered 14 s after the overload")
    assert "over all trials together" in section(page, "Series")


def test_figures_over_all_trials_are_no_tiles() -> None:
    """A p95 of loads of which half were meant to be too much says nothing."""
    tiles = told(page_of(searched()).split('<dl class="tiles">')[1].split("</dl>")[0])
    assert "Safe load 399.5/s The limit lies at 391.4/s to 442.0/s Trials 10" in tiles
    assert "p95" not in tiles
    assert "Throughput" not in tiles
    assert "p95" in told(page_of(scenario()).split('<dl class="tiles">')[1].split("</dl>")[0])


def test_a_recovery_that_did_not_come_stands_out() -> None:
    """In the colour of its verdict."""
    part = section(page_of(stressed(Recovery(None, False, 40.0))), "Overload and recovery")
    assert '<p class="note fail">It did not recover within 40 s' in part


def test_intervals_say_how_they_were_found() -> None:
    """By bootstrap, or as if requests were independent."""
    narrow = threshold("p99 < 900ms", interval="order statistics")
    part = told(section(page_of(scenario(thresholds=(threshold(), narrow))), "Thresholds"))
    assert "(95 % interval 17.2 to 21.0 ms, by bootstrap over windows of the run)" in part
    assert "(95 % interval 17.2 to 21.0 ms, as if requests were independent; wider in truth)" in part


def test_an_endurance_shows_its_drifts_and_the_trend() -> None:
    """Each metric with its evidence; the line over the readings, with its slope."""
    points = {LEAK.source or "": {"memory_bytes": [(float(at_s), 1e8 + at_s * 1e5) for at_s in range(300)]}}
    one = enduring(resources={LEAK.source or "": {"memory_bytes": MEMORY}})
    page = page_of(one, resources={"soak": ResourceSeries(300.0, points)})
    outlined(page)
    part = told(section(page, "Drift"))
    assert "memory_bytes process on port 8080 memory_bytes of process on port 8080 grew +58.9 MB" in part
    assert "+55.0 to +63.0 MB +24 % 3 h 20 min did not fall ✗ fail" in part
    assert "The throughput never became steady." in part
    charts = section(page, "Resources")
    assert charts.count('class="line trend"') == 1
    assert "trend, +58.9 MB per hour" in charts


def test_hostile_names_stay_text() -> None:
    """Of objectives, series, metrics and sources, and the generator's reasons."""
    evil_results = tuple(replace(one, expression=EVIL) for one in TRIALS[8].results)
    rows = (replace(TRIALS[8], results=evil_results, purpose=EVIL, by_generator=EVIL), *TRIALS[:2])
    points = (BreakingPoint(EVIL, 415.0, 12, EVIL, 0.5),)
    found = capacity(trials=rows, breaking_points=points, limited_by=EVIL)
    hostile = (
        searched(SearchReport(found)), enduring(DriftReport((drift(EVIL, source=EVIL, reason=EVIL),), 0.0, (EVIL,))),
    )  # fmt: skip
    page = page_of(*hostile)
    outline = outlined(page)
    assert "script" not in outline.tags
    assert "img" not in outline.tags
    assert not any(key.startswith("on") for key, _ in outline.attributes)
    assert outline.text.count(EVIL) >= 8


# The chart of the trials.


def chart_of(one: ScenarioSummary) -> Any:
    chart = search_chart(one)
    assert chart is not None
    return chart


def test_the_chart_has_a_mark_for_each_trial_that_can_be_drawn() -> None:
    """Held as circles, those that did not as diamonds; what is left out is named, and so is what there is to see."""
    chart = chart_of(searched())
    assert chart.svg.count('class="spot held') == 5
    assert chart.svg.count('class="spot broke') == 4
    assert chart.svg.count("chosen") == 1
    assert "Trial 9 (bisect): 415.0/s for 20 s, did not hold; p95 530 ms; 9.09 % bad by p95 &lt; 500ms" in chart.svg
    assert "safe load 399.5/s" in chart.svg
    assert ">p95 &lt; 500ms</text>" in chart.svg
    assert chart.title == "p95 of each trial"
    assert [line.label for line in chart.legend] == ["held", "did not hold", "the limit lies in here"]
    assert "the highest rate that was confirmed, in a trial of 60 s" in chart.note
    assert "the band, 391.4/s to 442.0/s" in chart.note
    assert chart.note.endswith("Not drawn, for want of requests: trial 1.")


def test_the_percentile_is_that_of_the_objective() -> None:
    """A limit on the p99 is compared with p99s."""
    chart = chart_of(searched(thresholds=(threshold("p99 < 900ms", limit=900.0),)))
    assert chart.title == "p99 of each trial"
    assert ">p99 &lt; 900ms</text>" in chart.svg


@pytest.mark.parametrize("cause", ["no limit on times", "too few requests"])
def test_without_times_the_share_of_bad_requests_is_drawn(cause: str) -> None:
    """Against what is allowed; every trial has one."""
    few = tuple(replace(one, figures=TRIALS[0].figures) for one in TRIALS)
    limits = (threshold(ERRORS, 0.0, metric="error_rate", is_percentile=False),)
    one = searched(thresholds=limits) if cause == "no limit on times" else searched(SearchReport(capacity(trials=few)))
    chart = chart_of(one)
    assert chart.title == "Bad requests in each trial"
    assert chart.unit.startswith("%")
    assert chart.svg.count('class="spot') == len(TRIALS)
    assert "allowed by p95 &lt; 500ms" in chart.svg
    assert "Not drawn" not in chart.note


def test_a_search_without_an_upper_end() -> None:
    """Blamed on the generator, or nothing was too much: the band is open, and the trial that says nothing is marked."""
    rows = (*TRIALS[:4], replace(TRIALS[4], by_generator=CPU))
    chart = chart_of(searched(SearchReport(capacity(trials=rows, result=SearchResult(320, 320, None, "generator")))))
    assert '<polygon class="spot unfit' in chart.svg
    assert "the generator was the limit" in [line.label for line in chart.legend]
    assert "the highest rate that held, in a trial of 3 s. The limit lies in the band, at least 320.0/s" in chart.note
    nothing = capacity(result=SearchResult(None, None, 10.0, "nothing_held"))
    assert 'class="band"' not in chart_of(searched(SearchReport(nothing))).svg


def test_no_search_no_chart() -> None:
    """Nor where nothing was tried."""
    assert search_chart(scenario()) is None
    assert search_chart(searched(SearchReport(capacity(trials=())))) is None


def test_the_chart_is_a_plot_of_its_own() -> None:
    """The first of the scenario's, with the colours of its marks."""
    charts = all_charts(searched(), TimelineBuilder(), None)
    files = plot_files("find", "run", charts)
    assert next(iter(files)) == "find-p95-of-each-trial.svg"
    plot = files["find-p95-of-each-trial.svg"]
    for style in ("held", "broke", "band", "safe"):
        assert f".{style}" in plot
