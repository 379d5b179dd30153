"""Charts of a report in a browser: they come alive, zoom together, tell what was then, and change their colours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.controls import chart, column, drag, draw_all, point, seconds_of, time_at, times_s, told
from tests.browser.pages import mixed_run, report_of, requests_per_s
from tests.support.browser import Look, Theme, Watched, watched

from loadworthy.analysis.reading import read
from loadworthy.analysis.timeline import Second
from loadworthy.record.rundir import Run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OVER_TIME = ("s1-throughput", "s1-response-time", "s1-users")
TOOLBAR = "[data-toolbar=s1]"
LENGTH_S = 40
STEP_S = 2
"""That the charts of such a run have."""
Timeline = Mapping[int, Second]


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_of(mixed_run(tmp_path_factory.mktemp("mixed")))


@pytest.fixture(scope="module")
def timeline(page: Path) -> Timeline:
    """The scenario over time, in the steps of the charts: the moment of each → what there was."""
    builder = read(Run.open(page.parent)).timeline
    return {one.at_s + STEP_S // 2: one for one in builder.seconds("load", STEP_S)}


def press(seen: Watched, zoom: str) -> None:
    seen.page.locator(f"{TOOLBAR} button[data-zoom={zoom}]").click()
    seen.settle()


def values_of(lines: list[str]) -> dict[str, float]:
    return {label: float(value.replace(",", "")) for label, _, value in (line.partition(": ") for line in lines)}


def ink_of(seen: Watched) -> str:
    fill: str = chart(seen, "s1-throughput").locator("text").first.evaluate("one => getComputedStyle(one).fill")
    return fill


def test_every_chart_comes_alive_in_the_place_of_its_drawing(look: Look, page: Path) -> None:
    """As soon as it comes into sight; the drawing that was there for readers without scripts makes room."""
    seen = look(page)
    draw_all(seen)
    charts = seen.page.locator("figure").count()
    assert seen.page.locator("figure .live svg:visible").count() == charts > len(OVER_TIME)
    assert seen.page.locator("figure .static svg:visible").count() == 0


@pytest.mark.parametrize("figure", OVER_TIME)
def test_a_drag_zooms_all_charts_over_time(look: Look, page: Path, figure: str) -> None:
    """To the moments between which the pointer was dragged, in each of them; the reset gives the whole run back."""
    seen = look(page)
    whole = {name: times_s(seen, name) for name in OVER_TIME}
    from_s, to_s = (seconds_of(point(seen, figure, share)[0]) for share in (0.4, 0.7))
    drag(seen, figure, 0.4, 0.7)
    for name in OVER_TIME:
        labels = times_s(seen, name)
        assert len(labels) > 1
        assert from_s - 1 <= min(labels) <= max(labels) <= to_s + 1, name
    press(seen, "reset")
    assert {name: times_s(seen, name) for name in OVER_TIME} == whole
    assert seen.page.locator(f"{TOOLBAR} button[data-zoom=reset]").is_disabled()


def test_a_double_click_resets_and_a_click_does_nothing(look: Look, page: Path) -> None:
    """A click is no drag of no length."""
    seen = look(page)
    whole = times_s(seen, "s1-users")
    chart(seen, "s1-users").click()
    assert times_s(seen, "s1-users") == whole
    drag(seen, "s1-users", 0.7, 0.4)
    assert times_s(seen, "s1-users") != whole
    chart(seen, "s1-users").dblclick()
    seen.settle()
    assert times_s(seen, "s1-users") == whole


def test_the_zoom_has_buttons_for_those_who_do_not_drag(look: Look, page: Path) -> None:
    """By the keyboard alone: closer, later up to the end and not beyond, earlier up to the start, and wide again."""
    seen = look(page)
    chart(seen, "s1-users")
    seen.page.locator(f"{TOOLBAR} button[data-zoom=in]").focus()
    seen.page.keyboard.press("Enter")
    seen.settle()
    middle = times_s(seen, "s1-users")
    assert LENGTH_S / 4 - 1 <= min(middle) <= max(middle) <= LENGTH_S * 3 / 4 + 1
    for _ in range(5):
        press(seen, "later")
    assert LENGTH_S - 2 <= max(times_s(seen, "s1-users")) <= LENGTH_S
    for _ in range(9):
        press(seen, "earlier")
    first = times_s(seen, "s1-users")
    assert min(first) <= 1
    assert max(first) <= LENGTH_S / 2 + 1
    press(seen, "out")
    press(seen, "out")
    assert seen.page.locator(f"{TOOLBAR} button[data-zoom=reset]").is_disabled()


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_the_pointer_is_told_what_was_then(look: Look, page: Path, timeline: Timeline, share: float) -> None:
    """In each chart the figures of that moment, and a line through all of them; it goes away with the pointer."""
    seen = look(page)
    for figure, labels in (("s1-response-time", ("p50", "p95")), ("s1-throughput", ("requests",))):
        moment, *lines = point(seen, figure, share)
        then = timeline[seconds_of(moment)]
        assert seconds_of(moment) == pytest.approx(time_at(seen, figure, share), abs=STEP_S / 2 + 0.1)
        known = {"requests": then.throughput, "p50": then.p50_ms, "p95": then.p95_ms}
        found = values_of(lines)
        assert [found[label] for label in labels] == pytest.approx([known[label] for label in labels], rel=1e-3)
        assert seen.page.locator(".cursor:visible").count() > 1
        seen.page.mouse.move(1, 1)
        seen.settle()
        assert told(seen) == []
        assert seen.page.locator(".cursor:visible").count() == 0


@pytest.mark.parametrize("way", ["list", "table"])
def test_one_series_takes_the_place_of_all(look: Look, page: Path, timeline: Timeline, way: str) -> None:
    """Chosen from the list or in the table; then all together again."""
    seen = look(page)
    chosen = seen.page.locator(f"{TOOLBAR} select[data-series]")
    if way == "list":
        chosen.select_option("POST /orders")
    else:
        seen.page.locator("button[data-choose=s1][data-name='POST /orders']").click()
        assert chosen.input_value() == "POST /orders"
    seen.settle()
    moment, *lines = point(seen, "s1-throughput", 0.5)
    assert values_of(lines)["requests"] == requests_per_s("POST /orders", seconds_of(moment))
    chosen.select_option("")
    seen.settle()
    moment, *lines = point(seen, "s1-throughput", 0.5)
    assert values_of(lines)["requests"] == pytest.approx(timeline[seconds_of(moment)].throughput, rel=1e-3)


def test_a_chart_that_is_being_drawn_misses_nothing(look: Look, page: Path) -> None:
    """Data that came since the drawing began are in it when it is there; its look is the last that was asked for."""
    seen = look(page)
    chart(seen, "s1-throughput")
    shown = seen.page.evaluate("""async () => {
        const charts = new window.Loadworthy.Charts(JSON.parse(document.getElementById("page-data").textContent));
        const [group] = charts.groups;
        const drawing = group.drawings.find(one => one.figure.id === "s1-throughput");
        const first = drawing.draw();
        const sooner = Object.fromEntries(
            Object.entries(group.data.timeline).map(([name, values]) => [name, values.slice(0, 5)]));
        charts.config = { ...charts.config, background: "rgb(1, 2, 3)" };
        const second = drawing.draw();
        group.setData("timeline", sooner);
        await Promise.all([first, second]);
        const coming = drawing.canvas.querySelectorAll(".coming").length;
        return [drawing.view.data("timeline").length, drawing.view.background(), coming];
    }""")
    assert shown == [5, "rgb(1, 2, 3)", 0]


def test_what_changes_together_is_drawn_once(look: Look, page: Path) -> None:
    """A slow browser would fall behind more and more, did it draw everything for each piece of news."""
    seen = look(page)
    chart(seen, "s1-throughput")
    runs, shown = seen.page.evaluate("""async () => {
        const charts = new window.Loadworthy.Charts(JSON.parse(document.getElementById("page-data").textContent));
        const [group] = charts.groups;
        const drawing = group.drawings.find(one => one.figure.id === "s1-throughput");
        await drawing.draw();
        let runs = 0;
        const run = drawing.view.runAsync;
        drawing.view.runAsync = function () { runs += 1; return run.call(this); };
        const whole = group.data.timeline;
        [5, 10, 7].forEach(length => group.setData("timeline", Object.fromEntries(
            Object.entries(whole).map(([name, values]) => [name, values.slice(0, length)]))));
        group.setData("marks", group.data.marks);
        await Promise.resolve();
        return [runs, drawing.view.data("timeline").length];
    }""")
    assert (runs, shown) == (1, 7)


@pytest.mark.parametrize(("system", "chosen"), [("light", "dark"), ("dark", "light")])
def test_the_theme_can_be_chosen(look: Look, page: Path, system: Theme, chosen: Theme) -> None:
    """Against the system's: the page and its charts change, stay so for the next page, and follow the system again."""
    seen = look(page, theme=system)
    background = "getComputedStyle(document.body).backgroundColor"
    by_system = seen.page.evaluate(background), ink_of(seen)
    select = seen.page.locator("select[data-theme]")
    select.select_option(chosen)
    seen.page.wait_for_function(
        "before => getComputedStyle(document.body).backgroundColor !== before", arg=by_system[0]
    )
    other = look(page, theme=chosen)
    wanted = other.page.evaluate(background), ink_of(other)
    seen.page.wait_for_function(
        "ink => getComputedStyle(document.querySelector('#s1-throughput .live text')).fill === ink", arg=wanted[1]
    )
    assert (seen.page.evaluate(background), ink_of(seen)) == wanted != by_system
    seen.page.reload()
    assert seen.page.evaluate(background) == wanted[0]
    select.select_option("auto")
    assert seen.page.evaluate(background) == by_system[0]


