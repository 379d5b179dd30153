"""Figures of what monitors read, against naive ones."""

from __future__ import annotations

import random
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.runs import START_MS, interval, make_run, manifest, series

from loadworthy.analysis.resources import MAX_POINTS, slope_per_h
from loadworthy.analysis.summarize import summarize
from loadworthy.record.interval import Interval

Json = dict[str, Any]


def reading(at_s: float, source: str = "process 7", **values: float) -> Json:
    return {"at_ms": START_MS + round(at_s * 1000), "source": source, "values": values}


def resources_of(path: Path, intervals: list[Interval], readings: list[Json], **scenarios: list[str]) -> Json:
    run_json = manifest(scenarios or {"load": ["p95 < 1h"]})
    summary = summarize(make_run(path / "run", intervals, resources=readings, run_json=run_json)).to_json()
    found: Json = {name: one.get("resources") for name, one in summary["scenarios"].items()}
    return found


def test_figures_are_those_of_a_naive_count(tmp_path: Path) -> None:
    """Extremes, mean, the mean in the busiest ten seconds, and the median of all slopes."""
    rng = random.Random(1)
    intervals = [interval(number, series(times_us=[1000] * (90 if 60 <= number < 70 else 40))) for number in range(100)]
    points = [(number + 0.25, 1e8 + 1000 * number + rng.uniform(-50, 50)) for number in range(100)]
    readings = [reading(at_s, memory_bytes=value) for at_s, value in points]
    readings += [reading(-1, memory_bytes=1.0), reading(100.5, memory_bytes=2.0), reading(101.5, memory_bytes=3.0)]
    figures = resources_of(tmp_path, intervals, readings)["load"]["process 7"]["memory_bytes"]
    values = [value for _, value in points]
    slopes = [(y2 - y1) / (x2 - x1) for i, (x1, y1) in enumerate(points) for x2, y2 in points[i + 1 :]]
    assert figures == {
        "first": pytest.approx(values[0]),
        "last": pytest.approx(values[-1]),
        "min": pytest.approx(min(values)),
        "max": pytest.approx(max(values)),
        "mean": pytest.approx(sum(values) / 100),
        "at_peak": pytest.approx(sum(values[60:70]) / 10),
        "after_load": 3.0,
        "slope_per_h": pytest.approx(median(slopes) * 3600, rel=1e-6),
    }


def test_readings_belong_to_the_scenario_that_ran(tmp_path: Path) -> None:
    """Those between two scenarios are the first one's after the load; a scenario without any has none."""
    intervals = [
        *(interval(number, series(times_us=[1]), scenario="a") for number in range(5)),
        *(interval(number, series(times_us=[1]), scenario="b") for number in range(10, 15)),
        *(interval(number, series(times_us=[1]), scenario="c") for number in range(20, 25)),
    ]
    readings = [reading(at_s, x=at_s) for at_s in (-2, 1, 4, 7, 11)]
    found = resources_of(tmp_path, intervals, readings, a=[], b=[], c=[])
    assert found["a"]["process 7"]["x"] | {"mean": 0, "at_peak": 0} == {
        "first": 1, "last": 4, "min": 1, "max": 4, "mean": 0, "at_peak": 0, "after_load": 7, "slope_per_h": None,
    }  # fmt: skip
    assert found["b"]["process 7"]["x"]["first"] == 11
    assert found["b"]["process 7"]["x"]["after_load"] is None
    assert found["c"] is None


def test_what_was_read_after_the_load_only_is_no_metric(tmp_path: Path) -> None:
    """And a run without monitors says nothing of resources."""
    intervals = [interval(0, series(times_us=[1]))]
    assert resources_of(tmp_path / "a", intervals, [reading(9, x=1)]) == {"load": None}
    assert resources_of(tmp_path / "b", intervals, []) == {"load": None}


def test_a_line_that_is_no_reading_is_passed_over(tmp_path: Path) -> None:
    """A file of another make must not keep a run from being judged."""
    lines: list[Json] = [{"at_ms": START_MS, "values": {}}, {"at_ms": "x", "source": "y", "values": {}}]
    lines += [{"at_ms": START_MS, "source": "s", "values": {"a": None, "b": 2}}]
    found = resources_of(tmp_path, [interval(0, series(times_us=[1]))], lines)
    assert list(found["load"]["s"]) == ["b"]


@given(st.floats(-1e3, 1e3), st.floats(-1e6, 1e6), st.integers(61, 900))
def test_a_straight_line_has_its_slope(per_s: float, start: float, length: int) -> None:
    """Whatever its length, thinned or not."""
    points = [(float(at_s), start + per_s * at_s) for at_s in range(length)]
    assert slope_per_h(points) == pytest.approx(per_s * 3600, abs=1e-3)


def test_outliers_do_not_move_the_slope() -> None:
    """One reading in ten is wild, and the slope stays."""
    points = [(float(at_s), 1e9 if at_s % 10 == 5 else 2.0 * at_s) for at_s in range(100)]
    assert slope_per_h(points) == pytest.approx(7200, rel=0.01)
    assert len(points) < MAX_POINTS


@pytest.mark.parametrize("points", [[(float(s), 1.0) for s in range(60)], [(10.0 * s, 1.0) for s in range(9)], []])
def test_too_few_or_too_short_for_a_slope(points: list[tuple[float, float]]) -> None:
    """Less than a minute, or fewer than ten readings, tell nothing of an hour."""
    assert slope_per_h(points) is None
