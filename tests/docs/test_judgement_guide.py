"""docs/judgement.md: its plans load, its tables are those of the code, its programs and tests are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from loadworthy.analysis.endurance_metrics import (
    ERROR_RATE,
    HELD,
    MEMORY,
    MEMORY_24_H,
    MEMORY_24_H_FLOOR,
    POOL_SHARE,
    RESPONSE_TIME,
    THROUGHPUT,
)
from loadworthy.analysis.overload import COLLAPSES_BELOW, HOLDS_FROM
from loadworthy.engine.searching import BASE_LOAD, BASE_S, OVERLOAD, OVERLOAD_S
from loadworthy.plan.load import check_runnable, load_plan
from loadworthy.workload.search import Ended

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "judgement.md").read_text(encoding="utf-8")
PLANS = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", PLANS)
def test_every_plan_of_the_guide_loads(text: str, tmp_path: Path) -> None:
    """As it stands."""
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    check_runnable(load_plan(path, environ={}))


def test_nothing_is_left_to_fill_in() -> None:
    """Its examples are outputs."""
    assert "@@" not in GUIDE
    assert len(PLANS) == 2


def test_every_way_for_a_search_to_end_is_told() -> None:
    """And none that there is not."""
    table = GUIDE.partition("| ended | verdict |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)))) == set(
        get_args(Ended)
    )


def test_the_practical_limits_are_those_of_the_code() -> None:
    """From which change on a drift is large."""
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", GUIDE.partition("| metric | large from |")[2], re.MULTILINE))
    assert rows["response times"] == f"+{RESPONSE_TIME.share:.0%}, at least {RESPONSE_TIME.at_least:g} ms".replace(
        "%", " %"
    )
    assert rows["error rate"] == f"+{ERROR_RATE.at_least * 100:g} points"
    assert rows["throughput"][1:] == f"{THROUGHPUT.share * 100:g} %"
    assert rows["memory"].startswith(f"+{MEMORY.share * 100:g} %, at least {MEMORY.at_least / 1e6:g} MB")
    assert f"+{MEMORY_24_H * 100:g} % in 24 hours, but at least +{MEMORY_24_H_FLOOR * 100:g} %" in rows["memory"]
    assert rows["descriptors, threads, connections, a pool"] == f"+{HELD.share * 100:g} %, at least {HELD.at_least:g}"
    assert rows["usage of a pool, as a share"] == f"+{POOL_SHARE.at_least * 100:g} points"


def test_the_defaults_of_a_stress_are_those_of_the_code() -> None:
    """Half of the capacity for ten seconds, one and a half times of it for thirty; 90 % holds, half has collapsed."""
    assert (BASE_LOAD, BASE_S, OVERLOAD, OVERLOAD_S) == (0.5, 10, 1.5, 30)
    assert (HOLDS_FROM, COLLAPSES_BELOW) == (0.9, 0.5)


def test_what_it_points_to_is_there() -> None:
    """Programs, tests, and other pages."""
    for path in re.findall(r"`(?:python )?((?:tests|benchmarks)/[\w/.]+\.py)", GUIDE):
        assert (ROOT / path).is_file(), path
    for page in re.findall(r"\]\(([\w.]+\.md)", GUIDE):
        assert (ROOT / "docs" / page).is_file(), page
