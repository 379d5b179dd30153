"""A bar on standard error for work of more than two seconds. It vanishes when the work is done, and is only for people:
where standard error is no terminal, nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from loadworthy.cli.console import error_console
from loadworthy.clock import Clock, SystemClock
from loadworthy.report.layout import cut_middle
from loadworthy.report.live_stage import clock as stopwatch
from loadworthy.report.redraw import Redrawn
from loadworthy.report.terminal import bar, plain
from loadworthy.told import Told
from loadworthy.units import US_PER_S

if TYPE_CHECKING:
    from loadworthy.analysis.reading import Reading
    from loadworthy.record.rundir import Run

LOOK_AFTER_US = 700_000
"""Not before this is it known how long something takes."""
SHOWN_FROM_US = 2 * US_PER_S
"""What is expected to take no longer has no bar."""
REDRAWN_AFTER_US = 100_000
_MOST_BAR, _LEAST_BAR = 40, 8


@contextmanager
def working(console: Console, words: str, clock: Clock) -> Iterator[Told]:
    """Show a bar while the context lasts, if that is going to be long.

    ::

        with working(error_console(), "reading the runs", SystemClock()) as told:
            for number, run in enumerate(runs):
                look_at(run)
                told((number + 1) / len(runs))

    Args:
        console: of standard error.
        words: what is done.
        clock: says how long it takes.
    """
    shown = _Bar(console, words, clock)
    try:
        yield shown.told
    finally:
        shown.vanish()


def read_run(run: Run) -> Reading:
    """Read the intervals of a run, with a bar. RunDirError where the files cannot be read."""
    from loadworthy.analysis.reading import read

    with working(error_console(), f"reading {run.path.name}", SystemClock()) as told:
        return read(run, told)


class _Bar:
    def __init__(self, console: Console, words: str, clock: Clock) -> None:
        self._console = console
        self._words = plain(words)
        self._clock = clock
        self._began_us = clock.monotonic_us()
        self._drawn_us: int | None = None
        redrawable = console.is_terminal and not console.is_dumb_terminal and not console.legacy_windows
        self._screen = Redrawn(console) if redrawable else None

    def told(self, share: float) -> None:
        """Draw, if it is time to."""
        now_us = self._clock.monotonic_us()
        if self._screen is not None and self._is_due(share, now_us):
            self._drawn_us = now_us
            try:
                self._screen.start()
                self._screen.draw([self._line(min(max(share, 0.0), 1.0), now_us - self._began_us)])
            except OSError:  # the terminal is gone, and the work goes on
                self._screen = None

    def _is_due(self, share: float, now_us: int) -> bool:
        if self._drawn_us is not None:
            return now_us - self._drawn_us >= REDRAWN_AFTER_US
        gone_us = now_us - self._began_us
        expected_us = gone_us / share if share > 0 else gone_us
        return gone_us >= LOOK_AFTER_US and expected_us > SHOWN_FROM_US

    def _line(self, share: float, gone_us: int) -> Text:
        width = self._console.width - 1
        left = f"  {stopwatch(gone_us / US_PER_S * (1 - share) / share)} left" if share > 0 else ""
        percent = f"  {share * 100:3.0f} %{left}"
        room = width - cell_len(percent)
        words = cut_middle(self._words, max(room, 1))
        bar_width = min(room - cell_len(words) - 2, _MOST_BAR)
        drawn = Text.assemble("  ", bar(share, bar_width)) if bar_width >= _LEAST_BAR else Text()
        line = Text.assemble(words, drawn, percent, no_wrap=True)
        line.truncate(width)
        return line

    def vanish(self) -> None:
        """Leave the terminal as it was."""
        if self._screen is not None:
            try:
                self._screen.stop()
            except OSError:
                self._screen = None
