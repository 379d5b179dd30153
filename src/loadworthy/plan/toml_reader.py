"""TOML plans: the standard parser for the values, then a walk over the valid text for their lines.

``tomllib`` tells no lines. The walk trusts that the text is valid TOML and follows only what moves the place where a
value lands: table headers, arrays of tables, dotted keys, arrays, inline tables and the four kinds of strings.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from typing import Any

from loadworthy.plan.document import MAX_DEPTH, DataPath, Document

_SPACE = re.compile(r"[ \t]*")
_SPACE_AND_COMMENTS = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''',
    re.DOTALL,
)
_WORD = re.compile(r"[^,\]}#\n]+")
_ERROR_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


def read_toml(text: str, document: Document) -> None:
    """Fill the document's data and places from TOML text; mistakes become its problems."""
    # The standard parser does the same first, so that positions agree.
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
        _Walk(text, document).table_lines()
    except RecursionError:
        document.add_at_line(None, "it is nested too deeply to be read")
        return
    except ValueError as error:
        message = str(error)
        match = _ERROR_LINE.search(message)
        line = int(match[1]) if match else text.rstrip("\n").count("\n") + 1
        document.add_at_line(line, f"this is not TOML: {message[: match.start()] if match else message}")
        return
    document.data = _dates_as_written(data, (), document)


def _dates_as_written(value: Any, path: DataPath, document: Document) -> Any:
    if isinstance(value, dict) and len(path) <= MAX_DEPTH:
        return {key: _dates_as_written(item, (*path, key), document) for key, item in value.items()}
    if isinstance(value, list) and len(path) <= MAX_DEPTH:
        return [_dates_as_written(item, (*path, index), document) for index, item in enumerate(value)]
    if isinstance(value, dt.date | dt.time):
        return document.written.pop(path, value.isoformat())
    return value


class _Walk:
    def __init__(self, text: str, document: Document) -> None:
        self._text = text
        self._document = document
        self._at = 0
        self._line = 1
        self._array_sizes: dict[DataPath, int] = {}

    def table_lines(self) -> None:
        """Walk over the whole document."""
        self._document.lines[()] = 1
        table: DataPath = ()
        self._skip(_SPACE_AND_COMMENTS)
        while self._at < len(self._text):
            table = self._header() if self._peek() == "[" else self._pair(table)
            self._skip(_SPACE_AND_COMMENTS)

    def _header(self) -> DataPath:
        line = self._line
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        self._move(self._at + brackets)
        path = self._inside_arrays(self._key(), is_array=brackets == 2)
        self._note_table(path, line)
        self._skip(_SPACE)
        self._move(self._at + brackets)
        return path

    def _inside_arrays(self, key: DataPath, *, is_array: bool) -> DataPath:
        """The path of a table header, with the index of the newest element after each array of tables."""
        path: DataPath = ()
        for number, part in enumerate(key, start=1):
            path = (*path, part)
            if is_array and number == len(key):
                self._array_sizes[path] = self._array_sizes.get(path, 0) + 1
            if path in self._array_sizes:
                path = (*path, self._array_sizes[path] - 1)
        return path

    def _note_table(self, path: DataPath, line: int) -> None:
        for end in range(1, len(path) + 1):
            self._document.lines.setdefault(path[:end], line)
            self._document.key_lines.setdefault(path[:end], line)

    def _pair(self, table: DataPath) -> DataPath:
        line = self._line
        path = (*table, *self._key())
        self._note_table(path, line)
        self._skip(_SPACE)
        self._move(self._at + 1)  # the equals sign
        self._skip(_SPACE)
        self._value(path)
        return table

    def _key(self) -> DataPath:
        parts: list[str | int] = []
        while True:
            self._skip(_SPACE)
            match = _KEY.match(self._text, self._at)
            assert match is not None  # noqa: S101  the text is valid TOML
            self._move(match.end())
            parts.append(next(iter(tomllib.loads(f"{match[0]} = 0"))))
            self._skip(_SPACE)
            if self._peek() != ".":
                return tuple(parts)
            self._move(self._at + 1)

    def _value(self, path: DataPath) -> None:
        character = self._peek()
        if character == "[":
            self._array(path)
        elif character == "{":
            self._inline_table(path)
        elif character in "\"'":
            match = _STRING.match(self._text, self._at)
            assert match is not None  # noqa: S101  the text is valid TOML
            self._move(match.end())
        else:
            match = _WORD.match(self._text, self._at)
            assert match is not None  # noqa: S101  the text is valid TOML
            self._document.written[path] = match[0].strip()
            self._move(match.end())

    def _array(self, path: DataPath) -> None:
        self._move(self._at + 1)
        index = 0
        while True:
            self._skip(_SPACE_AND_COMMENTS)
            if self._peek() == "]":
                break
            self._document.lines[*path, index] = self._line
            self._value((*path, index))
            index += 1
            self._skip(_SPACE_AND_COMMENTS)
            if self._peek() == ",":
                self._move(self._at + 1)
        self._move(self._at + 1)

    def _inline_table(self, path: DataPath) -> None:
        self._move(self._at + 1)
        while True:
            self._skip(_SPACE_AND_COMMENTS)
            if self._peek() == "}":
                break
            self._pair(path)
            self._skip(_SPACE_AND_COMMENTS)
            if self._peek() == ",":
                self._move(self._at + 1)
        self._move(self._at + 1)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        assert match is not None  # noqa: S101  the pattern matches nothing, too
        self._move(match.end())

    def _move(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end
