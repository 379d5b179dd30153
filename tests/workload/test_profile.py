"""The closed profile: users over time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.plan.model import Scenario
from loadworthy.workload.profile import LoadChange, closed_profile, factor_at, open_profile, scaled_users

S = 1_000_000


def test_users_without_a_spawn_rate_are_there_at_once() -> None:
    """No spawn rate means all users from the first moment."""
    profile = closed_profile(Scenario.model_validate({"users": 7, "run_time": "10s"}))
    assert profile.users_at(0) == 7
    assert profile.duration_us == 10 * S


def test_a_spawn_rate_is_a_line_up_to_the_users() -> None:
    """20 users at 5/s are 0, 5, 10, 15, 20 after 0 to 4 seconds, and stay."""
    profile = closed_profile(Scenario.model_validate({"users": 20, "spawn_rate": 5, "run_time": "1m"}))
    assert [profile.users_at(second * S) for second in (0, 1, 2, 3, 4, 30)] == [0, 5, 10, 15, 20, 20]


def test_stages_hold_and_ramp_from_where_they_were() -> None:
    """A hold jumps to its users, a ramp moves in a line from the users before it, the length is the sum."""
    stages = [
        {"duration": "10s", "users": 10},
        {"duration": "10s", "ramp_to": 30},
        {"duration": "5s", "users": 30},
        {"duration": "10s", "ramp_to": 0},
    ]
    profile = closed_profile(Scenario.model_validate({"stages": stages}))
    assert [profile.users_at(second * S) for second in (0, 9, 10, 15, 20, 24, 30, 35)] == [
        10,
        10,
        10,
        20,
        30,
        30,
        15,
        0,
    ]
    assert profile.duration_us == 35 * S
    assert profile.most_users == 30


def test_one_user_is_the_default() -> None:
    """A scenario that says nothing runs one user until it is told to stop."""
    profile = closed_profile(Scenario())
    assert (profile.most_users, profile.duration_us) == (1, None)


@given(
    stages=st.lists(
        st.tuples(st.integers(1, 60), st.integers(0, 500), st.booleans()).map(
            lambda t: {"duration": t[0], ("ramp_to" if t[2] else "users"): t[1]}
        ),
        min_size=1,
        max_size=6,
    ),
    at=st.integers(0, 400 * S),
)
def test_users_stay_between_the_targets(stages: list[dict[str, int]], at: int) -> None:
    """At no moment are there more users than the largest target, or fewer than none."""
    profile = closed_profile(Scenario.model_validate({"stages": stages}))
    assert 0 <= profile.users_at(at) <= profile.most_users


@pytest.mark.parametrize("rate", [0.5, 1, 3, 50])
def test_the_ramp_takes_users_over_rate_seconds(rate: float) -> None:
    """The last user is due users ÷ rate seconds after the start, and not a moment sooner."""
    profile = closed_profile(Scenario.model_validate({"users": 12, "spawn_rate": rate, "run_time": "5m"}))
    last_us = round(12 / rate * S)
    assert profile.users_at(last_us) == 12
    assert profile.users_at(last_us - 1) < 12


def test_a_changed_load_is_so_many_times_the_plan() -> None:
    """Holds and ramps alike, from the moment of the change until the next; the plan itself stays what it was."""
    stages = [{"duration": "10s", "users": 10}, {"duration": "10s", "ramp_to": 30}, {"duration": "5s", "users": 30}]
    planned = closed_profile(Scenario.model_validate({"stages": stages}))
    changed = planned.changed([LoadChange(5 * S, 2), LoadChange(15 * S, 0.5), LoadChange(22 * S, 1)])
    assert [changed.users_at(second * S) for second in (0, 4, 5, 10, 14, 15, 20, 22)] == [
        10,
        10,
        20,
        20,
        36,
        10,
        15,
        30,
    ]
    assert [changed.goal_at(second * S) for second in (4, 5, 11, 15, 22)] == [10, 20, 60, 15, 30]
    assert changed.duration_us == planned.duration_us
    assert changed.most_users == planned.most_users == 30
    assert [amount["users"] for _, _, amount in changed.stages] == [10, 60, 15]
    assert changed.changed(()) == planned


@given(
    users=st.integers(1, 1000),
    factors=st.lists(st.floats(0.01, 100), min_size=1, max_size=4),
    spawn_rate=st.integers(1, 50),
    at_s=st.integers(0, 60),
)
def test_a_change_is_the_plan_with_other_users(users: int, factors: list[float], spawn_rate: int, at_s: int) -> None:
    """At each moment as many as a plan would have that asked for so many times the users in the same time."""
    changes = [LoadChange(10 * index * S, factor) for index, factor in enumerate(factors)]
    planned = closed_profile(Scenario.model_validate({"users": users, "spawn_rate": spawn_rate, "run_time": "2m"}))
    factor = factors[min(at_s // 10, len(factors) - 1)]
    (move,) = planned.moves
    gone = min(at_s * S / move.over_us, 1.0)
    assert planned.changed(changes).users_at(at_s * S) == pytest.approx(scaled_users(users, factor) * gone, abs=1)


def test_a_few_users_never_become_nobody() -> None:
    """Rounded to whole users, at least one; where the plan has none there are none."""
    assert [scaled_users(users, 0.5) for users in (0, 1, 2, 3, 4)] == [0, 1, 1, 2, 2]
    assert [scaled_users(7, factor) for factor in (0.01, 1, 1.1, 100)] == [1, 7, 8, 700]


def test_stages_of_rates_tell_the_rate_that_is_asked() -> None:
    """With the change that is in force as they begin."""
    stages = [{"duration": "2s", "rate": "10/s"}, {"duration": "2s", "ramp_to": "40/s"}]
    profile = open_profile(Scenario.model_validate({"stages": stages})).changed([LoadChange(S, 1.5)])
    assert [amount["rate"] for _, _, amount in profile.stages] == [10, 60]
    assert profile.peak_rate == 40


def test_the_last_change_so_far_counts() -> None:
    """And before the first the load is that of the plan."""
    changes = [LoadChange(S, 2), LoadChange(3 * S, 0.5)]
    assert [factor_at(changes, at_us) for at_us in (0, S - 1, S, 3 * S - 1, 3 * S, 9 * S)] == [1, 1, 2, 2, 0.5, 0.5]
