"""``iterations: N``: who may start another iteration.

A ticket is the right to run one iteration, and has a number, from 0 over all processes. In one process a counter is
enough; over several, the master hands them out in small batches (:class:`LeasedTickets`), so that all processes
together run exactly N whatever the share of each. Rows of test data that are handed out once go by these numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from gevent.event import Event


class Tickets(Protocol):
    """The right to start iterations."""

    @property
    def exhausted(self) -> bool:
        """Whether there are none left."""
        ...

    def take(self) -> int | None:
        """Take one, and get its number; may wait for it; None when there are no more."""
        ...


class EndlessTickets:
    """No limit, and no numbers: nobody asks for them."""

    exhausted = False

    def take(self) -> int | None:
        """Always."""
        return 0


class CountedTickets:
    """A fixed number, in this process."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._next = 0
        self._returned: deque[int] = deque()

    def take(self) -> int | None:
        """One of those that are left."""
        if self._returned:
            return self._returned.popleft()
        if self.exhausted:
            return None
        self._next += 1
        return self._next - 1

    def give_back(self, number: int) -> None:
        """Nothing was done with it: it may be taken again."""
        self._returned.append(number)

    @property
    def exhausted(self) -> bool:
        """Whether the last one is taken."""
        return self._next >= self._count and not self._returned

    def take_batch(self, wanted: int) -> range:
        """Up to ``wanted`` at once: their numbers."""
        first = self._next
        self._next = min(first + wanted, self._count)
        return range(first, self._next)


class LeasedTickets:
    """Tickets that this process asks the master for, a batch at a time.

    ``request`` sends a question; the answer comes through :meth:`grant`. While it is under way users that have none
    wait. An empty grant means that there are no more.
    """

    def __init__(self, request: Callable[[], None]) -> None:
        self._request = request
        self._left: deque[int] = deque()
        self._over = False
        self._asked = False
        self._answered = Event()

    @property
    def exhausted(self) -> bool:
        """Whether the master has no more."""
        return self._over and not self._left

    def take(self) -> int | None:
        """One; waits for the master's answer where none is left."""
        while not self._left:
            if self._over:
                return None
            if not self._asked:
                self._asked = True
                self._answered.clear()
                self._request()
            self._answered.wait()
        return self._left.popleft()

    def give_back(self, number: int) -> None:
        """Nothing was done with it: somebody of this process may take it again."""
        self._left.appendleft(number)

    def grant(self, numbers: range) -> None:
        """The master's answer: the numbers of the tickets."""
        self._asked = False
        self._left.extend(numbers)
        self._over = not numbers
        self._answered.set()
