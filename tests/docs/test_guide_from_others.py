"""docs/from-locust.md and docs/from-other-tools.md: the file runs under both commands, the plans do as the scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.support.cli import command
from tests.support.guide import blocks_of, write_files
from tests.support.guide_runs import QUIET, Case, few, run
from tests.support.recipes import RecipeServer

FILES = {
    "items.json": '[{"id": 3}, {"id": 5}]',
    "items.csv": "item\n3\n5\n",
    "vouchers.csv": "code\n" + "".join(f"SUMMER-{row}\n" for row in range(20)),
}
RAMP = [{"duration": "300ms", "ramp_to": "50/s"}, {"duration": "10m", "rate": "50/s"}]
"""What ends these runs is the number of iterations: time would cut off those that a busy machine is late with."""
UNTIL_SEEN = """
import gevent
from locust import events

MISSING = {"/items", "/login", "/status"}

@events.init.add_listener
def end_when_all_were_seen(environment, **_):
    @environment.events.request.add_listener
    def seen(name, **_):
        MISSING.discard(name)
        if not MISSING:
            gevent.spawn(environment.runner.quit)
"""

CASES: dict[str, Case] = {
    "k6.yaml": Case(
        {**QUIET, "scenarios.*.stages": RAMP, "scenarios.*.iterations": 20},
        {"POST /orders": 20},
        lambda state: state["seen"]["POST /login"] == 1,
    ),
    "jmeter.yaml": Case(
        {
            **few(5),
            "scenarios.*.spawn_rate": None,
            "scenarios.orders.flow.0.wait": "1ms",
            "scenarios.orders.flow.2.wait": "1ms",
        },
        {"GET /form": 5, "POST /form": 5},
    ),
    "gatling.yaml": Case(
        {**QUIET, "scenarios.*.stages": RAMP, "scenarios.*.iterations": 10, "scenarios.redeem.flow.1.wait": "1ms"},
        {"GET /items": 10, "POST /vouchers/[code]": 10},
        lambda state: sorted(state["vouchers"]) == sorted(f"SUMMER-{row}" for row in range(10)),
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[RecipeServer]:
    """One for all plans."""
    with RecipeServer() as running:
        yield running


@pytest.mark.parametrize("name", CASES)
def test_the_plan_beside_a_script_runs(name: str, server: RecipeServer, tmp_path: Path) -> None:
    """It sends what the script would send."""
    server.forget()
    for file, text in FILES.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    write_files(blocks_of("from-other-tools"), tmp_path)
    run(tmp_path / name, CASES[name], {"BASE_URL": server.url, "PERF_PASSWORD": "open-sesame"})
    assert CASES[name].holds(server.state())


def test_a_timer_is_waited_for_before_each_request() -> None:
    """As the timer in the thread group is; once a pass would be half the pause, and more load."""
    plan = next(yaml.safe_load(block.text) for block in blocks_of("from-other-tools") if block.file == "jmeter.yaml")
    scenario = plan["scenarios"]["orders"]
    assert [next(iter(step)) for step in scenario["flow"]] == ["wait", "path"] * 2
    assert "wait_time" not in scenario


def test_each_tool_has_its_script_and_its_plan() -> None:
    """And each plan is among those that are run."""
    blocks = blocks_of("from-other-tools")
    assert [block.language for block in blocks] == ["javascript", "yaml", "xml", "yaml", "java", "yaml"]
    assert [block.file for block in blocks if block.language == "yaml"] == list(CASES)


def test_the_locustfile_runs_under_both_commands(server: RecipeServer, tmp_path: Path) -> None:
    """And the plan beside it runs both of its scenarios."""
    server.forget()
    assert write_files(blocks_of("from-locust"), tmp_path) == ["locustfile.py", "plan.yaml"]
    series = ("GET /items", "POST /login", "POST /payments", "GET /status")
    short = {**few(40), "scenarios.*.spawn_rate": None, "scenarios.*.wait_time": None}
    run(tmp_path / "plan.yaml", Case(short, dict.fromkeys(series)), {"BASE_URL": server.url})
    server.forget()
    (tmp_path / "until_seen.py").write_text(UNTIL_SEEN, encoding="utf-8")
    options = ("--headless", "-H", server.url, "-u", 2, "-r", 2, "-t", "60s")
    plain = command("-m", "locust", "-f", "locustfile.py,until_seen.py", *options, cwd=tmp_path)
    assert plain.code == 0, plain.err
    assert {"GET /items", "POST /login", "GET /status"} <= set(server.state()["seen"])
