"""``loadworthy check RUN|STATS.csv``: judge what was measured against thresholds, e.g. in a pipeline."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadworthy.errors import ExitCode, RunDirError, UsageError

if TYPE_CHECKING:
    from loadworthy.analysis.selection import Tags
    from loadworthy.analysis.summary import Summary
    from loadworthy.analysis.threshold_result import ThresholdResult
    from loadworthy.analysis.verdict import Verdict
    from loadworthy.plan.model import Plan

EPILOG = """\
examples:
  loadworthy check runs/2026-11-20T14-05-09-load
  loadworthy check runs/2026-11-20T14-05-09-load --threshold "p95 < 500ms" --threshold "error_rate < 1%"
  loadworthy check results_stats.csv --threshold "mean <= 2000ms" --threshold "p95 <= 5000ms"
  loadworthy check results_stats.csv --plan plan.yaml --scenario load

A run directory is judged by its own thresholds unless others are given. Of the table that `locust --csv results`
writes, or of a stats.csv of ours, counts and error rates are judged exactly, percentiles as the table has them.

The exit code is the verdict's: 0 pass, 1 fail, 3 undecided, 4 invalid. Nothing is written.
"""


@dataclass(frozen=True, slots=True)
class _Checked:
    """What became of the thresholds of one scenario."""

    scenario: str
    results: Sequence[ThresholdResult]


@dataclass(frozen=True, slots=True)
class _Outcome:
    verdict: Verdict
    code: ExitCode
    checked: Sequence[_Checked]
    reasons: Sequence[str]
    notes: Sequence[str] = ()


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("results", metavar="RUN|STATS.csv", type=Path, help="a run directory, or a table of statistics")
    parser.add_argument("--plan", metavar="PLAN", type=Path, help="judge by the thresholds of this plan")
    parser.add_argument("--scenario", metavar="NAME", help="which scenario; all of a run unless given")
    parser.add_argument(
        "--threshold",
        metavar="EXPR",
        action="append",
        default=[],
        help='judge by this one instead, e.g. "p95 < 500ms"; may be given several times',
    )


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Judge, print, and say the verdict by the exit code."""
    given = tuple(_read_threshold(text) for text in arguments.threshold)
    if given and arguments.plan is not None:
        raise UsageError("--threshold and --plan both say what to judge by; give one of them")
    path: Path = arguments.results
    if path.is_dir():
        outcome = _check_run(path, given, arguments.plan, arguments.scenario)
    elif path.exists():
        outcome = _check_table(path, given, arguments.plan, arguments.scenario)
    else:
        raise UsageError(f"{path} does not exist: name a run directory, or a table such as results_stats.csv")
    for line in _lines(outcome):
        print(line)
    return outcome.code


def _read_threshold(text: str) -> str:
    from loadworthy.plan.thresholds import parse_threshold

    try:
        return parse_threshold(text).expression
    except ValueError as error:
        raise UsageError(f"--threshold {text!r}: {error}") from error


# A run directory.


def _check_run(path: Path, given: Sequence[str], plan_path: Path | None, scenario: str | None) -> _Outcome:
    from loadworthy.analysis.summarize import summarize
    from loadworthy.cli.working import read_run
    from loadworthy.record.rundir import Run

    run = Run.open(path)
    names = _names_in(run.manifest)
    if scenario is not None and scenario not in names:
        raise UsageError(f"{path} has no scenario {scenario!r}; it has {', '.join(names) or 'none'}")
    chosen = [scenario] if scenario is not None else names
    unanswered: dict[str, list[ThresholdResult]] = {}
    if given or plan_path is not None:
        instead = dict.fromkeys(chosen, given) if plan_path is None else _of_plan(plan_path, chosen)
        unanswered = _of_parts_of_searches(run.manifest, instead)
        run.manifest = _with_thresholds(run.manifest, instead, unanswered)
    try:
        summary = summarize(run, read_run(run))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunDirError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    checked = [
        _Checked(name, [*summary.scenarios[name].thresholds, *unanswered.get(name, ())])
        for name in chosen
        if name in summary.scenarios
    ]
    return _outcome(summary, checked, unanswered, scenario)


