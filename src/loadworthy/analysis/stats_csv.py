"""Thresholds against a table of statistics: the ``_stats.csv`` that ``locust --csv`` writes, or our own ``stats.csv``.

Such a table holds the totals of a run and no times of single requests. Counts, shares, means and extremes are judged
exactly. Percentiles are what the table says of them: Locust rounds them to two digits, and nobody can tell any more how
sure they are. Two series' percentiles cannot be put together, so of several series it is only known that their joint
percentile lies between the lowest and the highest of theirs. What a table does not hold is undecided.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from loadworthy.analysis.judge import Judge
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.selection import NO_TAGS, Rank, Tags, rank_of, tag_of
from loadworthy.analysis.subject import Subject, some
from loadworthy.analysis.threshold_result import ThresholdResult, format_value
from loadworthy.analysis.thresholds import NO_FAILURES
from loadworthy.analysis.verdict import Verdict
from loadworthy.errors import UsageError
from loadworthy.plan.thresholds import TIME_METRICS, Threshold, parse_threshold
from loadworthy.record.interval import SeriesInterval
from loadworthy.units import format_count, format_ms

AGGREGATED = "Aggregated"
ROUNDED = "percentiles are as the table has them: rounded to two digits by Locust, and without an interval"
UNROUNDED = "percentiles are as the table has them, without an interval"

_LOCUST = ("Type", "Name", "Request Count", "Failure Count", "Requests/s")
_OURS = ("scenario", "kind", "name", "requests", "failures", "throughput")
_LOCUST_TIMES = {"mean": "Average Response Time", "min": "Min Response Time", "max": "Max Response Time"}
_COUNTS = ("error_rate", "requests", "failures", "throughput")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class StatsRow:
    """One series, or all of a scenario (without a kind, named ``Aggregated``).

    ``per_s`` are all its requests per second; None where the table leaves it open. ``times`` are metric → aggregate
    (``p95``, ``mean``) → ms, without what is unknown.
    """

    scenario: str
    kind: str
    name: str
    requests: int
    failures: int
    per_s: float | None
    times: Mapping[str, Mapping[str, float]]

    @property
    def is_total(self) -> bool:
        """Whether it is a scenario as a whole."""
        return not self.kind and self.name == AGGREGATED


@dataclass(frozen=True, slots=True)
class Stats:
    """A table: the rows of each scenario; Locust knows of one only, whose name is empty."""

    is_locust: bool
    scenarios: Mapping[str, Sequence[StatsRow]] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """What to know of its percentiles."""
        return ROUNDED if self.is_locust else UNROUNDED


def read_stats(text: str, file: str) -> Stats:
    """Read a table; UsageError with a sentence, which names the ``file``, where it is none."""
    try:
        reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
        lines = [dict(line) for line in reader]
        columns = tuple(reader.fieldnames or ())
    except csv.Error as error:
        raise UsageError(f"{file} is not a CSV table: {error}") from error
    is_locust = set(_LOCUST) <= set(columns)
    if not is_locust and not set(_OURS) <= set(columns):
        raise UsageError(
            f"{file} is not a table of statistics: name the NAME_stats.csv that locust --csv NAME writes, or the "
            "stats.csv of a run directory"
        )
    scenarios: dict[str, list[StatsRow]] = {}
    for number, line in enumerate(lines, start=2):
        row = _Line(line, f"{file}:{number}").row(is_locust=is_locust)
        scenarios.setdefault(row.scenario, []).append(row)
    if not scenarios or not all(any(row.is_total for row in rows) for rows in scenarios.values()):
        raise UsageError(f"{file} has no row {AGGREGATED}: it was cut off; write it again")
    return Stats(is_locust, scenarios)


class _Line:
    """One line of a table."""

    def __init__(self, cells: Mapping[str, str | None], place: str) -> None:
        self._cells = cells
        self._place = place

    def row(self, *, is_locust: bool) -> StatsRow:
        if is_locust:
            kind, name, requests, failures, per_s = (self._cells.get(column) or "" for column in _LOCUST)
            times = {"response_time": dict(self._locust_times())}
            return StatsRow("", kind, name, *self._counts(requests, failures), self._number(per_s), times)
        scenario, kind, name, requests, failures, per_s = (self._cells.get(column) or "" for column in _OURS)
        ours = {f"{metric}_time": dict(self._our_times(metric)) for metric in ("response", "service")}
        scenario, kind, name = (_unarmed(text) for text in (scenario, kind, name))
        return StatsRow(scenario, kind, name, *self._counts(requests, failures), self._number(per_s), ours)

    def _counts(self, requests: str, failures: str) -> tuple[int, int]:
        counts = [self._number(text) for text in (requests, failures)]
        if None in counts:
            raise UsageError(f"{self._place}: the counts of requests and failures are missing")
        made, failed = (int(count or 0) for count in counts)
        if failed > made:
            raise UsageError(f"{self._place}: more requests failed ({failed}) than were made ({made})")
        return made, failed

    def _number(self, text: str) -> float | None:
        """None for an empty cell, and for what Locust does not know."""
        if text in ("", "N/A"):
            return None
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            raise UsageError(f"{self._place}: {text!r} is no number of statistics; write the table again")
        return number

    def _locust_times(self) -> Iterator[tuple[str, float]]:
        columns = {column: aggregate for aggregate, column in _LOCUST_TIMES.items()}
        for column in self._cells:
            aggregate = columns.get(column)
            if column and column.endswith("%") and _is_number(column[:-1]) and float(column[:-1]) < 100:
                aggregate = f"p{float(column[:-1]):.10g}"
            value = self._number(self._cells[column] or "") if aggregate else None
            if aggregate and value is not None:
                yield aggregate, value

    def _our_times(self, metric: str) -> Iterator[tuple[str, float]]:
        for column, text in self._cells.items():
            if column and column.startswith(f"{metric}_") and column.endswith("_ms"):
                value = self._number(text or "")
                aggregate = column.removeprefix(f"{metric}_").removesuffix("_ms")
                if value is not None:
                    yield _with_point(aggregate), value


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _with_point(aggregate: str) -> str:
    """``p999`` is p99.9: our columns have no points."""
    digits = aggregate.removeprefix("p")
    if aggregate.startswith("p") and digits.isdecimal() and len(digits) > 2:
        return f"p{digits[:2]}.{digits[2:]}"
    return aggregate


def _unarmed(text: str) -> str:
    """Without the apostrophe that keeps spreadsheets from taking a text for a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_STARTS) else text


