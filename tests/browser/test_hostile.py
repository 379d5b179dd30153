"""A service whose names, headers, errors and bodies are attacks: every page shows them as text, and nothing runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.pages import hostile_run, several_with
from tests.support.browser import Look, Watched
from tests.support.hostile import ATTACKS, CANARY

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOREIGN = "img, iframe, frame, object, embed, base, link, form, foreignObject, meta[http-equiv=refresh]"
BAD_LINKS = """[...document.querySelectorAll('[href], [src]')]
    .map(one => one.getAttribute('href') ?? one.getAttribute('src'))
    .filter(link => !/^(#|[.][.]\\/)/.test(link))"""
HANDLERS = """[...document.querySelectorAll('*')].flatMap(one => one.getAttributeNames())
    .filter(name => name.startsWith('on'))"""


@pytest.fixture(scope="module")
def pages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of a real run against the service."""
    run = hostile_run(tmp_path_factory.mktemp("hostile"))
    return {"report": run / "report.html", "several": several_with(run, tmp_path_factory.mktemp("several"))}


def poke(seen: Watched) -> None:
    """Use everything that can be used: point at each drawing, press each button, write into each field, walk by Tab."""
    for drawing in seen.page.locator("svg:visible").all():
        drawing.hover()
        seen.settle()
    for attack in (ATTACKS[0], ATTACKS[1]):
        for field in seen.page.locator("input:visible").all():
            field.fill(attack)
            seen.settle()
            field.fill("")
    for button in seen.page.locator("button:visible").all():
        button.click()
        seen.settle()
    for _ in range(60):
        seen.page.keyboard.press("Tab")
    seen.settle()


@pytest.mark.parametrize("name", ["report", "several"])
def test_nothing_runs(look: Look, pages: dict[str, Path], name: str) -> None:
    """No script, no request, no dialog, no element and no attribute of theirs, however the page is used."""
    seen = look(pages[name])
    scripts = seen.page.locator("script").count()
    poke(seen)
    assert seen.page.evaluate(f"window.{CANARY}") is None
    assert seen.page.locator(FOREIGN).count() == 0
    assert seen.page.evaluate(HANDLERS) == []
    assert seen.page.evaluate(BAD_LINKS) == []
    assert seen.page.locator("script").count() == scripts


@pytest.mark.parametrize("name", ["report", "several"])
def test_all_of_it_can_be_read(look: Look, pages: dict[str, Path], name: str) -> None:
    """Letter by letter as the service has it; what is not visible in itself is not looked for."""
    shown = look(pages[name]).page.locator("body").text_content() or ""
    assert [attack for attack in ATTACKS if attack.isascii() and attack not in shown] == []
