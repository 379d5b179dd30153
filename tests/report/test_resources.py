"""How stages and readings of monitors look in the reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.pages import EVIL, assert_ours_alone, groups_of, outlined, report_page
from tests.support.runs import START_MS, ended, interval, make_run, manifest, series, started

from loadworthy.analysis.reading import read
from loadworthy.analysis.resources import resource_series
from loadworthy.analysis.summarize import summarize, timeline
from loadworthy.analysis.thresholds import UNKNOWN
from loadworthy.record.rundir import Run
from loadworthy.report.report_json import report_json
from loadworthy.report.resources import resource_slope, resource_value, target_first
from loadworthy.report.text import render_text


def watched_run(path: Path) -> Run:
    """A spike in three stages, in whose second the service is slow, with a monitor and a hostile one."""
    intervals = [
        interval(second, series("/items", [700_000 if 40 <= second < 84 else 20_000] * 100), users=10)
        for second in range(120)
    ]
    stages = [
        {"at_ms": START_MS + at_s * 1000, "type": "stage", "scenario": "load", "index": index, "users": users}
        for index, (at_s, users) in enumerate([(0, 10), (40, 50), (80, 10)])
    ]
    run_json = manifest({"load": ["p95 < 500ms", "requests_per_user_minute < 120"]}, planned_s=120.0, ended_at_s=120.0)
    spec = run_json["plan"]["scenarios"]["load"]
    spec |= {"kind": "spike", "stages": [{"duration": "40s", "users": users} for users in (10, 50, 10)]}
    resources = [
        {
            "at_ms": START_MS + second * 1000,
            "source": "process on port 8080",
            "values": {"cpu": 0.5 + second % 7 / 10, "memory_bytes": 1e8 + second * 1e5, "threads": 4.0},
        }
        for second in range(121)
    ]
    resources += [
        {"at_ms": START_MS + second * 1000, "source": EVIL, "values": {f"m{EVIL}": float(second)}}
        for second in range(3)
    ]
    events = [started(planned_s=120.0), *stages, ended(at_s=120)]
    return make_run(path / "run", intervals, events=events, resources=resources, run_json=run_json)


def data_of(run: Run) -> Any:
    """``report.json``."""
    reading = read(run)
    summary = summarize(run, reading)
    resources = resource_series(run.resources, reading.totals.scenarios)
    return json.loads(report_json(summary, timeline(run, reading), run.manifest, run.failures, resources))


def test_the_target_comes_before_the_generator() -> None:
    """Whatever was read first: who looks for the cause looks there."""
    assert list(target_first({"generator": 1, "process": 2, "prometheus": 3})) == ["process", "prometheus", "generator"]


def test_the_closing_view_has_stages_and_what_changed(tmp_path: Path) -> None:
    """A table of stages with what follows from it, and the metrics that moved; the others are counted."""
    text = render_text(summarize(watched_run(tmp_path)))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "2 50 40 s 80 s 4,000 0 100.0 700" in lines
    assert "Up to 100.0/s in a stage in which the thresholds held." in lines
    assert "p95 < 500ms broke first in stage 2, 50 users, which began 40 s after the start." in lines
    assert any(line.startswith("It recovered ") and "after the overload" in line for line in lines)
    assert "memory_bytes 106.0 MB 112.0 MB 100.5 MB +360.0 MB" in lines
    assert "and 1 more, in the report" in lines
    assert not any(line.startswith("threads") for line in lines)
    assert any("requests_per_user_minute < 120 600.0" in line for line in lines)


def test_a_run_without_either_shows_neither(tmp_path: Path) -> None:
    """No empty tables."""
    run = make_run(tmp_path / "run", [interval(0, series(times_us=[1000] * 9))])
    page, text = report_page(run), render_text(summarize(Run.open(run.path)))
    assert "stage" not in text
    assert "resource" not in text
    assert "requests_per_user_minute" not in text + page
    assert "<h3>Stages" not in page
    assert "<h3>Resources" not in page
    assert "resources" not in data_of(Run.open(run.path))["scenarios"]["load"]


def test_the_html_report_has_charts_and_tables_and_runs_nothing(tmp_path: Path) -> None:
    """Names from the target are shown as they are, not obeyed."""
    page = report_page(watched_run(tmp_path))
    assert_ours_alone(page)
    assert EVIL in outlined(page).text
    assert "<h3>Stages</h3>" in page
    assert "<h3>Resources</h3>" in page
    titles = [figure["title"] for figure in groups_of(page)["s1"].values()]
    assert "process on port 8080: memory_bytes" in titles
    assert "process on port 8080: threads" not in titles
    assert f"{EVIL}: m{EVIL}" in titles
    assert "112.0 MB" in page
    assert "+360.0 MB" in page


def test_report_json_holds_the_series(tmp_path: Path) -> None:
    """Every reading, in seconds since the scenario's start."""
    report = data_of(watched_run(tmp_path))
    points = report["scenarios"]["load"]["resources"]["process on port 8080"]["memory_bytes"]
    assert len(points) == 121
    assert points[7] == [7.0, 1e8 + 7e5]
    assert report["summary"]["scenarios"]["load"]["stages"][1]["users"] == 50


@pytest.mark.parametrize(
    ("value", "metric", "shown"),
    [
        (83_200_000.0, "memory_bytes", "83.2 MB"),
        (83_200_000.0, 'process_resident_memory_bytes{a="b_c"}', "83.2 MB"),
        (1500.0, "rate(sent_bytes_total)", "1.5 kB/s"),
        (187.25, 'rate(http_requests_total{a="_bytes"})', "187/s"),
        (0.31234, "cpu", "0.312"),
        (12.0, "threads", "12"),
        (12345.6, "x", "12,346"),
        (-2_000_000.0, "memory_bytes", "-2.0 MB"),
        (None, "cpu", UNKNOWN),
    ],
)
def test_a_reading_has_the_unit_of_its_name(value: float | None, metric: str, shown: str) -> None:
    """As Prometheus' conventions have it: the name ends in its unit."""
    assert resource_value(value, metric) == shown


def test_a_slope_has_a_sign() -> None:
    """Growth and decline are told apart at once."""
    assert [resource_slope(value, "memory_bytes") for value in (2e6, -2e6, 0.0, None)] == [
        "+2.0 MB", "-2.0 MB", "0 B", UNKNOWN,
    ]  # fmt: skip