def judge_stats(
    expressions: Sequence[str], rows: Sequence[StatsRow], tags: Tags = NO_TAGS
) -> tuple[ThresholdResult, ...]:
    """Each expression judged in turn against the rows of a scenario; without any, that no request may fail."""
    if not expressions:
        return (_Table(NO_FAILURES, rows, tags, implicit=True).judge(),)
    return tuple(_Table(parse_threshold(text), rows, tags).judge() for text in expressions)


class _Table:
    """A threshold and the rows that it means."""

    def __init__(self, threshold: Threshold, rows: Sequence[StatsRow], tags: Tags, *, implicit: bool = False) -> None:
        self._threshold = threshold
        self._rows = rows
        self._tags = tags
        self._meant = _meant(threshold.series, rows, tags)
        self._requests = sum(row.requests for row in self._meant)
        failures = sum(row.failures for row in self._meant)
        per_s = [row.per_s for row in self._meant]
        together = sum(rate for rate in per_s if rate is not None)
        self._judge = Judge(
            threshold,
            Subject(
                total=SeriesInterval("", "", requests=self._requests, failures=failures),
                duration_s=self._requests / together if together and None not in per_s else 0.0,
                send_lag=SeriesInterval("", "").send_lag,
            ),
            implicit,
        )

    def judge(self) -> ThresholdResult:
        threshold = self._threshold
        if threshold.is_conditional:
            return self._unknown("a table has the totals of a run only: neither stretches of it nor its beginning")
        if threshold.metric not in (*_COUNTS, *TIME_METRICS):
            return self._unknown("the table does not hold it")
        if not any(row.requests for row in self._rows):
            return self._judge.undecided("no request was made, so there is nothing to judge")
        if not self._meant:
            return self._judge.undecided(self._nothing_meant())
        return self._judge.judge() if threshold.metric in _COUNTS else self._judge_time()

    def _unknown(self, why: str) -> ThresholdResult:
        return self._judge.undecided(f"{self._judge.what} is unknown: {why}")

    def _nothing_meant(self) -> str:
        tag = tag_of(self._threshold.series)
        if tag is not None and tag not in self._tags.known:
            there = (
                f"there are: {', '.join(self._tags.known)}" if self._tags.known else "a table has none: name the plan"
            )
            return f"no step has the tag {tag!r}; {there}"
        names = sorted(f"{row.kind} {row.name}" for row in self._rows if not row.is_total)
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return f"no request belongs to {self._threshold.series!r}; there are {', '.join(names[:5])}{more}"

    def _judge_time(self) -> ThresholdResult:
        threshold, aggregate = self._threshold, self._threshold.aggregate or ""
        rows = [row for row in self._meant if row.requests]
        known = [row.times.get(threshold.metric, {}).get(aggregate) for row in rows]
        values = [value for value in known if value is not None]
        if threshold.fraction is not None and self._requests < (needed := min_samples(threshold.fraction)):
            few = f"{some(self._requests, 'request')} {'is' if self._requests == 1 else 'are'} too few"
            return self._unknown(f"{few} ({format_count(needed)} needed); run longer, or with more users")
        if not values or len(values) < len(rows):
            there = ", ".join(sorted({one for row in rows for one in row.times.get(threshold.metric, {})}))
            return self._unknown(f"the table does not hold it{f'; it has {there}' if there else ''}")
        if aggregate == "mean":
            weighted = sum(value * row.requests for value, row in zip(values, rows, strict=True))
            return self._judge.judge_told(weighted / self._requests)
        if threshold.fraction is None:
            return self._judge.judge_told(min(values) if aggregate == "min" else max(values))
        return self._judge_percentiles(values)

    def _judge_percentiles(self, values: Sequence[float]) -> ThresholdResult:
        """Those of several series enclose that of all together."""
        low, high = min(values), max(values)
        results = [self._judge.judge_told(value) for value in (low, high)]
        if low == high or results[0].observed is None:
            return results[0]
        between = f"{self._judge.what} of {len(values)} series lies between {format_ms(low)} and {format_ms(high)}"
        reason = f"{between}, limit {format_value(results[0].limit, 'ms')}"
        verdict = results[0].verdict if results[0].verdict is results[1].verdict else Verdict.UNDECIDED
        if verdict is Verdict.UNDECIDED:
            reason = f"{reason}; a table cannot tell more of several series together, the run's directory can"
        return replace(results[0], observed=None, verdict=verdict, reason=reason, low=low, high=high)


def _meant(pattern: str | None, rows: Sequence[StatsRow], tags: Tags) -> Sequence[StatsRow]:
    if pattern is None:
        return [row for row in rows if row.is_total]
    ranked: dict[Rank, list[StatsRow]] = {}
    for row in rows:
        rank = None if row.is_total else rank_of(pattern, (row.kind, row.name), tags)
        if rank is not None:
            ranked.setdefault(rank, []).append(row)
    return ranked[min(ranked)] if ranked else ()
