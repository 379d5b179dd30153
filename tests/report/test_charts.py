"""Charts: ticks that are round and sufficient, gaps that stay gaps, text that stays text."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.report.charts import (
    WIDTH,
    Chart,
    Limit,
    Line,
    format_moment,
    nice_ticks,
    svg,
    time_step_s,
    time_ticks,
)


def parsed(chart: Chart) -> ET.Element:
    return ET.fromstring(svg(chart))


@given(highest=st.floats(1e-9, 1e15))
def test_ticks_reach_the_highest_value_in_round_steps(highest: float) -> None:
    """From zero to at least the value, at most six ticks, evenly."""
    ticks = nice_ticks(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest * (1 - 1e-6)
    assert 2 <= len(ticks) <= 6
    steps = [after - before for before, after in itertools.pairwise(ticks)]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-3)


@pytest.mark.parametrize("highest", [0.0, -1.0, math.inf, math.nan])
def test_ticks_of_nothing(highest: float) -> None:
    """No value, and still an axis."""
    assert nice_ticks(highest) == [0, 1]


@given(end_s=st.floats(0.1, 1e7))
def test_time_ticks_stay_within_the_chart(end_s: float) -> None:
    """A few round moments, none beyond the end."""
    ticks = time_ticks(end_s)
    assert ticks[0] == 0
    assert ticks[-1] <= end_s
    assert len(ticks) <= 12


@pytest.mark.parametrize(
    ("at_s", "text"), [(0, "0:00"), (5, "0:05"), (150, "2:30"), (3600, "1:00:00"), (90_061, "25:01:01")]
)
def test_moments(at_s: int, text: str) -> None:
    """Minutes and seconds, hours where there are any."""
    assert format_moment(at_s) == text


@pytest.mark.parametrize(
    ("duration_s", "requests", "step_s"),
    [
        (60, 60_000, 1),  # enough for a p99 in each second
        (60, 60 * 200, 2),  # two seconds hold 368
        (60, 60 * 40, 2),  # a p99 is out of reach, a p95 is not
        (60, 60, 1),  # nothing helps
        (3600, 3600 * 1000, 15),  # too many points otherwise
        (0, 0, 1),
    ],
)
def test_step(duration_s: float, requests: int, step_s: int) -> None:
    """Points stand on enough requests if enough points are left."""
    assert time_step_s(duration_s, requests, wishes=((368, 20), (72, 10))) == step_s


def test_a_gap_is_not_bridged() -> None:
    """Two stretches are two lines, a lonely point is a dot."""
    line = Line("p95", "p95", [(0, 1.0), (1, 2.0), (2, None), (3, 2.0), (4, None), (5, 1.0), (6, 3.0)])
    root = parsed(Chart("x", "ms", [line], end_s=7))
    shapes = [element.tag for element in root if element.get("class", "").endswith(" p95")]
    assert shapes == ["polyline", "circle", "polyline"]


def test_everything_lies_inside_the_drawing() -> None:
    """Lines, limits and labels, for a limit above all values too."""
    line = Line("rate", "throughput", [(second, float(second % 7)) for second in range(60)], filled=True)
    root = parsed(Chart("x", "ms", [line], end_s=60, limits=[Limit("p95 < 500ms", 20.0)], height=200))
    for element in root:
        for pair in element.get("points", "").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= WIDTH
            assert 0 <= y <= 200
        for key, most in (("x", WIDTH), ("x1", WIDTH), ("x2", WIDTH), ("y", 200), ("y1", 200), ("y2", 200)):
            assert 0 <= float(element.get(key, 0)) <= most


def test_a_chart_of_nothing_has_axes() -> None:
    """No points is no error."""
    root = parsed(Chart("Users", "", [Line("users", "users", [])], end_s=0))
    assert [element.tag for element in root].count("polyline") == 0
    assert any(element.tag == "text" for element in root)


def test_text_is_escaped() -> None:
    """A threshold's series comes from the plan."""
    evil = '"><script>alert(1)</script>'
    text = svg(Chart(evil, evil, [Line(evil, evil, [(0, 1.0), (1, 2.0)])], end_s=2, limits=[Limit(evil, 1.0)]))
    assert "<script" not in text
    ET.fromstring(text)
