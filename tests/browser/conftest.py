"""A browser for each module, and pages that must be quiet: a test fails where one said, asked or opened something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.browser import WIDTHS_PX, Look, Theme, Watched, chromium, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture
def look(browser: Browser) -> Iterator[Look]:
    """Opens pages that must be quiet until the end of the test."""
    pages: list[Watched] = []
    with ExitStack() as contexts:

        def open_page(where: Path | str, *, width_px: int = WIDTHS_PX[0], theme: Theme = "light") -> Watched:
            page = contexts.enter_context(watched(browser, width_px=width_px, theme=theme))
            pages.append(page)
            return page.open(where)

        yield open_page
        for page in pages:
            page.leave()
