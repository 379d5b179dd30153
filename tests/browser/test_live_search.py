"""The live page of a search for the capacity: what was tried so far, and what came of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser.controls import chart
from tests.browser.live import live_run, wait_until_judged
from tests.support.browser import Look
from tests.support.cli import only_run, summary_of

from loadworthy.testing import Delay, FaultServer, Queue, Route

pytestmark = pytest.mark.slow


def test_trials_are_shown_as_they_end(look: Look, tmp_path: Path) -> None:
    """A row and a mark for each; stopped from the page, it has those that the summary has."""
    # A limit so far away that a machine that stands still for a while is not taken to be what ends the search.
    scenario = {"kind": "capacity", "endpoints": [{"path": "/"}], "thresholds": ["p95 < 10s"], "start_rate": "100/s"}
    with FaultServer([Route("*", delay=Delay.fixed(2.5))], queue=Queue.fifo()) as server:
        plan = {"base_url": server.url, "seed": 7, "scenarios": {"find": scenario}}
        with live_run(look, tmp_path, plan) as live:
            seen = live.page()
            rows = seen.page.locator("[data-part=trials] tr")
            rows.nth(1).wait_for()
            assert "100.0/s" in rows.first.inner_text()
            assert chart(seen, "s1-trials").locator(".mark-symbol path").count() >= 2
            assert seen.page.locator("#load-apply").is_disabled(), "it leads its own load"
            seen.page.locator("#stop").click()
            wait_until_judged(seen)
            found = summary_of(only_run(tmp_path))["scenarios"]["find"]["capacity"]
            assert rows.count() == len(found["trials"]) >= 2
