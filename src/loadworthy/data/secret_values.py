"""Texts that must not be seen: many of them, found in a text in one pass over it.

What a plan keeps secret is known before the run, and masked by one regular expression. The passwords of a hundred
thousand accounts are not: here each is kept under its first characters, so that a text is looked through in a time that
does not depend on how many there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from loadworthy.plan.places import is_never_secret
from loadworthy.plan.redact import MASK, MIN_SECRET_CHARACTERS

MOST_KEPT = 20_000
"""Of the texts; beyond, those that came first are forgotten."""


class SecretValues:
    """Collects secret texts, and masks them; those below four characters are left, for they occur everywhere."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: dict[str, None] = {}
        self._by_start: dict[str, dict[str, None]] = {}

    def add(self, text: str) -> None:
        """One more; one that is there already costs next to nothing."""
        if text in self._kept or len(text) < MIN_SECRET_CHARACTERS or is_never_secret(text):
            return
        self._kept[text] = None
        for form in _forms(text):
            self._by_start.setdefault(form[:MIN_SECRET_CHARACTERS], {})[form] = None
        if len(self._kept) > self._most:
            self._forget(next(iter(self._kept)))

    def _forget(self, text: str) -> None:
        del self._kept[text]
        for form in _forms(text):
            start = form[:MIN_SECRET_CHARACTERS]
            forms = self._by_start.get(start, {})
            forms.pop(form, None)
            if not forms:
                self._by_start.pop(start, None)

    def __call__(self, text: str) -> str:
        """The text with ``***`` for each of them, the longest where several begin at one place."""
        if not self._kept:
            return text
        parts, at, copied = [], 0, 0
        while at <= len(text) - MIN_SECRET_CHARACTERS:
            starting = self._by_start.get(text[at : at + MIN_SECRET_CHARACTERS], ())
            found = max((len(form) for form in starting if text.startswith(form, at)), default=0)
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
