"""The numbers of users over all processes: each once, none left out, as many as users are made."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.engine.crowd import share_of
from loadworthy.plan.model import Scenario
from loadworthy.plan.test_data_rules import users_made
from loadworthy.units import US_PER_S
from loadworthy.workload.arrivals import Split
from loadworthy.workload.profile import ClosedProfile, LoadChange, closed_profile
from loadworthy.workload.user_numbers import UserNumbers, wanted_users


class Process:
    """The users of one process: it looks at the profile now and then, as a crowd does."""

    def __init__(self, profile: ClosedProfile, splits: list[Split]) -> None:
        self._profile = profile
        self._splits = splits
        self._numbers = UserNumbers(profile, splits)
        self.alive: list[int | None] = []
        self.made: list[int | None] = []

    def look(self, elapsed_us: int) -> None:
        split = next(one for one in reversed(self._splits) if one.from_us <= elapsed_us)
        target = share_of(wanted_users(self._profile, elapsed_us), split)
        while len(self.alive) < target:
            place = (split.share or 0) + len(self.alive) * split.processes
            self.alive.append(self._numbers.number(place, elapsed_us))
            self.made.append(self.alive[-1])
        del self.alive[target:]


def scenario(stages: list[dict[str, Any]]) -> Scenario:
    return Scenario.model_validate({"stages": stages, "flow": [{"path": "/"}]})


STAGE = st.builds(
    lambda key, users, length: {"duration": f"{length}s", key: users},
    st.sampled_from(["users", "ramp_to"]), st.integers(0, 12), st.integers(1, 4),
)  # fmt: skip


@given(stages=st.lists(STAGE, min_size=1, max_size=5), processes=st.integers(1, 4), data=st.data())
def test_processes_number_their_users_without_gaps(
    stages: list[dict[str, Any]], processes: int, data: st.DataObject
) -> None:
    """However many there are, and whenever each of them looks: as many numbers as the rules of a plan count users."""
    asked = scenario(stages)
    profile = closed_profile(asked)
    made: list[int | None] = []
    for share in range(processes):
        process, late_us = Process(profile, [Split(share, processes)]), data.draw(st.integers(0, 90_000))
        for tick in range(10 * sum(int(stage["duration"][:-1]) for stage in stages)):
            process.look(tick * US_PER_S // 10 + late_us)
        made += process.made
    assert None not in made
    assert len(set(made)) == len(made)
    assert set(made) <= set(range(users_made(asked.model_dump(mode="json", by_alias=True))))
    if all("users" in stage for stage in stages):  # a ramp's last user may come too late to be seen by whoever is late
        assert len(made) == UserNumbers(profile, [Split(0, 1)]).count


@pytest.mark.parametrize("change_us", [1_500_000, 2_000_000])
def test_load_changed_by_hand_makes_users_with_numbers_of_their_own(change_us: int) -> None:
    """All processes agree on them, also where a change comes in the middle of a ramp."""
    profile = closed_profile(scenario([{"duration": "3s", "ramp_to": 6}, {"duration": "3s", "users": 2}]))
    profile = profile.changed([LoadChange(change_us, 2.0), LoadChange(4 * US_PER_S, 0.5), LoadChange(5 * US_PER_S, 3)])
    crowds = [Process(profile, [Split(share, 2)]) for share in range(2)]
    for tick in range(60):
        for late_us, process in enumerate(crowds):
            process.look(tick * US_PER_S // 10 + 40_000 * late_us)
    made = [number for process in crowds for number in process.made]
    assert sorted(made) == list(range(len(made)))  # type: ignore[type-var]


def test_where_a_worker_is_lost_the_others_go_on_with_free_numbers() -> None:
    """Its ten users have new ones in their stead; nobody's number comes twice, and none is left out."""
    profile = closed_profile(Scenario.model_validate({"users": 20, "flow": [{"path": "/"}]}))
    alone = Process(profile, [Split(0, 2), Split(0, 1, 3 * US_PER_S, 1)])
    for tick in range(60):
        alone.look(tick * US_PER_S // 10)
    assert alone.made == [*range(0, 20, 2), *range(20, 30)]
