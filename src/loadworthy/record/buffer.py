"""Recording in the hot path: append now, count once a second.

Each series keeps one flat list of integers, seven for each sample. Appending costs a fraction of a microsecond; binning
into histograms happens in numpy when the interval ends, at some tens of nanoseconds a sample. Most of that is making an
array of the list, so whoever cannot stand still for long calls :meth:`SampleBuffer.settle` now and then. One thread
(one gevent hub) records and drains, so there is no lock.

What is a *part* of something that is counted already (the connection that a request needed, an iteration of several
requests) has a series of its own that adds to no total. The time to the first byte comes with the sample and becomes a
part when the interval ends: another record for each request would cost ten times as much.
"""

from __future__ import annotations

import numpy as np

from loadworthy.record.histogram import Histogram, Int64Array
from loadworthy.record.interval import SeriesInterval
from loadworthy.record.sample import Failure

_COLUMNS = 7  # response_us, service_us, status, sent_bytes, received_bytes, content_bytes, first_byte_us

MAX_SERIES = 1000
"""Names beyond this many share one series: a name with an id in it must not eat the memory."""

_NO_ROWS: Int64Array = np.zeros((0, _COLUMNS), dtype=np.int64)
OTHER_NAMES = "(other names)"
UNTIMED_US = -1
FIRST_BYTE = "first_byte"
"""Kind of the parts that hold the time from the intended start to the first byte of the answer."""

MAX_MESSAGES = 1000
"""Failure messages counted beyond this many are counted under their kind: a message may carry an id too."""


class FailureLog:
    """A bounded, deduplicated record of what failed: the first few of each way to fail in each series.

    Messages may carry ids, so each kind of failure in each series has a quota of its own: none starves another.
    """

    def __init__(self, per_key: int = 3, per_kind: int = 20, total: int = 2000) -> None:
        self._per_key = per_key
        self._per_kind = per_kind
        self._left = total
        self._kept: dict[tuple[str, str, str], int] = {}
        self._seen: dict[tuple[str, str, str, str], int] = {}
        self._new: list[tuple[str, str, int, Failure]] = []

    def add(self, kind: str, name: str, status: int, failure: Failure) -> None:
        """Keep it if it is among the first of its like."""
        key = (kind, name, failure.kind, failure.message)
        seen = self._seen.get(key, 0)
        kept = self._kept.get(key[:3], 0)
        if seen >= self._per_key or kept >= self._per_kind or self._left <= 0:
            return
        self._seen[key] = seen + 1
        self._kept[key[:3]] = kept + 1
        self._left -= 1
        self._new.append((kind, name, status, failure))

    def drain(self) -> list[tuple[str, str, int, Failure]]:
        """What was kept since the last call: (kind, name, status, failure)."""
        kept, self._new = self._new, []
        return kept


class _SeriesRows:
    __slots__ = ("_settled", "failure_kinds", "kind", "name", "rows")

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name
        self.rows: list[int] = []
        self.failure_kinds: dict[str, int] = {}
        self._settled: list[Int64Array] = []

    def settle(self) -> None:
        """Make an array of what has come."""
        if self.rows:
            self._settled.append(np.array(self.rows, dtype=np.int64))
            self.rows = []

    def take(self) -> Int64Array:
        """All since the last call, a row for each sample."""
        self.settle()
        parts, self._settled = self._settled, []
        if not parts:
            return _NO_ROWS
        return (parts[0] if len(parts) == 1 else np.concatenate(parts)).reshape(-1, _COLUMNS)

    def take_failure_kinds(self) -> dict[str, int]:
        """All since the last call."""
        kinds, self.failure_kinds = self.failure_kinds, {}
        return kinds


