"""Thresholds against tables of statistics: Locust's and our own."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.runs import interval, make_run, manifest, series

from loadworthy.analysis.selection import Tags
from loadworthy.analysis.stats_csv import ROUNDED, UNROUNDED, Stats, StatsRow, judge_stats, read_stats
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.threshold_result import ThresholdResult
from loadworthy.analysis.verdict import Verdict
from loadworthy.errors import UsageError
from loadworthy.report.tables import stats_csv

HEADER = (
    "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,"
    "Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"
)
LOCUST = f"""{HEADER}
GET,/api/contacts,1000,5,120,150.5,10,900,200,33.3,0.2,120,140,160,180,250,320,500,700,890,900,900
POST,/api/login,200,0,300,320,100,800,50,6.7,0,300,330,350,380,450,480,600,700,800,800,800
GET,"/odd, ""x"" y",0,0,0,0,0,0,0,0,0,{",".join(["N/A"] * 11)}
,Aggregated,1200,5,130,178.75,10,900,175,40,0.2,130,150,200,220,300,400,550,700,890,900,900
"""


def judged(text: str, table: str = LOCUST, tags: Tags | None = None) -> ThresholdResult:
    (result,) = judge_stats([text], read_stats(table, "x_stats.csv").scenarios[""], tags or Tags())
    return result


@pytest.mark.parametrize(
    ("text", "observed", "verdict"),
    [
        ("mean <= 2000ms", 178.75, "pass"),
        ("p95 <= 5000ms", 400, "pass"),
        ("p95 < 400ms", 400, "fail"),
        ("median < 200ms", 130, "pass"),
        ("max < 900ms", 900, "fail"),
        ("min >= 10ms", 10, "pass"),
        ("error_rate < 1%", 5 / 1200, "pass"),
        ("error_rate <= 0%", 5 / 1200, "fail"),
        ("failures <= 5", 5, "pass"),
        ("requests >= 1200", 1200, "pass"),
        ("throughput > 39/s", 40 * 1195 / 1200, "pass"),
        ("throughput > 40/s", 40 * 1195 / 1200, "fail"),
        ("GET /api/contacts p99 < 1s", 700, "pass"),
        ("/api/login mean < 300ms", 320, "fail"),
        ("/api/* mean < 179ms", 178.75, "pass"),
        ("/api/* max <= 900ms", 900, "pass"),
        ("GET error_rate < 1%", 0.005, "pass"),
        ("GET /api/contacts p99 < 1s, abort", 700, "pass"),
    ],
)
def test_what_a_table_holds_is_judged(text: str, observed: float, verdict: str) -> None:
    """Counts and shares exactly, percentiles by their value."""
    result = judged(text)
    assert result.observed == pytest.approx(observed, rel=1e-6)
    assert result.verdict is Verdict(verdict)
    assert result.interval is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("p97 < 1s", "the table does not hold it; it has max, mean, min, p50"),
        ("p99.9 < 1s", "1,200 requests are too few (3,688 needed)"),
        ("/api/login p99 < 1s", "200 requests are too few (368 needed)"),
        ("service_time_p95 < 1s", "the table does not hold it"),
        ("send_lag_p99 < 1ms", "the table does not hold it"),
        ("dropped <= 0", "the table does not hold it"),
        ("requests_per_user_minute < 120", "the table does not hold it"),
        ("capacity > 5/s", "the table does not hold it"),
        ("error_rate < 1% for 10s", "the totals of a run only"),
        ("error_rate < 1%, warmup 10s", "the totals of a run only"),
        ("GET /gone p95 < 1s", "no request belongs to 'GET /gone'; there are GET /api/contacts, GET /odd"),
        ("tag:shop p95 < 1s", "no step has the tag 'shop'"),
    ],
)
def test_what_a_table_does_not_hold_is_undecided(text: str, reason: str) -> None:
    """And the sentence says why."""
    result = judged(text)
    assert (result.verdict, result.observed) == (Verdict.UNDECIDED, None)
    assert reason in result.reason


def test_percentiles_of_several_series_enclose_the_joint_one() -> None:
    """Decided where both are on one side of the limit, else undecided."""
    assert judged("/api/* p95 < 500ms").verdict is Verdict.PASS
    assert judged("/api/* p95 < 300ms").verdict is Verdict.FAIL
    result = judged("/api/* p95 < 400ms")
    assert (result.verdict, result.observed, result.low, result.high) == (Verdict.UNDECIDED, None, 320, 480)
    assert "of 2 series lies between 320 ms and 480 ms, limit 400 ms" in result.reason


def test_what_failed_is_slower_than_any_limit() -> None:
    """As everywhere: 10 % that failed leave no room for a p95."""
    table = LOCUST.replace(",Aggregated,1200,5,", ",Aggregated,1200,120,")
    result = judged("p95 < 10s", table)
    assert result.verdict is Verdict.FAIL
    assert "counts as slower than any limit" in result.reason
    assert judged("p90 < 10s", table).verdict is Verdict.PASS


def test_tags_come_from_a_plan() -> None:
    """The table knows of none."""
    tags = Tags(series={"people": frozenset({("GET", "/api/contacts")})})
    assert judged("tag:people p95 < 400ms", tags=tags).observed == 320
    assert "there are: people" in judged("tag:shop p95 < 400ms", tags=tags).reason


def test_without_thresholds_nothing_may_fail() -> None:
    """The implied one, as of a run."""
    (result,) = judge_stats([], read_stats(LOCUST, "x").scenarios[""])
    assert (result.implicit, result.verdict) == (True, Verdict.FAIL)


def test_a_table_without_requests_is_undecided() -> None:
    """Nothing was made, so nothing is proven."""
    table = f"{HEADER}\n,Aggregated,0,0,0,0,0,0,0,0,0,{','.join(['N/A'] * 11)}\n"
    assert judged("error_rate < 1%", table).reason == "no request was made, so there is nothing to judge"


def our_table(tmp_path: Path) -> str:
    """Of a run with two scenarios, one of whose series looks like a formula."""
    ones = [
        interval(0, series("=/items", [100_000] * 900, failures={"status": 9}), series("/b", [200_000] * 4000)),
        interval(0, series("/c", [1000] * 5), scenario="other", number=1),
    ]
    run = make_run(tmp_path / "run", ones, run_json=manifest({"load": ["p95 < 1s"], "other": []}))
    return stats_csv(summarize(run))


def test_our_own_table_is_read_too(tmp_path: Path) -> None:
    """Scenario by scenario, with service times, and without what keeps spreadsheets from harm."""
    stats = read_stats(our_table(tmp_path), "stats.csv")
    assert list(stats.scenarios) == ["load", "other"]
    assert (stats.is_locust, stats.note) == (False, UNROUNDED)
    rows = stats.scenarios["load"]
    texts = ["GET =/items p95 < 150ms", "service_time_p99 < 150ms", "error_rate < 1%", "throughput > 990/s"]
    results = judge_stats([*texts, "/b p99.9 < 1s", "/b p99.99 < 1s"], rows)
    verdicts = [result.verdict.value for result in results]
    assert verdicts == ["pass", "fail", "pass", "pass", "pass", "undecided"], [result.reason for result in results]
    assert results[3].observed == pytest.approx(4891)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "is not a table of statistics"),
        ("a,b\n1,2\n", "is not a table of statistics"),
        (HEADER + "\n", "has no row Aggregated"),
        (LOCUST.replace("Aggregated", "Sum"), "has no row Aggregated"),
        (LOCUST.replace("1000,5", "many,5"), "x_stats.csv:2: 'many' is no number"),
        (LOCUST.replace("1000,5", "1000,nan"), "'nan' is no number"),
        (LOCUST.replace("1000,5", "-1,5"), "'-1' is no number"),
        (LOCUST.replace("1000,5", ",5"), "counts of requests and failures are missing"),
        (LOCUST.replace("1000,5", "3,5"), "more requests failed (5) than were made (3)"),
        (f'{HEADER}\n"GET,/a', "not a CSV table"),
    ],
)
def test_what_is_no_table_is_refused(table: str, message: str) -> None:
    """With the file, the line and what is wrong with it."""
    with pytest.raises(UsageError) as caught:
        read_stats(table, "x_stats.csv")
    assert message in str(caught.value)


def test_the_note_says_how_good_percentiles_are() -> None:
    """Two digits, and no interval."""
    assert read_stats("\ufeff" + LOCUST, "x").note == ROUNDED
    assert "two digits" in ROUNDED


@given(
    st.lists(st.tuples(st.text(max_size=8), st.integers(0, 10**9), st.floats(0, 1e6), st.floats(0, 1e7)), max_size=5)
)
def test_any_rows_are_read_as_they_were_written(given_rows: Sequence[tuple[str, int, float, float]]) -> None:
    """Names with commas, quotes and line breaks; numbers of any size."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER.split(","))
    for name, requests, per_s, mean in [*given_rows, ("Aggregated", 1, 1.0, 1.0)]:
        writer.writerow(
            ["" if name == "Aggregated" else "GET", name, requests, 0, 1, mean, 0, 1, 0, per_s, 0, *[5] * 11]
        )
    rows = read_stats(out.getvalue(), "x").scenarios[""]
    assert [row.requests for row in rows[:-1]] == [requests for _, requests, *_ in given_rows]
    assert [row.per_s for row in rows[:-1]] == [per_s for _, _, per_s, _ in given_rows]
    assert [_times(row)["mean"] for row in rows[:-1]] == [mean for *_, mean in given_rows]


def _times(row: StatsRow) -> Mapping[str, float]:
    return row.times["response_time"]


@given(st.text(max_size=200))
def test_any_text_is_a_table_or_a_usage_error(text: str) -> None:
    """Nothing else comes of it, whatever is in the file."""
    try:
        stats = read_stats(f"{HEADER}\n{text}\n", "x")
    except UsageError:
        return
    assert isinstance(stats, Stats)
