"""What happened, in words and on the time axis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.report.searches import scenario, stressed
from tests.support.runs import START_MS

from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.stages import FailurePoint, StageFigures, StageReport
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.report.figures.marks import MOST_SHOWN, Moment, judged_moments, marks_columns, moments, shown


def event(kind: str, at_s: float | None, scenario: str | None = "load", **more: Any) -> dict[str, Any]:
    at = {} if at_s is None else {"at_ms": START_MS + round(at_s * 1000)}
    return {"type": kind, "scenario": scenario, **at, **more}


def breach(kind: str, at_s: float, expression: str = "p95 < 1s") -> dict[str, Any]:
    message = f"load: {expression} is missed"
    return event(f"threshold_{kind}", at_s, expression=expression, message=message)


def found(*events: dict[str, Any], end_s: float = 60.0) -> list[Moment]:
    return moments(events, "load", START_MS, end_s)


@pytest.mark.parametrize(
    ("given", "words", "is_bad"),
    [
        (event("stage", 5, index=1, users=50), "stage 2, 50 users", False),
        (event("stage", 5, index=0, rate=200.0), "stage 1, 200.0/s", False),
        (event("worker_lost", 5, None, process=2), "worker 2 was lost", True),
        (event("worker_joined", 5, None, process=3), "worker 3 joined", False),
        (event("interrupted", 5, None, message="Ctrl-C"), "interrupted: Ctrl-C", True),
        (event("warning", 5, message="few ports"), "warning: few ports", False),
        (event("load_changed", 5, message="by hand: half the load"), "by hand: half the load", False),
    ],
)
def test_moments_have_words(given: dict[str, Any], words: str, is_bad: bool) -> None:
    """Without the name of the scenario, which stands above; what is bad is marked so."""
    assert found(given) == [Moment(5.0, words, is_bad)]


@pytest.mark.parametrize(
    "given",
    [
        event("stage", 5, "other", index=1, users=50),
        event("stage", -1, index=0, users=1),
        event("stage", 61, index=1, users=1),
        event("stage", None, index=1, users=1),
        event("stage", 5, index=1, users=1) | {"at_ms": "soon"},
        event("scenario_started", 0, users=1),
        event("trial", 5, message="trial 1"),
        event("nothing that is known", 5),
        breach("recovered", 5),
    ],
)
def test_what_is_no_mark(given: dict[str, Any]) -> None:
    """Of another scenario, before or after it, at no known time, or nothing that its charts would show."""
    assert found(given) == []


def test_a_missed_threshold_is_a_stretch() -> None:
    """To where it held again, or to the end; a second word of the same breach begins no new one."""
    stretches = found(
        breach("breached", 10), breach("breached", 12), breach("recovered", 20), breach("breached", 30),
        breach("breached", 25, "p99 < 2s"),
    )  # fmt: skip
    assert [(one.at_s, one.to_s) for one in stretches] == [(10.0, 20.0), (25.0, 60.0), (30.0, 60.0)]
    assert stretches[0].words == "p95 < 1s is missed"
    assert all(one.is_bad for one in stretches)


def test_a_breach_lies_within_the_run() -> None:
    """One that was told of before the first interval begins with it; none is shorter than nothing."""
    assert [(one.at_s, one.to_s) for one in found(breach("breached", -2))] == [(0.0, 60.0)]
    (late,) = found(breach("breached", 61))
    assert late.to_s is not None
    assert late.to_s >= late.at_s


def test_moments_are_in_the_order_of_time() -> None:
    """Whatever the order of the events."""
    given = [event("stage", at_s, index=at_s, users=1) for at_s in (20, 5, 11)]
    assert [one.at_s for one in found(*given)] == [5.0, 11.0, 20.0]


def test_of_very_many_what_is_bad_is_shown_first() -> None:
    """A run of a thousand stages does not fill its page with them, nor hide what went wrong behind them."""
    given = [event("stage", at_s, index=at_s, users=1) for at_s in range(1000)]
    given.append(event("worker_lost", 990.5, None, process=2))
    *kept, rest = shown(found(*given, end_s=1000.0))
    assert len(kept) == MOST_SHOWN
    assert rest.words == "and 941 more, in events.jsonl"
    assert [one.words for one in kept if one.is_bad] == ["worker 2 was lost"]
    assert [one.at_s for one in kept] == sorted(one.at_s for one in kept)
    assert shown(found(*given[:3])) == found(*given[:3]), "of a few each one"


def staged(recovery: Recovery | None) -> ScenarioSummary:
    """Stages of 10, 50 and 10 users, of which the second was too much."""
    stages = tuple(
        StageFigures(index, users, 40.0 * index, 40.0 * (index + 1), 100, 0, 0.0, 10.0, 20.0)
        for index, users in enumerate((10, 50, 10))
    )
    points = (FailurePoint("p95 < 500ms", 1, 50, 40.0),)
    return scenario(stages=StageReport(stages, 100.0, points, recovery))


@pytest.mark.parametrize(
    ("recovery", "recovered"),
    [
        (None, []),
        (Recovery(14.0, True, 40.0), [Moment(94.0, "recovered, 14 s after the overload")]),
        (
            Recovery(None, False, 40.0),
            [Moment(80.0, "it did not recover within 40 s of the overload's end", is_bad=True)],
        ),
        (
            Recovery(None, None, 3.0),
            [Moment(80.0, "whether it recovers is not known: the run ended 3 s after the overload")],
        ),
    ],
    ids=["no question", "it did", "it did not", "not known"],
)
def test_where_thresholds_broke_first_and_when_it_had_recovered(
    recovery: Recovery | None, recovered: list[Moment]
) -> None:
    """Counted from the end of the highest stage."""
    broke = Moment(40.0, "p95 < 500ms broke first in the stage that begins: 50 users", is_bad=True)
    assert judged_moments(staged(recovery)) == [broke, *recovered]


def test_the_overload_of_a_stress_is_a_stretch() -> None:
    """From its beginning to its end, after which it recovered."""
    one = stressed()
    assert one.search is not None
    assert one.search.overload is not None
    report = replace(one.search, overload=replace(one.search.overload, from_s=100.0))
    assert judged_moments(replace(one, search=report)) == [
        Moment(100.0, "overload: 599.2/s, 1.5 times the capacity", True, 130.0),
        Moment(144.0, "recovered, 14 s after the overload"),
    ]


def test_a_scenario_of_one_load_has_nothing_to_judge() -> None:
    """Neither stages nor an overload."""
    assert judged_moments(scenario()) == []


def test_the_data_set() -> None:
    """A moment has no end."""
    columns = marks_columns([Moment(1.5, "a stage"), Moment(2.0, "missed", True, 4.0)])
    assert columns == {
        "shade_ms": [2000, None], "shade_to_ms": [4000, None],
        "at_ms": [1500, 2000], "to_ms": [None, 4000], "words": ["a stage", "missed"], "bad": [False, True],
    }  # fmt: skip


def test_stretches_that_overlap_are_one_shade() -> None:
    """Else the more thresholds there are, the less is seen of the lines beneath."""
    stretches = [Moment(from_s, "missed", True, to_s) for from_s, to_s in ((1.0, 3.0), (5.0, 6.0), (2.0, 4.0))]
    columns = marks_columns([*stretches, Moment(9.0, "a stage")])
    assert columns["shade_ms"] == [1000, 5000, None, None]
    assert columns["shade_to_ms"] == [4000, 6000, None, None]
    assert columns["to_ms"] == [3000, 6000, 4000, None], "what is told of a moment is still told of each"
