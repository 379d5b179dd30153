"""What the views in the terminal are put together from: harmless text, marks of verdicts, tables without lines.

Everything that comes from the plan or the service is put into :class:`rich.text.Text`, never into markup, so a name
such as ``/items/[id]`` shows as it is.
"""

from __future__ import annotations

import re

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from loadworthy.analysis.summary import Reason
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.fitting_table import FittingTable
from loadworthy.units import format_count

MAX_WIDTH = 100
MIN_WIDTH = 80
NARROWEST = 40
"""Views that give way to narrow terminals do so down to this."""
MARKS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.UNDECIDED: "?", Verdict.INVALID: "!"}
STYLES = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.UNDECIDED: "yellow", Verdict.INVALID: "magenta"}

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, ends of lines, and what changes the direction of writing."""


def plain(text: str) -> str:
    """Text that cannot move the cursor, colour the terminal or turn text around: control characters become ``·``."""
    return _CONTROL.sub("·", text)


class Clamped:
    """Something rendered at a width of its own, whatever the console's is."""

    def __init__(self, content: RenderableType, width: int) -> None:
        self._content = content
        self._width = width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self._content, options.update_width(self._width))


def badge(verdict: Verdict) -> Text:
    """The verdict, loud: `` FAIL `` on its colour."""
    return Text(f" {verdict.value.upper()} ", style=f"bold white on {STYLES[verdict]}")


def mark(verdict: Verdict) -> Text:
    """The verdict in one character."""
    return Text(MARKS[verdict], style=f"bold {STYLES[verdict]}")


def labelled(label: str, text: str) -> Table:
    """A line with its label in the margin."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=9, style="bold")
    grid.add_column(overflow="fold")
    grid.add_row(label, Text(text))
    return grid


def indented(table: RenderableType, above: int = 1) -> Padding:
    """Something that belongs to what stands over it, with so many empty lines between."""
    return Padding(table, (above, 0, 0, 2), expand=False)


def number_table(*columns: str) -> FittingTable:
    """A table without lines: the first column takes the room that is left, the others are numbers."""
    table = FittingTable()
    table.add_column(columns[0], overflow="fold", min_width=12)
    for column in columns[1:]:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def bar(share: float, width: int) -> Text:
    """How much of something is done, 0..1, in so many characters; to be read without colours, too."""
    halves = round(min(max(share, 0.0), 1.0) * 2 * width)
    done = "━" * (halves // 2) + "╸" * (halves % 2)
    return Text.assemble((done, "green"), ("─" * (width - len(done)), "dim"))


def red(count: int) -> Text:
    """A count of what should not be, red unless it is 0."""
    return Text(format_count(count), style="red" if count else "")


def reason_line(reason: Reason) -> Padding:
    """A reason of a scenario, in the colour of the verdict that it speaks for."""
    return indented(Text(plain(reason.text), style=STYLES[reason.verdict]), above=0)