def test_a_chart_that_cannot_be_drawn_again_stays_as_it_was(browser: Browser, page: Path) -> None:
    """One picture in each place: the live chart that was there, or the drawing where none has come yet."""
    with watched(browser) as seen:
        seen.open(page)
        chart(seen, "s1-throughput")
        seen.page.evaluate("() => { window.vegaEmbed = () => Promise.reject(new Error('out of order')); }")
        seen.page.locator("select[data-theme]").select_option("dark")
        seen.page.locator("#s1-heat-map").scroll_into_view_if_needed()
        seen.page.locator("#s1-heat-map .canvas.failed").wait_for()
        seen.settle()
        pictures = "all => all.map(one => [...one.querySelectorAll('svg')].filter(svg => svg.checkVisibility()).length)"
        figures = seen.page.locator("figure")
        assert figures.evaluate_all(pictures) == [1] * figures.count()
        assert seen.page.locator("#s1-throughput .live svg:visible").count() == 1
        assert seen.page.locator("#s1-heat-map .static svg:visible").count() == 1


def test_without_scripts_all_is_there_but_controls(browser: Browser, page: Path) -> None:
    """Every chart as a drawing, every row; nothing to press that would do nothing."""
    with watched(browser, has_scripts=False) as seen:
        seen.open(page)
        figures = seen.page.locator("figure").count()
        assert seen.page.locator("figure .static svg:visible").count() == figures > len(OVER_TIME)
        assert seen.page.locator(".scripted-only:visible").count() == 0
        assert len(column(seen, "s1-series", "Requests")) == 10
        assert seen.said == []
