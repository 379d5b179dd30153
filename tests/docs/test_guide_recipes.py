"""docs/recipes.md: each plan of it runs, a little shorter, and does at the service what its recipe says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.support.guide import blocks_of, commands_of, write_files
from tests.support.guide_runs import QUIET, Case, few, run
from tests.support.recipes import RecipeServer

from loadworthy.plan.load import check_runnable, load_plan
from loadworthy.testing import FaultServer

BLOCKS = blocks_of("recipes")
RECIPES = list(dict.fromkeys(block.heading for block in BLOCKS))
SECRETS = {"PERF_PASSWORD": "open-sesame", "API_KEY": "4711-0815"}
RAMP = [{"duration": "500ms", "ramp_to": "100/s"}, {"duration": "10m", "rate": "100/s"}]

RUNS: dict[str, Case] = {
    "Log in once per user": Case(
        {**few(40), "scenarios.*.spawn_rate": None},
        {"POST /login": 2, "GET /orders": None, "GET /orders/[id]": None},
    ),
    "Log in once for all": Case(few(20), {"GET /orders": 20}, lambda state: state["seen"]["POST /login"] == 1),
    "A token that expires": Case(
        few(12, users=1),
        {"GET /fresh": 14, "POST /login": 3},
        lambda state: state["seen"]["GET /fresh"] == 14,
    ),
    "Secrets": Case(few(5), {"GET /items": 5}),
    "Use what came back": Case(few(5), {"GET /form": 5, "POST /form": 5, "GET /status/[order]": 5}),
    "Upload a file": Case(few(5), {"POST /uploads": 5}, lambda state: state["seen"]["POST /uploads"] == 5),
    "Page through a list": Case(few(5), {"GET /items?page=[n]": 15}),
    "WebSocket": Case(
        {**few(5), "scenarios.*.spawn_rate": None},
        {"connect /rpc": 5, "message ask": 5, "connect /push": 5, "push news": 15, "close /rpc 1000": 5},
    ),
    "Several targets": Case(few(20), {"GET /items": None, "GET /v1/health": None}),
    "Rate limits": Case(
        {
            **QUIET,
            "scenarios.below.rate": "50/s",
            "scenarios.below.iterations": 20,
            "scenarios.beyond.iterations": 30,
        },
        {"GET /items": 20, "GET /limited": 30},
    ),
    "Each row once": Case(
        few(50, users=5),
        {"POST /vouchers/[code]": 50},
        lambda state: sorted(state["vouchers"]) == sorted(f"SUMMER-{row}" for row in range(50)),
    ),
    "Remove what was created": Case(
        few(10),
        {"POST /orders": 10, "GET /orders/[id]": 10},
        lambda state: not state["orders"] and sum("DELETE" in one for one in state["seen"]) == 10,
    ),
    "Mixed workloads": Case(
        {
            **QUIET,
            "seed": 1,  # by chance there might be no visitor who asks
            "scenarios.visitors.stages": RAMP,
            "scenarios.visitors.iterations": 75,
            "scenarios.clerks.users": 2,
            "scenarios.clerks.iterations": 20,
        },
        {"GET /items": None, "GET /stock/[id]": None, "GET /reports/today": 20},
    ),
    "Gate a pull request": Case(few(20), {"GET /items": 20}),
}
ONLY_LOADED = {
    "Find the capacity": "a search takes minutes",
    "Soak overnight": "less than some minutes are judged undecided",
}


@pytest.fixture(scope="module")
def server() -> Iterator[RecipeServer]:
    """One for all recipes, which forgets in between."""
    with RecipeServer() as running:
        yield running


@pytest.mark.parametrize("recipe", RUNS)
def test_a_recipe_runs(recipe: str, server: RecipeServer, tmp_path: Path) -> None:
    """Its plan as it stands, but shorter: all requests are good, and what it promises has happened."""
    server.forget()
    write_files([block for block in BLOCKS if block.heading == recipe], tmp_path)
    with FaultServer() if recipe == "WebSocket" else nullcontext() as sockets:
        environ = {"BASE_URL": sockets.url if sockets else server.url, "API_URL": server.url, **SECRETS}
        run(tmp_path / "plan.yaml", RUNS[recipe], environ)
    assert RUNS[recipe].holds(server.state())


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_plan_of_a_recipe_loads_as_it_stands(recipe: str, tmp_path: Path) -> None:
    """Each has exactly one, with all the files that it names, and a command that runs it."""
    here = [block for block in BLOCKS if block.heading == recipe]
    assert write_files(here, tmp_path).count("plan.yaml") == 1
    check_runnable(load_plan(tmp_path / "plan.yaml", environ=SECRETS))
    commands = [command for block in here for command in commands_of(block)]
    assert any(re.search(r"loadworthy run plan.yaml", command) for command in commands)


def test_every_recipe_is_run_or_has_its_reason() -> None:
    """None is left out, and none stands in a list that is no longer there."""
    assert sorted(RECIPES) == sorted([*RUNS, *ONLY_LOADED])
