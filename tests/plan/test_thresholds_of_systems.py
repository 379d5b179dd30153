"""Limits that teams have written down, as thresholds: each can be said, and says what they mean.

They come from two load-testing suites: a platform with performance targets by area and regression limits for its
pipeline, and a framework whose scenarios have thresholds in the short form.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.runs import interval, part, series

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.selection import Tags
from loadworthy.analysis.thresholds import evaluate
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.load import plan_from_mapping
from loadworthy.plan.thresholds import parse_threshold, threshold_from_mapping

TARGETS = {
    "Authentication: < 500ms average": "* /api/auth/* mean < 500ms",
    "CRM Operations: < 1000ms average": "* /api/crm/* mean < 1000ms",
    "Calendar Operations: < 800ms average": "* /api/calendar/* mean < 800ms",
    "Search Operations: < 1500ms average": "GET /api/crm/contacts/search mean < 1500ms",
    "WebSocket Connection: < 2000ms setup": "connect * max < 2000ms",
    "Rate Limit Compliance: < 120 req/min per user": "requests_per_user_minute < 120",
    "Overall Error Rate: < 1%": "error_rate < 1%",
    "Authentication Errors: < 0.5%": "* /api/auth/* error_rate < 0.5%",
    "Critical Path Errors: < 0.1%": "tag:critical error_rate < 0.1%",
}
REGRESSIONS = {
    "Fail if average response time > 2000ms": "mean <= 2000ms",
    "Fail if error rate > 2%": "error_rate <= 2%",
    "Fail if 95th percentile > 5000ms": "p95 <= 5000ms",
}
PLAN: dict[str, Any] = {
    "base_url": "http://localhost:8001",
    "scenarios": {
        "load": {
            "endpoints": [
                {"path": "/api/auth/login", "method": "POST", "tags": ["critical"]},
                {"path": "/api/crm/contacts", "method": "POST", "tags": "critical"},
                {"path": "/api/crm/contacts/search"},
                {"path": "/api/calendar/events"},
            ],
            "thresholds": [*TARGETS.values(), *REGRESSIONS.values()],
        }
    },
}


def totals(slower: int, failed: int) -> ScenarioTotals:
    """Fifty users for a minute; requests so many times slower than 100 ms, so many of 1,000 failed."""
    failures = {"status": failed} if failed else {}
    made = ScenarioTotals("load")
    names = ("/api/auth/login", "/api/crm/contacts", "/api/crm/contacts/search", "/api/calendar/events")
    kinds = ("POST", "POST", "GET", "GET")
    parts = [
        series(name, [100_000 * slower] * 1000, kind=kind, failures=failures)
        for name, kind in zip(names, kinds, strict=True)
    ]
    sockets = part("connect", "/ws", [100_000 * slower] * 20)
    made.add(interval(0, *parts, sockets, users=50 if slower == 1 else 20, duration_ms=60_000))
    return made


@pytest.mark.parametrize(("text", "expression"), [*TARGETS.items(), *REGRESSIONS.items()])
def test_each_limit_can_be_written_and_tells_good_from_bad(text: str, expression: str) -> None:
    """It holds where requests are quick and good, and is missed where they are sixty times slower and fail."""
    loaded = plan_from_mapping(PLAN, path=Path("plan.yaml"))
    tags = Tags.of(loaded.redacted_json["scenarios"]["load"])
    threshold = parse_threshold(expression)
    assert threshold.expression in loaded.plan.scenarios["load"].thresholds, text
    assert evaluate(threshold, totals(1, 0), tags=tags).verdict is Verdict.PASS
    bad = evaluate(threshold, totals(60, 60), tags=tags)
    assert bad.verdict is Verdict.FAIL, (text, bad.reason)


@pytest.mark.parametrize("expression", REGRESSIONS.values())
def test_a_regression_limit_itself_is_still_good(expression: str) -> None:
    """ "Fail if > 2000 ms" does not fail at 2,000 ms."""
    made = ScenarioTotals("load")
    limit_us = 5_000_000 if expression.startswith("p95") else 2_000_000
    made.add(interval(0, series("/a", [limit_us] * 1000, failures={"status": 20})))
    assert evaluate(parse_threshold(expression), made).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("key", "value", "expression"),
    [
        ("response_time_p95", 1000, "p95 <= 1000ms"),
        ("error_rate", 0.01, "error_rate <= 1%"),
        ("throughput", 5, "throughput >= 5/s"),
        ("response_time_p50", 200, "p50 <= 200ms"),
        ("response_time_p90", 400, "p90 <= 400ms"),
        ("response_time_p99", 1000, "p99 <= 1000ms"),
    ],
)
def test_the_keys_of_the_framework_load_as_they_stand(key: str, value: float, expression: str) -> None:
    """Its README's example, and each of the metrics that it names for load tests."""
    assert threshold_from_mapping(key, value) == expression
    spec = {"users": 1, "spawn_rate": 1, "run_time": "30s", "endpoints": [{"path": "/"}], "thresholds": {key: value}}
    plan = {"base_url": "http://localhost:8000", "scenarios": {"smoke": spec}}
    loaded = plan_from_mapping(plan, path=Path("plan.yaml"))
    assert loaded.plan.scenarios["smoke"].thresholds == (expression,)
