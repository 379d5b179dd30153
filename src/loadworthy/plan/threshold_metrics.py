"""What thresholds can be about: the figures by which a run is judged, and how a limit on each is written.

``p95`` and its like are aggregates of a time, all others stand for themselves. How a threshold is put together is in
:mod:`loadworthy.plan.thresholds`.
"""

from __future__ import annotations

import difflib
import math
import re
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
    "capacity",
]
Operator = Literal["<", "<=", ">", ">="]

TIME_METRICS = ("response_time", "service_time", "send_lag")
"""Metrics that need an aggregate, such as ``p95``."""

RATIO_METRICS = ("error_rate", "dropped_rate")
RATE_METRICS = ("throughput", "capacity")
"""Metrics per second."""

SCENARIO_METRICS = ("dropped", "dropped_rate", "requests_per_user_minute", "capacity")
"""Metrics of a whole scenario, which no series has."""

AT_LEAST_METRICS = ("throughput", "requests", "capacity")
"""Metrics of which more is better: in the short form their limit is the least."""

_PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d{1,6})?)")
_TIME = re.compile(r"(?:(response_time|service_time|send_lag)_)?(.+)")
_BARE = re.compile(r"\d+(?:\.\d+)?")
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
    "capacity": "capacity",
}
_TIMES = ("p50", "p90", "p95", "p99", "p99.9", *_AGGREGATES)
_KNOWN = (
    *_TIMES,
    *_PLAIN,
    *(f"{metric}_{part}" for metric in TIME_METRICS for part in _TIMES),
)


def parse_metric(word: str) -> tuple[Metric, str | None, float | None]:
    """(metric, aggregate, fraction) of ``p95``, ``service_time_max`` or ``error_rate``; ValueError with a sentence."""
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
        "dropped_rate, send_lag_p99, requests_per_user_minute and capacity"
    )


def parse_limit(metric: Metric, text: str) -> float:
    """A limit as it is kept: µs of a time, 0..1 of a share, per second of a rate, else a number; ValueError if none."""
    try:
        limit = _read_limit(metric, text)
    except OverflowError as error:
        raise ValueError(f"{text!r} is too large") from error
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
    if metric in RATE_METRICS:
        return parse_rate(text)
    if metric == "requests_per_user_minute":
        if not _BARE.fullmatch(text):
            raise ValueError(f"{text!r} is not a number of requests; write one like 120")
        return float(text)
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is not a count; write a whole number")
    return float(text)


def limit_text(metric: Metric, key: str, value: object) -> str:
    """The limit of the short form as an expression has it: ``1000`` is ``1000ms`` of a time, ``0.01`` ``1%``."""
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
    return f"{_plain(number)}/s" if metric in RATE_METRICS else _plain(number)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
