"""``report.html`` and the page over several runs in a real browser: quiet, readable for everybody, on any width."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.controls import draw_all
from tests.browser.pages import SYNTHETIC, demo_run
from tests.support.browser import PAPER_PX, THEMES, WIDTHS_PX, Look, Theme, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DRAWN = """[...document.querySelectorAll('figure')].filter(figure =>
    [...figure.querySelectorAll('svg')].some(drawing => drawing.checkVisibility())).length"""
DRAWS = "Number(document.documentElement.dataset.drawn)"
VISIBLE = """selector => [...document.querySelectorAll(selector)].filter(element =>
    element.checkVisibility({visibilityProperty: true, opacityProperty: true})
    && element.getBoundingClientRect().height > 0).length"""
MOVED = """() => new Promise(done => {
    const watching = new PerformanceObserver(list => {
        watching.disconnect();
        done(list.getEntries().filter(entry => entry.entryType === "layout-shift").map(entry => entry.sources.map(
            source => `${source.node?.className} ${source.previousRect.y} -> ${source.currentRect.y}`)));
    });
    performance.mark("watched");
    ["mark", "layout-shift"].forEach(type => watching.observe({type, buffered: true}));
})"""
"""What the browser saw move since it loaded the page; the mark is there so that it always has something to tell."""
HELD_BACK = """(() => {
    const watching = new MutationObserver(() => {
        const isWhole = document.getElementById("page-data") !== null;
        document.documentElement?.style.setProperty("display", isWhole ? "" : "none");
        if (isWhole) watching.disconnect();
    });
    watching.observe(document, {childList: true, subtree: true});
})()"""
"""Shows a page when all that is to be read has come, and before its scripts run. A slow browser shows half a table,
whose columns move as more of its rows come."""
CUT_OFF = """[...document.querySelectorAll('.tiles div, .tiles dd, figcaption, .badge, .reasons li')].filter(
    element => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline'
).map(element => element.textContent)"""
"""What is wider than the box that it is in."""
WIDE_TABLES = """[...document.querySelectorAll('.scroll')].filter(
    box => box.querySelector('.thresholds') && box.scrollWidth > box.clientWidth).length"""
PARTS = "h1, h2, h3, table, figure, dl, li, article, pre"


@pytest.fixture(scope="module")
def pages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each kind; the first is of a real run."""
    made = {"demo": demo_run(tmp_path_factory.mktemp("demo")) / "report.html"}
    return made | {name: write(tmp_path_factory.mktemp(name)) for name, write in SYNTHETIC.items()}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ["demo", *SYNTHETIC])
def test_everybody_can_read_it(look: Look, pages: dict[str, Path], name: str, theme: Theme) -> None:
    """On a desk, a tablet and a phone: nothing wider than the page, nothing serious for axe, no word to the console."""
    seen = look(pages[name], theme=theme)
    draw_all(seen)
    for width_px in WIDTHS_PX:
        seen.resize(width_px)
        assert seen.overflow_px() == 0, width_px
        assert seen.grave_findings() == [], width_px
        assert seen.page.evaluate(CUT_OFF) == [], width_px
        assert seen.page.evaluate(WIDE_TABLES) == 0, "a verdict that one has to look for"


@pytest.mark.parametrize("name", ["demo", *SYNTHETIC])
def test_it_prints_all_that_it_shows(look: Look, pages: dict[str, Path], name: str) -> None:
    """Every heading, table, chart and list is on the paper, and none of them is wider than it."""
    seen = look(pages[name], width_px=PAPER_PX)
    seen.page.emulate_media(media="print")
    seen.settle()
    assert seen.page.evaluate(VISIBLE, PARTS) == seen.page.locator(PARTS).count() > 0
    assert seen.page.evaluate(DRAWN) == seen.page.locator("figure").count() > 0
    assert seen.page.locator("input:visible, select:visible, button[data-zoom]:visible").count() == 0
    assert seen.overflow_px() == 0


@pytest.mark.parametrize(
    ("name", "width_px"),
    [("failing", WIDTHS_PX[0]), ("failing", WIDTHS_PX[-1]), ("searches", WIDTHS_PX[-1]), ("compare", WIDTHS_PX[0])],
)
def test_nothing_moves_below_a_reader(browser: Browser, pages: dict[str, Path], name: str, width_px: int) -> None:
    """Charts come alive, and change their colours, in exactly the place that their drawings had."""
    with watched(browser, width_px=width_px) as seen:
        seen.page.add_init_script(HELD_BACK)
        seen.open(pages[name])
        draw_all(seen)
        drawn = seen.page.evaluate(DRAWS)
        seen.page.locator("select[data-theme]").select_option("dark")
        seen.page.wait_for_function(f"drawn => {DRAWS} === 2 * drawn", arg=drawn)
        seen.settle()
        assert seen.page.evaluate(MOVED) == []
        seen.leave()


def test_dark_is_dark(look: Look, pages: dict[str, Path]) -> None:
    """The page follows the reader's scheme."""
    luminance = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    light, dark = (look(pages["clean"], theme=theme).page.evaluate(luminance) for theme in THEMES)
    assert light > 600
    assert dark < 150
