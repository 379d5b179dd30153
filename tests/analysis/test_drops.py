"""What was dropped is slower than any limit: thresholds against naive counts over requests and drops together."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.runs import Part, interval, part, series

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.arrivals import Arrivals
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.thresholds import NO_FAILURES, ThresholdResult, evaluate
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.record.interval import SeriesInterval


def totals(*parts: SeriesInterval | Part, sent: int = 0, dropped: int = 0, late: int = 0) -> ScenarioTotals:
    made = ScenarioTotals("load")
    scheduled = sent + dropped if sent else 0
    made.add(interval(0, *parts, scheduled=scheduled, sent=sent, dropped=dropped, late=late, duration_ms=10_000))
    return made


def judged(expression: str, made: ScenarioTotals) -> ThresholdResult:
    return evaluate(parse_threshold(expression), made)


@pytest.mark.parametrize("percent", [50, 90, 95, 99])
@pytest.mark.parametrize("dropped", [0, 1, 20, 49, 50, 51, 400])
@pytest.mark.parametrize("per_iteration", [1, 3])
def test_percentiles_are_those_of_all_that_was_intended(percent: int, dropped: int, per_iteration: int) -> None:
    """Sent and dropped, sorted together with the dropped at the end, nearest rank; each iteration of some requests."""
    rng = random.Random(dropped)
    sent = 1000 - dropped
    times = [int(rng.lognormvariate(10, 0.5)) for _ in range(sent * per_iteration)]
    everything = sorted(times) + [10**9] * (dropped * per_iteration)
    naive_us = everything[math.ceil(round(percent / 100 * len(everything), 9)) - 1]
    made = totals(series("/a", times), sent=sent, dropped=dropped)
    result = judged(f"p{percent} < 30ms", made)
    if len(times) < min_samples(percent / 100 * 1000 / sent) and result.verdict is not Verdict.PASS:
        assert result.verdict is not Verdict.FAIL or naive_us >= 30_000  # too close to the end to be named
        return
    assert result.verdict is (Verdict.PASS if naive_us < 30_000 else Verdict.FAIL)
    if naive_us < 10**9:
        assert result.observed == pytest.approx(naive_us / 1000, rel=1e-3)
    else:
        assert result.observed is None
        assert f"{dropped} of 1,000 arrivals were dropped, and what was dropped counts as slower" in result.reason


@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 300))
def test_what_failed_and_what_was_dropped_add_up(sent: int, failed: int, dropped: int) -> None:
    """With one request an iteration, the share is that of both among all; and never more than all of it."""
    failed = min(failed, sent)
    made = totals(
        series("/a", [1000] * sent, failures={"status": failed} if failed else {}), sent=sent, dropped=dropped
    )
    observed = judged("error_rate < 1%", made).observed
    assert observed == pytest.approx((failed + dropped) / (sent + dropped))
    verdict = judged("p50 < 1s", made).verdict
    if 2 * (failed + dropped) > sent + dropped:
        assert verdict is Verdict.FAIL
    elif sent >= 200 and 3 * dropped < sent:
        assert verdict is Verdict.PASS


def test_sentences_say_both() -> None:
    """How many failed, how many were dropped, and what that means."""
    made = totals(series("/a", [1000] * 960, failures={"status": 24}), sent=960, dropped=40)
    assert judged("error_rate < 1%", made).reason == (
        "error_rate was 6.40 % (24 of 960 requests failed and 40 of 1,000 arrivals were dropped, and what was dropped "
        "counts as failed), limit 1.00 %"
    )
    assert judged("p95 < 1s", made).reason == (
        "p95: 24 of 960 requests failed and 40 of 1,000 arrivals were dropped, together 6.40 % of what was intended, "
        "and what failed or was dropped counts as slower than any limit"
    )
    assert judged("p90 < 1s", made).reason == (
        "p90 was 1.00 ms over 960 requests, with 40 of 1,000 arrivals that were dropped counted as slower than any "
        "limit, limit 1.00 s"
    )
    assert judged("error_rate < 1%", totals(series("/a", [1000] * 960), sent=960, dropped=40)).reason.startswith(
        "error_rate was 4.00 % (40 of 1,000 arrivals were dropped, and"
    )


def test_what_was_sent_alone() -> None:
    """The same without the drops, for asking whether the service failed by itself."""
    made = totals(series("/a", [1000] * 900), sent=900, dropped=100)
    assert judged("p95 < 1s", made).verdict is Verdict.FAIL
    assert evaluate(parse_threshold("p95 < 1s"), made, sent_alone=True).verdict is Verdict.PASS
    assert evaluate(NO_FAILURES, made, implicit=True).verdict is Verdict.FAIL
    assert evaluate(NO_FAILURES, made, implicit=True, sent_alone=True).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "expression", ["p99 > 500us", "min < 2ms", "mean < 2ms", "throughput > 50/s", "connect p95 < 1s", "failures < 1"]
)
def test_what_drops_do_not_change(expression: str) -> None:
    """A lower limit, the quickest, the mean, counts; and connections, which an arrival may not have needed."""
    parts = series("/a", [1000] * 900), part("connect", "h:1", [900] * 90)
    assert judged(expression, totals(*parts, sent=900, dropped=100)).verdict is Verdict.PASS


@pytest.mark.parametrize("expression", ["/a p95 < 1s", "GET /a error_rate < 1%", "iteration p95 < 1s"])
def test_series_and_iterations_lose_their_share(expression: str) -> None:
    """Nobody knows what a dropped arrival would have asked, so each series loses the same share."""
    parts = series("/a", [1000] * 900), series("/b", [1000] * 900), part("iteration", "U", [2000] * 900)
    assert judged(expression, totals(*parts, sent=900, dropped=100)).verdict is Verdict.FAIL


def test_all_dropped_meets_no_target() -> None:
    """A stretch in which nothing was answered and all was dropped is no quick service."""
    made = ScenarioTotals("load")
    made.add(interval(0, scheduled=10, dropped=10))
    for expression in ("p95 < 1s", "mean < 1s", "error_rate < 50%", "throughput > 1/s"):
        assert judged(expression, made).verdict is Verdict.FAIL, expression


@pytest.mark.parametrize(
    ("expression", "observed", "verdict", "words"),
    [
        ("dropped < 12", 12, "fail", "dropped was 12 (12 of 1,200 arrivals were dropped), limit 12"),
        ("dropped <= 12", 12, "pass", "12 of 1,200 arrivals"),
        ("dropped_rate < 2%", 0.01, "pass", "dropped_rate was 1.00 %"),
        ("dropped_rate <= 0", 0.01, "fail", "limit 0.00 %"),
    ],
)
def test_drops_have_metrics_of_their_own(expression: str, observed: float, verdict: str, words: str) -> None:
    """Their count, and their share of what was scheduled."""
    result = judged(expression, totals(series("/a", [1000] * 1188), sent=1188, dropped=12))
    assert result.observed == pytest.approx(observed)
    assert result.verdict is Verdict(verdict)
    assert words in result.reason


def test_one_drop_was_and_two_were() -> None:
    """In all sentences that tell of drops."""
    made = totals(series("/a", [1000] * 999), sent=999, dropped=1)
    assert "1 of 1,000 arrivals was dropped" in judged("dropped < 1", made).reason
    assert "1 of 1,000 arrivals was dropped" in judged("error_rate < 1%", made).reason
    assert "with 1 of 1,000 arrivals that was dropped counted" in judged("p95 < 1s", made).reason


def test_more_evidence_is_got_by_a_higher_rate() -> None:
    """In an open workload users do not make the load."""
    few = series("/a", [1000] * 20)
    assert judged("p99 < 1s", totals(few, sent=20)).reason.endswith("run longer, or at a higher rate")
    assert judged("p99 < 1s", totals(few)).reason.endswith("run longer, or with more users")


def test_late_drops_are_told_apart() -> None:
    """No lack of users explains them."""
    made = totals(series("/a", [1000] * 90), sent=90, dropped=10, late=4)
    assert (
        "10 of 100 arrivals were dropped, 4 of them because the generator was behind"
        in judged("dropped < 1", made).reason
    )


def test_a_closed_workload_skips_slots() -> None:
    """They are counted among the iterations that were due, and count as nothing else."""
    made = totals(series("/a", [1000] * 90), dropped=10)
    result = judged("dropped_rate < 5%", made)
    assert (result.observed, result.verdict) == (0.1, Verdict.FAIL)
    assert "10 of 100 iterations that were due were dropped" in result.reason
    assert judged("p95 < 1s", made).verdict is Verdict.PASS
    assert judged("dropped < 1", totals()).verdict is Verdict.UNDECIDED


def test_send_lag_is_a_time() -> None:
    """Of the requests that had an intended time; of the iterations where no request had; unknown where none had."""
    lags = [50] * 998 + [3000] * 2
    asked = judged("send_lag_p99 < 1ms", totals(series("/a", [5000] * 2000, send_lag_us=lags), sent=1000))
    assert (asked.observed, asked.verdict) == (0.05, Verdict.PASS)
    assert asked.reason.startswith("send lag p99 was 0.05 ms over 1,000 requests")
    assert judged("send_lag_max < 1ms", totals(series("/a", [5000] * 2000, send_lag_us=lags), sent=1000)).observed == 3
    whole = series("/a", [5000] * 2000), part("iteration", "U", [9000] * 1000, send_lag_us=lags)
    assert judged("send_lag_p99 < 1ms", totals(*whole, sent=1000)).observed == 0.05
    unknown = judged("send_lag_p99 < 1ms", totals(series("/a", [5000] * 2000)))
    assert unknown.verdict is Verdict.UNDECIDED
    assert "no request had an intended time" in unknown.reason


def test_arrivals_add_up() -> None:
    """Over intervals; what is still waiting is not settled."""
    made = Arrivals()
    for one in (interval(0, scheduled=10, sent=6), interval(1, scheduled=10, sent=10, dropped=1, late=1)):
        made = made.plus(one)
    assert made == Arrivals(20, 16, 1, 1, 0)
    assert (made.settled, made.no_user, made.dropped_share) == (17, 0, 1 / 17)
    assert made.to_json(2.0) == {
        "scheduled": 20, "sent": 16, "dropped": 1, "late": 1, "rate_intended": 10.0, "rate_achieved": 8.0,
    }  # fmt: skip
