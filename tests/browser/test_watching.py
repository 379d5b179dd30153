"""The tests' own eyes: what a page says, asks, opens, and runs is seen, so that its silence means something."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.browser import watched
from tests.support.hostile import ATTACKS, CANARY, NOWHERE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

STARTING = ("<script>", "<img", '"><svg', "'><body", "' onmouseover", "</script><script>", "</style>")
BY_THEMSELVES = [attack for attack in ATTACKS if attack.startswith(STARTING)]
"""Attacks that run as soon as they stand in a page."""


def page_with(folder: Path, body: str) -> Path:
    page = folder / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><title>A page</title><body>{body}", encoding="utf-8")
    return page


@pytest.mark.parametrize("attack", BY_THEMSELVES)
def test_an_attack_runs_where_it_is_not_escaped(browser: Browser, tmp_path: Path, attack: str) -> None:
    """In a text, or behind a quote that it ends."""
    with watched(browser) as seen:
        seen.open(page_with(tmp_path, f"<style></style><input value=' {attack}'>{attack}"))
        assert seen.page.evaluate(f"window.{CANARY}") == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("<script>console.error('bad')</script>", "said"),
        ("<script>console.warn('bad')</script>", "said"),
        ("<script>throw new Error('bad')</script>", "said"),
        ("<script>Promise.reject(new Error('bad'))</script>", "said"),
        ("<meta http-equiv=Content-Security-Policy content=\"img-src 'none'\"><img src=data:,>", "said"),
        (f"<img src={NOWHERE}/image.png>", "asked"),
        (f"<script>fetch('{NOWHERE}/data')</script>", "asked"),
        (f"<script>new WebSocket('{NOWHERE.replace('http', 'ws')}')</script>", "asked"),
        ("<img src=beside.png>", "asked"),
        ("<script>setTimeout(() => alert('bad'))</script>", "opened"),
    ],
)
def test_what_a_page_does_is_seen(browser: Browser, tmp_path: Path, body: str, where: str) -> None:
    """Console, errors that nobody catches, policy violations, requests, dialogs."""
    with watched(browser) as seen:
        seen.open(page_with(tmp_path, body))
        found = {"said": seen.said, "asked": seen.strangers(), "opened": seen.opened}
        assert found[where]
        with pytest.raises(AssertionError):
            seen.assert_quiet()


def test_a_quiet_page_is_quiet(browser: Browser, tmp_path: Path) -> None:
    """What a page carries in itself is no request."""
    with watched(browser) as seen:
        seen.open(page_with(tmp_path, "<p id=here>fine</p><a href=#here>there</a><img alt='' src='data:image/gif,'>"))
        seen.page.click("a")
        seen.assert_quiet()


def test_axe_finds_what_it_should(browser: Browser, tmp_path: Path) -> None:
    """Grey on white, and a picture without words."""
    with watched(browser) as seen:
        seen.open(page_with(tmp_path, "<p style='color:#bbb'>pale</p><img src=data:,>"))
        rules = {finding.split(" ", 1)[0] for finding in seen.grave_findings()}
    assert {"color-contrast", "image-alt"} <= rules
