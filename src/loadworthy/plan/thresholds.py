"""Thresholds: what a run is judged by, as people write it.

``[SERIES ]METRIC OP VALUE[ for DURATION][, abort][, warmup DURATION]``, for instance ``p95 < 500ms``,
``GET /contacts p99 < 1s, warmup 30s`` or ``error_rate < 1% for 10s, abort``. The operator is the last one in the text
and the metric is the last word before it; so a series may hold spaces and even ``<``. Instead of a series there may be
``tag:WORD``: all that the steps with that tag do.

``for`` asks for a stretch: the threshold is missed only where it is missed over so much time on end. ``warmup`` leaves
out the beginning. ``abort`` ends the run once the threshold is missed for sure. How that is judged is not said here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from loadworthy.plan.threshold_metrics import (
    AT_LEAST_METRICS,
    RATIO_METRICS,
    SCENARIO_METRICS,
    TIME_METRICS,
    Metric,
    Operator,
    limit_text,
    parse_limit,
    parse_metric,
)
from loadworthy.units import US_PER_S, format_duration, parse_duration_us

__all__ = [
    "RATIO_METRICS",
    "SCENARIO_METRICS",
    "TAG",
    "TIME_METRICS",
    "Metric",
    "Operator",
    "Threshold",
    "known_only_at_end",
    "parse_threshold",
    "threshold_from_mapping",
]

TAG = "tag:"
"""What stands before a tag where else there is a series."""

_EXPRESSION = re.compile(r"(?P<left>.*?)\s*(?P<op><=|>=|<|>)\s*(?P<right>[^<>]*)", re.DOTALL)
_STRETCH = re.compile(r"(?P<limit>.*?\S)\s+for\b(?P<time>.*)", re.IGNORECASE)
_WARMUP = re.compile(r"warm-?up\b(.*)", re.IGNORECASE)
_TAG = re.compile(r"tag:[A-Za-z0-9_-]{1,60}")
_VALUE_AND_REST = re.compile(r"(\d+(?:\.\d+)?(?:\s*(?:%|/\s*\w+|per\s+\w+)|\s*[a-zµ]+)?[^\s,]*)[\s,]+(\S.*)")
_EXAMPLES = "write one like p95 < 500ms, GET /contacts p99 < 1s, error_rate < 1% or throughput > 5/s"
_AFTER_LIMIT = "after the limit there may be: for 10s, then a comma and abort, a comma and warmup 30s"
_UNCONDITIONAL = ("capacity", "requests_per_user_minute")
"""Metrics with a time of their own: neither a stretch of the run nor all but its beginning has them."""
_ONLY_GROWS = ("requests", "failures", "dropped")


@dataclass(frozen=True, slots=True)
class Threshold:
    """One objective.

    Args:
        expression: the text, with single spaces; it says all of the others.
        metric: what is measured.
        aggregate: of a time: ``p95``, ``mean``, ``min`` or ``max`` (``median`` is ``p50``); None for the others.
        fraction: 0.95 for ``p95``; None where the aggregate is no percentile.
        series: ``KIND NAME`` or a name, ``*`` stands for any text, or ``tag:WORD``; None for the whole scenario. It may
            also mean parts, such as ``connect *`` or ``iteration``.
        op: how the observed value must stand to the limit.
        limit: µs of a time, 0..1 of a rate of errors or drops, per second of ``throughput`` and ``capacity``, a number
            of ``requests_per_user_minute``, else a count.
        for_us: how long on end it must be missed; None: it is judged over all of the time at once.
        warmup_us: so much of the scenario's beginning is not looked at.
        abort: whether a breach ends the run.
    """

    expression: str
    metric: Metric
    aggregate: str | None
    fraction: float | None
    series: str | None
    op: Operator
    limit: float
    for_us: int | None = None
    warmup_us: int = 0
    abort: bool = False

    @property
    def is_conditional(self) -> bool:
        """Whether it is not about all of the scenario's time at once."""
        return self.for_us is not None or self.warmup_us > 0


@dataclass(slots=True)
class _Conditions:
    """What stands after the limit."""

    for_us: int | None = None
    warmup_us: int = 0
    abort: bool = False

    def text(self) -> str:
        parts = [
            f" for {format_duration(self.for_us)}" if self.for_us is not None else "",
            ", abort" if self.abort else "",
            f", warmup {format_duration(self.warmup_us)}" if self.warmup_us else "",
        ]
        return "".join(parts)


def parse_threshold(text: str) -> Threshold:
    """The threshold that a text says; ValueError with a sentence otherwise."""
    match = _EXPRESSION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a threshold: it has none of < <= > >=; {_EXAMPLES}")
    left, right = match["left"].split(), " ".join(match["right"].split())
    if not left or not right or right.startswith("="):
        raise ValueError(f"{text!r} is not a threshold; {_EXAMPLES}")
    metric, aggregate, fraction = parse_metric(left[-1])
    series = " ".join(left[:-1]) or None
    _check_series(text, metric, series)
    op = cast("Operator", match["op"])
    written, conditions = _split(right)
    limit = _limit(metric, written)
    if limit == 0 and op == "<":
        raise ValueError(f"{text!r} can never hold, for nothing is less than 0; did you mean <= 0?")
    threshold = Threshold(
        f"{' '.join(left)} {op} {written}{conditions.text()}",
        metric,
        aggregate,
        fraction,
        series,
        op,
        limit,
        conditions.for_us,
        conditions.warmup_us,
        conditions.abort,
    )
    _check_conditions(threshold)
    return threshold


