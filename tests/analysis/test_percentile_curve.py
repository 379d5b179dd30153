"""The percentile curve: the percentiles themselves, how far it goes, and intervals that are those of thresholds."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.runs import interval, make_run, manifest, series

from loadworthy.analysis.bootstrap import percentile_interval
from loadworthy.analysis.figures import to_ms
from loadworthy.analysis.order_statistics import interval_ranks, min_samples
from loadworthy.analysis.percentile_curve import NAMED, CurvePoint, percentile_curve, percentile_curves
from loadworthy.analysis.reading import read
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.windows import Window
from loadworthy.record.histogram import Histogram


def spread(count: int, seed: int = 3) -> Histogram:
    return Histogram.of(np.random.default_rng(seed).lognormal(10, 0.5, count).astype(np.int64).tolist())


@given(count=st.integers(0, 5000))
@settings(max_examples=50, deadline=None)
def test_points_go_as_far_as_there_are_samples(count: int) -> None:
    """Those that can be named and no others, ascending, with the values of the histogram."""
    times = spread(count)
    curve = percentile_curve(times)
    fractions = [one.fraction for one in curve.points]
    assert fractions == sorted(set(fractions))
    assert {one for one in NAMED if count >= min_samples(one)} == set(fractions) & set(NAMED)
    assert all(count >= min_samples(one) for one in fractions)
    assert [one.ms for one in curve.points] == [to_ms(value) for value in times.percentiles_us(fractions)]


def test_points_are_even_on_the_scale_of_nines() -> None:
    """From the fastest request to 99.99 %, at least ten for each nine."""
    points = percentile_curve(spread(60_000)).points
    places = [-math.log10(1 - one.fraction) for one in points]
    assert (points[0].fraction, points[-1].fraction) == (0.0, 0.9999)
    assert set(NAMED) <= {one.fraction for one in points}
    assert max(after - before for before, after in pairwise(places)) <= 0.1 + 1e-4


def test_without_windows_intervals_are_those_of_order_statistics() -> None:
    """The fastest request has none."""
    times = spread(900)
    curve = percentile_curve(times)
    assert curve.method == "order statistics"
    assert (curve.points[0].low_ms, curve.points[0].high_ms) == (None, None)
    for one in curve.points[1:]:
        low, high = interval_ranks(one.fraction, 900)
        assert low is not None
        assert high is not None
        assert (one.low_ms, one.high_ms) == (to_ms(times.value_at_rank_us(low)), to_ms(times.value_at_rank_us(high)))


@pytest.mark.parametrize("uneven", [False, True])
def test_with_windows_intervals_are_those_of_thresholds(uneven: bool) -> None:
    """To the last digit, though only a part of the bins is looked at; some windows may hold little or nothing."""
    chance = np.random.default_rng(8)
    sizes = [0, 1, 2000, *[700] * 18] if uneven else [800] * 21
    windows = [
        Histogram.of(chance.lognormal(9 + 0.1 * number, 0.3, size).astype(np.int64).tolist())
        for number, size in enumerate(sizes)
    ]
    curve = percentile_curve(Histogram.merged(windows), windows)
    assert curve.method == "windows"
    as_thresholds = [Window(one.count, 0, 0, 0, one) for one in windows]
    assert len(curve.points) > 20
    for one in curve.points[1:]:
        wanted = percentile_interval(as_thresholds, one.fraction, bad_is_slow=False)
        assert (one.low_ms, one.high_ms) == tuple(map(to_ms, wanted)), one.fraction


def test_of_no_samples_there_is_no_curve() -> None:
    """Neither with nor without windows."""
    assert percentile_curve(Histogram()).points == ()
    assert percentile_curve(Histogram(), [Histogram()] * 20).points == ()


def test_a_curve_as_json() -> None:
    """What could not be bounded is null."""
    curve = percentile_curve(Histogram.of([1000, 1000]))
    assert curve.points == (CurvePoint(0.0, 1.0, None, None),)
    assert curve.to_json() == {
        "method": "order statistics",
        "points": [{"fraction": 0.0, "ms": 1.0, "low_ms": None, "high_ms": None}],
    }


@pytest.mark.parametrize("same", [True, False])
def test_the_curves_of_a_scenario_agree_with_its_thresholds(tmp_path: Path, same: bool) -> None:
    """The p95 of the curve, and its interval, are what the threshold says; service times only where they differ."""
    chance = np.random.default_rng(4)
    intervals = []
    for second in range(60):
        times = chance.lognormal(9 + 0.02 * (second % 7), 0.4, 50).astype(np.int64).tolist()
        service = None if same else [time - time // 10 for time in times]
        intervals.append(interval(second, series("/a", times, service_us=service)))
    run = make_run(tmp_path / "run", intervals, run_json=manifest({"load": ("p95 < 60s", "service_time_p95 < 60s")}))
    reading = read(run)
    summary = summarize(run, reading)
    curves = percentile_curves(reading, "load")
    (response,) = [one for one in curves.response.points if one.fraction == 0.95]
    judged, judged_service = summary.scenarios["load"].thresholds
    assert (response.ms, response.low_ms, response.high_ms) == (judged.observed, judged.low, judged.high)
    if same:
        assert curves.service is None
        return
    assert curves.service is not None
    (service_point,) = [one for one in curves.service.points if one.fraction == 0.95]
    assert (service_point.low_ms, service_point.high_ms) == (judged_service.low, judged_service.high)
    assert service_point.ms == judged_service.observed
