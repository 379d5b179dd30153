"""What an importer makes: a plan as plain data, files beside it, and a list of what could not be carried over.

An importer is a function of a text. It never reads files, and it never drops anything in silence: whatever the plan
does not do as the source did is a :class:`Note`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadworthy.errors import LoadworthyError

Json = dict[str, Any]
_LIKE_TEMPLATE = re.compile(r"\{[{%#]")


class ImportFailedError(LoadworthyError):
    """The source is not what it should be; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user says besides the source.

    Args:
        base_url: instead of the source's own.
        scenario: name of the scenario that is made.
        only: patterns (``/orders*``, ``POST /orders``) of the requests that are carried over; all when empty.
        login: ``POST /auth/login``: the request that logs a user in, where the source does not say so.
        read: gives the text of a file beside the source by its relative path, or None where it is not there.
    """

    base_url: str | None = None
    scenario: str = "load"
    only: tuple[str, ...] = ()
    login: str | None = None
    read: Callable[[str], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something of the source that the plan does not do, or does otherwise.

    Args:
        where: the place in the source, in its own words: ``POST /orders``, ``entry 12``, ``line 3``.
        what: a sentence without a full stop: ``the body is multipart; it is left out``.
    """

    where: str
    what: str


def by_what(notes: Iterable[Note]) -> dict[str, list[str]]:
    """What is to be said, each with the places that it holds for, in the order in which it was first said."""
    found: dict[str, list[str]] = {}
    for note in notes:
        found.setdefault(note.what, []).append(note.where)
    return found


@dataclass(frozen=True, slots=True)
class Imported:
    """A plan that was made from something else.

    Args:
        plan: plain data, as a plan file holds it; :func:`loadworthy.plan.load.plan_from_mapping` takes it.
        notes: what was not carried over.
        files: name → text of files that the plan names, relative to it.
        variables: environment variable → what it is for; the plan has ``${NAME}`` for each of them.
        source: what it was made from, in words: ``OpenAPI 3.1: Petstore 1.0``.
    """

    plan: Json
    source: str
    notes: tuple[Note, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


class Variables:
    """The environment variables that a plan asks for in place of what looks like a credential."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def reference(self, name: str, what: str) -> str:
        """``${NAME}`` for a secret; ``what`` says what it is for. Another secret of the same name gets a number."""
        base = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") or "SECRET"
        base = f"_{base}" if base[0].isdigit() else base
        chosen, number = base, 1
        while self.told.get(chosen, what) != what:
            number += 1
            chosen = f"{base}_{number}"
        self.told[chosen] = what
        return f"${{{chosen}}}"


def literal(text: str) -> str:
    """The text of a source as a plan must write it to mean just that: no variable, no template.

    A text that a template would read otherwise becomes one expression, blanks and line ends included.
    """
    return f"{{{{ {quoted(text)} }}}}" if _LIKE_TEMPLATE.search(text) else text.replace("${", "$${")


def quoted(text: str) -> str:
    """A text as an expression of a template writes it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'".replace("${", "$${")


def literal_data(value: Any) -> Any:
    """The same for every text in JSON data; keys are left alone, as plans leave them."""
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, Mapping):
        return {str(key): literal_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [literal_data(item) for item in value]
    return value


def distinct(names: Iterable[str]) -> list[str]:
    """The names, with a number behind those that came before."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return result
