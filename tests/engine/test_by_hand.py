"""The load of real runs, changed by hand while they go on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.support.leading import Person, request, run_led

from loadworthy.analysis.by_hand import changes_of
from loadworthy.analysis.verdict import Verdict
from loadworthy.engine.control import Control
from loadworthy.errors import ExitCode, UsageError
from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer, Delay, Route
from loadworthy.units import US_PER_S
from loadworthy.workload.profile import LoadChange

NUMBERED = [{"path": "/{{ iteration }}", "name": "/[iteration]"}]
SHAPE = """
from pathlib import Path

from locust import HttpUser, LoadTestShape, constant, task


class Visitor(HttpUser):
    wait_time = constant(0.02)

    @task
    def look(self):
        self.client.get("/")


class AsToldByTheTest(LoadTestShape):
    def tick(self):
        users = Path(__file__).with_name("users").read_text()
        return (int(users), 2) if users else None
"""


def due_us(stages: Sequence[tuple[float, float, float]], changes: Sequence[LoadChange]) -> list[int]:
    """When evenly spaced arrivals are due, the long way: (seconds, rate at the start, at the end) in steps of 20 µs."""
    step_us, reached, times, at_us = 20, 0.0, [0], 0
    for length_s, from_rate, to_rate in stages:
        steps = round(length_s * US_PER_S / step_us)
        for step in range(steps):
            factor = next((one.factor for one in reversed(changes) if one.at_us <= at_us), 1.0)
            rate = from_rate + (to_rate - from_rate) * (step + 0.5) / steps
            reached += factor * rate * step_us / US_PER_S
            at_us += step_us
            if reached >= len(times) - 1e-6:
                times.append(at_us)
    return times[:-1] if reached <= len(times) - 1 + 1e-3 else times


def users_by_second(run: Run) -> list[int]:
    """Over all processes, at each second at which all of them looked; on a busy machine some look a while later."""
    seconds: dict[int, dict[int, int]] = {}
    for interval in run.intervals():
        end_ms = interval.start_ms + interval.duration_ms
        if not interval.stopping:
            seconds.setdefault((end_ms + 50) // 1000, {})[interval.process] = interval.users
    processes = max(map(len, seconds.values()))
    return [sum(seconds[at].values()) for at in sorted(seconds) if len(seconds[at]) == processes]


def held(looks: Sequence[int]) -> list[int]:
    """Each number once for as long as it stays, but for what was seen in the midst of a change.

    Then some are gone already, or there only: that lies between what was before and what comes after it.
    """
    seen = [users for users, _ in groupby(looks)]
    around = zip([None, *seen], seen, [*seen[1:], None], strict=False)
    return [
        users
        for before, users, after in around
        if before is None or after is None or not min(before, after) < users < max(before, after)
    ]


def plan_for(url: str, **scenario: Any) -> dict[str, Any]:
    """Its limit is far off: on a busy machine, too, the generator is not what decides."""
    load = {"endpoints": [{"path": "/"}], "thresholds": ["max < 1m"], **scenario}
    return {"base_url": url, "seed": 7, "scenarios": {"load": load}}


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_users_are_so_many_times_those_of_the_plan(tmp_path: Path, processes: int) -> None:
    """Twice as many, then half as many: the intervals show four, eight and two users, and nothing else."""
    control = Control()
    person = Person(
        [(0.2, lambda: control.change_load(2))],
        in_turn=[(8, lambda: control.change_load(0.5, "load")), (2, lambda: control.ask_to_stop("seen enough"))],
    )
    with CountingServer() as server:
        plan = plan_for(server.url, users=4, wait_time="20ms", endpoints=[{"path": "/{{ user_number }}"}])
        summary, run = run_led(request(plan, tmp_path, processes), control, person)
        users = {one.target for one in server.log()}
    assert held(users_by_second(run)) in ([8, 2], [4, 8, 2])
    assert users == {f"/{number}" for number in range(8)}
    assert summary.verdict is Verdict.UNDECIDED
    assert "load: the load was changed by hand 2 times, so this is not the load of the plan." in summary.reasons
    told = [one for one in run.events if one["type"] == "load_changed"]
    assert [(one["scenario"], one["factor"]) for one in told] == [("load", 2), ("load", 0.5)]
    assert told[0]["message"] == "by hand: 2 × the planned load"  # noqa: RUF001  # the sign of the field
    assert [dict(one) for one in person.events if one["type"] == "load_changed"] == told


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_rate_is_so_many_times_that_of_the_plan(tmp_path: Path, processes: int) -> None:
    """Three times a ramp and a hold: each iteration begins once, when the rate says so, and none is dropped.

    Their number is what ends it: time would cut off those that a busy machine is late with.
    """
    control = Control()
    iterations = 400 if processes == 1 else 640  # a change that comes seconds late holds before they are done, too
    person = Person([(0.2, lambda: control.change_load(3)), (0.9, lambda: control.change_load(1))])
    stages = [{"duration": "4s", "ramp_to": "60/s"}, {"duration": "20s", "rate": "60/s"}]
    with CountingServer() as server:
        plan = plan_for(server.url, stages=stages, iterations=iterations, arrivals="constant", endpoints=NUMBERED)
        _, run = run_led(request(plan, tmp_path, processes), control, person)
        log = server.log()
    changes = changes_of("load", run.events)
    assert [one.factor for one in changes] == [3, 1]
    expected = due_us([(4, 0, 60), (20, 60, 60)], changes)[:iterations]
    assert expected[-1] < (4 + (iterations - 120) / 60 - 0.1) * US_PER_S  # when all would have begun by the plan
    arrived = {int(one.target[1:]): one.arrival_us for one in log}
    assert sorted(arrived) == list(range(len(log))) == list(range(len(expected)))
    intervals = list(run.intervals())
    assert sum(one.scheduled for one in intervals) == sum(one.sent for one in intervals) == len(expected)
    assert sum(one.dropped for one in intervals) == 0
    start_us = min(arrived[number] - at_us for number, at_us in enumerate(expected))
    # The promptest before, between and after the changes: one at another moment would make all of a stretch late.
    moments = [0, *(one.at_us for one in changes), expected[-1] + 1]
    for begin_us, end_us in pairwise(moments):
        lags = [
            arrived[number] - at_us - start_us for number, at_us in enumerate(expected) if begin_us <= at_us < end_us
        ]
        assert min(lags) < 250_000
    told = [one["rate"] for one in run.events if one["type"] == "stage"]
    assert told == [60, 60 if changes[1].at_us <= 4 * US_PER_S else 180]  # what it is when the stage begins


def test_seconds_show_the_rate_that_was_meant(tmp_path: Path) -> None:
    """What each second scheduled is what the changed rate asks for in it, but for what the generator was late with."""
    control = Control()
    person = Person([(1, lambda: control.change_load(3))])
    with CountingServer() as server:
        # Ended by their number: time would cut off those that a busy machine is late with.
        plan = plan_for(server.url, rate="80/s", iterations=1000, arrivals="constant")
        _, run = run_led(request(plan, tmp_path), control, person)
    expected = due_us([(20, 80, 80)], changes_of("load", run.events))[:1000]
    intervals = sorted(run.intervals(), key=lambda one: one.number)
    start_ms, counted = intervals[0].start_ms, 0
    late_us = max(one.own_lag.max_us or 0 for one in intervals) + 10_000
    for one in intervals:
        counted += one.scheduled
        end_us = (one.start_ms + one.duration_ms - start_ms) * 1000
        assert sum(at_us <= end_us - late_us for at_us in expected) <= counted
        assert counted <= sum(at_us <= end_us + 2_000 for at_us in expected)
    assert counted == len(expected) == 1000
    assert expected[-1] < 1000 / 80 * US_PER_S


def test_a_change_does_not_wait_for_an_iteration_that_was_due_later(tmp_path: Path) -> None:
    """One in thirty seconds, and then three in one: all have begun long before the second one was due."""
    control = Control()
    person = Person([(0.2, lambda: control.change_load(100))])
    with CountingServer() as server:
        plan = plan_for(server.url, rate="2/min", iterations=10, run_time="10m", arrivals="constant")
        summary, run = run_led(request(plan, tmp_path), control, person)
        arrived_us = [one.arrival_us for one in server.log()]
    arrivals = summary.scenarios["load"].arrivals
    assert arrivals.sent == arrivals.scheduled == len(arrived_us) == 10
    assert len(changes_of("load", run.events)) == 1
    assert max(arrived_us) - min(arrived_us) < 20 * US_PER_S  # by the plan the second would begin after thirty
    assert [one["reason"] for one in run.events if one["type"] == "scenario_ended"] == ["iterations"]


@pytest.mark.parametrize(
    ("factor", "processes", "iterations"), [(0.3, 1, 250), pytest.param(4, 2, 900, marks=pytest.mark.slow)]
)
def test_iterations_stay_as_many_as_the_plan_says(
    tmp_path: Path, factor: float, processes: int, iterations: int
) -> None:
    """Less or more users do them, and each is done once."""
    control = Control()
    person = Person([(0.2, lambda: control.change_load(factor))])
    with CountingServer([Route("*", delay=Delay.fixed(30))]) as server:
        plan = plan_for(server.url, users=6, iterations=iterations)
        summary, run = run_led(request(plan, tmp_path, processes), control, person)
        assert len(server.log()) == iterations
    assert summary.scenarios["load"].iterations == iterations
    assert len(changes_of("load", run.events)) == 1
    assert [one["reason"] for one in run.events if one["type"] == "scenario_ended"] == ["iterations"]


def test_max_users_stay(tmp_path: Path) -> None:
    """A changed rate that they cannot carry is dropped, and what was sent and dropped adds up to what was scheduled."""
    control = Control()
    person = Person([(0.2, lambda: control.change_load(10))])
    with CountingServer([Route("*", delay=Delay.fixed(200))]) as server:
        plan = plan_for(server.url, rate="20/s", run_time="3s", arrivals="constant", max_users=5)
        summary, run = run_led(request(plan, tmp_path), control, person)
        sent = len(server.log())
    arrivals = summary.scenarios["load"].arrivals
    assert arrivals.sent == sent
    assert arrivals.sent + arrivals.dropped == arrivals.scheduled
    assert arrivals.scheduled == len(due_us([(3, 20, 20)], changes_of("load", run.events)))
    assert summary.scenarios["load"].users_max <= 5
    assert summary.verdict is Verdict.INVALID


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_a_load_shape_says_is_multiplied(tmp_path: Path, processes: int) -> None:
    """Two users and then four, times three: six, and then twelve."""
    (tmp_path / "shaped.py").write_text(SHAPE)
    users = tmp_path / "users"
    users.write_text("2")
    control = Control()
    person = Person(
        [(0.1, lambda: control.change_load(3))],
        in_turn=[(6, lambda: users.write_text("4")), (12, lambda: users.write_text(""))],
    )
    with CountingServer() as server:
        asked = request(
            {"base_url": server.url, "scenarios": {"shaped": {"locustfile": str(tmp_path / "shaped.py"), "users": 1}}},
            tmp_path / "runs",
            processes,
        )
        summary, run = run_led(asked, control, person)
    assert summary.scenarios["shaped"].users_max == 12
    assert len(changes_of("shaped", run.events)) == 1
    assert {6, 12} <= set(users_by_second(run))


def test_one_of_two_scenarios_is_changed(tmp_path: Path) -> None:
    """The other keeps its load, and may pass; the run cannot."""
    control = Control()
    person = Person([(0.2, lambda: control.change_load(2, "load"))])
    with CountingServer() as server:
        plan = plan_for(server.url, users=1, run_time="3s", wait_time="20ms")
        plan["scenarios"]["beside"] = {
            "rate": "20/s", "iterations": 60, "arrivals": "constant", "with": "load",
            "endpoints": [{"path": "/beside"}], "thresholds": ["max < 1m"],
        }  # fmt: skip
        summary, _ = run_led(request(plan, tmp_path), control, person)
        assert sum(one.target == "/beside" for one in server.log()) == 60
    verdicts = {name: one.verdict for name, one in summary.scenarios.items()}
    assert verdicts == {"load": Verdict.UNDECIDED, "beside": Verdict.PASS}
    assert summary.verdict is Verdict.UNDECIDED
    assert summary.exit_code is ExitCode.UNDECIDED
    assert summary.scenarios["load"].users_max == 2


def test_what_fails_under_a_changed_load_has_failed(tmp_path: Path) -> None:
    """A threshold that is missed for sure counts, whoever asked for the load."""
    control = Control()
    person = Person([(0.2, lambda: control.change_load(2))])
    with CountingServer([Route("*", status=500)]) as server:
        plan = plan_for(
            server.url, users=1, run_time="2s", wait_time="20ms", thresholds=["error_rate < 1%", "max < 1m"]
        )
        summary, _ = run_led(request(plan, tmp_path), control, person)
    assert summary.verdict is Verdict.FAIL
    assert "changed by hand once" in " ".join(summary.reasons)


def test_a_search_cannot_be_changed(tmp_path: Path) -> None:
    """It finds its own load; the run goes on as if nobody had asked."""
    control = Control()

    def ask() -> str:
        with pytest.raises(UsageError) as caught:
            control.change_load(2)
        return str(caught.value)

    person = Person([(0.2, ask), (0.4, lambda: control.ask_to_stop("seen enough"))])
    with CountingServer() as server:
        plan = plan_for(server.url, kind="capacity", thresholds=["p95 < 1s"])
        _, run = run_led(request(plan, tmp_path), control, person)
    assert person.answers[0] == "load finds its own load, which nobody can change by hand"
    assert [one for one in run.events if one["type"] == "load_changed"] == []


def test_a_change_asked_for_too_late_is_none(tmp_path: Path) -> None:
    """It is refused where the scenario ends first, and no longer there where it is over."""
    control = Control()
    refusals: list[str] = []

    def ask() -> None:
        with pytest.raises(UsageError) as caught:
            control.change_load(2)
        refusals.append(str(caught.value))

    ask()
    person = Person([(0.9, ask)], {"scenario_ended": ask})
    with CountingServer() as server:
        summary, run = run_led(request(plan_for(server.url, users=1, run_time="1s"), tmp_path), control, person)
    ask()
    nobody = "no scenario is under way, or it is ending, so there is no load to change"
    assert refusals[0] == refusals[-1] == nobody
    assert refusals[1] == "load ends before another load could begin in all processes"
    assert summary.verdict is Verdict.PASS
    assert changes_of("load", run.events) == ()
