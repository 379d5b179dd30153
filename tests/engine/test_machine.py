"""What the doctor says of a machine's figures."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from loadworthy.engine.machine import (
    State,
    judge_cores,
    judge_descriptors,
    judge_lag,
    judge_ports,
    judge_timer,
    look_at_limits,
    measure_timer,
)


@pytest.mark.parametrize(
    ("limit", "state"), [(256, State.BAD), (1023, State.BAD), (1024, State.WARN), (4096, State.GOOD)]
)
def test_few_descriptors_are_told_with_a_remedy(limit: int, state: State) -> None:
    """A thousand bound the users at a thousand."""
    finding = judge_descriptors(limit, 6)
    assert finding.state is state
    assert ("ulimit" in finding.remedy) == (state is not State.GOOD)


@pytest.mark.parametrize(("used", "state"), [(None, State.GOOD), (0.79, State.GOOD), (0.81, State.BAD)])
def test_scarce_ports_are_told(used: float | None, state: State) -> None:
    """Four fifths in use are as good as all."""
    assert judge_ports(used).state is state


@pytest.mark.parametrize(
    ("cores", "load", "state"), [(4, 0.9, State.GOOD), (4, 1.1, State.WARN), (1, 0.1, State.WARN), (2, 0.1, State.GOOD)]
)
def test_cores_that_others_use_are_told(cores: int, load: float, state: State) -> None:
    """A quarter of them, or only one core."""
    assert judge_cores(cores, load).state is state


def test_a_coarse_timer_is_told_by_its_p99() -> None:
    """One wait in a hundred does not count, two do."""
    assert judge_timer([50] * 99 + [9000]).state is State.GOOD
    assert judge_timer([50] * 98 + [9000] * 2).state is State.WARN
    assert "9000" in judge_timer([50] * 98 + [9000] * 2).found


def test_waits_are_measured_and_never_early() -> None:
    """As many as were asked for."""
    late = measure_timer(20, 200)
    assert len(late) == 20
    assert min(late) >= 0


@pytest.mark.parametrize(
    ("p99_ms", "verdict", "state"),
    [(0.2, "pass", State.GOOD), (1.5, "pass", State.WARN), (0.2, "invalid", State.BAD), (None, "pass", State.WARN)],
)
def test_late_iterations_are_told(p99_ms: float | None, verdict: str, state: State) -> None:
    """A run that is invalid here would be so against any service."""
    finding = judge_lag(1000, p99_ms, verdict, ["the sentence"])
    assert finding.state is state
    assert ("the sentence" in finding.remedy) == (verdict == "invalid")


def test_the_limits_of_this_machine_can_be_read() -> None:
    """Also where the platform tells nothing of ports and descriptors."""
    assert [finding.what for finding in look_at_limits()] == ["file descriptors", "local ports", "cores"]
    with patch("loadworthy.engine.machine.ports", dict), patch("loadworthy.engine.machine.descriptors", dict):
        assert look_at_limits()[1].found == "not told by this system"
