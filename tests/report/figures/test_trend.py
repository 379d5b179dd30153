"""Runs one after another: a figure for each scenario that ran more than once."""

from __future__ import annotations

from typing import Any

import pytest
from tests.report.figures.courses import drawn, filed, paths

from loadworthy.report.figures.trend import trend_figures
from loadworthy.report.several_trend import TrendRow


def row(number: int, p95_ms: float | None = 20.0, **changes: Any) -> TrendRow:
    facts: dict[str, Any] = {
        "run": f"run-{number}", "has_report": True, "started_at": None, "scenario": "load", "kind": "load",
        "verdict": "pass", "requests": 100, "error_rate": 0.0, "throughput": 10.0, "p50_ms": 5.0, "p95_ms": p95_ms,
        "p99_ms": None, "users_max": 1,
    }  # fmt: skip
    return TrendRow(**(facts | changes))


def newest_first(*rows: TrendRow) -> list[TrendRow]:
    return list(reversed(rows))


def test_the_newest_stands_on_the_right() -> None:
    """With what it says of itself."""
    (figure,) = trend_figures(newest_first(row(1), row(2, 30.0, verdict="fail"), row(3, 24.0)))
    assert figure.data["runs"] == {
        "place": [1, 2, 3],
        "value": [20, 30, 24],
        "verdict": ["pass", "fail", "pass"],
        "words": ["run-1: 20.0 ms, pass", "run-2: 30.0 ms, fail", "run-3: 24.0 ms, pass"],
    }
    assert figure.title == "load: p95 of each run"
    assert figure.words.startswith("3 runs, the newest on the right: 24.0 ms, -20 % against the one before.")
    assert [key.label for key in figure.legend] == ["pass", "fail"]
    spots = paths(drawn(figure), "symbol")
    assert [one.get("fill") for one in spots] == ["var(--teal)", "var(--red)", "var(--teal)"]
    assert len({one.get("d") for one in spots}) == 2, "verdicts differ in shape, too"


@pytest.mark.parametrize(
    "rows",
    [[], [row(1)], [row(1), row(2, None)], [row(1), row(2, scenario="other")]],
    ids=["none", "one", "one that is known", "one of each"],
)
def test_one_run_is_no_trend(rows: list[TrendRow]) -> None:
    """Of runs without enough requests nothing is known."""
    assert trend_figures(rows) == []


def test_each_scenario_has_its_own() -> None:
    """With a key of its own, that of the newest run first."""
    rows = newest_first(row(1), row(1, scenario="soak"), row(2), row(2, scenario="soak"))
    assert [(one.key, one.title) for one in trend_figures(rows)] == [
        ("trend-1", "soak: p95 of each run"), ("trend-2", "load: p95 of each run"),
    ]  # fmt: skip


def test_a_search_is_shown_by_its_capacity() -> None:
    """Its times are those at loads that differ."""
    rows = newest_first(row(1, capacity=400.0), row(2, None), row(3, capacity=440.0, verdict="undecided"))
    (figure,) = trend_figures(rows)
    assert figure.data["runs"]["value"] == [400, 440]
    assert (figure.title, figure.unit) == ("load: capacity of each run", "iterations per second")
    assert "440.0/s, +10 % against the one before" in figure.words


def test_only_the_newest_of_very_many_are_shown() -> None:
    """A nightly run of years is no comb."""
    rows = newest_first(*(row(number, float(number + 1)) for number in range(1000)))
    (figure,) = trend_figures(rows)
    assert len(figure.data["runs"]["value"]) == 200
    assert figure.data["runs"]["value"][-1] == 1000


def test_verdicts_of_every_kind_and_times_of_nought_can_be_drawn() -> None:
    """In a page and in a file; a change from nothing has no percentage."""
    verdicts = ("pass", "fail", "undecided", "invalid")
    (figure,) = trend_figures(newest_first(*(row(place, 0.0, verdict=one) for place, one in enumerate(verdicts))))
    assert len(paths(drawn(figure), "symbol")) == 4
    filed(figure)
    assert "%" not in figure.words
