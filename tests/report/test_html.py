"""The HTML report: well-formed, self-contained, and safe with hostile names and answers."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.support.runs import ended, interval, make_run, manifest, open_run, series, started
from tests.support.shop import clean_run, failing_run

from loadworthy.analysis.reading import read
from loadworthy.analysis.summarize import summarize
from loadworthy.record.rundir import Run
from loadworthy.report.html import report_html

VOID = {"meta", "br", "hr", "img", "input", "link"}
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"


class Outline(HTMLParser):
    """Checks that every element is closed in order; collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(key, value or "") for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(key, value or "") for key, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def html_of(run: Run) -> str:
    reading = read(run)
    return report_html(summarize(run, reading), reading.timeline, run.manifest, run.failures)


def outlined(text: str) -> Outline:
    outline = Outline()
    outline.feed(text)
    outline.close()
    assert outline.open == []
    return outline


@pytest.fixture
def hostile(tmp_path: Path) -> Run:
    """Everything that a plan or a service can name is an attack."""
    return make_run(
        tmp_path / "hostile",
        [interval(second, series(EVIL, [1000] * 400, failures={EVIL: 2}), scenario=EVIL) for second in range(3)],
        run_json=manifest(
            {EVIL: [f"{EVIL} p95 < 1s", "p99 < 2ms"]},
            name=EVIL, target=EVIL, plan_file=EVIL, ended_reason=EVIL,
            git={"revision": EVIL, "dirty": True}, host={EVIL: EVIL}, versions={EVIL: EVIL},
        ),
        events=[
            started(EVIL), ended(EVIL, "interrupted"), {"type": "warning", "message": EVIL},
            {"type": "user_error", "scenario": EVIL, "message": EVIL},
        ],
        failures=[
            dict.fromkeys(("scenario", "kind", "name", "failure", "message", "url", "excerpt"), EVIL),
        ],
    )  # fmt: skip


def test_hostile_text_is_escaped(hostile: Run) -> None:
    """No element and no attribute comes from the data, and no template in it is run."""
    text = html_of(hostile)
    outline = outlined(text)
    assert "script" not in outline.tags
    assert "img" not in outline.tags
    assert not any(key.startswith("on") for key, _ in outline.attributes)
    assert "<script" not in text.lower()
    assert outline.text.count(EVIL) >= 8
    assert "49" not in re.sub(r"[\d.,]*\d{3,}[\d.,]*", "", outline.text.replace(EVIL, ""))


@pytest.mark.parametrize("make", [failing_run, clean_run, open_run])
def test_well_formed_and_alone(tmp_path: Path, make: Any) -> None:
    """Every element is closed, and nothing is fetched from anywhere."""
    text = html_of(make(tmp_path))
    outline = outlined(text)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(outline.tags)
    assert not {"src", "href", "srcset", "action", "data"} & {key for key, _ in outline.attributes}
    assert "url(" not in text
    assert "@import" not in text


def test_shows_what_was_judged(tmp_path: Path) -> None:
    """Verdict and reasons first, then thresholds with their evidence, failures, the generator, the run's facts."""
    run = failing_run(tmp_path)
    summary = summarize(run)
    text = outlined(html_of(Run.open(run.path))).text
    places = [text.index(summary.verdict.value), *(text.index(reason) for reason in summary.reasons)]
    assert places == sorted(places)
    for scenario in summary.scenarios.values():
        assert scenario.name in text
        for result in scenario.thresholds:
            assert result.reason in text
        for name in scenario.series:
            assert name in text
    for fact in (
        "http://127.0.0.1:8080",
        "0123456789ab",
        "seed",
        "bench",
        "2.47.0",
        "no bytes within 2s",
        "out of stock",
    ):
        assert fact.lower() in text.lower()


def test_charts_of_each_scenario_that_ran(tmp_path: Path) -> None:
    """Three each: throughput, response time, users; with limits drawn where they are in sight."""
    text = html_of(failing_run(tmp_path))
    assert text.count("<svg") == 6
    assert text.count("<svg") == text.count("</svg>")
    assert ">p95 &lt; 250ms</text>" in text
    assert "GET /items* p99 &lt; 80ms</text>" not in text
    assert ">p95 &lt; 1s</text>" not in html_of(clean_run(tmp_path)), "it is far above all lines and would flatten them"


def test_an_open_workload_shows_what_became_of_its_arrivals(tmp_path: Path) -> None:
    """Intended and achieved rate, drops in the chart of the throughput, parts, the generator's share; both notes."""
    text = html_of(open_run(tmp_path))
    charts = text.split("<strong>Throughput</strong>")
    for style, is_there in (("intended", True), ("sent", True), ("dropped", True)):
        assert (f'class="line {style}"' in charts[1].split("</figure>")[0]) is is_there
        assert f'class="line {style}"' not in charts[2].split("</figure>")[0], "the closed scenario has none"
    told = outlined(text).text
    for words in (
        "sent 149.5/s of 150.0/s intended, 10 dropped", "of 3,000", "100.0/s", "200.0/s", "iteration Shopper",
        "first_byte GET /items", "iterations began late by 0.06 ms (p50)", "the generator's own share",
        "Open workload:", "Closed workload:", "120 of 1,024 files open",
    ):  # fmt: skip
        assert words in told, words
    assert "send_lag_p99 &lt; 1ms</text>" not in text, "a limit on the send lag is none on response times"


def test_a_closed_workload_says_nothing_of_arrivals(tmp_path: Path) -> None:
    """What does not apply is not shown."""
    told = outlined(html_of(clean_run(tmp_path))).text
    for words in ("Dropped", "Open workload", "Parts", "s intended", "sent late"):
        assert words not in told, words


def test_light_dark_and_print(tmp_path: Path) -> None:
    """The page follows the reader's scheme and prints."""
    text = html_of(clean_run(tmp_path))
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_a_gap_in_the_data_is_a_gap_in_the_chart(tmp_path: Path) -> None:
    """Seconds that were never recorded are not drawn over."""
    numbers = [0, 1, 2, 6, 7, 8]
    run = make_run(tmp_path / "run", [interval(second, series("/", [1000] * 400)) for second in numbers])
    chart = html_of(run).split("<strong>Response time</strong>")[1].split("</figure>")[0]
    assert chart.count('class="line p99"') == 2
