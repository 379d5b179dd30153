"""What every page with charts is put together from: scripts that a policy allows, and data that cannot break out."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from markupsafe import escape
from tests.report.figures.courses import course
from tests.support.hostile import ATTACKS

from loadworthy.report.figures.library import library
from loadworthy.report.figures.over_time import throughput, users
from loadworthy.report.harmless import unturned
from loadworthy.report.html_page import (
    CHARTS,
    REPORT,
    SCRIPTED,
    TABLES,
    FigureGroup,
    breakable,
    figure_json,
    json_block,
    look_json,
    page_environment,
    script,
    scripts_of,
)

NASTY = st.sampled_from(
    ["</script>", "</SCRIPT >", "<!--", "-->", "<script", "]]>", "\u2028", "\u2029", "&lt;", "\\u003c", '"', "\\", "\0"]
)
TEXTS = st.lists(NASTY | st.text(max_size=8), max_size=8).map("".join)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


class Elements(HTMLParser):
    """The elements of a page, in order, and the content of its first script."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.content = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        if self.found == ["script"]:
            self.content += data


def shown(value: Any) -> Any:
    """The value without marks that turn the direction of writing: a page shows those as dots."""
    return json.loads(unturned(json.dumps(value, ensure_ascii=False)))


@given(VALUES)
@example("</script><img src=x>")
@example({"<!--": "<script>"})
@example(["\u2028", "\u2029"])
def test_nothing_breaks_out_of_a_block_of_json(value: Any) -> None:
    """Whatever stands in it: the page has its elements and no other, and the scripts get the value as it was."""
    block = json_block(value)
    assert not set("<>&\u2028\u2029") & set(block)
    page = Elements()
    page.feed(f'<script type="application/json" id="page-data">{block}</script><p>')
    page.close()
    assert page.found == ["script", "p"]
    assert json.loads(page.content) == shown(value)


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_known_attack_is_a_string(attack: str) -> None:
    """As a key, too."""
    assert json.loads(json_block({attack: [attack]})) == shown({attack: [attack]})
    assert "<" not in json_block({attack: [attack]})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_what_json_has_not_is_no_page(value: object) -> None:
    """``NaN`` in the block would end the page's scripts."""
    with pytest.raises(ValueError):
        json_block(value)


def group_of(*changes: dict[str, Any]) -> FigureGroup:
    of = course(*changes)
    return FigureGroup("s1", [throughput(of), users(of)], of.data(), {"GET /x": {"at_ms": [], "requests": []}})


def test_a_group_is_drawn_and_described() -> None:
    """Each figure by its key, under an id of its own, which its drawing and its description share."""
    group = group_of({}, {})
    drawn, described = group.drawn(), group.to_json()
    assert list(drawn) == ["throughput", "users"]
    assert [one["id"] for one in described["figures"]] == [one.anchor for one in drawn.values()]
    assert [one.anchor for one in drawn.values()] == ["s1-throughput", "s1-users"]
    assert all(one.svg.startswith("<svg ") for one in drawn.values())
    assert set(described) == {"id", "data", "series", "figures"}
    assert set(described["data"]) == {"timeline", "kinds", "marks"}
    assert described["series"] == {"GET /x": {"at_ms": [], "requests": []}}


def test_a_description_has_what_the_scripts_ask_for() -> None:
    """Under the names by which they ask."""
    described = figure_json(throughput(course({})), "s1-throughput")
    assert set(described) == set(re.findall(r"figure\.(\w+)", script(CHARTS))) | {"id"}
    assert (described["overTime"], described["bySeries"]) == (True, True)
    assert described["tip"] == ("timeline", [("requests", "requests")])


def test_the_look_is_that_of_a_page() -> None:
    """Whose legends are its own; each colour has the variable that takes its place."""
    look = look_json()
    assert look["palette"]["#1f6fc4"] == "--blue"
    assert look["config"]["legend"]["disable"] is True


def test_the_policy_allows_the_scripts_that_are_there() -> None:
    """At the end the library first, for the others need it; in the head what has to run before anything is seen."""
    scripts = scripts_of([group_of({})], CHARTS, TABLES, REPORT)
    assert list(scripts.sources) == [library(), *(script(name) for name in (CHARTS, TABLES, REPORT))]
    assert scripts.first == script(SCRIPTED)
    assert scripts.policy.count("'sha256-") == 5
    assert "unsafe-eval" not in scripts.policy
    (allowed,) = re.findall(r"script-src ([^;]*)", scripts.policy)
    assert "unsafe-inline" not in allowed
    assert not re.search(r"https?:|\*|data:|blob:", scripts.policy)


def test_a_page_without_charts_has_no_library() -> None:
    """And one without any other script allows only that in its head."""
    assert list(scripts_of([], TABLES).sources) == [script(TABLES)]
    assert scripts_of([]).policy.count("'sha256-") == 1
    assert json.loads(scripts_of([]).data)["groups"] == []


@pytest.mark.parametrize("name", [SCRIPTED, CHARTS, TABLES, REPORT])
def test_our_scripts_make_no_markup_and_fetch_nothing(name: str) -> None:
    """What they show goes into the page as text; and a parser finds the end of each where we put it."""
    source = script(name)
    for word in (
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", 'setTimeout("',
        "fetch(", "XMLHttpRequest", "WebSocket", "import(", "http:", "https:", "</script", "<!--", "\r",
    ):  # fmt: skip
        assert word not in source, word
    assert '"use strict"' in source


def test_templates_escape_and_know_all_their_names() -> None:
    """A name that nobody gave is an error, not a hole in the page."""
    environment = page_environment({"twice": lambda text: text * 2})
    assert environment.from_string("{{ name | twice }}").render(name="<b>") == "&lt;b&gt;&lt;b&gt;"
    marks = environment.from_string("{{ name }}{% if name %}, {{ name | twice }}{% endif %}").render(
        name="\u202ea\u2066"
    )
    assert marks == "·a·, ·a··a·", "nothing turns what follows it around"
    with pytest.raises(UndefinedError):
        environment.from_string("{{ missing }}").render()


def test_long_names_may_be_broken_behind_a_slash() -> None:
    """And nowhere in them can markup begin; short ones are left as they are."""
    assert str(breakable("GET /a/b")) == "GET /a/b"
    assert (
        str(breakable("GET /a-long-part/<b>/another-part"))
        == "GET /<wbr/>a-long-part/<wbr/>&lt;b&gt;/<wbr/>another-part"
    )
    assert "\u202e" not in breakable("GET /\u202eturned/around/in/a/long/name")


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_gets_through_a_name_that_may_be_broken(attack: str) -> None:
    """Without our breaks it is what Jinja would have made of it."""
    text = str(breakable(attack * 3))
    assert text.replace("<wbr/>", "") == str(escape(unturned(attack * 3)))