def _outcome(
    summary: Summary,
    checked: Sequence[_Checked],
    unanswered: Mapping[str, Sequence[ThresholdResult]],
    scenario: str | None,
) -> _Outcome:
    """The verdict of one scenario, or of all; the code is always the verdict's, also where a run was interrupted."""
    from loadworthy.analysis.verdict import exit_code_of, worst

    still_open = [result.verdict for results in unanswered.values() for result in results]
    if scenario is None:
        verdict = worst([summary.verdict, *still_open])
        told = [f"{name}: {result.reason}." for name, results in unanswered.items() for result in results]
        return _Outcome(verdict, exit_code_of(verdict), checked, [*summary.reasons, *told])
    judged = summary.scenarios[scenario]
    verdict = worst([judged.verdict, summary.health.verdict, *still_open])
    missed = [f"{result.reason}." for one in checked for result in one.results if result.verdict.value != "pass"]
    reasons = [*summary.health.reasons, *(f"{one.text}." for one in judged.reasons), *missed]
    return _Outcome(verdict, exit_code_of(verdict), checked, reasons)


def _names_in(manifest: Mapping[str, Any]) -> list[str]:
    plan = manifest.get("plan")
    scenarios = plan.get("scenarios") if isinstance(plan, Mapping) else None
    chosen = manifest.get("scenarios")
    names = list(scenarios) if isinstance(scenarios, Mapping) else []
    return [name for name in names if not isinstance(chosen, list) or name in chosen]


def _with_thresholds(
    manifest: Mapping[str, Any],
    instead: Mapping[str, Sequence[str]],
    unanswered: Mapping[str, Sequence[ThresholdResult]],
) -> dict[str, Any]:
    """The manifest, with other thresholds in its plan; without those of which it is known that nothing answers them."""
    plan = dict(manifest["plan"])
    kept = {
        name: [text for text in texts if text not in [result.expression for result in unanswered.get(name, ())]]
        for name, texts in instead.items()
    }
    plan["scenarios"] = {
        name: {**spec, "thresholds": kept[name]} if name in kept else spec for name, spec in plan["scenarios"].items()
    }
    return {**manifest, "plan": plan}


def _of_parts_of_searches(
    manifest: Mapping[str, Any], instead: Mapping[str, Sequence[str]]
) -> dict[str, list[ThresholdResult]]:
    """Thresholds about a part of the time (``for``, ``warmup``) of scenarios that searched, undecided, by scenario.

    A search is judged at its safe load, by the trial that confirmed it, and of a trial there are only totals; the
    seconds of the scenario run through all trials, half of which were meant to be too much. A plan may not ask for it.
    """
    from loadworthy.analysis.planned import planned_scenarios
    from loadworthy.plan.thresholds import parse_threshold

    planned = planned_scenarios(manifest)
    return {
        name: [_undecided(name, text) for text in dict.fromkeys(texts) if parse_threshold(text).is_conditional]
        for name, texts in instead.items()
        if name in planned and planned[name].is_search
    }


def _undecided(scenario: str, text: str) -> ThresholdResult:
    from loadworthy.analysis.accumulate import ScenarioTotals
    from loadworthy.analysis.thresholds import evaluate
    from loadworthy.analysis.verdict import Verdict
    from loadworthy.plan.thresholds import parse_threshold

    nothing = evaluate(parse_threshold(text), ScenarioTotals(scenario))
    reason = f"{text} asks for a part of a search, whose trials are judged as a whole; leave out for and warmup"
    return replace(
        nothing, expression=text, observed=None, low=None, high=None, verdict=Verdict.UNDECIDED, reason=reason
    )


def _of_plan(path: Path, names: Sequence[str]) -> dict[str, Sequence[str]]:
    plan = _plan(path)
    missing = [name for name in names if name not in plan.scenarios]
    if missing:
        raise UsageError(f"{path} has no scenario {', '.join(missing)}; say with --scenario which one to judge")
    return {name: plan.scenarios[name].thresholds for name in names}


