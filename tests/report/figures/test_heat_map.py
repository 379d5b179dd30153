"""Every request by when it was done and how long it took."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.report.figures.courses import drawn, filed, paths, texts

from loadworthy.analysis.latency_map import LatencyMap
from loadworthy.report.figures.figure import Figure
from loadworthy.report.figures.heat_map import heat_map
from loadworthy.report.figures.theme import HEAT

EDGES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)


def mapped(*cells: tuple[int, int, int], step_s: int = 1) -> LatencyMap:
    return LatencyMap(step_s, EDGES, cells)


def figure(found: LatencyMap, end_s: float = 10.0) -> Figure:
    made = heat_map(found, end_s)
    assert made is not None
    return made


def test_a_cell_is_a_rectangle_of_its_time_and_its_row() -> None:
    """In the colour of how many requests there were, darkest where there were most."""
    made = figure(mapped((0, 1, 1), (5, 3, 1000), step_s=5))
    columns = made.data["heat"]
    assert columns["at_ms"] == [0, 5000]
    assert columns["to_ms"] == [5000, 10_000]
    assert (columns["low"], columns["high"]) == ([2, 10], [5, 20])
    assert columns["requests"] == [1, 1000]
    assert columns["level"] == [1, len(HEAT)]
    cells = paths(drawn(made), "rect")
    assert [one.get("fill") for one in cells] == ["var(--heat-1)", "var(--heat-7)"]
    assert made.is_over_time


def test_only_rows_with_requests_take_room() -> None:
    """The axis begins with the fastest and ends with the slowest."""
    made = figure(mapped((0, 2, 5), (1, 4, 5)))
    (scale,) = {str(layer["encoding"]["y"]["scale"]["domain"]) for layer in made.chart["layer"]}
    assert scale == "[5.0, 50.0]"
    assert [text for text in texts(drawn(made)) if ":" not in text] == ["5", "10", "20", "50"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30))
def test_more_requests_are_never_paler(counts: list[int]) -> None:
    """And each cell has one of the colours."""
    columns = figure(mapped(*((at_s, 0, count) for at_s, count in enumerate(counts)))).data["heat"]
    levels = [level for _, level in sorted(zip(counts, columns["level"], strict=True))]
    assert levels == sorted(levels)
    assert set(levels) <= set(range(1, len(HEAT) + 1))
    assert max(levels) == len(HEAT) or max(counts) == 1


@pytest.mark.parametrize(
    ("most", "labels"),
    [
        (1, ["1 or more"]),
        (1000, ["1 or more", "20 or more", "373 or more"]),
    ],
)
def test_the_legend_says_how_many(most: int, labels: Sequence[str]) -> None:
    """From the palest to the darkest; no two of its entries say the same."""
    assert [key.label for key in figure(mapped((0, 0, 1), (1, 0, most))).legend] == labels


def test_a_file_says_how_many_too() -> None:
    """By itself it has no page beside it; the numbers of the colours would tell nobody anything."""
    made = figure(mapped((0, 0, 1), (1, 0, 1000)))
    written = texts(filed(made))
    assert {"requests", "1 or more", "20 or more", "373 or more"} <= set(written)
    assert "7" not in written
    assert "1 or more" not in texts(drawn(made)), "there the page does"


def test_nothing_has_no_map() -> None:
    """Rather than an empty one."""
    assert heat_map(mapped(), 10.0) is None


def test_eight_of_ten_are_told_of() -> None:
    """Whatever the outliers are."""
    cells = [(0, 0, 5), (0, 3, 40), (1, 4, 50), (2, 9 - 1, 5)]
    assert "Eight of ten took 10.0 ms to 50.0 ms." in figure(mapped(*cells)).words


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([(0, 3, 1)], "The one request took 10.0 ms to 20.0 ms."),
        ([(0, 0, 2), (1, 3, 2)], "All took 1.00 ms to 20.0 ms."),
    ],
)
def test_of_few_requests_no_share_is_told(cells: list[tuple[int, int, int]], words: str) -> None:
    """Eight of ten of one request are none."""
    assert figure(mapped(*cells)).words.endswith(words)


def test_its_words_hold_in_the_dark_as_well() -> None:
    """There a cell with many requests is light."""
    text = figure(mapped((0, 0, 20))).words
    assert text.startswith("The more a cell stands out, the more requests it holds.")


def test_it_has_the_time_axis_of_the_other_charts() -> None:
    """Of a run shorter than a step, too: that has room for the step."""
    (span,) = (one for one in figure(mapped((0, 3, 1)), 0.3).chart["params"] if one["name"] == "span")
    assert span["value"] == [0, 1000]


@pytest.mark.parametrize(
    ("counts", "bands"),
    [
        ([0, 10, 50, 10, 0, 0, 0], None),
        ([30, 0, 0, 0, 0, 30], "2 bands, about 1.41 ms and 70.7 ms"),
        ([30, 20, 25, 20, 30], None),
        ([100, 0, 0, 0, 0, 0, 3], None),
        ([30, 2, 0, 2, 30, 2, 0, 2, 30], "3 bands, about 1.41 ms and 31.6 ms and 707 ms"),
    ],
    ids=["one hump", "two apart", "no valley between them", "a few outliers", "three"],
)
def test_two_bands_are_two_kinds_of_answers(counts: Sequence[int], bands: str | None) -> None:
    """They are told of where they are apart, and both hold enough to be no accident."""
    made = figure(mapped(*((0, row, count) for row, count in enumerate(counts) if count)))
    assert ("bands" in made.words) is (bands is not None)
    assert bands is None or bands in made.words


@pytest.mark.parametrize("end_s", [0.0, 1.0, 3600.0])
def test_a_single_cell_is_a_map(end_s: float) -> None:
    """However short the run was."""
    made = figure(mapped((0, 3, 1)), end_s)
    assert len(paths(drawn(made), "rect")) == 1
    filed(made)


def test_a_map_of_few_requests_is_as_dark_as_it_says() -> None:
    """Where no cell has more than one, the only colour is that of one or more."""
    made = figure(mapped((0, 0, 1), (1, 2, 1)))
    fills = {one.get("fill") for one in paths(drawn(made), "rect")}
    (key,) = made.legend
    assert fills == {f"var(--heat-{HEAT.index(key.colour) + 1})"}
