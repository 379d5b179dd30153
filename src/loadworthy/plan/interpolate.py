"""``${NAME}`` and ``${NAME:-default}`` in the text of a plan; ``$${`` stands for a plain ``${``.

As in a shell, the default serves where the variable is unset or empty. What was put in is not searched again, and keys
are left alone. A text that is nothing but ``${NAME}`` stays text here; the models turn it into the number or flag they
want.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadworthy.plan.document import DataPath, Document, shown

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<inside>[^}]*)(?P<end>\}?)", re.DOTALL)
_INSIDE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A text with its variables put in.

    Args:
        text: the result; a reference that could not be resolved stays as written.
        values: environment variable → the value that was put in (defaults are not among them).
        mistakes: (message, hint) of each reference that could not be resolved.
    """

    text: str
    values: dict[str, str] = field(default_factory=dict)
    mistakes: tuple[tuple[str, str], ...] = ()


def interpolate(text: str, environ: Mapping[str, str]) -> Interpolated:
    """Put the variables into one text."""
    if "${" not in text:
        return Interpolated(text)
    values: dict[str, str] = {}
    mistakes: list[tuple[str, str]] = []

    def put_in(match: re.Match[str]) -> str:
        if match["inside"] is None:
            return "${"
        parts = _INSIDE.fullmatch(match["inside"])
        if not match["end"]:
            mistakes.append((f"{shown(match[0])} has no closing brace", "write ${NAME}, or $${ for a plain ${"))
        elif parts is None:
            hint = "write ${NAME} or ${NAME:-default}, or $${ for a plain ${"
            mistakes.append((f"{shown(match[0])} does not name an environment variable", hint))
        elif environ.get(parts[1]) or (parts[1] in environ and parts[2] is None):
            values[parts[1]] = environ[parts[1]]
            return environ[parts[1]]
        elif parts[2] is not None:
            return parts[2]
        else:
            mistakes.append((f"the environment variable {parts[1]} is not set", _hint(parts[1], environ)))
        return match[0]

    result = _REFERENCE.sub(put_in, text)
    return Interpolated(result, values, tuple(mistakes))


def _hint(name: str, environ: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(name, environ, n=1, cutoff=0.8)
    guess = f"did you mean {near[0]}? Else " if near else ""
    return f"{guess}set it, or give it a default: ${{{name}:-…}}"


def interpolate_document(document: Document, environ: Mapping[str, str]) -> None:
    """Put the variables into every text of the document, noting which value went where and what is missing."""
    document.data = _walk(document.data, (), document, environ)


def _walk(value: Any, path: DataPath, document: Document, environ: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _walk(item, (*path, key), document, environ) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, (*path, index), document, environ) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    done = interpolate(value, environ)
    for message, hint in done.mistakes:
        document.add(path, message, hint)
    if done.mistakes:
        document.spoilt.add(path)
    if done.values:
        document.variables[path] = done.values
    return done.text
