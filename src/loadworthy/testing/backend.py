"""What becomes of each request of a server, and when: queue, stalls and faults. No socket and no clock in here.

A request arrives, and gets a :class:`Ticket` that says when it is due, in work time
(:mod:`loadworthy.testing.windows`). Tickets that are due are taken out in their order. All that the outside has to do
is to come back in time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from typing import TypeGuard

from loadworthy.testing.faults import ConnectionLeak, Drift, Errors, Fault, MemoryLeak, Resets, Stall
from loadworthy.testing.queueing import Line, Queue
from loadworthy.testing.windows import Window, WorkClock


class Ticket:
    """One request inside.

    Attributes:
        service_us: how long its service takes.
        start_work_us: when its service begins, in work time.
        due_work_us: when it is over.
        fate: what goes wrong with it.
        is_refused: whether the queue was full.
        on_due: what the outside wants to be called then; None if nobody waits any more.
    """

    __slots__ = ("due_work_us", "fate", "is_refused", "on_due", "service_us", "start_work_us")

    def __init__(self, service_us: int, start_work_us: int, fate: Errors | Resets | None, *, is_refused: bool) -> None:
        self.service_us = service_us
        self.start_work_us = start_work_us
        self.due_work_us = start_work_us + service_us
        self.fate = fate
        self.is_refused = is_refused
        self.on_due: Callable[[Ticket], None] | None = None


class _Active:
    """A fault with its window and its random stream."""

    def __init__(self, fault: Fault, zero_us: int, seed: str, *, is_planned: bool) -> None:
        self.fault = fault
        self.is_planned = is_planned
        self.window: Window = fault.window(zero_us)
        self._rng = random.Random(seed)

    def hits(self, share: float) -> bool:
        return share >= 1 or self._rng.random() < share


class Backend:
    """All requests of one server. Stamps are µs on one scale; one before the last counts as the last.

    Args:
        queue: how they share the server.
        faults: what goes wrong, from the first request or from :meth:`mark` on.
        seed: of every random draw.
    """

    def __init__(self, queue: Queue, faults: Sequence[Fault] = (), seed: int = 1) -> None:
        self._line = Line(queue)
        self._clock = WorkClock()
        self._seed = seed
        self._plan = {f"{seed}/fault/{index}": fault for index, fault in enumerate(faults)}
        self._zero_us: int | None = None
        self._active: list[_Active] = []
        self._leaks: list[_Active] = []
        self._injections = 0
        self._inside: list[tuple[int, int, Ticket]] = []
        self._arrivals = 0
        self._is_open = queue.is_open
        self.is_idle = self._is_open and not self._plan
        """Whether it never delays or changes anything, so that nobody needs to ask it."""

    def mark(self, now_us: int) -> None:
        """Here time begins for the faults that were planned, again if it had begun already."""
        self._zero_us = now_us
        injected = [active for active in self._active if not active.is_planned]
        planned = [_Active(fault, now_us, seed, is_planned=True) for seed, fault in self._plan.items()]
        self._change(planned + injected, now_us)

    def inject(self, fault: Fault, now_us: int) -> None:
        """One more fault, whose time begins now."""
        self._injections += 1
        seed = f"{self._seed}/injected/{self._injections}"
        self._change([*self._active, _Active(fault, now_us, seed, is_planned=False)], now_us)

    def heal(self, fault: Fault | None, now_us: int) -> int:
        """This fault, or every one, planned or injected, is over for good; how many that were."""
        kept = [active for active in self._active if fault is not None and active.fault != fault]
        plan = {seed: planned for seed, planned in self._plan.items() if fault is not None and planned != fault}
        count = len(self._plan) - len(plan)
        count += sum(not active.is_planned for active in self._active) - sum(not a.is_planned for a in kept)
        self._plan = plan
        self._change(kept, now_us)
        return count

    def _change(self, active: list[_Active], now_us: int) -> None:
        self._active = active
        self._leaks = [a for a in active if isinstance(a.fault, MemoryLeak | ConnectionLeak)]
        self._clock.set_stalls([a.window for a in active if isinstance(a.fault, Stall)], now_us)
        self.is_idle = self._is_open and not self._active and not self._plan

    def known(self) -> Iterator[Fault]:
        """All faults that are not healed, on or not."""
        yield from self._plan.values()
        yield from (active.fault for active in self._active if not active.is_planned)

    def leaks(self, now_us: int) -> list[Fault]:
        """The leaks that are on."""
        return [a.fault for a in self._leaks if a.window.elapsed_us(now_us) is not None]

    def _on(self, now_us: int) -> Iterator[tuple[_Active, int]]:
        for active in self._active:
            elapsed_us = active.window.elapsed_us(now_us)
            if elapsed_us is not None:
                yield active, elapsed_us

    def connect(self, now_us: int) -> bool:
        """Whether a connection that comes now is let in; False: it is reset."""
        if self._zero_us is None and any(_is_on_connections(fault) for fault in self._plan.values()):
            self.mark(now_us)
        for active, _ in self._on(now_us):
            fault = active.fault
            if isinstance(fault, Resets) and fault.when == "connect" and active.hits(fault.share):
                return False
        return True

    def arrive(self, now_us: int, path: str, service_us: int) -> Ticket:
        """A request has arrived, whose service takes this long where nothing goes wrong."""
        if self._zero_us is None:
            self.mark(now_us)
        fate: Errors | Resets | None = None
        for active, elapsed_us in self._on(now_us):
            fault = active.fault
            if isinstance(fault, Drift) and fault.concerns(path):
                service_us = fault.slowed_us(service_us, elapsed_us)
            elif fate is None and _may_hit(fault, path) and active.hits(fault.share):
                fate = fault
        ticket = self._admit(now_us, service_us, fate)
        self._arrivals += 1
        heappush(self._inside, (ticket.due_work_us, self._arrivals, ticket))
        return ticket

    def _admit(self, now_us: int, service_us: int, fate: Errors | Resets | None) -> Ticket:
        work_us = self._clock.work_us(now_us)
        if (isinstance(fate, Errors) and fate.fast) or (isinstance(fate, Resets) and fate.when == "arrival"):
            return Ticket(0, work_us, fate, is_refused=False)
        turn = self._line.join(work_us, service_us, is_stalled=self._clock.is_stalled(now_us))
        if turn is None:
            return Ticket(0, work_us, None, is_refused=True)
        return Ticket(service_us, turn.start_us, fate, is_refused=False)

    def take_due(self, now_us: int) -> Ticket | None:
        """The next that is due by now; None if there is none."""
        if not self._inside or self._inside[0][0] > self._clock.work_us(now_us) or self._clock.is_stalled(now_us):
            return None
        return heappop(self._inside)[2]

    def next_due_us(self) -> int | None:
        """When the next one is due; None if that depends on the end of a stall that has none, or nobody is inside."""
        return self._clock.real_us(self._inside[0][0]) if self._inside else None

    def real_us(self, work_us: int) -> int:
        """The moment of a work time that has been reached."""
        real_us = self._clock.real_us(work_us)
        return real_us if real_us is not None else 0


def _may_hit(fault: Fault, path: str) -> TypeGuard[Errors | Resets]:
    if isinstance(fault, Errors):
        return fault.concerns(path)
    return isinstance(fault, Resets) and fault.when != "connect" and fault.concerns(path)


def _is_on_connections(fault: Fault) -> bool:
    return isinstance(fault, ConnectionLeak) or (isinstance(fault, Resets) and fault.when == "connect")
