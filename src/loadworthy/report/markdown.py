"""A run in Markdown, for a comment on a pull request and for the summary of a CI job; it reads well in a terminal, too.

The first line says it all: the verdict and what decided it. Then follow for each scenario its thresholds, its key
figures, what was found, and what failed; its series are folded away, the worst first. A comment on GitHub holds 65,536
characters: where a run has more to say than :data:`MOST_CHARACTERS`, tables are left out, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.summary import ScenarioSummary, Summary
from loadworthy.analysis.timeline import TimelineBuilder
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.drift_words import drift_remarks
from loadworthy.report.failures import failure_examples
from loadworthy.report.key_figures import key_figures, parts_of
from loadworthy.report.markdown_tables import (
    LONGEST_NAME,
    MARKS,
    SEVERITY,
    drift_table,
    failures_table,
    figures_table,
    series_table,
    thresholds_table,
    trials_table,
)
from loadworthy.report.markdown_text import code, escaped, size
from loadworthy.report.search_words import after_search, finding
from loadworthy.report.words import as_sentence, head_line, health_line, plural, stage_facts
from loadworthy.units import format_count

MOST_CHARACTERS = 60_000
MOST_REASONS = 10
"""Besides the first, which stands in the heading."""

_LONGEST_SENTENCE = 500
_LEFT_OUT = "Not all of it is here, for a comment has no room for it; the rest is in the report."
_WHOLE_RUN, _SCENARIO, _EVIDENCE, _TRIALS, _SERIES = range(5)


class _Part(NamedTuple):
    """A piece of the document; where there is not room for all, those of the highest rank go first.

    ``rank`` is what it is, and then how bad the verdict of its scenario is.
    """

    rank: tuple[int, int]
    text: str


def markdown(
    summary: Summary,
    timeline: TimelineBuilder | None = None,
    failures: Sequence[Mapping[str, Any]] = (),
    *,
    target: str | None = None,
    report_url: str | None = None,
) -> str:
    """The document.

    Args:
        summary: the judged run; only the scenarios in it have a part.
        timeline: what it was like over time, for the key figures of an endurance.
        failures: the lines of ``failures.jsonl``, for examples.
        target: the base URL.
        report_url: where the full report is, for a link.
    """
    parts = [_Part((_WHOLE_RUN, 0), _head(summary, target, report_url))]
    for scenario in summary.scenarios.values():
        told = {reason for reason in summary.reasons if reason.startswith(f"{scenario.name}: ")}
        parts += _scenario(scenario, timeline or TimelineBuilder(), failures, told)
    parts.append(_Part((_WHOLE_RUN, 0), f"Generator: {escaped(health_line(summary.health))}"))
    return _within(parts, MOST_CHARACTERS)


def _within(parts: Sequence[_Part], most: int) -> str:
    """All of it, or what there is room for, by rank, with a word on what is left out."""
    room = most - size(_LEFT_OUT) - 2
    kept = set()
    for place in sorted(range(len(parts)), key=lambda place: (parts[place].rank, place)):
        needed = size(parts[place].text) + 2
        if needed > room:
            break
        kept.add(place)
        room -= needed
    texts = [part.text for place, part in enumerate(parts) if place in kept]
    return "\n\n".join([*texts, *([_LEFT_OUT] if len(kept) < len(parts) else [])]) + "\n"


def _head(summary: Summary, target: str | None, report_url: str | None) -> str:
    reasons = [escaped(reason, _LONGEST_SENTENCE) for reason in summary.reasons]
    first = reasons[0] if reasons else "nothing is known of it."
    lines = [f"## {MARKS[summary.verdict]} {summary.verdict.value.capitalize()}: {first}", ""]
    lines.append(" · ".join(_facts(summary, target, report_url)))
    more = [f"- {reason}" for reason in reasons[1 : MOST_REASONS + 1]]
    if len(reasons) > MOST_REASONS + 1:
        more.append(f"- and {len(reasons) - MOST_REASONS - 1} more, in the report")
    return "\n".join([*lines, *(["", *more] if more else [])])


def _facts(summary: Summary, target: str | None, report_url: str | None) -> Iterator[str]:
    ran = [scenario for scenario in summary.scenarios.values() if scenario.ran]
    results = [result for scenario in ran for result in scenario.thresholds]
    if results:
        holding = sum(result.verdict is Verdict.PASS for result in results)
        yield f"{holding} of {plural(len(results), 'threshold')} {'holds' if len(results) == 1 else 'hold'}"
    failed = sum(scenario.figures.failures for scenario in ran)
    yield f"{plural(sum(scenario.figures.requests for scenario in ran), 'request')}, {format_count(failed)} failed"
    if summary.duration_s is not None:
        yield seconds(summary.duration_s)
    if target:
        yield code(target, LONGEST_NAME)
    yield f"run {code(summary.run, LONGEST_NAME)}"
    if report_url:
        yield f"[full report](<{_address(report_url)}>)"


def _address(url: str) -> str:
    """A link's address without what would end it."""
    return "".join(char for char in url.replace(" ", "%20") if char.isprintable() and char not in "<>\\")


def _scenario(
    scenario: ScenarioSummary, timeline: TimelineBuilder, failures: Sequence[Mapping[str, Any]], told: set[str]
) -> Iterator[_Part]:
    head = [f"### {MARKS[scenario.verdict]} {escaped(scenario.name, LONGEST_NAME)}"]
    badness = SEVERITY.index(scenario.verdict)
    kind = f"{escaped(scenario.kind, LONGEST_NAME)} · {scenario.workload} workload"
    if not scenario.ran:
        yield _Part((_SCENARIO, badness), "\n\n".join([*head, f"{kind} · never ran"]))
        return
    head.append(f"{kind} · {head_line(scenario)}")
    if sentences := [f"- {escaped(text, _LONGEST_SENTENCE)}" for text in _found(scenario, told)]:
        head.append("\n".join(sentences))
    yield _Part((_SCENARIO, badness), "\n\n".join([*head, thresholds_table(scenario)]))
    yield _Part((_EVIDENCE, badness), figures_table(key_figures(scenario, parts_of(scenario, timeline))))
    if scenario.search is not None and scenario.search.capacity.trials:
        yield _Part((_TRIALS, badness), trials_table(scenario.search.capacity))
    if scenario.drift is not None and scenario.drift.metrics:
        yield _Part((_EVIDENCE, badness), drift_table(scenario.drift))
    if scenario.figures.failure_kinds:
        yield _Part((_EVIDENCE, badness), failures_table(scenario, failure_examples(failures, scenario.name)))
    if scenario.series:
        yield _Part((_SERIES, badness), series_table(scenario))


def _found(scenario: ScenarioSummary, told: set[str]) -> Iterator[str]:
    """Sentences on the capacity, the overload, the stages and the drift that do not stand at the top already."""
    if scenario.search is not None:
        found = [finding(scenario, scenario.search), *after_search(scenario, scenario.search)]
        yield from (as_sentence(one.text) for one in found if f"{scenario.name}: {one.text}." not in told)
    if scenario.stages is not None:
        yield from stage_facts(scenario.stages)
    yield from drift_remarks(scenario)
