"""Rows of test data, handed out to users.

Sequential rows are dealt like cards over the processes of a run: process *i* of *n* gets rows i, i+n, i+2n … and starts
again after the last, so no two processes hand out the same row as long as none has gone round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from loadworthy.errors import UsageError
from loadworthy.plan.model import RowSource
from loadworthy.plan.rows import read_rows

Row = Mapping[str, Any]


class Feeder:
    """Hands out rows for ever, in order or at random."""

    def __init__(
        self, rows: Sequence[Row], *, process: int = 0, processes: int = 1, random: Random | None = None
    ) -> None:
        """``random`` given: rows are drawn with it. Else in order, this process's share of them."""
        if not rows:
            raise UsageError("a feeder needs at least one row")
        self._rows = rows
        self._next = process
        self._step = processes
        self._random = random

    def next_row(self) -> Row:
        """The next row."""
        if self._random is not None:
            return self._random.choice(self._rows)
        row = self._rows[self._next % len(self._rows)]
        self._next += self._step
        return row


def load_rows(source: RowSource, base_dir: Path) -> Sequence[Row]:
    """The rows of a source; UsageError where the file is missing, empty or not of its kind."""
    if source.file is None:
        return source.rows
    path = base_dir / source.file
    try:
        return read_rows(path)
    except ValueError as error:
        raise UsageError(f"test data {path}: {error}") from error
