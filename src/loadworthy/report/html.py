"""``report.html``: one page that needs nothing else. No request to anywhere, light and dark, for print and phones.

What it is made of, and what keeps it safe, is in :mod:`loadworthy.report.html_page`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.summary import ScenarioSummary, Summary
from loadworthy.analysis.thresholds import UNKNOWN, ThresholdResult, format_value
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.drift_words import after_load, change, drift_remarks, slope, slope_interval, to_limit
from loadworthy.report.failures import FailureExample, failure_examples
from loadworthy.report.figures.marks import Moment
from loadworthy.report.figures.said import moment
from loadworthy.report.figures.theme import PALETTE
from loadworthy.report.harmless import utf8
from loadworthy.report.html_page import CHARTS, REPORT, TABLES, DrawnFigure, FigureGroup, page_environment, scripts_of
from loadworthy.report.resources import resource_slope, resource_value, target_first
from loadworthy.report.search_words import (
    TRIAL_MARKS,
    after_search,
    bounds,
    finding,
    generator_notes,
    only_objective,
    other_reasons,
    place_of,
    thresholds_note,
    trial_rows,
)
from loadworthy.report.terminal import MARKS
from loadworthy.report.words import (
    arrivals_line,
    as_sentence,
    broken_by_failures,
    has_failures,
    health_details,
    health_line,
    interval,
    interval_method,
    margin,
    milliseconds,
    observed,
    rate,
    stage_facts,
    stage_load,
    workload_notes,
)
from loadworthy.units import format_bytes, format_count, format_ms, format_ratio

if TYPE_CHECKING:
    from jinja2 import Environment

MEANINGS = {
    Verdict.PASS: "Every target was met.",
    Verdict.FAIL: "A target was missed.",
    Verdict.UNDECIDED: "There is not enough evidence to say.",
    Verdict.INVALID: "The figures do not describe the service: data is missing, or the generator was the limit.",
}
NOTHING_ASKED = "No request failed; nothing else was asked."
"""Of a run that passed without a threshold."""
_SHOWN_EXAMPLES, _OPEN_EXAMPLES = 40, 8
_OPEN_REASONS = 8
_SEARCH_FILTERS: dict[str, Callable[..., Any]] = {
    "finding": lambda scenario: finding(scenario, scenario.search),
    "after_search": lambda scenario: after_search(scenario, scenario.search),
    "thresholds_note": thresholds_note,
    "bounds": bounds,
    "trial_rows": trial_rows,
    "trial_mark": TRIAL_MARKS.__getitem__,
    "only_objective": only_objective,
    "generator_notes": generator_notes,
    "place_of": lambda point, report: place_of(report, point.trial),
}
_DRIFT_FILTERS: dict[str, Callable[..., Any]] = {
    "drift_slope": slope,
    "drift_interval": slope_interval,
    "drift_change": change,
    "to_limit": to_limit,
    "after_load": after_load,
    "drift_remarks": drift_remarks,
}


@dataclass(frozen=True, slots=True)
class ScenarioPage:
    """A scenario with all that the template shows of it."""

    anchor: str
    summary: ScenarioSummary
    group: FigureGroup
    over_time: Sequence[DrawnFigure]
    spread: Sequence[DrawnFigure]
    readings: Sequence[DrawnFigure]
    trials: DrawnFigure | None
    happened: Sequence[Moment]
    description: str
    """What the plan says of it."""
    examples: Sequence[FailureExample]
    folded_examples: Sequence[FailureExample]
    more_examples: int
    lacks_times: bool
    """It has no chart of response times over time."""
    same_times: bool
    """Response and service times are equal, so one row says both."""


def report_html(
    summary: Summary,
    manifest: Mapping[str, Any],
    failures: Sequence[Mapping[str, Any]],
    groups: Mapping[str, tuple[FigureGroup, Sequence[Moment]]],
) -> str:
    """The content of ``report.html``; ``groups`` are the figures of each scenario that ran, and what happened in it."""
    pages = [
        _page(place, scenario, groups.get(scenario.name), failures, description_of(manifest, scenario.name))
        for place, scenario in enumerate(summary.scenarios.values(), 1)
    ]
    text: str = (
        report_environment()
        .get_template("report.html.j2")
        .render(
            summary=summary,
            meaning=meaning_of(summary),
            head=head_facts(summary, manifest),
            open_reasons=_OPEN_REASONS,
            pages=pages,
            facts=run_facts(summary, manifest),
            workload_notes=workload_notes(summary.scenarios.values()),
            scripts=scripts_of([page.group for page in pages if page.group.figures], CHARTS, TABLES, REPORT),
        )
    )
    return utf8(text)


def report_environment() -> Environment:
    """Jinja with the filters that the templates of runs use."""
    return page_environment(_filters())


def _filters() -> dict[str, Callable[..., Any]]:
    return {
        "count": format_count,
        "ms": milliseconds,
        "ratio": format_ratio,
        "rate": rate,
        "bytes": format_bytes,
        "seconds": seconds,
        "moment": moment,
        "colour": {colour: name for name, colour in PALETTE.items()}.__getitem__,
        "margin": margin,
        "interval": interval,
        "arrivals": arrivals_line,
        "stage_load": stage_load,
        "health": health_line,
        "health_details": health_details,
        "mark": MARKS.__getitem__,
        "observed": observed,
        "limit": lambda result: f"{result.op} {format_value(result.limit, result.unit)}",
        "gauge": gauge,
        "has_failures": has_failures,
        "latency": format_ms,
        "resource": resource_value,
        "target_first": target_first,
        "slope": resource_slope,
        "stage_facts": stage_facts,
        "sentence": as_sentence,
        "interval_method": interval_method,
        "other_reasons": other_reasons,
        **_SEARCH_FILTERS,
        **_DRIFT_FILTERS,
    }


def gauge(result: ThresholdResult) -> tuple[float, float] | None:
    """Lengths in percent: of a bar for the observed value, and up to the limit's mark; None where there is no scale."""
    if result.observed is None or result.limit <= 0 or broken_by_failures(result):
        return None
    full = max(result.observed, result.limit) * 1.15
    return round(result.observed / full * 100, 1), round(result.limit / full * 100, 1)


