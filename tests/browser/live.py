"""A real run that is looked at and led from its live page."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.browser import Look, Watched
from tests.support.cli import Started, write_plan

Json = dict[str, Any]


class Live:
    """A ``loadworthy run --ui`` under way: the address that it printed, on loopback, and its process."""

    def __init__(self, url: str, process: Started, look: Look) -> None:
        self.url = url
        self.process = process
        self._look = look
        self._pages: list[Watched] = []

    def page(self, path: str = "", **how: Any) -> Watched:
        """Open it, or something below it; ``how`` is for :class:`~tests.support.browser.Look`."""
        page = self._look(self.url + path, **how)
        self._pages.append(page)
        return page

    def leave(self) -> None:
        """Close the pages, which would complain once the server is gone."""
        for page in self._pages:
            page.leave()

    def close(self) -> None:
        """Close the pages, whatever they said."""
        for page in self._pages:
            page.page.close()

    def end(self) -> int:
        """Ctrl-C; the exit code."""
        self.leave()
        self.process.send(signal.SIGINT)
        return self.process.finish()[0]


@contextmanager
def live_run(look: Look, folder: Path, plan: Json, *options: object) -> Iterator[Live]:
    """Start it on a free port; killed at the end of the block if it still runs."""
    path = write_plan(folder, plan)
    with Started("run", path, "--ui", "--ui-port", 0, *options, cwd=folder, reports=True) as process:
        line = process.lines().readline()
        assert line.startswith("live page: http://"), line + process.lines().read()
        url = re.sub(r"//[^/]*:", "//127.0.0.1:", line.partition(": ")[2].strip())
        live = Live(url, process, look)
        try:
            yield live
            live.leave()
        finally:
            live.close()


@contextmanager
def leaving(seen: Watched) -> Iterator[Watched]:
    """Close the page with the block, before its server goes; where that goes first, a test has failed already."""
    try:
        yield seen
        seen.leave()
    finally:
        seen.page.close()


def wait_for_state(seen: Watched, *states: str) -> None:
    """Until the page says that the run is in one of these."""
    wanted = ", ".join(f"html[data-state={state}]" for state in states)
    seen.page.locator(wanted).wait_for(state="attached")
    seen.settle()


def wait_until_judged(seen: Watched) -> None:
    """Until the page shows a verdict."""
    wait_for_state(seen, "pass", "fail", "undecided", "invalid")


def tile(seen: Watched, name: str, scenario: str = "load") -> float | None:
    """The number of a tile, in full; None where it is not known."""
    box = seen.page.locator(f"section[data-scenario='{scenario}'] [data-tile='{name}']")
    text = box.get_attribute("data-value")
    return float(text) if text else None


def wait_for_tile(seen: Watched, name: str, least: float, scenario: str = "load") -> None:
    """Until the number of a tile is at least this."""
    seen.page.wait_for_function(
        "([selector, least]) => Number(document.querySelector(selector)?.dataset.value) >= least",
        arg=[f"section[data-scenario='{scenario}'] [data-tile='{name}']", least],
    )


def lights(seen: Watched, scenario: str = "load") -> dict[str, tuple[str, str]]:
    """Expression of each threshold → its verdict, and the word beside its lamp."""
    items = seen.page.locator(f"section[data-scenario='{scenario}'] [data-part=lights] > li")
    found: list[list[str]] = items.evaluate_all(
        "all => all.map(one => [one.dataset.expression, one.dataset.verdict, one.querySelector('.said').textContent])"
    )
    return {expression: (verdict, word) for expression, verdict, word in found}
