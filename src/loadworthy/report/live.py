"""Watching a run in the terminal: a panel that is redrawn, or a line every few seconds where that cannot be.

Both are observers of a run (``on_event``, ``on_interval``, ``tick``), draw only when told of a tick, and start no
thread. :func:`make_view` chooses; use the view as a context manager, so that the terminal is put right at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadworthy.analysis.accumulate import WindowFigures
from loadworthy.analysis.ending import seconds
from loadworthy.analysis.figures import Distribution
from loadworthy.analysis.thresholds import format_value
from loadworthy.plan.model import Plan
from loadworthy.record.interval import Interval, SeriesInterval
from loadworthy.report.events import describe
from loadworthy.report.live_search import now_words, search_lines
from loadworthy.report.progress import Progress, Running
from loadworthy.report.terminal import MAX_WIDTH, Clamped, mark, plain
from loadworthy.report.words import milliseconds, plural, rate
from loadworthy.units import UNKNOWN, US_PER_S, format_count, format_ms, format_ratio

_TOP_SERIES = 6
_SHOWN_THRESHOLDS = 8
_BAR_WIDTH = 40
PLAIN_EVERY_US = 5 * US_PER_S


class View(Protocol):
    """An observer of a run that shows it."""

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Something happened."""
        ...

    def on_interval(self, interval: Interval) -> None:
        """One process's last second."""
        ...

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """How far the scenario is, and how many users run; a moment to draw."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def make_view(console: Console, plan: Plan) -> View:
    """The view that suits this console."""
    redrawable = console.is_terminal and not console.is_dumb_terminal
    return LiveView(console, plan) if redrawable else PlainView(console, plan)


class PlainView:
    """A line every five seconds of a scenario, and one for each event worth telling."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console = console
        self._progress = Progress(plan)
        self._next_us = PLAIN_EVERY_US

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Tell of the event at once; of the many steps of a ramp only the first."""
        scenario = str(event.get("scenario"))
        stage = self._progress.stage_of(scenario)
        self._progress.on_event(event)
        if event.get("type") == "scenario_started":
            self._next_us = PLAIN_EVERY_US
        if event.get("type") == "stage" and self._progress.stage_of(scenario) == stage:
            return
        if line := describe(event):
            self._print(line)

    def on_interval(self, interval: Interval) -> None:
        """Note what was measured."""
        self._progress.on_interval(interval)

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """Print a line if the last one is five seconds old."""
        self._progress.tick(elapsed_us, planned_us, users)
        if elapsed_us >= self._next_us:
            self._next_us = (elapsed_us // PLAIN_EVERY_US + 1) * PLAIN_EVERY_US
            for running in self._progress.shown:
                self._print(plain_line(self._progress, running))

    def _print(self, line: str) -> None:
        self._console.print(Text(plain(line)), soft_wrap=True, highlight=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None


def plain_line(progress: Progress, running: Running) -> str:
    """Where a scenario is, in one line."""
    window, totals = progress.window_of(running), progress.totals_of(running)
    failures, dropped = (totals.total.failures, totals.arrivals.dropped) if totals else (0, 0)
    about = "about " if running.search else ""
    planned = "" if progress.planned_us is None else f" of {about}{seconds(progress.planned_us / US_PER_S)}"
    parts = [
        f"{running.name}: {seconds(progress.elapsed_us / US_PER_S)}{planned}",
        *([now_words(running)] if running.search else []),
        plural(progress.users_of(running), "user"),
        *_rates(window, running),
        f"mean {format_ms(window.mean_ms)}",
        f"p50 {format_ms(window.p50_ms)}",
        f"p95 {format_ms(window.p95_ms)}",
        f"p99 {format_ms(window.p99_ms)}",
        f"{format_count(failures)} failed",
        *([f"{format_count(dropped)} dropped"] if dropped else []),
    ]
    return "  ".join(parts)


def _rates(window: WindowFigures, running: Running) -> list[str]:
    """Requests per second; before them, in an open workload, the iterations begun beside those to begin."""
    if running.rate is None:
        return [rate(window.throughput)]
    return [f"begun {_begun(window, running)}", f"requests {rate(window.throughput)}"]


def _begun(window: WindowFigures, running: Running) -> str:
    return UNKNOWN if running.rate is None else f"{rate(window.begun)} (to {rate(running.rate)})"


class LiveView:
    """A panel that is redrawn in place on each tick and vanishes at the end, when the closing view takes its place."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console = console
        self._progress = Progress(plan)
        self._live = Live(
            console=console, auto_refresh=False, transient=True, vertical_overflow="crop", get_renderable=self._panel
        )

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Note the event; it shows with the next tick."""
        self._progress.on_event(event)

    def on_interval(self, interval: Interval) -> None:
        """Note what was measured; it shows with the next tick."""
        self._progress.on_interval(interval)

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """Redraw."""
        self._progress.tick(elapsed_us, planned_us, users)
        if self._live.is_started:
            self._live.refresh()

    def _panel(self) -> RenderableType:
        return Clamped(panel(self._progress), min(self._console.width, MAX_WIDTH))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()


def panel(progress: Progress) -> RenderableType:
    """All that the live view shows."""
    parts: list[RenderableType] = [Text(), _where(progress), *search_lines(progress.shown), Text(), _now(progress)]
    if results := progress.thresholds():
        parts += [Text(), _thresholds(progress)]
        if len(results) > _SHOWN_THRESHOLDS:
            parts.append(Text(f"  and {len(results) - _SHOWN_THRESHOLDS} more thresholds", style="dim"))
    if series := _busiest(progress):
        parts += [Text(), _top_series(series)]
    parts += [Text(plain(message), style="yellow", no_wrap=True, overflow="ellipsis") for message in progress.messages]
    return Padding(Group(*parts), (0, 2))


def _where(progress: Progress) -> RenderableType:
    elapsed_s = progress.elapsed_us / US_PER_S
    name = progress.title
    grid = Table.grid(padding=(0, 2))
    grid.add_column(overflow="ellipsis", no_wrap=True, style="bold")
    grid.add_column(width=_BAR_WIDTH)
    grid.add_column(no_wrap=True)
    if progress.planned_us is None:
        grid.add_row(Text(plain(name)), Text("until Ctrl-C or the last iteration", style="dim"), _clock(elapsed_s))
        return grid
    planned_s = progress.planned_us / US_PER_S
    bar = ProgressBar(total=max(planned_s, 1e-9), completed=min(elapsed_s, planned_s), width=_BAR_WIDTH)
    grid.add_row(Text(plain(name)), bar, f"{_clock(max(planned_s - elapsed_s, 0))} left of {_clock(planned_s)}")
    return grid


def _clock(duration_s: float) -> str:
    minutes, rest = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _now(progress: Progress) -> RenderableType:
    """The last seconds: a row for each scenario, named where there are several."""
    shown = progress.shown or (Running(""),)
    is_open = any(one.is_open for one in shown)
    grid = Table.grid(padding=(0, 3 if len(shown) == 1 and not is_open else 2))
    labels = ["users", "last 10 s", "mean", "p50", "p95", "p99", "requests", "failed"]
    if is_open:  # iterations and requests are both told, which leaves room for less else
        labels = ["users", "begun", "requests", "p50", "p95", "p99", "failed", "dropped"]
    if len(shown) > 1:
        grid.add_column(overflow="ellipsis", no_wrap=True)
    for _ in labels:
        grid.add_column(justify="right", no_wrap=True)
    named = [Text("")] if len(shown) > 1 else []
    grid.add_row(*named, *(Text(label, style="dim") for label in labels))
    for one in shown:
        name = [Text(plain(one.name))] if len(shown) > 1 else []
        grid.add_row(*name, *_now_cells(progress, one, is_open), style="bold")
    return grid


def _now_cells(progress: Progress, running: Running, is_open: bool) -> list[RenderableType]:
    totals, window = progress.totals_of(running), progress.window_of(running)
    requests, failures = (totals.total.requests, totals.total.failures) if totals else (0, 0)
    dropped = totals.arrivals.dropped if totals else 0
    share = "" if is_open else f" ({format_ratio(failures / requests if requests else None)})"
    times = (window.p50_ms, window.p95_ms, window.p99_ms)
    return [
        format_count(progress.users_of(running)),
        *([rate(window.begun) if running.search else _begun(window, running)] if is_open else []),
        rate(window.throughput),
        *([] if is_open else [format_ms(window.mean_ms)]),
        *(format_ms(time) for time in times),
        *([] if is_open else [format_count(requests)]),
        Text(f"{format_count(failures)}{share}", style="red" if failures else ""),
        *([Text(format_count(dropped), style="red" if dropped else "")] if is_open else []),
    ]


def _thresholds(progress: Progress) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for name, result in progress.thresholds()[:_SHOWN_THRESHOLDS]:
        observed = format_value(result.observed, result.unit)
        text = f"{name}: {result.expression}" if len(progress.shown) > 1 else result.expression
        grid.add_row(mark(result.verdict), Text(plain(text)), Text(observed, style="dim"))
    return grid


def _busiest(progress: Progress) -> list[SeriesInterval]:
    """The series with the most requests of all scenarios that are shown."""
    known = [totals for one in progress.shown if (totals := progress.totals_of(one))]
    series = [one for totals in known for one in totals.series.values()]
    return sorted(series, key=lambda one: (-one.requests, one.name))[:_TOP_SERIES]


def _top_series(series: Sequence[SeriesInterval]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("busiest series", overflow="ellipsis", no_wrap=True)
    for column in ("requests", "failed", "p50 ms", "p95 ms"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in series:
        times = Distribution.of(one.response)
        table.add_row(
            Text(plain(f"{one.kind} {one.name}")),
            format_count(one.requests),
            Text(format_count(one.failures), style="red" if one.failures else ""),
            milliseconds(times.p50),
            milliseconds(times.p95),
        )
    return table
