"""JUnit XML: a scenario is a test suite, each of its thresholds a test case.

So are the search for a capacity, what came of an overload, and the drift of each metric of an endurance.

``fail`` is a ``<failure>``. ``undecided`` and ``invalid`` are an ``<error>``, which in JUnit means that the test itself
could not be carried out, and that is what they say. They are not ``<skipped>``: build servers show a skipped test as
harmless, and "not enough evidence" would come out as green.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # builds a document, never reads one
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from loadworthy.analysis.summary import ScenarioSummary, Summary
from loadworthy.analysis.verdict import Verdict, worst
from loadworthy.report.search_words import after_search, finding, other_reasons, told

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RUN_SUITE = "run"


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    verdict: Verdict
    message: str


def junit_xml(summary: Summary, only: Collection[str] | None = None) -> str:
    """The content of ``junit.xml``; with ``only``, of the scenarios just those have a suite."""
    suites = {
        name: (_scenario_cases(one), one.duration_s)
        for name, one in summary.scenarios.items()
        if only is None or name in only
    }
    suites[_suite_name(summary)] = (_run_cases(summary), 0.0)
    root = ET.Element("testsuites")
    for name, (cases, time_s) in suites.items():
        root.append(_suite(name, cases, time_s, summary.started_at))
    everything = [case for cases, _ in suites.values() for case in cases]
    for key, value in {"name": summary.run, **_counts(everything)}.items():
        root.set(key, _clean(value))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite_name(summary: Summary) -> str:
    name = _RUN_SUITE
    while name in summary.scenarios:
        name = f"({name})"
    return name


def _scenario_cases(scenario: ScenarioSummary) -> list[_Case]:
    cases = [_Case(result.expression, result.verdict, result.reason) for result in scenario.thresholds]
    also = [*_search_cases(scenario), *_drift_cases(scenario)]
    rest = [reason for reason in other_reasons(scenario) if reason.text not in {case.message for case in also}]
    if rest:
        verdict = worst(reason.verdict for reason in rest)
        message = "; ".join(reason.text for reason in rest)
        also.append(_Case("the scenario ran as planned", verdict, message))
    return cases + also


def _search_cases(scenario: ScenarioSummary) -> Iterator[_Case]:
    """What was found, what came of the overload, and the recovery, with the verdicts that they had as reasons."""
    if scenario.search is not None:
        names = ("the capacity", "the overload", "the recovery")
        found = [finding(scenario, scenario.search), *after_search(scenario, scenario.search)]
        yield from (_Case(name, reason.verdict, reason.text) for name, reason in zip(names, found, strict=False))
    elif scenario.stages is not None and scenario.stages.recovery is not None:
        reason = told(scenario, scenario.stages.recovery.sentence)
        yield _Case("the recovery", reason.verdict, reason.text)


def _drift_cases(scenario: ScenarioSummary) -> Iterator[_Case]:
    if scenario.drift is not None:
        for key, one in scenario.drift.by_key().items():
            yield _Case(f"the drift of {key}", one.verdict, one.reason)


def _run_cases(summary: Summary) -> list[_Case]:
    """What belongs to no scenario: whether the data is whole, and what the run's verdict says beyond its parts."""
    health = summary.health
    cases = [
        _Case(
            "the generator is fit to judge", health.verdict, " ".join(health.reasons) or "fit, and its data is complete"
        )
    ]
    known = worst([*(scenario.verdict for scenario in summary.scenarios.values()), health.verdict])
    if known is not summary.verdict:
        cases.append(_Case("the run reached its end", summary.verdict, summary.reasons[0] if summary.reasons else ""))
    return cases


def _suite(name: str, cases: Sequence[_Case], time_s: float, started_at: str | None) -> ET.Element:
    attributes = {"name": name, **_counts(cases), "time": f"{time_s:.3f}"}
    if timestamp := _timestamp(started_at):
        attributes["timestamp"] = timestamp
    suite = ET.Element("testsuite", {key: _clean(value) for key, value in attributes.items()})
    for case in cases:
        _add_case(suite, name, case)
    return suite


def _timestamp(started_at: str | None) -> str | None:
    """UTC to the second without a zone, as readers take it; None where it is unknown."""
    try:
        moment = datetime.fromisoformat(started_at or "")
    except ValueError:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if moment.tzinfo else None


def _add_case(suite: ET.Element, suite_name: str, case: _Case) -> None:
    element = ET.SubElement(suite, "testcase", classname=_clean(suite_name), name=_clean(case.name))
    if case.verdict is Verdict.PASS:
        ET.SubElement(element, "system-out").text = _clean(case.message)
        return
    tag = "failure" if case.verdict is Verdict.FAIL else "error"
    # Some build servers show the attribute, others the text.
    ET.SubElement(element, tag, type=case.verdict.value, message=_clean(case.message)).text = _clean(case.message)


def _counts(cases: Sequence[_Case]) -> dict[str, str]:
    failures = sum(case.verdict is Verdict.FAIL for case in cases)
    errors = sum(case.verdict in (Verdict.UNDECIDED, Verdict.INVALID) for case in cases)
    return {"tests": str(len(cases)), "failures": str(failures), "errors": str(errors)}


def _clean(text: str) -> str:
    """Text without the characters that XML 1.0 forbids even when escaped."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
