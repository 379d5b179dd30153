"""Columns that templates ask for and that the test data does not have: found before the first request."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from loadworthy.plan.document import Document
from loadworthy.plan.names import places
from loadworthy.plan.template_words import columns_of

_MOST_NAMED = 20


def check_columns(columns: Mapping[str, frozenset[str] | None], document: Document) -> None:
    """Add a problem for each column in a template that no row has.

    ``columns``: name of test data → the columns of its rows; None, or none, where they are not known.
    """
    known = {name: frozenset(map(str, those)) for name, those in columns.items() if those}
    for place in places(document):
        if not any(name in place.text for name in known):
            continue
        for name, column in sorted(columns_of(place.text)):
            if name in known and name not in place.extracted and column not in known[name]:
                document.add(place.path, f"{name} has no column {column}", _hint(column, sorted(known[name])))


def _hint(column: str, columns: list[str]) -> str:
    if near := difflib.get_close_matches(column, columns, n=1):
        return f"did you mean {near[0]}?"
    return f"it has: {', '.join(columns[:_MOST_NAMED])}{', …' if len(columns) > _MOST_NAMED else ''}"
