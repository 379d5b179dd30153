"""The HTML report: well-formed, self-contained, and safe with hostile names and answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path

import pytest
from tests.support.pages import (
    EVIL,
    PRODUCT,
    assert_ours_alone,
    groups_of,
    outlined,
    page_data,
    report_page,
    section,
    told,
)
from tests.support.runs import START_MS, ended, failure, interval, make_run, manifest, open_run, series, started
from tests.support.shop import clean_run, failing_run

from loadworthy.analysis.ending import ROWS_USED_UP
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.summary import Summary
from loadworthy.analysis.thresholds import UNKNOWN
from loadworthy.record.rundir import Run

RUNS = {"failing": failing_run, "clean": clean_run, "open": open_run}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Name → directory."""
    return {name: make(tmp_path_factory.mktemp(name)).path for name, make in RUNS.items()}


@pytest.fixture(scope="module")
def pages(runs: Mapping[str, Path]) -> Mapping[str, str]:
    """Name → ``report.html``; nothing in this module changes them."""
    return {name: report_page(Run.open(path)) for name, path in runs.items()}


@pytest.fixture
def failing(runs: Mapping[str, Path]) -> Summary:
    return summarize(Run.open(runs["failing"]))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of a run in which everything that a plan or a service can name is an attack."""
    names = (EVIL, f"/second {EVIL}", "/turned \u202earound")
    run = make_run(
        tmp_path_factory.mktemp("hostile") / "run",
        [
            interval(second, *(series(name, [1000] * 400, failures={EVIL: 2}) for name in names), scenario=EVIL)
            for second in range(3)
        ],
        run_json=manifest(
            {EVIL: [f"{EVIL} p95 < 1s", "p99 < 2ms"]},
            name=EVIL, target=EVIL, plan_file=EVIL, ended_reason=EVIL,
            git={"revision": EVIL, "dirty": True}, host={EVIL: EVIL}, versions={EVIL: EVIL},
        ),
        events=[
            started(EVIL), ended(EVIL, "interrupted"), {"type": "warning", "message": EVIL},
            {"type": "user_error", "scenario": EVIL, "message": EVIL, "at_ms": START_MS + 500, "traceback": EVIL},
        ],
        failures=[
            dict.fromkeys(("scenario", "kind", "name", "failure", "message", "url", "excerpt"), EVIL),
        ],
        resources=[
            {"at_ms": START_MS + 1000 * second, "source": EVIL, "values": {EVIL: float(second)}} for second in range(3)
        ],
    )  # fmt: skip
    return report_page(run)


def test_hostile_text_is_escaped(hostile: str) -> None:
    """No element, no attribute and no script comes from the data, and no template in it is run."""
    assert_ours_alone(hostile)
    outline = outlined(hostile)
    assert outline.text.count(EVIL) >= 12
    assert PRODUCT not in hostile
    assert "<script>alert" not in hostile
    assert not [value for _, value in outline.attributes if value.strip().lower().startswith("javascript:")]


def test_hostile_text_gets_to_the_scripts_as_it_is(hostile: str) -> None:
    """As JSON, in which no markup can begin; the scripts put it into the page as text."""
    (block,) = outlined(hostile).data
    assert not set("<>&\u2028\u2029") & set(block)
    (group,) = page_data(hostile)["groups"]
    assert {f"GET {EVIL}", f"GET /second {EVIL}"} <= set(group["series"])
    assert f"{EVIL}: {EVIL}" in [figure["title"] for figure in group["figures"]]
    assert EVIL in " ".join(group["data"]["marks"]["words"])


def test_what_can_be_chosen_can_be_shown(hostile: str) -> None:
    """Each name in the list of series, and at its row, is one that the scripts know, whatever was in it."""
    (group,) = page_data(hostile)["groups"]
    chosen = hostile.split("<select data-series>")[1].split("</select>", maxsplit=1)[0]
    options = [unescape(one.split("</option>")[0]) for one in chosen.split("<option>")[1:]]
    assert len(options) == 3
    assert set(options) == set(group["series"]) == set(outlined(hostile).values("data-name"))


@pytest.mark.parametrize("name", RUNS)
def test_well_formed_and_alone(pages: Mapping[str, str], name: str) -> None:
    """Every element is closed, nothing is fetched, only our scripts run, and no id is there twice."""
    assert_ours_alone(pages[name])


@pytest.mark.parametrize("name", RUNS)
def test_it_can_be_read_without_its_scripts(pages: Mapping[str, str], name: str) -> None:
    """Each figure is there as a drawing with its words; what only scripts can do is hidden until they run."""
    page = pages[name]
    outline = outlined(page)
    figures = page.count("<figure")
    assert figures == sum(len(figures) for figures in groups_of(page).values()) > 0
    assert page.count('<svg class="drawing"') == figures == outline.tags.count("figcaption")
    assert "noscript" not in outline.tags
    hidden = [value for value in outline.values("class") if "scripted-only" in value]
    buttons = [value for value in outline.values("data-zoom") if value == "reset"]
    assert len(hidden) >= len(buttons) > 0
    assert "html:not(.scripted) .scripted-only { display: none; }" in outline.styles


@pytest.mark.parametrize("name", RUNS)
def test_the_scripts_find_what_they_draw(pages: Mapping[str, str], name: str) -> None:
    """Each figure has its element; each toolbar, table and filter that they wire exists."""
    outline = outlined(pages[name])
    ids = set(outline.values("id"))
    for anchor, figures in groups_of(pages[name]).items():
        assert anchor in outline.values("data-toolbar")
        assert {figure["id"] for figure in figures.values()} <= ids
    assert set(outline.values("data-table")) <= ids
    assert set(outline.values("data-status")) <= ids
    assert all(anchor in ids for anchor in (value[1:] for value in outline.values("href")))
    referred = [*outline.values("aria-labelledby"), *outline.values("aria-describedby")]
    assert set(referred) <= ids


@pytest.mark.parametrize("name", RUNS)
def test_every_colour_of_a_chart_is_one_of_the_page(pages: Mapping[str, str], name: str) -> None:
    """The scripts look up the page's own, which the theme changes."""
    data = page_data(pages[name])
    assert set(data["palette"].values()) == {f"--{name}" for name in (
        "blue", "amber", "red", "teal", "purple", "ink", "soft", "rule", "card", *(f"heat-{n}" for n in range(1, 8)),
    )}  # fmt: skip
    for variable in data["palette"].values():
        assert f"{variable}:" in outlined(pages[name]).styles


