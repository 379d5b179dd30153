"""Changes in words: with their unit and sign."""

from __future__ import annotations

import pytest
from tests.report.searches import ERROR_RATE, LEAK, SLOWER, THREADS, drift

from loadworthy.analysis.endurance_metrics import Unit
from loadworthy.report.drift_words import after_load, amount, change, slope, slope_interval, to_limit, unit_of
from loadworthy.units import UNKNOWN


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (58.9e6, "bytes", "+58.9 MB"),
        (-1234.0, "ms", "-1.23 s"),
        (0.0, "count", "0"),
        (0.004, "points", "+0.40 pts"),
        (-3.21, "per_s", "-3.21/s"),
        (1234.4, "count", "+1,234"),
    ],
)
def test_amounts(value: float, unit: Unit, text: str) -> None:
    """A sign, three digits, a unit."""
    assert amount(value, unit) == text


def test_units_go_by_the_metric() -> None:
    """Our own are known; what monitors read tells it by its name."""
    names = ("process_resident_memory_bytes", "db_pool_usage_ratio", "threads", "something_else")
    assert [unit_of(drift(name)) for name in names] == ["bytes", "points", "count", "count"]
    assert [unit_of(one) for one in (SLOWER, ERROR_RATE, drift("throughput", source=None))] == ["ms", "points", "per_s"]


def test_what_became_of_a_metric() -> None:
    """Slope, interval with the unit once, change as a share where it can be one, time to the limit, and afterwards."""
    assert (slope(LEAK), slope_interval(LEAK), change(LEAK)) == ("+58.9 MB", "+55.0 to +63.0 MB", "+24 %")
    assert (to_limit(LEAK), after_load(LEAK)) == ("3 h 20 min", "did not fall")
    assert slope_interval(drift("memory_bytes", low=-500.0, high=2e6)) == "-500 B to +2.0 MB"
    assert (slope_interval(THREADS), change(THREADS), to_limit(THREADS)) == ("-1 to +9", "+2", "")
    assert change(drift("threads", change=0.0, change_share=0.0)) == "0 %"
    assert change(ERROR_RATE) == "-0.05 pts"
    assert (change(SLOWER), to_limit(SLOWER), after_load(SLOWER)) == ("+6.0 %", UNKNOWN, "")
    assert to_limit(drift("threads", limit=5.0, time_to_limit_s=0.0)) == "past it"
    assert after_load(drift("threads", falls_after_load=True)) == "fell again"
