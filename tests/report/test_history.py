"""The history as text and JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadworthy.analysis.trend import Trend, TrendPoint, trend
from loadworthy.record.index import IndexedRun, IndexedSeries
from loadworthy.report.history import change_sentences, history_json, history_text, sparkline_of
from loadworthy.units import UNKNOWN

LEVELS = [100.0, 101, 99, 100, 102, 98, 100, 99, 120, 121, 119, 120, 122, 118, 120, 121]


def point(
    number: int, revision: str | None = "aaaabbbbcccc", dirty: bool = False, load: str = "x", **figures: float
) -> TrendPoint:
    """A run."""
    run = IndexedRun(f"run-{number:02}", "", f"2026-11-20T14:{number:02}:09+00:00", "pass", revision, dirty)
    return TrendPoint(run, IndexedSeries("load", "", load, {"requests": 1234.0, **figures}))


def stepped(figure: str = "p95", **after: Any) -> Trend:
    """A step up at run 8, with other facts from there on."""
    points = []
    for number, level in enumerate(LEVELS):
        facts: dict[str, Any] = {figure: level, **(after if number >= 8 else {})}
        points.append(point(number, **facts))
    return trend("load", "", figure, points)


def test_a_line_a_run_a_sparkline_and_a_sentence() -> None:
    """Readable without a terminal, within 100 columns."""
    found = stepped(revision="ddddeeeeffff", dirty=True)
    text = history_text([found], ["passed over x: it is gone"])
    lines = text.splitlines()
    assert lines[1] == "load  16 runs"
    assert lines[3].split() == [
        "2026-11-20",
        "14:00:09",
        "aaaabbbb",
        "pass",
        "1,234",
        UNKNOWN,
        "100",
        UNKNOWN,
        UNKNOWN,
        UNKNOWN,
    ]
    assert "ddddeeee+" in lines[11]
    assert "  p95  ▂▂▁▂▂▁▂▁▇█▇▇█▇▇█  98.0 ms to 122 ms" in lines
    assert "p95 rose by 20.0 %, from 100 ms to 120 ms, with run-08: revision ddddeeee+, after aaaabbbb." in " ".join(
        line.strip() for line in lines
    )
    assert lines[-1] == "passed over x: it is gone"
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ({}, "both sides are revision aaaabbbb, so it was not the code"),
        ({"revision": None}, "the revision is not known"),
        ({"load": "y"}, "The plan of the scenario changed there, too"),
    ],
)
def test_what_else_changed_is_said(after: dict[str, Any], told: str) -> None:
    """A change at one commit, at none, or with another load."""
    (sentence,) = change_sentences(stepped(**after))
    assert told in sentence


def test_no_change_is_said_too() -> None:
    """And what it was looked for in."""
    flat = trend("load", "", "error_rate", [point(n, error_rate=0.0) for n in range(10)])
    assert change_sentences(flat) == ["No change of level in the error rate of 10 runs."]
    few = trend("load", "", "error_rate", [point(n, error_rate=0.0) for n in range(7)])
    assert change_sentences(few) == ["Whether the error rate changed its level is not known: 7 runs, and it takes 8."]
    assert sparkline_of(flat) == "error rate  ▄▄▄▄▄▄▄▄▄▄  0.00 % to 0.00 %"
    assert "not known" in sparkline_of(trend("load", "", "p99", [point(1)]))


def test_of_many_runs_the_latest_are_shown() -> None:
    """The others stand in the JSON."""
    many = trend("load", "", "p50", [point(n % 60, p50=1.0) for n in range(45)])
    text = history_text([many])
    assert "5 earlier runs not shown" in text
    assert len(json.loads(history_json("runs", [many]))["scenarios"][0]["runs"]) == 45


def test_capacity_has_a_column_where_a_search_found_one() -> None:
    """And its own unit."""
    text = history_text([stepped("capacity")])
    assert "capacity" in text.splitlines()[2]
    assert "capacity rose by 20.0 %, from 100.0/s to 120.0/s" in text


def test_json_has_every_run_and_every_change() -> None:
    """With both commits around it."""
    data = json.loads(history_json("runs", [stepped(revision="ddddeeeeffff")], ["a note"]))
    assert (data["schema"], data["folder"], data["notes"]) == (1, "runs", ["a note"])
    (scenario,) = data["scenarios"]
    assert (scenario["scenario"], scenario["series"], scenario["figure"]) == ("load", None, "p95")
    assert scenario["runs"][0]["p95"] == 100.0
    (change,) = scenario["changes"]
    assert (change["run"], change["previous_run"]) == ("run-08", "run-07")
    assert (change["revision"], change["previous_revision"]) == ("ddddeeeeffff", "aaaabbbbcccc")
    assert change["change"] == pytest.approx(0.2)
    assert change["plan_changed"] is False
