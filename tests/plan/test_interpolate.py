"""``${NAME}`` in the texts of a plan."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.plan.interpolate import interpolate

ENVIRON = {"A": "1", "EMPTY": "", "REF": "${A}"}


@pytest.mark.parametrize(
    ("text", "expected", "values"),
    [
        ("plain $A {x}", "plain $A {x}", {}),
        ("${A}", "1", {"A": "1"}),
        ("a${A}b${A}", "a1b1", {"A": "1"}),
        ("${NONE:-x y}", "x y", {}),
        ("${NONE:-}", "", {}),
        ("${A:-x}", "1", {"A": "1"}),
        ("${EMPTY:-x}", "x", {}),
        ("${EMPTY}", "", {"EMPTY": ""}),
        ("$${A}", "${A}", {}),
        ("$$${A}", "$${A}", {}),
        ("${REF}", "${A}", {"REF": "${A}"}),
        ("${NONE:-http://x:-1}", "http://x:-1", {}),
    ],
)
def test_references_are_replaced(text: str, expected: str, values: dict[str, str]) -> None:
    """As a shell would, without searching what was put in; only the environment's own values are reported."""
    result = interpolate(text, ENVIRON)
    assert (result.text, result.values, result.mistakes) == (expected, values, ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NONE}", "the environment variable NONE is not set"),
        ("${}", "does not name an environment variable"),
        ("${1}", "does not name an environment variable"),
        ("${A-x}", "does not name an environment variable"),
        ("${A", "has no closing brace"),
    ],
)
def test_what_cannot_be_replaced_is_reported(text: str, message: str) -> None:
    """The text stays as it is and the mistake says what to write."""
    result = interpolate(text, ENVIRON)
    assert result.text == text
    ((told, hint),) = result.mistakes
    assert message in told
    assert hint


@given(st.lists(st.tuples(st.text(st.characters(exclude_characters="$")), st.sampled_from(["A", "B"])), max_size=5))
def test_text_around_references_stays(parts: list[tuple[str, str]]) -> None:
    """Each reference becomes its value and every other character stays where it was."""
    environ = {"A": "alpha", "B": "${A}"}
    text = "".join(f"{before}${{{name}}}" for before, name in parts)
    expected = "".join(before + environ[name] for before, name in parts)
    assert interpolate(text, environ).text == expected


@given(st.text())
def test_any_text_can_be_escaped(text: str) -> None:
    """``$${`` for every ``${`` gives the text back, whatever it holds."""
    assert interpolate(re.sub(r"\$\{", "$${", text), {}).text == text


@given(st.text(st.sampled_from("$${}A:-x"), max_size=12))
def test_nothing_is_lost_without_a_word(text: str) -> None:
    """Whatever the braces, a text either has no mistakes or keeps the references that could not be replaced."""
    result = interpolate(text, ENVIRON)
    assert not result.mistakes or "${" in result.text
