"""FakeClock."""

import pytest

from loadworthy.clock import Clock
from loadworthy.testing import FakeClock


def test_time_stands_still_until_it_is_advanced() -> None:
    """Both scales move by what was asked for, and only then."""
    clock = FakeClock(monotonic_us=5, wall_us=1_000)
    assert (clock.monotonic_us(), clock.wall_us()) == (5, 1_000)
    clock.advance(250)
    assert (clock.monotonic_us(), clock.wall_us()) == (255, 1_250)


def test_it_is_a_clock_and_repeatable() -> None:
    """It fits where a Clock is asked for, and two of them show the same time."""
    clock: Clock = FakeClock()
    assert clock.wall_us() == FakeClock().wall_us()
    assert clock.monotonic_us() == 0


def test_it_refuses_to_go_back() -> None:
    """A monotonic clock never goes back."""
    clock = FakeClock()
    with pytest.raises(ValueError, match="cannot go back by 1 us"):
        clock.advance(-1)
    assert clock.monotonic_us() == 0
