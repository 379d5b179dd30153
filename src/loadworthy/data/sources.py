"""All test data of a plan, by name; each is read, or made ready, when it is first wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from loadworthy.data.columns import columns_of
from loadworthy.data.databases import database_rows
from loadworthy.data.generated import GeneratedRows
from loadworthy.errors import UsageError
from loadworthy.plan.rows import read_rows, sqlite_file, sqlite_rows
from loadworthy.plan.test_data import RowSource

Row = Mapping[str, Any]


class RowSources:
    """The rows of a plan's test data.

    Args:
        sources: the plan's.
        base_dir: where relative file names start.
        today: from which generated dates are counted.
    """

    def __init__(self, sources: Mapping[str, RowSource], base_dir: Path, today: date) -> None:
        self._sources = sources
        self._base_dir = base_dir
        self._today = today
        self._opened: dict[str, Sequence[Row]] = {}
        self._opening: list[str] = []

    def rows(self, name: str) -> Sequence[Row]:
        """The rows of one of them; at least one.

        Raises UsageError with its name where they cannot be had: a file or a database that is not there, or is not of
        its kind, or a column that cannot be made.
        """
        if name not in self._opened:
            if name in self._opening or name not in self._sources:
                raise UsageError(f"test data {name}: {' from '.join([*self._opening, name])}: that cannot be")
            self._opening.append(name)
            try:
                self._opened[name] = self._open(name, self._sources[name])
            finally:
                self._opening.pop()
        return self._opened[name]

    def _open(self, name: str, source: RowSource) -> Sequence[Row]:
        if source.generate is not None:
            generate = source.generate
            rows = GeneratedRows(generate.count, columns_of(name, generate, self.rows, self._today))
            rows[0]  # a template that fails shows now, and what Faker loads for its first values is loaded
            return rows
        try:
            return self._read(source)
        except ValueError as error:
            what = self._base_dir / source.file if source.file is not None else name
            raise UsageError(f"test data {what}: {error}") from error

    def _read(self, source: RowSource) -> Sequence[Row]:
        if source.file is not None:
            return read_rows(self._base_dir / source.file)
        if source.database is None:
            return source.rows
        query = source.query or ""
        file = sqlite_file(source.database)
        return database_rows(source.database, query) if file is None else sqlite_rows(self._base_dir / file, query)
