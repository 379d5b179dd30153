"""Charts over time: which there are, and which lines are in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.report.figures.courses import colours, course, drawn, filed, paths, texts

from loadworthy.report.figures.course import Course, Limit, Whole
from loadworthy.report.figures.figure import Columns, Figure, Key
from loadworthy.report.figures.over_time import (
    error_rate,
    failures,
    generator,
    over_time_figures,
    response_time,
    throughput,
    users,
)

BUSY = {"cpu": 0.4}
FAILED = {"failures": 10, "failure_rate": 10.0, "failure_kinds": {"status": 8.0, "timeout_read": 2.0}}
KINDS = ["status", "timeout_read"]


def labels(figure: Figure | None) -> list[str]:
    assert figure is not None
    return [key.label for key in figure.legend]


@pytest.mark.parametrize(
    ("of", "keys"),
    [
        (course({}), ["throughput", "response-time", "users"]),
        (course(BUSY), ["throughput", "response-time", "users", "generator"]),
        (course(FAILED, kinds=KINDS), ["throughput", "response-time", "failures", "users"]),
        (course(), ["throughput", "users"]),
        (course({"users": 0}, whole=Whole(4.0, 0, 1)), ["throughput", "response-time"]),
        (course(is_live=True), ["throughput", "response-time", "failures", "users", "generator"]),
    ],
)
def test_figures_that_would_be_empty_are_left_out(of: Course, keys: Sequence[str]) -> None:
    """But while a run goes on, for nobody knows what is to come."""
    figures = over_time_figures(of)
    assert [one.key for one in figures] == keys
    assert all(one.is_over_time for one in figures)
    assert [one.key for one in figures if one.by_series] == keys[: 1 + ("response-time" in keys)]


def test_a_closed_workload_has_its_requests_alone() -> None:
    """Without a legend: the line is called as the chart is, or there is only one."""
    of = course({}, {})
    root = drawn(throughput(of), of.data())
    assert colours(paths(root, "line")) == ["var(--blue)"]
    assert colours(paths(root, "area")) == ["var(--blue)"]
    assert labels(throughput(of)) == ["requests"]


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, []),
        ({"dropped": 5.0}, ["dropped"]),
        ({"failure_rate": 1.0}, ["failed"]),
        ({"dropped": 5.0, "failure_rate": 1.0}, ["dropped", "failed"]),
    ],
)
def test_an_open_workload_shows_what_was_asked_for(changes: dict[str, Any], more: list[str]) -> None:
    """Dashed, beside what was begun; drops and failures where there were any."""
    of = course(changes, {}, is_open=True)
    figure = throughput(of)
    assert labels(figure) == ["requests", "iterations intended", "iterations begun", *more]
    lines = paths(drawn(figure, of.data()), "line")
    assert len(lines) == 3 + len(more)
    assert [key.label for key, line in zip(figure.legend, lines, strict=True) if line.get("stroke-dasharray")] == [
        "iterations intended"
    ]


@pytest.mark.parametrize(
    ("missing", "drawn_lines"),
    [([], ["p50", "p95", "p99"]), (["p99"], ["p50", "p95"]), (["p95", "p99"], ["p50"])],
)
def test_percentiles_that_are_known(missing: list[str], drawn_lines: list[str]) -> None:
    """What is not drawn is named in words."""
    of = course(*[{f"{name}_ms": None for name in missing}] * 3)
    figure = response_time(of)
    assert labels(figure) == drawn_lines
    lines = [one.get("d") for one in paths(drawn(figure, of.data()), "line") if one.get("d")]
    assert len(lines) == len(drawn_lines)
    assert all(name in figure.words for name in missing)


def test_without_any_percentile_there_is_no_chart_of_them() -> None:
    """Nothing would be in it; while a run goes on there may yet be something."""
    nothing = [{"p50_ms": None, "p95_ms": None, "p99_ms": None}] * 3
    keys = [[one.key for one in over_time_figures(course(*nothing, is_live=live))] for live in (False, True)]
    assert ["response-time" in one for one in keys] == [False, True]


def test_a_point_without_neighbours_is_a_spot() -> None:
    """No line goes through it, so without a spot a legend would name what cannot be seen."""
    values = [None, 30.0, None, 30.0, 30.0, None, 30.0]
    of = course(*[{"p99_ms": value} for value in values])
    figure = response_time(of)
    spots = paths(drawn(figure, of.data()), "symbol")
    assert colours(spots) == ["var(--red)"] * 2
    assert paths(drawn(throughput(of), of.data()), "symbol") == []
    alone = course({})
    assert colours(paths(drawn(throughput(alone), alone.data()), "symbol")) == ["var(--blue)"]


def test_axes_begin_at_nothing_and_know_no_half_users() -> None:
    """Also where there was never anything: the foot of the chart is 0, and not its middle."""
    of = course(*[{"users": 1, "throughput": 0.0, "requests": 0}] * 2)
    written = [text for text in texts(drawn(throughput(of), of.data())) if text and ":" not in text]
    assert written == ["0", "1", "2", "3", "4", "5"]
    assert [text for text in texts(drawn(users(of), of.data())) if text and ":" not in text] == ["0", "1"]


def test_limits_stand_in_the_chart_of_response_times_alone() -> None:
    """And the trend of the p95, where it was judged."""
    trend = {"at_ms": [0, 2000], "value": [20.0, 22.0], "low": [19.0, 21.0], "high": [21.0, 23.0]}
    of = course({}, {}, limits=[Limit("p95 < 25ms", 25.0)], trend=("trend, +1.0 per hour", trend))
    found = {figure.key: texts(drawn(figure, of.data())) for figure in over_time_figures(of)}
    assert [key for key, written in found.items() if "p95 < 25ms" in written] == ["response-time"]
    figure = response_time(of)
    assert labels(figure)[-1] == "trend, +1.0 per hour"
    root = drawn(figure, of.data())
    assert paths(root, "line")[-1].get("stroke-dasharray")
    assert colours(paths(root, "area")) == ["var(--ink)"]


def test_failures_are_stacked_by_kind() -> None:
    """The most frequent in the first colour; the upper edge is all of them."""
    of = course(FAILED, FAILED, kinds=KINDS)
    figure = failures(of)
    assert figure is not None
    assert labels(figure) == KINDS
    areas = paths(drawn(figure, of.data()), "area")
    assert set(colours(areas)) == {"var(--red)", "var(--amber)"}
    tops = [min(float(pair.split(",")[1]) for pair in (one.get("d") or "M0,0")[1:-1].split("L")) for one in areas]
    assert min(tops) == pytest.approx(0, abs=0.5), "ten failures a second, on an axis that ends at ten"


def test_no_failures_no_chart() -> None:
    """Not an empty one; while a run goes on it is ready for kinds that nobody knows yet."""
    assert failures(course({})) is None
    live = failures(course(is_live=True))
    assert live is not None
    assert not live.legend
    kinds: Columns = {"at_ms": [500, 1500], "kind": ["new", "new"], "rate": [1, 2]}
    assert len(paths(drawn(live, {**course().data(), "kinds": kinds}), "area")) == 1


def test_more_kinds_than_colours() -> None:
    """Those that are rare share the last one."""
    kinds = [f"kind {place}" for place in range(9)]
    of = course({"failure_kinds": dict.fromkeys(kinds, 1.0)}, {}, kinds=kinds)
    figure = failures(of)
    assert figure is not None
    assert len({key.colour for key in figure.legend}) == 6
    assert len(paths(drawn(figure, of.data()), "area")) == 9


def test_the_error_rate_is_in_percent_of_each_step() -> None:
    """A second with one failure in four is 25 %; one without requests is a gap."""
    of = course({"failures": 25}, {}, {"requests": 0}, {}, {})
    root = drawn(error_rate(of), of.data())
    (line,) = paths(root, "line")
    assert (line.get("d") or "").count("M") == 2
    assert "25" in texts(root)
    assert error_rate(of).unit == "%"


def test_users_and_generator() -> None:
    """One line each; the generator's axis goes to a whole core, however little was used."""
    of = course({"cpu": 0.02, "users": 3}, {"cpu": 0.03, "users": 4})
    assert labels(users(of)) == []
    found = generator(of)
    assert found is not None
    assert "100" in texts(drawn(found, of.data()))
    assert generator(course({})) is None


