"""Which series a threshold means by tag; patterns are in test_thresholds.py and test_windows.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.runs import interval, series

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.selection import Rank, Tags, rank_of
from loadworthy.analysis.thresholds import ThresholdResult, evaluate
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.load import plan_from_mapping
from loadworthy.plan.thresholds import parse_threshold

SPEC: dict[str, Any] = {
    "on_start": [{"path": "/login", "method": "POST", "tags": ["auth"]}],
    "endpoints": [
        {"path": "/cart/{{ id }}", "name": "/cart/[id]", "tags": ["checkout", "slow"]},
        {"path": "/pay", "method": "POST", "tags": ["checkout"]},
        {"path": "/items/{{ id }}"},
    ],
    "roles": {
        "trader": {
            "flow": [
                {"websocket": {"path": "/ws?x=1"}, "tags": ["socket"]},
                {"request": {"name": "quote", "text": "q"}, "tags": ["socket"]},
                {"expect_push": {"name": "price"}, "tags": ["push"]},
                {"events": {"name": "news", "path": "/news"}, "tags": "push"},
                {"stream": {"name": "voice", "size": 10, "count": 3}, "tags": ["voice"]},
                {"ping": {}, "tags": ["socket"]},
                {"close": {"code": 1001}, "tags": ["socket"]},
                {"wait": "1s", "tags": ["nothing"]},
            ]
        }
    },
}


@pytest.mark.parametrize(
    ("tag", "series_of_it"),
    [
        ("auth", {("POST", "/login")}),
        ("checkout", {("GET", "/cart/[id]"), ("POST", "/pay")}),
        ("slow", {("GET", "/cart/[id]")}),
        ("socket", {("connect", "/ws"), ("message", "quote"), ("ping", "/ws"), ("close", "/ws 1001")}),
        ("push", {("push", "price"), ("push", "news"), ("sse", "news")}),
        ("voice", {("stream", "voice")}),
        ("nothing", set()),
    ],
)
def test_the_series_of_a_tag_are_those_of_its_steps(tag: str, series_of_it: set[tuple[str, str]]) -> None:
    """Wherever the steps stand, and by the names that they give their series."""
    assert Tags.of(SPEC).series[tag] == series_of_it


def test_a_scenarios_own_tags_hold_for_all_its_series() -> None:
    """But parts are no series."""
    tags = Tags.of({"tags": ["nightly"], **SPEC})
    assert rank_of("tag:nightly", ("GET", "/anything"), tags) is Rank.NAME
    assert rank_of("tag:nightly", ("connect", "h"), tags, is_part=True) is None
    assert rank_of("tag:auth", ("GET", "/anything"), tags) is None
    assert tags.known == sorted(["nightly", "auth", "checkout", "slow", "socket", "push", "voice", "nothing"])


def test_a_plan_that_was_read_says_the_same() -> None:
    """Tags may be one word or several; in the form that a run keeps they are a list."""
    endpoints = [{"path": "/a", "tags": "one"}, {"path": "/b"}]
    plan = {"base_url": "http://h", "scenarios": {"load": {"endpoints": endpoints}}}
    loaded = plan_from_mapping(plan, path=Path("plan"))
    assert Tags.of(loaded.redacted_json["scenarios"]["load"]).series == {"one": frozenset({("GET", "/a")})}


def judged(text: str, tags: Tags) -> ThresholdResult:
    totals = ScenarioTotals("load")
    totals.add(interval(0, series("/cart/[id]", [400_000] * 100), series("/items/{{ id }}", [1000] * 900)))
    return evaluate(parse_threshold(text), totals, tags=tags)


def test_a_tag_is_judged_over_all_its_series() -> None:
    """As one; those that were not done do not matter."""
    assert judged("p95 < 500us", Tags.of(SPEC)).verdict is Verdict.FAIL
    result = judged("tag:checkout p95 < 500ms", Tags.of(SPEC))
    assert (result.verdict, result.reason) == (
        Verdict.PASS, "tag:checkout p95 was 400 ms over 100 requests, limit 500 ms",
    )  # fmt: skip


def test_a_tag_that_is_not_there_is_undecided() -> None:
    """The sentence says which there are; and tells it from one whose steps were never done."""
    result = judged("tag:chekout p95 < 500ms", Tags.of(SPEC))
    assert result.verdict is Verdict.UNDECIDED
    assert result.reason.startswith("no step has the tag 'chekout'; there are: auth, checkout, ")
    assert judged("tag:x p95 < 1s", Tags.of({})).reason == "no step has the tag 'x'; no step has any"
    assert "none of its steps was done" in judged("tag:voice p95 < 1s", Tags.of(SPEC)).reason
