"""Stages in words, and which of them it is."""

from __future__ import annotations

from typing import Any

import pytest

from loadworthy.plan.model import Plan, Scenario
from loadworthy.report.live_stage import Span, clock, left_words, span_at, spans_of

S = 1_000_000


def scenario(**keys: Any) -> Scenario:
    return Plan.model_validate({"scenarios": {"load": {"endpoints": [{"path": "/"}], **keys}}}).scenarios["load"]


def test_stages_of_users() -> None:
    """Each with where it leads, and its place in the time."""
    stages = [{"duration": "10s", "users": 1}, {"duration": "1m", "ramp_to": 200}, {"duration": "5s", "users": 200}]
    assert spans_of(scenario(stages=stages)) == (
        Span("holding 1 user", 0, 10 * S),
        Span("ramping to 200 users", 10 * S, 70 * S),
        Span("holding 200 users", 70 * S, 75 * S),
    )


def test_stages_of_rates() -> None:
    """In requests for iterations per second."""
    stages = [{"duration": "10s", "rate": "50/s"}, {"duration": "10s", "ramp_to": "1200/s"}]
    words = [span.words for span in spans_of(scenario(stages=stages))]
    assert words == ["holding 50.0/s", "ramping to 1,200.0/s"]


@pytest.mark.parametrize(
    ("keys", "spans"),
    [
        ({"users": 50, "spawn_rate": 5}, [("ramping to 50 users", 0, 10 * S), ("holding 50 users", 10 * S, None)]),
        ({"users": 50, "run_time": "1m"}, [("holding 50 users", 0, 60 * S)]),
        ({"rate": "20/s", "run_time": "1m"}, [("holding 20.0/s", 0, 60 * S)]),
        ({"kind": "capacity", "thresholds": ["p95 < 1s"]}, []),
    ],
)
def test_scenarios_without_stages(keys: dict[str, Any], spans: list[tuple[str, int, int | None]]) -> None:
    """A ramp, if there is one, and the rest; a search finds its load by itself."""
    assert spans_of(scenario(**keys)) == tuple(Span(*one) for one in spans)


def test_where_it_is() -> None:
    """A stage begins at its first moment; after the end it is the last."""
    spans = spans_of(scenario(stages=[{"duration": "10s", "users": 1}] * 3))
    assert [span_at(spans, at_s * S) for at_s in (0, 9, 10, 25, 99)] == [0, 0, 1, 2, 2]


def test_how_long_it_takes() -> None:
    """Nothing is said of what has no end, or is over."""
    assert left_words(70 * S, 2 * S) == "1:08 left of it"
    assert left_words(None, 2 * S) is None
    assert left_words(70 * S, 70 * S) is None
    assert [clock(value) for value in (0, 59.4, 3723, -2)] == ["0:00", "0:59", "1:02:03", "0:00"]
