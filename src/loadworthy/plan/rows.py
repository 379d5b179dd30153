"""Test data: the rows of a CSV, JSON or JSON-lines file, or of a query to an SQLite file."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

Row = dict[str, Any]

MAX_FILE_BYTES = 512 * 1024 * 1024
"""Every process holds all rows: a larger file has no place in the memory of a generator."""
MAX_ROWS = 2_000_000
_MOST_STEPS, _STEPS_AT_ONCE = 20_000, 100_000
"""Of SQLite's virtual machine: two thousand million are minutes, and more than any sensible query takes."""
_NO_COMMAS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_SQLITE = "sqlite:///"
_SELECTS = re.compile(r"(?:SELECT|WITH|VALUES)\b", re.IGNORECASE)
_ORDERED = re.compile(r"\bORDER\s+BY\b", re.IGNORECASE)
_NO_WORDS = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)
_INNERMOST = re.compile(r"\([^()]*\)")


def read_rows(path: Path) -> tuple[Row, ...]:
    """The rows of a file: at least one, each a mapping of column to value (text, in a CSV file).

    ``.json`` is a list of objects, ``.jsonl`` and ``.ndjson`` one object a line, anything else CSV with a header line.
    Raises ValueError with a sentence (with the line, where there is one) for a file that is missing or not like that,
    or that has more than :data:`MAX_FILE_BYTES` or :data:`MAX_ROWS`.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is not a file")
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            raise ValueError(f"it has {size // 1024**2:,} MiB, and rows are kept in memory: {MAX_FILE_BYTES >> 20} MiB")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ValueError("there is no such file; it is looked for beside the plan") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8 text") from error
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from error
    readers = {".json": _json_rows, ".jsonl": _json_line_rows, ".ndjson": _json_line_rows}
    try:
        return bounded(readers.get(path.suffix.lower(), _csv_rows)(text))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def bounded(rows: Iterable[Row]) -> tuple[Row, ...]:
    """All of them; ValueError where there are none, or more than :data:`MAX_ROWS`."""
    kept = tuple(islice(rows, MAX_ROWS + 1))
    if not kept:
        raise ValueError("it has no rows")
    if len(kept) > MAX_ROWS:
        raise ValueError(f"it has more than {MAX_ROWS:,} rows, and each process keeps them in memory; take fewer")
    return kept


def _json_rows(text: str) -> Iterator[Row]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is not JSON: {error.msg}") from error
    if not isinstance(data, list):
        raise ValueError("it must hold a list of objects")  # noqa: TRY004  one kind of error for all callers
    wrong = next((number for number, row in enumerate(data) if not isinstance(row, dict)), None)
    if wrong is not None:
        raise ValueError(f"entry {wrong} is not an object with columns")
    yield from data


def _json_line_rows(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"line {number} is not JSON") from error
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is not an object with columns")  # noqa: TRY004  as above
        yield row


def _csv_rows(text: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) != len(header) or not all(name.strip() for name in header):
            raise ValueError("line 1 must name the columns, each once")
        if len(header) == 1 and (other := next((mark for mark in _NO_COMMAS if mark in header[0]), None)):
            raise ValueError(f"line 1 has no comma, but {_NO_COMMAS[other]}: columns are separated by commas")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise ValueError(f"line {reader.line_num} has {len(cells)} values for {len(header)} columns")
            yield dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} is not CSV: {error}") from error


# --- databases ---


def sqlite_file(database: str) -> str | None:
    """The path of the SQLite file that this names, plainly or as ``sqlite:///FILE``; None for other databases."""
    if database.startswith(_SQLITE):
        return database.removeprefix(_SQLITE)
    return None if "://" in database else database


def select_complaint(query: str) -> str | None:
    """What is wrong with the form of a query, in words: it must be one SELECT."""
    bare = _NO_WORDS.sub(" ", query).strip().rstrip(";").strip()
    if not _SELECTS.match(bare):
        return "it must begin with SELECT, WITH or VALUES: test data is only read"
    return "it holds more than one statement" if ";" in bare else None


def is_ordered(query: str) -> bool:
    """Whether it says in which order its rows come: only then do they come alike in every process."""
    bare = _NO_WORDS.sub(" ", query)
    while (outer := _INNERMOST.sub(" ", bare)) != bare:
        bare = outer
    return _ORDERED.search(bare) is not None


def sqlite_rows(path: Path, query: str) -> tuple[Row, ...]:
    """The rows of a SELECT in an SQLite file, which is opened for reading only.

    Raises ValueError with a sentence where the file or the query is not good, gives no rows or too many, or names two
    columns alike.
    """
    import sqlite3
    from contextlib import closing

    if not path.is_file():
        raise ValueError("there is no such file; it is looked for beside the plan")
    if complaint := select_complaint(query):
        raise ValueError(complaint)
    steps = iter(range(_MOST_STEPS))
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.set_progress_handler(lambda: next(steps, None) is None, _STEPS_AT_ONCE)
            cursor = connection.execute(query)
            columns = column_names([one[0] for one in cursor.description or ()])
            return bounded(row_of(columns, values) for values in cursor)
    except sqlite3.OperationalError as error:
        if str(error) == "interrupted":
            raise ValueError("it takes too long") from error
        raise ValueError(str(error)) from error
    except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
        raise ValueError(str(error)) from error


def column_names(names: list[str]) -> list[str]:
    """The names as they are; ValueError where one is there twice: a row has each once."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two of its columns are named {twice}; name one with AS")
    return names


def row_of(columns: list[str], values: Iterable[Any]) -> Row:
    """A row of a database; bytes become text where they are UTF-8, else hexadecimal digits."""
    return {name: _plain(value) for name, value in zip(columns, values, strict=True)}


def _plain(value: Any) -> Any:
    if not isinstance(value, bytes | memoryview):
        return value
    raw = bytes(value)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.hex()
