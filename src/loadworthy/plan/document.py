"""A plan file as plain data, where each value remembers its place.

The readers of the three formats make a :class:`Document`; overrides and variables then change its data, the models and
the rules judge it, and each of them names a value by its path: ``("scenarios", "load", "endpoints", 0, "path")``. Only
the document knows what line that is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from loadworthy.errors import Problem

DataPath: TypeAlias = tuple[str | int, ...]

MAX_DEPTH = 60
"""Deeper nesting is refused; pydantic and the JSON writers give up a little further down."""

MAX_VALUES = 200_000
"""More values than this (aliases expanded) are refused: they belong in a file of test data."""

MAX_BITS = 1024
"""Larger whole numbers are refused: Python itself will not write those of some thousand digits."""

_SIMPLE_NAME = re.compile(r"[\w-]+")
_SHOWN_CHARACTERS = 60


@dataclass(slots=True)
class Document:
    """Mutable while a plan is being read, and never seen by anyone afterwards.

    Args:
        file: the plan's path as the user gave it.
        data: dicts with text keys, lists, text, numbers, flags and None.
        lines: path → 1-based line: of the value of a scalar, of the key of a mapping or list.
        key_lines: path → line of its key.
        written: path → a scalar that is no text, as it stands in the file (``1.10``, ``2026-11-20``).
        options: path → the command-line option that put the value there.
        variables: path → environment variables (name → value) that were put into the text there.
        spoilt: paths whose value could not be read; what follows from that is not told.
        problems: what was wrong so far.
    """

    file: str
    data: Any = None
    lines: dict[DataPath, int] = field(default_factory=dict)
    key_lines: dict[DataPath, int] = field(default_factory=dict)
    written: dict[DataPath, str] = field(default_factory=dict)
    options: dict[DataPath, str] = field(default_factory=dict)
    variables: dict[DataPath, dict[str, str]] = field(default_factory=dict)
    spoilt: set[DataPath] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def spoil(self, path: DataPath, message: str, hint: str = "") -> None:
        """Note that the value at a path could not be read; every later problem with it is but a consequence."""
        self.add(path, message, hint)
        self.spoilt.add(path)

    def add(self, path: DataPath, message: str, hint: str = "", *, at_key: bool = False) -> None:
        """Note a problem with the value at a path (with its key if ``at_key``)."""
        if any(here in self.spoilt for here in _upwards(path)):
            return
        option = next((self.options[here] for here in _upwards(path) if here in self.options), None)
        names = self.variables.get(path, {})
        if names:
            message = f"{message} (from {', '.join(f'${{{name}}}' for name in names)})"
        line = None if option else self._line(path, at_key)
        problem = Problem(option or self.file, line, dotted(path), message, hint)
        if problem not in self.problems:
            self.problems.append(problem)

    def add_at_line(self, line: int | None, message: str, hint: str = "") -> None:
        """Note a problem with the file itself, e.g. its syntax."""
        self.problems.append(Problem(self.file, line, "", message, hint))

    def sorted_problems(self) -> list[Problem]:
        """In the order of their lines; those without a line (options) last."""
        return sorted(self.problems, key=lambda problem: (problem.line is None, problem.line or 0))

    def _line(self, path: DataPath, at_key: bool) -> int | None:
        lines = self.key_lines if at_key and path in self.key_lines else self.lines
        return next((lines[here] for here in _upwards(path) if here in lines), None)

    def get(self, path: DataPath, default: Any = None) -> Any:
        """The value at a path."""
        value = self.data
        for part in path:
            is_there = (
                part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
            )
            if not is_there:
                return default
            value = value[part]
        return value

    def replace(self, path: DataPath, value: Any) -> None:
        """Put another value where there is one already; the path must not be empty."""
        self.get(path[:-1])[path[-1]] = value


def _upwards(path: DataPath) -> Iterator[DataPath]:
    """The path, and those above it."""
    return (path[:end] for end in range(len(path), -1, -1))


def dotted(path: DataPath) -> str:
    """A path for people: ``scenarios.load.endpoints[0].path``; names with odd characters stand in quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _SIMPLE_NAME.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{name}" if text else name
    return text


def shown(value: object) -> str:
    """A value for a message: as JSON writes it, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def settle(document: Document) -> None:
    """Copy the data into plain dicts and lists, and note what no plan can hold.

    Those are: cycles and excessive nesting, too many values, keys that are no text, numbers that are not finite, text
    that is not Unicode, and objects of other types. What is wrong becomes None in the copy.
    """
    document.data = _Settler(document).copy(document.data, ())


class _Settler:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0

    def copy(self, value: object, path: DataPath) -> Any:
        self._count += 1
        if self._count > MAX_VALUES:
            if self._count == MAX_VALUES + 1:
                self._document.spoil(
                    path[:1], f"the plan holds more than {MAX_VALUES:,} values", "put test data into a file of its own"
                )
            return None
        if len(path) > MAX_DEPTH and isinstance(value, Mapping | list | tuple):
            self._document.spoil(path[:3], f"it is nested more than {MAX_DEPTH} levels deep, or holds itself")
            return None
        if isinstance(value, Mapping):
            return {key: self.copy(item, (*path, key)) for key, item in self._text_keys(value, path)}
        if isinstance(value, list | tuple):
            return [self.copy(item, (*path, index)) for index, item in enumerate(value)]
        return self._scalar(value, path)

    def _text_keys(self, value: Mapping[Any, Any], path: DataPath) -> list[tuple[str, Any]]:
        items = []
        for key, item in value.items():
            if isinstance(key, str) and self._is_unicode(key):
                items.append((str(key), item))
            else:
                self._document.add(path, f"the key {key!r} is not text", "keys must be text")
        return items

    def _scalar(self, value: object, path: DataPath) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            if self._is_unicode(value):
                return str(value)
            self._document.spoil(path, "the text holds half of a surrogate pair, which no encoding can write")
        elif isinstance(value, int):
            if value.bit_length() <= MAX_BITS:
                return int(value)
            self._document.spoil(path, "the number is too large", "put quotes round it if it is text")
        elif isinstance(value, float):
            if math.isfinite(value):
                return float(value)
            self._document.spoil(path, f"{value} is not a finite number", "put quotes round it if it is text")
        else:
            kind = type(value).__name__
            self._document.spoil(path, f"a plan cannot hold a {kind}", "use text, numbers, lists and mappings")
        return None

    @staticmethod
    def _is_unicode(text: str) -> bool:
        try:
            text.encode()
        except UnicodeEncodeError:
            return False
        return True
