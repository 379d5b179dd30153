"""Wording that all renderings share, so that they never disagree."""

from __future__ import annotations

from collections.abc import Iterable

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.figures import Distribution
from loadworthy.analysis.stages import StageReport
from loadworthy.analysis.summary import CLOSED, OPEN, ScenarioSummary
from loadworthy.analysis.thresholds import UNKNOWN, ThresholdResult, format_value
from loadworthy.analysis.validity import Health
from loadworthy.analysis.verdict import Verdict
from loadworthy.record.interval import ITERATION
from loadworthy.units import format_count, format_ms, format_ratio

CLOSED_NOTE = (
    "Closed workload: each user waits for a response before it sends the next request, so a slow service is sent less. "
    "Response times describe the requests that were made, not those that a fixed rate of arrivals would have seen."
)

OPEN_NOTE = (
    "Open workload: iterations begin when they are due, whether or not earlier ones were answered. Response times "
    "count from when a request was due, service times from when it was sent. Arrivals that were dropped, for no user "
    "was free, count as slower than any limit."
)
AS_IF_INDEPENDENT = "as if requests were independent; wider in truth"
WORKLOAD_NOTES = {CLOSED: CLOSED_NOTE, OPEN: OPEN_NOTE}


def workload_notes(scenarios: Iterable[ScenarioSummary]) -> list[str]:
    """What there is to know of the workloads that were run, each once."""
    return list(dict.fromkeys(WORKLOAD_NOTES[one.workload] for one in scenarios))


def plural(count: int, word: str) -> str:
    """``1 request``, ``12,345 requests``."""
    return f"{format_count(count)} {word}{'' if count == 1 else 's'}"


def rate(per_second: float | None) -> str:
    """``324.0/s``; ``–`` for None."""
    return UNKNOWN if per_second is None else f"{per_second:,.1f}/s"


