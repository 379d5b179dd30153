"""The Parquet table, read back by pyarrow: a row for each series in each interval, nothing lost or counted twice."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from tests.support.exported import EVERY_RUN
from tests.support.runs import START_MS, interval, make_run, open_run, part, series
from tests.support.shop import failing_run

from loadworthy.analysis.reading import read
from loadworthy.record.histogram import Histogram
from loadworthy.record.rundir import Run
from loadworthy.report import parquet
from loadworthy.report.exports import Source, export
from loadworthy.report.parquet import parquet_bytes, parquet_schema

Row = dict[str, Any]


def rows_of(content: bytes) -> list[Row]:
    rows: list[Row] = pq.read_table(io.BytesIO(content)).to_pylist()
    return rows


@pytest.mark.parametrize("make", EVERY_RUN.values(), ids=list(EVERY_RUN))
def test_the_rows_add_up_to_the_run(make: Callable[[Path], Run], tmp_path: Path) -> None:
    """Counts, and the histograms bin by bin; each interval is there, also one in which nothing was done."""
    run = make(tmp_path)
    rows = rows_of(export("parquet", Source(run))["intervals.parquet"])
    run = Run.open(run.path)
    for name, scenario in read(run).totals.scenarios.items():
        mine = [row for row in rows if row["scenario"] == name]
        assert len({(row["process"], row["number"]) for row in mine}) == scenario.intervals
        total = scenario.total
        for key in ("requests", "failures", "sent_bytes", "received_bytes", "content_bytes"):
            assert sum(row[key] for row in mine) == getattr(total, key)
        for which in ("response", "service"):
            packed = [row[f"{which}_histogram"] for row in mine if row[f"{which}_histogram"] is not None]
            assert Histogram.merged(map(Histogram.from_bytes, packed)) == getattr(total, which)
        kinds: dict[str, int] = {}
        for kind, count in (item for row in mine for item in row["failure_kinds"]):
            kinds[kind] = kinds.get(kind, 0) + count
        assert kinds == total.failure_kinds


def test_a_row_is_its_interval_and_its_series() -> None:
    """With times in ms, and null where too few requests were made to name a percentile."""
    one = replace(
        interval(
            3, series("/a", [2000] * 100, failures={"reset": 2}, statuses={200: 98}, service_us=[1000] * 100),
            series("/b", [5000], kind="POST"), process=4, number=17, users=9, scheduled=101, sent=101,
            duration_ms=900,
        ),
        segment=2, stopping=True,
    )  # fmt: skip
    first, second = rows_of(parquet_bytes([one]))
    expected = {
        "scenario": "load", "process": 4, "number": 17, "duration_ms": 900, "users": 9, "scheduled": 101,
        "stopping": True, "segment": 2, "kind": "GET", "name": "/a", "requests": 100, "failures": 2,
        "status_codes": [("200", 98)], "failure_kinds": [("reset", 2)], "response_mean_ms": 2.0,
        "service_mean_ms": 1.0, "response_p50_ms": 2.0, "response_p95_ms": 2.0, "response_p99_ms": None,
        "response_max_ms": 2.0,
    }  # fmt: skip
    assert {key: first[key] for key in expected} == expected
    assert first["start"] == datetime.fromtimestamp(START_MS / 1000 + 3, UTC)
    assert (second["kind"], second["name"], second["requests"], second["users"]) == ("POST", "/b", 1, 9)
    assert second["response_p50_ms"] is None


def test_an_interval_without_requests_has_a_row_without_a_series() -> None:
    """So that its users are not lost; its times are unknown."""
    (row,) = rows_of(parquet_bytes([interval(0, part("connect", "a", [5]), users=7)]))
    assert (row["kind"], row["name"], row["requests"], row["users"]) == (None, None, 0, 7)
    assert (row["response_histogram"], row["response_mean_ms"], row["service_max_ms"]) == (None, None, None)


def test_parts_are_no_rows(tmp_path: Path) -> None:
    """Who adds up the rows of a scenario must not count a request twice."""
    rows = rows_of(export("parquet", Source(open_run(tmp_path)))["intervals.parquet"])
    assert {(row["scenario"], row["kind"], row["name"]) for row in rows} == {
        ("orders", "GET", "/items"), ("browse", "GET", "/")
    }  # fmt: skip


def test_large_tables_come_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which are one table for a reader; no row is lost between them."""
    monkeypatch.setattr(parquet, "ROWS_IN_A_GROUP", 4)
    content = parquet_bytes(interval(second, series("/", [1000])) for second in range(10))
    assert pq.ParquetFile(io.BytesIO(content)).num_row_groups == 3
    assert [row["number"] for row in rows_of(content)] == list(range(10))


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    """The version of the columns and the run's name; a run without intervals has the columns all the same."""
    content = export("parquet", Source(make_run(tmp_path / "run")))["intervals.parquet"]
    table = pq.read_table(io.BytesIO(content))
    assert table.schema.metadata == {b"loadworthy.schema": b"1", b"loadworthy.run": b"run"}
    assert table.schema.remove_metadata().equals(parquet_schema())


def test_every_column_is_documented(tmp_path: Path) -> None:
    """In the module's table and in the guide, each by its name or the pattern that it belongs to."""
    guide = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    for text in (parquet.__doc__ or "", guide.split("## Parquet")[1].split("\n## ")[0]):
        for column in parquet_schema().names:
            pattern = re.sub(r"^(response|service)_\w+_ms$", r"\1_X_ms", column)
            assert re.search(rf"\b{pattern}\b", text), column


def test_shared_times_are_written_twice(tmp_path: Path) -> None:
    """Where each request was sent when it was due, its service time is its response time."""
    rows = rows_of(export("parquet", Source(failing_run(tmp_path)))["intervals.parquet"])
    items = [row for row in rows if row["name"] == "/items"]
    assert all(row["service_histogram"] == row["response_histogram"] for row in items)
    assert all(row["service_p50_ms"] == row["response_p50_ms"] for row in items)
