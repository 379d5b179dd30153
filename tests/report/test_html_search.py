"""Searches and endurances in the HTML report: all that was found, and escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from tests.report.searches import (
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
from tests.support.pages import EVIL, PRODUCT, assert_ours_alone, groups_of, outlined, page_data, section, told
from tests.support.runs import interval, make_run, series

from loadworthy.analysis.capacity import BreakingPoint
from loadworthy.analysis.endurance import DriftReport
from loadworthy.analysis.reading import read
from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.resources import MetricFigures, ResourceSeries
from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.report.html import report_html
from loadworthy.report.scenario_figures import scenario_groups
from loadworthy.units import UNKNOWN

MEMORY = MetricFigures(1e8, 1.2e8, 1e8, 1.3e8, 1.1e8, 1.25e8, 1e8, 2e6)
PageOf = Callable[..., str]


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> PageOf:
    """The page of scenarios that were judged already; each had three seconds."""

    def make(*scenarios: ScenarioSummary, resources: Mapping[str, ResourceSeries] | None = None) -> str:
        intervals = [
            interval(second, series(times_us=[1000] * 100), scenario=one.name, number=9 * place + second)
            for place, one in enumerate(scenarios)
            for second in range(3)
        ]
        run = make_run(tmp_path_factory.mktemp("searches") / "run", intervals)
        shown = summary(*scenarios)
        return report_html(shown, {}, [], scenario_groups(shown, read(run), [], resources))

    return make


@pytest.fixture(scope="module")
def found(page_of: PageOf) -> str:
    """The page of a search that found a capacity."""
    return page_of(searched())


@pytest.fixture(scope="module")
def overloaded(page_of: PageOf) -> str:
    """The page of one that then asked for more."""
    return page_of(stressed())


def without_figures(one: ScenarioSummary) -> str:
    """The page of a scenario, its words alone: figures take time."""
    return report_html(summary(one), {}, [], {})


def test_a_search_is_shown_whole(overloaded: str) -> None:
    """The finding, thresholds at the safe load, the trials, what breaks, overload and recovery, in that order."""
    page = overloaded
    assert_ours_alone(page)
    headings = [re.sub(r" <small>.*", "", one) for one in re.findall(r"<h3[^>]*>(.*?)</h3>", page)]
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


def test_the_figure_of_the_trials_stands_with_them(found: str) -> None:
    """What all trials together would show of response times means nothing, and is left out."""
    assert 'id="s1-trials"' in section(found, "Trials")
    assert "safe load 399.5/s</text>" in section(found, "Trials")
    assert not {"distribution", "heat-map"} & set(groups_of(found)["s1"])
    assert "How response times are spread" not in found


def test_overload_and_recovery_are_marked(overloaded: str) -> None:
    """On the time axis, and in the list of what happened."""
    words = page_data(overloaded)["groups"][0]["data"]["marks"]["words"]
    assert words == ["overload: 599.2/s, 1.5 times the capacity", "recovered, 14 s after the overload"]
    assert "recovered, 14 s after the overload" in section(overloaded, "Over time")


def test_figures_over_all_trials_are_no_tiles(found: str) -> None:
    """A p95 of loads of which half were meant to be too much says nothing."""
    tiles = told(found.split('<dl class="tiles">')[1].split("</dl>", maxsplit=1)[0])
    assert "Safe load 399.5/s The limit lies at 391.4/s to 442.0/s Trials 10" in tiles
    assert "p95" not in tiles
    assert "Throughput" not in tiles
    assert "p95" in told(without_figures(scenario()).split('<dl class="tiles">')[1].split("</dl>")[0])


def test_a_recovery_that_did_not_come_stands_out() -> None:
    """In the colour of its verdict."""
    part = section(without_figures(stressed(Recovery(None, False, 40.0))), "Overload and recovery")
    assert '<p class="note fail">It did not recover within 40 s' in part


def test_intervals_say_how_they_were_found() -> None:
    """By bootstrap, or as if requests were independent."""
    narrow = threshold("p99 < 900ms", interval="order statistics")
    part = told(section(without_figures(scenario(thresholds=(threshold(), narrow))), "Thresholds"))
    assert "(95 % interval by bootstrap over windows of the run)" in part
    assert "(95 % interval as if requests were independent; wider in truth)" in part
    assert part.count("17.2 to 21.0 ms") == 2


def test_a_gauge_never_leaves_its_track() -> None:
    """Whatever was observed, bar and mark lie within it; the same is said in words beside it."""
    limits = [threshold(observed=observed, limit=limit) for observed, limit in ((0.0, 5.0), (4.9, 5.0), (1e9, 5.0))]
    page = without_figures(scenario(thresholds=tuple(limits)))
    lengths = [float(one) for one in re.findall(r'<[ib] style="(?:width|left):([\d.]+)%"', page)]
    assert len(lengths) == 6
    assert all(0 <= one <= 100 for one in lengths)
    assert page.count('aria-hidden="true"><i style=') == 3


def test_an_endurance_shows_its_drifts_and_the_trend(page_of: PageOf) -> None:
    """Each metric with its evidence; the line over the readings, with its slope."""
    points = {LEAK.source or "": {"memory_bytes": [(float(at_s), 1e8 + at_s * 1e5) for at_s in range(300)]}}
    one = enduring(resources={LEAK.source or "": {"memory_bytes": MEMORY}})
    page = page_of(one, resources={"soak": ResourceSeries(300.0, points)})
    assert_ours_alone(page)
    part = told(section(page, "Drift"))
    assert "memory_bytes process on port 8080 memory_bytes of process on port 8080 grew +58.9 MB" in part
    assert "+55.0 to +63.0 MB +24 % 3 h 20 min did not fall ✗ fail" in part
    assert "The throughput never became steady." in part
    assert "trend, +58.9 MB per hour" in told(section(page, "Resources"))
    reading = groups_of(page)["s1"]["reading-1"]
    assert reading["data"]["trend"]["at_ms"] == [60_000, 300_000]
    assert "trend, " in told(section(page, "Over time")), "of the p95"


def test_hostile_names_stay_text(page_of: PageOf) -> None:
    """Of objectives, series, metrics and sources, and the generator's reasons."""
    evil_results = tuple(replace(one, expression=EVIL) for one in TRIALS[8].results)
    rows = (replace(TRIALS[8], results=evil_results, purpose=EVIL, by_generator=EVIL), *TRIALS[:2])
    points = (BreakingPoint(EVIL, 415.0, 12, EVIL, 0.5),)
    report = capacity(trials=rows, breaking_points=points, limited_by=EVIL)
    hostile = (
        searched(SearchReport(report)), enduring(DriftReport((drift(EVIL, source=EVIL, reason=EVIL),), 0.0, (EVIL,))),
    )  # fmt: skip
    page = page_of(*hostile)
    assert_ours_alone(page)
    assert outlined(page).text.count(EVIL) >= 8
    assert PRODUCT not in page
    assert f"Trial 1 ({EVIL})" in groups_of(page)["s1"]["trials"]["data"]["trials"]["words"][0]


def test_a_search_that_tried_nothing(page_of: PageOf) -> None:
    """Its page is without trials, and without words of them."""
    page = page_of(searched(SearchReport(capacity(trials=(), breaking_points=()))))
    assert_ours_alone(page)
    assert "trials" not in groups_of(page)["s1"]
    assert "<h3>Trials" not in page
    assert "What breaks first" not in page
