"""What each stage was like, where thresholds broke, and recovery: against naive counts and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.runs import START_MS, ended, interval, make_run, manifest, open_run, series, started

from loadworthy.analysis.summarize import summarize
from loadworthy.record.interval import Interval

Json = dict[str, Any]
GOOD, SLOW = 10_000, 900_000


def stage(index: int, users: int, at_s: float) -> Json:
    return {"at_ms": START_MS + round(at_s * 1000), "type": "stage", "scenario": "load", "index": index, "users": users}


def second(number: int, count: int, time_us: int = GOOD, failed: int = 0, **changes: Any) -> Interval:
    failures = {"status": failed} if failed else None
    return interval(number, series("/items", [time_us] * count, failures=failures), **changes)


def judged(
    path: Path, intervals: list[Interval], stages: list[Json], thresholds: list[str], kind: str = "stress"
) -> Json:
    """The scenario's part of ``summary.json``."""
    run_json = manifest({"load": thresholds})
    spec = run_json["plan"]["scenarios"]["load"]
    spec["stages"] = [{"duration": "10s", "users": event["users"]} for event in stages]
    spec["kind"] = kind
    events = [started(), *stages, ended()]
    scenario: Json = summarize(make_run(path / "run", intervals, events=events, run_json=run_json)).to_json()[
        "scenarios"
    ]["load"]
    return scenario


def recovery_in(scenario: Json) -> tuple[float | None, bool | None]:
    """When, and whether."""
    return scenario["recovery"]["time_s"], scenario["recovery"]["recovered"]


STAGES = [stage(0, 5, 0), stage(1, 20, 10), stage(2, 40, 20), stage(3, 5, 30)]


def climb(recovers_at: int | None = 34) -> list[Interval]:
    """Ten seconds each of 100/s, 200/s and (slow, a tenth failed) 150/s; then slow until it recovers."""
    slow_until = 99 if recovers_at is None else recovers_at
    return [
        *(second(number, 100) for number in range(10)),
        *(second(number, 200) for number in range(10, 20)),
        *(second(number, 150, SLOW, failed=15) for number in range(20, 30)),
        *(second(number, 100, SLOW if number < slow_until else GOOD) for number in range(30, 40)),
    ]


def test_figures_of_each_stage(tmp_path: Path) -> None:
    """Counts, rates and percentiles of the intervals between two events of a stage."""
    scenario = judged(tmp_path, climb(), STAGES, ["p95 < 500ms", "error_rate < 5%", "throughput > 1000/s"])
    keys = ("index", "users", "from_s", "to_s", "requests", "failures", "error_rate", "throughput", "p95_ms")
    rows = [tuple(one[key] for key in keys) for one in scenario["stages"]]
    assert rows[:3] == [
        (0, 5, 0.0, 10.0, 1000, 0, 0.0, 100.0, pytest.approx(10, rel=0.001)),
        (1, 20, 10.0, 20.0, 2000, 0, 0.0, 200.0, pytest.approx(10, rel=0.001)),
        (2, 40, 20.0, 30.0, 1500, 150, 0.1, 150.0, pytest.approx(900, rel=0.001)),
    ]
    assert rows[3][:6] == (3, 5, 30.0, 40.0, 1000, 0)


def test_what_was_carried_what_broke_and_when_it_recovered(tmp_path: Path) -> None:
    """The best rate of a stage that held; each threshold's first failure; the time until three good seconds."""
    scenario = judged(tmp_path, climb(), STAGES, ["p95 < 500ms", "error_rate < 5%", "throughput > 1000/s"])
    assert scenario["max_sustained_throughput"] == 200.0
    assert scenario["failure_points"] == [
        {"threshold": "p95 < 500ms", "stage": 2, "users": 40, "at_s": 20.0},
        {"threshold": "error_rate < 5%", "stage": 2, "users": 40, "at_s": 20.0},
    ]
    assert recovery_in(scenario) == (4.0, True)
    assert (scenario["recovery"]["observed_s"], scenario["recovery"]["ideal_s"]) == (10.0, None)


def test_only_a_stage_that_surely_held_counts(tmp_path: Path) -> None:
    """Not one that broke at a higher rate, and not one with too few requests to say."""
    intervals = [
        *(second(number, 3) for number in range(10)),
        *(second(number, 9) for number in range(10, 20)),
        *(second(number, 500, SLOW) for number in range(20, 30)),
    ]
    scenario = judged(tmp_path, intervals, STAGES[:3], ["p95 < 500ms"])
    assert scenario["max_sustained_throughput"] == 9.0
    few = judged(tmp_path / "few", [second(0, 3), *intervals[20:]], STAGES[:3], ["p95 < 500ms"])
    assert few["max_sustained_throughput"] is None


def test_thresholds_on_throughput_and_counts_break_in_no_stage(tmp_path: Path) -> None:
    """They are of the whole scenario; where there are no others, nothing is said of stages."""
    scenario = judged(tmp_path, climb(), STAGES, ["throughput > 1000/s", "requests > 1000000"])
    assert scenario["failure_points"] == []
    assert scenario["max_sustained_throughput"] is None
    assert "recovery" not in scenario


def test_without_thresholds_the_implied_one_counts(tmp_path: Path) -> None:
    """No request may fail; and as long as many more are under way than before, it is not itself again."""
    scenario = judged(tmp_path, climb(), STAGES, [])
    assert [point["stage"] for point in scenario["failure_points"]] == [2]
    assert recovery_in(scenario) == (4.0, True)


def test_never_recovered_is_null(tmp_path: Path) -> None:
    """Not the length of the last stage, which would look like an answer."""
    scenario = judged(tmp_path, climb(None), STAGES, ["p95 < 500ms"])
    assert recovery_in(scenario) == (None, False)


