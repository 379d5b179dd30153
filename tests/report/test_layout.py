"""What fits, and what goes first where it does not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from loadworthy.report.layout import Column, Row, cut_middle, fitted_columns, fitted_rows, flowed, folded_at_words
from loadworthy.units import UNKNOWN

WORDS = st.text("ab漢 ", max_size=60)


def column(heading: str, *cells: str, rank: int = 0, is_left: bool = False) -> Column:
    return Column(heading, [Text(cell) for cell in cells], rank, is_left)


def plains(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


def test_rows_of_the_least_importance_go_first() -> None:
    """The later of those that are alike; what is left keeps its order."""
    rows = [Row(Text(name), rank) for name, rank in (("a", 0), ("b", 5), ("c", 1), ("d", 5), ("e", 2))]
    assert plains(fitted_rows(rows, 5)) == ["a", "b", "c", "d", "e"]
    assert plains(fitted_rows(rows, 4)) == ["a", "b", "c", "e"]
    assert plains(fitted_rows(rows, 2)) == ["a", "c"]
    assert plains(fitted_rows(rows, 0)) == ["a"]


def test_a_sentence_that_is_cut_ends_with_an_ellipsis() -> None:
    """No half of it passes for the whole, and its line is no wider than it was."""
    rows = [Row(Text("it was"), 1, goes_on=True), Row(Text("missed by"), 3, goes_on=True), Row(Text("much"), 4)]
    assert plains(fitted_rows(rows, 3)) == ["it was", "missed by", "much"]
    assert plains(fitted_rows(rows, 2)) == ["it was", "missed b…"]
    assert plains(fitted_rows(rows, 1)) == ["it wa…"]


def test_columns_stand_below_each_other() -> None:
    """Numbers to the right, names to the left."""
    columns = [column("", "load", "x", is_left=True), column("users", "7", "1,000"), column("p99", "12.5 ms", UNKNOWN)]
    assert plains(fitted_columns(columns, 40)) == [
        "      users      p99",
        "load      7  12.5 ms",
        f"x     1,000        {UNKNOWN}",
    ]


def test_columns_go_by_their_rank_and_numbers_are_never_cut() -> None:
    """A name is cut before a column goes; what has rank 0 stays."""
    columns = [
        column("name", "a-rather-long-name", is_left=True),
        column("mean", "10.0", rank=2),
        column("p99", "99.0"),
        column("all", "12,345", rank=1),
    ]
    shown = [plains(fitted_columns(columns, width, least_name=6))[1] for width in (31, 24, 14, 3)]
    assert shown == [
        "a-rather-l…  10.0  99.0  12,345",
        "a-rather-…  99.0  12,345",
        "a-rathe…  99.0",
        "…  99.0",
    ]


@given(st.lists(WORDS, max_size=6), st.integers(4, 80))
def test_parts_flow_within_the_width(parts: list[str], width: int) -> None:
    """No line is wider, and no word is lost."""
    lines = list(flowed(parts, width))
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).replace("·", "").split()) == "".join("".join(parts).split())


@given(WORDS, st.integers(2, 80))
def test_sentences_are_folded_within_the_width(text: str, width: int) -> None:
    """At words where it can be, and no letter is lost."""
    lines = folded_at_words(text, width)
    assert lines
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(WORDS, st.integers(0, 80))
def test_a_text_that_is_cut_keeps_both_ends(text: str, width: int) -> None:
    """It is as wide as it may be, or whole."""
    cut = cut_middle(text, width)
    assert cell_len(cut) <= width
    if cell_len(text) <= width:
        assert cut == text
    elif width > 6:
        assert cut[0] == text[0]
        assert cut[-1] == text[-1]
        assert cell_len(cut) >= width - 1


def test_a_threshold_that_is_cut_keeps_its_limit() -> None:
    """The limit is what it is about."""
    assert cut_middle("GET /api/v1/items/[id]/related p99 < 80ms", 24) == "GET /api…ated p99 < 80ms"
