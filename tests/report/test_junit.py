"""JUnit XML: a golden, its schema, and that nothing but a pass looks green."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from tests.report.searches import enduring, scenario, stressed
from tests.report.searches import summary as whole
from tests.support.exported import EVERY_RUN
from tests.support.golden import assert_golden
from tests.support.runs import interval, make_run, manifest, series
from tests.support.shop import failing_run

from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.stages import StageReport
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.summary import Reason, ScenarioSummary
from loadworthy.analysis.verdict import Verdict
from loadworthy.record.rundir import Run
from loadworthy.report.junit import junit_xml

SCHEMA = xmlschema.XMLSchema(Path(__file__).resolve().parents[1] / "support" / "junit.xsd")


def test_golden(tmp_path: Path) -> None:
    """Failures, errors and passes in their suites."""
    assert_golden("junit.xml", junit_xml(summarize(failing_run(tmp_path))))


@pytest.mark.parametrize("make", EVERY_RUN.values(), ids=list(EVERY_RUN))
def test_it_is_valid_by_the_schema(make: Callable[[Path], Run], tmp_path: Path) -> None:
    """Whatever the run, whatever is in its names; and the counts are those of the elements."""
    text = junit_xml(summarize(make(tmp_path)))
    SCHEMA.validate(text)
    root = ET.fromstring(text)
    for element in (root, *root):
        for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(element.attrib[attribute]) == len(element.findall(f".//{tag}"))


@pytest.mark.parametrize("broken", ["<testsuite/>", "<testsuites tests='1' failures='0' errors='0'><x/></testsuites>"])
def test_the_schema_refuses_what_is_none(broken: str) -> None:
    """It is no schema of anything."""
    assert not SCHEMA.is_valid(broken)


def test_the_reason_stands_where_a_server_looks(tmp_path: Path) -> None:
    """Some show the attribute, others the text: it is the same sentence."""
    root = ET.fromstring(junit_xml(summarize(failing_run(tmp_path))))
    told = [*root.iter("failure"), *root.iter("error")]
    assert told
    assert all(one.attrib["message"] == one.text for one in told)


@pytest.mark.parametrize(
    ("started_at", "timestamp"),
    [
        ("2026-11-20T14:05:09Z", "2026-11-20T14:05:09"),
        ("2026-11-20T15:05:09.123+01:00", "2026-11-20T14:05:09"),
        ("2026-11-20T14:05:09", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_the_start_is_utc_or_left_out(tmp_path: Path, started_at: str | None, timestamp: str | None) -> None:
    """To the second and without a zone, as servers take it."""
    summary = replace(summarize(failing_run(tmp_path)), started_at=started_at)
    root = ET.fromstring(junit_xml(summary))
    assert {suite.attrib.get("timestamp") for suite in root} == {timestamp}


def test_of_some_scenarios_the_run_stays_what_it_was(tmp_path: Path) -> None:
    """One suite, and the cases of the whole run, which know of the other scenarios."""
    summary = summarize(failing_run(tmp_path))
    whole, one = (ET.fromstring(junit_xml(summary, only)) for only in (None, ["spike"]))
    assert [suite.attrib["name"] for suite in one] == ["spike", "run"]
    assert [ET.tostring(suite) for suite in one] == [ET.tostring(suite) for suite in (whole[1], whole[3])]


@pytest.mark.parametrize(
    ("thresholds", "facts", "numbers", "failures", "errors"),
    [
        (["p50 < 1s"], {}, (0, 1), 0, 0),
        (["p50 < 1us"], {}, (0, 1), 1, 0),
        (["p99.9 < 1s"], {}, (0, 1), 0, 1),
        (["p50 < 1s"], {}, (0, 2), 0, 1),
        (["p50 < 1s"], {"ended": "interrupted", "ended_at_s": 2.0}, (0, 1), 0, 1),
        (["p50 < 1s"], {"ended": "error", "ended_at_s": 2.0}, (0, 1), 0, 2),
    ],
    ids=["pass", "fail", "undecided", "invalid", "cut short", "broke"],
)
def test_only_a_pass_is_green(
    tmp_path: Path, thresholds: list[str], facts: dict[str, Any], numbers: tuple[int, ...], failures: int, errors: int
) -> None:
    """A target missed is a failure; what could not be judged is an error, never skipped."""
    intervals = [interval(number, series("/", [1000] * 10)) for number in numbers]
    summary = summarize(make_run(tmp_path / "run", intervals, run_json=manifest({"load": thresholds}, **facts)))
    root = ET.fromstring(junit_xml(summary))
    assert (int(root.attrib["failures"]), int(root.attrib["errors"])) == (failures, errors)
    assert len(root.findall(".//failure")) == failures
    assert len(root.findall(".//error")) == errors
    assert not root.findall(".//skipped")
    assert (summary.verdict.value == "pass") == (failures + errors == 0)


def test_what_xml_forbids_is_replaced(tmp_path: Path) -> None:
    """Control characters and lone surrogates of a service's names would break every reader."""
    name = 'a\x00\x1b\x0b<&">\ud800'
    summary = summarize(
        make_run(tmp_path / "run", [interval(0, series("/x", [1000]))], run_json=manifest({"load": ()}, name="run"))
    )
    suites = {name.replace("\ud800", "\ufffe"): summary.scenarios["load"]}
    root = ET.fromstring(junit_xml(replace(summary, scenarios=suites)))
    assert root[0].attrib["name"] == 'a\ufffd\ufffd\ufffd<&">\ufffd'


