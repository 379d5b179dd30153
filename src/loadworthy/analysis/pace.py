"""How hard each user worked: requests per minute of a user, in the busiest minute of a scenario.

A user-minute is one user running for one minute. An interval counts its users for its own length, so that short
intervals, ramps and several processes add up rightly; intervals in which the users were already stopping are left out,
with their requests. Seconds are those of the clock in which the middle of an interval lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from loadworthy.record.interval import Interval

WINDOW_S = 60
_MS_PER_S = 1000
_MS_PER_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class PaceWindow:
    """A stretch of ``seconds``; requests in it, and the minutes that all its users together ran (above 0)."""

    seconds: int
    requests: int
    user_minutes: float

    @property
    def per_user_minute(self) -> float:
        """Requests per minute of a user."""
        return round(self.requests / self.user_minutes, 6)


@dataclass(slots=True)
class Pace:
    """Requests and the time of users, second by second, over all processes."""

    _seconds: dict[int, list[int]] = field(default_factory=dict)

    def add(self, interval: Interval) -> None:
        """Add one interval; the order does not matter."""
        if interval.stopping:
            return
        second = self._seconds.setdefault((interval.start_ms + interval.duration_ms // 2) // _MS_PER_S, [0, 0])
        second[0] += sum(one.requests for one in interval.series)
        second[1] += interval.users * interval.duration_ms

    def busiest(self) -> PaceWindow | None:
        """The window of 60 s with the most requests, the first of several; all of it where it is shorter.

        None where no user ran at all.
        """
        best = max(self._windows(), key=lambda window: window[0], default=(0, 0, 0))
        requests, user_ms, seconds = best
        return PaceWindow(seconds, requests, user_ms / _MS_PER_MINUTE) if user_ms else None

    def _windows(self) -> Iterator[tuple[int, int, int]]:
        """(requests, ms of users, seconds) of each window, sliding by a second."""
        if not self._seconds:
            return
        first, last = min(self._seconds), max(self._seconds)
        length = min(WINDOW_S, last - first + 1)
        requests = user_ms = 0
        for second in range(first, last + 1):
            entering, leaving = self._seconds.get(second), self._seconds.get(second - length)
            if entering is not None:
                requests, user_ms = requests + entering[0], user_ms + entering[1]
            if leaving is not None:
                requests, user_ms = requests - leaving[0], user_ms - leaving[1]
            if second - first + 1 >= length:
                yield requests, user_ms, length
