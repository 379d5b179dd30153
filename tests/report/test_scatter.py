"""Marks over a quantity: axes, shapes, and that what goes in is escaped."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.report.charts import Limit
from loadworthy.report.scatter import Mark, Scale, Scatter, svg

EVIL = "<script>\"&'</title>"
MARKS = (
    Mark(10.0, 5.0, "held", "circle", "one"),
    Mark(100.0, 50.0, "broke", "diamond", "two"),
    Mark(1000.0, 100.0, "unfit", "triangle", "three", is_chosen=True),
)
CHART = Scatter("p95", "ms", MARKS, [Limit("p95 < 80ms", 80.0)], (90.0, 120.0), (95.0, "safe load"))


def drawn(chart: Scatter) -> ET.Element:
    return ET.fromstring(svg(chart))


def of_class(root: ET.Element, style: str) -> list[ET.Element]:
    return [one for one in root.iter() if style in (one.get("class") or "").split()]


@pytest.mark.parametrize(
    ("values", "is_log", "ticks"),
    [
        ([10.0, 1000.0], True, [10, 20, 50, 100, 200, 500, 1000]),
        ([1.0, 1e6], True, [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]),
        ([100.0, 200.0], False, [100, 125, 150, 175, 200]),
        ([5.0], False, [4.8, 4.9, 5.0, 5.1, 5.2]),
    ],
)
def test_the_axis_is_logarithmic_over_more_than_a_decade(values: list[float], is_log: bool, ticks: list[float]) -> None:
    """With round values on it, few enough to be read."""
    scale = Scale.of(values)
    assert scale.is_log is is_log
    assert [tick for tick in scale.ticks() if min(ticks) <= tick <= max(ticks)] == pytest.approx(ticks)


@given(st.lists(st.floats(1e-3, 1e7), min_size=1, max_size=20))
def test_every_value_is_on_the_axis_in_its_order(values: list[float]) -> None:
    """Between the two ends, the greater the further right; there is something to read it by."""
    scale = Scale.of(values)
    shares = [scale.share(value) for value in sorted(values)]
    assert all(0 <= share <= 1 for share in shares)
    assert shares == sorted(shares)
    assert all(0 <= scale.share(tick) <= 1 + 1e-9 for tick in scale.ticks())
    assert 1 <= len(scale.ticks()) <= 14


def test_what_is_drawn() -> None:
    """A shape for each mark with words of its own, the band, the line, the limit; a decade is a decade."""
    root = drawn(CHART)
    marks = of_class(root, "spot")
    assert [one.tag.rpartition("}")[2] for one in marks] == ["circle", "polygon", "polygon"]
    assert [one[0].text for one in marks] == ["one", "two", "three"]
    assert [one[0].text for one in of_class(root, "chosen")] == ["three"]
    (circle, diamond, triangle) = (float(marks[0].get("cx") or 0), _middle(marks[1]), _middle(marks[2]))
    assert diamond - circle == pytest.approx(triangle - diamond, abs=0.2)
    (band,), (line,) = of_class(root, "band"), of_class(root, "safe")
    left, width = float(band.get("x") or 0), float(band.get("width") or 0)
    assert left < float(line.get("x1") or 0) < left + width
    assert left < diamond < left + width
    assert [one.text for one in of_class(root, "safe-label")] == ["safe load"]
    assert [one.text for one in of_class(root, "limit-label")] == ["p95 < 80ms"]


def _middle(polygon: ET.Element) -> float:
    xs = [float(point.split(",")[0]) for point in (polygon.get("points") or "").split()]
    return (min(xs) + max(xs)) / 2


def test_a_band_without_an_end_goes_to_the_edge() -> None:
    """Nothing was too much."""
    (band,) = of_class(drawn(replace(CHART, band=(90.0, None))), "band")
    assert float(band.get("x") or 0) + float(band.get("width") or 0) == pytest.approx(944, abs=0.1)
    assert of_class(drawn(replace(CHART, band=None, line=None)), "band") == []


def test_a_label_does_not_leave_the_drawing() -> None:
    """It stands on the side of its line that has more room."""
    anchors = [
        of_class(drawn(replace(CHART, line=(at, "safe load"))), "safe-label")[0].get("text-anchor") for at in (10, 1000)
    ]
    assert anchors == ["start", "end"]


def test_texts_are_escaped() -> None:
    """Whatever a threshold or a series is called."""
    chart = Scatter(EVIL, EVIL, [Mark(1.0, 1.0, EVIL, "circle", EVIL)], [Limit(EVIL, 1.0)], None, (1.0, EVIL))
    text = svg(chart)
    assert "<script" not in text
    assert EVIL in (drawn(chart).get("aria-label") or "")


def test_nothing_at_all_is_an_empty_drawing() -> None:
    """No mark, no line, no error."""
    root = drawn(Scatter("p95", "ms", []))
    assert of_class(root, "spot") == []
    assert all(math.isfinite(float(one.get("x1") or 0)) for one in root.iter())
