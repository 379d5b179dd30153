"""What messages say: a breach, that it is over, the end of a run, a run that broke off, a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path

from loadworthy.alert.message import Fact, Message, ThresholdLine
from loadworthy.alert.policy import Due, key_of
from loadworthy.alert.where import of_scenario
from loadworthy.analysis.compared_figures import ERROR_RATE, MORE_IS_BETTER, Change, ComparedFigure
from loadworthy.analysis.comparison import Comparison
from loadworthy.analysis.ending import seconds
from loadworthy.analysis.summary import ScenarioSummary, Summary
from loadworthy.analysis.threshold_result import ThresholdResult, format_value
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.alerting import Matter
from loadworthy.units import US_PER_S, format_count, format_ms, format_ratio

ABORT = ", abort"
"""In the expression of a threshold that ends the run when it is missed."""

_MARKS: dict[Matter, str] = {
    "breach": "BREACH",
    "recovered": "RECOVERED",
    "fail": "FAIL",
    "undecided": "UNDECIDED",
    "invalid": "INVALID",
    "aborted": "ABORTED",
    "drift": "DRIFT",
    "regression": "WORSE",
    "passed_again": "PASS",
}
_FIRST_REASONS = 3
"""So many come before what is worse than the baseline; a message does not hold all of them."""

_WORSE_TOLD = 3
_EVIDENCES = 6
"""So many thresholds are told with their evidence; a message does not hold many sentences."""
_VERDICTS = (Verdict.FAIL, Verdict.INVALID, Verdict.UNDECIDED, Verdict.PASS)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a message says of the run itself.

    Args:
        plan: its name.
        target: the base URL, None where the plan has none.
        machine: where the load is made.
        directory: of the run; None before there is one.
        job: the page of the CI job that makes it, if one does.
    """

    plan: str
    target: str | None
    machine: str
    directory: Path | None = None
    job: str | None = None

    def told(self, *, ran: str | None = None, report: Path | None = None) -> Iterator[Fact]:
        """The lines at the end of a message."""
        if self.target:
            yield Fact("Target", self.target)
        if ran:
            yield Fact("Ran", ran)
        if report is not None:
            yield Fact("Report", str(report))
        elif self.directory is not None:
            yield Fact("Run", str(self.directory))
        if self.job:
            yield Fact("Job", self.job)
        yield Fact("Machine", self.machine)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of a scenario that is under way. ``seconds`` is how long its load has been made."""

    requests: int = 0
    failures: int = 0
    users: int = 0
    seconds: float = 0.0

    def line(self) -> str:
        """In one line."""
        rate = f" · {self.requests / self.seconds:,.1f}/s" if self.seconds > 0 else ""
        return (
            f"{_requests(self.requests)}{rate} · {_failures(self.failures, self.requests)} · "
            f"{format_count(self.users)} user{'s' * (self.users != 1)}"
        )


def while_it_runs(due: Sequence[Due], counts: Counts, facts: RunFacts, where: tuple[str, str] | None = None) -> Message:
    """Thresholds of one scenario are missed, or hold again: all that became due together, at least one.

    ``where`` to look: a label and a line.
    """
    ordered = sorted(due, key=lambda one: not one.aborts)
    first, is_breach = ordered[0], ordered[0].matter == "breach"
    what = "missed" if is_breach else "holds again"
    return Message(
        matters=(first.matter,),
        about=tuple(key_of(one.scenario, one.expression) for one in ordered) if is_breach else (),
        mark=_MARKS[first.matter],
        subject=f"{first.scenario} · {first.expression} {what}{_and_more(len(ordered) - 1)}",
        sentences=(*(_sentence(one.evidence) for one in ordered[:_EVIDENCES]), _since(ordered)),
        figures=(Fact(first.scenario, counts.line()), *([Fact(*where)] if where and is_breach else [])),
        facts=tuple(facts.told(ran=f"{seconds(counts.seconds)} so far" if counts.seconds else None)),
    )


def _since(due: Sequence[Due]) -> str:
    lasted = seconds(max(one.lasted_us for one in due) / US_PER_S)
    if due[0].matter == "recovered":
        return f"{'They' if len(due) > 1 else 'It'} had been missed for {lasted}."
    if due[0].aborts:
        return "The run ends because of it."
    return f"{'They have' if len(due) > 1 else 'It has'} been so for {lasted}, and the run goes on."


def at_the_end(
    matters: Sequence[Matter], summary: Summary, comparison: Comparison | None, facts: RunFacts, report: Path | None
) -> Message:
    """What came out of a run; there is at least one matter, the most severe first."""
    ran = [one for one in summary.scenarios.values() if one.ran]
    return Message(
        matters=tuple(matters),
        about=tuple(matters),
        mark=_MARKS[matters[0]],
        subject=_subject(matters[0], summary, comparison, facts),
        sentences=tuple(dict.fromkeys(_why(matters, summary, comparison))),
        thresholds=tuple(_thresholds(ran)),
        figures=tuple(fact for one in ran for fact in _figures(one)),
        facts=tuple(facts.told(ran=None if summary.duration_s is None else seconds(summary.duration_s), report=report)),
    )


def broke_off(error: str, facts: RunFacts) -> Message:
    """A run that ended with an error, perhaps before any load."""
    why = error.splitlines()[0] if error else "no cause is known"
    return Message(
        matters=("aborted",),
        about=("aborted",),
        mark=_MARKS["aborted"],
        subject=f"{facts.plan} · {why}",
        sentences=(_sentence(why), "The run ended with this error, and there is no verdict."),
        facts=tuple(facts.told()),
    )


def of_a_test(facts: RunFacts) -> Message:
    """What ``loadworthy alert test`` sends."""
    return Message(
        matters=(),
        about=(),
        mark="TEST",
        subject=f"{facts.plan} · alerts arrive here",
        sentences=("This is a test, sent by loadworthy alert test. No run was made, and nothing is wrong.",),
        facts=tuple(facts.told()),
    )


def _subject(first: Matter, summary: Summary, comparison: Comparison | None, facts: RunFacts) -> str:
    if first == "passed_again":
        return f"{facts.plan} · it is good again"
    if first == "regression" and comparison is not None:
        worse = comparison.of(Change.WORSE)
        return f"{worse[0].scenario} · {_name(worse[0])} is worse than the baseline{_and_more(len(worse) - 1)}"
    missed = [
        (name, one.expression)
        for name, scenario in summary.scenarios.items()
        for one in scenario.thresholds
        if one.verdict is Verdict.FAIL
    ]
    if summary.verdict is Verdict.FAIL and missed:
        ended_it = [one for one in missed if first == "aborted" and ABORT in one[1]]
        name, expression = (ended_it or missed)[0]
        return f"{name} · {expression} missed{_and_more(len(missed) - 1)}"
    return f"{facts.plan} · {summary.reasons[0] if summary.reasons else summary.verdict.value}"


def _and_more(count: int) -> str:
    return f", and {count} more" if count else ""


def _why(matters: Sequence[Matter], summary: Summary, comparison: Comparison | None) -> Iterator[str]:
    if "passed_again" in matters:
        yield "This run passed; the last one that was told did not."
    yield from summary.reasons[:_FIRST_REASONS]
    if "regression" in matters and comparison is not None:
        worse = comparison.of(Change.WORSE)
        for one in worse[:_WORSE_TOLD]:
            yield f"{one.scenario}: {_name(one)} is worse than the baseline: {_change(one)}."
        if len(worse) > _WORSE_TOLD:
            yield f"{len(worse) - _WORSE_TOLD} more figures are worse."
    yield from summary.reasons[_FIRST_REASONS:]


def _name(figure: ComparedFigure) -> str:
    return f"{figure.series} {figure.figure}".strip()


def _change(figure: ComparedFigure) -> str:
    if figure.figure == ERROR_RATE:
        return f"{format_ratio(figure.base)} → {format_ratio(figure.new)}"
    if figure.figure in MORE_IS_BETTER:
        return f"{figure.base:,.1f}/s → {figure.new:,.1f}/s ({figure.change:+.1%})"
    return f"{format_ms(figure.base)} → {format_ms(figure.new)} ({figure.change:+.1%})"


def _thresholds(scenarios: Sequence[ScenarioSummary]) -> Iterator[ThresholdLine]:
    """Those that were missed first."""
    found = [(scenario.name, one) for scenario in scenarios for one in scenario.thresholds]
    for name, one in sorted(found, key=lambda pair: _VERDICTS.index(pair[1].verdict)):
        yield ThresholdLine(one.verdict.value, f"{name}: {one.expression}", _observed(one))


def _observed(one: ThresholdResult) -> str:
    value = format_value(one.observed, one.unit)
    is_quick = one.verdict is Verdict.FAIL and one.unit == "ms" and one.margin is not None and one.margin > 0
    return f"{value}, but too many failed" if is_quick else value


def _figures(scenario: ScenarioSummary) -> Iterator[Fact]:
    """The scenario in one line, and where to look where it did not end well."""
    figures, times = scenario.figures, scenario.figures.response_time_ms
    parts = [_requests(figures.requests)]
    if scenario.search is None and figures.throughput is not None:  # over all trials of a search it means nothing
        parts.append(f"{figures.throughput:,.1f}/s")
    parts.append(_failures(figures.failures, figures.requests))
    if scenario.search is None:
        parts += [f"p95 {format_ms(times.p95)}", f"p99 {format_ms(times.p99)}"]
    yield Fact(scenario.name, " · ".join(parts))
    yield from starmap(Fact, of_scenario(scenario))


def _requests(count: int) -> str:
    return f"{format_count(count)} request{'s' * (count != 1)}"


def _failures(failures: int, requests: int) -> str:
    share = f" ({format_ratio(failures / requests)})" if requests else ""
    return f"{format_count(failures)} failure{'s' * (failures != 1)}{share}"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
