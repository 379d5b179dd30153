"""From the events and segments of a search to the capacity, what limits it, and where things broke first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.support import runs

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.capacity import capacity_of, capacity_sentence, trial_sentence
from loadworthy.analysis.segments import SegmentData
from loadworthy.plan.model import Scenario

Json = dict[str, Any]
FAST, SLOW = 10_000, 900_000


def scenario(**keys: Any) -> Scenario:
    return Scenario.model_validate({"kind": "capacity", "thresholds": ["p95 < 500ms", "error_rate < 1%"], **keys})


def segment(series: Mapping[str, tuple[int, int, int]]) -> SegmentData:
    """Name → (fast, slow, failed) requests of one trial."""
    data = SegmentData(ScenarioTotals("find"))
    measured = [
        runs.series(name, [FAST] * fast + [SLOW] * slow, failures={"status": failed} if failed else {})
        for name, (fast, slow, failed) in series.items()
    ]
    count = sum(one.requests for one in measured)
    interval = runs.interval(0, *measured, scenario="find", scheduled=count, sent=count)
    interval.iterations = count
    data.add(interval)
    return data


def trial(number: int, rate: float, is_bad: bool, **keys: Any) -> Json:
    return {
        "type": "trial", "scenario": "find", "number": number, "purpose": "grow", "rate": rate, "duration_s": 10.0,
        "took_s": 11.0, "sending_s": 10.0, "is_bad": is_bad, "by_generator": None, "low": 10.0, "high": None, **keys,
    }  # fmt: skip


def found(
    ended: str = "found", rate: float | None = 100.0, low: float | None = 97.0, high: float | None = 104.0
) -> Json:
    return {"type": "capacity", "scenario": "find", "rate": rate, "low": low, "high": high, "ended": ended}


GOOD = {"/a": (95, 0, 0), "/b": (95, 0, 0)}
EVENTS = [
    trial(1, 50, False),
    trial(2, 100, False),
    trial(3, 200, True),
    trial(4, 150, True),
    trial(5, 100, False, duration_s=30.0),
]
SEGMENTS = {
    1: segment(GOOD),
    2: segment(GOOD),
    3: segment({"/a": (50, 50, 0), "/b": (100, 0, 60)}),
    4: segment({"/a": (80, 20, 0), "/b": (100, 0, 0)}),
    5: segment(GOOD),
}


def test_the_answer_is_that_of_the_run_with_all_its_trials() -> None:
    """Rate and bounds as the event tells them; the longest good trial at that rate speaks for it."""
    report = capacity_of("find", scenario(), [*EVENTS, found()], SEGMENTS)
    assert report.bounds == (97.0, 100.0, 104.0)
    assert [(one.number, one.rate, one.is_bad) for one in report.trials] == [
        (1, 50, False), (2, 100, False), (3, 200, True), (4, 150, True), (5, 100, False),
    ]  # fmt: skip
    assert report.confirmed is not None
    assert report.confirmed.number == 5
    assert report.to_json()["trials"][2]["objectives"][0] == {
        "expression": "p95 < 500ms", "bad_share": 0.55, "allowed": 0.05, "broken": True,
    }  # fmt: skip


def test_it_is_limited_by_what_broke_at_the_lowest_rate_that_was_too_much() -> None:
    """At 150/s the p95; that far more failed at 200/s does not matter."""
    assert capacity_of("find", scenario(), [*EVENTS, found()], SEGMENTS).limited_by == "p95 < 500ms"


def test_each_thing_breaks_once_at_its_lowest_rate() -> None:
    """The whole and a series of its own, and kinds of failure; the lowest rates come first."""
    points = capacity_of("find", scenario(), [*EVENTS, found()], SEGMENTS).breaking_points
    assert [(one.what, one.series, one.rate, one.trial) for one in points] == [
        ("p95 < 500ms", None, 150, 4),
        ("p95 < 500ms", "GET /a", 150, 4),
        ("error_rate < 1%", None, 200, 3),
        ("error_rate < 1%", "GET /b", 200, 3),
        ("failures: status", "GET /b", 200, 3),
        ("p95 < 500ms", "GET /b", 200, 3),
    ]


def test_a_trial_that_the_generator_spoilt_breaks_nothing() -> None:
    """It says nothing of the target, neither as its limit nor as a breaking point."""
    events = [trial(1, 50, False), trial(3, 200, True, by_generator="it was late")]
    report = capacity_of("find", scenario(), [*events, found("generator", 50.0, 50.0, None)], SEGMENTS)
    assert report.breaking_points == ()
    assert report.limited_by == "the load generator"
    assert capacity_sentence(report) == ("the generator was the limit before the service was: it is at least 50.0/s")
    assert report.to_json()["trials"][1]["verdict"] == "generator"


def test_a_search_without_an_end_has_the_bounds_so_far() -> None:
    """Those that the last trial told."""
    events = [trial(1, 50, False, low=50.0), trial(3, 200, True, low=50.0, high=200.0)]
    report = capacity_of("find", scenario(), events, SEGMENTS)
    assert (report.bounds, report.result.ended) == ((50.0, 50.0, 200.0), "unfinished")
    assert capacity_of("find", scenario(), [], {}).bounds == (None, None, None)


def test_events_of_another_scenario_are_nobodys() -> None:
    """Two searches may stand in one run."""
    report = capacity_of("find", scenario(), [{**event, "scenario": "other"} for event in (*EVENTS, found())], {})
    assert report.trials == ()


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (found(), "carries 100.0/s; the limit lies between 97.0/s and 104.0/s, where p95 < 500ms breaks first"),
        (found("max_rate", 150.0, 140.0, None), "it safely carries 150.0/s, and no higher rate was allowed"),
        (found("max_duration", 100.0, 97.0, 140.0), "the time was up before it was found more closely"),
        (found("nothing_held", None, None, 0.6), "no rate that was tried held, not even 50.0/s; p95 < 500ms broke"),
        (found("generator", None, None, None), "the generator was the limit before the service was: nothing is known"),
    ],
)  # fmt: skip
def test_the_finding_in_words(event: Json, words: str) -> None:
    """What it carries, between which bounds, and why it is not known better."""
    assert words in capacity_sentence(capacity_of("find", scenario(), [*EVENTS, event], SEGMENTS))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "50.0/s for 10 s holds: 0.00 % bad where p95 < 500ms allows 5.00 %"),
        (2, "200.0/s for 10 s does not hold: 30.00 % bad where error_rate < 1% allows 1.00 %"),
    ],
)
def test_a_trial_in_words(number: int, words: str) -> None:
    """The objective that was missed by most, or that was nearest to it."""
    trials: Sequence[Any] = capacity_of("find", scenario(), EVENTS, SEGMENTS).trials
    assert trial_sentence({1: trials[0], 2: trials[2]}[number]) == words
