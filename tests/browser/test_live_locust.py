"""The live page beside plain Locust's own: one line in a locustfile."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser.controls import chart
from tests.browser.live import leaving, tile, wait_for_state, wait_for_tile
from tests.support.browser import Look
from tests.support.web_ui import web_interface

from loadworthy.testing import CountingServer, Delay, Route

SOURCE = """
from loadworthy.page import live_page
from loadworthy.users import HttpUser
from locust import constant, task

live_page()


class Visitor(HttpUser):
    wait_time = constant(0.02)

    @task
    def look(self):
        self.client.get("/items")
"""


@pytest.fixture
def target() -> CountingServer:
    return CountingServer([Route("/items", delay=Delay.fixed(1))])


def test_it_leads_locusts_run_and_shows_its_figures(look: Look, target: CountingServer, tmp_path: Path) -> None:
    """Started with so many users, changed, stopped; in the end the requests are those that Locust counted."""
    (tmp_path / "locustfile.py").write_text(SOURCE, encoding="utf-8")
    with target, web_interface("-f", "locustfile.py", "--host", target.url, cwd=tmp_path, environ={}) as web:
        web.session.get(web.url, timeout=60)
        with leaving(look(f"{web.url}/loadworthy/")) as seen:
            wait_for_state(seen, "ready")
            seen.page.locator("#start-form [name=user_count]").fill("3")
            seen.page.locator("#start-form [name=spawn_rate]").fill("30")
            seen.page.locator("#start").click()
            wait_for_state(seen, "running")
            scenario = seen.page.locator("section[data-scenario]").get_attribute("data-scenario") or ""
            wait_for_tile(seen, "requests", 50, scenario)
            wait_for_tile(seen, "users", 3, scenario)
            assert chart(seen, "s1-users").locator("path").count() > 1
            seen.page.locator("#load-factor").fill("2")
            seen.page.locator("#load-apply").click()
            wait_for_tile(seen, "users", 6, scenario)
            seen.page.locator("#stop").click()
            wait_for_state(seen, "ended")
            counted = web.session.get(f"{web.url}/stats/requests", timeout=60).json()["stats"]
            total = next(row for row in counted if row["name"] == "Aggregated")
            assert tile(seen, "requests", scenario) == total["num_requests"]
            assert tile(seen, "failures", scenario) == total["num_failures"] == 0
            seen.page.locator("#locust").click()
            seen.page.wait_for_url(f"{web.url}/")
            seen.page.locator("a[href='./loadworthy/']").first.wait_for()
