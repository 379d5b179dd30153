"""The figures of the live view: the last seconds, the last minutes as lines, the busiest series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from loadworthy.analysis.accumulate import WindowFigures
from loadworthy.report.layout import Column, Rank, Row, fitted_columns
from loadworthy.report.progress import Progress, Running
from loadworthy.report.terminal import plain, red
from loadworthy.report.text_over_time import rate_line, time_line
from loadworthy.report.words import milliseconds, rate
from loadworthy.units import UNKNOWN, format_count, format_ms, format_ratio

_WIDE = 60
_MOST_NAMED = 4
"""Scenarios that stay longest, and that get lines of their figures over time."""
_TOP_SERIES = 3
"""Series that stay when room is short."""


def last_seconds(progress: Progress, width: int) -> Iterator[Row]:
    """A row for each scenario, named where there are several. Columns that matter less go where there is no room."""
    shown = progress.shown
    if not shown:
        return
    is_open = any(one.is_open for one in shown)
    columns = [*_columns(progress, shown, is_open=is_open)]
    if len(shown) > 1:
        names = [Text(plain(one.name), style="bold") for one in shown]
        columns.insert(0, Column("", names, is_left=True))
    heading, *rows = fitted_columns(columns, width, gap=2 if width >= _WIDE else 1, least_name=8)
    yield Row(heading, Rank.SIGNAL)
    for place, row in enumerate(rows):
        yield Row(row, Rank.HEAD if place < _MOST_NAMED else Rank.CALM)


def _columns(progress: Progress, shown: Sequence[Running], *, is_open: bool) -> Iterator[Column]:
    """Iterations and requests of an open workload are both told, which leaves room for less else."""
    windows = [progress.window_of(one) for one in shown]
    totals = [progress.totals_of(one) for one in shown]
    requests = [one.total.requests if one else 0 for one in totals]
    failures = [one.total.failures if one else 0 for one in totals]
    yield _column("users", 5, [format_count(progress.users_of(one)) for one in shown])
    if is_open:
        yield _column("begun", 3, [_begun(window, one) for window, one in zip(windows, shown, strict=True)])
    yield _column("requests" if is_open else "last 10 s", 1, [rate(window.throughput) for window in windows])
    if not is_open:
        yield _column("mean", 8, [format_ms(window.mean_ms) for window in windows])
    yield _column("p50", 6, [format_ms(window.p50_ms) for window in windows])
    yield _column("p95", 4, [format_ms(window.p95_ms) for window in windows])
    yield _column("p99", 0, [format_ms(window.p99_ms) for window in windows])
    if is_open:
        yield Column("failed", [_alarming(count) for count in failures])
        yield Column("dropped", [_alarming(one.arrivals.dropped if one else 0) for one in totals], 2)
        return
    yield _column("requests", 7, [format_count(count) for count in requests])
    yield Column("failed", [_alarming(count) for count in failures])
    shares = (bad / all_ if all_ else None for bad, all_ in zip(failures, requests, strict=True))
    yield _column("of all", 9, [format_ratio(share) for share in shares])


def _column(heading: str, rank: int, cells: Sequence[str]) -> Column:
    return Column(heading, [Text(cell, style="bold") for cell in cells], rank)


def _alarming(count: int) -> Text:
    text = red(count)
    text.stylize("bold")
    return text


def _begun(window: WindowFigures, running: Running) -> str:
    """Iterations begun, beside those to begin; in a search these are told above."""
    if running.search is not None:
        return rate(window.begun)
    if running.rate is None:
        return UNKNOWN
    return f"{rate(window.begun)} (to {rate(running.rate * running.factor)})"


def last_minutes(progress: Progress, width: int) -> Iterator[Row]:
    """For each scenario a line of its p99 and one of its throughput, once there are two steps of them."""
    shown = [one for one in progress.shown if progress.totals_of(one) is not None]
    for place, one in enumerate(shown[:_MOST_NAMED]):
        name = one.name if len(shown) > 1 else ""
        times, rates = one.recent.times_ms(), one.recent.rates()
        if len(times.values) > 1:
            yield Row(time_line(times, width, name), Rank.RATES if place else Rank.TIMES)
        if len(rates.values) > 1:
            yield Row(rate_line(rates, width, name), Rank.OLD_NEWS if place else Rank.RATES)


def busiest_series(progress: Progress, width: int) -> Iterator[Row]:
    """The series with the most requests of all scenarios that are shown, over all the time so far."""
    found = progress.busiest()
    if not found:
        return
    columns = [
        Column("busiest series", [Text(plain(f"{one.kind} {one.name}")) for one, _ in found], is_left=True),
        Column("requests", [Text(format_count(one.requests)) for one, _ in found], 3),
        Column("failed", [red(one.failures) for one, _ in found], 1),
        Column("p50 ms", [Text(milliseconds(times.p50)) for _, times in found], 4),
        Column("p95 ms", [Text(milliseconds(times.p95)) for _, times in found], 0),
        Column("p99 ms", [Text(milliseconds(times.p99)) for _, times in found], 2),
    ]
    for place, line in enumerate(fitted_columns(columns, width)):
        yield Row(line, Rank.SERIES if place <= _TOP_SERIES else Rank.MORE)
