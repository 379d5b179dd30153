"""JSON plans: the standard parser for the syntax, then a walk over the valid text for the lines.

The standard library's parser is strict and has good messages but tells no lines of values and takes the last of two
equal keys in silence. The walk trusts that the text is valid JSON, so it needs few cases.
"""

from __future__ import annotations

import json
import re
from typing import Any

from loadworthy.plan.document import MAX_DEPTH, DataPath, Document, shown

_SPACE = re.compile(r"[ \t\n\r]*")
_WORD = re.compile(r"[^ \t\n\r,\]}]+")


def read_json(text: str, document: Document) -> None:
    """Fill the document's data and places from JSON text; mistakes become its problems."""
    try:
        json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        hint = ""
        if "property name" in error.msg or "Illegal trailing comma" in error.msg:
            hint = "keys stand in double quotes, and no comma follows the last entry"
        document.add_at_line(error.lineno, f"this is not JSON: {error.msg} (column {error.colno})", hint)
    except ValueError as error:
        document.add_at_line(None, f"this is not JSON: {error}")
    except RecursionError:
        document.add_at_line(None, "it is nested too deeply to be read")
    else:
        document.data = _Walk(text, document).value((), None)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value")


class _Walk:
    def __init__(self, text: str, document: Document) -> None:
        self._text = text
        self._document = document
        self._at = 0
        self._line = 1

    def value(self, path: DataPath, key_line: int | None) -> Any:
        self._skip_space()
        character = self._text[self._at]
        self._document.lines[path] = (key_line or self._line) if character in "[{" else self._line
        if len(path) > MAX_DEPTH + 1:
            # Deeper than settle() allows, which will say so; the standard parser reads it for us.
            value, end = json.JSONDecoder().raw_decode(self._text, self._at)
            self._move(end)
            return value
        if character == "{":
            return self._mapping(path)
        if character == "[":
            return self._list(path)
        if character == '"':
            return self._string()
        return self._word(path)

    def _mapping(self, path: DataPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while self._next_entry("}"):
            line = self._line
            key = self._string()
            here = (*path, key)
            self._document.key_lines[here] = line
            if key in lines:
                message = f"the key {shown(key)} is given twice; first on line {lines[key]}"
                self._document.add(here, message, "remove one of them", at_key=True)
            lines.setdefault(key, line)
            self._skip_space()
            self._move(self._at + 1)  # the colon
            result[key] = self.value(here, line)
        return result

    def _list(self, path: DataPath) -> list[Any]:
        result: list[Any] = []
        while self._next_entry("]"):
            result.append(self.value((*path, len(result)), None))
        return result

    def _next_entry(self, closing: str) -> bool:
        """Step over ``{``, ``[`` or a comma to the next entry; False at the end, which is stepped over."""
        self._skip_space()
        if self._text[self._at] != closing:
            self._move(self._at + (self._text[self._at] in "{[,"))
            self._skip_space()
        if self._text[self._at] == closing:
            self._move(self._at + 1)
            return False
        return True

    def _string(self) -> str:
        value, end = json.JSONDecoder().raw_decode(self._text, self._at)
        self._move(end)
        return str(value)

    def _word(self, path: DataPath) -> Any:
        match = _WORD.match(self._text, self._at)
        assert match is not None  # noqa: S101  the text is valid JSON
        self._move(match.end())
        value = json.loads(match[0])
        if value is not None:
            self._document.written[path] = match[0]
        return value

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        assert match is not None  # noqa: S101  the pattern matches nothing, too
        self._move(match.end())

    def _move(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end
