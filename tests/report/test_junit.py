"""JUnit XML: a golden, and that nothing but a pass looks green."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from tests.support.golden import assert_golden
from tests.support.runs import interval, make_run, manifest, series
from tests.support.shop import failing_run

from loadworthy.analysis.summarize import summarize
from loadworthy.report.junit import junit_xml


def test_golden(tmp_path: Path) -> None:
    """Failures, errors and passes in their suites."""
    assert_golden("junit.xml", junit_xml(summarize(failing_run(tmp_path))))


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
    from dataclasses import replace

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
