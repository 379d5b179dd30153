"""Texts that must not be seen: which they are in rows of test data; many of them found in a text in one pass over it.

What a plan keeps secret is known before the run, and masked by one regular expression. The passwords of a hundred
thousand accounts are not: here each is kept under its first characters and its length, so that a text is looked through
in a time that does not depend on how many there are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from loadworthy.plan.places import is_never_secret, looks_secret
from loadworthy.plan.redact import MASK, MIN_SECRET_CHARACTERS

MOST_KEPT = 100_000
"""Of the texts; beyond, those that came first are forgotten."""
_DEEPEST = 50
"""So deep names are looked at; what is nested deeper is not shown, nor written into files."""


def secret_texts(row: Mapping[str, Any], is_secret: Callable[[str], bool] = looks_secret) -> Iterator[str]:
    """The values of a row that look like credentials by the name above them, as texts, however deep they are.

    ``is_secret``: whether a name speaks of a secret; whoever asks for many rows may remember its answers.
    """
    waiting: list[Any] = [row]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            for name, value in one.items():
                if is_secret(str(name)):
                    yield from _scalars(value)
                elif isinstance(value, Mapping | list | tuple):
                    waiting.append(value)
        else:
            waiting += [value for value in one if isinstance(value, Mapping | list | tuple)]


def _scalars(value: Any) -> Iterator[str]:
    """All that is in it, as texts."""
    waiting: list[Any] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
        elif one is not None:
            yield one if isinstance(one, str) else str(one)


def masked_value(value: Any) -> Any:
    """The same with ``***`` for whatever in it looks like a credential by its name."""
    return _hidden(value, MASK, _DEEPEST)


def without_secrets(value: Any) -> Any:
    """The same without the entries that look like credentials by their names."""
    return _hidden(value, None, _DEEPEST)


def _hidden(value: Any, instead: str | None, depth: int) -> Any:
    if isinstance(value, Mapping | list | tuple) and depth == 0:
        return instead
    if isinstance(value, Mapping):
        secret = {name for name in value if looks_secret(str(name))}
        return {
            name: instead if name in secret else _hidden(item, instead, depth - 1)
            for name, item in value.items()
            if instead is not None or name not in secret
        }
    if isinstance(value, list | tuple):
        return [_hidden(item, instead, depth - 1) for item in value]
    return value


def secret_names(value: Any, depth: int = _DEEPEST) -> Iterator[str]:
    """Where in a row something looks like a credential: ``password``, ``account.pin_secret``."""
    if isinstance(value, Mapping) and depth:
        for name, item in value.items():
            if looks_secret(str(name)):
                yield str(name)
            else:
                yield from (f"{name}.{below}" for below in secret_names(item, depth - 1))
    elif isinstance(value, list | tuple) and depth:
        for item in value:
            yield from secret_names(item, depth - 1)


class SecretValues:
    """Collects secret texts, and masks them; those below four characters are left, for they occur everywhere."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: dict[str, None] = {}
        self._by_start: dict[str, dict[int, dict[str, int]]] = {}
        """First characters → length → form → how many of the texts have it."""

    def add(self, text: str) -> None:
        """One more; one that is there already costs next to nothing."""
        if text in self._kept or len(text) < MIN_SECRET_CHARACTERS or is_never_secret(text):
            return
        self._kept[text] = None
        for form in _forms(text):
            of_length = self._by_start.setdefault(form[:MIN_SECRET_CHARACTERS], {}).setdefault(len(form), {})
            of_length[form] = of_length.get(form, 0) + 1
        if len(self._kept) > self._most:
            self._forget(next(iter(self._kept)))

    def _forget(self, text: str) -> None:
        del self._kept[text]
        for form in _forms(text):
            start, size = form[:MIN_SECRET_CHARACTERS], len(form)
            by_length = self._by_start[start]
            forms = by_length[size]
            forms[form] -= 1
            if not forms[form]:
                del forms[form]
            if not forms:
                del by_length[size]
            if not by_length:
                del self._by_start[start]

    def __call__(self, text: str) -> str:
        """The text with ``***`` for each of them, the longest where several begin at one place."""
        if not self._kept:
            return text
        parts, at, copied = [], 0, 0
        while at <= len(text) - MIN_SECRET_CHARACTERS:
            starting = self._by_start.get(text[at : at + MIN_SECRET_CHARACTERS])
            found = 0
            if starting is not None:
                found = max((size for size, forms in starting.items() if text[at : at + size] in forms), default=0)
            if found:
                parts += [text[copied:at], MASK]
                copied = at = at + found
            else:
                at += 1
        return "".join([*parts, text[copied:]])


def _forms(text: str) -> Iterator[str]:
    """As it is, and as it stands in URLs, forms and JSON."""
    yield from dict.fromkeys(
        (
            text,
            quote(text, safe=""),
            quote(text),
            quote_plus(text),
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
        )
    )
