"""Thresholds as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.plan.thresholds import Threshold, parse_threshold, threshold_from_mapping


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p95 < 500ms", ("response_time", "p95", 0.95, None, "<", 500_000)),
        ("p95 < 500", ("response_time", "p95", 0.95, None, "<", 500_000)),
        ("p95<0.5s", ("response_time", "p95", 0.95, None, "<", 500_000)),
        ("p99.9 <= 1m30s", ("response_time", "p99.9", 0.999, None, "<=", 90_000_000)),
        ("GET /contacts p99 < 1s", ("response_time", "p99", 0.99, "GET /contacts", "<", 1_000_000)),
        ("/contacts/* p99.9 <= 2s", ("response_time", "p99.9", 0.999, "/contacts/*", "<=", 2_000_000)),
        ("GET /a?x<5 p50 < 2", ("response_time", "p50", 0.5, "GET /a?x<5", "<", 2_000)),
        ("mean < 300ms", ("response_time", "mean", None, None, "<", 300_000)),
        ("avg < 300ms", ("response_time", "mean", None, None, "<", 300_000)),
        ("median < 300 ms", ("response_time", "p50", 0.5, None, "<", 300_000)),
        ("min > 1ms", ("response_time", "min", None, None, ">", 1_000)),
        ("max <= 3s", ("response_time", "max", None, None, "<=", 3_000_000)),
        ("response_time_p95 < 1s", ("response_time", "p95", 0.95, None, "<", 1_000_000)),
        ("service_time_p99 < 1s", ("service_time", "p99", 0.99, None, "<", 1_000_000)),
        ("POST /a service_time_avg < 1s", ("service_time", "mean", None, "POST /a", "<", 1_000_000)),
        ("error_rate < 1%", ("error_rate", None, None, None, "<", 0.01)),
        ("error_rate <= 0", ("error_rate", None, None, None, "<=", 0)),
        ("throughput > 5/s", ("throughput", None, None, None, ">", 5)),
        ("rps >= 300/min", ("throughput", None, None, None, ">=", 5)),
        ("requests >= 100", ("requests", None, None, None, ">=", 100)),
        ("failures < 10", ("failures", None, None, None, "<", 10)),
        ("send_lag_p99 < 1ms", ("send_lag", "p99", 0.99, None, "<", 1_000)),
        ("GET /a send_lag_max <= 5", ("send_lag", "max", None, "GET /a", "<=", 5_000)),
        ("dropped <= 0", ("dropped", None, None, None, "<=", 0)),
        ("dropped_rate < 0.5%", ("dropped_rate", None, None, None, "<", 0.005)),
        ("first_byte GET /x p95 < 100ms", ("response_time", "p95", 0.95, "first_byte GET /x", "<", 100_000)),
        ("iteration p95 < 2s", ("response_time", "p95", 0.95, "iteration", "<", 2_000_000)),
        ("connect * p99 < 1s", ("response_time", "p99", 0.99, "connect *", "<", 1_000_000)),
        ("tag:checkout p95 < 500ms", ("response_time", "p95", 0.95, "tag:checkout", "<", 500_000)),
        ("tag:pay-2_b error_rate < 1%", ("error_rate", None, None, "tag:pay-2_b", "<", 0.01)),
        ("capacity >= 300/s", ("capacity", None, None, None, ">=", 300)),
    ],
)
def test_expressions_are_read(text: str, expected: tuple[Any, ...]) -> None:
    """Every metric, aggregate, operator and unit is understood."""
    threshold = parse_threshold(text)
    assert (
        threshold.metric,
        threshold.aggregate,
        threshold.fraction,
        threshold.series,
        threshold.op,
        pytest.approx(threshold.limit),
    ) == expected


@pytest.mark.parametrize(
    ("text", "for_s", "warmup_s", "abort", "expression"),
    [
        ("p95 < 500ms", None, 0, False, "p95 < 500ms"),
        ("error_rate < 1% for 10s, abort", 10, 0, True, "error_rate < 1% for 10s, abort"),
        ("GET /contacts p99 < 1s,warmup 30s", None, 30, False, "GET /contacts p99 < 1s, warmup 30s"),
        ("p95<1s  for  1m30s , warm-up 2m,ABORT", 90, 120, True, "p95 < 1s for 1m30s, abort, warmup 2m"),
        ("p95 < 500 ms for 60s", 60, 0, False, "p95 < 500 ms for 1m"),
        ("wait for it p95 < 1s, abort", None, 0, True, "wait for it p95 < 1s, abort"),
        ("max < 10ms, abort", None, 0, True, "max < 10ms, abort"),
        ("min > 10ms, abort", None, 0, True, "min > 10ms, abort"),
        ("max > 10ms for 5s, abort", 5, 0, True, "max > 10ms for 5s, abort"),
        ("failures < 9, abort", None, 0, True, "failures < 9, abort"),
        ("requests > 100 for 5s, abort", 5, 0, True, "requests > 100 for 5s, abort"),
        ("p95 > 10ms, abort", None, 0, True, "p95 > 10ms, abort"),
    ],
)
def test_what_stands_after_the_limit(text: str, for_s: int | None, warmup_s: int, abort: bool, expression: str) -> None:
    """How long on end, from when on, and whether it ends the run; the expression says all of it, in one order."""
    threshold = parse_threshold(text)
    assert threshold.for_us == (None if for_s is None else for_s * 1_000_000)
    assert threshold.warmup_us == warmup_s * 1_000_000
    assert threshold.abort is abort
    assert threshold.expression == expression
    assert threshold.is_conditional is (for_s is not None or warmup_s > 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a threshold"),
        ("fast please", "has none of < <= > >="),
        ("p95", "has none of"),
        ("p95 = 5", "has none of"),
        ("< 5", "is not a threshold"),
        ("p95 <", "is not a threshold"),
        ("p95 <== 5", "is not a threshold"),
        ("p95 < soon", "'soon' is not a duration"),
        ("p95 < 0ms", "leaves no time at all"),
        ("p95 < -5ms", "is not a duration"),
        ("p0 < 5", "must lie between p0 and p100"),
        ("p100 < 5", "must lie between p0 and p100"),
        ("p999 < 5", "not p999"),
        ("lat95 < 5", "is not a figure to judge by; there are p95"),
        ("eror_rate < 1%", "did you mean error_rate?"),
        ("response_time < 5", "write response_time_p95"),
        ("send_lag < 1ms", "write send_lag_p95"),
        ("dropped < 1%", "not a count"),
        ("dropped_rate < 5", "not a share"),
        ("GET /a dropped < 5", "names a series, but dropped is counted over the whole scenario"),
        ("drop_rate < 1%", "did you mean dropped_rate?"),
        ("error_rate < 5", "not a share"),
        ("error_rate < 0%", "can never hold"),
        ("throughput > fast", "not a rate"),
        ("requests > 1.5", "not a count"),
        ("requests > ²", "not a count"),
        (f"requests > {'9' * 400}", "too large"),
        (f"p95 < {'9' * 400}", "too large"),
        ("p95 < 500ms warmup 5s", "'warmup 5s' says nothing after 500ms; after the limit there may be"),
        ("p95 < 500ms abort", "'abort' says nothing after 500ms"),
        ("throughput > 5/s after 1m", "'after 1m' says nothing after 5/s"),
        ("p95 < 500ms, soon", "'soon' says nothing here"),
        ("p95 < 500ms,", "'' says nothing here"),
        ("p95 < 500ms, for 10s", "'for 10s' says nothing here"),
        ("p95 < 500ms for", "'for' does not say how long"),
        ("p95 < 500ms for 10", "'for 10' does not say how long"),
        ("p95 < 500ms for long", "'long' is not a duration"),
        ("p95 < 500ms for 0s", "not whole seconds"),
        ("p95 < 500ms for 1500ms", "not whole seconds"),
        ("p95 < 500ms, warmup", "'warmup' does not say how long"),
        ("p95 < 500ms, warmup 100ms", "not whole seconds"),
        ("p95 < 500ms, abort, abort", "abort stands there twice"),
        ("p95 < 500ms, warmup 1s, warmup 2s", "warmup stands there twice"),
        (f"p95 < 500ms for {'9' * 400}s", "cannot be"),
        ("requests > 100, abort", "requests > can only be known when all is over"),
        ("failures > 3, abort", "failures > can only be known when all is over"),
        ("dropped >= 1, abort", "dropped >= can only be known when all is over"),
        ("min < 5ms, abort", "min < can only be known when all is over"),
        ("max > 5ms, abort", "max > can only be known when all is over"),
        ("GET /a service_time_max > 5ms, warmup 5s, abort", "service_time_max > can only be known when all is over"),
        ("capacity >= 300/s, abort", "can only be known when all is over"),
        ("requests_per_user_minute < 120, abort", "can only be known when all is over"),
        ("capacity >= 300/s for 10s", "leave for out"),
        ("requests_per_user_minute < 120, warmup 10s", "leave warmup out"),
        ("GET /a capacity > 5/s", "names a series, but capacity is counted over the whole scenario"),
        ("capacity > much", "not a rate"),
        ("tag: p95 < 1s", "'tag:' is not a tag"),
        ("tag:check out p95 < 1s", "'tag:check out' is not a tag"),
    ],
)
def test_what_is_no_threshold_is_refused(text: str, message: str) -> None:
    """The sentence says what was not understood and what would be."""
    with pytest.raises(ValueError) as caught:
        parse_threshold(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("response_time_p95", 1000, "p95 <= 1000ms"),
        ("response_time_p95", 1000.0, "p95 <= 1000.0ms"),
        ("response_time_p99.9", "1s", "p99.9 <= 1s"),
        ("response_time_avg", 10.5, "mean <= 10.5ms"),
        ("response_time_mean", 10, "mean <= 10ms"),
        ("response_time_median", 10, "p50 <= 10ms"),
        ("response_time_min", 10, "min <= 10ms"),
        ("p99", "1000", "p99 <= 1000ms"),
        ("p95", "< 2s", "p95 < 2s"),
        ("service_time_max", 7, "service_time_max <= 7ms"),
        ("GET /a p95", 7, "GET /a p95 <= 7ms"),
        ("error_rate", 0.01, "error_rate <= 1%"),
        ("error_rate", 0.0001, "error_rate <= 0.01%"),
        ("error_rate", "2%", "error_rate <= 2%"),
        ("error_rate", 0, "error_rate <= 0%"),
        ("error_rate", 1, "error_rate <= 100%"),
        ("throughput", 5, "throughput >= 5/s"),
        ("rps", 1e5, "throughput >= 100000/s"),
        ("requests", 100, "requests >= 100"),
        ("failures", 0, "failures <= 0"),
        ("dropped", 0, "dropped <= 0"),
        ("dropped_rate", 0.005, "dropped_rate <= 0.5%"),
        ("send_lag_p99", 1, "send_lag_p99 <= 1ms"),
        ("error_rate", "< 1% for 10s, abort", "error_rate < 1% for 10s, abort"),
        ("error_rate", "0.01 for 10s, abort", "error_rate <= 1% for 10s, abort"),
        ("p95", "1000, warmup 30s", "p95 <= 1000ms, warmup 30s"),
        ("capacity", 300, "capacity >= 300/s"),
        ("tag:pay p95", 7, "tag:pay p95 <= 7ms"),
    ],
)
def test_the_short_form_becomes_an_expression(key: str, value: object, expected: str) -> None:
    """Times are milliseconds and upper limits, as are shares and failures; throughput and requests are lower limits."""
    assert threshold_from_mapping(key, value) == expected


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("response_tme_p95", 5, "did you mean response_time_p95?"),
        ("", 5, "needs the name of a figure"),
        ("p95", None, "must be a number"),
        ("p95", True, "must be a number"),
        ("p95", [5], "must be a number"),
        ("p95", float("nan"), "cannot be nan"),
        ("p95", 1e300, "cannot be 1e+300"),
        ("error_rate", 5, 'write 0.05 or "5%"'),
        ("requests", 1.5, "not a count"),
    ],
)
def test_what_is_no_short_form_is_refused(key: str, value: object, message: str) -> None:
    """Unknown figures and values that are no limits are refused with a sentence."""
    with pytest.raises(ValueError) as caught:
        threshold_from_mapping(key, value)
    assert message in str(caught.value)


_METRICS = st.sampled_from(["p95", "p99.99", "mean", "service_time_p50", "error_rate", "throughput", "requests"])
_SERIES = st.text(st.characters(codec="utf-8"), max_size=20)


_SECONDS = st.none() | st.integers(1, 400_000)


@given(
    _SERIES.filter(lambda text: not text.strip().startswith("tag:")),
    _METRICS,
    st.sampled_from(["<", "<=", ">", ">="]),
    st.integers(1, 100),
    st.integers(0, 3),
)
def test_expressions_are_stable(series: str, metric: str, op: str, percent: int, spaces: int) -> None:
    """A threshold's own expression says the same threshold again, whatever the series is called."""
    value = {"error_rate": f"{percent}%", "throughput": f"{percent}/s", "requests": str(percent)}.get(
        metric, f"{percent}ms"
    )
    gap = " " * spaces
    threshold = parse_threshold(f"{series} {metric}{gap}{op}{gap}{value}")
    assert parse_threshold(threshold.expression) == threshold
    assert threshold.series == (" ".join(series.split()) or None)
    assert threshold.op == op


