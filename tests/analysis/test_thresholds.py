"""Judging thresholds: values, verdicts and the sentence of evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.runs import START_MS, interval, make_run, series

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.own_readings import Readings
from loadworthy.analysis.scenario import judge_scenario
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.analysis.thresholds import NO_FAILURES, ThresholdResult, evaluate, matches
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.record.interval import SeriesInterval


def totals(*parts: SeriesInterval, seconds: int = 10) -> ScenarioTotals:
    """Totals of a scenario with these series, measured for so many seconds."""
    made = ScenarioTotals("load")
    made.add(interval(0, *parts, duration_ms=seconds * 1000))
    return made


def judged(expression: str, *parts: SeriesInterval, seconds: int = 10) -> ThresholdResult:
    return evaluate(parse_threshold(expression), totals(*parts, seconds=seconds))


RAMP = [1000 * number for number in range(1, 1001)]
"""1 ms, 2 ms … 1,000 ms."""


@pytest.mark.parametrize(
    ("expression", "observed", "verdict"),
    [
        ("p50 < 550ms", 500, "pass"),
        ("p50 < 501ms", 500, "undecided"),  # its interval goes to 532 ms
        ("p95 < 500ms", 950, "fail"),
        ("p94 <= 1s", 940, "pass"),
        ("p95 <= 1s", 950, "pass"),  # 50 of 1,000 failed: just within
        ("p99 <= 1s", 990, "fail"),  # more than 1 % failed, and what failed counts as slow
        ("p99 > 900ms", 990, "pass"),
        ("p99 > 1s", 990, "fail"),
        ("mean < 501ms", 500.5, "pass"),
        ("min >= 1ms", 1, "pass"),
        ("min > 1ms", 1, "fail"),
        ("max <= 1s", 1000, "pass"),
        ("max < 1s", 1000, "fail"),
        ("error_rate < 1%", 0.05, "fail"),
        ("error_rate <= 5%", 0.05, "pass"),
        ("throughput >= 95/s", 95, "pass"),
        ("throughput > 95/s", 95, "fail"),
        ("requests >= 1000", 1000, "pass"),
        ("failures < 50", 50, "fail"),
        ("failures <= 50", 50, "pass"),
    ],
)
def test_values_and_verdicts(expression: str, observed: float, verdict: str) -> None:
    """Each metric is compared with each operator, at the limit too."""
    result = judged(expression, series("/a", RAMP, failures={"status": 50}))
    assert result.observed == pytest.approx(observed, rel=5e-4)
    assert result.verdict is Verdict(verdict)


def test_service_time_is_its_own_metric() -> None:
    """A request that was sent late has a longer response than service time."""
    late = series("/a", [100_000] * 1000, service_us=[10_000] * 1000)
    assert judged("service_time_p95 < 50ms", late).verdict is Verdict.PASS
    assert judged("p95 < 50ms", late).verdict is Verdict.FAIL


def test_evidence_is_one_sentence_with_value_count_and_limit() -> None:
    """The reason says what was observed, over how much, and the limit."""
    assert judged("p95 < 2s", series("/a", RAMP)).reason == "p95 was 950 ms over 1,000 requests, limit 2.00 s"
    failed = judged("error_rate < 1%", series("/a", RAMP, failures={"status": 50}))
    assert failed.reason == "error_rate was 5.00 % (50 of 1,000 requests failed), limit 1.00 %"


def test_a_value_that_rounds_to_the_limit_is_told_exactly() -> None:
    """A reader must not see "500 ms, limit 500 ms" beside a failure."""
    result = judged("max < 500ms", series("/a", [500_049]))
    assert result.verdict is Verdict.FAIL
    assert "exactly 500.049 against < 500" in result.reason


@pytest.mark.parametrize(
    ("pattern", "kind", "name", "is_meant"),
    [
        ("GET /a", "GET", "/a", True),
        ("/a", "GET", "/a", True),
        ("/a", "GET", "/ab", False),
        ("/a*", "POST", "/ab", True),
        ("GET /*", "POST", "/ab", False),
        ("* /ab", "POST", "/ab", True),
        ("/items/[id]", "GET", "/items/[id]", True),
        ("/items/[id]", "GET", "/items/i", False),
        ("/a.b", "GET", "/axb", False),
        ("*/x?", "GET", "/a/x?", True),
        ("/a*", "GET", "/a\nb", True),
        ("get /a", "GET", "/a", False),
    ],
)
def test_series_patterns(pattern: str, kind: str, name: str, is_meant: bool) -> None:
    """Only ``*`` is special: names hold brackets, dots and question marks."""
    assert matches(pattern, kind, name) is is_meant


def test_a_pattern_is_judged_over_all_its_series_together() -> None:
    """Percentiles of the merged samples, not of one series."""
    parts = series("/a/1", [1000] * 900), series("/a/2", [100_000] * 100), series("/b", [9_000_000] * 1000)
    result = judged("/a/* p95 < 50ms", *parts)
    assert result.observed == pytest.approx(100, rel=5e-4)
    assert "over 1,000 requests" in result.reason
    assert result.verdict is Verdict.FAIL


def test_a_bare_kind_means_all_series_of_the_kind() -> None:
    """Also messages and connects of a WebSocket; unless a series has that very name."""
    pushed = series("price", [5_000] * 100, kind="message"), series("chat", [9_000] * 100, kind="message")
    opened = series("/ws", [90_000] * 100, kind="connect")
    assert judged("message max < 10ms", *pushed, opened).observed == 9
    assert judged("connect min > 50ms", *pushed, opened).observed == 90
    assert judged("message max < 10ms", *pushed, series("message", [1_000] * 9)).observed == 1
    assert judged("mess max < 10ms", *pushed).verdict is Verdict.UNDECIDED


def test_no_matching_series_is_undecided_and_names_near_ones() -> None:
    """A typo must not pass, and the message helps to mend it."""
    result = judged("GET /itmes p95 < 50ms", series("/items", RAMP), series("/orders", RAMP))
    assert result.verdict is Verdict.UNDECIDED
    assert "GET /items" in result.reason
    assert result.observed is None


def test_no_requests_is_undecided() -> None:
    """Nothing happened, so nothing failed and nothing is proven; also for the implied threshold."""
    assert evaluate(parse_threshold("error_rate < 1%"), ScenarioTotals("load")).verdict is Verdict.UNDECIDED
    assert evaluate(NO_FAILURES, ScenarioTotals("load"), implicit=True).verdict is Verdict.UNDECIDED


def test_too_few_samples_for_the_percentile_are_undecided() -> None:
    """367 fast requests say nothing sure about a p99; one more does."""
    few, enough = judged("p99 < 1s", series("/a", [1000] * 367)), judged("p99 < 1s", series("/a", [1000] * 368))
    assert few.verdict is Verdict.UNDECIDED
    assert few.observed is None
    assert "367 requests are too few (368 needed)" in few.reason
    assert enough.verdict is Verdict.PASS


def test_a_sure_breach_needs_fewer_samples() -> None:
    """With the low end of the interval already beyond the limit, few samples suffice to fail, and never to pass."""
    result = judged("p99 < 100ms", series("/a", [1_000_000] * 100))
    assert result.verdict is Verdict.FAIL
    assert result.observed is None
    assert result.low == pytest.approx(1000, rel=5e-4)
    assert result.high is None
    assert "at least" in result.reason
    assert "97.5 %" in result.reason
    assert judged("p99 < 2s", series("/a", [1_000_000] * 100)).verdict is Verdict.UNDECIDED


def test_a_low_percentile_breaches_from_above() -> None:
    """For ``>`` it is the high end that decides."""
    assert judged("p5 > 100ms", series("/a", [1000] * 50)).verdict is Verdict.FAIL
    assert judged("p5 > 100us", series("/a", [1000] * 50)).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("p95 < 935ms", "fail"),
        ("p95 < 940ms", "undecided"),
        ("p95 < 951ms", "undecided"),
        ("p95 < 965ms", "pass"),
        ("p95 > 965ms", "fail"),
        ("p95 > 951ms", "undecided"),
        ("p95 > 940ms", "undecided"),
        ("p95 > 935ms", "pass"),
    ],
)
def test_a_limit_within_the_interval_leaves_it_undecided(expression: str, verdict: str) -> None:
    """p95 of 1 ms to 1,000 ms lies between 936 and 964 ms: only a limit outside is met or missed."""
    result = judged(expression, series("/a", RAMP))
    assert result.low == pytest.approx(936, abs=1)
    assert result.high == pytest.approx(964, abs=1)
    assert result.observed == pytest.approx(950, rel=5e-4)
    assert result.interval == "order statistics"
    assert result.verdict is Verdict(verdict)


def test_an_undecided_percentile_says_why_and_what_to_do() -> None:
    """The interval, the limit, and the remedy, in one sentence."""
    assert judged("p95 < 951ms", series("/a", RAMP)).reason == (
        "p95 was 950 ms over 1,000 requests, limit 951 ms: with 95 % confidence it lies between 936 ms and 964 ms, and "
        "so may be on either side of it; run longer, or with more users"
    )


def test_mean_needs_one_request_only() -> None:
    """No sample size is demanded of exact figures."""
    assert judged("mean < 2ms", series("/a", [1000])).verdict is Verdict.PASS


def test_samples_without_a_time_have_no_percentile() -> None:
    """They count as requests, and their speed stays unknown."""
    result = judged("p50 < 1s", series("/a", untimed=20))
    assert result.verdict is Verdict.UNDECIDED
    assert "had a time" in result.reason
    assert judged("requests >= 20", series("/a", untimed=20)).verdict is Verdict.PASS


def test_public_form() -> None:
    """Keys of ``summary.json``: the interval only for percentiles, the mark only for implied thresholds."""
    plain = judged("error_rate < 1%", series("/a", RAMP)).to_json()
    assert set(plain) == {"expression", "observed", "verdict", "reason"}
    assert set(judged("p95 < 1s", series("/a", RAMP)).to_json()) == {*plain, "low", "high", "interval"}
    assert judged("p95 < 1s", series("/a", [1000])).to_json()["interval"] is None
    implied = evaluate(NO_FAILURES, totals(series("/a", RAMP)), implicit=True).to_json()
    assert implied["implicit"] is True
    assert implied["expression"] == "error_rate <= 0%"


@pytest.mark.parametrize(
    ("expression", "margin"),
    [("p50 < 1s", 0.5), ("p50 < 250ms", -1.0), ("throughput > 50/s", 1.0), ("failures <= 0", None)],
)
def test_margin_is_the_share_of_the_limit_that_is_left(expression: str, margin: float | None) -> None:
    """Positive inside, negative outside, for either direction; none where the limit is zero."""
    assert judged(expression, series("/a", RAMP)).margin == (
        None if margin is None else pytest.approx(margin, abs=2e-3)
    )


@pytest.mark.parametrize("expression", ["p50 < 1s", "p95 < 1s", "mean < 1s", "max < 1s", "throughput > 1/s"])
def test_a_service_that_only_fails_meets_no_target(expression: str) -> None:
    """Errors that come at once are no quick answers, and nothing was put through."""
    result = judged(expression, series("/a", [500] * 1000, failures={"connect": 1000}))
    assert result.verdict is Verdict.FAIL
    assert "failed" in result.reason


@pytest.mark.parametrize(("failures", "verdict"), [(0, "pass"), (49, "pass"), (50, "pass"), (51, "fail")])
def test_a_percentile_leaves_room_for_its_share_of_failures(failures: int, verdict: str) -> None:
    """p95 below a limit says that 95 of 100 requests were good and quick: 5 of them may fail, no more."""
    result = judged("p95 < 1s", series("/a", [500] * 1000, failures={"status": failures} if failures else {}))
    assert result.verdict is Verdict(verdict)


@pytest.mark.parametrize(
    ("expression", "found", "verdict"),
    [
        ("capacity >= 300/s", (310.0, 320.0, 330.0), "pass"),
        ("capacity >= 300/s", (300.0, 320.0, None), "pass"),
        ("capacity > 300/s", (300.0, 320.0, 330.0), "undecided"),
        ("capacity >= 300/s", (280.0, 290.0, 299.0), "fail"),
        ("capacity >= 300/s", (280.0, 290.0, None), "undecided"),
        ("capacity >= 300/s", (290.0, 300.0, 310.0), "undecided"),
        ("capacity >= 300/s", (None, None, 200.0), "fail"),
        ("capacity >= 300/s", (None, None, None), "undecided"),
        ("capacity <= 300/s", (100.0, 200.0, 300.0), "pass"),
        ("capacity <= 300/s", (310.0, 320.0, None), "fail"),
        ("capacity <= 300/s", (100.0, 200.0, None), "undecided"),
    ],
)
def test_a_capacity_is_judged_by_its_bounds(
    expression: str, found: tuple[float | None, float | None, float | None], verdict: str
) -> None:
    """What is known to hold passes it, what is known not to hold fails it; between the two it is open."""
    result = evaluate(parse_threshold(expression), totals(series("/a", RAMP)), capacity=found)
    assert (result.verdict, result.observed, result.unit) == (Verdict(verdict), found[1], "per_s")


def test_a_capacity_that_was_not_searched_is_undecided() -> None:
    """Any other load says nothing of it."""
    result = judged("capacity >= 300/s", series("/a", RAMP))
    assert result.verdict is Verdict.UNDECIDED
    assert result.reason == "capacity is known only where a capacity was searched"
    known = evaluate(parse_threshold("capacity >= 300/s"), totals(), capacity=(310.0, 312.0, None))
    assert known.reason == "capacity was 312.0/s (at least 310.0/s), limit 300.0/s"


def scenario_of(tmp_path: Path, *events: dict[str, object], ended: str = "aborted") -> ScenarioSummary:
    """A scenario in which nothing was missed, with these events."""
    run = make_run(tmp_path / "run", [interval(0, series("/a", [1000] * 99))], events=events)
    run.manifest["ended"] = ended
    spec = {"thresholds": ["p95 < 500ms, abort", "error_rate < 1%"]}
    made = totals(series("/a", [1000] * 99))
    return judge_scenario("load", spec, made, Readings(), run)


def test_a_breach_that_ended_the_run_stays_a_breach(tmp_path: Path) -> None:
    """It was proven while the run went on, whatever the little that there is says now."""
    breach = {
        "at_ms": START_MS,
        "type": "threshold_breached",
        "scenario": "load",
        "expression": "p95 < 500ms, abort",
        "message": "p95 < 500ms, abort was missed: 9 of 9 requests took longer",
    }
    first, second = scenario_of(tmp_path / "1", breach | {"abort": True}).thresholds
    assert (first.verdict, second.verdict) == (Verdict.FAIL, Verdict.PASS)
    assert first.reason == f"{breach['message']}; that ended the run"
    first, _ = scenario_of(tmp_path / "4", breach | {"abort": True}, ended="completed").thresholds
    assert (first.verdict, first.reason) == (Verdict.FAIL, breach["message"])  # proven with the last of its requests
    first, _ = scenario_of(tmp_path / "2", breach).thresholds
    assert first.verdict is Verdict.PASS
    first, _ = scenario_of(tmp_path / "3", breach | {"abort": True, "scenario": "other"}).thresholds
    assert first.verdict is Verdict.PASS
