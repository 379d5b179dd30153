"""All figures of a scenario, for every rendering: the page, the files, the report over several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadworthy.analysis.latency_map import latency_map
from loadworthy.analysis.percentile_curve import percentile_curves
from loadworthy.analysis.reading import Reading
from loadworthy.analysis.resources import ResourceSeries
from loadworthy.analysis.summary import ScenarioSummary, Summary
from loadworthy.report.figures.course import Course, course_of
from loadworthy.report.figures.distribution import distribution
from loadworthy.report.figures.figure import Columns, Figure
from loadworthy.report.figures.heat_map import heat_map
from loadworthy.report.figures.layers import trusted
from loadworthy.report.figures.marks import Moment, judged_moments, moments, shown
from loadworthy.report.figures.over_time import at_work, error_rate, over_time_figures, put_through
from loadworthy.report.figures.readings import reading_figures
from loadworthy.report.figures.rows import series_columns
from loadworthy.report.figures.trials import trials_figure
from loadworthy.report.html_page import FigureGroup
from loadworthy.report.resources import GENERATOR

Groups = Mapping[str, tuple[FigureGroup, Sequence[Moment]]]
_MOST_SERIES = 50


def scenario_groups(
    summary: Summary,
    reading: Reading,
    events: Sequence[Mapping[str, Any]],
    resources: Mapping[str, ResourceSeries] | None = None,
) -> Groups:
    """Scenario → its figures and what happened in it, for those that ran."""
    series = resources or {}
    with trusted():
        return _groups(summary, reading, events, series)


def _groups(
    summary: Summary,
    reading: Reading,
    events: Sequence[Mapping[str, Any]],
    series: Mapping[str, ResourceSeries],
) -> Groups:
    return {
        name: scenario_group(f"s{place}", scenario, reading, events, series.get(name))
        for place, (name, scenario) in enumerate(summary.scenarios.items(), 1)
        if scenario.ran
    }


def scenario_group(
    anchor: str,
    scenario: ScenarioSummary,
    reading: Reading,
    events: Sequence[Mapping[str, Any]],
    resources: ResourceSeries | None,
) -> tuple[FigureGroup, Sequence[Moment]]:
    """The figures of a scenario that ran; ``anchor`` names them within a page."""
    happened = _happened(scenario, reading, events)
    course = course_of(scenario, reading.timeline, happened)
    figures: list[Figure | None] = [trials_figure(scenario), *over_time_figures(course)]
    figures += _spread(scenario, reading)
    figures += reading_figures(resources, scenario.drift) if resources is not None else []
    known = [figure for figure in figures if figure is not None]
    return FigureGroup(anchor, known, course.data(), _by_series(scenario, reading, course)), happened


def short_group(
    anchor: str,
    scenario: ScenarioSummary,
    reading: Reading,
    events: Sequence[Mapping[str, Any]],
    resources: ResourceSeries | None,
) -> FigureGroup:
    """Those that a report over several runs shows of a scenario: what it did, and what was read of the target."""
    if not scenario.ran:
        return FigureGroup(anchor, ())
    course = course_of(scenario, reading.timeline, _happened(scenario, reading, events))
    target = {} if resources is None else {key: one for key, one in resources.points.items() if key != GENERATOR}
    with trusted():
        figures = [*put_through(course), error_rate(course), *at_work(course)]
        figures += reading_figures(ResourceSeries(scenario.duration_s, target), scenario.drift)
        trials = trials_figure(scenario)
    return FigureGroup(anchor, [*([trials] if trials else []), *figures], course.data())


def _happened(scenario: ScenarioSummary, reading: Reading, events: Sequence[Mapping[str, Any]]) -> list[Moment]:
    """What was told while it ran, and what was found afterwards, in the order of time."""
    start_ms = reading.totals.scenarios[scenario.name].start_ms
    told = moments(_without_only_stage(events, scenario.name), scenario.name, start_ms, scenario.duration_s)
    return shown([*told, *judged_moments(scenario)])


def _without_only_stage(events: Sequence[Mapping[str, Any]], scenario: str) -> list[Mapping[str, Any]]:
    """Events without that of a stage which is the whole load: nothing changed at it."""
    stages = [one for one in events if one.get("type") == "stage" and one.get("scenario") == scenario]
    return [one for one in events if len(stages) != 1 or one is not stages[0]]


def _spread(scenario: ScenarioSummary, reading: Reading) -> list[Figure | None]:
    """How response times are spread; of a search over all of its trials that would mean nothing."""
    if scenario.search is not None:
        return []
    curves = percentile_curves(reading, scenario.name)
    found = latency_map(reading.timeline, scenario.name)
    curve = distribution(curves.response, curves.service)
    return [curve, heat_map(found, scenario.duration_s) if found is not None else None]


def _by_series(scenario: ScenarioSummary, reading: Reading, course: Course) -> dict[str, Columns]:
    """What takes the place of the timeline where one series is looked at; nothing where there is only one."""
    if len(scenario.series) < 2:
        return {}
    known = reading.timeline.series(scenario.name, course.step_s, _MOST_SERIES)
    return {label: series_columns(points, course.step_s) for label, points in known.items()}