def test_more_than_a_core_is_in_sight() -> None:
    """A process may use threads."""
    of = course({"cpu": 1.6}, {"cpu": 1.6})
    found = generator(of)
    assert found is not None
    (line,) = paths(drawn(found, of.data()), "line")
    assert not any(float(pair.split(",")[1]) < -1 for pair in (line.get("d") or "")[1:].split("L"))


@pytest.mark.parametrize("is_live", [False, True])
def test_charts_of_nothing_have_axes(is_live: bool) -> None:
    """No second is no error, in a page and in a file."""
    of = replace(course(is_live=is_live), end_s=None if is_live else 0.0)
    for figure in over_time_figures(of):
        assert "0" in texts(drawn(figure, of.data())), figure.key
        filed(figure, of.data())


def test_a_tip_names_columns_of_its_data_set() -> None:
    """Each with the label of its line."""
    of = course({**BUSY, **FAILED, "dropped": 1.0}, is_open=True, kinds=KINDS)
    for figure in over_time_figures(of):
        assert figure.tip is not None
        name, told = figure.tip
        assert {column for column, _ in told} <= set({**of.data(), **figure.data}[name])
    assert throughput(of).tip == (
        "timeline",
        [
            ("requests", "requests"), ("intended", "iterations intended"), ("begun", "iterations begun"),
            ("dropped", "dropped"), ("failed", "failed"),
        ],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("of", "names"),
    [
        (course({"failure_rate": 1.0}, {}), {"requests", "failed"}),
        (course({}, {}, is_open=True), {"requests", "iterations intended", "iterations begun"}),
        (course({"p99_ms": None}, {}, {"p99_ms": None}), {"p50", "p95", "p99"}),
    ],
    ids=["areas", "areas and lines", "spots"],
)
def test_whatever_is_drawn_is_named_in_a_file(of: Course, names: set[str]) -> None:
    """A picture that was sent to somebody has nothing but itself to say which line is which."""
    figure = response_time(of) if "p50" in names else throughput(of)
    assert names <= set(texts(filed(figure, of.data())))
    assert not names & set(texts(drawn(figure, of.data())))


def test_a_file_has_the_legend_that_a_page_writes_itself() -> None:
    """So only there it is drawn."""
    of = course({}, {})
    figure = response_time(of)
    assert {"p50", "p95", "p99"} <= set(texts(filed(figure, of.data())))
    assert not {"p50", "p95", "p99"} & set(texts(drawn(figure, of.data())))
    assert list(figure.legend) == [
        Key("p50", "#1f6fc4"), Key("p95", "#c98500"), Key("p99", "#cf4436"),
    ]  # fmt: skip
