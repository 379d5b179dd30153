"""What monitors read of the target: few figures, with units, and no gap hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.report.figures.courses import drawn, filed, paths, texts
from tests.report.searches import drift

from loadworthy.analysis.endurance import DriftReport
from loadworthy.analysis.resources import ResourceSeries
from loadworthy.report.figures.figure import Figure
from loadworthy.report.figures.readings import MOST_FIGURES, reading_figures

Points = Sequence[tuple[float, float]]


def read_of(metrics: Mapping[str, Points], source: str = "process", duration_s: float = 10.0) -> list[Figure]:
    points = {source: {metric: list(given) for metric, given in metrics.items()}}
    return reading_figures(ResourceSeries(duration_s, points))


def one_of(metric: str, given: Points, duration_s: float = 10.0) -> Figure:
    (figure,) = read_of({metric: given}, duration_s=duration_s)
    return figure


def test_figures_are_few() -> None:
    """What never changed, or is below 0, is in the table only."""
    moving = [(0.5, 1.0), (1.5, 2.0)]
    assert len(read_of({f"m{number}": moving for number in range(MOST_FIGURES + 3)})) == MOST_FIGURES
    assert read_of({"still": [(0.5, 1.0), (1.5, 1.0)], "below": [(0.5, -1.0), (1.5, 1.0)], "once": [(0.5, 1.0)]}) == []


def test_what_was_read_after_the_load_is_not_on_its_axis() -> None:
    """Nor is it told of; the words are those of the load."""
    figure = one_of("threads", [(0.5, 4.0), (1.5, 9.0), (9.5, 6.0), (11.0, 99.0)])
    assert figure.words == "4 at first, 6 at the end; between 4 and 9."
    assert max(figure.data["readings"]["at_ms"]) <= 10_000
    assert read_of({"threads": [(0.5, 4.0), (11.0, 99.0)]}) == []


def test_a_gap_is_a_gap() -> None:
    """Where nothing was read for longer than usual, the line is broken; a reading that is a little late is none."""
    gap = [(float(at_s), float(at_s)) for at_s in (0, 1, 2, 3, 8, 9, 12)]
    figure = one_of("size", gap)
    columns = figure.data["readings"]
    assert columns["at_ms"] == [500, 1500, 2500, 3500, 4500, 8500, 9500]
    assert columns["value"] == [0, 1, 2, 3, None, 8, 9]
    (line,) = paths(drawn(figure), "line")
    assert (line.get("d") or "").count("M") == 2


def test_many_readings_are_averaged() -> None:
    """An hour of readings each second has no more points than an hour of anything else."""
    figure = one_of("threads", [(float(at_s), float(at_s % 2)) for at_s in range(3600)], 3600.0)
    columns = figure.data["readings"]
    assert len(columns["at_ms"]) == 240
    assert columns["value"][1:3] == pytest.approx([0.5, 0.5], abs=0.1)


@pytest.mark.parametrize(
    ("metric", "unit", "first"),
    [
        ("memory_bytes", "MB", 100),
        ('process_resident_memory_bytes{a="b_c"}', "MB", 100),
        ("rate(sent_bytes_total)", "MB per second", 100),
        ("rate(http_requests_total)", "per second", 1e8),
        ("cpu", "cores", 1e8),
        ("db_pool_size", "", 1e8),
    ],
)
def test_units_come_from_names(metric: str, unit: str, first: float) -> None:
    """Bytes are drawn as megabytes."""
    figure = one_of(metric, [(0.5, 1e8), (1.5, 2e8)])
    assert figure.unit == unit
    assert figure.data["readings"]["value"][0] == first
    assert figure.title == f"process: {metric}"


def test_every_figure_has_its_own_key_and_its_tip() -> None:
    """Over all sources."""
    points = {source: {"threads": [(0.5, 1.0), (1.5, 2.0)], "cpu": [(0.5, 1.0), (1.5, 2.0)]} for source in ("a", "b")}
    figures = reading_figures(ResourceSeries(10.0, points))
    assert [one.key for one in figures] == ["reading-1", "reading-2", "reading-3", "reading-4"]
    assert [one.title for one in figures] == ["a: threads", "a: cpu", "b: threads", "b: cpu"]
    assert figures[1].tip == ("readings", [("value", "cpu")])
    assert all(one.is_over_time for one in figures)


def test_the_trend_of_a_metric_is_drawn_over_its_figure() -> None:
    """In the figure's unit; none where it cannot be known, or was of another source."""
    memory = [(0.0, 1e8), (10.0, 1.2e8)]
    points = {"p": {"memory_bytes": memory, "threads": [(0.0, 3.0), (10.0, 5.0)]}, "q": {"memory_bytes": memory}}
    slopes = {"slope_per_h": 9e9, "low": 4.5e9, "high": 13.5e9}
    grown = drift("memory_bytes", source="p", change=20e6, change_share=0.2, **slopes)
    unknown = drift("threads", source="p", change=2.0, change_share=None)
    found = reading_figures(ResourceSeries(10.0, points), DriftReport((grown, unknown), warm_up_s=2.0))
    with_trend, threads, other = found
    assert with_trend.legend[-1].label == "trend, +9.0 GB per hour"
    assert with_trend.data["trend"]["value"] == pytest.approx([100.0, 120.0])
    assert not threads.legend
    assert not other.legend
    root = drawn(with_trend)
    assert len(paths(root, "line")) == 2
    assert [one.get("fill") for one in paths(root, "area")] == ["var(--teal)", "var(--ink)"]


@pytest.mark.parametrize(
    "given",
    [
        [(0.5, 1.0), (1.5, 1.8446744073709552e19)],
        [(0.5, 1.0), (1.5, 1e300)],
        [(0.5, 0.0), (1.5, 1e-300)],
        [(0.5, 1.0), (1.5, 2.0), (2.5, float("nan")), (3.5, 1.0)],
        [(0.5, 1.0), (1.5, 2.0), (2.5, float("inf")), (3.5, 1.0)],
        [(0.0, 1), (0.0, True)],
        [(0.0, 1.0), (0.0, 2.0)],
    ],
    ids=["2**64", "huge", "tiny", "not a number", "infinite", "a truth", "all at once"],
)
def test_whatever_was_read_can_be_drawn(given: Any) -> None:
    """A target says of itself what it likes."""
    for figure in read_of({"m": given}):
        drawn(figure)
        filed(figure)


def test_a_run_without_length_has_an_axis() -> None:
    """It was over before its second reading."""
    figure = one_of("m", [(0.0, 1.0), (0.0, 3.0)], 0.0)
    assert "2" in texts(drawn(figure)) or "2.0" in texts(drawn(figure))
