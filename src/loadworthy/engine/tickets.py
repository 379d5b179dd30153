"""``iterations: N``: who may start another iteration.

A ticket is the right to run one iteration. In one process a counter is enough; over several, the master hands them out
in small batches (:class:`LeasedTickets`), so that all processes together run exactly N whatever the share of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gevent.event import Event


class Tickets(Protocol):
    """The right to start iterations."""

    @property
    def exhausted(self) -> bool:
        """Whether there are none left."""
        ...

    def take(self) -> bool:
        """Take one; may wait for it; False when there are no more."""
        ...


class EndlessTickets:
    """No limit."""

    exhausted = False

    def take(self) -> bool:
        """Always."""
        return True


class CountedTickets:
    """A fixed number, in this process."""

    def __init__(self, count: int) -> None:
        self._left = count

    def take(self) -> bool:
        """One of those that are left."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    @property
    def exhausted(self) -> bool:
        """Whether the last one is taken."""
        return self._left <= 0

    def take_batch(self, wanted: int) -> int:
        """Up to ``wanted`` at once: how many."""
        granted = min(wanted, self._left)
        self._left -= granted
        return granted


class LeasedTickets:
    """Tickets that this process asks the master for, a batch at a time.

    ``request`` sends a question; the answer comes through :meth:`grant`. While it is under way users that have none
    wait. A grant of 0 means that there are no more.
    """

    def __init__(self, request: Callable[[], None]) -> None:
        self._request = request
        self._left = 0
        self._over = False
        self._asked = False
        self._answered = Event()

    @property
    def exhausted(self) -> bool:
        """Whether the master has no more."""
        return self._over and self._left <= 0

    def take(self) -> bool:
        """One; waits for the master's answer where none is left."""
        while self._left <= 0:
            if self._over:
                return False
            if not self._asked:
                self._asked = True
                self._answered.clear()
                self._request()
            self._answered.wait()
        self._left -= 1
        return True

    def grant(self, count: int) -> None:
        """The master's answer."""
        self._asked = False
        self._left += count
        self._over = count == 0
        self._answered.set()
