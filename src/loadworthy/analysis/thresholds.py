"""Judging one threshold against what was measured, with one sentence of evidence."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from loadworthy.analysis.accumulate import ScenarioTotals, merged
from loadworthy.analysis.figures import to_ms
from loadworthy.analysis.order_statistics import interval_ranks, min_samples
from loadworthy.analysis.pace import Pace
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.thresholds import Threshold
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import SeriesInterval
from loadworthy.units import format_count, format_ms, format_ratio

Unit = Literal["ms", "ratio", "per_s", "count", "per_user_minute"]

NO_FAILURES = Threshold(
    expression="error_rate <= 0%", metric="error_rate", aggregate=None, fraction=None, series=None, op="<=", limit=0.0
)
"""What a scenario without thresholds is judged by: no request may fail."""

UNKNOWN = "\N{EN DASH}"
"""What stands for a figure that is not known."""

_TIME_METRICS = ("response_time", "service_time")
_UNITS: dict[str, Unit] = {
    "error_rate": "ratio",
    "throughput": "per_s",
    "requests": "count",
    "failures": "count",
    "requests_per_user_minute": "per_user_minute",
}


@dataclass(frozen=True, slots=True)
class ThresholdResult:
    """A judged threshold. ``observed``, ``limit``, ``low``, ``high`` are in ``unit``: ms, ratio, per second, count or
    per minute of a user.

    ``low`` and ``high`` enclose a percentile with 95 % if the samples were independent, which they rarely are: the
    real interval is wider. None for an end that is not finite, and for all that is no percentile.
    """

    expression: str
    observed: float | None
    verdict: Verdict
    reason: str
    unit: Unit
    op: str
    limit: float
    series: str | None = None
    is_percentile: bool = False
    low: float | None = None
    high: float | None = None
    implicit: bool = False

    @property
    def margin(self) -> float | None:
        """How far inside the limit it is, as a share of the limit (negative: outside); None where that says nothing."""
        if self.observed is None or not self.limit:
            return None
        room = self.limit - self.observed if self.op.startswith("<") else self.observed - self.limit
        return room / self.limit

    def to_json(self) -> dict[str, Any]:
        """The form that stands in ``summary.json``."""
        data: dict[str, Any] = {
            "expression": self.expression,
            "observed": self.observed,
            "verdict": self.verdict.value,
            "reason": self.reason,
        }
        if self.is_percentile:
            data |= {"low": self.low, "high": self.high}
        if self.implicit:
            data["implicit"] = True
        return data


def evaluate(threshold: Threshold, totals: ScenarioTotals, *, implicit: bool = False) -> ThresholdResult:
    """Judge a threshold against the totals of its scenario.

    A series pattern is judged over all the series it matches, merged. Without any request there is no verdict.
    """
    judge = _Judge(threshold, implicit)
    if not totals.total.requests:
        if totals.interrupted:
            return judge.undecided(f"{_requests(totals.interrupted)} made and none answered before the end")
        return judge.undecided("no request was made, so there is nothing to judge")
    if threshold.metric == "requests_per_user_minute":
        return judge.judge_pace(totals.pace)
    if threshold.series is None:
        return judge.judge(totals.total, totals.duration_s)
    matching = [one for one in totals.series.values() if matches(threshold.series, one.kind, one.name)]
    if not matching:
        return judge.undecided(_no_such_series(threshold.series, totals))
    return judge.judge(merged(matching), totals.duration_s)


def matches(pattern: str, kind: str, name: str) -> bool:
    """Whether a series is meant by ``KIND NAME`` or ``NAME``, in which only ``*`` is special (names hold brackets)."""
    wanted = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
    return bool(wanted.fullmatch(f"{kind} {name}") or wanted.fullmatch(name))


def _no_such_series(pattern: str, totals: ScenarioTotals) -> str:
    names = sorted(f"{kind} {name}" for kind, name in totals.series)
    near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.4) or names[:3]
    there = "the only series is" if len(names) == 1 else f"of {len(names)} series the nearest are"
    return f"no request belongs to {pattern!r}; {there} {', '.join(near)}"


class _Judge:
    """One threshold at work: finds the value, compares it, and words the result."""

    def __init__(self, threshold: Threshold, implicit: bool) -> None:
        self.threshold = threshold
        self.implicit = implicit
        self.unit: Unit = _UNITS.get(threshold.metric, "ms")
        scale = 1000 if self.unit == "ms" else 1
        self.limit = threshold.limit / scale
        what = threshold.aggregate or threshold.metric
        if threshold.metric == "service_time":
            what = f"service time {what}"
        self.what = f"{threshold.series} {what}" if threshold.series else what

    def judge(self, total: SeriesInterval, duration_s: float) -> ThresholdResult:
        if self.threshold.metric in _TIME_METRICS:
            histogram = total.response if self.threshold.metric == "response_time" else total.service
            return self._beside_failures(self._judge_time(histogram), total)
        observed = _observed(self.threshold.metric, total, duration_s)
        if observed is None:
            return self.undecided(f"{self.what} is unknown: the measured time is zero")
        return self._compared(observed, self._counts_evidence(total, observed))

    def judge_pace(self, pace: Pace) -> ThresholdResult:
        busiest = pace.busiest()
        if busiest is None:
            return self.undecided(f"{self.what} is unknown: no user ran for any measured time")
        evidence = (
            f"{self.what} was {format_value(busiest.per_user_minute, self.unit)} in the busiest "
            f"{busiest.seconds:,} s ({_requests(busiest.requests)} in {busiest.user_minutes:,.1f} user-minutes)"
        )
        return self._compared(busiest.per_user_minute, evidence)

    def _counts_evidence(self, total: SeriesInterval, observed: float) -> str:
        was = f"{self.what} was {format_value(observed, self.unit)}"
        if self.threshold.metric in ("error_rate", "failures"):
            return f"{was} ({format_count(total.failures)} of {_requests(total.requests)} failed)"
        if self.threshold.metric == "requests":
            return was
        but_failed = f", of which {format_count(total.failures)} failed and do not count" if total.failures else ""
        return f"{was} over {_requests(total.requests)}{but_failed}"

    def _beside_failures(self, result: ThresholdResult, total: SeriesInterval) -> ThresholdResult:
        """A failed request is slower than any limit: an error that comes at once must not make a service look quick.

        So "p95 below a limit" is broken where more than 5 % failed, whatever the times say; and "the mean (or the most)
        below a limit" where all failed, for then no time of a good request is known.
        """
        if result.verdict is Verdict.FAIL or not self.threshold.op.startswith("<") or self.threshold.aggregate == "min":
            return result
        fraction = self.threshold.fraction
        # In whole requests: 5 of 100 are still within p95.
        bad_enough = total.requests if fraction is None else total.requests * (1 - fraction) + 1e-9
        if not total.failures or total.failures < bad_enough:
            return result
        reason = (
            f"{self.what}: {format_count(total.failures)} of {_requests(total.requests)} failed, "
            f"and what failed counts as slower than any limit"
        )
        return replace(result, verdict=Verdict.FAIL, reason=reason)

    def _judge_time(self, histogram: Histogram) -> ThresholdResult:
        if not histogram.count:
            return self.undecided(f"{self.what} is unknown: none of the requests had a time")
        fraction = self.threshold.fraction
        if fraction is not None and 0 < fraction < 1:
            return self._judge_percentile(histogram, fraction)
        extremes = {"min": histogram.min_us, "max": histogram.max_us}
        observed = to_ms(extremes.get(self.threshold.aggregate or "", histogram.mean_us))
        return self._compared(
            observed, f"{self.what} was {format_value(observed, 'ms')} over {_requests(histogram.count)}"
        )

    def _judge_percentile(self, histogram: Histogram, fraction: float) -> ThresholdResult:
        low_rank, high_rank = interval_ranks(fraction, histogram.count)
        low = None if low_rank is None else to_ms(histogram.value_at_rank_us(low_rank))
        high = None if high_rank is None else to_ms(histogram.value_at_rank_us(high_rank))
        needed = min_samples(fraction)
        if histogram.count < needed:
            return self._judge_sparse(histogram.count, needed, low, high)
        observed = to_ms(histogram.percentile_us(fraction))
        evidence = f"{self.what} was {format_value(observed, 'ms')} over {_requests(histogram.count)}"
        return self._compared(observed, evidence, low=low, high=high)

    def _judge_sparse(self, count: int, needed: int, low: float | None, high: float | None) -> ThresholdResult:
        """Too few samples to name the percentile; the end of its interval that is finite may still decide a breach."""
        bound, side = (low, "at least") if self.threshold.op.startswith("<") else (high, "at most")
        few = f"{_requests(count)} {'is' if count == 1 else 'are'} too few ({format_count(needed)} needed)"
        if bound is not None and not self._holds(bound):
            reason = (
                f"{self.what} is {side} {format_value(bound, 'ms')} with 97.5 % confidence if requests were "
                f"independent, limit {self._limit_beside(bound)}; {few} to name it"
            )
            return self._result(Verdict.FAIL, None, reason, low=low, high=high)
        reason = f"{self.what} is unknown: {few}; run longer or with more users"
        return self._result(Verdict.UNDECIDED, None, reason, low=low, high=high)

    def _compared(
        self, observed: float | None, evidence: str, *, low: float | None = None, high: float | None = None
    ) -> ThresholdResult:
        if observed is None:
            return self.undecided(f"{self.what} is unknown")
        verdict = Verdict.PASS if self._holds(observed) else Verdict.FAIL
        return self._result(verdict, observed, f"{evidence}, limit {self._limit_beside(observed)}", low=low, high=high)

    def undecided(self, reason: str) -> ThresholdResult:
        return self._result(Verdict.UNDECIDED, None, reason)

    def _holds(self, value: float) -> bool:
        match self.threshold.op:
            case "<":
                return value < self.limit
            case "<=":
                return value <= self.limit
            case ">":
                return value > self.limit
            case _:
                return value >= self.limit

    def _limit_beside(self, observed: float) -> str:
        """The limit in words; with the comparison where the two look the same when rounded."""
        text = format_value(self.limit, self.unit)
        if observed != self.limit and text == format_value(observed, self.unit):
            return f"{text} (exactly {observed:.10g} against {self.threshold.op} {self.limit:.10g})"
        return text

    def _result(
        self, verdict: Verdict, observed: float | None, reason: str, low: float | None = None, high: float | None = None
    ) -> ThresholdResult:
        fraction = self.threshold.fraction
        return ThresholdResult(
            expression=self.threshold.expression,
            observed=observed,
            verdict=verdict,
            reason=reason,
            unit=self.unit,
            op=self.threshold.op,
            limit=self.limit,
            series=self.threshold.series,
            is_percentile=fraction is not None and 0 < fraction < 1,
            low=low,
            high=high,
            implicit=self.implicit,
        )


def _observed(metric: str, total: SeriesInterval, duration_s: float) -> float | None:
    if metric == "error_rate":
        return total.failures / total.requests
    if metric == "throughput":
        # What failed was not put through.
        return round((total.requests - total.failures) / duration_s, 6) if duration_s > 0 else None
    return float(total.failures if metric == "failures" else total.requests)


def _requests(count: int) -> str:
    return f"{format_count(count)} request{'' if count == 1 else 's'}"


def format_value(value: float | None, unit: Unit) -> str:
    """A threshold's value or limit with its unit, as people read it; ``–`` for None."""
    if value is None:
        return UNKNOWN
    if unit == "ms":
        return format_ms(value)
    if unit == "ratio":
        return format_ratio(value)
    if unit == "count":
        return f"{value:,.0f}"
    return f"{value:,.1f}/s" if unit == "per_s" else f"{value:,.1f}"