def meaning_of(summary: Summary) -> str:
    """What the verdict says; a pass of what nobody set a target for says less."""
    results = [result for scenario in summary.scenarios.values() for result in scenario.thresholds]
    if summary.verdict is Verdict.PASS and results and all(result.implicit for result in results):
        return NOTHING_ASKED
    return MEANINGS[summary.verdict]


def description_of(manifest: Mapping[str, Any], scenario: str) -> str:
    """What the plan says that a scenario is for; empty where it says nothing."""
    found: Any = manifest
    for key in ("plan", "scenarios", scenario, "description"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return str(found) if found else ""


def head_facts(summary: Summary, manifest: Mapping[str, Any]) -> str:
    """What was tested, when, and for how long, in one line."""
    length = None if summary.duration_s is None else seconds(summary.duration_s)
    facts = (manifest.get("target"), started(summary.started_at), length)
    return " · ".join(str(fact) for fact in facts if fact)


def started(at: str | None) -> str | None:
    """``2026-11-20 14:05:09 UTC``, of a moment in ISO 8601; as it stands where it is none."""
    try:
        moment_at = datetime.fromisoformat(at or "")
    except ValueError:
        return at
    return f"{moment_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment_at.tzinfo else at


def run_facts(summary: Summary, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and value of what is known of the run itself, in the order of interest."""
    git, seed = manifest.get("git"), manifest.get("seed")
    facts = {
        "Target": manifest.get("target"),
        "Plan": summary.plan,
        "Started": started(summary.started_at),
        "Duration": None if summary.duration_s is None else seconds(summary.duration_s),
        "Ended": ": ".join(str(part) for part in (manifest.get("ended"), manifest.get("ended_reason")) if part),
        "Seed": None if seed is None else str(seed),
        "Processes": manifest.get("processes"),
        "Git": _git(git) if isinstance(git, Mapping) else None,
        "Versions": _joined(manifest.get("versions")),
        "Host": _joined(manifest.get("host")),
    }
    return [(label, str(value)) for label, value in facts.items() if value not in (None, "")]


def _git(git: Mapping[str, Any]) -> str:
    return f"{str(git.get('revision', UNKNOWN))[:12]}{' with uncommitted changes' if git.get('dirty') else ''}"


def _joined(facts: object) -> str | None:
    if not isinstance(facts, Mapping):
        return None
    return ", ".join(f"{key} {value}" for key, value in facts.items() if value is not None)


_SPREAD = ("distribution", "heat-map")


def _page(
    place: int,
    scenario: ScenarioSummary,
    found: tuple[FigureGroup, Sequence[Moment]] | None,
    failures: Sequence[Mapping[str, Any]],
    description: str,
) -> ScenarioPage:
    anchor = f"s{place}"
    group, happened = found if found is not None else (FigureGroup(anchor, ()), ())
    drawn = group.drawn()
    spread = [drawn[key] for key in _SPREAD if key in drawn]
    readings = [one for key, one in drawn.items() if key.startswith("reading-")]
    trials = drawn.get("trials")
    elsewhere = [*spread, *readings, *([trials] if trials else [])]
    examples = failure_examples(failures, scenario.name)
    return ScenarioPage(
        anchor=anchor,
        summary=scenario,
        group=group,
        over_time=[one for one in drawn.values() if one not in elsewhere],
        spread=spread,
        readings=readings,
        trials=trials,
        happened=happened,
        description=description,
        examples=examples[:_OPEN_EXAMPLES],
        folded_examples=examples[_OPEN_EXAMPLES:_SHOWN_EXAMPLES],
        more_examples=max(len(examples) - _SHOWN_EXAMPLES, 0),
        lacks_times="throughput" in drawn and "response-time" not in drawn,
        same_times=scenario.figures.response_time_ms == scenario.figures.service_time_ms,
    )
