"""Locust's tables: its own headers, its own figures where it is as exact, and what read them goes on reading them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import locust.stats
import pytest
from tests.support.exported import EVERY_RUN
from tests.support.golden import assert_golden
from tests.support.runs import START_MS, failure, interval, make_run, manifest, series
from tests.support.shop import failing_run

from loadworthy.analysis.reading import read
from loadworthy.analysis.stats_csv import judge_stats, read_stats
from loadworthy.record.rundir import Run
from loadworthy.report.exports import Source, export
from loadworthy.report.locust_csv import (
    EXCEPTIONS_HEADER,
    FAILURES_HEADER,
    HISTORY_HEADER,
    PERCENTILES,
    STATS_HEADER,
    exceptions_table,
)

Rows = list[dict[str, str]]


def tables(run: Run, scenario: str = "load") -> dict[str, Rows]:
    """What follows the prefix → the rows."""
    files = export("locust-csv", Source(run, scenario=scenario))
    return {name: list(csv.DictReader(io.StringIO(content.decode(), newline=""))) for name, content in files.items()}


def test_the_headers_are_locusts(tmp_path: Path) -> None:
    """Of all four files, in its order."""
    writer = locust.stats.StatsCSVFileWriter(
        SimpleNamespace(stats=None, runner=None),  # type: ignore[arg-type]
        locust.stats.PERCENTILES_TO_REPORT,
        str(tmp_path / "locust"),
    )
    writer.close_files()
    assert list(STATS_HEADER) == writer.requests_csv_columns
    assert list(HISTORY_HEADER) == writer.stats_history_csv_columns
    assert list(FAILURES_HEADER) == writer.failures_columns
    assert list(EXCEPTIONS_HEADER) == writer.exceptions_columns
    assert list(PERCENTILES.values()) == locust.stats.PERCENTILES_TO_REPORT
    ours = export("locust-csv", Source(failing_run(tmp_path), scenario="load"))
    assert {f"locust{name}" for name in ours} == {path.name for path in tmp_path.glob("locust_*")}


def test_golden(tmp_path: Path) -> None:
    """Of a run with failures and exceptions, one scenario after the other."""
    files = export("locust-csv", Source(failing_run(tmp_path)))
    content = "".join(f"== {name}\n{text.decode()}" for name, text in files.items() if "endurance" not in name)
    assert_golden("locust_csv.txt", content.replace("\r\n", "\n"))


def test_the_figures_are_those_that_locust_has_of_the_same_requests(tmp_path: Path) -> None:
    """Counts, extremes and means alike; percentiles as near as its rounding to two digits lets them be."""
    times_us = [1000 * (20 + number) for number in range(4000)]
    entry = locust.stats.StatsEntry(locust.stats.RequestStats(), "/items", "GET")
    for time_us in times_us:
        entry.log(time_us / 1000, 0)  # type: ignore[arg-type]
    intervals = [
        interval(second, series("/items", times_us[second * 400 : (second + 1) * 400])) for second in range(10)
    ]
    run = make_run(tmp_path / "run", intervals)
    row, total = tables(run)["_stats.csv"]
    assert {**row, "Type": "", "Name": "Aggregated"} == total
    assert int(row["Request Count"]) == entry.num_requests
    assert float(row["Min Response Time"]) == entry.min_response_time
    assert float(row["Max Response Time"]) == float(row["100%"]) == entry.max_response_time
    assert float(row["Average Response Time"]) == pytest.approx(entry.avg_response_time)
    assert float(row["Median Response Time"]) == float(row["50%"])
    assert row["99.99%"] == "N/A"
    for column, fraction in PERCENTILES.items():
        if row[column] != "N/A":
            assert float(row[column]) == pytest.approx(entry.get_response_time_percentile(fraction), rel=0.05)
    assert float(row["Requests/s"]) == 400


def test_the_history_is_the_run_second_by_second(tmp_path: Path) -> None:
    """All since the start, and rates over the last ten seconds; a second without requests has its row."""
    intervals = [
        interval(second, *([series("/", [1000 * (second + 1)] * 30, failures={"status": 3})] if second != 4 else []))
        for second in range(20)
    ]
    for one in intervals:
        for each in one.series:
            each.content_bytes = 60
    rows = tables(make_run(tmp_path / "run", intervals))["_stats_history.csv"]
    assert [int(row["Timestamp"]) for row in rows] == [START_MS // 1000 + second + 1 for second in range(20)]
    assert {(row["Type"], row["Name"], row["User Count"]) for row in rows} == {("", "Aggregated", "10")}
    assert [int(row["Total Request Count"]) for row in rows[3:7]] == [120, 120, 150, 180]
    assert [float(row["Requests/s"]) for row in (rows[0], rows[4], rows[9], rows[19])] == [30.0, 24.0, 27.0, 30.0]
    assert float(rows[19]["Failures/s"]) == 3.0
    last = rows[-1]
    assert (last["Total Max Response Time"], last["Total Min Response Time"]) == ("20", "1")
    assert last["50%"] == last["Total Median Response Time"]
    assert float(last["Total Average Content Size"]) == 2
    assert (rows[0]["50%"], rows[0]["99%"]) == ("1", "N/A")


def test_a_failure_has_its_message_where_it_is_the_only_one(tmp_path: Path) -> None:
    """Else its kind and the messages; first and last seen are the seconds in which it happened."""
    broken = {"status": 2}
    run = make_run(
        tmp_path / "run",
        [
            interval(0, series("/b", [1], kind="POST")),
            interval(3, series("/b", [1] * 5, kind="POST", failures=broken), series("/a", [1] * 5, failures=broken)),
            interval(8, series("/b", [1] * 5, kind="POST", failures=broken), series("/c", [1], failures={"reset": 1})),
        ],
        failures=[failure("/a", "HTTP 500"), failure("/a", "HTTP 502"), failure("/b", "HTTP 418", kind="POST")],
    )
    rows = tables(run)["_failures.csv"]
    assert [tuple(row.values()) for row in rows] == [
        ("GET", "/a", "status: HTTP 500 | HTTP 502", "2", "2026-11-20T14:05:12Z", "2026-11-20T14:05:13Z"),
        ("POST", "/b", "HTTP 418", "4", "2026-11-20T14:05:12Z", "2026-11-20T14:05:18Z"),
        ("GET", "/c", "reset", "1", "2026-11-20T14:05:17Z", "2026-11-20T14:05:18Z"),
    ]


def test_series_are_in_locusts_order(tmp_path: Path) -> None:
    """By name, then by method; all together last."""
    parts = [series(name, [1000], kind=kind) for name, kind in (("/b", "GET"), ("/a", "POST"), ("/a", "GET"))]
    rows = tables(make_run(tmp_path / "run", [interval(0, *parts)]))["_stats.csv"]
    assert [(row["Type"], row["Name"]) for row in rows] == [
        ("GET", "/a"), ("POST", "/a"), ("GET", "/b"), ("", "Aggregated"),
    ]  # fmt: skip


def test_exceptions_are_added_up() -> None:
    """The traceback came with the first; those of another scenario are not ours, those of nobody are."""
    events: list[Mapping[str, Any]] = [
        {"type": "user_error", "scenario": "load", "message": "KeyError: 'id'", "count": 2, "traceback": "Trace\nback",
         "process": 2},
        {"type": "user_error", "scenario": "load", "message": "KeyError: 'id'", "count": 3, "process": 1},
        {"type": "user_error", "scenario": "other", "message": "KeyError: 'id'", "count": 9},
        {"type": "user_error", "message": "=evil()", "count": 1},
        {"type": "warning", "message": "no exception"},
    ]  # fmt: skip
    rows = list(csv.reader(io.StringIO(exceptions_table(events, "load"), newline="")))
    assert rows[1:] == [["5", "KeyError: 'id'", "Trace\nback", "process 1, process 2"], ["1", "'=evil()", "", "local"]]


def test_each_scenario_has_its_tables(tmp_path: Path) -> None:
    """Locust knows no scenarios; two whose names a file system takes for one are still two."""
    parts = [interval(0, series("/", [1] * number), scenario=name, number=number)
             for number, name in enumerate(("a/b", "A b"), 1)]  # fmt: skip
    run = make_run(tmp_path / "run", parts, run_json=manifest({"a/b": (), "A b": ()}))
    files = export("locust-csv", Source(run))
    assert [name for name in files if name.endswith("_stats.csv")] == ["_a-b_stats.csv", "_a-b-2_stats.csv"]
    assert [files[name].count(b"\r\n,Aggregated,2,") for name in ("_a-b_stats.csv", "_a-b-2_stats.csv")] == [0, 1]


@pytest.mark.parametrize("make", EVERY_RUN.values(), ids=list(EVERY_RUN))
def test_what_reads_locusts_tables_reads_these(make: Callable[[Path], Run], tmp_path: Path) -> None:
    """``loadworthy check`` takes them, and finds the counts of the run in them; no cell is a formula."""
    run = make(tmp_path)
    totals = read(run).totals.scenarios
    for name, scenario in Source(Run.open(run.path)).whole.scenarios.items():
        files = export("locust-csv", Source(Run.open(run.path), scenario=name))
        stats = read_stats(files["_stats.csv"].decode(), "x.csv")
        assert stats.is_locust
        total = stats.scenarios[""][-1]
        assert (total.requests, total.failures) == (scenario.figures.requests, scenario.figures.failures)
        expected = totals[name].total.response.max_us / 1000 if name in totals else 0
        assert total.times["response_time"]["max"] == expected
        (result,) = judge_stats(["error_rate < 1%"], stats.scenarios[""])
        assert result.verdict.value in ("pass", "fail", "undecided")
        for content in files.values():
            cells = [cell for row in csv.reader(io.StringIO(content.decode(), newline="")) for cell in row]
            assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