def _plan(path: Path) -> Plan:
    from loadworthy.plan.load import load_plan

    return load_plan(path, environ=os.environ).plan


# A table.


def _check_table(path: Path, given: Sequence[str], plan_path: Path | None, scenario: str | None) -> _Outcome:
    from loadworthy.analysis.selection import NO_TAGS
    from loadworthy.analysis.stats_csv import judge_stats, read_stats
    from loadworthy.analysis.verdict import exit_code_of, worst

    if not given and plan_path is None:
        raise UsageError(
            f"{path} is a table and has no thresholds of its own: say what to judge by, "
            'e.g. --threshold "p95 < 500ms" or --plan plan.yaml --scenario load'
        )
    stats = read_stats(_text_of(path), str(path))
    expressions, tags, name = given, NO_TAGS, scenario
    if plan_path is not None:
        expressions, tags, name = _scenario_of_plan(plan_path, scenario)
    rows = stats.scenarios.get("") if stats.is_locust else stats.scenarios.get(name or _only(stats.scenarios, path))
    if rows is None:
        raise UsageError(f"{path} has no scenario {name!r}; it has {', '.join(stats.scenarios)}")
    results = judge_stats(expressions, rows, tags)
    verdict = worst(result.verdict for result in results)
    reasons = [f"{result.reason}." for result in results if result.verdict.value != "pass"]
    notes = (stats.note,) if any(result.is_percentile for result in results) else ()
    return _Outcome(verdict, exit_code_of(verdict), [_Checked(name or "", results)], reasons, notes)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _scenario_of_plan(path: Path, scenario: str | None) -> tuple[Sequence[str], Tags, str]:
    from loadworthy.analysis.selection import Tags

    plan = _plan(path)
    name = scenario or _only(plan.scenarios, path)
    if name not in plan.scenarios:
        raise UsageError(f"{path} has no scenario {name!r}; it has {', '.join(plan.scenarios)}")
    spec = plan.scenarios[name]
    return spec.thresholds, Tags.of(spec.model_dump(mode="json", by_alias=True)), name


def _only(names: Mapping[str, object], path: Path) -> str:
    if len(names) != 1:
        raise UsageError(f"{path} has several scenarios: say which with --scenario ({', '.join(names)})")
    return next(iter(names))


# What is printed.


def _lines(outcome: _Outcome) -> Iterator[str]:
    for one in outcome.checked:
        if one.scenario:
            yield f"{_plain(one.scenario)}"
        yield from _table(one.results)
        yield ""
    for note in outcome.notes:
        yield f"Note: {note}."
    several = [result for one in outcome.checked for result in one.results]
    held = sum(result.verdict.value == "pass" for result in several)
    yield f"{outcome.verdict.value.upper()}: {held} of {len(several)} threshold{'s' * (len(several) != 1)} held"
    if outcome.verdict.value != "pass":
        yield from (f"  - {_plain(reason)}" for reason in outcome.reasons)


def _table(results: Sequence[ThresholdResult]) -> Iterator[str]:
    from loadworthy.analysis.threshold_result import format_value
    from loadworthy.report.words import interval, margin, observed

    rows = [("threshold", "observed", "interval", "limit", "margin", "verdict")]
    for result in results:
        name = f"{result.expression} (implied: the scenario has none)" if result.implicit else result.expression
        limit = format_value(result.limit, result.unit)
        cells = (_plain(name), observed(result), interval(result), limit, margin(result), result.verdict.value)
        rows.append(cells)
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))]
    used = [number for number, name in enumerate(rows[0]) if any(row[number] for row in rows[1:]) or name == "verdict"]
    for row in rows:
        yield "  " + "  ".join(row[number].ljust(widths[number]) for number in used).rstrip()


def _plain(text: str) -> str:
    """Text that cannot move the cursor."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)
