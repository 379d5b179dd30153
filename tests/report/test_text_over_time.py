"""A figure over time in one line."""

from __future__ import annotations

import pytest

from loadworthy.report.sparkline import Steps
from loadworthy.report.text_over_time import rate_line, time_line, times_range

TIMES = Steps("p99", 2, (20.0, 40.0, None, 160.0))


def test_a_line_says_its_unit_its_range_its_scale_and_how_long_a_step_is() -> None:
    """All that is needed to read it."""
    assert time_line(TIMES, 90).plain == "p99    ▁▃·█  20.0 to 160 ms, 2 s each, log scale"
    assert rate_line(Steps("per s", 1, (50.0, 100.0)), 90).plain == "per s  ▅█  50.0 to 100.0/s, 1 s each, from zero"


def test_a_long_line_is_put_together() -> None:
    """And says how long a character is then."""
    line = time_line(Steps("p99", 8, tuple(float(n) for n in range(1, 61))), 76).plain
    assert "16 s each" in line
    assert len(line) <= 76


@pytest.mark.parametrize("width", [100, 60, 46, 36, 20])
def test_a_narrow_line_keeps_its_range(width: int) -> None:
    """Words that are good to have go first, then the sparkline; the range stays."""
    line = time_line(Steps("p99", 1, (20.0, 160.0) * 20), width).plain
    assert "20.0 to 160 ms" in line
    assert line.startswith("p99")
    assert width < 24 or len(line) <= width


def test_scenarios_are_named_where_there_are_several() -> None:
    """A long name is cut; what it holds cannot steer the terminal."""
    line = time_line(TIMES, 60, name="\x1b[2Ja-scenario-with-a-very-long-name").plain
    assert line.startswith("·[2Ja-scenario-with")
    assert "… p99" in line
    assert "▁▃·█" not in line or len(line) <= 60


def test_nothing_known_is_said() -> None:
    """There is no range of nothing."""
    assert time_line(Steps("p99", 2, (None, None)), 60).plain == "p99    ··  too few requests, 2 s each, log scale"
    assert "nothing yet" in rate_line(Steps("per s", 2, (None,)), 60).plain


def test_one_value_is_no_range() -> None:
    """And two of one unit name it once."""
    assert times_range(50.0, 50.0) == "50.0 ms"
    assert times_range(18.2, 126.0) == "18.2 to 126 ms"
    assert times_range(950.0, 1050.0) == "950 ms to 1.05 s"
