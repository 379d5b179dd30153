"""A run in steps of time: every request in one of them, whatever the order, the clocks and the number of processes."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.support.runs import START_MS, interval, series

from loadworthy.record.histogram import Histogram
from loadworthy.report.steps import ALL_TOGETHER, Steps


def two_processes() -> list[object]:
    """The second process's seconds begin 300 ms later."""
    return [
        replace(
            interval(second, series("/a", [1000 * (second + 1)] * 3, failures={"status": 1}), series("/b", [500] * 2)),
            process=process,
            start_ms=START_MS + 1000 * second + 300 * process,
        )
        for process in (0, 1)
        for second in range(6)
    ]


def test_a_step_holds_all_processes() -> None:
    """By the middle of each interval; what the intervals cover is told."""
    steps = list(Steps(two_processes()).of("load"))  # type: ignore[arg-type]
    assert [(step.at_s, step.key) for step in steps] == [
        *((second, ("GET", "/a")) for second in range(6)), *((second, ("GET", "/b")) for second in range(6))
    ]  # fmt: skip
    second = steps[1]
    assert (second.start_ms, second.end_ms) == (START_MS + 1000, START_MS + 2300)
    assert (second.requests, second.failures, second.failure_kinds) == (6, 2, {"status": 2})
    assert second.times == Histogram.of([2000] * 6)


def test_longer_steps_and_all_series_together_hold_the_same() -> None:
    """Nothing is lost, nothing counted twice, and the order of the intervals does not matter."""
    intervals = two_processes()
    expected = {(step.at_s, step.key): step for step in Steps(intervals).of("load", 4)}  # type: ignore[arg-type]
    random.Random(5).shuffle(intervals)
    steps = Steps(intervals)  # type: ignore[arg-type]
    assert {(step.at_s, step.key): step for step in steps.of("load", 4)} == expected
    assert sorted(at_s for at_s, _ in expected) == [0, 0, 4, 4]
    together = list(steps.together("load", 4))
    assert [step.key for step in together] == [ALL_TOGETHER, ALL_TOGETHER]
    for found in (together, list(expected.values())):
        assert sum(step.requests for step in found) == 60
        assert Histogram.merged(step.times for step in found).count == 60
    assert [step.requests for step in together] == [40, 20]


def test_scenarios_have_clocks_of_their_own() -> None:
    """A step counts from its scenario's first interval; one without requests has no step, but is known."""
    steps = Steps([interval(0, series()), interval(5, series("/", [1]), scenario="late"), interval(7, scenario="idle")])
    assert steps.scenarios() == ["load", "late", "idle"]
    assert [step.at_s for step in steps.of("late")] == [0]
    assert (steps.start_ms("late"), steps.end_ms("late")) == (START_MS + 5000, START_MS + 6000)
    assert list(steps.of("idle")) == []
    assert steps.end_ms("idle") == START_MS + 7000
    assert list(steps.of("nobody")) == []
