"""A service whose names, headers, errors and bodies are attacks: every page shows them as text, and nothing runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.controls import draw_all, point
from tests.browser.live import live_run, wait_until_judged
from tests.browser.pages import compared, hostile_run, several_with
from tests.support.browser import Look, Watched
from tests.support.hostile import ATTACKS, CANARY, HostileService, hostile_plan

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOREIGN = (
    "img, iframe, frame, object, embed, base, foreignObject, meta[http-equiv=refresh], "
    "link:not([href^='static/'], [rel=icon]), form:not([id], .vega-bindings)"
)
BAD_LINKS = """[...document.querySelectorAll('[href], [src]')]
    .map(one => one.getAttribute('href') ?? one.getAttribute('src'))
    .filter(link => !/^(#|[.][.]\\/|static\\/|download\\/|report$|data:,$)/.test(link))"""
HANDLERS = """[...document.querySelectorAll('*')].flatMap(one => one.getAttributeNames())
    .filter(name => name.startsWith('on'))"""


@pytest.fixture(scope="module")
def pages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of a real run against the service."""
    run, others = hostile_run(tmp_path_factory.mktemp("hostile")), tmp_path_factory.mktemp("others")
    several = several_with(run, others)
    first, second = sorted(path.parent for path in others.glob("*/run.json"))
    comparison = compared(first, second, others / "comparison.html")
    return {"report": run / "report.html", "several": several, "compare": comparison}


def poke(seen: Watched) -> None:
    """Use all that can be used: point at each drawing, write into fields, choose, press each button, walk by Tab."""
    draw_all(seen)
    for drawing in seen.page.locator("figure svg:visible").all():
        drawing.hover()
        seen.settle()
    for attack in ATTACKS[:2]:
        for field in seen.page.locator("input[type=search]:visible").all():
            field.fill(attack)
            seen.settle()
            field.fill("")
    for select in seen.page.locator("select:visible").all():
        for value in select.locator("option").evaluate_all("all => all.map(one => one.value)"):
            select.select_option(value)
            seen.settle()
    seen.page.evaluate("document.querySelectorAll('main button').forEach(one => one.click())")
    seen.settle()
    for _ in range(60):
        seen.page.keyboard.press("Tab")
    draw_all(seen)


def assert_nothing_ran(seen: Watched, scripts: int) -> None:
    """No script, no element and no attribute of theirs; that there was no request and no dialog, ``look`` sees."""
    assert seen.page.evaluate(f"window.{CANARY}") is None
    assert seen.page.locator(FOREIGN).count() == 0
    assert seen.page.evaluate(HANDLERS) == []
    assert seen.page.evaluate(BAD_LINKS) == []
    assert seen.page.locator("script").count() == scripts


@pytest.mark.parametrize("name", ["report", "several", "compare"])
def test_nothing_runs(look: Look, pages: dict[str, Path], name: str) -> None:
    """However the page is used."""
    seen = look(pages[name])
    scripts = seen.page.locator("script").count()
    poke(seen)
    assert_nothing_ran(seen, scripts)


@pytest.mark.slow
def test_nothing_runs_in_the_live_page(look: Look, tmp_path: Path) -> None:
    """Neither while it is told, nor when the run has been judged."""
    with HostileService() as service:
        plan = hostile_plan(tmp_path, service.url, about_s=3)
        with live_run(look, tmp_path, plan) as live:
            seen = live.page()
            scripts = seen.page.locator("script").count()
            seen.page.locator(f"#s1-series tbody tr:nth-child({len(ATTACKS)})").wait_for()
            draw_all(seen)
            point(seen, "s1-throughput", 0.5)
            assert_nothing_ran(seen, scripts)
            wait_until_judged(seen)
            poke(seen)
            assert_nothing_ran(seen, scripts)
            shown = seen.page.locator("body").text_content() or ""
            assert [attack for attack in ATTACKS if attack.isascii() and attack not in shown] == []
    assert "\u202e" not in shown, "what follows it would be read backwards"
    assert "·turned" in shown


@pytest.mark.parametrize("name", ["report", "several", "compare"])
def test_all_of_it_can_be_read(look: Look, pages: dict[str, Path], name: str) -> None:
    """Letter by letter as the service has it; what is not visible in itself is not looked for."""
    shown = look(pages[name]).page.locator("body").text_content() or ""
    assert [attack for attack in ATTACKS if attack.isascii() and attack not in shown] == []
