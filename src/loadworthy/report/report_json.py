"""``summary.json`` and ``report.json``, the latter with all that the HTML report shows besides."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from loadworthy.analysis.resources import ResourceSeries
from loadworthy.analysis.summary import Summary
from loadworthy.analysis.timeline import Second

_FACTS = ("target", "seed", "processes", "versions", "host", "git", "ended", "ended_at", "planned_duration_s")


def summary_json(summary: Summary) -> str:
    """The content of ``summary.json``."""
    return _dump(summary.to_json())


def report_json(
    summary: Summary,
    timeline: Mapping[str, Sequence[Second]],
    manifest: Mapping[str, Any],
    failures: Sequence[Mapping[str, Any]],
    resources: Mapping[str, ResourceSeries] | None = None,
) -> str:
    """The content of ``report.json``: the summary, the timeline second by second, failures, and facts of the run.

    With ``resources``, a scenario that monitors watched has their readings: source → metric → [[s, value], …], in
    seconds since its start; those beyond ``duration_s`` were taken after the load. One whose drift was judged has
    ``drift_remarks``: clauses that say what could not be judged, or only so.
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
        }
        for name, scenario in summary.scenarios.items()
    }
    return _dump(
        {
            "schema": 1,
            "summary": summary.to_json(),
            "scenarios": scenarios,
            "failures": list(failures),
            "facts": {key: manifest.get(key) for key in _FACTS},
        }
    )


def _point(second: Second) -> dict[str, Any]:
    rounded = {"throughput": round(second.throughput, 3), "failure_rate": round(second.failure_rate, 3)}
    arrivals = ("intended", "sent", "dropped")
    data = second.to_json()
    return {**data, **rounded, **{key: round(data[key], 3) for key in arrivals if key in data}}


def _dump(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
