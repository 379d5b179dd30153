"""Makes the pictures of the guide: runs against a server that goes wrong on purpose, and looks at their reports.

    .venv/bin/python docs/pictures/make.py [--chromium /usr/bin/chromium]

It takes about five minutes. The browser is started in a process of its own, which Locust has not changed.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import locust  # noqa: F401  # before anything that imports ssl

from loadworthy import api
from loadworthy.testing import Delay, Errors, FaultServer, Queue, Route, Stall

FOLDER = Path(__file__).parent
ROUTES = [
    Route("/search", delay=Delay.lognormal(40, 0.5)),
    Route("/checkout", delay=Delay.lognormal(9, 0.3)),
    Route("*", delay=Delay.lognormal(3, 0.4)),
]
SHOP = [
    {"path": "/items", "weight": 6},
    {"path": "/search", "weight": 2},
    {"path": "/checkout", "method": "POST", "weight": 1},
]
LOAD: dict[str, Any] = {
    "kind": "load",
    "stages": [
        {"duration": "20s", "rate": "60/s"},
        {"duration": "10s", "ramp_to": "200/s"},
        {"duration": "40s", "rate": "200/s"},
        {"duration": "20s", "rate": "60/s"},
    ],
    "endpoints": SHOP,
    "thresholds": ["p95 < 250ms", "p99 < 1s", "error_rate < 1% for 5s", "POST /checkout p95 < 300ms"],
}
CAPACITY: dict[str, Any] = {
    "kind": "capacity",
    "endpoints": [{"path": "/items"}],
    "thresholds": ["p95 < 100ms", "error_rate < 1%"],
}

_LOOK = """
import sys
from playwright.sync_api import sync_playwright

chromium, url, out, selector = sys.argv[1:5]
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
    page = browser.new_page(viewport={"width": 1180, "height": 1000})
    page.goto(url)
    page.wait_for_selector("html[data-drawn]")
    if selector:
        element = page.locator(selector)
        element.scroll_into_view_if_needed()
        element.locator(".live svg").wait_for()
        element.screenshot(path=out)
    else:
        page.screenshot(path=out)
    browser.close()
"""


def main() -> None:
    """Run and look."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    chromium = parser.parse_args().chromium
    with tempfile.TemporaryDirectory() as folder:
        load = _run("shop", LOAD, Path(folder), Stall(at_s=45, for_s=2.5), Errors(at_s=56, for_s=6, share=0.2))
        for name, selector in {
            "report": "",
            "response-time": "#s1-response-time",
            "failures": "#s1-failures",
            "distribution": "#s1-distribution",
            "heat-map": "#s1-heat-map",
        }.items():
            _look(chromium, load / "report.html", FOLDER / f"{name}.png", selector)
        _live(chromium, Path(folder), FOLDER / "live-page.png")
        search = _run("capacity", CAPACITY, Path(folder))
        _look(chromium, search / "report.html", FOLDER / "capacity.png", "#s1-trials")


def _run(name: str, scenario: dict[str, Any], folder: Path, *faults: Any) -> Path:
    with FaultServer(ROUTES, queue=Queue.fifo(4), faults=faults, seed=7) as server:
        plan = {"base_url": server.url, "seed": 7, "scenarios": {name: scenario}}
        return api.run(plan, out=folder, view=sys.stdout.isatty(), closing=False).path


def _live(chromium: str, folder: Path, out: Path) -> None:
    """The live page, in the middle of a run of its own."""
    with FaultServer(ROUTES, queue=Queue.fifo(4), faults=[Errors(share=0.03)], seed=7) as server:
        plan = folder / "plan.json"
        plan.write_text(json.dumps({"base_url": server.url, "seed": 7, "scenarios": {"shop": LOAD}}), encoding="utf-8")
        words = ["run", str(plan), "--out", str(folder), "--ui", "--ui-port", "0", "--autoquit", "0"]
        command = [sys.executable, "-m", "loadworthy", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            lines = iter(run.stdout)
            url = next(line for line in lines if "live page:" in line).split()[-1]
            next(line for line in lines if line.startswith("shop: 55"))
            _look(chromium, url, out, "")
            run.send_signal(signal.SIGINT)
            for _ in lines:
                continue


def _look(chromium: str, page: Path | str, out: Path, selector: str) -> None:
    url = page if isinstance(page, str) else page.as_uri()
    subprocess.run([sys.executable, "-c", _LOOK, chromium, url, str(out), selector], check=True)
    print(out)


if __name__ == "__main__":
    main()
