"""Run → Summary: figures, thresholds judged, and a verdict with its reasons.

The run's verdict is the worst of its scenarios and of the generator's health; a run that did not reach its planned end
cannot pass. Reasons are ordered as the verdict weighs them: invalid, fail, undecided, then warnings and remarks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from loadworthy.analysis.accumulate import Accumulator, ScenarioTotals, WindowFigures, merged
from loadworthy.analysis.ending import Ending, judge_ending, judge_scenario_ending, run_duration_s, seconds
from loadworthy.analysis.figures import Figures
from loadworthy.analysis.reading import Reading, read
from loadworthy.analysis.resources import judge_resources, resource_series
from loadworthy.analysis.stages import judge_stages
from loadworthy.analysis.summary import Reason, ScenarioSummary, Summary
from loadworthy.analysis.thresholds import NO_FAILURES, ThresholdResult, evaluate
from loadworthy.analysis.timeline import Second
from loadworthy.analysis.validity import judge_health
from loadworthy.analysis.verdict import Verdict, exit_code_of, worst
from loadworthy.errors import ExitCode
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.record.interval import SeriesInterval
from loadworthy.record.rundir import Run
from loadworthy.units import format_count

__all__ = ["Accumulator", "ScenarioTotals", "Summary", "WindowFigures", "judge_thresholds", "summarize", "timeline"]

_DEFAULT_KIND = "load"
_SHOWN_ERRORS = 3


def summarize(run: Run, reading: Reading | None = None) -> Summary:
    """Judge a run.

    Args:
        run: freshly opened; its intervals are read once unless ``reading`` is given.
        reading: what :func:`loadworthy.analysis.reading.read` gave for the same run.

    Raises:
        RunDirError: the run's files cannot be read.
    """
    reading = read(run) if reading is None else reading
    manifest, totals = run.manifest, reading.totals.scenarios
    specs = _planned_scenarios(manifest)
    names = [*specs, *sorted(set(totals) - set(specs))]
    scenarios = {name: _judge_scenario(name, specs.get(name, {}), totals.get(name), run) for name in names}
    scenarios = _with_stages_and_resources(scenarios, specs, reading, run)
    health = judge_health(reading.readings, run.events, reading.torn_lines, reading.torn_tails)
    last_ms = max((one.end_ms for one in totals.values()), default=None)
    duration_s = run_duration_s(manifest, last_ms)
    ending = judge_ending(manifest, duration_s)
    # A pass that was cut short is none, a failure stays one, and invalid beats all: that is what "worst" says.
    verdict = worst([*(one.verdict for one in scenarios.values()), health.verdict, ending.verdict])
    interrupted = manifest.get("ended") == "interrupted"
    return Summary(
        run=str(manifest.get("name") or run.path.name),
        plan=manifest.get("plan_file"),
        verdict=verdict,
        exit_code=ExitCode.INTERRUPTED if interrupted else exit_code_of(verdict),
        reasons=_reasons(scenarios, health.reasons, health.warnings, ending, run.events),
        started_at=manifest.get("started_at"),
        duration_s=duration_s,
        scenarios=scenarios,
        health=health,
    )


def timeline(run: Run, reading: Reading | None = None, step_s: int = 1) -> dict[str, list[Second]]:
    """Second by second (or in steps), for each scenario that ran, over all processes; for charts."""
    builder = (read(run) if reading is None else reading).timeline
    return {name: builder.seconds(name, step_s) for name in builder.scenarios()}


def judge_thresholds(expressions: Sequence[str], totals: ScenarioTotals) -> tuple[ThresholdResult, ...]:
    """Each expression judged in turn; without any, the rule that no request may fail. ValueError on a bad one."""
    if not expressions:
        return (evaluate(NO_FAILURES, totals, implicit=True),)
    return tuple(evaluate(parse_threshold(text), totals) for text in expressions)


def _planned_scenarios(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Those of the plan that were to run, in the plan's order."""
    plan = manifest.get("plan")
    scenarios = plan.get("scenarios") if isinstance(plan, Mapping) else None
    if not isinstance(scenarios, Mapping):
        return {}
    chosen = manifest.get("scenarios")
    names = [name for name in scenarios if not isinstance(chosen, list) or name in chosen]
    return {name: spec if isinstance(spec := scenarios[name], Mapping) else {} for name in names}


def _judge_scenario(name: str, spec: Mapping[str, Any], totals: ScenarioTotals | None, run: Run) -> ScenarioSummary:
    ran = totals is not None
    totals = totals or ScenarioTotals(name)
    results = judge_thresholds(tuple(spec.get("thresholds") or ()), totals)
    ending = judge_scenario_ending(name, run.manifest, run.events, totals.duration_s, totals.iterations)
    errors = _user_errors(name, run.events)
    reasons = [Reason(Verdict.FAIL, errors)] if errors else []
    if not ran:
        reasons.append(Reason(Verdict.UNDECIDED, "it never ran, so nothing is known about it; run the plan to its end"))
    elif ending.reason:
        reasons.append(Reason(ending.verdict, ending.reason))
    verdict = worst([*(result.verdict for result in results), *(reason.verdict for reason in reasons)])
    busiest = totals.pace.busiest()
    return ScenarioSummary(
        name=name,
        kind=str(spec.get("kind") or _DEFAULT_KIND),
        verdict=verdict,
        figures=Figures.of(totals.total, totals.duration_s),
        users_max=totals.users_max,
        series=_series(totals),
        thresholds=results,
        reasons=tuple(reasons),
        duration_s=totals.duration_s,
        iterations=totals.iterations,
        interrupted=totals.interrupted,
        ran=ran,
        requests_per_user_minute=None if busiest is None else busiest.per_user_minute,
    )


