"""The tables that ``locust --csv PREFIX`` writes, of a run of ours, for tools that read those.

The columns are those of Locust 2.47 and mean the same: response times in ms, rates per second, times in UTC. Where our
figures are better than Locust's, they are kept: times have their µs and not two digits, rates are over the measured
time, and first and last seen are right to a second. Where they are more careful, they are ``N/A``, which is Locust's
own word for an unknown percentile: of too few requests a percentile is not named.

Locust knows no scenarios, so each scenario has a set of four tables:

======================  ============================================================================================
table                   rows
======================  ============================================================================================
``_stats.csv``          one for each series by name, then ``Aggregated``
``_stats_history.csv``  one for each second, ``Aggregated``: rates over the last ten seconds, and all since the start
``_failures.csv``       one for each kind of failure in a series: its message, or where there were several, the kind
                        and the messages
``_exceptions.csv``     one for each exception in user code that belongs to no request
======================  ============================================================================================

Text that a spreadsheet would take for a formula has an apostrophe before it, as in ``stats.csv``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S, ScenarioTotals, SeriesKey
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.timeline import Second
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import SeriesInterval
from loadworthy.report.failures import failure_examples
from loadworthy.report.harmless import no_formula
from loadworthy.report.steps import Step
from loadworthy.report.tables import AGGREGATED
from loadworthy.units import US_PER_MS

PERCENTILES = {
    "50%": 0.5, "66%": 0.66, "75%": 0.75, "80%": 0.8, "90%": 0.9, "95%": 0.95, "98%": 0.98, "99%": 0.99,
    "99.9%": 0.999, "99.99%": 0.9999, "100%": 1.0,
}  # fmt: skip
"""Column → fraction."""

STATS_HEADER = (
    "Type", "Name", "Request Count", "Failure Count", "Median Response Time", "Average Response Time",
    "Min Response Time", "Max Response Time", "Average Content Size", "Requests/s", "Failures/s", *PERCENTILES,
)  # fmt: skip
HISTORY_HEADER = (
    "Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s", *PERCENTILES, "Total Request Count",
    "Total Failure Count", "Total Median Response Time", "Total Average Response Time", "Total Min Response Time",
    "Total Max Response Time", "Total Average Content Size",
)  # fmt: skip
FAILURES_HEADER = ("Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen")
EXCEPTIONS_HEADER = ("Count", "Message", "Traceback", "Nodes")

NOT_KNOWN = "N/A"
RATE_OVER_S = 10
"""So long a time the rates of the history are of."""

_SHOWN_MESSAGES = 5
_NOTHING = SeriesInterval("", AGGREGATED)


def stats_table(totals: ScenarioTotals | None) -> str:
    """``_stats.csv``; None is a scenario that never ran."""
    series = {} if totals is None else totals.series
    duration_s = 0.0 if totals is None else totals.duration_s
    rows = [_stats_row(one.kind, one.name, one, duration_s) for one in sorted(series.values(), key=_by_name)]
    total = _NOTHING if totals is None else totals.total
    return _csv(STATS_HEADER, [*rows, _stats_row("", AGGREGATED, total, duration_s)])


def _by_name(series: SeriesInterval) -> SeriesKey:
    return series.name, series.kind


def _stats_row(kind: str, name: str, one: SeriesInterval, duration_s: float) -> list[str]:
    rates = [count / duration_s if duration_s > 0 else 0.0 for count in (one.requests, one.failures)]
    return [
        no_formula(kind), no_formula(name), str(one.requests), str(one.failures),
        *_extremes(one.response), _number(one.content_bytes / one.requests if one.requests else 0),
        *(_number(rate) for rate in rates), *_percentiles(one.response),
    ]  # fmt: skip


def _extremes(times: Histogram) -> list[str]:
    """Median, mean, minimum and maximum; 0 where there was nothing, as Locust has it."""
    median = _percentile(times, 0.5, times.percentile_us(0.5)) if times.count else "0"
    return [median, _ms(times.mean_us or 0), _ms(times.min_us), _ms(times.max_us)]


def _percentiles(times: Histogram) -> Iterator[str]:
    values = times.percentiles_us(tuple(PERCENTILES.values()))
    return (_percentile(times, fraction, value) for fraction, value in zip(PERCENTILES.values(), values, strict=True))


def _percentile(times: Histogram, fraction: float, value_us: float | None) -> str:
    return NOT_KNOWN if value_us is None or times.count < min_samples(fraction) else _ms(value_us)


def history_table(steps: Iterable[Step], seconds: Sequence[Second], start_ms: int) -> str:
    """``_stats_history.csv``.

    Args:
        steps: the scenario second by second, all series together; seconds without a request may be missing.
        seconds: its timeline, for the users.
        start_ms: when its first interval began, ms since the epoch.
    """
    by_second = {step.at_s: step for step in steps}
    so_far = SeriesInterval("", AGGREGATED)
    rows = []
    for second in seconds:
        if (step := by_second.get(second.at_s)) is not None:
            so_far.add(_as_series(step))
        last = [by_second[at_s] for at_s in range(second.at_s - RATE_OVER_S + 1, second.at_s + 1) if at_s in by_second]
        over_s = min(second.at_s + 1, RATE_OVER_S)
        rates = (sum(one.requests for one in last) / over_s, sum(one.failures for one in last) / over_s)
        rows.append([
            str(start_ms // MS_PER_S + second.at_s + 1), str(second.users), "", AGGREGATED,
            *(f"{rate:2f}" for rate in rates), *_percentiles(so_far.response),
            str(so_far.requests), str(so_far.failures), *_extremes(so_far.response),
            _number(so_far.content_bytes / so_far.requests if so_far.requests else 0),
        ])  # fmt: skip
    return _csv(HISTORY_HEADER, rows)


def _as_series(step: Step) -> SeriesInterval:
    return SeriesInterval(
        "", AGGREGATED, requests=step.requests, failures=step.failures, content_bytes=step.content_bytes,
        response=step.times, service=step.times,
    )  # fmt: skip


def failures_table(steps: Iterable[Step], failures: Iterable[Mapping[str, Any]], scenario: str) -> str:
    """``_failures.csv``.

    Args:
        steps: the scenario second by second, each series.
        failures: the lines of ``failures.jsonl``, for the messages.
        scenario: whose of them.
    """
    messages: dict[tuple[str, str], list[str]] = {}
    for example in failure_examples(failures, scenario):
        messages.setdefault((example.series, example.kind), []).append(example.message)
    rows = []
    for (name, kind, failure), (count, first_ms, last_ms) in sorted(_seen(steps).items()):
        error = _error(failure, messages.get((f"{kind} {name}", failure), ()))
        text = [no_formula(cell) for cell in (kind, name, error)]
        rows.append([*text, str(count), _moment(first_ms), _moment(last_ms)])
    return _csv(FAILURES_HEADER, rows)


def _seen(steps: Iterable[Step]) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """(name, kind, failure) → how often, from when, until when, ms since the epoch."""
    seen: dict[tuple[str, str, str], tuple[int, int, int]] = {}
    for step in steps:
        kind, name = step.key
        for failure, more in step.failure_kinds.items():
            count, first_ms, last_ms = seen.get((name, kind, failure), (0, step.start_ms, step.end_ms))
            seen[name, kind, failure] = (count + more, min(first_ms, step.start_ms), max(last_ms, step.end_ms))
    return seen


def _error(failure: str, messages: Sequence[str]) -> str:
    """Of one kind in one series the first messages are on record: where it is one, all failures had it."""
    if len(messages) == 1:
        return messages[0]
    more = f" | and {len(messages) - _SHOWN_MESSAGES} more" if len(messages) > _SHOWN_MESSAGES else ""
    return f"{failure}: {' | '.join(messages[:_SHOWN_MESSAGES])}{more}" if messages else failure


def exceptions_table(events: Iterable[Mapping[str, Any]], scenario: str) -> str:
    """``_exceptions.csv``, from the events of the run: those of the scenario, and those that name none."""
    counts: dict[str, int] = {}
    tracebacks: dict[str, str] = {}
    nodes: dict[str, set[str]] = {}
    for event in events:
        if event.get("type") != "user_error" or event.get("scenario") not in (scenario, None):
            continue
        message = str(event.get("message") or "")
        counts[message] = counts.get(message, 0) + int(event.get("count") or 1)
        tracebacks.setdefault(message, str(event.get("traceback") or ""))
        process = event.get("process")
        nodes.setdefault(message, set()).add("local" if process is None else f"process {process}")
    rows = [
        [str(count), no_formula(message), no_formula(tracebacks[message]), ", ".join(sorted(nodes[message]))]
        for message, count in counts.items()
    ]
    return _csv(EXCEPTIONS_HEADER, rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)  # with Locust's own line ends, \r\n
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _ms(value_us: float) -> str:
    return _number(value_us / US_PER_MS)


def _number(value: float) -> str:
    return f"{round(value, 6):.12g}"


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // MS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
