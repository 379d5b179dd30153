"""The Markdown of a run: goldens; it renders to what was meant and to nothing else; it is never too long."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len
from tests.report.searches import enduring, figures, scenario, searched, stressed, summary, threshold
from tests.support.exported import EVERY_RUN, HOSTILE
from tests.support.golden import assert_golden
from tests.support.shop import failing_run

from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.summary import Reason
from loadworthy.analysis.verdict import Verdict
from loadworthy.record.rundir import Run
from loadworthy.report.exports import Source, export
from loadworthy.report.markdown import MOST_CHARACTERS, markdown
from loadworthy.report.markdown_tables import MARKS, MOST_SERIES
from loadworthy.report.markdown_text import size

OURS = {
    "h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code", "a", "details", "summary", "span"
}  # fmt: skip


def rendered(text: str) -> str:
    """As a server renders it: HTML is let through."""
    html: str = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    return html


def of(run: Run, report_url: str | None = None) -> str:
    return export("markdown", Source(run, report_url=report_url))["report.md"].decode()


def test_golden(tmp_path: Path) -> None:
    """Of a run that fails in many ways."""
    assert_golden("markdown_failing.md", of(failing_run(tmp_path), "https://ci.example/report.html"))


def test_golden_of_a_search_and_an_endurance() -> None:
    """Trials, overload, recovery and drift."""
    assert_golden("markdown_search.md", markdown(summary(stressed(), enduring())))


@pytest.mark.parametrize("make", EVERY_RUN.values(), ids=list(EVERY_RUN))
def test_the_first_line_says_it_all(make: Callable[[Path], Run], tmp_path: Path) -> None:
    """Mark, verdict, and what decided it; whatever is in the run, only our own elements come of it."""
    source = Source(make(tmp_path))
    text = export("markdown", source)["report.md"].decode()
    verdict = source.whole.verdict
    assert text.startswith(f"## {MARKS[verdict]} {verdict.value.capitalize()}: ")
    html = rendered(text)
    assert set(re.findall(r"<(\w+)", html)) <= OURS
    assert html.count("<details>") == html.count("</details>") == html.count("<summary>")
    assert "onerror" not in re.sub(r">[^<]*<", "><", html)


def test_what_is_hostile_is_shown_as_it_is(tmp_path: Path) -> None:
    """Names stand as code, letter by letter; nobody is told, nothing is a link, no cell ends early."""
    html = rendered(of(EVERY_RUN["hostile"](tmp_path)))
    shown = [re.sub(r"&(\w+);", lambda found: {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}[found[1]], one)
             for one in re.findall(r"<td><code>(.*?)</code></td>", html)]  # fmt: skip
    unescaped = [one.replace("&#124;", "|") for one in shown]
    for text in HOSTILE:
        if not re.search(r"[\n\ud800\u202e]", text):
            assert f"{text} {text}" in unescaped, text
    assert "<a " not in html
    outside = re.sub(r"<code>.*?</code>", "", html)
    assert not re.search(r"@\w|#\d|https?://|:tada:|GH-1", outside)
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    assert {row.count("<td") + row.count("<th") for row in rows} == {2, 3, 6, 8}


def test_a_link_to_the_report_only_where_there_is_one(tmp_path: Path) -> None:
    """Without what would end it."""
    url = "https://ci.example/a b>)<x?y=1&z=2"
    html = rendered(of(failing_run(tmp_path), url))
    assert re.findall(r'<a href="(.*?)"', html) == ["https://ci.example/a%20b)x?y=1&amp;z=2"]
    assert "<a " not in rendered(of(Run.open(tmp_path / "failing")))


def test_what_is_said_at_the_top_is_not_said_again() -> None:
    """The capacity is a reason already; what is none stands with its scenario."""
    one = stressed(Recovery(None, False, 40.0))
    text = markdown(summary(one))
    assert text.count("it safely carries 399.5/s") + text.count("It safely carries 399.5/s") == 1
    silent = markdown(replace(summary(one), reasons=()))
    assert "- It safely carries 399.5/s" in silent
    assert "## ✅ Pass: nothing is known of it." in silent


def test_the_worst_series_are_the_first() -> None:
    """By the share that failed, then by the p95; of many only so many, and that is said."""
    series = {f"GET /{number}": figures(1000, float(number)) for number in range(50)}
    series["GET /broken"] = figures(1000, 1.0, failures=10)
    text = markdown(summary(scenario(series=series)))
    assert f"The worst {MOST_SERIES} of 51 series" in text
    rows = re.findall(r"^\| `(GET .*?)`", text, re.MULTILINE)
    assert rows == ["GET /broken", *(f"GET /{number}" for number in range(49, 30, -1))]


def test_missed_thresholds_are_among_those_shown() -> None:
    """Of a hundred that hold and one that does not."""
    results = [threshold(f"p95 < {number}s") for number in range(100)]
    results.append(threshold("max < 1s", verdict=Verdict.FAIL))
    text = markdown(summary(scenario(thresholds=tuple(results))))
    assert "`max < 1s`" in text
    assert "and 61 more, in the report" in text


@pytest.mark.parametrize("letter", ["x", "@a", "<b", "`", "|", "\U0001f600", "$"])
def test_it_is_never_longer_than_a_comment_may_be(letter: str) -> None:
    """Thirty scenarios with long names of what must be disarmed; the verdict stays, the worst scenario, too."""
    long = letter * 3000
    many = [
        searched(
            name=f"{number} {long}",
            series={f"GET {long}{place}": figures(10, 1.0) for place in range(30)},
            thresholds=tuple(threshold(f"{long}{place}") for place in range(50)),
            reasons=tuple(Reason(Verdict.PASS, f"{long}{place}") for place in range(50)),
        )
        for number in range(30)
    ]
    many[-1] = replace(many[-1], name="the worst", verdict=Verdict.FAIL)
    text = markdown(summary(*many), target=long)
    assert size(text) <= MOST_CHARACTERS
    assert size(text) > MOST_CHARACTERS / 3
    assert "### ❌ the worst" in text
    assert "Not all of it is here" in text
    assert text.count("<details>") == text.count("</details>")
    assert set(re.findall(r"<(\w+)", rendered(text))) <= OURS


def test_it_reads_in_a_terminal(tmp_path: Path) -> None:
    """The columns of a table are in line."""
    text = of(failing_run(tmp_path))
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == 7
    for one in tables:
        bars = {tuple(cell_len(line[:at]) for at, char in enumerate(line) if char == "|") for line in one.splitlines()}
        assert len(bars) == 1