@pytest.mark.parametrize(
    ("good", "time_s"),
    [
        ({30, 31, 32, 33}, 0.0),
        ({30, 31, 33, 34}, None),
        ({30, 31, 33, 34, 35, 36}, 3.0),
        ({37, 38, 39}, 7.0),
        ({38, 39}, None),
    ],
)
def test_three_seconds_in_a_row_make_a_recovery(tmp_path: Path, good: set[int], time_s: float | None) -> None:
    """One or two good ones between bad ones do not; what ends slowly in a second was meant to be sent before it."""
    after = [second(number, 100, GOOD if number in good else SLOW) for number in range(30, 40)]
    scenario = judged(tmp_path, [*climb()[:30], *after], STAGES, ["p95 < 500ms"])
    assert scenario["recovery"]["time_s"] == time_s


def test_a_second_without_an_answer_is_not_good(tmp_path: Path) -> None:
    """Nor is one that is missing, nor one in which users were already stopping."""
    silent = [second(30, 0), second(31, 9), second(32, 9), second(34, 9), second(35, 9)]
    stopping = second(36, 9)
    stopping.stopping = True
    scenario = judged(tmp_path, [*climb()[:30], *silent, stopping], STAGES, ["p95 < 500ms"])
    assert scenario["recovery"]["recovered"] is False


def test_nobody_knows_of_a_recovery_when_the_run_ends_at_once(tmp_path: Path) -> None:
    """Two seconds after the highest stage are too few for three good ones: unknown, not never."""
    scenario = judged(tmp_path, climb()[:32], STAGES, ["p95 < 500ms"])
    assert recovery_in(scenario) == (None, None)


def test_where_nothing_broke_nothing_recovers(tmp_path: Path) -> None:
    """A threshold that held in every stage leaves no recovery to ask for, good seconds or not."""
    scenario = judged(tmp_path, climb(), STAGES, ["p50 < 5s"])
    assert scenario["failure_points"] == []
    assert "recovery" not in scenario


@pytest.mark.parametrize(("kind", "last_users"), [("load", 5), ("spike", 40)])
def test_recovery_is_asked_for_where_the_question_arises(tmp_path: Path, kind: str, last_users: int) -> None:
    """Of kind stress and spike, and only if the load went down again."""
    stages = [*STAGES[:3], stage(3, last_users, 30)]
    assert "recovery" not in judged(tmp_path, climb(), stages, ["p95 < 500ms"], kind)
    assert "recovery" in judged(tmp_path / "other", climb(), STAGES, ["p95 < 500ms"], "spike")


def test_processes_are_added_up(tmp_path: Path) -> None:
    """Two processes with half of the load each make the same stages as one; each on a clock of its own."""
    halves = []
    for process in (1, 2):
        for number in range(20):
            one = second(number, 50 if number < 10 else 100, process=process)
            one.start_ms += 300 * (process - 1)
            halves.append(one)
    scenario = judged(tmp_path, halves, STAGES[:2], ["p95 < 500ms"])
    assert [one["requests"] for one in scenario["stages"]] == [1000, 2000]
    assert scenario["stages"][0]["throughput"] == pytest.approx(1000 / 10.3)


def test_a_stage_that_never_ran_is_not_there(tmp_path: Path) -> None:
    """A run that was killed in its second stage has two; one without an interval has no rate."""
    scenario = judged(tmp_path, climb()[:10], STAGES[:2], ["p95 < 500ms"])
    assert [(one["requests"], one["throughput"]) for one in scenario["stages"]] == [(1000, 100.0), (0, None)]
    assert scenario["max_sustained_throughput"] == 100.0


def test_a_scenario_without_stages_has_none(tmp_path: Path) -> None:
    """Its one event of a stage is the engine's own way to begin."""
    run = make_run(tmp_path / "run", climb(), events=[started(), stage(0, 5, 0), ended()])
    scenario = summarize(run).to_json()["scenarios"]["load"]
    assert {"stages", "failure_points", "recovery", "max_sustained_throughput"}.isdisjoint(scenario)


def test_stages_of_an_open_workload_have_rates(tmp_path: Path) -> None:
    """The rate of each, the users that were at work, and what was dropped; closed ones have none of it."""
    scenario = summarize(open_run(tmp_path)).to_json()["scenarios"]["orders"]
    rows = [(one["rate"], one["users"], one["dropped"], one["requests"]) for one in scenario["stages"]]
    assert rows == [(100.0, 20, 0, 1000), (200.0, 20, 10, 1990)]
    assert {"rate", "dropped"}.isdisjoint(judged(tmp_path, climb(), STAGES, [])["stages"][0])


def test_an_open_stage_breaks_at_a_rate_by_its_drops_too(tmp_path: Path) -> None:
    """And the highest stage is that of the highest rate, after which recovery is looked for."""
    rates = (50.0, 200.0, 50.0)
    stages = [stage(index, 0, 10 * index) | {"rate": rate} for index, rate in enumerate(rates)]
    arrivals = [
        {"scheduled": 200, "sent": 100, "dropped": 100} if 10 <= number < 22 else {"scheduled": 50, "sent": 50}
        for number in range(30)
    ]
    intervals = [second(number, 50, **one) for number, one in enumerate(arrivals)]
    scenario = judged(tmp_path, intervals, stages, ["p95 < 500ms"])
    assert scenario["failure_points"] == [
        {"threshold": "p95 < 500ms", "stage": 1, "users": 10, "at_s": 10.0, "rate": 200.0}
    ]
    assert recovery_in(scenario) == (2.0, True)
