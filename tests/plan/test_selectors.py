"""Selectors of metrics, as Prometheus writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.plan.selectors import parse_selector

LABELS = {"state": "out", "path": 'a"b\\c\nd'}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("pool", True),
        (" pool ", True),
        ("pool{}", True),
        ("pools", False),
        ('pool{state="out"}', True),
        ('pool{ state = "out" , }', True),
        ('pool{state="in"}', False),
        ('pool{state!="in"}', True),
        ('pool{state=~"o.*|x"}', True),
        ('pool{state=~"o"}', False),
        ('pool{state!~"o"}', True),
        ('pool{none=""}', True),
        ('pool{none!=""}', False),
        ('pool{state="out",path="a\\"b\\\\c\\nd"}', True),
        ('pool{state="out",path="other"}', False),
    ],
)
def test_a_selector_matches_as_in_prometheus(text: str, matches: bool) -> None:
    """Names are whole, regular expressions match whole values, and a label that is not there is empty."""
    assert parse_selector(text).matches("pool", LABELS) is matches


@pytest.mark.parametrize(
    "text", ["", "7up", "pool{", "pool}", "pool{state}", "pool{state=out}", 'pool{a="1" b="2"}', 'p{a=~"("}', "a b"]
)
def test_what_is_no_selector_is_refused_with_a_sentence(text: str) -> None:
    """Half a selector, one without quotes, a regular expression that is none."""
    with pytest.raises(ValueError, match=r"selector|name of a metric|condition|comma|regular expression"):
        parse_selector(text)


@given(st.text())
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    """No other error, whatever is written."""
    try:
        selector = parse_selector(text)
    except ValueError:
        return
    assert parse_selector(selector.text) == selector
