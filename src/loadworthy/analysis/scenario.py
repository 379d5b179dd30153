"""One scenario → its figures and its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from loadworthy.analysis.accumulate import ScenarioTotals, merged
from loadworthy.analysis.ending import judge_scenario_ending
from loadworthy.analysis.figures import Distribution, Figures
from loadworthy.analysis.fitness import Fitness, judge_fitness
from loadworthy.analysis.own_readings import Readings
from loadworthy.analysis.planned import Asked, asked_of
from loadworthy.analysis.selection import NO_TAGS, Tags
from loadworthy.analysis.summary import CLOSED, OPEN, Reason, ScenarioSummary
from loadworthy.analysis.thresholds import NO_FAILURES, Capacity, ThresholdResult, evaluate
from loadworthy.analysis.verdict import Verdict, worst
from loadworthy.analysis.windows import ScenarioWindows
from loadworthy.plan.model import is_open_stage
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.record.interval import SeriesInterval
from loadworthy.record.rundir import Run
from loadworthy.units import format_count

_DEFAULT_KIND = "load"
_SHOWN_ERRORS = 3


def judge_scenario(
    name: str,
    spec: Mapping[str, Any],
    totals: ScenarioTotals | None,
    readings: Readings,
    run: Run,
    *,
    windows: ScenarioWindows | None = None,
    capacity: Capacity | None = None,
) -> ScenarioSummary:
    """A scenario's figures, its thresholds judged, and what else weighs on its verdict.

    Args:
        name: its name.
        spec: what the plan says of it; empty where nothing is known.
        totals: what was measured; None if it never ran.
        readings: the generator's own, of the whole run.
        run: for its events and how it ended.
        windows: its seconds, as far as its thresholds look at them.
        capacity: where one was searched: (low, rate, high), per second.
    """
    ran = totals is not None
    totals = totals or ScenarioTotals(name)
    expressions = tuple(spec.get("thresholds") or ())
    results = judge_thresholds(expressions, totals, windows=windows, tags=Tags.of(spec), capacity=capacity)
    results = tuple(_as_proven(result, name, run) for result in results)
    thresholds = [parse_threshold(text) for text in expressions] or [NO_FAILURES]
    asked = _asked(totals, readings, run) if ran else Asked()
    fitness = judge_fitness(totals, thresholds, results, readings, asked, tags=Tags.of(spec)) if ran else Fitness()
    reasons = list(_reasons(name, totals if ran else None, run, fitness))
    verdict = worst([*(result.verdict for result in results), *(reason.verdict for reason in reasons)])
    busiest = totals.pace.busiest()
    return ScenarioSummary(
        name=name,
        kind=str(spec.get("kind") or _DEFAULT_KIND),
        verdict=verdict,
        figures=Figures.of(totals.total, totals.duration_s),
        users_max=totals.users_max,
        series=_labelled(totals.series.values(), totals.duration_s),
        thresholds=results,
        reasons=tuple(reasons),
        duration_s=totals.duration_s,
        iterations=totals.iterations,
        interrupted=totals.interrupted,
        ran=ran,
        workload=_workload(name, spec, totals, run.events),
        requests_per_user_minute=None if busiest is None else busiest.per_user_minute,
        parts=_labelled(totals.parts.values(), totals.duration_s),
        arrivals=replace(totals.arrivals, asked=asked.arrivals),
        due_s=asked.due_s(totals.duration_s),
        send_lag_ms=Distribution.of(totals.send_lag) if totals.send_lag.count else None,
        generator_invalid=fitness.invalid,
        generator_warnings=fitness.warnings,
    )


def _asked(totals: ScenarioTotals, readings: Readings, run: Run) -> Asked:
    return asked_of(
        totals.name,
        run.manifest,
        run.events,
        scheduled=totals.arrivals.scheduled,
        duration_s=totals.duration_s,
        is_lossy=bool(readings.missing()) or any(event.get("type") == "worker_lost" for event in run.events),
    )


def _reasons(name: str, totals: ScenarioTotals | None, run: Run, fitness: Fitness) -> Iterable[Reason]:
    yield from (Reason(Verdict.INVALID, text) for text in fitness.invalid)
    errors = _user_errors(name, run.events)
    if errors:
        yield Reason(Verdict.FAIL, errors)
    if totals is None:
        yield Reason(Verdict.UNDECIDED, "it never ran, so nothing is known about it; run the plan to its end")
        return
    ending = judge_scenario_ending(name, run.manifest, run.events, totals.duration_s, totals.iterations)
    if ending.reason:
        yield Reason(ending.verdict, ending.reason)


def _workload(name: str, spec: Mapping[str, Any], totals: ScenarioTotals, events: Sequence[Mapping[str, Any]]) -> str:
    """As the run says, else as the plan does, else as the arrivals do."""
    started = (event for event in events if event.get("type") == "scenario_started" and event.get("scenario") == name)
    told = next((event.get("workload") for event in started), None)
    if told in (OPEN, CLOSED):
        return str(told)
    stages = [stage for stage in spec.get("stages") or () if isinstance(stage, Mapping)]
    planned = spec.get("rate") is not None or any(is_open_stage(one.get("rate"), one.get("ramp_to")) for one in stages)
    return OPEN if planned or totals.arrivals.is_open else CLOSED


def judge_thresholds(
    expressions: Sequence[str],
    totals: ScenarioTotals,
    *,
    windows: ScenarioWindows | None = None,
    tags: Tags = NO_TAGS,
    capacity: Capacity | None = None,
) -> tuple[ThresholdResult, ...]:
    """Each expression judged in turn; without any, the rule that no request may fail. ValueError on a bad one."""
    if not expressions:
        return (evaluate(NO_FAILURES, totals, implicit=True),)
    return tuple(
        evaluate(parse_threshold(text), totals, windows=windows, tags=tags, capacity=capacity) for text in expressions
    )


def _as_proven(result: ThresholdResult, name: str, run: Run) -> ThresholdResult:
    """A threshold whose breach was to end the run was missed, whatever what little there is shows now."""
    so = "; that ended the run" if run.manifest.get("ended") == "aborted" else ""
    for event in run.events:
        if (
            event.get("type") == "threshold_breached"
            and event.get("abort")
            and (event.get("scenario"), event.get("expression")) == (name, result.expression)
        ):
            message = str(event.get("message") or f"{result.expression} was missed")
            return replace(result, verdict=Verdict.FAIL, reason=f"{message}{so}")
    return result


def _labelled(series: Iterable[SeriesInterval], duration_s: float) -> dict[str, Figures]:
    by_requests = sorted(series, key=lambda one: (-one.requests, one.name, one.kind))
    labelled: dict[str, list[SeriesInterval]] = {}
    for one in by_requests:
        # A kind may hold a space, so two series can have one label; they are shown as one.
        labelled.setdefault(f"{one.kind} {one.name}", []).append(one)
    return {label: Figures.of(merged(same, same[0].kind, same[0].name), duration_s) for label, same in labelled.items()}


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
