"""Values from the command line that replace those of the plan file, before anything is judged.

``scenarios.load.users=50`` names a value by its dotted path; a list's entries are numbered from 0, a name with dots
stands in double quotes, and ``*`` stands for every name or number there is. The value is read as YAML (``50``, ``30s``,
``true``, ``[a, b]``), and an empty one or ``null`` removes the key.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from loadworthy.errors import PlanError, Problem
from loadworthy.plan.document import DataPath, Document, dotted, settle, shown
from loadworthy.plan.places import place_kind
from loadworthy.plan.yaml_reader import read_yaml

_SEGMENT = re.compile(r'"([^"]+)"|([^."=]+)')
_KEY_PATH = re.compile(rf"((?:{_SEGMENT.pattern})(?:\.(?:{_SEGMENT.pattern}))*)=")
_NAMED_BY_THE_USER = ("scenarios", "roles")


@dataclass(frozen=True, slots=True)
class Override:
    """One value to put into a plan.

    Args:
        path: where: names of keys and, as text, numbers of list entries; ``*`` stands for all there are.
        value: what to put there, as plain data; None removes the key.
        option: what the user wrote, for messages: ``--set scenarios.load.users=50``.
        written: the value as the user wrote it, where that was text.
    """

    path: tuple[str, ...]
    value: Any
    option: str
    written: str | None = None


def parse_override(text: str) -> Override:
    """The override that ``key.path=value`` says; PlanError if it says none."""
    option = f"--set {text}"
    match = _KEY_PATH.match(text)
    path = [quoted or plain.strip() for quoted, plain in _SEGMENT.findall(match[1])] if match else []
    if match is None or not all(path):
        raise PlanError([Problem(option, None, "", "it must say key.path=value", "e.g. scenarios.load.users=50")])
    written = text[match.end() :].strip()
    value = _read_value(written)
    if isinstance(value, dict | list):
        option = f"--set {match[1]}=…"
    elif place_kind(tuple(int(part) if part.isdecimal() else part for part in path)) == "free":
        option = f"--set {match[1]}=***"
    return Override(tuple(path), value, option, written)


def _read_value(written: str) -> Any:
    scratch = Document("")
    read_yaml(written, scratch)
    # "p95 < 1s, {{ x }}" or "*" are no YAML, and are meant as text.
    if scratch.problems:
        return written
    settle(scratch)
    return written if scratch.problems else scratch.data


def apply_overrides(document: Document, overrides: Iterable[Override]) -> None:
    """Change the document's data; what cannot be applied becomes a problem that names the option."""
    if not isinstance(document.data, dict):
        return
    for override in overrides:
        if not _put(document, (), override.path, override):
            name = dotted(override.path)
            document.problems.append(Problem(override.option, None, name, "the plan has nothing there", ""))


def _put(document: Document, above: DataPath, rest: tuple[str, ...], override: Override) -> bool:
    """Put the value below ``above``; whether there was such a place (or the reason has been told already)."""
    container = document.get(above)
    part, below = rest[0], rest[1:]
    if part == "*" and isinstance(container, dict | list):
        keys: list[str | int] = list(container) if isinstance(container, dict) else list(range(len(container)))
        found = [_put_at(document, (*above, key), below, override) for key in keys]
        return any(found)
    if isinstance(container, list):
        if not part.isascii() or not part.isdigit() or int(part) >= len(container):
            message = f"there is no entry {shown(part)}: the list has {len(container)}, counted from 0"
            return _refuse(document, (*above, part), override, message)
        return _put_at(document, (*above, int(part)), below, override)
    if not isinstance(container, dict):
        return _refuse(document, above, override, f"{shown(container)} has nothing inside")
    if part not in container and above and above[-1] in _NAMED_BY_THE_USER:
        near = difflib.get_close_matches(part, container, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(container) or 'none'}"
        return _refuse(document, (*above, part), override, f"there is no {shown(part)}", hint)
    return _put_at(document, (*above, part), below, override)


def _put_at(document: Document, path: DataPath, below: tuple[str, ...], override: Override) -> bool:
    container = document.get(path[:-1])
    if below:
        if isinstance(container, dict) and container.get(str(path[-1])) is None:
            container[str(path[-1])] = {}
        return _put(document, path, below, override)
    _forget(document, path)
    if override.value is None and isinstance(container, dict):
        container.pop(str(path[-1]), None)
        return True
    container[path[-1]] = override.value
    document.options[path] = override.option
    if override.written is not None and isinstance(override.value, int | float):
        document.written[path] = override.written
    return True


def _forget(document: Document, path: DataPath) -> None:
    """Drop what is known of the old value, and of what was inside it."""
    for places in (document.written, document.options):
        for place in [place for place in places if place[: len(path)] == path]:
            del places[place]


def _refuse(document: Document, path: DataPath, override: Override, message: str, hint: str = "") -> bool:
    document.problems.append(Problem(override.option, None, dotted(path), message, hint))
    return True
