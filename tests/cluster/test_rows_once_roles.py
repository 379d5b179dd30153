"""Rows that are handed out once, where only some roles use them: the others take none, and stop with the last row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import EASY_THRESHOLDS, loadworthy, only_run, write_plan

from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer

ROWS = 40
CODES = {"order": "once", "per": "iteration", "generate": {"count": ROWS, "fields": {"n": {"sequence": 0}}}}


def plan_for(url: str, **changes: Any) -> dict[str, Any]:
    """Of four users one redeems, and three look on."""
    return {
        "base_url": url,
        "reporting": {"formats": []},
        "test_data": {"codes": CODES},
        "scenarios": {
            "shop": {
                "users": 4, "run_time": "60s", "wait_time": "5ms", "thresholds": EASY_THRESHOLDS,
                "roles": {
                    "looks": {"weight": 3, "flow": [{"path": "/look"}]},
                    "redeems": {"weight": 1, "flow": [{"path": "/codes/{{ codes.n }}", "name": "/codes"}]},
                },
                **changes,
            }
        },
    }  # fmt: skip


def targets_of(folder: Path, processes: int, **changes: Any) -> tuple[list[str], Run]:
    """Everything that was asked for, and the run."""
    with CountingServer() as server:
        spread = ("--processes", processes) if processes > 1 else ()
        done = loadworthy("run", write_plan(folder, plan_for(server.url, **changes)), *spread, cwd=folder)
        targets = [exchange.target for exchange in server.log()]
    assert done.code in (0, 4), done.out + done.err
    return targets, Run.open(only_run(folder))


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_roles_that_use_no_rows_take_none(tmp_path: Path, processes: int) -> None:
    """Each row is used, once; those who only look end with the others, also in a process where nobody uses rows."""
    targets, run = targets_of(tmp_path, processes)
    used = [int(target.removeprefix("/codes/")) for target in targets if target.startswith("/codes/")]
    assert sorted(used) == list(range(ROWS))
    assert targets.count("/look") > 0
    events = [(one["type"], one.get("reason")) for one in run.events if one.get("scenario") == "shop"]
    assert ("rows_used_up", None) in events
    assert ("scenario_ended", "iterations") in events
    (started,) = (one for one in run.events if one["type"] == "scenario_started")
    assert started["iterations"] is None  # how many there will be nobody knows


def test_iterations_that_the_plan_says_are_those_of_all_roles(tmp_path: Path) -> None:
    """Then there are so many, whoever does them, and some rows are left."""
    targets, _ = targets_of(tmp_path, 1, iterations=30)
    assert len(targets) == 30