def test_shows_what_was_judged(pages: Mapping[str, str], failing: Summary) -> None:
    """Verdict and reasons first, then thresholds with their evidence, failures, the generator, the run's facts."""
    text = outlined(pages["failing"]).text
    places = [text.index(failing.verdict.value), *(text.index(reason) for reason in failing.reasons)]
    assert places == sorted(places)
    assert text.index(failing.reasons[0]) < text.index("Thresholds")
    for scenario in failing.scenarios.values():
        assert scenario.name in text
        for result in scenario.thresholds:
            assert result.reason in text
        for name in scenario.series:
            assert name in text
    for fact in (
        "http://127.0.0.1:8080", "0123456789ab", "seed", "bench", "2.47.0", "no bytes within 2s", "out of stock",
    ):  # fmt: skip
        assert fact.lower() in text.lower()


def test_the_title_says_the_verdict(pages: Mapping[str, str]) -> None:
    """It is what a browser's tab shows."""
    assert "<title>FAIL · 2026-11-20T14-05-09-load</title>" in pages["failing"]
    assert "<title>PASS · " in pages["clean"]


def test_figures_of_each_scenario_that_ran(pages: Mapping[str, str]) -> None:
    """In the order in which questions come up; failures only where there were some, none of what did not run."""
    usual = ["throughput", "response-time", "users", "generator", "distribution", "heat-map"]
    found = {anchor: list(figures) for anchor, figures in groups_of(pages["failing"]).items()}
    assert found == {"s1": [*usual[:2], "failures", *usual[2:]], "s2": usual}
    assert 'id="s3"' in pages["failing"], "its thresholds are shown"


def test_limits_are_drawn_where_they_are_in_sight(pages: Mapping[str, str]) -> None:
    """One far above all lines would flatten them; one of a series would be compared with the wrong lines."""
    assert ">p95 &lt; 250ms</text>" in pages["failing"]
    assert ">GET /items* p99 &lt; 80ms</text>" not in pages["failing"]
    assert ">p95 &lt; 1s</text>" not in pages["clean"]
    assert ">send_lag_p99 &lt; 1ms</text>" not in pages["open"], "it is none on response times"


