"""Lines that fit a terminal: columns and rows of which the least important go first as it becomes smaller.

A rank says how important something is: 0 stays longest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from loadworthy.report.terminal import plain

ELLIPSIS = "…"


class Rank(IntEnum):
    """Of the lines of a screen that shows a run, the most important first."""

    HEAD = 0
    SIGNAL = 1
    """What is wrong: a threshold that is missed, a generator that was warned of."""
    NEWS = 2
    CALM = 3
    """What is as it should be."""
    TIMES = 4
    RATES = 5
    SERIES = 6
    OLD_NEWS = 7
    BLANK = 8
    MORE = 9
    """Of what is there already."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the screen."""

    text: Text
    rank: int = 0
    goes_on: bool = False
    """Its sentence goes on in the next row."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures with its heading: a cell for each row. ``is_left`` for names, which may be cut."""

    heading: str
    cells: Sequence[Text]
    rank: int = 0
    is_left: bool = False

    @property
    def width(self) -> int:
        """Of its widest cell, in characters of the terminal."""
        return max(len(self.heading), *(cell.cell_len for cell in self.cells))


def fitted_rows(rows: Sequence[Row], height: int) -> list[Text]:
    """As many rows as fit, in their order; among those of one rank the later go first.

    A row that goes on in one which does not fit ends with an ellipsis.
    """
    surplus = max(len(rows) - max(height, 1), 0)
    least_first = sorted(range(len(rows)), key=lambda place: (-rows[place].rank, -place))
    dropped = set(least_first[:surplus])
    kept = [place for place in range(len(rows)) if place not in dropped]
    return [
        _ended(rows[place].text) if rows[place].goes_on and place + 1 in dropped else rows[place].text for place in kept
    ]


def _ended(text: Text) -> Text:
    """With an ellipsis in the place of its last character, so that it is no wider."""
    return Text(set_cell_size(text.plain, max(text.cell_len - 1, 0)).rstrip() + ELLIPSIS, style=text.style)


def fitted_columns(columns: Sequence[Column], width: int, gap: int = 2, least_name: int = 12) -> list[Text]:
    """The headings, then a line for each row of cells, no wider than asked for.

    A name is cut down to ``least_name`` characters before a column goes; those of rank 0 never go.
    """
    kept = list(columns)
    while sum(_needed(one, least_name) + gap for one in kept) - gap > width:
        least = max(kept, key=lambda one: one.rank)
        if not least.rank:
            break
        kept.remove(least)
    numbers = sum(one.width + gap for one in kept if not one.is_left)
    widths = [max(min(one.width, width - numbers), 1) if one.is_left else one.width for one in kept]
    headings = [Text(one.heading, style="dim") for one in kept]
    rows = [headings, *([one.cells[row] for one in kept] for row in range(len(kept[0].cells)))]
    return [_joined(kept, row, widths, gap) for row in rows]


def _needed(column: Column, least_name: int) -> int:
    return min(column.width, least_name) if column.is_left else column.width


def _joined(columns: Sequence[Column], cells: Sequence[Text], widths: Sequence[int], gap: int) -> Text:
    line = Text(no_wrap=True)
    for column, given, width in zip(columns, cells, widths, strict=True):
        cell = given.copy()
        cell.truncate(width, overflow="ellipsis")
        blank = " " * (width - cell.cell_len)
        line.append(" " * gap if line.plain else "")
        line.append_text(cell if column.is_left else Text(blank))
        line.append_text(Text(blank) if column.is_left else cell)
    line.rstrip()
    return line


def flowed(parts: Iterable[str], width: int, separator: str = " · ") -> Iterator[str]:
    """Parts with separators between them, in lines no wider than asked for; a part that is wider is folded at words."""
    line = ""
    for part in parts:
        whole = f"{line}{separator}{part}" if line else part
        if cell_len(whole) <= width:
            line = whole
            continue
        if line:
            yield line
        *folded, line = folded_at_words(part, width)
        yield from folded
    if line:
        yield line


def folded_at_words(text: str, width: int) -> list[str]:
    """A sentence in lines no wider than asked for; a word that is wider is cut. At least one line."""
    lines = [""]
    for word in plain(text).split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(joined) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if cell_len(lines[-1] + letter) > max(width, 2):
                lines.append("")
            lines[-1] += letter
    return lines


def cut_middle(text: str, width: int) -> str:
    """A text no wider than asked for; beginning and end stay, for in a threshold they are what it is about."""
    if cell_len(text) <= width:
        return text
    if width <= 2:
        return set_cell_size(text, max(width, 0))
    tail = text[-1:]
    while cell_len(tail) < (width - 1) * 2 // 3:
        tail = text[len(text) - len(tail) - 1 :]
    if cell_len(tail) > width - 1:  # characters that are two wide
        tail = tail[1:]
    return f"{set_cell_size(text, width - 1 - cell_len(tail))}{ELLIPSIS}{tail}"
