"""Test data: the rows of a CSV, JSON or JSON-lines file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def read_rows(path: Path) -> tuple[Row, ...]:
    """The rows of a file: at least one, each a mapping of column to value (text, in a CSV file).

    ``.json`` is a list of objects, ``.jsonl`` and ``.ndjson`` one object a line, anything else CSV with a header line.
    Raises ValueError with a sentence (with the line, where there is one) for a file that is missing or not like that.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is not a file")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ValueError("there is no such file; it is looked for beside the plan") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8 text") from error
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from error
    readers = {".json": _json_rows, ".jsonl": _json_line_rows, ".ndjson": _json_line_rows}
    try:
        rows = tuple(readers.get(path.suffix.lower(), _csv_rows)(text))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not rows:
        raise ValueError("it has no rows")
    return rows


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
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise ValueError(f"line {reader.line_num} has {len(cells)} values for {len(header)} columns")
            yield dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} is not CSV: {error}") from error
