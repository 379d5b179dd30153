"""What a locustfile says of its users and its load shape, as far as its text shows; it is never executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loadworthy.importers.imported import ImportFailedError, Json

_MOST_STAGES = 1000
_LONGEST_S = 30 * 86_400
_SHORTEST_S = 0.001
_MOST_USERS = 10**9
_STAGE = ("duration", "users", "spawn_rate")


@dataclass(frozen=True, slots=True)
class Shape:
    """A ``LoadTestShape``: its name, and its stages where they stand in the file as the usual list."""

    name: str
    stages: tuple[Json, ...] = ()
    """``{duration, users, spawn_rate}``, each duration from the start of the test, in seconds."""


@dataclass(frozen=True, slots=True)
class LocustFile:
    """The classes of a locustfile.

    Args:
        users: class → its literal ``host``, or None.
        shapes: the load shapes.
        imported: names that come from elsewhere.
        options: those that it adds to Locust's command line.
    """

    users: Mapping[str, str | None]
    shapes: tuple[Shape, ...]
    imported: frozenset[str]
    options: tuple[str, ...]


def looks_like_locustfile(text: str) -> bool:
    """Whether it is Python that imports Locust or our user classes."""
    try:
        tree = _parsed(text, "")
    except ImportFailedError:
        return False
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return any(name.split(".")[0] == "locust" or name.startswith("loadworthy") for name in names) or bool(
        read_locustfile(text, "").users
    )


def read_locustfile(text: str, name: str) -> LocustFile:
    """Its classes. ImportFailedError where it is no Python."""
    tree = _parsed(text, name)
    classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    users = {
        name: _literal(node, "host")
        for name, node in classes.items()
        if _descends(name, classes, "User") and _literal(node, "abstract") is not True
    }
    hosts = {name: host if isinstance(host, str) else None for name, host in users.items()}
    shapes = [node for name, node in classes.items() if _descends(name, classes, "Shape")]
    return LocustFile(
        users=hosts,
        shapes=tuple(Shape(node.name, _stages(node)) for node in shapes if _literal(node, "abstract") is not True),
        imported=frozenset(_imported(tree)),
        options=tuple(dict.fromkeys(_options(tree))) if "init_command_line_parser" in text else (),
    )


def _parsed(text: str, name: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = f"{name}:{line}" if line else name
        raise ImportFailedError(f"{place}: this is no Python that can be read: {error}") from error


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)


def _descends(name: str, classes: Mapping[str, ast.ClassDef], ending: str) -> bool:
    """Whether one of its bases, in this file or beyond it, is a ``…User`` (or ``…Shape``)."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        node = classes.get(waiting.pop())
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        bases = [_last_name(base) for base in node.bases]
        if any(base.endswith(ending) and base not in classes for base in bases):
            return True
        waiting += bases
    return False


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _options(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _last_name(node.func) == "add_argument":
            words = [item.value for item in node.args if isinstance(item, ast.Constant)]
            yield from [word for word in words if isinstance(word, str) and word.startswith("--")][:1]


def _value_of(node: ast.ClassDef, name: str) -> ast.expr | None:
    found = None
    for item in node.body:
        if not isinstance(item, ast.Assign | ast.AnnAssign):
            continue
        targets = item.targets if isinstance(item, ast.Assign) else [item.target]
        if any(_last_name(target) == name for target in targets):
            found = item.value
    return found


def _literal(node: ast.ClassDef, name: str) -> Any:
    """The value of an attribute that is written out in the class; None otherwise."""
    value = _value_of(node, name)
    try:
        return None if value is None else ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _stages(node: ast.ClassDef) -> tuple[Json, ...]:
    """The stages of a shape written as Locust's examples are: a list, and a ``tick`` that goes through it by time.

    Any other ``tick`` may do anything with its list; then there are none.
    """
    stages = _literal(node, "stages")
    if not isinstance(stages, list) or not 0 < len(stages) <= _MOST_STAGES or not _goes_by_time(node):
        return ()
    before = 0.0
    for stage in stages:
        if not isinstance(stage, dict) or not all(_is_number(stage.get(key)) for key in _STAGE):
            return ()
        if not before + _SHORTEST_S <= stage["duration"] <= _LONGEST_S:
            return ()
        if not 0 <= stage["users"] < _MOST_USERS or not 1e-6 <= stage["spawn_rate"] <= 1e9:
            return ()
        before = stage["duration"]
    return tuple(stages)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _goes_by_time(node: ast.ClassDef) -> bool:
    ticks = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "tick"]
    loops = [item for tick in ticks for item in ast.walk(tick) if isinstance(item, ast.For)]
    if len(ticks) != 1 or len(loops) != 1 or _last_name(loops[0].iter) != "stages":
        return False
    tests = [item.test for item in ast.walk(loops[0]) if isinstance(item, ast.If)]
    calls = {_last_name(item.func) for item in ast.walk(ticks[0]) if isinstance(item, ast.Call)}
    return len(tests) == 1 and "duration" in ast.dump(tests[0]) and calls <= {"get_run_time", "round", "int"}
