"""Lines of plain characters: what their heights say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.report.sparkline import rate_sparkline, sparkline, time_sparkline

VALUES = st.lists(st.none() | st.floats(0, 1e6), max_size=200)


def test_neighbours_in_a_long_sparkline_are_put_together_by_their_medians() -> None:
    """120 runs in 60 characters: what goes up and down within a pair is level."""
    assert sparkline([1.0, 3.0] * 20 + [3.0, 1.0] * 20 + [3.0, 5.0] * 20) == "▁" * 40 + "█" * 20
    assert sparkline([1.0, 9.0, 1.0] * 30 + [2.0] * 90) == "▁" * 30 + "█" * 30, "one run of three is an accident"


@given(VALUES)
def test_a_sparkline_is_short_and_true_at_its_ends(values: list[float | None]) -> None:
    """At most 60 characters; the least is low and the most is high, where each value has its own."""
    line = sparkline(values)
    assert len(line) == min(len(values), -(-len(values) // -(-len(values) // 60))) if values else line == ""
    known = [value for value in values if value is not None]
    if len(values) <= 60 and known and min(known) < max(known):
        assert line[values.index(min(known))] == "▁"
        assert line[values.index(max(known))] == "█"
        assert line.count("·") == values.count(None)


def test_equal_values_are_a_level_line() -> None:
    """Neither the least nor the most."""
    assert sparkline([2.0, None, 2.0]) == "▄·▄"


def test_times_are_drawn_by_their_factors() -> None:
    """From 1 ms to 128 ms each doubling is a level, where a linear line would show one peak over nothing."""
    line = time_sparkline([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0])
    assert (line.text, line.low, line.high) == ("▁▂▃▄▅▆▇█", 1.0, 128.0)


def test_small_differences_of_times_look_small() -> None:
    """A tenth more is no mountain; twice as much is."""
    assert time_sparkline([10.0, 11.0, 10.5]).text == "▁▂▁"
    assert time_sparkline([10.0, 20.0]).text == "▁█"


def test_the_worst_of_neighbours_is_what_a_line_of_times_shows() -> None:
    """One slow second in a hundred stays to be seen, in ten characters."""
    values: list[float | None] = [10.0] * 100
    values[57] = 1000.0
    line = time_sparkline(values, most=10)
    assert line.text == "▁▁▁▁▁█▁▁▁▁"
    assert line.together == 10


def test_rates_are_drawn_from_zero() -> None:
    """Half as high is half as much; and what is not known is a gap, not a zero."""
    line = rate_sparkline([100.0, 50.0, 0.0, None])
    assert (line.text, line.low, line.high) == ("█▅▁·", 0.0, 100.0)


@pytest.mark.parametrize("draw", [time_sparkline, rate_sparkline])
def test_nothing_known_breaks_nothing(draw: type) -> None:
    """No value, or none that is known, or only zeros."""
    assert draw([]).text == ""
    assert (draw([None, None]).text, draw([None]).high) == ("··", None)
    assert draw([0.0, 0.0]).text == "▁▁"


@given(VALUES, st.integers(1, 70))
def test_lines_over_time_fit_and_keep_the_extremes(values: list[float | None], most: int) -> None:
    """No longer than asked for, with the range of what was given; the highest character is that of the most."""
    known = [value for value in values if value is not None]
    for draw in (time_sparkline, rate_sparkline):
        line = draw(values, most)
        assert len(line.text) <= most
        assert (line.low, line.high) == ((min(known), max(known)) if known else (None, None))
    if known and max(known) >= 2 * min(known) and min(known) > 1e-6:  # ms
        times = time_sparkline(values, most)
        assert times.text[values.index(max(known)) // times.together] == "█"
