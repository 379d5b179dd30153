"""A clock that moves only when told, so that no test of time has to sleep."""

from __future__ import annotations

from loadworthy.units import US_PER_S

_SOME_DAY_US = 1_900_000_000 * US_PER_S


class FakeClock:
    """A :class:`loadworthy.clock.Clock` under the test's hand.

    Args:
        monotonic_us: where the monotonic scale starts.
        wall_us: the time of day it starts at, µs since the epoch; fixed, so that tests are repeatable.
    """

    def __init__(self, monotonic_us: int = 0, wall_us: int = _SOME_DAY_US) -> None:
        self._monotonic_us = monotonic_us
        self._wall_us = wall_us

    def monotonic_us(self) -> int:
        """Microseconds, moved by :meth:`advance` alone."""
        return self._monotonic_us

    def wall_us(self) -> int:
        """Microseconds since the epoch; moves along with the monotonic scale."""
        return self._wall_us

    def advance(self, duration_us: int) -> None:
        """Let time pass on both scales.

        Raises:
            ValueError: if ``duration_us`` is negative, for a monotonic clock never goes back.
        """
        if duration_us < 0:
            raise ValueError(f"a clock cannot go back by {-duration_us} us; advance() takes 0 or more")
        self._monotonic_us += duration_us
        self._wall_us += duration_us
