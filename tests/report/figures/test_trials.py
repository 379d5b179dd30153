"""The trials of a search: a mark for each that can be drawn, the safe load, and where the limit lies."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from tests.report.figures.courses import colours, drawn, filed, paths, texts
from tests.report.searches import CPU, ERRORS, TRIALS, capacity, scenario, searched, stressed, threshold

from loadworthy.analysis.search_report import SearchReport
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.report.figures.figure import Figure
from loadworthy.report.figures.trials import trials_figure
from loadworthy.workload.search import SearchResult


def figure_of(one: ScenarioSummary) -> Figure:
    figure = trials_figure(one)
    assert figure is not None
    return figure


def of_trials(*rows: Any, **changes: Any) -> Figure:
    return figure_of(searched(SearchReport(capacity(trials=rows, **changes))))


def test_a_mark_for_each_trial_that_can_be_drawn() -> None:
    """Held as circles, those that did not as diamonds; what is left out is named, and so is what there is to see."""
    figure = figure_of(searched())
    columns = figure.data["trials"]
    assert columns["said"].count("held") == 5
    assert columns["said"].count("did not hold") == 4
    assert "Trial 9 (bisect): 415.0/s for 20 s, did not hold; p95 530 ms; 9.09 % bad by p95 < 500ms" in columns["words"]
    assert columns["rate"][0] == 20, "the first had too few requests for a p95"
    assert figure.title == "p95 of each trial"
    assert figure.unit == "ms, by the iterations begun per second"
    assert [key.label for key in figure.legend] == ["held", "did not hold", "the limit lies in here"]
    assert "the highest rate that was confirmed, in a trial of 60 s" in figure.words
    assert "the band, 391.4/s to 442.0/s" in figure.words
    assert figure.words.endswith("Not drawn, for want of requests: trial 1.")
    assert not figure.is_over_time


def test_what_is_drawn() -> None:
    """Marks that differ in shape and colour, the band, the line with its words, and the limit."""
    root = drawn(figure_of(stressed()))
    spots = paths(root, "symbol")
    assert [one.get("fill") for one in spots].count("var(--teal)") == 5
    assert [one.get("fill") for one in spots].count("var(--red)") == 4
    shapes = {one.get("fill"): "A" in (one.get("d") or "") for one in spots}
    assert shapes == {"var(--teal)": True, "var(--red)": False}, "circles are drawn with arcs, diamonds without"
    (band,) = paths(root, "rect")
    assert colours([band]) == ["var(--amber)"]
    safe = [one for one in paths(root, "rule") if not one.get("stroke-dasharray")]
    assert len(safe) == 1
    assert {"safe load 399.5/s", "p95 < 500ms"} <= set(texts(root))


def test_the_axis_is_logarithmic_over_more_than_a_decade() -> None:
    """There twice the rate is the same distance anywhere; within a decade it is linear."""
    wide = figure_of(searched())
    assert scale_of(wide)["type"] == "log"
    near = of_trials(*(one for one in TRIALS if 300 < one.rate < 700))
    assert scale_of(near)["type"] == "linear"
    for figure in (wide, near):
        low, high = scale_of(figure)["domain"]
        rates = [*figure.data["trials"]["rate"], *figure.data["safe"]["rate"], *figure.data["band"]["high"]]
        assert low < min(rates)
        assert max(rates) < high


def scale_of(figure: Figure) -> dict[str, Any]:
    scales = [
        layer["encoding"]["x"]["scale"] for layer in figure.chart["layer"] if "field" in layer["encoding"].get("x", {})
    ]
    assert all(one == other for one, other in pairwise(scales))
    found: dict[str, Any] = scales[0]
    return found


def test_the_percentile_is_that_of_the_objective() -> None:
    """A limit on the p99 is compared with p99s."""
    figure = figure_of(searched(thresholds=(threshold("p99 < 900ms", limit=900.0),)))
    assert figure.title == "p99 of each trial"
    assert figure.data["limits"]["label"] == ["p99 < 900ms"]
    assert figure.data["trials"]["value"][0] == pytest.approx(2.8 * 1.1)


@pytest.mark.parametrize("cause", ["no limit on times", "too few requests"])
def test_without_times_the_share_of_bad_requests_is_drawn(cause: str) -> None:
    """Against what is allowed; every trial has one."""
    few = tuple(replace(one, figures=TRIALS[0].figures) for one in TRIALS)
    limits = (threshold(ERRORS, 0.0, metric="error_rate", is_percentile=False),)
    one = searched(thresholds=limits) if cause == "no limit on times" else searched(SearchReport(capacity(trials=few)))
    figure = figure_of(one)
    assert figure.title == "Bad requests in each trial"
    assert figure.unit.startswith("%")
    assert len(paths(drawn(figure), "symbol")) == len(TRIALS)
    assert figure.data["limits"] == {"label": ["allowed by p95 < 500ms"], "value": [5]}
    assert "Not drawn" not in figure.words


def test_a_search_without_an_upper_end() -> None:
    """Blamed on the generator: the band is open, and the trial that says nothing is marked."""
    rows = (*TRIALS[:4], replace(TRIALS[4], by_generator=CPU))
    figure = of_trials(*rows, result=SearchResult(320, 320, None, "generator"))
    assert "the generator was the limit" in [key.label for key in figure.legend]
    assert "A triangle says nothing of the target" in figure.words
    assert "the highest rate that held, in a trial of 3 s. The limit lies in the band, at least 320.0/s" in figure.words
    assert figure.data["band"]["high"] == pytest.approx([scale_of(figure)["domain"][1]], rel=1e-4)
    assert "var(--purple)" in [one.get("fill") for one in paths(drawn(figure), "symbol")]


def test_a_search_in_which_nothing_held() -> None:
    """There is neither a safe load nor a band, and no word of them."""
    figure = figure_of(searched(SearchReport(capacity(result=SearchResult(None, None, 10.0, "nothing_held")))))
    assert not figure.data["band"]["low"]
    assert not figure.data["safe"]["rate"]
    assert "safe load" not in figure.words
    assert "the limit lies in here" not in [key.label for key in figure.legend]
    root = drawn(figure)
    assert paths(root, "rect") == []
    assert len(paths(root, "symbol")) == 9


def test_the_words_of_the_safe_load_do_not_leave_the_drawing() -> None:
    """They stand on the side of its line that has more room."""
    far = figure_of(searched(SearchReport(capacity(result=SearchResult(640.0, 640.0, None, "max_rate")))))
    near = figure_of(searched(SearchReport(capacity(result=SearchResult(20.0, 20.0, 640.0, "found")))))
    assert (near.data["safe"]["align"], far.data["safe"]["align"]) == (["left"], ["right"])


@pytest.mark.parametrize(
    "rows",
    [
        TRIALS[1:2],
        tuple(replace(one, results=(), figures=TRIALS[0].figures) for one in TRIALS),
        tuple(replace(one, rate=100.0) for one in TRIALS),
    ],
    ids=["one trial", "none that can be drawn", "all at one rate"],
)
def test_any_trials_can_be_drawn(rows: tuple[Any, ...]) -> None:
    """However few they are."""
    figure = of_trials(*rows)
    drawn(figure)
    filed(figure)


def test_no_search_no_figure() -> None:
    """Nor where nothing was tried."""
    assert trials_figure(scenario()) is None
    assert trials_figure(searched(SearchReport(capacity(trials=())))) is None
