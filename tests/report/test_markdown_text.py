"""Pieces of Markdown: whatever the text, it shows as it is."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from loadworthy.report.harmless import one_line
from loadworthy.report.markdown_text import MOST_GROWTH, code, escaped, size, table

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PIECES = (
    "&lt;", "&#64;", "&amp", "_a_", "__a__", "*a*", "**", "~~a~~", "`a`", "<b>", "</p>", "<!--", "a\\", "- ", "1. ",
    "# ", "> ", "+ ", "[a](b)", "![a](b)", "|", "\\|", "a_b", "  ", "\n", "<a@b.test>", "<http://a.test>", "===", "---",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(
    st.sampled_from("ab1 \\`*_[]()<>|~#@:&;!-+=.$/\n\ud800é") | st.characters(), max_size=40
)


def shown(markdown: str) -> str:
    """What a reader sees of a line of Markdown."""
    text = re.sub(r"<[^>]*>", "", PARSER.render(markdown)).strip("\n")
    return html.unescape(text).replace("\u200b", "")


@given(TEXTS)
def test_a_sentence_shows_as_it_is(text: str) -> None:
    """In a list and in a cell; without a single element of its own."""
    plain = one_line(text).strip().replace("\u200b", "")
    rendered = PARSER.render(f"- {escaped(text)}")
    assert set(re.findall(r"</?(\w+)", rendered)) <= {"ul", "li", "span", "p"}
    assert shown(f"- {escaped(text)}").strip() == plain
    cell = PARSER.render(table(("a", "b"), ("left", "right"), [(escaped(text), "x")]))
    assert cell.count("<td") == 2
    assert html.unescape(re.findall(r"<td>(.*?)</td>", cell, re.DOTALL)[0]) == html.unescape(
        PARSER.renderInline(escaped(text))
    )


@given(TEXTS)
def test_a_name_shows_as_it_is(text: str) -> None:
    """As code, alone and in a cell; only spaces at its ends may be lost."""
    plain = one_line(text) or "·"
    for rendered in (
        PARSER.render(code(text)),
        PARSER.render(table(("a", "b"), ("left", "left"), [(code(text), "x")])),
    ):
        (inside,) = re.findall(r"<code>(.*?)</code>", rendered, re.DOTALL)
        assert html.unescape(inside).strip(" ") == plain.strip(" ")
    assert rendered.count("<td") == 2


@pytest.mark.parametrize("text", ["@team", "a@b.test", "see #12", "GH-12", "https://evil.test", "www.evil.test",
                                  "x:smile:x", "$a$"])  # fmt: skip
def test_nothing_is_found_in_it(text: str) -> None:
    """Neither a mention nor a reference, an address, an emoji or a formula."""
    rendered = PARSER.render(escaped(text))
    assert not re.search(r"@\w|#\d|GH-\d|://|www\.|:smile:|\$a\$", html.unescape(rendered))


@pytest.mark.parametrize(
    "text", ["p95 < 250ms was 1.5 s, +24 %", "GET /items/[id] error_rate", "14:05:09", "1.5 s", "(a)"]
)
def test_what_is_harmless_stays_readable(text: str) -> None:
    """In a terminal, too: hardly anything is escaped."""
    assert escaped(text).replace("\\[", "[").replace("\\]", "]") == text


def test_a_name_keeps_its_end() -> None:
    """The limit of a threshold stands there, and what tells two long paths apart."""
    name = f"GET /{'a' * 200}/number-07 p95 < 200ms"
    shown = code(name, 40).strip("`")
    assert len(shown) == 40
    assert shown.startswith("GET /aaa")
    assert shown.endswith("a/number-07 p95 < 200ms")
    assert code("GET /", 40) == "`GET /`"


def test_a_sentence_is_cut() -> None:
    """At its length, and where all of it must be disarmed not far beyond."""
    assert escaped("x" * 100, 10) == "x" * 9 + "…"
    for letter in ("$", "@a", "<b", "*"):
        assert size(escaped(letter * 1000, 100)) <= MOST_GROWTH * 100


def test_columns_are_in_line_as_a_terminal_counts() -> None:
    """A wide character takes two columns."""
    lines = table(("", "name"), ("left", "right"), [("✅", "a"), ("x", "日本")]).splitlines()
    assert lines == ["|     | name |", "| --- | ---: |", "| ✅  |    a |", "| x   | 日本 |"]


def test_size_counts_as_servers_do() -> None:
    """A character beyond the first 65,536 is two."""
    assert size("a😀é") == 4 == len("a😀é".encode("utf-16-le")) // 2
