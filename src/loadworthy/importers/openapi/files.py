"""The other files of a document that consists of several: found by its references, read within bounds.

A reference in another file is relative to that file. When one is read, its references are written anew, relative to
the document itself, so that what they mean does not depend on where their schemas are put together.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from loadworthy.importers.imported import ImportFailedError

MAX_FILES = 5_000
MAX_CHARACTERS = 32_000_000
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|/|\\")

Read = Callable[[str], str | None]
"""The text of a file by its path relative to the document; None where it is not there."""
Parse = Callable[[str], Any]
"""The data of a text; ImportFailedError where it is neither JSON nor YAML, or too large."""


class UnreadableError(Exception):
    """A file cannot be read; the message says why."""


@dataclass(slots=True)
class Files:
    """The files that references name, each read once.

    Args:
        read: gives their texts; None where there is nothing beside the document.
        parse: gives their data.
    """

    read: Read | None
    parse: Parse
    _known: dict[str, Any] = field(default_factory=dict)
    _characters: int = 0

    def data(self, path: str) -> Any:
        """What a file holds.

        Raises:
            UnreadableError: it is not beside the document or below, is not there, or cannot be read.
        """
        if path not in self._known:
            self._known[path] = self._data(path)
        return self._known[path]

    def _data(self, path: str) -> Any:
        if self.read is None or _ELSEWHERE.match(path) or posixpath.normpath(path).startswith(".."):
            raise UnreadableError("is in another file")
        text = self.read(posixpath.normpath(path))
        if text is None:
            raise UnreadableError("is in another file, which cannot be read")
        self._characters += len(text)
        if len(self._known) >= MAX_FILES or self._characters > MAX_CHARACTERS:
            raise UnreadableError("is in one file too many")
        try:
            data = self.parse(text)
        except ImportFailedError as error:
            raise UnreadableError(f"is in a file that cannot be read ({error})") from error
        _write_anew(data, path)
        return data


def absolute(reference: str, path: str) -> str:
    """A reference in a file as it is written in the document itself."""
    file, hash_sign, fragment = reference.partition("#")
    if _ELSEWHERE.match(file):
        return reference
    file = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
    return f"{file}{hash_sign}{fragment}"


def _write_anew(data: Any, path: str) -> None:
    for mapping in _mappings(data):
        if isinstance(mapping.get("$ref"), str):
            mapping["$ref"] = absolute(mapping["$ref"], path)


def _mappings(data: Any) -> Iterator[dict[str, Any]]:
    waiting = [data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
        if isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one
