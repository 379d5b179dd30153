"""What charts show, in words: one or two sentences under each, from the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median
from typing import TYPE_CHECKING

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.report.words import plural, rate, stopwatch
from loadworthy.units import format_ms

if TYPE_CHECKING:
    from loadworthy.report.figures.course import Course

_FIFTH = 5
_STEADY, _GREW, _HUMP = 1.15, 1.5, 2.0
_SHARE_TOLD = 0.9
_FRACTIONS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def moment(at_s: float) -> str:
    """``0:05``, ``2:30``, ``1:00:00``, as on the axis: the second that it lies in."""
    return stopwatch(int(at_s))


def _points(course: Course) -> str:
    return "" if course.step_s == 1 or course.is_live else f" Each point covers {seconds(course.step_s)}."


def throughput(course: Course) -> str:
    """What was put through, and whether what was asked for was begun."""
    rates = [(one.throughput, one.at_s) for one in course.seconds]
    if not rates:
        return ""
    most, at_s = max(rates)
    told = f"{_average(course, most)}, {rate(most)} at most, at {moment(at_s)}."
    if course.is_open:
        told += _begun(course)
    if stall := _stalled(course):
        told += f" Nothing was answered for {seconds(stall[1])}, from {moment(stall[0])} on."
    return told + _points(course)


_ALL = 0.9995


def _average(course: Course, most: float) -> str:
    """That of the summary, which counts what was answered after the end, too."""
    known = None if course.whole is None else course.whole.throughput
    if known is None:
        return f"{rate(fmean(one.throughput for one in course.seconds))} on average"
    after = ", with what was answered after the end" if known > most else ""
    return f"{rate(known)} on average{after}"


def _begun(course: Course) -> str:
    """Which share of the iterations that were due began, and where the others are to be seen."""
    whole = course.whole
    intended, begun = sum(course.values("intended")), sum(course.values("sent"))
    if whole is not None:
        intended, begun = whole.intended, whole.begun
    share = begun / intended if intended else 1.0
    percent = f"{share * 100:.4g}" if share == 1 or share < _ALL else f"{min(share * 100, 99.99):.2f}"
    told = f" Of the iterations that were due {percent} % began"
    if whole is not None and whole.late:
        return f"{told}; {whole.late:,} are in no line, for the generator never came to them."
    return f"{told}." if share > _ALL else f"{told}: the dashed line is what was asked for."


def _stalled(course: Course) -> tuple[float, float] | None:
    """The longest time within the run without a request that was done: when it began, and how long it was."""
    best: tuple[float, float] | None = None
    began: float | None = None
    for one in course.seconds[:-1]:
        if one.requests:
            began = None
            continue
        began = one.at_s if began is None else began
        length = one.at_s + course.step_s - began
        if began > 0 and (best is None or length > best[1]):
            best = (began, length)
    return best


def response_time(course: Course, missing: Sequence[str]) -> str:
    """How response times went, where they were worst, and what is not drawn."""
    name = next((name for name in ("p95", "p50") if course.values(f"{name}_ms")), None)
    told = ""
    if name is not None:
        known = [(value, one.at_s) for one in course.seconds if (value := getattr(one, f"{name}_ms")) is not None]
        worst, at_s = max(known)
        went = f"{_went(known, course.step_s)}; at its worst {format_ms(worst)}, at {moment(at_s)}"
        if not _is_told_from_end_to_end(course, known):
            usual = format_ms(median(value for value, _ in known))
            went = f"was at its worst {format_ms(worst)}, at {moment(at_s)}; half of its points are at {usual} or less"
        told = f"{name} {went}."
    if missing and not course.is_live:
        told += f" Not drawn, for want of requests in each point: {_needed(missing)}."
    if partly := _drawn_in_part(course):
        told += f" Drawn only where a point has requests enough: {_needed(partly)}."
    return told.strip() + _points(course)


def _needed(names: Sequence[str]) -> str:
    return ", ".join(f"{one} ({plural(min_samples(_FRACTIONS[one]), 'request')})" for one in names)


def _drawn_in_part(course: Course) -> list[str]:
    """Percentiles that some of the points with requests have, and some have not."""
    busy = sum(one.requests > 0 for one in course.seconds)
    known = {name: len(course.values(f"{name}_ms")) for name in _FRACTIONS}
    return [] if course.is_live else [name for name, count in known.items() if 0 < count < busy]


def _is_told_from_end_to_end(course: Course, known: Sequence[tuple[float, float]]) -> bool:
    """Whether the end of the known values may be compared with their beginning: the load did not change on purpose."""
    first_s, last_s = course.seconds[0].at_s, course.seconds[-1].at_s
    part = (last_s - first_s) / _FIFTH
    return not course.is_varied and known[0][1] <= first_s + part and known[-1][1] >= last_s - part


def _went(known: Sequence[tuple[float, float]], step_s: int) -> str:
    """The course of a figure, of which (value, seconds) are given: from its first fifth to its last, or its hump."""
    values = [value for value, _ in known]
    part = max(len(values) // _FIFTH, 1)
    first, last, usual = median(values[:part]), median(values[-part:]), median(values)
    if first == last or (min(first, last) > 0 and 1 / _STEADY <= last / first <= _STEADY):
        high = [at_s for value, at_s in known if value > _HUMP * usual]
        if not high:
            return f"stayed about {format_ms(usual)}"
        when = f"between {moment(high[0])} and {moment(high[-1] + step_s)}"
        return f"was mostly about {format_ms(usual)}, and more than twice that {when}"
    word = "rose" if last > first else "fell"
    is_much = min(first, last) > 0 and not 1 / _GREW <= last / first <= _GREW
    much = f", {_times(max(last, first) / min(last, first))}" if is_much else ""
    return f"{word} from {format_ms(first)} at first to {format_ms(last)} at the end{much}"


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 10 else f"{ratio:,.0f} times"


def failures(course: Course) -> str:
    """What failed, and when."""
    failed = [(one.at_s, one.failures) for one in course.seconds]
    total = sum(count for _, count in failed)
    if not total:
        return ""
    first, last = _bulk(failed, total)
    when = "spread over the whole run"
    if (last - first) < (failed[-1][0] - failed[0][0]) * 0.7 or len(failed) == 1:
        when = f"nine of ten between {moment(first)} and {moment(last + course.step_s)}"
    kinds = (
        f", most often {course.kinds[0]}" if len(course.kinds) > 1 else "".join(f", all {one}" for one in course.kinds)
    )
    whole = course.whole.failures if course.whole is not None else total
    after = f" {whole - total:,} came after the end and are not drawn." if whole > total else ""
    return f"{plural(max(whole, total), 'failure')}{kinds}; {when}.{after}"


def _bulk(failed: Sequence[tuple[float, int]], total: int) -> tuple[float, float]:
    """From where to where the middle nine tenths of the failures lie."""
    tail = total * (1 - _SHARE_TOLD) / 2
    seen, first, last = 0, failed[0][0], failed[-1][0]
    for at_s, count in failed:
        if seen <= tail < seen + count:
            first = at_s
        if seen < total - tail <= seen + count:
            last = at_s
        seen += count
    return first, last


def users(course: Course) -> str:
    """How many were at work."""
    counts = [one.users for one in course.seconds]
    if not counts:
        return ""
    most = max(*counts, 0 if course.whole is None else course.whole.users)
    if course.is_open:
        return f"As many as it took to begin iterations when they were due: {plural(most, 'user')} at most."
    reached = next((f", first reached at {moment(one.at_s)}" for one in course.seconds if one.users == most), "")
    return f"{plural(most, 'user')} at most{reached}."


def generator(course: Course) -> str:
    """Whether the generator had room left."""
    busiest, lags = course.values("cpu"), course.values("loop_lag_ms")
    if not busiest:
        return ""
    late = f"; its event loop was late by at most {format_ms(max(lags))}" if lags else ""
    return f"Its busiest process used {max(busiest) * 100:.0f} % of a core at most{late}."
