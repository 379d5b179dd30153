"""Run → Summary: figures, thresholds judged, and a verdict with its reasons.

The run's verdict is the worst of its scenarios and of the generator's health; a run that did not reach its planned end
cannot pass. Reasons are ordered as the verdict weighs them: invalid, fail, undecided, then warnings and remarks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from loadworthy.analysis.accumulate import Accumulator, ScenarioTotals, WindowFigures
from loadworthy.analysis.by_hand import by_hand, changes_of
from loadworthy.analysis.ending import Ending, judge_ending, run_duration_s, seconds
from loadworthy.analysis.endurance import DriftReport, judge_endurance
from loadworthy.analysis.endurance_metrics import steady_stretch, step_s
from loadworthy.analysis.planned import planned_scenarios
from loadworthy.analysis.reading import Reading, read
from loadworthy.analysis.resources import judge_resources, resource_series
from loadworthy.analysis.scenario import judge_scenario, judge_thresholds
from loadworthy.analysis.searched import judge_search
from loadworthy.analysis.selection import Tags
from loadworthy.analysis.stages import judge_stages
from loadworthy.analysis.summary import OPEN, Reason, ScenarioSummary, Summary
from loadworthy.analysis.timeline import Second
from loadworthy.analysis.validity import Health, beside_scenarios, judge_health
from loadworthy.analysis.verdict import Verdict, exit_code_of, worst
from loadworthy.analysis.watch import WATCH
from loadworthy.errors import ExitCode
from loadworthy.plan.model import Scenario, ScenarioKind
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.record.rundir import Run
from loadworthy.units import US_PER_MS, format_count

__all__ = ["Accumulator", "ScenarioTotals", "Summary", "WindowFigures", "judge_thresholds", "summarize", "timeline"]


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
    scenarios = {
        name: judge_scenario(
            name,
            specs.get(name, {}),
            totals.get(name),
            reading.readings,
            run,
            windows=reading.windows.scenarios.get(name),
        )
        for name in names
    }
    planned = planned_scenarios(manifest)
    scenarios = _with_searches(scenarios, planned, reading, run)
    scenarios = _with_stages_and_resources(scenarios, specs, reading, run)
    scenarios = _with_drift(scenarios, reading, run)
    scenarios = _with_changes(scenarios, run)
    data = judge_health(reading.readings, run.events, reading.torn_lines, reading.torn_tails)
    health = _whole_health(data, scenarios, totals)
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
        reasons=_reasons(scenarios, data, health, ending, run.events),
        started_at=manifest.get("started_at"),
        duration_s=duration_s,
        scenarios=scenarios,
        health=health,
    )


def timeline(run: Run, reading: Reading | None = None, step_s: int = 1) -> dict[str, list[Second]]:
    """Second by second (or in steps), for each scenario that ran, over all processes; for charts."""
    builder = (read(run) if reading is None else reading).timeline
    return {name: builder.seconds(name, step_s) for name in builder.scenarios()}


def _planned_scenarios(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Those of the plan that were to run, in the plan's order."""
    plan = manifest.get("plan")
    scenarios = plan.get("scenarios") if isinstance(plan, Mapping) else None
    if not isinstance(scenarios, Mapping):
        return {}
    chosen = manifest.get("scenarios")
    names = [name for name in scenarios if not isinstance(chosen, list) or name in chosen]
    return {name: spec if isinstance(spec := scenarios[name], Mapping) else {} for name in names}


def _with_searches(
    scenarios: Mapping[str, ScenarioSummary], planned: Mapping[str, Scenario], reading: Reading, run: Run
) -> dict[str, ScenarioSummary]:
    """Those that looked for their own load, judged by what they found; half of their load was meant to be too much."""
    result = dict(scenarios)
    for name, scenario in planned.items():
        judged = result.get(name)
        if not scenario.is_search or judged is None or not judged.ran:
            continue
        report, thresholds, reasons = judge_search(name, scenario, reading.segments.scenarios.get(name, {}), run)
        others = tuple(reason for reason in judged.reasons if reason.text not in judged.generator_invalid)
        unfit = tuple(reason.text for reason in reasons if reason.verdict is Verdict.INVALID)
        weighed = [*(one.verdict for one in thresholds), *(one.verdict for one in (*others, *reasons))]
        result[name] = replace(
            judged,
            search=report,
            thresholds=thresholds,
            reasons=(*others, *reasons),
            verdict=worst(weighed),
            generator_invalid=unfit,
            generator_warnings=(),
        )
    for name in set(reading.segments.scenarios) & set(result) - set(planned):
        unread = Reason(Verdict.UNDECIDED, "it looked for its own load, and this version does not understand its plan")
        judged = result[name]
        reasons, verdict = (*judged.reasons, unread), worst([judged.verdict, unread.verdict])
        result[name] = replace(judged, reasons=reasons, verdict=verdict)
    return result


def _with_drift(scenarios: Mapping[str, ScenarioSummary], reading: Reading, run: Run) -> dict[str, ScenarioSummary]:
    """Those of kind endurance, with what became of the service while they ran."""
    resources = resource_series(run.resources, reading.totals.scenarios)
    result = dict(scenarios)
    for name, scenario in scenarios.items():
        if scenario.kind != ScenarioKind.ENDURANCE or not scenario.ran:
            continue
        if by_hand(name, run.events) is not None:
            drift = DriftReport((), remarks=("the load was changed by hand, and all figures with it",))
            result[name] = _with_reasons(replace(scenario, drift=drift), _drift_reasons(drift))
            continue
        fine = reading.timeline.seconds(name)
        steps = reading.timeline.seconds(name, step_s(steady_stretch(fine, scenario.duration_s).length_s))
        limits = {
            f"response_time_{one.aggregate}": one.limit / US_PER_MS
            for one in (parse_threshold(result.expression) for result in scenario.thresholds)
            if one.metric == "response_time" and one.fraction and one.series is None and one.op.startswith("<")
        }
        drift = judge_endurance(fine, resources.get(name), limits, steps=steps, duration_s=scenario.duration_s)
        result[name] = _with_reasons(replace(scenario, drift=drift), _drift_reasons(drift))
    return result


