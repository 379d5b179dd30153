"""The table of series in a browser: a heading sorts it, words filter it, and both go together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.controls import column, sort_by
from tests.browser.pages import NAMES, mixed_run, report_of
from tests.support.browser import Look, Watched

from loadworthy.units import UNKNOWN

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TABLE = "s1-series"
FILTER = f"input[type=search][data-table={TABLE}]"
STATUS = "#s1-left"


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_of(mixed_run(tmp_path_factory.mktemp("mixed")))


def names(seen: Watched) -> list[str]:
    return [name.removesuffix("∿").strip() for name in column(seen, TABLE, "Series")]


def numbers(cells: list[str]) -> list[float | None]:
    return [None if cell == UNKNOWN else float(cell.replace(",", "")) for cell in cells]


@pytest.mark.parametrize("heading", ["Requests", "Per s", "mean", "p95", "p99", "max"])
def test_a_heading_sorts_by_its_column(look: Look, page: Path, heading: str) -> None:
    """The largest first, at the second press the smallest; what is not known stays last; the sum stays below."""
    seen = look(page)
    for wanted in ("descending", "ascending"):
        assert sort_by(seen, TABLE, heading) == wanted
        found = numbers(column(seen, TABLE, heading))
        known = [value for value in found if value is not None]
        assert known == sorted(known, reverse=wanted == "descending")
        assert found[: len(known)] == known
        assert len(found) == len(NAMES) + 1
    assert seen.page.locator(f"#{TABLE} th[aria-sort]:not([aria-sort=none])").count() == 1
    assert seen.page.locator(f"#{TABLE} tfoot th").first.inner_text() == "All together"


def test_the_percentile_of_a_rare_series_is_not_known_and_last(look: Look, page: Path) -> None:
    """In both directions."""
    seen = look(page)
    for _ in range(2):
        sort_by(seen, TABLE, "p99")
        assert numbers(column(seen, TABLE, "p99"))[-1] is None
        assert names(seen)[-1] == "GET /rare"


def test_names_sort_as_words_and_rows_stay_whole(look: Look, page: Path) -> None:
    """From A on, and a row's figures go with its name."""
    seen = look(page)
    before = dict(zip(names(seen), column(seen, TABLE, "Requests"), strict=True))
    assert sort_by(seen, TABLE, "Series") == "ascending"
    assert names(seen) == sorted(before, key=str.lower)
    assert dict(zip(names(seen), column(seen, TABLE, "Requests"), strict=True)) == before


def test_a_heading_is_pressed_by_the_keyboard(look: Look, page: Path) -> None:
    """Enter on its button; the pressed one keeps the focus."""
    seen = look(page)
    button = seen.page.locator(f"#{TABLE} th[aria-sort] button", has_text="Requests")
    button.focus()
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("Enter")
    found = numbers(column(seen, TABLE, "Requests"))
    assert found == sorted(found, key=lambda value: value or 0)
    assert button.evaluate("one => one === document.activeElement")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("orders", ["DELETE /orders/[id]", "GET /orders", "GET /orders/[id]", "POST /orders"]),
        ("GET orders", ["GET /orders", "GET /orders/[id]"]),
        ("  search  ", ["GET /Search"]),
        ("[id]", ["DELETE /orders/[id]", "GET /items/[id]", "GET /orders/[id]"]),
        (".*", []),
        ("", sorted([*(f"{kind} {name}" for kind, name in NAMES), "GET /rare"])),
    ],
)
def test_words_filter_the_rows(look: Look, page: Path, words: str, wanted: list[str]) -> None:
    """All of the words, in any case, as they stand; it says how many rows are left, and gives all back."""
    seen = look(page)
    field = seen.page.locator(FILTER)
    field.fill(words)
    assert sorted(names(seen)) == wanted
    told = seen.page.locator(STATUS).inner_text()
    assert told == (f"{len(wanted)} of {len(NAMES) + 1}" if words else "")
    field.fill("")
    assert len(names(seen)) == len(NAMES) + 1
    assert seen.page.locator(STATUS).inner_text() == ""


def test_what_is_filtered_is_sorted(look: Look, page: Path) -> None:
    """The order holds while words come and go."""
    seen = look(page)
    seen.page.locator(FILTER).fill("items")
    sort_by(seen, TABLE, "mean")
    found = numbers(column(seen, TABLE, "mean"))
    assert len(found) == 3
    assert found == sorted(found, key=lambda value: value or 0, reverse=True)
    seen.page.locator(FILTER).fill("")
    found = numbers(column(seen, TABLE, "mean"))
    assert found == sorted(found, key=lambda value: value or 0, reverse=True)
    assert len(found) == len(NAMES) + 1
