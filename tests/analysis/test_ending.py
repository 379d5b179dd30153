"""Durations in words, and a run's length from what its manifest says."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.runs import START_MS, iso

from loadworthy.analysis.ending import run_duration_s, seconds


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0, "0 s"), (0.04, "0 s"), (0.25, "0.3 s"), (12.34, "12.3 s"), (60, "60 s"), (99.9, "99.9 s"),
        (99.96, "1 min 40 s"), (120, "2 min"), (125.4, "2 min 5 s"), (3600, "1 h"), (5400, "1 h 30 min"),
        (86_461, "24 h 1 min"),
    ],
)  # fmt: skip
def test_durations_in_words(duration_s: float, text: str) -> None:
    """Short ones in seconds, long ones in the units people use."""
    assert seconds(duration_s) == text


@pytest.mark.parametrize(
    ("facts", "last_ms", "duration_s"),
    [
        ({"started_at": iso(0), "ended_at": iso(12.5)}, START_MS, 12.5),
        ({"started_at": iso(0), "ended_at": None}, START_MS + 9000, 9.0),
        ({"started_at": iso(0)}, None, None),
        ({"started_at": iso(5), "ended_at": iso(0)}, None, 0.0),
        ({"started_at": "2026-11-20T15:05:09+01:00", "ended_at": iso(3)}, None, 3.0),
        ({"started_at": "2026-11-20T14:05:09", "ended_at": iso(3)}, None, None),
        ({"started_at": "yesterday"}, START_MS, None),
        ({"started_at": 7}, START_MS, None),
    ],
)
def test_run_duration(facts: dict[str, Any], last_ms: int | None, duration_s: float | None) -> None:
    """The recorded end, else the last interval; unknown where the start is."""
    assert run_duration_s(facts, last_ms) == duration_s