def known_only_at_end(threshold: Threshold) -> bool:
    """Whether a breach is never sure before the end, for what is asked for may still come.

    So it is where a count or the greatest value must be above its limit, or the least value below; and with what is
    only found when all is over. With ``for`` each stretch is an end of its own.
    """
    if threshold.metric in _UNCONDITIONAL:
        return True
    if threshold.for_us is not None:
        return False
    is_upper = threshold.op.startswith("<")
    if threshold.metric in _ONLY_GROWS or threshold.aggregate == "max":
        return not is_upper
    return threshold.aggregate == "min" and is_upper


def threshold_from_mapping(key: str, value: object) -> str:
    """The expression of one entry of the short form.

    ``response_time_p95: 1000`` is ``p95 <= 1000ms``, ``error_rate: 0.01`` is ``error_rate <= 1%``, ``throughput: 5``
    is ``throughput >= 5/s``. The value may carry its unit (``1s``), its operator (``"< 1s"``), and what stands after a
    limit (``"< 1% for 10s, abort"``). ValueError with a sentence for an unknown key or a value that is no limit.
    """
    words = key.split()
    if not words:
        raise ValueError(f"a threshold needs the name of a figure; {_EXAMPLES}")
    metric, aggregate, _ = parse_metric(words[-1])
    name = str(metric)
    if aggregate is not None:
        name = aggregate if metric == "response_time" else f"{metric}_{aggregate}"
    left = " ".join([*words[:-1], name])
    if isinstance(value, str) and value.strip()[:1] in ("<", ">"):
        return parse_threshold(f"{left} {value}").expression
    op = ">=" if metric in AT_LEAST_METRICS else "<="
    if isinstance(value, str) and value.strip():
        limit, conditions = _split(" ".join(value.split()))
        return parse_threshold(f"{left} {op} {limit_text(metric, key, limit)}{conditions.text()}").expression
    return parse_threshold(f"{left} {op} {limit_text(metric, key, value)}").expression


def _check_series(text: str, metric: Metric, series: str | None) -> None:
    if series is None:
        return
    if metric in SCENARIO_METRICS:
        raise ValueError(f"{text!r} names a series, but {metric} is counted over the whole scenario; leave it out")
    if series.startswith(TAG) and not _TAG.fullmatch(series):
        raise ValueError(f"{series!r} is not a tag; write one like tag:checkout, of letters, digits, _ and -")


def _split(right: str) -> tuple[str, _Conditions]:
    """The limit, and what stands after it; a duration there is whole seconds, for that is how a run is measured."""
    first, *others = (part.strip() for part in right.split(","))
    conditions = _Conditions()
    stretch = _STRETCH.fullmatch(first)
    if stretch is not None:
        first = stretch["limit"]
        conditions.for_us = _whole_seconds_us("for", stretch["time"])
    seen: set[str] = set()
    for part in others:
        warmup = _WARMUP.fullmatch(part)
        word = "warmup" if warmup else part.lower()
        if word in seen:
            raise ValueError(f"{word} stands there twice; once is enough")
        seen.add(word)
        if warmup:
            conditions.warmup_us = _whole_seconds_us("warmup", warmup[1])
        elif word == "abort":
            conditions.abort = True
        else:
            raise ValueError(f"{part!r} says nothing here; {_AFTER_LIMIT}")
    return first, conditions


def _whole_seconds_us(word: str, text: str) -> int:
    written = text.strip()
    if not written or written.replace(".", "", 1).isdigit():
        shown = f"{word} {written}".rstrip()
        raise ValueError(f"{shown!r} does not say how long; write a duration with its unit, as {word} 10s")
    try:
        duration_us = parse_duration_us(written)
    except OverflowError as error:
        raise ValueError(f"{written!r} is too long") from error
    if duration_us <= 0 or duration_us % US_PER_S:
        raise ValueError(
            f"{word} {written} is not whole seconds, in which a run is measured; write one like {word} 10s"
        )
    return duration_us


def _limit(metric: Metric, written: str) -> float:
    try:
        return parse_limit(metric, written)
    except ValueError as error:
        rest = _VALUE_AND_REST.fullmatch(written)
        if rest is None:
            raise
        raise ValueError(f"{rest[2]!r} says nothing after {rest[1]}; {_AFTER_LIMIT}") from error


def _check_conditions(threshold: Threshold) -> None:
    """What has no meaning together is refused when a plan is read, not found out when the run is over."""
    metric, aggregate = threshold.metric, threshold.aggregate
    if metric in _UNCONDITIONAL:
        word = "for" if threshold.for_us is not None else "warmup" if threshold.warmup_us else ""
        if word:
            why = "searched over many trials" if metric == "capacity" else "that of the busiest minute"
            raise ValueError(f"{metric} is {why}, so {word} says nothing of it; leave {word} out")
    if threshold.abort and known_only_at_end(threshold):
        name = metric if aggregate is None else aggregate if metric == "response_time" else f"{metric}_{aggregate}"
        raise ValueError(
            f"{name} {threshold.op} can only be known when all is over, so it cannot abort a run; leave abort out"
        )
