"""``report.json``: what it holds beyond the summary, of searches and endurances."""

from __future__ import annotations

import json

from tests.report.searches import DRIFTS, enduring, scenario, stressed, summary

from loadworthy.report.report_json import report_json


def test_what_a_search_found_is_in_the_summary() -> None:
    """The trials, the breaking points, the overload and the recovery."""
    data = json.loads(report_json(summary(stressed()), {}, {}, []))
    found = data["summary"]["scenarios"]["find"]
    assert [found["capacity"][key] for key in ("low", "rate", "high", "ended")] == [391.4, 399.5, 442.0, "found"]
    assert len(found["capacity"]["trials"]) == 10
    assert found["failure_points"][0]["threshold"] == "p95 < 500ms"
    assert (found["overload"]["multiple"], found["recovery"]["time_s"]) == (1.5, 14.0)


def test_remarks_on_drifts_are_kept() -> None:
    """What could not be judged; a scenario whose drift was not looked at has none of that."""
    data = json.loads(report_json(summary(enduring(), scenario("load")), {}, {}, []))
    assert data["scenarios"]["soak"]["drift_remarks"] == list(DRIFTS.remarks)
    assert data["summary"]["scenarios"]["soak"]["drift"]["memory_bytes"]["verdict"] == "fail"
    assert "drift_remarks" not in data["scenarios"]["load"]