def _with_stages_and_resources(
    scenarios: Mapping[str, ScenarioSummary], specs: Mapping[str, Mapping[str, Any]], reading: Reading, run: Run
) -> dict[str, ScenarioSummary]:
    resources = resource_series(run.resources, reading.totals.scenarios)
    result = dict(scenarios)
    for name, totals in reading.totals.scenarios.items():
        cut, series = reading.stages.cuts.get(name), resources.get(name)
        thresholds = tuple(specs.get(name, {}).get("thresholds") or ())
        result[name] = replace(
            result[name],
            stages=None if cut is None else judge_stages(cut, totals, thresholds),
            resources=judge_resources(series, reading.timeline.seconds(name)) if series and series.points else {},
        )
    return result


def _series(totals: ScenarioTotals) -> dict[str, Figures]:
    by_requests = sorted(totals.series.values(), key=lambda one: (-one.requests, one.name, one.kind))
    labelled: dict[str, list[SeriesInterval]] = {}
    for one in by_requests:
        # A kind may hold a space, so two series can have one label; they are shown as one.
        labelled.setdefault(f"{one.kind} {one.name}", []).append(one)
    return {
        label: Figures.of(merged(series, series[0].kind, series[0].name), totals.duration_s)
        for label, series in labelled.items()
    }


def _user_errors(name: str, events: Sequence[Mapping[str, Any]]) -> str | None:
    """Exceptions in user code that belong to no request; each event counts those since the one before."""
    counts: dict[str, int] = {}
    for event in events:
        if event.get("type") == "user_error" and event.get("scenario") in (name, None):
            message = str(event.get("message") or "no message")
            counts[message] = counts.get(message, 0) + int(event.get("count") or 1)
    if not counts:
        return None
    total = sum(counts.values())
    told = [
        message if len(counts) == 1 else f"{message} ({format_count(count)} times)" for message, count in counts.items()
    ]
    more = f"; and {len(told) - _SHOWN_ERRORS} other kinds" if len(told) > _SHOWN_ERRORS else ""
    plural = "s" if total != 1 else ""
    shown = "; ".join(told[:_SHOWN_ERRORS])
    return f"user code raised {format_count(total)} exception{plural} outside any request: {shown}{more}"


def _reasons(
    scenarios: Mapping[str, ScenarioSummary],
    invalid: Sequence[str],
    warnings: Sequence[str],
    ending: Ending,
    events: Sequence[Mapping[str, Any]],
) -> tuple[str, ...]:
    by_verdict: dict[Verdict, list[str]] = {verdict: [] for verdict in Verdict}
    by_verdict[Verdict.INVALID] += invalid
    if ending.reason:
        by_verdict[ending.verdict].append(ending.reason)
    for scenario in scenarios.values():
        for verdict, text in _scenario_reasons(scenario, cut_short=ending.reason is not None):
            by_verdict[verdict].append(f"{scenario.name}: {text}.")
    decisive = [
        *by_verdict[Verdict.INVALID], *by_verdict[Verdict.FAIL], *by_verdict[Verdict.UNDECIDED]
    ]  # fmt: skip
    passed = by_verdict[Verdict.PASS] if not decisive else []
    told = [str(event["message"]) for event in events if event.get("type") == "warning" and event.get("message")]
    return (*decisive, *passed, *warnings, *dict.fromkeys(told))


def _scenario_reasons(scenario: ScenarioSummary, cut_short: bool) -> list[Reason]:
    """Why a scenario is what it is. Where the run as a whole was cut short, that is said once and not again here."""
    if not scenario.ran:
        return list(scenario.reasons)
    judged = [Reason(one.verdict, one.reason) for one in scenario.thresholds if one.verdict is not Verdict.PASS]
    others = [reason for reason in scenario.reasons if reason.verdict is Verdict.FAIL or not cut_short]
    return [*others, *judged] or [Reason(Verdict.PASS, _passed(scenario))]


def _passed(scenario: ScenarioSummary) -> str:
    over = f"over {format_count(scenario.figures.requests)} requests in {seconds(scenario.duration_s)}"
    if any(result.implicit for result in scenario.thresholds):
        return (
            f"no request failed {over}; its speed was not judged, for it has no thresholds; add one, e.g. p95 < 500ms"
        )
    count = len(scenario.thresholds)
    which = {1: "the threshold holds", 2: "both thresholds hold"}.get(count, f"all {count} thresholds hold")
    return f"{which} {over}"