def test_a_scenario_named_as_the_runs_suite(tmp_path: Path) -> None:
    """It keeps its own suite."""
    run_json = manifest({"run": ["p50 < 1s"]})
    summary = summarize(
        make_run(tmp_path / "run", [interval(0, series("/", [1000] * 10), scenario="run")], run_json=run_json)
    )
    names = [suite.attrib["name"] for suite in ET.fromstring(junit_xml(summary))]
    assert names == ["run", "(run)"]


def cases_of(one: ScenarioSummary) -> dict[str, ET.Element]:
    root = ET.fromstring(junit_xml(whole(one)))
    return {case.attrib["name"]: case for case in root[0]}


def outcome(case: ET.Element) -> str:
    """``pass``, ``fail`` or ``undecided``."""
    (child,) = case
    return "pass" if child.tag == "system-out" else child.attrib["type"]


def test_a_search_is_a_case_and_so_is_the_recovery() -> None:
    """With the verdicts that they have as reasons; nothing of it is told a second time."""
    never = Recovery(None, False, 40.0)
    cases = cases_of(stressed(never))
    assert list(cases) == ["p95 < 500ms", "error_rate < 1%", "the capacity", "the overload", "the recovery"]
    assert [outcome(case) for case in cases.values()] == ["pass"] * 4 + ["fail"]
    assert cases["the recovery"][0].attrib["message"] == never.sentence
    late = Reason(Verdict.UNDECIDED, "it was interrupted")
    one = stressed()
    assert outcome(cases_of(replace(one, reasons=(*one.reasons, late)))["the scenario ran as planned"]) == "undecided"


def test_each_drift_is_a_case() -> None:
    """One that fails is a failure, one that may be an error, and neither is told a second time."""
    cases = cases_of(enduring())
    assert {name: outcome(case) for name, case in cases.items() if "drift" in name} == {
        "the drift of response_time_p95": "pass",
        "the drift of error_rate": "pass",
        "the drift of memory_bytes": "fail",
        "the drift of threads": "undecided",
    }
    assert "the scenario ran as planned" not in cases


def test_the_recovery_after_stages_is_a_case() -> None:
    """It describes; it fails nothing that the scenario's verdict does not."""
    recovery = Recovery(None, False, 20.0)
    cases = cases_of(scenario(stages=StageReport((), None, (), recovery)))
    assert outcome(cases["the recovery"]) == "pass"
    assert cases["the recovery"][0].text == recovery.sentence
