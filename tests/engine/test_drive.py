"""Following a profile, in a time that only the test moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from locust.shape import LoadTestShape

from loadworthy.engine.drive import Control, EndReason, Part, UserClasses, drive
from loadworthy.errors import UsageError
from loadworthy.plan.model import Scenario
from loadworthy.testing import FakeClock
from loadworthy.units import US_PER_S
from loadworthy.workload.profile import LoadChange, profile_of
from loadworthy.workload.segment import Segment


class FakeStop:
    """The stop event; waiting for it lets the fake time pass instead."""

    def __init__(self, clock: FakeClock, stop_at_s: float | None) -> None:
        self._clock = clock
        self._stop_at_us = None if stop_at_s is None else clock.monotonic_us() + round(stop_at_s * US_PER_S)

    def is_set(self) -> bool:
        return self._stop_at_us is not None and self._clock.monotonic_us() >= self._stop_at_us

    def wait(self, timeout: float) -> None:
        self._clock.advance(max(round(timeout * US_PER_S), 1))


class FakeCrew:
    """Remembers what it was told, and when."""

    def __init__(self, clock: FakeClock, over_at_s: dict[str, float] | None = None) -> None:
        self._clock = clock
        self._start_us = clock.monotonic_us()
        self._over_at_s = over_at_s or {}
        self.told: list[tuple[float, str, int, float]] = []
        self.dismissed: list[tuple[float, str]] = []
        self.changes: list[tuple[float, str, tuple[LoadChange, ...]]] = []
        self.users = 0

    def now_s(self) -> float:
        return round((self._clock.monotonic_us() - self._start_us) / US_PER_S, 3)

    lead_us = 0

    def extend(self, scenario: str, segment: Segment) -> None: ...

    def change_load(self, scenario: str, changes: Sequence[LoadChange]) -> None:
        self.changes.append((self.now_s(), scenario, tuple(changes)))

    def cut_short(self, scenario: str) -> None: ...

    def is_idle(self, scenario: str) -> bool:
        return True

    def aim(self, scenario: str, users: int, per_second: float, user_classes: UserClasses = None) -> None:
        self.told.append((self.now_s(), scenario, users, per_second))

    def over(self, scenario: str) -> EndReason | None:
        over = self.now_s() >= self._over_at_s.get(scenario, 1e9)
        return (EndReason.COMPLETED if scenario.startswith("open") else EndReason.ITERATIONS) if over else None

    def dismiss(self, scenario: str) -> None:
        self.dismissed.append((self.now_s(), scenario))

    def begin(self, wave: Sequence[str]) -> None: ...

    def start(self) -> None: ...

    def end(self) -> None: ...


class Log:
    """What the journal would be told."""

    def __init__(self, crew: FakeCrew) -> None:
        self._crew = crew
        self.stages: list[tuple[float, str, int, Mapping[str, float]]] = []
        self.ends: list[tuple[float, str, EndReason]] = []
        self.ticks: list[int] = []
        self.changes: list[tuple[float, str, LoadChange]] = []
        self.on_tick: dict[float, Callable[[], object]] = {}
        """Done once, when so many seconds have gone by."""

    def stage(self, scenario: str, index: int, amount: Mapping[str, float]) -> None:
        self.stages.append((self._crew.now_s(), scenario, index, amount))

    def load_changed(self, scenario: str, change: LoadChange) -> None:
        self.changes.append((self._crew.now_s(), scenario, change))

    def ended(self, scenario: str, reason: EndReason) -> None:
        self.ends.append((self._crew.now_s(), scenario, reason))

    def tick(self, elapsed_us: int) -> None:
        self.ticks.append(elapsed_us)
        for at_s in [at_s for at_s in self.on_tick if at_s * US_PER_S <= elapsed_us]:
            self.on_tick.pop(at_s)()


class Shape(LoadTestShape):
    """Two users, then four, then the end."""

    def __init__(self, answers: list[tuple[int, float] | None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._answers = list(answers)

    def tick(self) -> tuple[int, float] | None:
        return self._answers.pop(0)


def lead(
    scenarios: dict[str, dict[str, Any]],
    *,
    stop_at_s: float | None = None,
    over_at_s: dict[str, float] | None = None,
    shape: LoadTestShape | None = None,
    asks: Mapping[float, tuple[float, str | None]] | None = None,
) -> tuple[dict[str, EndReason], FakeCrew, Log]:
    """``asks``: at so many seconds somebody asks for this factor, of this scenario or all."""
    clock = FakeClock()
    crew, control = FakeCrew(clock, over_at_s), Control()
    log = Log(crew)
    log.on_tick = {at_s: partial(control.change_load, *change) for at_s, change in (asks or {}).items()}
    control.stop = FakeStop(clock, stop_at_s)  # type: ignore[assignment]
    parts = [Part(name, profile_of(Scenario.model_validate(keys)), shape) for name, keys in scenarios.items()]
    return drive(crew, parts, control, clock, log), crew, log


STAGES = [
    {"duration": "10s", "users": 10},
    {"duration": "20s", "ramp_to": 50},
    {"duration": "5s", "ramp_to": 0},
]


def test_stages_are_told_when_they_begin() -> None:
    """Each once, at its time, with the users that it goes to."""
    reasons, _, log = lead({"a": {"stages": STAGES}})
    assert reasons == {"a": EndReason.COMPLETED}
    assert log.stages == [(0.0, "a", 0, {"users": 10}), (10.0, "a", 1, {"users": 50}), (30.0, "a", 2, {"users": 0})]
    assert log.ticks[-1] == 35 * US_PER_S
    assert log.ends == [(35.0, "a", EndReason.COMPLETED)]


def test_stages_of_rates_are_told_as_rates() -> None:
    """An open workload has no users to tell of."""
    stages = [{"duration": "2s", "rate": "5/s"}, {"duration": "1s", "ramp_to": "9/s"}]
    _, _, log = lead({"a": {"stages": stages}})
    assert log.stages == [(0.0, "a", 0, {"rate": 5.0}), (2.0, "a", 1, {"rate": 9.0})]


def test_run_time_counts_from_the_start_ramp_included() -> None:
    """A minute is a minute, whatever the spawn rate; and it is told of four times a second."""
    reasons, _, log = lead({"a": {"users": 30, "spawn_rate": 1, "run_time": "1m"}})
    assert reasons == {"a": EndReason.COMPLETED}
    assert log.ticks[-1] == 60 * US_PER_S
    assert max(later - earlier for earlier, later in pairwise(log.ticks)) <= US_PER_S // 4


def test_scenarios_of_a_wave_end_each_at_its_own_time() -> None:
    """Who ends while others go on is dismissed then; the last one is left to the end of the wave."""
    wave: dict[str, dict[str, Any]] = {
        "short": {"users": 1, "run_time": "2s"},
        "open": {"rate": 5, "run_time": "5s"},
        "mid": {"run_time": "3s"},
    }
    reasons, crew, log = lead(wave, over_at_s={"open": 4.9})
    assert set(reasons.values()) == {EndReason.COMPLETED}
    assert crew.dismissed == [(2.0, "short"), (3.0, "mid")]
    assert [(at_s, name) for at_s, name, _ in log.ends] == [(2.0, "short"), (3.0, "mid"), (5.0, "open")]


@pytest.mark.parametrize(("begun_at_s", "ends_at_s"), [(3.0, 5.0), (5.3, 5.3), (99.0, 6.0)])
def test_what_was_due_may_still_begin_when_the_time_is_up(begun_at_s: float, ends_at_s: float) -> None:
    """A generator that is a little behind is given a second; one that is far behind is not waited for."""
    _, _, log = lead({"open": {"rate": 5, "run_time": "5s"}}, over_at_s={"open": begun_at_s})
    ((at_s, _, reason),) = log.ends
    assert at_s == pytest.approx(ends_at_s, abs=0.03)
    assert reason is EndReason.COMPLETED


def test_a_stop_ends_all_of_a_wave_at_the_next_tick() -> None:
    """Asked to stop at 7 s, it ends within a quarter of a second, and later stages are not told."""
    reasons, _, log = lead({"a": {"stages": STAGES}, "b": {"users": 1}}, stop_at_s=7)
    assert reasons == {"a": EndReason.INTERRUPTED, "b": EndReason.INTERRUPTED}
    assert len([one for one in log.stages if one[1] == "a"]) == 1
    assert 7 * US_PER_S <= log.ticks[-1] <= 7.25 * US_PER_S


@pytest.mark.parametrize("scenario", [{"users": 2, "iterations": 5}, {"users": 2, "iterations": 5, "run_time": "1m"}])
def test_it_ends_when_the_crew_has_nothing_more_to_do(scenario: dict[str, Any]) -> None:
    """Iterations that are done end a scenario before its time, and one that has none."""
    reasons, _, log = lead({"a": scenario}, over_at_s={"a": 3})
    assert reasons == {"a": EndReason.ITERATIONS}
    assert log.ticks[-1] <= 3.25 * US_PER_S


def test_run_time_ends_a_scenario_whose_iterations_are_not_done() -> None:
    """Whichever comes first."""
    reasons, _, _ = lead({"a": {"users": 2, "iterations": 5, "run_time": "2s"}}, over_at_s={"a": 60})
    assert reasons == {"a": EndReason.COMPLETED}


def test_a_load_shape_is_asked_once_a_second() -> None:
    """What it says anew is told to the crew; None ends the scenario, users that are gone do so too."""
    reasons, crew, _ = lead({"a": {}}, shape=Shape([(2, 1.0), (2, 1.0), (4, 2.0), None]))
    assert reasons == {"a": EndReason.COMPLETED}
    assert crew.told == [(0.0, "a", 2, 1.0), (2.0, "a", 4, 2.0)]
    reasons, _, _ = lead({"a": {}}, shape=Shape([(2, 1.0)] * 9), over_at_s={"a": 1.5})
    assert reasons == {"a": EndReason.ITERATIONS}


def test_a_shape_that_breaks_is_a_mistake_of_the_user() -> None:
    """With its name and what it raised."""
    with pytest.raises(UsageError, match=r"Shape failed in tick\(\): IndexError"):
        lead({"a": {}}, shape=Shape([]))


def test_a_run_that_ends_itself_says_why() -> None:
    """Aborted, not interrupted; whoever was first to ask counts."""
    clock = FakeClock()
    crew, control = FakeCrew(clock), Control()
    log = Log(crew)
    control.abort("p95 < 1s was missed")
    control.abort("and something else")
    part = Part("a", profile_of(Scenario.model_validate({"users": 1, "run_time": "60s"})))
    assert drive(crew, [part], control, clock, log) == {"a": EndReason.ABORTED}
    assert control.why == "p95 < 1s was missed"
    asked = Control()
    asked.stop.set()
    asked.abort("too late")
    assert asked.reason is EndReason.INTERRUPTED


def test_a_change_by_hand_is_told_when_it_holds() -> None:
    """At its moment to the ms, not a quarter of a second later; the crew heard of it at once."""
    scenarios: dict[str, dict[str, Any]] = {"a": {"users": 2, "run_time": "10s"}, "open": {"rate": 5, "run_time": "4s"}}
    _, crew, log = lead(scenarios, over_at_s={"open": 3.9}, asks={1.0: (2, None), 2.0: (0.5, "a")})
    assert [(at_s, name) for at_s, name, _ in crew.changes] == [(1, "a"), (1, "open"), (2.05, "a")]
    assert log.changes == [
        (1.3, "a", LoadChange(1_300_000, 2)),
        (1.3, "open", LoadChange(1_300_000, 2)),
        (2.35, "a", LoadChange(2_350_000, 0.5)),
    ]


def test_stages_are_told_as_they_were_changed() -> None:
    """With the users that are asked for as they begin."""
    _, _, log = lead({"a": {"stages": STAGES}}, asks={3.0: (3, None), 12.0: (1, None)})
    assert [amount for _, _, _, amount in log.stages] == [{"users": 10}, {"users": 150}, {"users": 0}]


def test_a_change_that_is_to_come_when_the_scenario_ends_is_none() -> None:
    """Its iterations were done first, or somebody stopped it."""
    _, crew, log = lead({"a": {"users": 2, "iterations": 5}}, over_at_s={"a": 1.25}, asks={1.0: (2, None)})
    assert len(crew.changes) == 1
    assert log.changes == []
    _, _, log = lead({"a": {"users": 2}}, stop_at_s=1.25, asks={1.0: (2, None)})
    assert log.changes == []
    both: dict[str, dict[str, Any]] = {"a": {"users": 2, "iterations": 5}, "b": {"users": 2, "run_time": "3s"}}
    _, _, log = lead(both, over_at_s={"a": 1.25}, asks={1.0: (2, None)})
    assert [name for _, name, _ in log.changes] == ["b"]
    with pytest.raises(UsageError, match="no scenario 'a' is under way"):
        lead(both, over_at_s={"a": 1.25}, asks={1.5: (2, "a")})


def test_outside_a_wave_there_is_no_load_to_change() -> None:
    """Neither before nor after it, nor while it ends."""
    control = Control()
    with pytest.raises(UsageError, match="no scenario is under way"):
        control.change_load(2)
    with pytest.raises(UsageError, match="no scenario is under way"):
        lead({"a": {"users": 2}}, stop_at_s=1, asks={1.0: (2, None)})
