"""Drawing: SVG and PNG that stand by themselves, in pages the theme's colours, and nothing that a text could do."""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.report.figures.courses import NO_MARKS, SVG, course, drawn, filed, paths, texts
from tests.report.searches import searched
from tests.support.hostile import ATTACKS

from loadworthy.analysis.latency_map import LatencyMap
from loadworthy.analysis.percentile_curve import CurvePoint, PercentileCurve
from loadworthy.analysis.quantile_shift import QuantileShift, ShiftPoint
from loadworthy.analysis.resources import ResourceSeries
from loadworthy.report.figures.course import Limit
from loadworthy.report.figures.distribution import distribution
from loadworthy.report.figures.draw import complete, file_svg, inline_svg, png
from loadworthy.report.figures.figure import Columns, Figure
from loadworthy.report.figures.heat_map import heat_map
from loadworthy.report.figures.over_time import failures, response_time, throughput, users
from loadworthy.report.figures.readings import reading_figures
from loadworthy.report.figures.shift import shift_figure
from loadworthy.report.figures.theme import PALETTE
from loadworthy.report.figures.trend import trend_figures
from loadworthy.report.figures.trials import trials_figure
from loadworthy.report.several_trend import TrendRow

OF = course(
    {}, {"failure_rate": 1.0, "failure_kinds": {"status": 1.0}}, {"dropped": 1.0},
    is_open=True, limits=[Limit("p95 < 25ms", 25.0)], kinds=["status"],
)  # fmt: skip
DATA = OF.data()
ODD = ("a\x00b", "a\x01b\x1b[2J", "\ud800", "\ufffe\uffff", "a\nb\tc", "\x7f\x85", "", " ", "%s %d", "\\", "0.12345")
"""Texts that XML, JSON or an expression might stumble over."""


def every_figure() -> Mapping[str, tuple[Figure, Mapping[str, Columns]]]:
    """One of each kind, with the data that it shares with others."""
    curve = PercentileCurve(tuple(CurvePoint(one, 1 + 9 * one, 1.0, 12.0) for one in (0.0, 0.5, 0.9)), "windows")
    shift = QuantileShift("load", tuple(ShiftPoint(one, 1.0, 1.1, 0.1, 0.05, 0.2) for one in (0.5, 0.9)))
    rows = [TrendRow(one, False, None, "load", "load", "pass", 1, 0.0, 1.0, 1.0, 2.0, 3.0, 1) for one in ("b", "a")]
    (reading,) = reading_figures(ResourceSeries(10.0, {"p": {"size_bytes": [(0.5, 1e6), (1.5, 2e6)]}}))
    found = {
        "throughput": throughput(OF), "response time": response_time(OF), "failures": failures(OF),
        "trials": trials_figure(searched()), "reading": reading, "distribution": distribution(curve, curve),
        "heat map": heat_map(LatencyMap(1, (1.0, 2.0, 5.0), ((0, 0, 1), (1, 1, 9))), 2.0),
        "shift": shift_figure(shift, 0.05, "shift-1"), "trend": trend_figures(rows)[0],
    }  # fmt: skip
    return {name: (figure, DATA) for name, figure in found.items() if figure is not None}


def test_a_chart_of_each_kind_can_be_drawn_without_data() -> None:
    """It has its axes, and waits."""
    for name, (figure, data) in every_figure().items():
        nothing = {key: dict.fromkeys(columns, ()) for key, columns in {**data, **figure.data}.items()}
        empty = replace(figure, data=nothing)
        assert ET.fromstring(file_svg(empty, nothing, "run")).tag == f"{SVG}svg", name
        assert not any(
            one.get("d") for kind in ("line", "symbol", "rect") for one in paths(drawn(empty, nothing), kind)
        )


@pytest.mark.parametrize("name", ["throughput", "trials", "distribution", "heat map", "shift", "trend"])
def test_a_page_has_no_colour_but_those_of_its_theme(name: str) -> None:
    """Each is a variable; nothing else is painted."""
    figure, data = every_figure()[name]
    text = inline_svg(figure, data, "place")
    painted = set(re.findall(r'(?:fill|stroke|color|stop-color)="([^"]*)"', text))
    allowed = {f"var(--{one})" for one in PALETTE} | {"none", "transparent"}
    assert painted <= allowed
    assert painted & {f"var(--{one})" for one in PALETTE}
    assert not set(PALETTE.values()) & set(re.findall("#[0-9a-f]{6}", text))


