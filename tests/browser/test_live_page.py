"""The live page in a browser: it follows real runs, leads them, and in the end shows what their directories say."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.controls import chart, point
from tests.browser.live import Json, lights, live_run, tile, wait_for_state, wait_for_tile, wait_until_judged
from tests.support.browser import THEMES, WIDTHS_PX, Look, Theme, watched
from tests.support.cli import only_run, summary_of
from tests.support.hostile import ATTACKS, HostileService
from tests.support.systems import dead_port

from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer, Delay, Errors, FaultServer, Route

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROUTES = (Route("/items", body_bytes=300, delay=Delay.fixed(2)), Route("/broken", status=500))
STEPS = [{"path": "/items", "weight": 40}, {"path": "/broken"}]
HELD, MISSED = "p95 < 60s", "error_rate < 1%"
"""The limit on times is so far away that a machine that stands still for a while is no reason to judge nothing."""
CUT_OFF = """[...document.querySelectorAll('.live svg')].flatMap(drawing => [...drawing.querySelectorAll('text')]
    .filter(text => text.getBoundingClientRect().bottom > drawing.getBoundingClientRect().bottom + 1)
    .map(text => text.textContent))"""
"""Labels of charts of which something is outside of the drawing."""
SLOW = "throughput > 1/s"


@pytest.fixture(scope="module")
def target() -> Iterator[CountingServer]:
    """The service under load."""
    with CountingServer(ROUTES) as server:
        yield server


def plan(target: CountingServer, **scenarios: Json) -> Json:
    return {"name": "shop", "base_url": target.url, "seed": 3, "scenarios": scenarios}


def users(**more: Any) -> Json:
    """Four users that never stop by themselves, unless said otherwise."""
    return {"users": 4, "wait_time": "10ms", "endpoints": STEPS, "thresholds": [HELD, MISSED], **more}


def arrivals(**more: Any) -> Json:
    """Sixty iterations a second."""
    return {"rate": "60/s", "endpoints": STEPS, "thresholds": [HELD], **more}


def tiles_of(judged: Json) -> dict[str, float | None]:
    """What the tiles show, from a scenario of ``summary.json``."""
    times = judged["response_time_ms"]
    known = {name: judged[name] for name in ("requests", "failures", "throughput")}
    known |= {name: times[name] for name in ("p50", "p95", "p99")} | {"users": judged["users_max"]}
    return known | ({"dropped": judged["arrivals"]["dropped"]} if judged["workload"] == "open" else {})


def test_it_follows_a_run_and_ends_with_its_figures(look: Look, target: CountingServer, tmp_path: Path) -> None:
    """Tiles, lights, reasons and series are those of ``summary.json``; meanwhile they grow."""
    with live_run(look, tmp_path, plan(target, more=arrivals(run_time="2s"), load=users(run_time="10m"))) as live:
        seen = live.page()
        wait_for_state(seen, "running")
        wait_for_tile(seen, "requests", 50)
        wait_for_tile(seen, "requests", (tile(seen, "requests") or 0) + 100)
        wait_for_tile(seen, "failures", 10)
        assert re.search(r"\d:\d\d of 10:00", seen.page.locator("#way-words").inner_text())
        assert chart(seen, "s2-throughput").locator("path").count() > 3
        seen.page.locator("#stop").click()
        wait_until_judged(seen)
        summary = summary_of(only_run(tmp_path))
        assert seen.page.locator("#state").inner_text().lower() == summary["verdict"]
        assert summary["verdict"] in ("fail", "invalid")  # a machine that is busy elsewhere may be late with arrivals
        assert seen.page.locator("#run-name").inner_text() == only_run(tmp_path).name
        assert seen.page.locator("#reasons li").all_inner_texts() == summary["reasons"]
        for name, judged in summary["scenarios"].items():
            for key, wanted in tiles_of(judged).items():
                assert tile(seen, key, name) == (None if wanted is None else pytest.approx(wanted, abs=1e-6)), key
            assert {one: verdict for one, (verdict, _) in lights(seen, name).items()} == {
                one["expression"]: one["verdict"] for one in judged["thresholds"]
            }
            rows = seen.page.locator(f"section[data-scenario={name}] [data-part=series] tr")
            shown = rows.evaluate_all("all => all.map(row => [row.cells[0].textContent, +row.cells[1].dataset.value])")
            assert dict(shown) == {series: one["requests"] for series, one in judged["series"].items()}
        assert live.end() == summary["exit_code"] == 130


def test_its_lights_say_what_holds_now(look: Look, tmp_path: Path) -> None:
    """In a word beside the colour: one changes as soon as the service fails; each ends with the word of its verdict."""
    light = "[data-part=lights] > li[data-expression='{}'][data-verdict={}]"
    with FaultServer([Route("*", delay=Delay.fixed(2))]) as server:
        load = {"users": 4, "wait_time": "10ms", "endpoints": [{"path": "/"}], "thresholds": [SLOW, MISSED]}
        with live_run(look, tmp_path, {"base_url": server.url, "scenarios": {"load": load}}) as live:
            seen = live.page()
            seen.page.locator(light.format(SLOW, "pass")).wait_for()
            seen.page.locator(light.format(MISSED, "pass")).wait_for()
            assert lights(seen) == {SLOW: ("pass", "holds"), MISSED: ("pass", "holds")}
            server.inject(Errors(share=0.5))
            seen.page.locator(light.format(MISSED, "fail")).wait_for()
            assert lights(seen) == {SLOW: ("pass", "holds"), MISSED: ("fail", "missed")}
            assert seen.page.locator("html").get_attribute("data-state") == "running"
            seen.page.locator("#stop").click()
            wait_until_judged(seen)
            assert lights(seen) == {SLOW: ("pass", "pass"), MISSED: ("fail", "fail")}


def test_it_leads_runs(look: Look, target: CountingServer, tmp_path: Path) -> None:
    """More load, then an end before its time, then another run at the load of the plan; Ctrl-C ends the page."""
    with live_run(look, tmp_path, plan(target, load=users())) as live:
        seen = live.page()
        wait_for_tile(seen, "requests", 50)
        wait_for_tile(seen, "users", 4)
        assert seen.page.locator("#start").is_disabled()
        for _ in range(2):
            seen.page.locator("#load-more").click()
        assert seen.page.locator("#load-factor").input_value() == "1.5"
        seen.page.locator("#load-apply").click()
        wait_for_tile(seen, "users", 6)
        seen.page.locator("#answer", has_text="1.5 times the planned load").wait_for()
        first = seen.page.locator("#run-name").inner_text()
        seen.page.locator("#stop").click()
        wait_until_judged(seen)
        assert seen.page.locator("#stop").is_disabled()
        assert seen.page.locator("#load-apply").is_disabled()
        assert "the load was changed by hand" in " ".join(seen.page.locator("#reasons li").all_inner_texts())

        seen.page.locator("#start").click()
        wait_for_state(seen, "running")
        wait_for_tile(seen, "requests", 50)
        wait_for_tile(seen, "users", 4)
        second = seen.page.locator("#run-name").inner_text()
        assert seen.page.locator("#reasons li").count() == 0
        seen.page.locator("#stop").click()
        wait_until_judged(seen)
        assert live.end() == 130
    runs = {path.name: summary_of(path)["scenarios"]["load"]["users_max"] for path in (tmp_path / "runs").iterdir()}
    assert runs == {first: 6, second: 4}
    assert Run.open(tmp_path / "runs" / first).manifest["ended_reason"] == "stopped from the live page"


def test_everything_can_be_taken_away(look: Look, target: CountingServer, tmp_path: Path) -> None:
    """Each file of the run directory as it is, and the report opens."""
    with live_run(look, tmp_path, plan(target, load=users(run_time="1s"))) as live:
        seen = live.page()
        wait_until_judged(seen)
        run = only_run(tmp_path)
        seen.page.locator("#downloads summary").click()
        with seen.page.expect_download() as started:
            seen.page.locator("#files a", has_text="summary.json").click()
        assert started.value.path().read_bytes() == (run / "summary.json").read_bytes()
        offered = seen.page.locator("#files a").all_inner_texts()
        files = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
        assert files <= set(offered)
        report = live.page("report")
        assert report.page.locator("h1").inner_text().lower().endswith(summary_of(run)["verdict"])
        assert live.end() == summary_of(run)["exit_code"] != 130


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
def test_everybody_can_read_it(look: Look, target: CountingServer, tmp_path: Path, theme: Theme) -> None:
    """While a run goes on and when it is over, on a desk, a tablet and a phone, by axe and without moving sideways."""
    with live_run(look, tmp_path, plan(target, load=users(), more=arrivals(run_time="1s"))) as live:
        seen = live.page(theme=theme)
        wait_for_tile(seen, "requests", 200)
        chart(seen, "s1-throughput")
        for state in (("running",), ("pass", "fail", "undecided", "invalid")):
            wait_for_state(seen, *state)
            for width_px in WIDTHS_PX:
                seen.resize(width_px)
                assert seen.overflow_px() == 0, (state, width_px)
                assert seen.grave_findings() == [], (state, width_px)
            if state == ("running",):
                seen.page.locator("#stop").click()


def test_its_charts_answer_while_they_grow(look: Look, target: CountingServer, tmp_path: Path) -> None:
    """The pointer is told the figures of a moment of the run."""
    with live_run(look, tmp_path, plan(target, load=users())) as live:
        seen = live.page()
        wait_for_tile(seen, "users", 4)
        wait_for_tile(seen, "time", 3)
        seen.page.locator("#s1-failures").wait_for()  # it stands above, and moves what is below when it comes
        moment, *lines = point(seen, "s1-users", 0.999)  # the last second; any before may be one that nobody measured
        assert re.fullmatch(r"0:\d\d", moment)
        assert lines[0] == "users: 4"


def test_axes_that_came_with_the_data_are_whole(look: Look, target: CountingServer, tmp_path: Path) -> None:
    """A page that was open before the run had told of anything had charts without labels, and no room for them."""
    with live_run(look, tmp_path, plan(target, load=users())) as live:
        seen = live.page()
        wait_for_tile(seen, "time", 4)
        chart(seen, "s1-users")
        assert seen.page.evaluate(CUT_OFF) == []


@pytest.mark.slow
def test_a_page_whose_server_went_says_so_and_comes_back(
    browser: Browser, look: Look, target: CountingServer, tmp_path: Path
) -> None:
    """It keeps what it had until there is a server again, and follows its run."""
    again = tmp_path / "again"
    again.mkdir()
    port = dead_port()
    with watched(browser) as seen:
        with live_run(look, tmp_path, plan(target, load=users()), "--ui-port", port) as live:
            seen.open(live.url)
            wait_for_tile(seen, "requests", 50)
            live.process.send(signal.SIGKILL)
            live.process.finish()
        seen.page.locator("#connection:visible").wait_for()
        assert (tile(seen, "requests") or 0) >= 50
        assert seen.page.locator("#start").is_disabled()
        with live_run(look, again, plan(target, load=users(run_time="2s")), "--ui-port", port):
            seen.page.locator("#connection").wait_for(state="hidden")
            wait_until_judged(seen)  # by then there is a run directory
            assert seen.page.locator("#run-name").inner_text() == only_run(again).name
            assert tile(seen, "requests") == summary_of(only_run(again))["scenarios"]["load"]["requests"]


def test_its_policy_lets_in_nothing_else(look: Look, target: CountingServer, tmp_path: Path) -> None:
    """Own scripts alone, no frames around it, nothing kept by others, nobody else may read it."""
    with live_run(look, tmp_path, plan(target, load=users())) as live:
        seen = live.page()
        response = seen.page.reload()
        assert response is not None
        headers = response.all_headers()
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";") if part)
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert not [name for name in headers if name.startswith("access-control-")]
        with pytest.raises(Exception, match=r"Content Security Policy"):
            seen.page.add_script_tag(content="window.pwned = 1")
        assert seen.page.evaluate("window.pwned") is None
        seen.said.clear()  # of the script that was refused


def test_another_site_cannot_command_it(browser: Browser, look: Look, target: CountingServer, tmp_path: Path) -> None:
    """A page from elsewhere in the same browser may neither read what it tells nor stop the run."""
    fetch = """([url, method, mode]) => fetch(url, {method, mode, credentials: 'include'})
        .then(answer => answer.text()).catch(() => '')"""
    with (
        HostileService() as elsewhere,
        live_run(look, tmp_path, plan(target, load=users())) as live,
        watched(browser) as foreign,
    ):
        seen = live.page()
        wait_for_tile(seen, "requests", 50)
        foreign.open(f"{elsewhere.url}/said/{ATTACKS.index('__proto__')}")
        for command in ("stop", "start", "load"):
            assert foreign.page.evaluate(fetch, [live.url + command, "POST", "no-cors"]) == ""
        for path in ("download/run.json", "events", ""):
            for mode in ("cors", "no-cors"):
                assert foreign.page.evaluate(fetch, [live.url + path, "GET", mode]) == ""
        before = tile(seen, "requests") or 0
        wait_for_tile(seen, "requests", before + 100)
        assert seen.page.locator("html").get_attribute("data-state") == "running"


def test_elsewhere_than_on_loopback_it_needs_its_token(
    browser: Browser, look: Look, target: CountingServer, tmp_path: Path
) -> None:
    """The address that is printed opens it, and the token is neither in the address bar nor in reach of scripts."""
    with live_run(look, tmp_path, plan(target, load=users()), "--ui-host", "0.0.0.0") as live:
        port, token = re.search(r":(\d+)/loadworthy/\?token=(.+)", live.url).groups()  # type: ignore[union-attr]
        page = f"http://127.0.0.1:{port}/loadworthy/"
        with watched(browser) as stranger:
            with stranger.page.expect_console_message(lambda said: "401" in said.text):
                stranger.open(page)
            assert stranger.page.locator("#stop").count() == 0
        seen = live.page()
        wait_for_tile(seen, "requests", 50)
        assert seen.page.url == page
        assert token not in seen.page.content()
        assert token not in seen.page.evaluate("document.cookie")
