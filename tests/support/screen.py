"""A terminal in memory: what would be seen after some text was written to it, and what has scrolled away.

As much of one as our views use: lines that wrap late (the cursor waits at the right edge), scrolling, cursor up,
erasing to the end of the line and of the screen, modes. Made narrower it folds its lines, as most terminals do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_ESCAPE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


@dataclass
class _Row:
    cells: list[str] = field(default_factory=list)
    goes_on: bool = False
    """It is full, and the next row belongs to the same line."""


class Screen:
    """A terminal of so many columns and rows."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.scrolled: list[str] = []
        self.modes: dict[str, bool] = {}
        self._screen = [_Row()]
        self._x = self._y = 0

    def feed(self, text: str) -> None:
        """Take what a program writes. ValueError on an escape code that is not known here."""
        position = 0
        while position < len(text):
            if match := _ESCAPE.match(text, position):
                self._escape(match[1], match[2], match[3])
                position = match.end()
                continue
            self._put(text[position])
            position += 1

    def shown(self) -> list[str]:
        """The lines as they are seen, without blanks at their ends, down to the last that has something."""
        lines = ["".join(row.cells).rstrip() for row in self._screen]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def resize(self, columns: int, rows: int) -> None:
        """Fold the lines anew, the cursor stays with its character; what no longer fits scrolls away at the top."""
        lines: list[list[str]] = [[]]
        cursor = (0, 0)
        for y, row in enumerate(self._screen):
            if y == self._y:
                cursor = (len(lines) - 1, len(lines[-1]) + self._x)
            lines[-1] += row.cells
            if not row.goes_on:
                lines.append([])
        self.columns, self.rows, self._screen = columns, rows, []
        for number, line in enumerate(lines[:-1]):
            pieces = [line[at : at + columns] for at in range(0, len(line), columns)] or [[]]
            if number == cursor[0]:
                self._y, self._x = len(self._screen) + cursor[1] // columns, cursor[1] % columns
            self._screen += [_Row(piece, goes_on=place < len(pieces) - 1) for place, piece in enumerate(pieces)]
        self._scroll()

    def _scroll(self) -> None:
        while len(self._screen) > self.rows:
            self.scrolled.append("".join(self._screen.pop(0).cells).rstrip())
            self._y -= 1

    def _put(self, letter: str) -> None:
        if letter == "\r":
            self._x = 0
        elif letter == "\n":  # a terminal turns it into both
            self._x = 0
            self._down()
        else:
            if self._x == self.columns:
                self._screen[self._y].goes_on = True
                self._x = 0
                self._down()
            cells = self._screen[self._y].cells
            cells += [" "] * (self._x + 1 - len(cells))
            cells[self._x] = letter
            self._x += 1

    def _down(self) -> None:
        self._y += 1
        if self._y == len(self._screen):
            self._screen.append(_Row())
        self._scroll()

    def _escape(self, private: str, number: str, kind: str) -> None:
        if private:
            self.modes[number] = kind == "h"
        elif kind == "A":
            self._y = max(self._y - int(number or 1), 0)
        elif kind == "K" and not number:
            # Where the cursor waits at the edge, it stands on the last character.
            del self._screen[self._y].cells[min(self._x, self.columns - 1) :]
            self._screen[self._y].goes_on = False
        elif kind == "J" and not number:
            del self._screen[self._y].cells[min(self._x, self.columns - 1) :]
            self._screen[self._y].goes_on = False
            del self._screen[self._y + 1 :]
        elif kind != "m":
            raise ValueError(f"an escape code that is not known here: {number}{kind}")
