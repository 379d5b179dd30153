"""Writing rows into files, a row at a time: CSV, JSON, JSON lines, and tables of an SQLite file."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from loadworthy.data.secret_values import secret_names, without_secrets
from loadworthy.errors import UsageError
from loadworthy.plan.places import looks_secret
from loadworthy.told import Told

if TYPE_CHECKING:
    import sqlite3

Row = Mapping[str, Any]

FORMATS = ("csv", "json", "jsonl", "sqlite")
SQLITE_FILE = "data.sqlite"
_TOLD_EACH = 1_000


@dataclass(frozen=True, slots=True)
class Table:
    """What is to be written of some test data.

    Args:
        name: of the test data.
        rows: all of them, each with all columns.
        with_credentials: whether columns that look like credentials are written, too.
    """

    name: str
    rows: Sequence[Row]
    with_credentials: bool = False
    _nested: dict[str, None] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def columns(self) -> list[str]:
        """Those that are written."""
        return [name for name in self.rows[0] if self.with_credentials or not looks_secret(name)]

    @property
    def left_out(self) -> list[str]:
        """What is not, because it looks like a credential; of what is nested, as far as rows have been written."""
        return [*(name for name in self.rows[0] if name not in self.columns), *self._nested]

    @property
    def has_credentials(self) -> bool:
        """Whether they are among what is written, as far as its first row tells."""
        return self.with_credentials and any(secret_names(self.rows[0]))

    def lines(self, told: Told) -> Iterator[list[Any]]:
        """The values of each row; ``told`` hears how far it is."""
        columns, count = self.columns, len(self.rows)
        for number in range(count):
            row = self.rows[number]
            yield [self._written(name, row[name]) for name in columns]
            if number % _TOLD_EACH == 0:
                told(number / count)

    def _written(self, name: str, value: Any) -> Any:
        if self.with_credentials or not isinstance(value, Mapping | list | tuple):
            return value
        self._nested.update(dict.fromkeys(f"{name}.{below}" for below in secret_names(value)))
        return without_secrets(value)


def file_of(name: str, form: str) -> str:
    """The name of the file that test data is written to; all of it goes into one SQLite file."""
    return SQLITE_FILE if form == "sqlite" else f"{name}.{form}"


def write_text(table: Table, path: Path, form: str, told: Told, *, force: bool = False) -> None:
    """Write a CSV, JSON or JSON-lines file; UsageError where it exists (unless ``force``) or cannot be written."""
    writers = {"csv": _write_csv, "json": _write_json, "jsonl": _write_json_lines}
    with (
        _new_file(path, is_private=table.with_credentials, force=force) as part,
        part.open("w", encoding="utf-8", newline="") as stream,
    ):
        writers[form](table, stream, told)


def write_sqlite(tables: Sequence[Table], path: Path, told_of: Callable[[str], Told], *, force: bool = False) -> None:
    """Write one table each into an SQLite file; UsageError as :func:`write_text`."""
    import sqlite3

    is_private = any(table.with_credentials for table in tables)
    with _new_file(path, is_private=is_private, force=force) as part:
        try:
            with closing(sqlite3.connect(part)) as connection:
                connection.execute("PRAGMA journal_mode = OFF")  # a file that is not finished is thrown away
                for table in tables:
                    _write_table(table, connection, told_of(table.name))
                connection.commit()
        except (sqlite3.Error, OverflowError) as error:
            raise UsageError(f"{path} cannot be written: {error}") from error


def _write_table(table: Table, connection: sqlite3.Connection, told: Told) -> None:
    columns = ", ".join(_quoted(name) for name in table.columns)
    connection.execute(f"CREATE TABLE {_quoted(table.name)} ({columns})")
    places = ", ".join("?" * len(table.columns))
    lines = ([_flat(value) for value in line] for line in table.lines(told))
    connection.executemany(f"INSERT INTO {_quoted(table.name)} VALUES ({places})", lines)  # noqa: S608  quoted


def _write_csv(table: Table, stream: TextIO, told: Told) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table.columns)
    for line in table.lines(told):
        writer.writerow([_flat(value) for value in line])


def _write_json(table: Table, stream: TextIO, told: Told) -> None:
    columns = table.columns
    before = "[\n"
    for line in table.lines(told):
        stream.write(before + _json(dict(zip(columns, line, strict=True))))
        before = ",\n"
    stream.write("\n]\n")


def _write_json_lines(table: Table, stream: TextIO, told: Told) -> None:
    columns = table.columns
    stream.writelines(_json(dict(zip(columns, line, strict=True))) + "\n" for line in table.lines(told))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _flat(value: Any) -> Any:
    """As a cell holds it: flags in small letters, and lists and mappings as JSON."""
    if isinstance(value, bool | list | tuple | dict):
        return _json(value)
    return value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _new_file(path: Path, *, is_private: bool, force: bool) -> Iterator[Path]:
    """A file beside the one that is wanted, which takes its place when it is complete."""
    refuse_existing(path, force=force)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if is_private else 0o666))
        yield part
        part.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def refuse_existing(path: Path, *, force: bool) -> None:
    """UsageError where there is such a file, unless it may be overwritten."""
    if not force and path.exists():
        raise UsageError(f"{path} exists; write elsewhere with --out DIR, or over it with --force")
