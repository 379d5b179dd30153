"""A figure over time in one line of text: its name, the sparkline, its range with the unit, how long a character is."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from loadworthy.report.sparkline import MOST_SPARKS, Sparkline, Steps, Values, rate_sparkline, time_sparkline
from loadworthy.report.terminal import plain
from loadworthy.report.words import rate
from loadworthy.units import format_ms

LEAST_SPARKS = 8
"""A line with less room for it has no sparkline."""
_ROOM_FOR_MORE = 24
"""So many characters of the sparkline come before words that are good to have."""
_LABEL_WIDTH = 5
_MOST_LABEL_SHARE = 3

_Draw = Callable[[Values, int], Sparkline]


def time_line(steps: Steps, width: int, name: str = "") -> Text:
    """Response times in ms, on a logarithmic scale; ``name`` of a scenario where there are several."""
    known = [value for value in steps.values if value is not None]
    span = times_range(min(known), max(known)) if known else "too few requests"
    return _line(steps, width, name, span, "log scale", time_sparkline)


class OverTime:
    """A :func:`time_line` as wide as there is room."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield time_line(self._steps, options.max_width)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, options.max_width)


def rate_line(steps: Steps, width: int, name: str = "") -> Text:
    """Something counted per second, from zero."""
    known = [value for value in steps.values if value is not None]
    span = _range(rate(min(known)), rate(max(known)), "/s") if known else "nothing yet"
    return _line(steps, width, name, span, "from zero", rate_sparkline)


def times_range(low_ms: float, high_ms: float) -> str:
    """``18.2 to 126 ms``, ``950 ms to 1.05 s``, ``50.0 ms``."""
    low, high = format_ms(low_ms), format_ms(high_ms)
    return _range(low, high, f" {high.partition(' ')[2]}")


def _range(low: str, high: str, unit: str) -> str:
    """From low to high, with one unit where it is the same; one value where both are."""
    return high if low == high else f"{low.removesuffix(unit)} to {high}"


def _line(steps: Steps, width: int, name: str, span: str, scale: str, draw: _Draw) -> Text:
    label = f"{_cut(plain(name), width // _MOST_LABEL_SHARE)} {steps.name:<{_LABEL_WIDTH}}".lstrip()
    room = width - cell_len(label) - len(span) - 4
    count = min(len(steps.values), MOST_SPARKS)
    most, words = max(min(room, MOST_SPARKS), 0), span
    for more in (f"{span}, {{}} s each, {scale}", f"{span}, {{}} s each"):
        left = room - (len(more) - len(span))
        if left >= min(count, _ROOM_FOR_MORE):
            most, words = min(left, MOST_SPARKS), more
            break
    if most < LEAST_SPARKS:
        return Text.assemble((label, "bold"), "  ", span, no_wrap=True)
    line = draw(steps.values, most)
    return Text.assemble(
        (label, "bold"), "  ", (line.text, "cyan"), "  ", (words.format(line.together * steps.step_s), "dim"),
        no_wrap=True,
    )  # fmt: skip


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else f"{set_cell_size(text, max(width - 1, 0))}…"
