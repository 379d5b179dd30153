"""Thresholds: what a run is judged by, as people write it.

``[SERIES ]METRIC OP VALUE``, for instance ``p95 < 500ms``, ``GET /contacts p99 < 1s`` or ``error_rate < 1%``. The
operator is the last one in the text and the metric is the last word before it; so a series may hold spaces and even
``<``.
How a threshold is judged is not said here.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal, cast

from loadworthy.units import US_PER_MS, parse_duration_us, parse_rate, parse_ratio

Metric = Literal[
    "response_time",
    "service_time",
    "send_lag",
    "error_rate",
    "throughput",
    "requests",
    "failures",
    "dropped",
    "dropped_rate",
    "requests_per_user_minute",
]
TIME_METRICS = ("response_time", "service_time", "send_lag")
"""Metrics that need an aggregate, such as ``p95``."""

RATIO_METRICS = ("error_rate", "dropped_rate")

SCENARIO_METRICS = ("dropped", "dropped_rate", "requests_per_user_minute")
"""Metrics of a whole scenario, which no series has."""

Operator = Literal["<", "<=", ">", ">="]

_EXPRESSION = re.compile(r"(?P<left>.*?)\s*(?P<op><=|>=|<|>)\s*(?P<right>[^<>]*)", re.DOTALL)
_PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d{1,6})?)")
_TIME = re.compile(r"(?:(response_time|service_time|send_lag)_)?(.+)")
_BARE = re.compile(r"\d+(?:\.\d+)?")
_VALUE_AND_REST = re.compile(r"(\d+(?:\.\d+)?(?:\s*(?:%|/\s*\w+|per\s+\w+)|\s*[a-zµ]+)?[^\s,]*)[\s,]+(\S.*)")
_AGGREGATES = {"mean": "mean", "avg": "mean", "average": "mean", "median": "p50", "min": "min", "max": "max"}
_PLAIN: dict[str, Metric] = {
    "error_rate": "error_rate",
    "throughput": "throughput",
    "rps": "throughput",
    "requests": "requests",
    "failures": "failures",
    "dropped": "dropped",
    "dropped_rate": "dropped_rate",
    "requests_per_user_minute": "requests_per_user_minute",
}
_TIMES = ("p50", "p90", "p95", "p99", "p99.9", *_AGGREGATES)
_KNOWN = (
    *_TIMES,
    *_PLAIN,
    *(f"{metric}_{part}" for metric in TIME_METRICS for part in _TIMES),
)
_EXAMPLES = "write one like p95 < 500ms, GET /contacts p99 < 1s, error_rate < 1% or throughput > 5/s"


@dataclass(frozen=True, slots=True)
class Threshold:
    """One objective.

    Args:
        expression: the text, with single spaces.
        metric: what is measured.
        aggregate: of a time: ``p95``, ``mean``, ``min`` or ``max`` (``median`` is ``p50``); None for the others.
        fraction: 0.95 for ``p95``; None where the aggregate is no percentile.
        series: ``KIND NAME`` or a name, ``*`` stands for any text; None for the whole scenario. It may also mean parts,
            such as ``connect *`` or ``iteration``.
        op: how the observed value must stand to the limit.
        limit: µs of a time, 0..1 of a rate of errors or drops, per second of ``throughput``, a number of
            ``requests_per_user_minute``, else a count.
    """

    expression: str
    metric: Metric
    aggregate: str | None
    fraction: float | None
    series: str | None
    op: Operator
    limit: float


def parse_threshold(text: str) -> Threshold:
    """The threshold that ``[SERIES ]METRIC OP VALUE`` says; ValueError with a sentence otherwise."""
    match = _EXPRESSION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a threshold: it has none of < <= > >=; {_EXAMPLES}")
    left, right = match["left"].split(), " ".join(match["right"].split())
    if not left or not right or right.startswith("="):
        raise ValueError(f"{text!r} is not a threshold; {_EXAMPLES}")
    metric, aggregate, fraction = _parse_metric(left[-1])
    if metric in SCENARIO_METRICS and len(left) > 1:
        raise ValueError(f"{text!r} names a series, but {metric} is counted over the whole scenario; leave it out")
    op = cast("Operator", match["op"])
    limit = _parse_limit(metric, right)
    if limit == 0 and op == "<":
        raise ValueError(f"{text!r} can never hold, for nothing is less than 0; did you mean <= 0?")
    expression = f"{' '.join(left)} {op} {right}"
    return Threshold(expression, metric, aggregate, fraction, " ".join(left[:-1]) or None, op, limit)


def threshold_from_mapping(key: str, value: object) -> str:
    """The expression of one entry of the short form.

    ``response_time_p95: 1000`` is ``p95 <= 1000ms``, ``error_rate: 0.01`` is ``error_rate <= 1%``, ``throughput: 5``
    is ``throughput >= 5/s``. The value may carry its unit (``1s``) or its operator (``"< 1s"``). ValueError with a
    sentence for an unknown key or a value that is no limit.
    """
    words = key.split()
    if not words:
        raise ValueError(f"a threshold needs the name of a figure; {_EXAMPLES}")
    metric, aggregate, _ = _parse_metric(words[-1])
    name = str(metric)
    if aggregate is not None:
        name = aggregate if metric == "response_time" else f"{metric}_{aggregate}"
    left = " ".join([*words[:-1], name])
    if isinstance(value, str) and value.strip()[:1] in ("<", ">"):
        return parse_threshold(f"{left} {value}").expression
    op = ">=" if metric in ("throughput", "requests") else "<="
    return parse_threshold(f"{left} {op} {_limit_text(metric, key, value)}").expression


def _parse_metric(word: str) -> tuple[Metric, str | None, float | None]:
    plain = _PLAIN.get(word.lower())
    if plain is not None:
        return plain, None, None
    match = _TIME.fullmatch(word.lower())
    metric, aggregate = (match[1] or "response_time", match[2]) if match else ("response_time", "")
    if aggregate in TIME_METRICS:
        raise ValueError(f"{word!r} does not say which: write {aggregate}_p95, {aggregate}_mean or {aggregate}_max")
    if aggregate in _AGGREGATES:
        aggregate = _AGGREGATES[aggregate]
        return cast("Metric", metric), aggregate, 0.5 if aggregate == "p50" else None
    percentile = _PERCENTILE.fullmatch(aggregate)
    if percentile is None:
        raise ValueError(f"{word!r} is not a figure to judge by; {_nearest(word)}")
    percent = Decimal(percentile[1])
    if not 0 < percent < 100:
        raise ValueError(f"{word!r} is not a percentile: it must lie between p0 and p100, as p95 or p99.9 (not p999)")
    return cast("Metric", metric), aggregate, float(percent / 100)


def _nearest(word: str) -> str:
    near = difflib.get_close_matches(word.lower().replace("-", "_"), _KNOWN, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return (
        "there are p95 (any percentile), mean, median, min, max, error_rate, throughput, requests, failures, dropped, "
        "dropped_rate, send_lag_p99 and requests_per_user_minute"
    )


def _parse_limit(metric: Metric, text: str) -> float:
    try:
        limit = _read_limit(metric, text)
    except OverflowError as error:
        raise ValueError(f"{text!r} is too large") from error
    except ValueError as error:
        rest = _VALUE_AND_REST.fullmatch(text)
        if rest is None:
            raise
        raise ValueError(
            f"{rest[2]!r} says more than this version reads: a threshold is judged over the whole scenario, "
            f"so it ends after its value ({rest[1]})"
        ) from error
    if not math.isfinite(limit):
        raise ValueError(f"{text!r} is too large")
    return limit


def _read_limit(metric: Metric, text: str) -> float:
    if metric in TIME_METRICS:
        limit_us = round(float(text) * US_PER_MS) if _BARE.fullmatch(text) else parse_duration_us(text)
        if limit_us <= 0:
            raise ValueError(f"{text!r} leaves no time at all")
        return float(limit_us)
    if metric in RATIO_METRICS:
        return parse_ratio(text)
    if metric == "throughput":
        return parse_rate(text)
    if metric == "requests_per_user_minute":
        if not _BARE.fullmatch(text):
            raise ValueError(f"{text!r} is not a number of requests; write one like 120")
        return float(text)
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is not a count; write a whole number")
    return float(text)


def _limit_text(metric: Metric, key: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"the limit of {key} must be a number or text with a unit, not {value!r}")  # noqa: TRY004  pydantic collects no TypeError
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return str(value)
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise ValueError(f"the limit of {key} cannot be {value}")
    if metric in TIME_METRICS:
        return f"{number:f}ms"
    if metric in RATIO_METRICS:
        if not 0 <= number <= 1:
            raise ValueError(f'a share lies between 0 and 1, and {value} does not; write {number / 100} or "{number}%"')
        return f"{_plain(number * 100)}%"
    return f"{_plain(number)}/s" if metric == "throughput" else _plain(number)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
