"""The intervals of a run as a Parquet table: a row for each series in each interval of each process.

=======================================  ============  ===============================================================
column                                   type          meaning
=======================================  ============  ===============================================================
scenario                                 string        the scenario's name
process, number                          int32, int64  whose interval, and which of it; together they name the interval
start                                    timestamp     when it began, UTC, to the ms
duration_ms                              int32         usually 1000
users                                    int64         users of this process at its end
iterations, interrupted                  int64         iterations that ended in it; attempts that the end of the run
                                                       cut off
scheduled, sent, dropped, late           int64         arrivals of an open workload
stopping                                 bool          whether the users were being stopped when it began
segment                                  int32         the segment under way where the load is searched for, else null
kind, name                               string        the series, e.g. ``GET``, ``/items``
requests, failures                       int64         how many were done in it, and how many of them failed
status_codes, failure_kinds              map           status or kind of failure → how many
sent_bytes, received_bytes               int64         on the wire
content_bytes                            int64         of the decoded bodies
response_X_ms, service_X_ms              double        mean, min, p50, p90, p95, p99, p99.9 (``p999``) and max of the
                                                       response and of the service time; null where unknown, as with
                                                       too few requests
response_histogram, service_histogram    binary        all times in compact form; null where there were none
=======================================  ============  ===============================================================

What belongs to the interval (all before ``kind``) stands in each of its rows; an interval in which no request was done
has one row, without a series. Percentiles of several rows cannot be averaged: merge their histograms
(``loadworthy.record.histogram.Histogram``). Parts (the time to connect, whole iterations) are no rows, for who adds up
rows must not count a request twice.

pyarrow is an extra.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from loadworthy.analysis.figures import PERCENTILES, Distribution
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval, SeriesInterval
from loadworthy.report.harmless import utf8

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

SCHEMA = 1
"""The version of the columns, in the file's metadata under ``loadworthy.schema``."""

ROWS_IN_A_GROUP = 20_000
TIMES = ("mean", "min", *PERCENTILES, "max")
_NO_SERIES = SeriesInterval("", "")
_ARRIVALS = ("scheduled", "sent", "dropped", "late")

Row = dict[str, Any]


def parquet_bytes(intervals: Iterable[Interval], run: str = "") -> bytes:
    """The content of a ``.parquet`` file; ``run`` is the run's name, for its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    schema = parquet_schema().with_metadata({"loadworthy.schema": str(SCHEMA), "loadworthy.run": utf8(run)})
    out = pa.BufferOutputStream()
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for rows in _grouped(row for interval in intervals for row in _rows(interval)):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return bytes(out.getvalue().to_pybytes())


def parquet_schema() -> pa.Schema:
    """The columns and their types."""
    import pyarrow as pa

    counts = pa.map_(pa.string(), pa.int64())
    columns: list[tuple[str, pa.DataType]] = [
        ("scenario", pa.string()), ("process", pa.int32()), ("number", pa.int64()),
        ("start", pa.timestamp("ms", tz="UTC")), ("duration_ms", pa.int32()), ("users", pa.int64()),
        ("iterations", pa.int64()), ("interrupted", pa.int64()), *((key, pa.int64()) for key in _ARRIVALS),
        ("stopping", pa.bool_()), ("segment", pa.int32()), ("kind", pa.string()), ("name", pa.string()),
        ("requests", pa.int64()), ("failures", pa.int64()), ("status_codes", counts), ("failure_kinds", counts),
        ("sent_bytes", pa.int64()), ("received_bytes", pa.int64()), ("content_bytes", pa.int64()),
        *((f"{which}_{figure}_ms", pa.float64()) for which in ("response", "service") for figure in TIMES),
        ("response_histogram", pa.binary()), ("service_histogram", pa.binary()),
    ]  # fmt: skip
    return pa.schema(columns)


def _grouped(rows: Iterable[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        group.append(row)
        if len(group) == ROWS_IN_A_GROUP:
            yield group
            group = []
    yield group


def _rows(interval: Interval) -> Iterator[Row]:
    whole = _of_interval(interval)
    for series in interval.series:
        yield {**whole, "kind": utf8(series.kind), "name": utf8(series.name), **_of_series(series)}
    if not interval.series:
        yield {**whole, "kind": None, "name": None, **_of_series(_NO_SERIES)}


def _of_interval(interval: Interval) -> Row:
    return {
        "scenario": utf8(interval.scenario),
        "process": interval.process,
        "number": interval.number,
        "start": interval.start_ms,
        "duration_ms": interval.duration_ms,
        "users": interval.users,
        "iterations": interval.iterations,
        "interrupted": interval.interrupted,
        **{key: getattr(interval, key) for key in _ARRIVALS},
        "stopping": interval.stopping,
        "segment": interval.segment,
    }


def _of_series(series: SeriesInterval) -> Row:
    response = _times("response", series.response)
    shared = series.service is series.response
    service = {key.replace("response", "service", 1): value for key, value in response.items()} if shared else None
    return {
        "requests": series.requests,
        "failures": series.failures,
        "status_codes": [(str(status), count) for status, count in sorted(series.statuses.items())],
        "failure_kinds": [(utf8(kind), count) for kind, count in sorted(series.failure_kinds.items())],
        "sent_bytes": series.sent_bytes,
        "received_bytes": series.received_bytes,
        "content_bytes": series.content_bytes,
        **response,
        **(service or _times("service", series.service)),
    }


def _times(which: str, times: Histogram) -> Row:
    packed = times.to_bytes() if times.count else None
    shown = Distribution.of(times).to_json()
    return {**{f"{which}_{figure}_ms": shown[figure] for figure in TIMES}, f"{which}_histogram": packed}
