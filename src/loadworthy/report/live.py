"""Watching a run in the terminal: a panel that is redrawn, or a line every few seconds where that cannot be.

Both are observers of a run (``on_event``, ``on_interval``, ``tick``), draw only when told something, and start no
thread. :func:`make_view` chooses; use the view as a context manager, so that the terminal is put right at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.text import Text

from loadworthy.analysis.accumulate import WindowFigures
from loadworthy.analysis.ending import seconds
from loadworthy.plan.model import Plan
from loadworthy.record.interval import Interval
from loadworthy.report.events import describe
from loadworthy.report.live_panel import panel, panel_lines
from loadworthy.report.live_search import now_words
from loadworthy.report.progress import Phase, Progress, Running
from loadworthy.report.redraw import Redrawn
from loadworthy.report.terminal import plain
from loadworthy.report.words import plural, rate
from loadworthy.units import US_PER_S, format_count, format_ms

__all__ = ["LiveView", "PlainView", "View", "make_view", "panel", "plain_line"]

_WITHOUT_TICKS = (Phase.STARTING, Phase.WAITING, Phase.STOPPING)
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
    redrawable = console.is_terminal and not console.is_dumb_terminal and not console.legacy_windows
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
    return [
        f"begun {rate(window.begun)} (to {rate(running.rate * running.factor)})",
        f"requests {rate(window.throughput)}",
    ]


class LiveView:
    """A panel that is redrawn in place and vanishes at the end, when the closing view takes its place.

    It is drawn on each tick, and where none comes for long: while workers are waited for, and while what is under way
    comes to its end.
    """

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console = console
        self._progress = Progress(plan)
        self._screen = Redrawn(console)

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Note the event; it shows with the next tick, or now where none is to be expected."""
        self._progress.on_event(event)
        if self._progress.phase in _WITHOUT_TICKS:
            self._draw()

    def on_interval(self, interval: Interval) -> None:
        """Note what was measured; it shows with the next tick, or now where none is to be expected."""
        self._progress.on_interval(interval)
        if self._progress.phase in _WITHOUT_TICKS:
            self._draw()

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """Redraw."""
        self._progress.tick(elapsed_us, planned_us, users)
        self._draw()

    def _draw(self) -> None:
        # One column and one line less than there are: see the module of the screen.
        self._screen.draw(panel_lines(self._progress, self._console.width - 1, self._console.height - 1))

    def __enter__(self) -> Self:
        self._screen.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._screen.stop()