def _with_changes(scenarios: Mapping[str, ScenarioSummary], run: Run) -> dict[str, ScenarioSummary]:
    """Those whose load was changed by hand cannot pass."""
    result = dict(scenarios)
    for name, scenario in scenarios.items():
        if (why := by_hand(name, run.events)) is not None:
            changed = replace(scenario, load_changes=len(changes_of(name, run.events)))
            result[name] = _with_reasons(changed, [Reason(Verdict.UNDECIDED, why)])
    return result


def _with_reasons(scenario: ScenarioSummary, more: Iterable[Reason]) -> ScenarioSummary:
    reasons = (*scenario.reasons, *more)
    verdict = worst([scenario.verdict, *(reason.verdict for reason in reasons)])
    return replace(scenario, reasons=reasons, verdict=verdict)


def _drift_reasons(drift: DriftReport) -> Iterator[Reason]:
    """What weighs on the verdict; a run too short for it leaves open whether the service decays."""
    if not drift.metrics:
        yield Reason(Verdict.UNDECIDED, f"whether the service decays is not known: {drift.remarks[0]}")
    for one in drift.metrics:
        if one.verdict is not Verdict.PASS:
            yield Reason(one.verdict, one.reason)


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
            stages=None if cut is None else judge_stages(cut, totals, thresholds, Tags.of(specs.get(name, {}))),
            resources=judge_resources(series, _peak(result[name], reading)) if series and series.points else {},
        )
    return result


def _peak(scenario: ScenarioSummary, reading: Reading) -> list[Second]:
    """The seconds among which the peak is looked for: those of an overload, where there was one."""
    seconds = reading.timeline.seconds(scenario.name)
    overload = None if scenario.search is None else scenario.search.overload
    if overload is None:
        return seconds
    until_s = overload.from_s + overload.time_s
    return [one for one in seconds if overload.from_s <= one.at_s < until_s]


def _whole_health(
    health: Health, scenarios: Mapping[str, ScenarioSummary], totals: Mapping[str, ScenarioTotals]
) -> Health:
    """The generator's health with what was found in the scenarios."""
    drops = [one.arrivals.dropped for one in scenarios.values() if one.workload == OPEN or one.arrivals.dropped]
    return beside_scenarios(
        health,
        [f"{one.name}: {text}." for one in scenarios.values() for text in one.generator_invalid],
        [f"{one.name}: {text}." for one in scenarios.values() for text in one.generator_warnings],
        [one.generator_lag for one in totals.values()],
        sum(drops) if drops else None,
    )


def _reasons(
    scenarios: Mapping[str, ScenarioSummary],
    data: Health,
    health: Health,
    ending: Ending,
    events: Sequence[Mapping[str, Any]],
) -> tuple[str, ...]:
    by_verdict: dict[Verdict, list[str]] = {verdict: [] for verdict in Verdict}
    by_verdict[Verdict.INVALID] += data.reasons  # those of the scenarios stand with the scenarios
    if ending.reason:
        by_verdict[ending.verdict].append(ending.reason)
    for scenario in scenarios.values():
        by_a_person = by_hand(scenario.name, events)
        for verdict, text in _scenario_reasons(scenario, by_a_person, cut_short=ending.reason is not None):
            by_verdict[verdict].append(f"{scenario.name}: {text}.")
    decisive = [
        *by_verdict[Verdict.INVALID], *by_verdict[Verdict.FAIL], *by_verdict[Verdict.UNDECIDED]
    ]  # fmt: skip
    passed = by_verdict[Verdict.PASS] if not decisive else []
    told = [
        str(event["message"])
        for event in events
        if event.get("type") == "warning" and event.get("message") and event.get("source") != WATCH
    ]
    return (*decisive, *passed, *health.warnings, *dict.fromkeys(told))


def _scenario_reasons(scenario: ScenarioSummary, by_a_person: str | None, *, cut_short: bool) -> list[Reason]:
    """Why a scenario is what it is. Where the run as a whole was cut short, that is said once and not again here.

    ``by_a_person``: that of its reasons which says that its load was changed by hand; it is said all the same.
    """
    if not scenario.ran:
        return list(scenario.reasons)
    judged = [Reason(one.verdict, one.reason) for one in scenario.thresholds if one.verdict is not Verdict.PASS]
    others = [
        reason
        for reason in scenario.reasons
        if reason.verdict in (Verdict.FAIL, Verdict.INVALID) or reason.text == by_a_person or not cut_short
    ]
    return [*others, *judged] or [Reason(Verdict.PASS, _passed(scenario))]


def _passed(scenario: ScenarioSummary) -> str:
    requests = scenario.figures.requests
    over = f"over {format_count(requests)} request{'s' * (requests != 1)} in {seconds(scenario.duration_s)}"
    if any(result.implicit for result in scenario.thresholds):
        return (
            f"no request failed {over}; its speed was not judged, for it has no thresholds; add one, e.g. p95 < 500ms"
        )
    count = len(scenario.thresholds)
    which = {1: "the threshold holds", 2: "both thresholds hold"}.get(count, f"all {count} thresholds hold")
    return f"{which} {over}"
