"""Judging a threshold over the seconds of its scenario: after a warm-up, over every stretch, in windows.

The totals are those of the whole time. Here they are replaced by what the seconds say: all of them after the warm-up
for ``warmup``, the worst stretch for ``for``. A percentile gets the windows from which its interval is found.
"""

from __future__ import annotations

from dataclasses import replace

from loadworthy.analysis.arrivals import Arrivals
from loadworthy.analysis.judge import Judge
from loadworthy.analysis.stretches import State, by_second, judge, sliding
from loadworthy.analysis.subject import Subject, counts_bad
from loadworthy.analysis.threshold_result import ThresholdResult
from loadworthy.analysis.verdict import Verdict
from loadworthy.analysis.windows import ScenarioWindows, Seconds, Window
from loadworthy.plan.thresholds import Threshold
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import SeriesInterval
from loadworthy.units import US_PER_S, format_duration

_VERDICTS = {State.MISSED: Verdict.FAIL, State.HELD: Verdict.PASS, State.OPEN: Verdict.UNDECIDED}


def judge_seconds(
    threshold: Threshold, whole: Subject, windows: ScenarioWindows, *, implicit: bool = False
) -> ThresholdResult:
    """Judge it over the seconds.

    Args:
        threshold: what is asked.
        whole: what it means, over all of the scenario's time.
        windows: the scenario's seconds, which must keep what the threshold looks at.
        implicit: the plan does not say it.
    """
    seconds = windows.seconds(threshold)
    told = Judge(threshold, whole, implicit)
    if seconds is None:
        if not threshold.is_conditional:
            return told.judge()
        over = f"its warm-up of {format_duration(threshold.warmup_us)}" if threshold.warmup_us else "its first second"
        return told.undecided(f"{told.what} is unknown: the scenario was over within {over}")
    if threshold.for_us is not None:
        return _over_stretches(threshold, whole, seconds, implicit=implicit)
    if threshold.warmup_us:
        whole = replace(
            _part(threshold, whole, seconds.window(0, len(seconds))),
            duration_s=max(whole.duration_s - threshold.warmup_us / US_PER_S, 0.0),
            arrivals=seconds.arrivals,
        )
        if not (whole.total.requests or seconds.arrivals.settled):
            return told.undecided(f"no {whole.noun} was made after the warm-up, so there is nothing to judge")
    return Judge(threshold, replace(whole, windows=seconds.windows()), implicit).judge()


def _over_stretches(threshold: Threshold, whole: Subject, seconds: Seconds, *, implicit: bool) -> ThresholdResult:
    length = (threshold.for_us or 0) // US_PER_S
    stretch = format_duration(length * US_PER_S)
    told = Judge(threshold, whole, implicit)
    if len(seconds) < length:
        after = " after the warm-up" if threshold.warmup_us else ""
        lasted = format_duration(len(seconds) * US_PER_S)
        reason = f"the scenario had {lasted}{after}, and not {stretch} on end; run longer, or ask for less"
        return told.undecided(f"{told.what} is unknown: {reason}")
    loses = whole.loses and whole.arrivals.is_open and counts_bad(threshold)
    judged = judge(threshold, sliding(by_second(threshold, seconds), length), float(length), loses=loses)
    if judged.state is State.SILENT:
        return told.undecided(f"{told.what} is unknown: there was nothing to judge in any {stretch} on end")
    place = judged.worst
    part = _part(threshold, whole, seconds.window(place, place + length))
    if threshold.metric == "throughput":
        part.total.requests, part.total.failures = round(float(seconds.good[place : place + length].sum())), 0
    remedy = "ask for a longer time on end, run at a higher rate, or leave out the beginning with warmup"
    result = Judge(threshold, replace(part, duration_s=float(length), remedy=remedy), implicit).judge()
    first = seconds.first + place
    count = len(judged.states)
    where = f"the worst {stretch} of {count}" if count > 1 else f"the only {stretch}"
    reason = f"{result.reason} ({where} on end, from second {first} to {first + length})"
    return replace(result, verdict=_VERDICTS[judged.state], reason=reason)


def _part(threshold: Threshold, whole: Subject, window: Window) -> Subject:
    """Some seconds of what is judged, as if they were all; of times it holds those that the threshold asks for."""
    times, none = window.times, Histogram()
    is_response = threshold.metric == "response_time"
    total = SeriesInterval(
        whole.total.kind,
        whole.total.name,
        requests=window.requests,
        failures=window.failures,
        response=times if is_response else none,
        service=times if threshold.metric == "service_time" else none,
    )
    is_open = whole.arrivals.is_open
    kept = window.settled - window.dropped
    arrivals = Arrivals(
        scheduled=window.settled if is_open else 0,
        sent=kept if is_open else 0,
        dropped=window.dropped,
        iterations=0 if is_open else kept,
    )
    return replace(
        whole,
        total=total,
        send_lag=times if threshold.metric == "send_lag" else none,
        arrivals=arrivals,
        windows=(),
    )
