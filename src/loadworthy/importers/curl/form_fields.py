"""What stands behind ``-F name=`` of curl: ``text``, ``@file`` or ``<file``, with ``;type=…;filename=…`` behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from loadworthy.importers.requests import FormPart

_ABOUT = ("type", "filename", "headers", "encoder")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def form_parts(name: str, content: str) -> Iterator[FormPart]:
    """The parts of one field: several where several files have commas between them."""
    kind = content[:1] if content[:1] in ("@", "<") else ""
    for one in _apart(content[len(kind) :], ",") if kind else [content]:
        value, about = _with_about(one)
        if kind == "@":
            shown = about.get("filename", PurePath(value.replace("\\", "/")).name)
            yield FormPart(name, None, shown, about.get("type", ""))
        else:
            yield FormPart(name, None if kind else value, about.get("filename", ""), about.get("type", ""))


def _with_about(text: str) -> tuple[str, dict[str, str]]:
    """What comes before the first ``;``, and what is said behind it; the type has parameters of its own."""
    first, *rest = _apart(text, ";")
    about: dict[str, str] = {}
    last = ""
    for piece in rest:
        key, equals, value = piece.strip().partition("=")
        if equals and key.lower() in _ABOUT:
            last = key.lower()
            about[last] = _unquoted(value)
        elif last == "type":
            about[last] += f";{piece}"
    return _unquoted(first), about


def _apart(text: str, separator: str) -> list[str]:
    """The pieces between separators that stand in no quotation."""
    pieces = [""]
    for part in re.split(rf'("(?:[^"\\]|\\.)*"|{separator})', text):
        if part == separator:
            pieces.append("")
        else:
            pieces[-1] += part
    return pieces


def _unquoted(text: str) -> str:
    match = _QUOTED.fullmatch(text.strip())
    return re.sub(r"\\(.)", r"\1", match[1]) if match else text
