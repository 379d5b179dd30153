"""Charts as files: documents that stand by themselves, under names that any file system takes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.support.runs import START_MS, ended, interval, make_run, manifest, series, started
from tests.support.shop import clean_run

from loadworthy.analysis.reading import read
from loadworthy.analysis.resources import ResourceSeries
from loadworthy.analysis.summarize import summarize
from loadworthy.report.charts import Chart, Line
from loadworthy.report.plots import all_charts, error_chart, plot_files, standalone_svg, unique_names
from loadworthy.report.scenario_charts import drawn

SVG = "{http://www.w3.org/2000/svg}"


def test_a_plot_is_a_document_of_its_own() -> None:
    """Well-formed XML with a size, a title, a legend and the drawing below them; nothing refers to elsewhere."""
    lines = [Line("p50", "p50", [(0, 1.0), (1, 2.0)]), Line("p95", "p95", [(0, 3.0), (1, 4.0)])]
    text = standalone_svg(drawn(Chart("Response time", "ms", lines, 2.0, height=240)), "load", "2026-run")
    root = ET.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert root.get("height") == "288"
    inner = root.find(f"{SVG}svg")
    assert inner is not None
    assert (inner.get("y"), inner.get("height"), inner.get("width")) == ("48", "240", "960")
    told = [element.text for element in root.iter(f"{SVG}text")]
    assert told[:2] == ["load: Response time (ms)", "2026-run"]
    assert {"p50", "p95"} <= set(told)
    assert text.count("http") == 1, "the namespace"


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_hostile_names_stay_text(title: str, scenario: str, label: str) -> None:
    """Whatever a scenario or a metric is called, the plot is well-formed (but for characters that XML has not)."""
    clean = [
        "".join(char for char in text if char.isprintable() and ord(char) < 0xD800) + "<&\"'>]]>"
        for text in (title, scenario, label)
    ]
    chart = drawn(Chart(clean[0], "", [Line(clean[2], "users", [(0, 1.0)])], 1.0))
    ET.fromstring(standalone_svg(chart, clean[1], clean[1]))


@given(st.lists(st.text(max_size=120), max_size=12))
def test_file_names_are_unique_and_plain(texts: list[str]) -> None:
    """Small letters, digits and dashes, one name for each text."""
    names = unique_names(texts)
    assert len(set(names)) == len(texts)
    for name in names:
        assert name
        assert all(char in "abcdefghijklmnopqrstuvwxyz0123456789-" for char in name)
        assert len(name) < 100


def test_a_monitors_address_is_not_in_the_name() -> None:
    """What is left is the kind of source and the metric."""
    chart = drawn(Chart("prometheus http://127.0.0.1:80/metrics: db_pool_size", "", [], 1.0))
    assert list(plot_files("load", "run", [chart])) == ["load-prometheus-db-pool-size.svg"]


def test_a_scenario_has_its_charts_and_those_of_the_targets_readings(tmp_path: Path) -> None:
    """Throughput, response time, errors and users; readings of the generator are left to the run's own report."""
    run = clean_run(tmp_path)
    reading = read(run)
    scenario = next(iter(summarize(run, reading).scenarios.values()))
    points = {"generator": {"cpu": [(0.0, 0.1), (1.0, 0.2)]}, "process": {"threads": [(0.0, 3.0), (1.0, 4.0)]}}
    charts = all_charts(scenario, reading.timeline, ResourceSeries(scenario.duration_s, points))
    assert [chart.title for chart in charts] == [
        "Throughput", "Response time", "Error rate", "Users", "process: threads",
    ]  # fmt: skip
    assert all_charts(replace(scenario, ran=False), reading.timeline, None) == []


def test_the_error_rate_is_in_percent_of_each_step(tmp_path: Path) -> None:
    """A second with one failure in four is 25 %; one without requests is a gap."""
    times = [1000] * 4
    run = make_run(
        tmp_path,
        [interval(0, series(times_us=times)), interval(1, series(times_us=times, failures={"status": 1})), interval(2)],
        events=[started(), {**ended(at_s=3), "at_ms": START_MS + 3000}],
        run_json=manifest(ended_at_s=3, planned_s=3),
    )
    reading = read(run)
    chart = error_chart(summarize(run, reading).scenarios["load"], reading.timeline)
    ((line,), unit) = ([one for one in chart.svg.splitlines() if "polyline" in one], chart.unit)
    assert unit == "%"
    assert ">25<" in chart.svg, "the axis goes to 25"
    assert line.count(",") == 2, "two points, none for the second without requests"
