"""The closed profile: users over time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.plan.model import Scenario
from loadworthy.workload.profile import closed_profile

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