def stopwatch(whole_s: int) -> str:
    """Minutes and seconds as a stopwatch shows them, hours where there are any: ``0:48``, ``1:02:03``."""
    minutes, rest = divmod(max(whole_s, 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def milliseconds(value_ms: float | None) -> str:
    """A bare number of ms for a column headed so, three significant digits: ``0.42``, ``18.3``, ``1,250``."""
    if value_ms is None:
        return UNKNOWN
    if value_ms >= 100:
        return f"{value_ms:,.0f}"
    return f"{value_ms:.1f}" if value_ms >= 10 else f"{value_ms:.2f}"


def head_line(scenario: ScenarioSummary) -> str:
    """A scenario in one line: requests, rate, failures, duration, users.

    Of one that looked for its own load a rate over all of its trials would mean nothing.
    """
    figures = scenario.figures
    parts = [
        plural(figures.requests, "request"),
        *_rates(scenario),
        f"{plural(figures.failures, 'failure')} ({format_ratio(figures.error_rate)})",
        seconds(scenario.duration_s),
        f"up to {plural(scenario.users_max, 'user')}",
    ]
    if scenario.interrupted:
        parts.append(f"{format_count(scenario.interrupted)} cut off by the end")
    return " · ".join(parts)


def _rates(scenario: ScenarioSummary) -> list[str]:
    if scenario.search is not None:
        return [plural(len(scenario.search.capacity.trials), "trial"), plural(scenario.arrivals.dropped, "drop")]
    arrivals = [arrivals_line(scenario)] if scenario.workload == OPEN else []
    return [rate(scenario.figures.throughput), *arrivals]


def arrivals_line(scenario: ScenarioSummary) -> str:
    """What became of the arrivals of an open workload: ``sent 99.0/s of 100.0/s intended, 20 dropped``."""
    arrivals = scenario.arrivals
    intended, sent = arrivals.rates(scenario.due_s)
    late = f" ({format_count(arrivals.late)} of them never sent in time)" if arrivals.late else ""
    lost = f", {format_count(arrivals.unscheduled)} lost with a process" if arrivals.unscheduled else ""
    return f"sent {rate(sent)} of {rate(intended)} intended, {format_count(arrivals.dropped)} dropped{late}{lost}"


def stage_load(users: int, per_second: float | None) -> str:
    """What a stage held or went to: ``50 users``, or ``200.0/s`` where the workload is open."""
    return plural(users, "user") if per_second is None else rate(per_second)


def broken_by_failures(result: ThresholdResult) -> bool:
    """Whether the times are within the limit and so much failed that it is broken: a margin would say the contrary."""
    return result.verdict is Verdict.FAIL and result.margin is not None and result.margin > 0


def has_failures(part: str) -> bool:
    """Whether a part can fail: whole iterations are only timed, and what fails in them are requests."""
    return not part.startswith(f"{ITERATION} ")


def margin(result: ThresholdResult) -> str:
    """How far the observed value is from the limit: ``85 % below``, ``35 % above``; empty where that has no meaning."""
    share = result.margin
    if share is None:
        return ""
    if broken_by_failures(result):
        return "too many failed"
    below = (share >= 0) == result.op.startswith("<")
    # Cut, not rounded: 99.7 % below the limit is not "100 % below", which only zero is.
    percent = int(abs(share) * 100 + 1e-9)
    size = f"{percent:,} %" if percent else "under 1 %" if share else "0 %"
    return f"{size} {'below' if below else 'above'}"


def observed(result: ThresholdResult) -> str:
    """The value that was observed, or the bound that decided where there were too few requests to name it."""
    if result.observed is None and result.verdict is Verdict.FAIL:
        above = result.op.startswith("<")
        bound = result.low if above else result.high
        if bound is not None:
            return f"{'at least' if above else 'at most'} {format_value(bound, result.unit)}"
    return format_value(result.observed, result.unit)


def interval(result: ThresholdResult) -> str:
    """The 95 % interval of a percentile, ``405 to 420 ms``, ``950 ms to 1.05 s``, or ``950 ms or more``.

    Empty where there is none, and where a bound alone was observed.
    """
    if result.low is None or result.observed is None:
        return ""
    if result.high is None:
        return f"{format_ms(result.low)} or more"
    low, high = format_ms(result.low), format_ms(result.high)
    unit = high.partition(" ")[2]
    return f"{low.removesuffix(f' {unit}')} to {high}"


def interval_method(result: ThresholdResult) -> str:
    """How the interval was found, and what that leaves out."""
    return "by bootstrap over windows of the run" if result.interval == "windows" else AS_IF_INDEPENDENT


def interval_note(results: Iterable[ThresholdResult]) -> str | None:
    """What there is to know of intervals that are narrower than the truth; None where there are none of those."""
    known = [one for one in results if interval(one)]
    narrow = [one.expression for one in known if one.interval != "windows"]
    if not narrow:
        return None
    which = "Intervals" if len(narrow) == len(known) else f"Interval of {', '.join(narrow)}"
    return f"{which}: {AS_IF_INDEPENDENT}."


def health_line(health: Health) -> str:
    """The generator in one line."""
    cpu = UNKNOWN if health.cpu is None else f"{health.cpu * 100:.0f} % of a core"
    lag = UNKNOWN if health.loop_lag_ms is None else format_ms(health.loop_lag_ms)
    state = "not fit to judge" if health.reasons else "see the warnings" if health.warnings else "fit to judge"
    return f"CPU {cpu} (p95) · event loop at most {lag} late · {state}"


def health_details(health: Health) -> list[str]:
    """What else is known of the generator: how late it sent, how long answers lay in it, what it was short of."""
    details = []
    if health.send_lag_ms is not None:
        details.append(f"iterations began late by {_lag(health.send_lag_ms)}")
    if health.receive_lag_ms is not None:
        details.append(f"answers lay unread for {_lag(health.receive_lag_ms)}: the generator's own share")
    if health.gc_pause_ms is not None:
        details.append(f"garbage collection paused it for {format_ms(health.gc_pause_ms)} at most")
    if health.descriptors is not None:
        details.append(f"{health.descriptors[0]:,.0f} of {health.descriptors[1]:,.0f} files open")
    if health.ports is not None:
        details.append(f"{health.ports * 100:.0f} % of the ports in use")
    return details


def _lag(times: Distribution) -> str:
    """``0.06 ms (p50), 0.11 ms (p99), 3.20 ms at most``, without what is not known."""
    known = ((times.p50, "(p50)"), (times.p99, "(p99)"), (times.max, "at most"))
    return ", ".join(f"{format_ms(value)} {name}" for value, name in known if value is not None)


def stage_facts(report: StageReport) -> list[str]:
    """What the stages showed, in sentences: the most that was carried, what broke where, and the recovery."""
    facts = []
    if report.max_sustained_throughput is not None:
        facts.append(f"Up to {rate(report.max_sustained_throughput)} in a stage in which the thresholds held.")
    facts += [
        f"{point.threshold} broke first in stage {point.stage + 1}, {stage_load(point.users, point.rate)}, "
        f"which began {seconds(point.at_s)} after the start."
        for point in report.failure_points
    ]
    if report.recovery is not None:
        facts.append(as_sentence(report.recovery.sentence))
    return facts


def as_sentence(clause: str) -> str:
    """A clause with a full stop, and with a capital letter unless it begins with a name: ``p95``, ``error_rate``."""
    is_name = any(char in "_/0123456789" for char in clause.partition(" ")[0])
    begun = clause if is_name else f"{clause[:1].upper()}{clause[1:]}"
    return f"{begun.rstrip('.')}."
