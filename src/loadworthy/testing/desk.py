"""Between the connections of a server and its :class:`~loadworthy.testing.backend.Backend`: clock, timer, leaks."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

from loadworthy.clock import monotonic_ns
from loadworthy.testing.backend import Backend, Ticket
from loadworthy.testing.faults import Fault, MemoryLeak
from loadworthy.testing.leaks import Leaks
from loadworthy.testing.queueing import Queue
from loadworthy.units import US_PER_S

_LEAK_EVERY_S = 0.05


def now_us() -> int:
    """The stamp of this moment."""
    return monotonic_ns() // 1000


class Desk:
    """Gives each request its ticket, and calls it when it is due.

    Args:
        loop: where the timer runs.
        backend: what decides; by default one that only takes the time of the service.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, backend: Backend | None = None) -> None:
        self.backend = backend or Backend(Queue.parallel())
        self.leaks = Leaks()
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_us = 0
        self._is_releasing = False
        self._leak_timer: asyncio.TimerHandle | None = None
        self._leaked_us = now_us()
        self._watch_leaks()

    # What connections call.

    def admits(self, transport: asyncio.Transport) -> bool:
        """Whether a new connection is let in; it is reset if not."""
        if self.backend.is_idle:
            return True
        stamp_us = now_us()
        if not self.backend.connect(stamp_us):
            reset(transport)
            return False
        self.leaks.connection(_socket_of(transport), self.backend.leaks(stamp_us))
        return True

    def arrive(self, stamp_us: int, path: str, service_us: int, on_due: Callable[[Ticket], None]) -> Ticket:
        """A ticket for a request that is complete; follow it with :meth:`release`."""
        ticket = self.backend.arrive(stamp_us, path, service_us)
        ticket.on_due = on_due
        self.leaks.request(self.backend.leaks(stamp_us))
        return ticket

    def release(self) -> None:
        """Call all tickets that are due."""
        if self._is_releasing:
            return  # by a call further up, which goes on; so that many requests in one read do not pile up here
        self._is_releasing = True
        try:
            while (ticket := self.backend.take_due(now_us())) is not None:
                if ticket.on_due is not None:
                    ticket.on_due(ticket)
        finally:
            self._is_releasing = False
            self._set_timer()

    # What the test orders.

    def mark(self) -> int:
        """Planned faults count their time from now; the stamp of this moment in µs."""
        stamp_us = now_us()
        self.backend.mark(stamp_us)
        self._changed()
        return stamp_us

    def inject(self, fault: Fault) -> int:
        """A fault begins now; the stamp of this moment in µs."""
        stamp_us = now_us()
        self.backend.inject(fault, stamp_us)
        self._changed()
        return stamp_us

    def heal(self, fault: Fault | None) -> tuple[int, int]:
        """A fault ends now, or all do; the stamp of this moment in µs and how many they were."""
        stamp_us = now_us()
        count = self.backend.heal(fault, stamp_us)
        self.leaks.forget_all_but(self.backend.known())
        self._changed()
        return stamp_us, count

    def _changed(self) -> None:
        self._watch_leaks()
        self.release()

    # Timers.

    def _set_timer(self) -> None:
        due_us = self.backend.next_due_us()
        if self._timer is not None:
            if due_us is not None and self._timer_due_us <= due_us:
                return  # comes early enough, and will be set again then
            self._timer.cancel()
            self._timer = None
        if due_us is not None:
            self._timer_due_us = due_us
            self._timer = self._loop.call_later(max(due_us - now_us(), 0) / US_PER_S, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.release()

    def _watch_leaks(self) -> None:
        leaks = [fault for fault in self.backend.known() if isinstance(fault, MemoryLeak) and fault.bytes_per_s]
        if leaks and self._leak_timer is None:
            self._leaked_us = now_us()
            self._leak_timer = self._loop.call_later(_LEAK_EVERY_S, self._leak)

    def _leak(self) -> None:
        stamp_us = now_us()
        self.leaks.pass_time(self.backend.leaks(stamp_us), stamp_us - self._leaked_us)
        self._leak_timer = None
        self._watch_leaks()


def reset(transport: asyncio.Transport) -> None:
    """End a connection with a reset (TCP RST) in place of a proper end."""
    _socket_of(transport).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _socket_of(transport: asyncio.Transport) -> socket.socket:
    return cast("socket.socket", transport.get_extra_info("socket"))
