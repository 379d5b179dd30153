"""``summary.json`` and ``report.json``, the latter with all that the HTML report shows besides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loadworthy.analysis.latency_map import latency_map
from loadworthy.analysis.percentile_curve import percentile_curves
from loadworthy.analysis.reading import Reading
from loadworthy.analysis.resources import ResourceSeries
from loadworthy.analysis.summary import ScenarioSummary, Summary
from loadworthy.analysis.timeline import Second, SeriesSecond, TimelineBuilder
from loadworthy.report.figures.course import step_of

Json = dict[str, Any]

_FACTS = ("target", "seed", "processes", "versions", "host", "git", "ended", "ended_at", "planned_duration_s")
_RATES = ("throughput", "failure_rate", "intended", "sent", "dropped")
_OF_SERIES = ("throughput", "failure_rate", "p50_ms", "p95_ms", "p99_ms")


def summary_json(summary: Summary) -> str:
    """The content of ``summary.json``."""
    return json.dumps(summary.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def report_json(
    summary: Summary,
    timeline: Mapping[str, Sequence[Second]],
    manifest: Mapping[str, Any],
    failures: Sequence[Mapping[str, Any]],
    resources: Mapping[str, ResourceSeries] | None = None,
    reading: Reading | None = None,
) -> str:
    """The content of ``report.json``: the summary, the timeline second by second, failures, and facts of the run.

    With ``resources``, a scenario that monitors watched has their readings: source → metric → [[s, value], …], in
    seconds since its start; those beyond ``duration_s`` were taken after the load. One whose drift was judged has
    ``drift_remarks``: clauses that say what could not be judged, or only so.

    With ``reading``, a scenario that ran has what its other charts show:

    - ``latency_map``: ``step_s``, ``edges_ms`` and ``cells``, each [s, row, requests]; row n lies between edges n and
      n + 1;
    - ``percentile_curve``: ``response``, and ``service`` where that differs, each with the ``method`` of its intervals
      and its ``points``;
    - ``series_timeline``: for the 50 series with the most requests columns with a value for each of ``at_s``, in the
      steps of the charts, or in the next longer that were kept (``step_s``).
    """
    series = resources or {}
    scenarios = {
        name: {
            "duration_s": scenario.duration_s,
            "iterations": scenario.iterations,
            "interrupted": scenario.interrupted,
            "reasons": [reason.text for reason in scenario.reasons],
            **({} if scenario.drift is None else {"drift_remarks": list(scenario.drift.remarks)}),
            "timeline": [_point(second) for second in timeline.get(name, ())],
            **({"resources": series[name].points} if name in series and series[name].points else {}),
            **({} if reading is None or name not in reading.totals.scenarios else _charts(scenario, reading)),
        }
        for name, scenario in summary.scenarios.items()
    }
    data = {
        "schema": 1,
        "summary": summary.to_json(),
        "scenarios": scenarios,
        "failures": list(failures),
        "facts": {key: manifest.get(key) for key in _FACTS},
    }
    # Not indented: with a hundred thousand numbers that takes ten times as long, and three times the space.
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n"


def _point(second: Second) -> Json:
    data = second.to_json()
    data |= {key: round(data[key], 3) for key in _RATES if key in data}
    if "cpu" in data:
        data["cpu"] = round(data["cpu"], 4)
    if "failure_kinds" in data:
        data["failure_kinds"] = {kind: round(rate, 3) for kind, rate in data["failure_kinds"].items()}
    return data


def _charts(scenario: ScenarioSummary, reading: Reading) -> Json:
    found, curves = latency_map(reading.timeline, scenario.name), percentile_curves(reading, scenario.name)
    curve = {"response": curves.response.to_json()}
    if curves.service is not None:
        curve["service"] = curves.service.to_json()
    return {
        **({} if found is None else {"latency_map": found.to_json()}),
        "percentile_curve": curve,
        "series_timeline": _series(reading.timeline, scenario.name, step_of(scenario)),
    }


def _series(timeline: TimelineBuilder, scenario: str, step_s: int) -> Json:
    known = timeline.series(scenario, step_s)
    return {
        "step_s": timeline.series_step_s(scenario, step_s),
        "at_s": [point.at_s for point in next(iter(known.values()), ())],
        "series": {label: {name: _column(points, name) for name in _OF_SERIES} for label, points in known.items()},
    }


def _column(points: Iterable[SeriesSecond], name: str) -> list[float | None]:
    values = (getattr(point, name) for point in points)
    return [None if value is None else round(value, 3) for value in values]
