"""The response time over a whole run, for a line in the closing view."""

from __future__ import annotations

import math

from loadworthy.analysis.figures import PERCENTILES
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.analysis.timeline import TimelineBuilder
from loadworthy.report.sparkline import MOST_SPARKS, Steps

_SHOWN = ("p99", "p95", "p50")
_LEAST_STEPS = 5


def times_over_run(scenario: ScenarioSummary, timeline: TimelineBuilder) -> Steps | None:
    """The p99 in steps that hold samples enough for it; a lower percentile where that would be too few steps.

    None where the run was too short for any, and of a search, which is made of trials of all kinds.
    """
    if scenario.search is not None or not scenario.figures.requests or scenario.duration_s <= 0:
        return None
    per_second = scenario.figures.requests / scenario.duration_s
    for name in _SHOWN:
        step_s = math.ceil(max(scenario.duration_s / MOST_SPARKS, min_samples(PERCENTILES[name]) / per_second))
        if scenario.duration_s >= _LEAST_STEPS * step_s:
            return _steps(scenario.name, timeline, name, step_s)
    return None


def _steps(scenario: str, timeline: TimelineBuilder, name: str, step_s: int) -> Steps:
    known: dict[int, float | None] = {
        one.at_s // step_s: getattr(one, f"{name}_ms") for one in timeline.seconds(scenario, step_s)
    }
    values = [known.get(step) for step in range(max(known, default=-1) + 1)]
    if values and values[-1] is None:  # a last step that is not whole has samples too few
        values.pop()
    return Steps(name, step_s, tuple(values))
