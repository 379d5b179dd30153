"""What charts are put together from: the time axis, limits, marks, and a logarithmic axis that can be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.figures.courses import colours, course, drawn, paths, texts

from loadworthy.report.figures import layers
from loadworthy.report.figures.course import Course, Limit
from loadworthy.report.figures.marks import Moment
from loadworthy.report.figures.over_time import response_time, users
from loadworthy.report.figures.said import moment


def shown(of: Course) -> list[str]:
    """What stands below the time axis, from left to right."""
    labels = [text for text in texts(drawn(users(of), of.data())) if ":" in text]
    assert len(labels) == len(set(labels)), "no moment twice"
    return labels


@pytest.mark.parametrize(
    ("seconds", "step_s", "labels"),
    [
        (4, 1, ["0:00", "0:01", "0:02", "0:03", "0:04"]),
        (60, 1, ["0:00", "0:05", "0:30", "1:00"]),
        (20, 60, ["0:00", "2:00", "10:00", "20:00"]),
        (24, 600, ["0:00", "30:00", "1:00:00", "3:30:00"]),
        (50, 3600, ["0:00", "24:00:00", "48:00:00"]),
    ],
)
def test_moments_of_the_time_axis(seconds: int, step_s: int, labels: Sequence[str]) -> None:
    """Round ones, from the start to days; in the words of :func:`moment`, where they are."""
    found = shown(course(*[{}] * seconds, step_s=step_s))
    assert set(labels) <= set(found)
    assert 4 <= len(found) <= 21
    assert set(found) <= {moment(at_s) for at_s in range(seconds * step_s + 1)}


def test_a_moment_stands_where_it_was() -> None:
    """The second second begins where a fourth of the axis of four is over."""
    of = course(*[{}] * 4)
    places = {
        one.text: float(re.findall(r"translate\(([\d.]+)", one.get("transform", ""))[0])
        for one in drawn(users(of), of.data()).iter()
        if ":" in (one.text or "")
    }
    width = places["0:04"] - places["0:00"]
    assert places["0:01"] - places["0:00"] == pytest.approx(width / 4, abs=1)


def test_the_axis_goes_to_the_end() -> None:
    """However early the last request was."""
    of = Course(course({}, {}).seconds, 1, 60.0)
    assert shown(of)[-1] == "1:00"
    (line,) = paths(drawn(users(of), of.data()), "line")
    assert max(xs(line.get("d", ""))) < 100, "two of sixty seconds"


def xs(path: str) -> list[float]:
    """The x coordinates of the points of a path."""
    return [float(x) for x, _ in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path)]


def test_a_gap_is_not_bridged() -> None:
    """Two stretches are two lines; a lonely point is seen, too."""
    seconds = course(*[{"p50_ms": value, "p95_ms": None, "p99_ms": None} for value in (1.0, 2.0, None, 3.0, None, 1.0)])
    figure = response_time(seconds)
    (line,) = paths(drawn(figure, seconds.data()), "line")
    stretches = re.findall(r"M[^M]+", line.get("d", ""))
    assert [len(set(xs(one))) for one in stretches] == [2, 1, 1]
    assert line.get("stroke-width", "0") != "0"


def test_limits_are_dashed_lines_with_their_words() -> None:
    """At their values; the words are text."""
    of = course({}, {}, limits=[Limit("p95 < 15ms", 15.0), Limit("<b>&", 30.0)])
    root = drawn(response_time(of), of.data())
    rules = [one for one in paths(root, "rule") if one.get("stroke-dasharray")]
    assert len(rules) == 2
    assert {"p95 < 15ms", "<b>&"} <= set(texts(root))
    heights = [float(one.get("transform", "").split(",")[1].rstrip(")")) for one in rules]
    assert heights == pytest.approx([120, 0], abs=0.5), "a chart of 240 pixels up to 30 ms"


def test_what_happened_is_marked() -> None:
    """A stretch in which a threshold was missed is red and behind the lines; a moment is a dashed line."""
    happened = [Moment(1.0, "a stage"), Moment(1.5, "an error", True), Moment(2.0, "missed", True, 3.0)]
    of = course(*[{}] * 4, happened=happened)
    root = drawn(users(of), of.data())
    (band,) = paths(root, "rect")
    rules = paths(root, "rule")
    assert colours([band, *rules]) == ["var(--red)", "var(--soft)", "var(--red)"]
    assert all(one.get("stroke-dasharray") for one in rules)
    order = [one.get("class", "") for one in root.iter() if "role-mark" in one.get("class", "")]
    assert "rect" in order[0]
    assert "rule" in order[-1]


@given(st.floats(1e-3, 1e6), st.floats(1.1, 1e6))
def test_a_logarithmic_axis_can_be_read(low: float, ratio: float) -> None:
    """Two numbers at least, few enough, all of them within it, and in order."""
    high = low * ratio
    described: dict[str, Any] = {"layer": [{"encoding": {"y": {}}}, {"encoding": {"y": {}}}]}
    layers.log_axis(described, low, high)
    first, second = (layer["encoding"]["y"] for layer in described["layer"])
    assert first == second, "one axis for all layers"
    assert first["scale"] == {"type": "log", "domain": [low, high], "nice": False}
    ticks = first["axis"]["values"]
    assert ticks == sorted(set(ticks))
    assert all(low * (1 - 1e-6) <= tick <= high * (1 + 1e-6) for tick in ticks)
    assert 2 <= len(ticks) <= 11


def test_wide_axes_have_a_number_for_each_decade() -> None:
    """And narrow ones more."""
    described: dict[str, Any] = {"layer": [{"encoding": {"y": {}}}]}
    layers.log_axis(described, 1.0, 1e5)
    assert described["layer"][0]["encoding"]["y"]["axis"]["values"] == [1, 10, 100, 1000, 10_000, 100_000]
    layers.log_axis(described, 9.0, 110.0)
    assert described["layer"][0]["encoding"]["y"]["axis"]["values"] == [10, 20, 50, 100]


def test_a_description_has_neither_look_nor_size() -> None:
    """Those are the page's, or the file's."""
    figure = response_time(course({}))
    assert not {"config", "$schema", "width"} & set(figure.chart)
    assert figure.chart["height"] == figure.height
    assert [one["name"] for one in figure.chart["params"]] == [layers.SPAN]


def test_no_limits_are_a_data_set_too() -> None:
    """With the columns of one."""
    assert layers.no_limits() == {"label": [], "value": []}
