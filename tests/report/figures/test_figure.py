"""Data sets as columns, and as the rows that Vega wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.report.figures.figure import Columns, rows_of


@given(st.lists(st.tuples(st.integers(), st.none() | st.text())))
def test_columns_become_rows(rows: list[tuple[int, str | None]]) -> None:
    """Each row has every name, in the order of the columns."""
    columns: Columns = {"at_ms": [at_ms for at_ms, _ in rows], "words": [words for _, words in rows]}
    assert rows_of(columns) == [{"at_ms": at_ms, "words": words} for at_ms, words in rows]


def test_no_columns_have_no_rows() -> None:
    """Nor have columns without values."""
    assert rows_of({}) == []
    assert rows_of({"at_ms": [], "value": []}) == []


def test_columns_of_different_lengths_are_refused() -> None:
    """Rather than rows without some of their values."""
    with pytest.raises(ValueError):
        rows_of({"at_ms": [1, 2], "value": [1]})