def test_ids_are_the_places_own() -> None:
    """Two charts of a page share none, and each refers to its own."""
    ids = []
    for place in ("s1-users", "s1-throughput"):
        root = drawn_at(place)
        mine = [one.get("id") or "" for one in root.iter() if one.get("id")]
        assert mine
        assert all(one.startswith(f"{place}-") for one in mine)
        referred = re.findall(r"url\(#([^)]*)\)", ET.tostring(root, encoding="unicode"))
        assert referred
        assert set(referred) <= set(mine)
        ids += mine
    assert len(ids) == len(set(ids))


def drawn_at(place: str) -> ET.Element:
    return ET.fromstring(inline_svg(users(OF), DATA, place))


def test_an_inline_drawing_says_what_it_is_and_scales() -> None:
    """For those who do not see it; its size is the page's."""
    text = inline_svg(replace(users(OF), title='<b>"&', unit="'per s"), DATA, "p")
    root = ET.fromstring(text)
    assert root.get("role") == "img"
    assert root.get("aria-label") == "<b>\"&, 'per s"
    assert root.get("viewBox")
    assert not {"width", "height", "xmlns"} & set(root.keys())
    assert "<style" not in text
    assert "http" not in text


def test_numbers_on_axes_are_whole_and_coordinates_short() -> None:
    """Digits that nobody sees are left out of the lines, and none of the words."""
    of = course(*[{"throughput": value / 1000} for value in range(1, 21)], limits=[Limit("p95 < 1.2345s", 25.0)])
    written = texts(drawn(throughput(of), of.data()))
    assert {"0.005", "0.010", "0.015", "0.020"} <= set(written)
    assert "p95 < 1.2345s" in texts(drawn(response_time(of), of.data()))
    (line, *_) = paths(drawn(throughput(of), of.data()), "line")
    assert re.search(r"\d\.\d", line.get("d") or "")
    assert not re.search(r"\d\.\d{3}", line.get("d") or "")


def test_a_file_is_a_document_of_its_own() -> None:
    """Well-formed XML with a size, a title, a subtitle and a legend; nothing refers to elsewhere."""
    text = file_svg(response_time(OF), DATA, "load · 2026-run")
    root = ET.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert float(root.get("width", "0")) >= 960
    assert float(root.get("height", "0")) > 240
    assert {"Response time (ms)", "load · 2026-run", "p50", "p95", "p99", "p95 < 25ms"} <= set(texts(root))
    assert set(re.findall(r"https?://[^\"']*", text)) == {
        "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink",
    }  # fmt: skip
    assert "var(--" not in text
    assert 'fill="white"' in text
    assert not re.search(r"<(script|image|foreignObject|style|a|use)\b", text)


def test_a_title_has_a_unit_only_where_there_is_one() -> None:
    """No empty brackets."""
    assert "Users" in texts(filed(users(OF), DATA))


def test_a_picture_has_two_pixels_for_each_of_the_drawings() -> None:
    """It is a PNG, whole, and not blank."""
    text = file_svg(users(OF), DATA, "load")
    picture = png(text)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    root = ET.fromstring(text)
    assert (width, height) == (2 * float(root.get("width", "0")), 2 * float(root.get("height", "0")))
    chunks = re.findall(rb"IDAT", picture)
    assert chunks
    assert picture[-8:-4] == b"IEND"
    assert zlib.crc32(picture[12:29]) == struct.unpack(">I", picture[29:33])[0]


def test_the_same_figure_gives_the_same_bytes() -> None:
    """However often it is drawn."""
    assert inline_svg(users(OF), DATA, "p") == inline_svg(users(OF), DATA, "p")
    first = file_svg(users(OF), DATA, "x")
    assert first == file_svg(users(OF), DATA, "x")
    assert png(first) == png(first)


