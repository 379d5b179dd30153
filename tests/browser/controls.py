"""What a reader does with a page that has charts and tables: draws, points, drags, sorts, reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.browser import Watched

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator

_MOMENT = re.compile(r"(?:(\d+):)?(\d+):(\d\d)")
_ALL_DRAWN = """() => {
    const waiting = [...document.querySelectorAll("figure .canvas:not(.drawn)")];
    const next = waiting.find(one => one.checkVisibility());
    next?.scrollIntoView({block: "center"});
    return next === undefined;
}"""
"""Whether all charts that can be seen are alive; the first that is not is scrolled to."""


def draw_all(seen: Watched) -> None:
    """Scroll to every chart and wait until it is alive; then back to the top. Some may only appear meanwhile."""
    seen.page.wait_for_function(_ALL_DRAWN)
    seen.page.evaluate("scrollTo(0, 0)")
    seen.settle()


def chart(seen: Watched, figure: str) -> Locator:
    """The live drawing of a figure, in sight."""
    canvas = seen.page.locator(f"#{figure} .canvas")
    canvas.scroll_into_view_if_needed()
    drawing = canvas.locator(".live:not(.coming) svg")
    drawing.wait_for()
    seen.page.locator(f"#{figure} .canvas.drawn").wait_for()
    seen.settle()
    return drawing


def times_s(seen: Watched, figure: str) -> list[int]:
    """The labels of the time axis, in seconds, from left to right."""
    texts = chart(seen, figure).locator("text").all_text_contents()
    return sorted(seconds_of(text) for text in texts if _MOMENT.fullmatch(text))


def seconds_of(moment: str) -> int:
    """Of ``m:ss`` or ``h:mm:ss``."""
    match = _MOMENT.fullmatch(moment)
    assert match is not None, moment
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds


def time_at(seen: Watched, figure: str, share: float) -> float:
    """The seconds that the time axis shows below a place of a chart, from 0 at its left to 1 at its right.

    By where the labels stand; the first and the last may have been moved inwards.
    """
    drawing = chart(seen, figure)
    box = _box(drawing)
    places: list[tuple[str, float]] = drawing.locator("text").evaluate_all(
        """all => all.map(one => [one.textContent, one.getBoundingClientRect()])
            .map(([text, at]) => [text, at.x + at.width / 2])"""
    )
    labels = sorted((seconds_of(text), x) for text, x in places if _MOMENT.fullmatch(text))[1:-1]
    (first_s, first_x), (last_s, last_x) = labels[0], labels[-1]
    x = box["x"] + share * box["width"]
    return first_s + (x - first_x) / (last_x - first_x) * (last_s - first_s)


def point(seen: Watched, figure: str, share: float) -> list[str]:
    """Point at a place of a chart, from 0 at its left to 1 at its right; the lines that it tells."""
    box = _box(chart(seen, figure))
    seen.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    seen.settle()
    return told(seen)


def told(seen: Watched) -> list[str]:
    """The lines of the box beside the pointer; none while it is hidden."""
    tip = seen.page.locator(".tip")
    return tip.locator("div").all_text_contents() if tip.is_visible() else []


def drag(seen: Watched, figure: str, from_share: float, to_share: float) -> None:
    """Press at one place, move, and let go at another."""
    box = _box(chart(seen, figure))
    x, width, y = box["x"], box["width"], box["y"] + box["height"] / 2
    seen.page.mouse.move(x + from_share * width, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + (from_share + to_share) / 2 * width, y)
    seen.page.mouse.move(x + to_share * width, y)
    seen.page.mouse.up()
    seen.settle()


def column(seen: Watched, table: str, heading: str) -> list[str]:
    """The cells below a heading, of the rows that are shown, from top to bottom."""
    headings = seen.page.locator(f"#{table} th[aria-sort]").all_text_contents()
    place = [text.strip() for text in headings].index(heading)
    cells: list[str] = seen.page.locator(f"#{table} tbody tr:visible").evaluate_all(
        "(rows, place) => rows.map(row => row.cells[place].innerText.trim())", place
    )
    return cells


def sort_by(seen: Watched, table: str, heading: str) -> str:
    """Press a heading; the order that the table says it has now."""
    found = seen.page.locator(f"#{table} th[aria-sort]").filter(has=seen.page.get_by_text(heading, exact=True))
    found.get_by_role("button").click()
    return found.get_attribute("aria-sort") or ""


def _box(drawing: Locator) -> FloatRect:
    box = drawing.bounding_box()
    assert box is not None
    return box
