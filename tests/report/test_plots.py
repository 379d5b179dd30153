"""Figures as files: documents that stand by themselves, under names that any file system takes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.report.figures.courses import SVG, course, texts
from tests.report.searches import searched
from tests.support.hostile import ATTACKS
from tests.support.shop import clean_run

from loadworthy.analysis.reading import read
from loadworthy.analysis.resources import ResourceSeries
from loadworthy.analysis.summarize import summarize
from loadworthy.report.figures.draw import png
from loadworthy.report.figures.over_time import response_time, users
from loadworthy.report.figures.readings import reading_figures
from loadworthy.report.figures.trials import trials_figure
from loadworthy.report.html_page import FigureGroup
from loadworthy.report.plots import plot_files, unique_names
from loadworthy.report.scenario_figures import scenario_group


def test_a_figure_is_a_document_of_its_own() -> None:
    """Well-formed XML with a title, a legend, and where it comes from."""
    of = course({}, {})
    files = plot_files([("load", "2026-run", FigureGroup("s1", [response_time(of), users(of)], of.data()))])
    assert list(files) == ["load-response-time", "load-users"]
    root = ET.fromstring(files["load-response-time"])
    assert root.tag == f"{SVG}svg"
    assert {"Response time (ms)", "load · 2026-run", "p50", "p95", "p99"} <= set(texts(root))


def test_hostile_names_stay_text() -> None:
    """Of the run, of scenarios, sources and metrics: the drawing is well-formed, and a picture can be made of it."""
    text = " ".join([*ATTACKS, "\x00\x1b[2J\ud800\ufffe"])
    figures = reading_figures(ResourceSeries(2.0, {text: {text: [(0.0, 1.0), (1.0, 2.0)]}}))
    ((name, drawing),) = plot_files([(text, text, FigureGroup("s1", figures, course().data()))]).items()
    assert len(name) < 100
    tags = {one.tag.rpartition("}")[2] for one in ET.fromstring(drawing).iter()}
    assert not {"script", "image", "foreignObject", "a"} & tags
    assert png(drawing).startswith(b"\x89PNG")


@given(st.lists(st.text(max_size=120), max_size=12))
def test_file_names_are_unique_and_plain(names: list[str]) -> None:
    """Small letters, digits and dashes, one name for each text."""
    found = unique_names(names)
    assert len(set(found)) == len(names)
    for name in found:
        assert name
        assert all(char in "abcdefghijklmnopqrstuvwxyz0123456789-" for char in name)
        assert len(name) < 100


def test_a_monitors_address_is_not_in_the_name() -> None:
    """What is left is the kind of source and the metric."""
    points = {"prometheus http://127.0.0.1:80/metrics": {"db_pool_size": [(0.0, 1.0), (1.0, 2.0)]}}
    group = FigureGroup("s1", reading_figures(ResourceSeries(2.0, points)), course().data())
    assert list(plot_files([("load", "run", group)])) == ["load-prometheus-db-pool-size"]


def test_the_trials_are_a_plot_too() -> None:
    """Named by what they show."""
    figure = trials_figure(searched())
    assert figure is not None
    ((name, drawing),) = plot_files([("find", "run", FigureGroup("s1", [figure]))]).items()
    assert name == "find-p95-of-each-trial"
    assert {"safe load 399.5/s", "held", "did not hold"} <= set(texts(ET.fromstring(drawing)))


def test_every_figure_of_a_scenario_has_its_files(tmp_path: Path) -> None:
    """Each once, as they stand in the page."""
    run = clean_run(tmp_path)
    reading = read(run)
    group, _ = scenario_group("s1", summarize(run, reading).scenarios["smoke"], reading, run.events, None)
    assert list(plot_files([("smoke", "run", group)])) == [
        "smoke-throughput", "smoke-response-time", "smoke-users", "smoke-generator", "smoke-distribution",
        "smoke-every-request",
    ]  # fmt: skip