@cache
def figure_with_limits() -> Figure:
    """A figure of which everything that somebody else may name is in its data, its title and its unit."""
    (reading,) = reading_figures(ResourceSeries(10.0, {"p": {"threads": [(0.5, 1.0), (1.5, 2.0)]}}))
    limits = response_time(course({}, {}, limits=[Limit("p95 < 25ms", 25.0)])).chart["layer"][-2:]
    return replace(reading, chart={**reading.chart, "layer": [*reading.chart["layer"], *limits]})


def named_everywhere(*names: str) -> Figure:
    """The same with these texts wherever they may stand."""
    figure, text = figure_with_limits(), " ".join(names)
    limits: Columns = {"label": names, "value": [25.0] * len(names)}
    return replace(figure, title=f"{text}: {text}", unit=text, data={**figure.data, "limits": limits})


def shapes_of(root: ET.Element) -> tuple[set[str], set[str]]:
    """The elements of a drawing, and their attributes."""
    return {one.tag for one in root.iter()}, {key for one in root.iter() for key in one.attrib}


@cache
def harmless(*, in_file: bool) -> tuple[set[str], set[str]]:
    """Those of a drawing in which nothing is hostile."""
    figure = named_everywhere("harmless")
    return shapes_of(filed(figure, subtitle="load · run") if in_file else drawn(figure))


def assert_filed_as_text(text: str) -> None:
    """No element and no attribute of the file comes from it."""
    tags, keys = shapes_of(filed(named_everywhere(text), subtitle=f"{text} · run"))
    assert tags <= harmless(in_file=True)[0]
    assert keys <= harmless(in_file=True)[1]


HOSTILE = (*ATTACKS, *ODD, "toString", "hasOwnProperty", "valueOf")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_drawn_as_text(text: str) -> None:
    """Whatever a metric, a series or a scenario is called."""
    assert_filed_as_text(text)


def test_hostile_texts_are_text_in_a_page_too() -> None:
    """All of them together, in the drawing and in what is said of it."""
    root = drawn(named_everywhere(*HOSTILE))
    tags, keys = shapes_of(root)
    assert tags <= harmless(in_file=False)[0]
    assert keys <= harmless(in_file=False)[1]
    assert ATTACKS[0] in (root.get("aria-label") or "")


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_drawn_as_text(text: str) -> None:
    """Also one that nobody thought of."""
    assert_filed_as_text(text)


@pytest.mark.parametrize("metric", ["constructor", "__proto__", "toString", "\u2028", "a'].b"])
def test_a_monitor_may_call_its_metrics_anything(metric: str) -> None:
    """What is a word of the drawing's own language is a name all the same."""
    (figure,) = reading_figures(ResourceSeries(10.0, {metric: {metric: [(0.5, 1.0), (1.5, 2.0)]}}))
    assert len(paths(drawn(figure), "line")) == 1


@pytest.mark.parametrize("text", ["#1f6fc4", 'id="x', "url(#x", "1.23456", "a < b & c > d"])
def test_no_word_is_changed(text: str) -> None:
    """What is done to the markup is not done to the text in it."""
    of = course({}, {}, limits=[Limit(text, 25.0)])
    assert text in texts(drawn(response_time(of), of.data()))
    assert text in texts(filed(response_time(of), of.data()))


def test_a_picture_can_be_made_of_hostile_texts() -> None:
    """The renderer would end the process over a character that XML has not."""
    text = "".join([*ATTACKS, *ODD])
    svg = file_svg(named_everywhere(text), NO_MARKS, text)
    assert png(svg).startswith(b"\x89PNG")


def test_only_the_data_that_a_chart_names_are_in_its_description() -> None:
    """Its own before those that it shares."""
    figure = replace(users(OF), data={"marks": NO_MARKS["marks"]})
    shared: dict[str, Columns] = {**DATA, "marks": {"at_ms": [1], "to_ms": [None], "words": ["x"], "bad": [True]}}
    described = complete(figure, shared, in_file=False)
    assert sorted(described["datasets"]) == ["marks", "timeline"]
    assert described["datasets"]["marks"] == []
    assert len(described["datasets"]["timeline"]) == 3


def test_a_data_set_that_is_missing_is_an_error() -> None:
    """A chart without its data would look like a run without requests."""
    with pytest.raises(KeyError, match="timeline"):
        complete(users(OF), NO_MARKS, in_file=False)