def test_an_open_workload_shows_what_became_of_its_arrivals(pages: Mapping[str, str]) -> None:
    """Intended and achieved rate, drops in the chart of the throughput, parts, the generator's share; both notes."""
    orders, browse = groups_of(pages["open"]).values()
    assert [label for _, label in orders["throughput"]["tip"][1]] == [
        "requests", "iterations intended", "iterations begun", "dropped",
    ]  # fmt: skip
    assert [label for _, label in browse["throughput"]["tip"][1]] == ["requests"], "the closed scenario has none"
    text = outlined(pages["open"]).text
    for words in (
        "sent 149.5/s of 150.0/s intended, 10 dropped", "of 3,000", "100.0/s", "200.0/s", "iteration Shopper",
        "first_byte GET /items", "iterations began late by 0.06 ms (p50)", "the generator's own share",
        "Open workload:", "Closed workload:", "120 of 1,024 files open",
    ):  # fmt: skip
        assert words in text, words
    assert f'<td>iteration Shopper</td><td class="n">2,990</td><td class="n">{UNKNOWN}</td>' in pages["open"]
    assert '<td>first_byte GET /items</td><td class="n">2,990</td><td class="n">0</td>' in pages["open"]


def test_a_closed_workload_says_nothing_of_arrivals(pages: Mapping[str, str]) -> None:
    """What does not apply is not shown."""
    text = outlined(pages["clean"]).text
    for words in ("Dropped", "Open workload", "Parts", "s intended", "sent late"):
        assert words not in text, words


def test_what_happened_is_told_and_marked(pages: Mapping[str, str]) -> None:
    """As a list for those who do not see the lines; where nothing happened there is none."""
    happened = told(pages["open"].split('<details class="happened"')[1].split("</details>")[0])
    assert "2 events" in happened
    assert "0:10 stage 2, 200.0/s" in happened
    orders = page_data(pages["open"])["groups"][0]
    assert orders["data"]["marks"]["at_ms"] == [0, 10_000]
    assert '<details class="happened"' not in pages["clean"]


def test_the_series_can_be_looked_at_one_by_one(pages: Mapping[str, str]) -> None:
    """Where there are several: the columns that take the place of the timeline, and a choice by name."""
    load, spike = page_data(pages["failing"])["groups"]
    assert list(load["series"]) == ["GET /items", "GET /items/[id]", "POST /orders"]
    for columns in load["series"].values():
        assert set(columns["at_ms"]) <= set(load["data"]["timeline"]["at_ms"])
    assert spike["series"] == {}
    bars = pages["failing"].split('<div class="bar" data-toolbar=')
    assert "<option>POST /orders</option>" in bars[1]
    assert "data-series" not in bars[2].split("</div>")[0]


def test_the_table_of_series_can_be_sorted_and_filtered(pages: Mapping[str, str]) -> None:
    """By numbers, not by their text; what all requests are together stays below."""
    part = section(pages["failing"], "Series")
    headings = part.split("</thead>")[0]
    assert headings.count('aria-sort="none"') == headings.count("<button") == 13
    body, foot = part.split("<tfoot>")
    assert body.count('<tr><th scope="row">') == 3
    assert 'data-value="2400"' in body
    assert "All together, service time" in told(foot)
    outline = outlined(pages["failing"])
    assert "s1-series" in outline.values("data-table")
    assert "s2-series" not in outline.values("data-table"), "one series needs no filter"


def test_light_dark_and_print(pages: Mapping[str, str]) -> None:
    """The page follows the reader's scheme, lets her choose another, and prints."""
    styles = outlined(pages["clean"]).styles
    assert "prefers-color-scheme: dark" in styles
    assert ':root[data-theme="dark"]' in styles
    assert ':root[data-theme="light"]' in styles
    assert "@media print" in styles
    assert '<option value="auto">' in pages["clean"]


def test_a_gap_in_the_data_is_a_gap_in_the_chart(tmp_path: Path) -> None:
    """Seconds that were never recorded are not drawn over, with or without the scripts; nor is that another time."""
    numbers = [0, 1, 2, 6, 7, 8]
    run = make_run(tmp_path / "run", [interval(second, series("/", [1000] * 400)) for second in numbers])
    page = report_page(run)
    columns = page_data(page)["groups"][0]["data"]["timeline"]
    assert columns["p99"] == [1, 1, 1, None, 1, 1, 1]
    figure = page.split('id="s1-response-time"')[1].split("</figure>")[0]
    lines = [part.split('d="')[1].split('"')[0] for part in figure.split("<path")[1:] if 'stroke="var(--red)"' in part]
    assert [line.count("M") for line in lines] == [2]
    assert report_page(Run.open(run.path)) == page, "the same run gives the same page, whatever was drawn before"


