"""Following a profile, in a time that only the test moves."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from loadworthy.engine.drive import Control, EndReason, UserClasses, drive
from loadworthy.plan.model import Scenario
from loadworthy.testing import FakeClock
from loadworthy.units import US_PER_S
from loadworthy.workload.profile import closed_profile


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

    def __init__(self, clock: FakeClock, over_at_s: float | None = None) -> None:
        self._clock = clock
        self._start_us = clock.monotonic_us()
        self._over_at_s = over_at_s
        self.told: list[tuple[float, int, float]] = []
        self.users = 0

    def _now_s(self) -> float:
        return (self._clock.monotonic_us() - self._start_us) / US_PER_S

    def set_users(self, users: int, per_second: float, user_classes: UserClasses = None) -> None:
        self.told.append((round(self._now_s(), 3), users, per_second))

    def over(self) -> EndReason | None:
        done = self._over_at_s is not None and self._now_s() >= self._over_at_s
        return EndReason.ITERATIONS if done else None

    def begin(self, scenario: str) -> None: ...

    def end(self) -> None: ...


def follow(
    scenario: dict[str, Any], *, stop_at_s: float | None = None, over_at_s: float | None = None
) -> tuple[EndReason, FakeCrew, list[int]]:
    clock = FakeClock()
    crew, control = FakeCrew(clock, over_at_s), Control()
    control.stop = FakeStop(clock, stop_at_s)  # type: ignore[assignment]
    ticks: list[int] = []
    profile = closed_profile(Scenario.model_validate(scenario))
    reason = drive(crew, profile, control, clock, lambda _move: None, ticks.append)
    return reason, crew, ticks


STAGES = [
    {"duration": "10s", "users": 10},
    {"duration": "20s", "ramp_to": 50},
    {"duration": "5s", "ramp_to": 0},
]


def test_moves_come_at_their_time_and_with_their_rate() -> None:
    """A hold is done at once (in a tenth of a second), a ramp of 40 users in 20 s goes at 2 a second."""
    reason, crew, ticks = follow({"stages": STAGES})
    assert reason is EndReason.COMPLETED
    assert crew.told == [(0.0, 10, 100.0), (10.0, 50, 2.0), (30.0, 0, 10.0)]
    assert ticks[-1] == 35 * US_PER_S


def test_run_time_counts_from_the_start_ramp_included() -> None:
    """A minute is a minute, whatever the spawn rate; and it is told of four times a second."""
    reason, crew, ticks = follow({"users": 30, "spawn_rate": 1, "run_time": "1m"})
    assert reason is EndReason.COMPLETED
    assert crew.told == [(0.0, 30, 1.0)]
    assert ticks[-1] == 60 * US_PER_S
    assert max(later - earlier for earlier, later in pairwise(ticks)) <= US_PER_S // 4


def test_a_stop_ends_it_at_the_next_tick() -> None:
    """Asked to stop at 7 s, it ends within a quarter of a second, and later moves are not made."""
    reason, crew, ticks = follow({"stages": STAGES}, stop_at_s=7)
    assert reason is EndReason.INTERRUPTED
    assert len(crew.told) == 1
    assert 7 * US_PER_S <= ticks[-1] <= 7.25 * US_PER_S


@pytest.mark.parametrize("scenario", [{"users": 2, "iterations": 5}, {"users": 2, "iterations": 5, "run_time": "1m"}])
def test_it_ends_when_the_crew_has_nothing_more_to_do(scenario: dict[str, Any]) -> None:
    """Iterations that are done end a scenario before its time, and one that has none."""
    reason, _, ticks = follow(scenario, over_at_s=3)
    assert reason is EndReason.ITERATIONS
    assert ticks[-1] <= 3.25 * US_PER_S


def test_run_time_ends_a_scenario_whose_iterations_are_not_done() -> None:
    """Whichever comes first."""
    reason, _, _ = follow({"users": 2, "iterations": 5, "run_time": "2s"}, over_at_s=60)
    assert reason is EndReason.COMPLETED
