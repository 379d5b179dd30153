"""Patterns of schemas: matched as Python's ``re`` would, in bounded time, and texts made that they match."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.importers.openapi.patterns import UnsupportedPatternError, matches, parse, shortest

ATOMS = st.sampled_from(
    ["a", "b", "-", r"\d", r"\w", r"\s", ".", "[abc]", "[^a]", "[a-c0-9]", r"\.", r"[\d-]", r"\x61"]
)
QUANTIFIERS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"])


def patterns() -> st.SearchStrategy[str]:
    """Patterns of the kinds that are carried over, which mean the same to Python."""
    atoms = st.builds(str.__add__, ATOMS, QUANTIFIERS)
    inner = st.recursive(
        st.lists(atoms, min_size=1, max_size=4).map("".join),
        lambda below: st.one_of(
            st.builds(lambda one, times: f"({one}){times}", below, QUANTIFIERS),
            st.builds(lambda one, other: f"(?:{one}|{other})", below, below),
            st.builds(str.__add__, below, below),
        ),
        max_leaves=4,
    )
    return st.builds(
        lambda begin, one, end: f"{begin}{one}{end}", st.sampled_from(["", "^"]), inner, st.sampled_from(["", "$"])
    )


@given(patterns(), st.text(alphabet="ab-0 .\n", max_size=8))
def test_a_text_matches_as_it_does_in_python(pattern: str, text: str) -> None:
    theirs = pattern.replace("$", r"\Z")
    assert matches(parse(pattern), text) == (re.search(theirs, text, re.ASCII) is not None)


@given(patterns(), st.integers(0, 30))
def test_what_is_made_matches(pattern: str, least: int) -> None:
    node = parse(pattern)
    text = "".join(character for _, character in shortest(node, least))
    assert matches(node, text)
    assert re.search(pattern.replace("$", r"\Z"), text, re.ASCII)


def test_a_text_is_lengthened_where_the_pattern_lets_it() -> None:
    made = [
        "".join(one for _, one in shortest(parse(pattern), 6)) for pattern in ("^[a-z]+$", "^[A-Z]{3}$", "^x{2,4}$")
    ]
    assert made == ["aaaaaa", "AAA", "xxxx"]


def test_no_pattern_takes_exponential_time() -> None:
    """Python's own module would not come back from the first of these."""
    for pattern in ("^(a+)+$", "^(a|a)*$", "^(a*)*b$", "^(.*)*x$"):
        assert not matches(parse(pattern), "a" * 60 + "!")


@pytest.mark.parametrize(
    "pattern",
    [
        *("(?=a)b", "(?<!a)b", r"(a)\1", r"\bword", "(a", "a)", "[b-a]", "*a", "a{2", "a{x}", "^*", "[]", "a" * 501),
        *("a{9999}", r"\p{L}", "\\", r"\xZZ", "(" * 30 + ")" * 30),
    ],
)
def test_what_is_not_understood_is_refused(pattern: str) -> None:
    with pytest.raises(UnsupportedPatternError):
        parse(pattern)


@given(st.text(max_size=40))
def test_any_text_is_a_pattern_or_refused(pattern: str) -> None:
    try:
        node = parse(pattern)
        text = "".join(character for _, character in shortest(node, 5))
    except UnsupportedPatternError:
        return
    matches(node, text)