class SampleBuffer:
    """A :class:`~loadworthy.record.sample.SampleSink` that turns into :class:`SeriesInterval` once a second."""

    def __init__(self, max_series: int = MAX_SERIES) -> None:
        self._series: dict[tuple[str, str], _SeriesRows] = {}
        self._parts: dict[tuple[str, str], _SeriesRows] = {}
        self._max_series = max_series
        self._interrupted = 0
        self._receive_lags: list[int] = []
        self._first_bytes: list[SeriesInterval] = []
        self._errors: dict[tuple[str, str, str], int] = {}
        self.failures = FailureLog()

    def record(
        self,
        kind: str,
        name: str,
        intended_us: int,
        sent_us: int,
        done_us: int,
        status: int = 0,
        sent_bytes: int = 0,
        received_bytes: int = 0,
        failure: Failure | None = None,
        content_bytes: int = 0,
        first_byte_us: int = 0,
    ) -> None:
        """Add one sample; see :class:`~loadworthy.record.sample.SampleSink`."""
        try:
            series = self._series[kind, name]
        except KeyError:
            series = self._add_to(self._series, kind, name)
        series.rows += (
            done_us - intended_us,
            done_us - sent_us,
            status,
            sent_bytes,
            received_bytes,
            content_bytes,
            first_byte_us - intended_us if first_byte_us else UNTIMED_US,
        )
        if failure is not None:
            self._add_failure(series, status, failure)

    def record_part(
        self,
        kind: str,
        name: str,
        start_us: int,
        done_us: int,
        failure: Failure | None = None,
        sent_us: int | None = None,
    ) -> None:
        """Add a part; see :class:`~loadworthy.record.sample.SampleSink`."""
        try:
            series = self._parts[kind, name]
        except KeyError:
            series = self._add_to(self._parts, kind, name)
        service_us = done_us - (start_us if sent_us is None else sent_us)
        series.rows += (done_us - start_us, service_us, 0, 0, 0, 0, UNTIMED_US)
        if failure is not None:
            series.failure_kinds[failure.kind.value] = series.failure_kinds.get(failure.kind.value, 0) + 1

    def receive_lag(self, lag_us: int) -> None:
        """Add how long an answer had lain here, by the kernel's stamp, before it was read."""
        self._receive_lags.append(lag_us)

    def record_untimed(self, kind: str, name: str, content_bytes: int = 0, failure: Failure | None = None) -> None:
        """Add a sample that has no time of its own: it counts as a request and stays out of the percentiles."""
        self.record(kind, name, -UNTIMED_US, -UNTIMED_US, 0, 0, 0, 0, failure, content_bytes)

    def interrupted(self) -> None:
        """Count an attempt that the end of the run cut off."""
        self._interrupted += 1

    def settle(self) -> None:
        """Do some of the work of the next drain now; it changes nothing else."""
        for rows in (*self._series.values(), *self._parts.values()):
            rows.settle()

    def drain(self) -> tuple[list[SeriesInterval], int]:
        """All samples since the last call, by series, and how many attempts were interrupted."""
        drained: list[SeriesInterval] = []
        for rows in self._series.values():
            if (table := rows.take()).size:
                series, first_bytes = _to_interval(rows, table)
                drained.append(series)
                if first_bytes.count:
                    self._first_bytes.append(_part(FIRST_BYTE, f"{rows.kind} {rows.name}", first_bytes))
        interrupted, self._interrupted = self._interrupted, 0
        return drained, interrupted

    def drain_parts(self) -> list[SeriesInterval]:
        """All parts since the last call; the first bytes are those of the samples drained last."""
        drained, self._first_bytes = self._first_bytes, []
        for rows in self._parts.values():
            if (table := rows.take()).size:
                drained.append(_to_interval(rows, table)[0])
        return drained

    def drain_receive_lags(self) -> Histogram:
        """The receive lags since the last call."""
        lags, self._receive_lags = self._receive_lags, []
        return Histogram.of(lags)

    def drain_errors(self) -> dict[tuple[str, str, str], int]:
        """(kind, name, failure message) → how often since the last call."""
        errors, self._errors = self._errors, {}
        return errors

    def _add_to(self, series: dict[tuple[str, str], _SeriesRows], kind: str, name: str) -> _SeriesRows:
        if len(series) >= self._max_series and name != OTHER_NAMES:
            name = OTHER_NAMES
            if (kind, name) in series:
                return series[kind, name]
        added = series[kind, name] = _SeriesRows(kind, name)
        return added

    def _add_failure(self, series: _SeriesRows, status: int, failure: Failure) -> None:
        series.failure_kinds[failure.kind.value] = series.failure_kinds.get(failure.kind.value, 0) + 1
        message = failure.message if len(self._errors) < MAX_MESSAGES else failure.kind.value
        key = (series.kind, series.name, message)
        self._errors[key] = self._errors.get(key, 0) + 1
        self.failures.add(series.kind, series.name, status, failure)


def _to_interval(series: _SeriesRows, table: Int64Array) -> tuple[SeriesInterval, Histogram]:
    """The series, and its times to the first byte."""
    responses, services, statuses = table[:, 0], table[:, 1], table[:, 2]
    same = bool((responses == services).all())
    response = _histogram(responses)
    failure_kinds = series.take_failure_kinds()
    interval = SeriesInterval(
        kind=series.kind,
        name=series.name,
        requests=len(table),
        failures=sum(failure_kinds.values()),
        sent_bytes=int(table[:, 3].sum()),
        received_bytes=int(table[:, 4].sum()),
        statuses=_count_statuses(statuses),
        failure_kinds=failure_kinds,
        content_bytes=int(table[:, 5].sum()),
        response=response,
        service=response if same else _histogram(services),
    )
    if not same:
        lags = responses - services
        interval.send_lag.record_many(lags[lags > 0])
    return interval, _histogram(table[:, 6])


def _part(kind: str, name: str, times: Histogram) -> SeriesInterval:
    return SeriesInterval(kind, name, requests=times.count, response=times, service=times)


def _histogram(values_us: Int64Array) -> Histogram:
    histogram = Histogram()
    timed = values_us if int(values_us.min()) >= 0 else values_us[values_us >= 0]
    histogram.record_many(np.ascontiguousarray(timed))
    return histogram


def _count_statuses(statuses: Int64Array) -> dict[int, int]:
    if not statuses.any():
        return {}
    values, counts = np.unique(statuses, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True) if value}