@pytest.mark.parametrize("ended_as", [None, "completed", "error"])
def test_a_run_without_a_request_has_a_page(tmp_path: Path, ended_as: str | None) -> None:
    """Without charts there is no library either."""
    run = make_run(tmp_path / "run", run_json=manifest({"load": ["p95 < 1s"]}, ended=ended_as, ended_at_s=0.2))
    page = report_page(run)
    assert_ours_alone(page)
    assert len(page) < 100_000
    assert "<figure" not in page
    assert page_data(page)["groups"] == []


def test_requests_without_any_time_have_a_page(tmp_path: Path) -> None:
    """As users make them that tell of something else than requests."""
    intervals = [interval(second, series("/job", [0] * 400), series("/other", untimed=5)) for second in range(3)]
    page = report_page(make_run(tmp_path / "run", intervals))
    assert_ours_alone(page)
    assert "throughput" in groups_of(page)["s1"]


def test_what_is_only_worth_knowing_has_no_colour(tmp_path: Path) -> None:
    """That rows ran out before the time did is no verdict, neither a good one nor a bad one."""
    rows = {"at_ms": START_MS + 3000, "type": ROWS_USED_UP, "scenario": "load", "message": "all 3 rows are out"}
    happened = [started(planned_s=60), rows, ended(reason="iterations", at_s=3)]
    intervals = [interval(second, series("/", [1000] * 400)) for second in range(3)]
    page = report_page(make_run(tmp_path / "run", intervals, events=happened))
    (line,) = (one.strip() for one in page.splitlines() if "all 3 rows are out" in one and one.strip().startswith("<p"))
    assert line == '<p class="evidence">It ended after 3 s of the planned 60 s: all 3 rows are out.</p>'


def test_the_head_says_what_was_tested_when_and_for_how_long(pages: Mapping[str, str]) -> None:
    """Before all figures, for somebody who was not there."""
    head = told(pages["clean"].partition("<main")[0].partition("<body>")[2])
    assert re.search(r"http://127.0.0.1:8080 · 2026-\d\d-\d\d \d\d:\d\d:\d\d UTC · \d", head)


def test_a_pass_of_which_nothing_was_asked_says_so(tmp_path: Path) -> None:
    """There was no target to be met."""
    run = make_run(tmp_path / "run", [interval(0, series("/", [1000]))], run_json=manifest({"load": []}))
    page = report_page(run)
    assert "No request failed; nothing else was asked." in page
    assert "Every target was met." not in page
    assert "Response times over time are not drawn" in page, "one request is no percentile"


def test_the_plans_words_on_a_scenario_stand_at_it(tmp_path: Path) -> None:
    """As text."""
    facts = manifest({"load": ["p95 < 1s"]})
    facts["plan"]["scenarios"]["load"]["description"] = "People look <b>around</b>"
    page = report_page(make_run(tmp_path / "run", [interval(0, series("/", [1000] * 400))], run_json=facts))
    assert '<p class="about">People look &lt;b&gt;around&lt;/b&gt;</p>' in page


def test_many_reasons_and_many_samples_are_folded(tmp_path: Path) -> None:
    """The first eight are seen at once; none is left out."""
    names = [f"/{number}" for number in range(12)]
    run = make_run(
        tmp_path / "run",
        [
            interval(second, *(series(name, [9000] * 99, failures={"status": 9}) for name in names))
            for second in range(3)
        ],
        run_json=manifest({"load": [f"GET {name} p95 < 1ms" for name in names]}),
        failures=[failure(name, message=f"gone from {name}") for name in names],
    )
    page = report_page(run)
    assert "<summary>4 more</summary>" in page
    assert "<summary>4 more samples</summary>" in page
    assert all(f"GET {name} p95" in page for name in names)
    assert all(f"gone from {name}<" in page for name in names)


def test_no_bar_speaks_against_a_verdict(tmp_path: Path) -> None:
    """Where too many failed the times are within the limit: a short bar would look like a pass."""
    failed = [interval(second, series("/", [1000] * 99, failures={"status": 50})) for second in range(3)]
    page = report_page(make_run(tmp_path / "run", failed, run_json=manifest({"load": ["p95 < 1s"]})))
    assert "too many failed" in page
    assert 'class="gauge' not in page
    assert "Response times are those of all requests, also of those that failed." in page
