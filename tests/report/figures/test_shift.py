"""Two sides of runs: how far each percentile moved, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.report.figures.courses import drawn, filed, paths, texts

from loadworthy.analysis.quantile_shift import QuantileShift, ShiftPoint
from loadworthy.report.figures.shift import shift_figure

FRACTIONS = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
Point = tuple[float, float | None]


def shift(*changes: Point) -> QuantileShift:
    """Each percentile of 100 ms changed so much, give or take so much."""
    points = [
        ShiftPoint(
            fraction, 100.0, 100.0 * (1 + change), change,
            None if sure is None else change - sure, None if sure is None else change + sure,
        )
        for fraction, (change, sure) in zip(FRACTIONS, changes, strict=False)
    ]  # fmt: skip
    return QuantileShift("load", tuple(points))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(0.1, 0.02)] * 7, "The whole distribution moved, by +10.0 %."),
        ([(0.1, 0.02), (0.3, 0.02)], "The whole distribution moved, by +10.0 to +30.0 %."),
        ([(-0.2, 0.02)] * 7, "The whole distribution moved, by -20.0 %."),
        ([(0.0, 0.02)] * 5 + [(0.4, 0.1), (0.5, 0.1)], "The tail alone moved, from p95 on, by +40.0 to +50.0 %."),
        ([(0.01, 0.02)] * 7, "No percentile, looked at by itself, moved by more than the spread from run to run."),
        (
            [(0.2, 0.1), (0.0, 0.1), (0.1, 0.0)],
            "What moved, each looked at by itself: p5, p50, by +10.0 to +20.0 %.",
        ),
        (
            [(0.2, 0.02)] * 6 + [(0.0, 0.02)],
            "What moved, each looked at by itself: p5, p25, p50, p75 and 2 more, by +20.0 %.",
        ),
        ([(0.3, None)] * 7, "Nothing is known of the spread from run to run, so there is no interval."),
    ],
)
def test_words(changes: Sequence[Point], words: str) -> None:
    """Everywhere, in the tail alone, here and there, or nowhere that can be told from chance."""
    text = shift_figure(shift(*changes), 0.05, "shift-1").words
    assert text == f"Above 0 the new side is slower. {words}"


def test_what_is_drawn() -> None:
    """A line with its band, a spot for each percentile, nought, and what is tolerated."""
    figure = shift_figure(shift(*[(0.1, 0.02)] * 7), 0.025, "shift-1")
    root = drawn(figure)
    assert len(paths(root, "line")) == 1
    assert len(paths(root, "symbol")) == 7
    assert [bool(one.get("stroke-dasharray")) for one in paths(root, "rule")] == [False, True]
    written = texts(root)
    assert {"tolerated: 2.5 %", "p50", "p90", "p99"} <= set(written)
    assert not {"value", "change", "low"} & set(written), "no names of columns"
    assert (figure.key, figure.title) == ("shift-1", "load: what moved")
    columns = figure.data["shift"]
    assert (columns["change"][0], columns["low"][0], columns["high"][0]) == (10, 8, 12)
    assert columns["words"][2] == "p50: 100 ms to 110 ms, +10.0 % (+8.0 to +12.0 %)"
    assert not figure.is_over_time


def test_without_an_interval_there_is_no_band() -> None:
    """And no word of it at the spots."""
    figure = shift_figure(shift(*[(0.1, None)] * 7), 0.05, "shift-1")
    assert not any(one.get("d") for one in paths(drawn(figure), "area"))
    assert figure.data["shift"]["words"][2] == "p50: 100 ms to 110 ms, +10.0 %"


def test_one_percentile_can_be_drawn() -> None:
    """In a page and in a file."""
    figure = shift_figure(shift((0.0, 0.0)), 0.0, "shift-1")
    assert len(paths(drawn(figure), "symbol")) == 1
    filed(figure)
