"""Chromium as the tests look through it: every page tells what it said, what it asked for and what it tried to open.

Playwright keeps an asyncio loop current in the thread that started it, so that nobody else there can run one. That is
why a browser is closed with the module whose tests needed it: see ``tests/browser/conftest.py``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self
from urllib.parse import urlsplit

import psutil
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
WIDTHS_PX = (1280, 768, 390)
"""A desk, a tablet, a phone."""
HEIGHT_PX = 900
PAPER_PX = 718
"""What A4 has between margins of a centimetre, at 96 pixels an inch."""
TIME_LIMIT_MS = 120_000
"""For whatever is waited for; Playwright's own half a minute is little for a machine that is busy elsewhere."""

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_LOUD = ("error", "warning")
_INLINE = ("data", "blob", "about")
_WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_GRAVE = ("serious", "critical")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window, and without any process left at the end.

    Skips the test where Chromium is not installed, unless ``LOADWORTHY_CI`` is set.
    """
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        if os.environ.get("LOADWORTHY_CI"):
            raise AssertionError("Chromium is not installed, and CI must have it")
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    before, started = _descendants(), set[psutil.Process]()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=_OPTIONS, timeout=TIME_LIMIT_MS)
            started |= _descendants() - before
            yield browser
            browser.close()
    finally:
        for process in started:
            with suppress(psutil.NoSuchProcess):  # it is on its way out, most often
                process.kill()  # the very process, not whoever has its number now


def _descendants() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


@dataclass
class Watched:
    """A page in a context of its own. Where it is no file, what it may ask for is what its own server has."""

    page: Page
    said: list[str] = field(default_factory=list)
    """Warnings and errors of its console, and errors that nobody caught."""
    asked: list[str] = field(default_factory=list)
    """URLs, of WebSockets too; what the page carries in itself (``data:``, ``blob:``) is none."""
    opened: list[str] = field(default_factory=list)
    """Dialogs, and other pages."""
    has_scripts: bool = True
    _home: str = ""

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.said.append(f"uncaught: {error}"))
        self.page.on("request", lambda request: self._on_request(request.url))
        self.page.on("websocket", lambda socket: self._on_request(socket.url))
        self.page.on("dialog", self._on_dialog)
        self.page.on("popup", lambda other: self.opened.append(f"page {other.url}"))

    def open(self, where: Path | str) -> Self:
        """Go to a file or a URL, and wait until all of it is there."""
        self._home = where.as_uri() if isinstance(where, Path) else where
        self.page.goto(self._home)
        self.settle()
        return self

    def settle(self) -> None:
        """Until the page has drawn twice, and all that it had to tell by then was heard."""
        if self.has_scripts:  # without them, frames call nobody
            self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def strangers(self) -> list[str]:
        """What it asked for beside itself: for a file that is anything, for a page of a server what others have."""
        home = urlsplit(self._home)
        if home.scheme == "file":
            return [url for url in self.asked if url.partition("#")[0] != self._home]
        schemes = {"http": ("http", "ws"), "https": ("https", "wss")}[home.scheme]
        places = [(scheme, home.netloc) for scheme in schemes]
        return [url for url in self.asked if urlsplit(url)[:2] not in places]

    def leave(self) -> None:
        """Close it, before what it looks at is gone; it must have been quiet."""
        if not self.page.is_closed():
            self.assert_quiet()
            self.page.close()

    def assert_quiet(self) -> None:
        """It said nothing, asked nobody, and opened nothing."""
        self.settle()
        assert self.said == []
        assert self.strangers() == []
        assert self.opened == []

    def resize(self, width_px: int) -> None:
        """Another width, drawn."""
        self.page.set_viewport_size({"width": width_px, "height": HEIGHT_PX})
        self.page.wait_for_function("width => innerWidth === width", arg=width_px)
        self.settle()

    def overflow_px(self) -> int:
        """By how much it is wider than what is seen of it; 0 where nothing must be moved sideways."""
        root = "document.documentElement"
        wider: int = self.page.evaluate(f"Math.max(0, {root}.scrollWidth - {root}.clientWidth)")
        return wider

    def grave_findings(self) -> list[str]:
        """What axe calls serious or critical by WCAG 2.2 A and AA: rule, element, and what is wrong with it."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
        options = {"runOnly": list(_WCAG), "resultTypes": ["violations"]}
        found = self.page.evaluate("options => axe.run(options)", options)
        return [
            f"{one['id']} ({one['impact']}) at {node['target']}: {_why(node)}"
            for one in found["violations"]
            if one["impact"] in _GRAVE
            for node in one["nodes"]
        ]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in _LOUD:
            self.said.append(f"{message.type}: {message.text}")

    def _on_request(self, url: str) -> None:
        if urlsplit(url).scheme not in _INLINE:
            self.asked.append(url)

    def _on_dialog(self, dialog: Dialog) -> None:
        self.opened.append(f"{dialog.type} {dialog.message}")
        dialog.dismiss()


def _why(node: dict[str, Any]) -> str:
    checks = [check["message"] for way in ("any", "all", "none") for check in node[way]]
    return "; ".join(checks)


class Look(Protocol):
    """Opens a file or a URL in a page that is watched."""

    def __call__(self, where: Path | str, *, width_px: int = ..., theme: Theme = ...) -> Watched:
        """The page, drawn."""


@contextmanager
def watched(
    browser: Browser, *, width_px: int = WIDTHS_PX[0], theme: Theme = "light", has_scripts: bool = True
) -> Iterator[Watched]:
    """An empty page of this width, for a reader who prefers this theme."""
    context = browser.new_context(
        viewport={"width": width_px, "height": HEIGHT_PX},
        color_scheme=theme,
        reduced_motion="reduce",
        java_script_enabled=has_scripts,
    )
    context.set_default_timeout(TIME_LIMIT_MS)
    try:
        yield Watched(context.new_page(), has_scripts=has_scripts)
    finally:
        context.close()