@given(
    st.sampled_from(["", "GET /a ", "wait for it, abort ", "tag:pay "]),
    st.sampled_from(["p95 < 5ms", "error_rate <= 1 %", "throughput > 5/s", "failures < 7", "max < 1m30s"]),
    _SECONDS,
    _SECONDS,
    st.booleans(),
    st.booleans(),
)
def test_conditions_are_stable(
    series: str, core: str, for_s: int | None, warmup_s: int | None, abort: bool, warmup_first: bool
) -> None:
    """Whatever stands after the limit, in whatever order, the expression says it again and stays as it is."""
    after = [", abort"] * abort + ([f", warmup {warmup_s}s"] if warmup_s else [])
    text = f"{series}{core}{f' for {for_s}s' if for_s else ''}{''.join(reversed(after) if warmup_first else after)}"
    threshold = parse_threshold(text)
    assert parse_threshold(threshold.expression) == threshold
    assert threshold.for_us == (for_s * 1_000_000 if for_s else None)
    assert threshold.warmup_us == (warmup_s or 0) * 1_000_000
    assert threshold.abort is abort
    assert threshold.series == (series.strip() or None)


@given(st.text(max_size=30) | st.from_regex(r"[a-z_0-9.]{1,10} ?[<>=]{1,2} ?[0-9.a-z%/ ]{0,12}", fullmatch=True))
def test_any_text_is_a_threshold_or_a_value_error(text: str) -> None:
    """Nothing but a threshold or a ValueError comes of a text."""
    try:
        threshold = parse_threshold(text)
    except ValueError:
        return
    assert isinstance(threshold, Threshold)


@given(
    st.sampled_from(["p95", "error_rate", "throughput", "requests", "x"]),
    st.floats() | st.integers() | st.text(max_size=9),
)
def test_any_short_form_is_an_expression_or_a_value_error(key: str, value: float | str) -> None:
    """Whatever the limit is, an expression comes of it that can be read, or a ValueError."""
    try:
        expression = threshold_from_mapping(key, value)
    except ValueError:
        return
    assert parse_threshold(expression).expression == expression
