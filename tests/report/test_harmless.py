"""Text of the target that can do no more than be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.report.harmless import no_formula, one_line, unturned, utf8


@given(st.text(st.characters() | st.sampled_from("\ud800\udfff\\")))
def test_utf8_holds_it(text: str) -> None:
    """And what UTF-8 could hold already stays as it is."""
    utf8(text).encode("utf-8")
    assert utf8(text) == text or any("\ud800" <= char <= "\udfff" for char in text)


def test_lone_surrogates_stay_different() -> None:
    """Two names that differ in nothing else are still two."""
    assert utf8("a\ud800") == "a\\ud800" != utf8("a\ud801")


@given(st.text())
def test_one_line_is_one_line_that_stays_put(text: str) -> None:
    """No line end of any kind, no control character, nothing that turns the direction of writing."""
    shown = one_line(text)
    assert len(shown.splitlines()) <= 1
    assert not any(char < " " or "\x7f" <= char <= "\x9f" or char in "\u202e\u2066\u200f" for char in shown)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_formula_is_none(text: str) -> None:
    """And nothing else has an apostrophe before it."""
    assert no_formula(text) == f"'{text}"
    assert no_formula(f"a{text}") == f"a{text}"


def test_marks_that_turn_the_direction_of_writing_are_shown_as_dots() -> None:
    """The rest of the text stays, scripts that are written from right to left among it."""
    assert unturned("\u202eevil\u2066 \u05d0\u05d1") == "·evil· \u05d0\u05d1"
