"""Rows of test data, handed out to users.

Rows in order go to users by the user's number, and to iterations by the iteration's: that of an open workload, or in a
closed one round by round (user *k* of *n* gets row j·n + k for its iteration *j*). So it does not matter in which
process a user or an iteration is, and no row comes twice before all have come once. Only where a load shape decides how
many users there are, rows are dealt like cards: process *i* of *n* gets rows i, i+n, i+2n …. Rows at random are drawn
from the random numbers of the user, or of the iteration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from loadworthy.errors import UsageError
from loadworthy.plan.rows import read_rows
from loadworthy.plan.test_data import RowSource

Row = Mapping[str, Any]


class Feeder:
    """Hands out rows for ever, in order or at random.

    Args:
        rows: at least one.
        process, processes: which share of the rows is this process's, where they are dealt.
        is_random: whether rows are drawn, else they come in order.
    """

    def __init__(self, rows: Sequence[Row], *, process: int = 0, processes: int = 1, is_random: bool = False) -> None:
        if not rows:
            raise UsageError("a feeder needs at least one row")
        self._rows = rows
        self._next = process
        self._step = processes
        self._is_random = is_random

    def row(self, number: int | None, random: Random) -> Row:
        """The row of a user or an iteration.

        Args:
            number: its number over all processes; None where it has none.
            random: its own random numbers.
        """
        if self._is_random:
            return random.choice(self._rows)
        if number is not None:
            return self._rows[number % len(self._rows)]
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
