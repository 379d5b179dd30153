"""A table that is still read where a terminal is too narrow for its columns.

There each row becomes a few lines: what it is about, then its figures, each with the heading of its column. No digit is
cut, and no figure stands without its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.style import StyleType
from rich.table import Column, Table
from rich.text import Text

_LEAST_FOLDED = 16
"""Columns of text may be folded down to this."""
_GAP = 2
_INDENT = 2
_SEPARATOR = " · "


class FittingTable(Table):
    """A table without lines; cells are strings or :class:`~rich.text.Text`."""

    def __init__(self) -> None:
        super().__init__(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.needed_width <= options.max_width:
            yield from super().__rich_console__(console, options)
        else:
            yield from self._records(options.max_width)

    @property
    def needed_width(self) -> int:
        """Characters without which something would be cut."""
        return sum(_needed(column) + _GAP for column in self.columns) - _GAP

    def _records(self, width: int) -> Iterator[RenderableType]:
        subject = next((place for place, column in enumerate(self.columns) if _names(column)), 0)
        cells = [list(column.cells) for column in self.columns]
        heading = _one_line(self.columns[subject].header)
        yield Text(heading, style="bold")
        for number, row in enumerate(self.rows):
            mine = [_text(column[number]) for column in cells]
            if mine[subject].plain.isdigit():  # it says nothing by itself
                mine[subject] = Text.assemble(f"{heading} ", mine[subject])
            head = Text(" ").join(cell for cell in mine[: subject + 1] if cell.plain.strip())
            yield _styled(head, row.style)
            pairs = [
                Text.assemble((f"{_one_line(column.header)} ", "dim"), cell)
                for column, cell in zip(self.columns[subject + 1 :], mine[subject + 1 :], strict=True)
                if cell.plain.strip()
            ]
            for line in _flowed(pairs, width - _INDENT):
                yield Padding(_styled(line, row.style), (0, 0, 0, _INDENT), expand=False)


def _names(column: Column) -> bool:
    """Whether a column says what a row is about: the first of those with words and a heading."""
    return column.justify != "right" and bool(_one_line(column.header))


def _needed(column: Column) -> int:
    widest = max((cell_len(line) for cell in column.cells for line in _text(cell).plain.split("\n")), default=0)
    if column.overflow == "fold":
        words = _one_line(column.header).split()
        return column.min_width or max(min(widest, _LEAST_FOLDED), *(cell_len(word) for word in words), 0)
    return max(widest, *(cell_len(line) for line in _text(column.header).plain.split("\n")))


def _text(cell: RenderableType) -> Text:
    return cell.copy() if isinstance(cell, Text) else Text(str(cell))


def _one_line(header: RenderableType) -> str:
    return _text(header).plain.replace("\n", " ")


def _styled(text: Text, style: StyleType | None) -> Text:
    if style:
        text.stylize_before(style)
    text.overflow = "fold"
    return text


def _flowed(pairs: Sequence[Text], width: int) -> Iterator[Text]:
    """Pairs one after another, as many in a line as fit; a line never ends between a heading and its figure."""
    line = Text()
    for pair in pairs:
        if not line.plain:
            line = pair
        elif line.cell_len + len(_SEPARATOR) + pair.cell_len <= width and "\n" not in pair.plain:
            line = Text.assemble(line, _SEPARATOR, pair)
        else:
            yield line
            line = pair
    if line.plain:
        yield line
