"""The report of an hour with fifty series: small enough to be sent, and all of it still answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benchmarks.report import make_run
from tests.browser.controls import chart, column, drag, draw_all, times_s
from tests.browser.pages import report_of
from tests.support.browser import Look

from loadworthy.record.rundir import Run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOUR_S, SERIES, PER_SECOND = 3600, 50, 200
MOST_BYTES = 4_000_000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large") / "run"
    make_run(folder, HOUR_S, SERIES, PER_SECOND, is_open=False)
    return report_of(Run.open(folder))


def test_it_fits_into_four_megabytes(page: Path) -> None:
    """Scripts, drawings and the data of every series over time."""
    assert page.stat().st_size <= MOST_BYTES


def test_all_of_it_answers(look: Look, page: Path) -> None:
    """Each chart comes alive, any series can be looked at, and a minute of the hour can be zoomed to."""
    seen = look(page)
    draw_all(seen)
    assert seen.page.locator("figure .live svg:visible").count() == seen.page.locator("figure").count()
    assert len(column(seen, "s1-series", "Requests")) == SERIES
    seen.page.locator("input[type=search][data-table=s1-series]").fill("/catalogue/07")
    assert seen.page.locator("#s1-left").inner_text() == f"1 of {SERIES}"
    seen.page.locator("button[data-choose=s1]:visible").click()
    assert seen.page.locator("[data-toolbar=s1] select[data-series]").input_value() == "GET /catalogue/07/[id]"
    chart(seen, "s1-users")
    for _ in range(3):
        drag(seen, "s1-users", 0.4, 0.6)
    labels = times_s(seen, "s1-users")
    assert 0 < max(labels) - min(labels) <= 60
