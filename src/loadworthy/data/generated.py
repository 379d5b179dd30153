"""Generated rows: a sequence that makes each row when it is asked for, and always the same.

Row *k* is a function of the seed, the names and *k*, so any process makes the same row without making others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

from loadworthy.data.columns import Column, Making

Row = Mapping[str, Any]

KEPT_ROWS = 2_000
"""Of the rows that were made last: those that are asked for again and again are made once."""


class GeneratedRows(Sequence[Row]):
    """See the module.

    Args:
        count: how many rows there are.
        columns: column → what makes it, each after those that it needs.
    """

    def __init__(self, count: int, columns: Mapping[str, Column]) -> None:
        self._count = count
        self._columns = dict(columns)
        self._kept: dict[int, Row] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._columns)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        number = index + self._count if index < 0 else index
        if not 0 <= number < self._count:
            raise IndexError(index)
        row = self._kept.get(number)
        if row is None:
            row = self._kept[number] = self._made(number)
            if len(self._kept) > KEPT_ROWS:
                del self._kept[next(iter(self._kept))]
        return row

    def _made(self, number: int) -> Row:
        making = Making(number)
        for name, column in self._columns.items():
            making.row[name] = column(making)
        return making.row
