"""One threshold at work: finds the value, compares it, and words the result in one sentence.

A failed request is slower than any limit: an error that comes at once must not make a service look quick. So is an
arrival that was dropped (see :mod:`loadworthy.analysis.arrivals`), which has no time at all: a percentile is that of
the requests and the dropped together, the latter at its far end. With a share d of what was intended dropped, the
p-quantile of all is the quantile p ÷ (1 - d) of those that were sent, and beyond that there is none.

A percentile passes or fails where all of its 95 % interval is on one side of the limit. Where the limit lies within,
the threshold is undecided: another run of the same length may well show the other side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from loadworthy.analysis.bootstrap import percentile_interval
from loadworthy.analysis.figures import to_ms
from loadworthy.analysis.order_statistics import interval_ranks, min_samples
from loadworthy.analysis.subject import Subject, counts_bad, some, were
from loadworthy.analysis.threshold_result import IntervalMethod, ThresholdResult, Unit, format_value
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.thresholds import TIME_METRICS, Threshold
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import SeriesInterval
from loadworthy.units import format_count, format_ratio

__all__ = ["Judge", "Subject", "counts_bad", "some", "were"]

_UNITS: dict[str, Unit] = {
    "error_rate": "ratio",
    "dropped_rate": "ratio",
    "throughput": "per_s",
    "requests": "count",
    "failures": "count",
    "dropped": "count",
    "requests_per_user_minute": "per_user_minute",
    "capacity": "per_s",
}
_ROUNDING = 1e-12
"""Shares that differ by less are equal: 5 of 100 are still within p95."""


@dataclass(frozen=True, slots=True)
class _Between:
    """The interval of a percentile in ms, and how it was found."""

    low: float | None
    high: float | None
    method: IntervalMethod


class Judge:
    """A threshold and what it is judged over."""

    def __init__(self, threshold: Threshold, subject: Subject, implicit: bool = False) -> None:
        self.threshold = threshold
        self.subject = subject
        self.implicit = implicit
        self.unit: Unit = _UNITS.get(threshold.metric, "ms")
        scale = 1000 if self.unit == "ms" else 1
        self.limit = threshold.limit / scale
        what = threshold.aggregate or threshold.metric
        if threshold.metric in ("service_time", "send_lag"):
            what = f"{threshold.metric.replace('_', ' ')} {what}"
        self.what = f"{threshold.series} {what}" if threshold.series else what
        self._is_upper = counts_bad(threshold)
        self._lost = subject.lost_share if self._is_upper else 0.0

    def judge(self) -> ThresholdResult:
        """The verdict, with its evidence."""
        metric, total = self.threshold.metric, self.subject.total
        if metric == "requests_per_user_minute":
            return self._judge_pace()
        if metric in ("dropped", "dropped_rate"):
            return self._judge_dropped()
        if metric == "send_lag":
            return self._judge_time(self.subject.send_lag)
        if metric in TIME_METRICS:
            return self._beside_bad(self._judge_time(total.response if metric == "response_time" else total.service))
        if metric == "error_rate":
            return self._compared(self._bad_share, self._error_evidence())
        observed = _observed(metric, total, self.subject.duration_s)
        if observed is None:
            return self.undecided(f"{self.what} is unknown: the measured time is zero")
        return self._compared(observed, self._counts_evidence(observed))

    def undecided(self, reason: str) -> ThresholdResult:
        """No verdict, for want of evidence."""
        return self._result(Verdict.UNDECIDED, None, reason)

    def judge_told(self, value_ms: float) -> ThresholdResult:
        """The verdict on a time that somebody else has worked out, in ms; what failed weighs on it as ever."""
        return self._beside_bad(self._compared(value_ms, self._time_evidence(value_ms, self.subject.total.requests)))

    def judge_capacity(self, found: tuple[float | None, float | None, float | None] | None) -> ThresholdResult:
        """The verdict on what a search found: (low, rate, high), per second; None where none was made."""
        if found is None:
            return self.undecided(f"{self.what} is known only where a capacity was searched")
        low, rate, high = found
        least, most = (low, high) if self.threshold.op.startswith(">") else (high, low)
        verdict = Verdict.UNDECIDED
        if least is not None and self._holds(least):
            verdict = Verdict.PASS
        elif most is not None and not self._holds(most):
            verdict = Verdict.FAIL
        ends = [f"{word} {format_value(end, 'per_s')}" for word, end in (("at least", low), ("at most", high)) if end]
        sure = f" ({' and '.join(ends)})" if ends else ""
        was = f"{self.what} was {format_value(rate, 'per_s')}{sure}, limit {format_value(self.limit, 'per_s')}"
        if verdict is Verdict.UNDECIDED:
            was = f"{was}, which lies between what is known to hold and what is not; search longer, or more precisely"
        return self._result(verdict, rate, was)

    def _some(self, count: int) -> str:
        return some(count, self.subject.noun)

    # Counts and shares.

    def _judge_pace(self) -> ThresholdResult:
        busiest = self.subject.pace.busiest()
        if busiest is None:
            return self.undecided(f"{self.what} is unknown: no user ran for any measured time")
        evidence = (
            f"{self.what} was {format_value(busiest.per_user_minute, self.unit)} in the busiest "
            f"{busiest.seconds:,} s ({self._some(busiest.requests)} in {busiest.user_minutes:,.1f} user-minutes)"
        )
        return self._compared(busiest.per_user_minute, evidence)

    def _judge_dropped(self) -> ThresholdResult:
        arrivals = self.subject.arrivals
        if not arrivals.settled:
            return self.undecided(f"{self.what} is unknown: no iteration came to be due")
        what = "arrivals" if arrivals.is_open else "iterations that were due"
        late = f", {format_count(arrivals.late)} of them because the generator was behind" if arrivals.late else ""
        observed = arrivals.dropped_share if self.unit == "ratio" else float(arrivals.dropped)
        count = f"{format_count(arrivals.dropped)} of {format_count(arrivals.settled)} {what}"
        was = f"{self.what} was {format_value(observed, self.unit)}"
        return self._compared(observed, f"{was} ({count} {were(arrivals.dropped)} dropped{late})")

    @property
    def _bad_share(self) -> float:
        """The share of what was intended that failed or was dropped."""
        total = self.subject.total
        failed = total.failures / total.requests if total.requests else 0.0
        return 1 - (1 - failed) * (1 - self._lost) if self._lost else failed

    def _bad_words(self) -> str:
        """How many failed, how many were dropped; whichever there were."""
        total, arrivals = self.subject.total, self.subject.arrivals
        failed = f"{format_count(total.failures)} of {self._some(total.requests)} failed" if total.requests else ""
        count = f"{format_count(arrivals.dropped)} of {some(arrivals.settled, 'arrival')}"
        dropped = f"{count} {were(arrivals.dropped)} dropped"
        words = (failed if total.failures or not self._lost else "", dropped if self._lost else "")
        return " and ".join(word for word in words if word)

    def _error_evidence(self) -> str:
        was = f"{self.what} was {format_value(self._bad_share, self.unit)} ({self._bad_words()}"
        return f"{was}, and what was dropped counts as failed)" if self._lost else f"{was})"

    def _counts_evidence(self, observed: float) -> str:
        total = self.subject.total
        was = f"{self.what} was {format_value(observed, self.unit)}"
        if self.threshold.metric == "failures":
            return f"{was} ({format_count(total.failures)} of {self._some(total.requests)} failed)"
        if self.threshold.metric == "requests":
            return was
        but_failed = f", of which {format_count(total.failures)} failed and do not count" if total.failures else ""
        return f"{was} over {self._some(total.requests)}{but_failed}"

    # Times.

    def _beside_bad(self, result: ThresholdResult) -> ThresholdResult:
        """The result, unless so much failed or was dropped that it is broken, whatever the times say.

        "p95 below a limit" is broken where more than 5 % was bad; and "the mean (or the most) below a limit" where all
        was, for then no time of a good request is known.
        """
        threshold, total = self.threshold, self.subject.total
        if result.verdict is Verdict.FAIL or not threshold.op.startswith("<") or threshold.aggregate == "min":
            return result
        most = 1 - _ROUNDING if threshold.fraction is None else 1 - threshold.fraction + _ROUNDING
        if self._bad_share <= most:
            return result
        kinds = ("failed" if total.failures else "", "was dropped" if self._lost else "")
        counts = f"what {' or '.join(kind for kind in kinds if kind)} counts as slower than any limit"
        together = f", together {format_ratio(self._bad_share)} of what was intended" if all(kinds) else ""
        reason = f"{self.what}: {self._bad_words()}{together}, and {counts}"
        if self._lost:
            return self._result(Verdict.FAIL, None, reason)  # the percentile lies among what has no time
        return replace(result, verdict=Verdict.FAIL, reason=reason)

    def _judge_time(self, histogram: Histogram) -> ThresholdResult:
        if not histogram.count or self._lost == 1:
            return self.undecided(self._untimed())
        fraction = self.threshold.fraction
        if fraction is not None:
            # What was dropped lies beyond the slowest, so the quantile moves towards it.
            moved = fraction / (1 - self._lost)
            if moved > 1 + _ROUNDING:
                return self.undecided(f"{self.what} lies among what was dropped")
            if moved < 1 - _ROUNDING:
                return self._judge_percentile(histogram, moved)
        extremes = {"min": histogram.min_us, "max": histogram.max_us}
        mean_us = histogram.mean_us if fraction is None else histogram.max_us
        observed = to_ms(extremes.get(self.threshold.aggregate or "", mean_us))
        return self._compared(observed, self._time_evidence(observed, histogram.count))

    def _untimed(self) -> str:
        if self.threshold.metric != "send_lag":
            return f"{self.what} is unknown: none of the {self.subject.noun}s had a time"
        return (
            f"{self.what} is unknown: no {self.subject.noun} had an intended time of its own, as they have where a "
            "scenario has a rate"
        )

    def _time_evidence(self, observed: float | None, count: int) -> str:
        was = f"{self.what} was {format_value(observed, 'ms')} over {self._some(count)}"
        if not self._lost or self.threshold.fraction is None:
            return was
        arrivals = self.subject.arrivals
        dropped = f"{format_count(arrivals.dropped)} of {some(arrivals.settled, 'arrival')}"
        return f"{was}, with {dropped} that {were(arrivals.dropped)} dropped counted as slower than any limit"

    def _judge_percentile(self, histogram: Histogram, fraction: float) -> ThresholdResult:
        needed = min_samples(fraction)
        if histogram.count < needed:
            return self._judge_sparse(histogram.count, needed, self._by_order(histogram, fraction))
        observed = to_ms(histogram.percentile_us(fraction))
        if observed is None:
            return self.undecided(f"{self.what} is unknown")
        between = self._by_windows() if self.subject.windows else self._by_order(histogram, fraction)
        evidence = f"{self._time_evidence(observed, histogram.count)}, limit {self._limit_beside(observed)}"
        verdict = self._verdict_of(observed, between)
        if verdict is Verdict.UNDECIDED:
            evidence = f"{evidence}: {_between_words(between)}, and so may be on either side of it"
            evidence = f"{evidence}; {self.subject.remedy_words()}"
        return self._result(verdict, observed, evidence, between)

    def _by_order(self, histogram: Histogram, fraction: float) -> _Between:
        low_rank, high_rank = interval_ranks(fraction, histogram.count)
        low = None if low_rank is None else to_ms(histogram.value_at_rank_us(low_rank))
        high = None if high_rank is None else to_ms(histogram.value_at_rank_us(high_rank))
        return _Between(low, high, "order statistics")

    def _by_windows(self) -> _Between:
        low_us, high_us = percentile_interval(
            self.subject.windows,
            self.threshold.fraction or 0.0,
            bad_is_slow=self._is_upper,
            loses=self._lost > 0,
        )
        return _Between(to_ms(low_us), to_ms(high_us), "windows")

    def _verdict_of(self, observed: float, between: _Between) -> Verdict:
        """Where all of the interval is on one side of the limit, that side's."""
        near, far = (between.low, between.high) if self.threshold.op.startswith("<") else (between.high, between.low)
        if near is not None and not self._holds(near) and not self._holds(observed):
            return Verdict.FAIL
        return Verdict.PASS if far is not None and self._holds(far) and self._holds(observed) else Verdict.UNDECIDED

    def _judge_sparse(self, count: int, needed: int, between: _Between) -> ThresholdResult:
        """Too few samples to name the percentile; the end of its interval that is finite may still decide a breach."""
        is_less = self.threshold.op.startswith("<")
        bound, side = (between.low, "at least") if is_less else (between.high, "at most")
        few = f"{self._some(count)} {'is' if count == 1 else 'are'} too few ({format_count(needed)} needed)"
        if bound is not None and not self._holds(bound):
            reason = (
                f"{self.what} is {side} {format_value(bound, 'ms')} with 97.5 % confidence if {self.subject.noun}s "
                f"were independent, limit {self._limit_beside(bound)}; {few} to name it"
            )
            return self._result(Verdict.FAIL, None, reason, between)
        reason = f"{self.what} is unknown: {few}; {self.subject.remedy_words()}"
        return self._result(Verdict.UNDECIDED, None, reason, between)

    # The comparison.

    def _compared(self, observed: float | None, evidence: str) -> ThresholdResult:
        if observed is None:
            return self.undecided(f"{self.what} is unknown")
        verdict = Verdict.PASS if self._holds(observed) else Verdict.FAIL
        return self._result(verdict, observed, f"{evidence}, limit {self._limit_beside(observed)}")

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
        self, verdict: Verdict, observed: float | None, reason: str, between: _Between | None = None
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
            low=between.low if between else None,
            high=between.high if between else None,
            implicit=self.implicit,
            metric=self.threshold.metric,
            interval=between.method if between and (between.low, between.high) != (None, None) else None,
        )


def _between_words(between: _Between) -> str:
    low, high = (None if end is None else format_value(end, "ms") for end in (between.low, between.high))
    if low is None or high is None:
        return f"with 97.5 % confidence it is {f'at least {low}' if low else f'at most {high}' if high else 'unknown'}"
    return f"with 95 % confidence it lies between {low} and {high}"


def _observed(metric: str, total: SeriesInterval, duration_s: float) -> float | None:
    if metric == "throughput":
        # What failed was not put through.
        return round((total.requests - total.failures) / duration_s, 6) if duration_s > 0 else None
    return float(total.failures if metric == "failures" else total.requests)
