"""Parts describe what other series count already: they are kept, shown and judged, and added to nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.runs import Part, interval, make_run, manifest, part, series

from loadworthy.analysis.accumulate import Accumulator, ScenarioTotals
from loadworthy.analysis.reading import read
from loadworthy.analysis.summarize import summarize, timeline
from loadworthy.analysis.thresholds import ThresholdResult, evaluate, matches_part
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.record.interval import SeriesInterval
from loadworthy.record.rundir import Run

PARTS = (
    part("iteration", "Shopper", [90_000] * 400),
    part("connect", "shop:443", [3_000] * 9),
    part("connect", "cdn:443", [700_000] * 2, failures={"connect": 1}),
    part("first_byte", "GET /items", [4_000] * 800),
)
COUNTED = (series("/items", [5_000] * 800), series("/cart", [6_000] * 100, kind="POST", failures={"status": 3}))


def test_totals_are_as_without_parts() -> None:
    """Requests, failures, throughput, windows, pace and timeline do not know of them."""
    plain, both = Accumulator(), Accumulator()
    for second in range(3):
        plain.add(interval(second, *COUNTED))
        both.add(interval(second, *COUNTED, *PARTS))
    expected, found = plain.scenarios["load"], both.scenarios["load"]
    assert found.total == expected.total
    assert set(found.series) == {("GET", "/items"), ("POST", "/cart")}
    assert set(found.parts) == {(one.series.kind, one.series.name) for one in PARTS}
    assert found.parts["connect", "cdn:443"].failures == 3
    assert both.window("load") == plain.window("load")
    assert found.pace.busiest() == expected.pace.busiest()


def test_a_part_named_like_a_series_is_not_mixed_with_it() -> None:
    """What tells them apart is that one is a part, not its name."""
    totals = ScenarioTotals("load")
    totals.add(interval(0, series("x", [1000] * 5, kind="connect"), part("connect", "x", [2000] * 7)))
    assert (totals.total.requests, totals.parts["connect", "x"].requests) == (5, 7)


def made(path: Path, *parts: SeriesInterval | Part) -> Run:
    return make_run(path, [interval(second, *parts) for second in range(3)], run_json=manifest())


def test_the_summary_shows_them_apart(tmp_path: Path) -> None:
    """In ``parts``, with figures of their own; all else in the summary, and the timeline, is as without."""
    with_parts, without = made(tmp_path / "a", *COUNTED, *PARTS), made(tmp_path / "b", *COUNTED)
    data = summarize(with_parts).to_json()["scenarios"]["load"]
    plain = summarize(without).to_json()["scenarios"]["load"]
    assert list(data["parts"]) == [
        "first_byte GET /items", "iteration Shopper", "connect shop:443", "connect cdn:443",
    ]  # fmt: skip
    assert {key: value for key, value in data.items() if key != "parts"} == plain
    assert data["parts"]["iteration Shopper"]["response_time_ms"]["p50"] == pytest.approx(90, rel=1e-3)
    assert timeline(Run.open(with_parts.path)) == timeline(Run.open(without.path))
    assert read(Run.open(with_parts.path)).totals.scenarios["load"].duration_s == 3


def judged(expression: str, *parts: SeriesInterval | Part) -> ThresholdResult:
    totals = ScenarioTotals("load")
    totals.add(interval(0, *(parts or (*COUNTED, *PARTS)), duration_ms=10_000))
    return evaluate(parse_threshold(expression), totals)


@pytest.mark.parametrize(
    ("expression", "verdict", "words"),
    [
        ("iteration p95 < 100ms", "pass", "iteration p95 was 90.0 ms over 400 iterations"),
        ("iteration Shopper p95 < 80ms", "fail", "over 400 iterations, limit 80.0 ms"),
        ("first_byte GET /items p99 < 5ms", "pass", "over 800 answers"),
        ("connect * max < 1s", "pass", "over 11 connections"),
        ("connect max < 100ms", "fail", "connect max was 700 ms over 11 connections"),
        ("connect error_rate < 5%", "fail", "(1 of 11 connections failed)"),
        ("connect shop:443 p99 < 1s", "undecided", "9 connections are too few (368 needed)"),
        ("* p99 < 1s", "pass", "over 900 requests"),
        ("/items p99 < 1s", "pass", "over 800 requests"),
        ("shop:443 p99 < 1s", "undecided", "no request belongs to 'shop:443'"),
        ("error_rate < 1%", "pass", "3 of 900 requests failed"),
        ("requests >= 901", "fail", "requests was 900"),
    ],
)
def test_thresholds_may_name_parts(expression: str, verdict: str, words: str) -> None:
    """By kind and name or by kind alone, where no series is meant; and without a name they are never meant."""
    result = judged(expression)
    assert result.verdict is Verdict(verdict)
    assert words in result.reason


def test_a_series_comes_before_a_part() -> None:
    """A pattern that matches a series that counts means those alone."""
    parts = series("/x", [1000] * 10, kind="connect"), part("connect", "/x", [900_000] * 10)
    assert judged("connect /x max < 1s", *parts).observed == 1


def test_parts_alone_can_be_judged() -> None:
    """A scenario of which only iterations are known has no request, and yet iterations."""
    assert judged("iteration p95 < 1s", part("iteration", "U", [1000] * 100)).verdict is Verdict.PASS
    assert judged("p95 < 1s", part("iteration", "U", [1000] * 100)).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("pattern", "is_meant"),
    [("connect", True), ("connect h:1", True), ("connect *", True), ("con*", True), ("h:1", False), ("connec", False)],
)
def test_patterns_of_parts(pattern: str, is_meant: bool) -> None:
    """The name alone is that of a host, or of a series."""
    assert matches_part(pattern, "connect", "h:1") is is_meant
