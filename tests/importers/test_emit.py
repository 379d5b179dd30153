"""A plan that was made reads as it was meant: no text turns into a number, and no character is lost."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.importers.emit import dump, plan_yaml
from loadworthy.importers.imported import Imported, Note, literal
from loadworthy.plan.document import Document
from loadworthy.plan.interpolate import interpolate
from loadworthy.plan.yaml_reader import read_yaml
from loadworthy.users.templates import Templates, functions, resolve

NUMBERS = "08544 12e4 0891234567 1e400 0o17 0x1F 1_000 1:30 .5 +1 -0 1. 2026-11-28 nan .inf"
WORDS = "yes no on null ~ true << = #x !x &a *a %x @x `x {a [a"
BLANKS = ("", "- a", "a: b", "\x85", "a\u2028b", " x", "x ", "a\r\nb", "a\n", "\n", "\t")
LIKE_OTHERS = [*re.split(" ", f"{NUMBERS} {WORDS}"), *BLANKS]
CONTROLS = [chr(one) for one in (*range(9), 11, 12, *range(14, 32), *range(0x7F, 0x85), *range(0x86, 0xA0))]
NOT_IN_YAML = [*CONTROLS, "\ufeff", "\ufffe", "\uffff"]
CHARACTERS = st.characters(codec="utf-8", exclude_characters=NOT_IN_YAML)
TEXTS = st.sampled_from(LIKE_OTHERS) | st.text(CHARACTERS, max_size=12)
VALUES = st.recursive(
    TEXTS | st.integers(-(10**6), 10**6) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def read(text: str) -> Any:
    document = Document("plan.yaml")
    read_yaml(text, document)
    assert not document.problems, (text, document.problems)
    return document.data


@given(VALUES)
def test_what_is_written_is_what_is_read(value: Any) -> None:
    """By the reader of plans, whose rules are not those of the library that writes."""
    assert read(dump({"scenarios": {"a": value}})) == {"scenarios": {"a": value}}


@pytest.mark.parametrize("text", LIKE_OTHERS)
def test_a_text_that_looks_like_something_else_stays_a_text(text: str) -> None:
    """In a body, and as a key."""
    plan = {"scenarios": {"a": {"flow": [{"path": "/", "json": {"b": text, text: [text]}}]}}}
    assert read(dump(plan)) == plan


@given(st.text("ab {}%#$'\\\"\r\n", max_size=14))
def test_a_literal_text_is_sent_as_it_is(text: str) -> None:
    """Neither variable nor template, blanks and line ends included; as a text and as a value of JSON."""
    written = interpolate(literal(text), {}).text
    variables = functions(Random(1))
    assert resolve(Templates().value(written), variables) == text
    assert resolve(Templates().text(written), variables) == text


def test_the_head_says_what_it_needs_and_what_is_missing() -> None:
    """Each on a line of its own, whatever the source wrote."""
    imported = Imported(
        {"scenarios": {"a": {}}}, "a\nb: c", (Note("GET /\nx", "left\nout"),), variables={"TOKEN": "for\nlogin"}
    )
    assert plan_yaml(imported).splitlines()[:7] == [
        "# Made by `loadworthy import` from a b: c.",
        "#",
        "# It needs these environment variables:",
        "#   TOKEN: for login",
        "#",
        "# What it does not do as the source does:",
        "#   GET / x: left out",
    ]


def test_what_holds_for_many_places_is_said_once() -> None:
    """All that is left out is named below it; of places that only differ, the first ones."""
    notes = [Note(f"GET /{number}", "it is old; it is left out") for number in range(50)]
    notes += [Note(f"GET /{number}", "it differs") for number in range(50)]
    notes += [Note("GET /x", "it is too long")]
    lines = plan_yaml(Imported({"scenarios": {"a": {}}}, "a", tuple(notes))).splitlines()
    assert "#   50 times: it is old; it is left out" in lines
    assert "#   GET /x: it is too long" in lines
    assert all(len(line) <= 110 and not line.endswith("GET") for line in lines)
    head = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    assert all(f"GET /{number}" in head for number in range(50))
    assert "GET /38, GET /39 and 10 more" in head
