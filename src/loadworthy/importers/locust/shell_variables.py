"""Shell variables in the words of a command line: a plan asks the environment for them, as the shell does."""

from __future__ import annotations

import re

from loadworthy.importers.imported import Variables, literal

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?::-(?P<default>[^${}]*))?\}|(?P<bare>[A-Za-z_]\w*))")
_FOLDER = re.compile(r"\$(?:\{\w+\}|\w+)/(?=.)")


def has_variable(text: str) -> bool:
    """Whether a shell would put something in."""
    return _VARIABLE.search(text) is not None


def in_plan(text: str, variables: Variables) -> str:
    """The text as a plan writes it; those of its variables that have no default are told of."""
    parts, end = [], 0
    for found in _VARIABLE.finditer(text):
        parts.append(literal(text[end : found.start()]))
        end = found.end()
        name = found["braced"] or found["bare"]
        if found["default"] is None:
            variables.told.setdefault(name, f"the variable {name} of the command")
            parts.append(f"${{{name}}}")
        else:
            parts.append(f"${{{name}:-{found['default']}}}")
    return "".join([*parts, literal(text[end:])])


def with_default(text: str, default: str) -> tuple[str, str] | None:
    """The name of the one variable that a text consists of, and its default; None where it is something else.

    Names in small letters are those of a script, of a loop in it: the environment has none of them.

    Args:
        text: of the command.
        default: what goes where the variable is not set, and has no default of its own.
    """
    found = _VARIABLE.fullmatch(text)
    name = found and (found["braced"] or found["bare"])
    if found is None or not name or name != name.upper():
        return None
    return name, found["default"] or default


def without_folder(path: str) -> str:
    """A path without the variable before it, which scripts have for the folder that they are in."""
    return _FOLDER.sub("", path, count=1) if _FOLDER.match(path) else path
