"""``stats.csv``: a golden, the documented header, and cells that spreadsheets leave alone."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tests.report.searches import enduring, searched, summary
from tests.support.golden import assert_golden
from tests.support.runs import interval, make_run, open_run, series
from tests.support.shop import failing_run

from loadworthy.analysis.summarize import summarize
from loadworthy.report import tables
from loadworthy.report.tables import HEADER, TRIALS_HEADER, stats_csv, trials_csv


def test_golden(tmp_path: Path) -> None:
    """A row for each series and one for each scenario."""
    assert_golden("stats.csv", stats_csv(summarize(failing_run(tmp_path))))


def test_rows_say_what_the_summary_says(tmp_path: Path) -> None:
    """Every cell is the summary's figure; an unknown one is empty."""
    summary = summarize(failing_run(tmp_path))
    rows = list(csv.DictReader(io.StringIO(stats_csv(summary))))
    assert len(rows) == sum(len(scenario.series) + 1 for scenario in summary.scenarios.values())
    first, figures = rows[0], next(iter(summary.scenarios["load"].series.values()))
    assert (first["scenario"], first["kind"], first["name"]) == ("load", "GET", "/items")
    assert int(first["requests"]) == figures.requests
    assert float(first["response_p95_ms"]) == figures.response_time_ms.p95
    assert first["response_p999_ms"] == ""
    assert rows[-1]["name"] == "Aggregated"
    assert rows[-1]["error_rate"] == ""


def test_every_column_is_documented() -> None:
    """The module's table names each column, or the pattern that it belongs to."""
    for column in (*HEADER, *TRIALS_HEADER):
        pattern = column
        for prefix in ("response_", "service_"):
            if column.startswith(prefix):
                pattern = f"{prefix}X_ms"
        assert pattern in (tables.__doc__ or ""), column


def test_names_are_no_formulas(tmp_path: Path) -> None:
    """A name that a spreadsheet would run is quoted."""
    parts = [series("x", [1000], kind=kind) for kind in ("=1+1", "@SUM(A1)", "-2", "GET")]
    text = stats_csv(summarize(make_run(tmp_path / "run", [interval(0, *parts)])))
    kinds = {row["kind"] for row in csv.DictReader(io.StringIO(text))}
    assert kinds == {"'=1+1", "'@SUM(A1)", "'-2", "GET", ""}


def test_parts_are_no_rows(tmp_path: Path) -> None:
    """Who adds up the rows of a scenario must not count a request twice."""
    rows = list(csv.DictReader(io.StringIO(stats_csv(summarize(open_run(tmp_path))))))
    assert [(row["scenario"], row["kind"], row["name"]) for row in rows] == [
        ("orders", "GET", "/items"), ("orders", "", "Aggregated"), ("browse", "GET", "/"), ("browse", "", "Aggregated"),
    ]  # fmt: skip
    assert rows[0]["requests"] == rows[1]["requests"]


def test_the_trials_of_a_search_are_a_table_of_their_own() -> None:
    """In the order in which they were run, counted from 1; no file where nobody searched."""
    rows = list(csv.DictReader(io.StringIO(trials_csv(summary(searched(), enduring())) or "")))
    assert [row["trial"] for row in rows] == [str(number) for number in range(1, 11)]
    assert [row["purpose"] for row in rows[4:7]] == ["grow", "bisect", "bisect"]
    ninth = rows[8]
    assert (ninth["rate"], ninth["verdict"], ninth["objective"]) == ("415", "bad", "p95 < 500ms")
    assert (ninth["bad_share"], ninth["allowed"], ninth["response_p95_ms"]) == ("0.0909", "0.05", "530")
    assert rows[0]["response_p95_ms"] == ""
    assert trials_csv(summary(enduring())) is None
