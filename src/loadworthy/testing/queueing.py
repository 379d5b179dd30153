"""Queues in virtual time: when a request's service begins and when it ends, computed on its arrival.

A first-come-first-served queue needs no simulation: service begins when the request has arrived and a server is free,
and what comes later cannot change it. So both moments are known, to the microsecond, as soon as a request arrives.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from typing import Any, NamedTuple, Self

from loadworthy.units import US_PER_S


@dataclass(frozen=True, slots=True)
class Queue:
    """How the requests of a server share it; make one with :meth:`parallel` or :meth:`fifo`.

    Args:
        servers: that take one request at a time, in the order of arrival; None: as many as there are requests.
        max_per_s: services begun per second at most, evenly spaced; None: no such limit. Every service then still
            takes its own time: 5 ms of it behind 200/s is a server that is quick and of little capacity.
        limit: requests that may be inside, waiting or in service; those beyond get a 503. None: any number.

    Raises:
        ValueError: if a number is out of its bounds.
    """

    servers: int | None = None
    max_per_s: float | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.servers is not None and self.servers < 1:
            raise ValueError(f"a queue has 1 server or more, not {self.servers}; None means no queue")
        if self.max_per_s is not None and not 0 < self.max_per_s < math.inf:
            raise ValueError(f"max_per_s is a finite number above 0, not {self.max_per_s}")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"a limit lets 1 request in or more, not {self.limit}")

    @classmethod
    def parallel(cls, *, max_per_s: float | None = None, limit: int | None = None) -> Self:
        """All requests are served side by side."""
        return cls(None, max_per_s, limit)

    @classmethod
    def fifo(cls, servers: int = 1, *, max_per_s: float | None = None, limit: int | None = None) -> Self:
        """One after the other, or as many at once as there are servers: M/M/1, M/D/1, M/M/c …"""
        return cls(servers, max_per_s, limit)

    @property
    def is_open(self) -> bool:
        """Whether nobody ever has to wait, and nobody is refused."""
        return self == Queue()

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, which :meth:`from_json` reads back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The queue of a JSON object.

        Raises:
            ValueError: as the constructor does.
            TypeError: if a key is unknown.
        """
        return cls(**data)


class Turn(NamedTuple):
    """When a request's service begins and ends, µs on the scale of its arrival."""

    start_us: int
    end_us: int


class Line:
    """A queue at work. Arrivals must not go back in time."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._free_us = [0] * (queue.servers or 0)  # when each server is free again, a heap
        self._gap_us = US_PER_S / queue.max_per_s if queue.max_per_s else 0.0
        self._gate_us = 0.0
        self._inside: list[int] = []  # when each of those inside leaves, a heap; kept where there is a limit

    def join(self, arrival_us: int, service_us: int, *, is_stalled: bool = False) -> Turn | None:
        """The turn of a request that arrives now; None if it is refused.

        Args:
            arrival_us: now.
            service_us: how long its service will take.
            is_stalled: the clock stands still, and what is due now is still inside.
        """
        if self._queue.limit is not None and self._count(arrival_us, is_stalled) >= self._queue.limit:
            return None
        start_us = max(arrival_us, self._free_us[0]) if self._free_us else arrival_us
        if self._gap_us:
            start_us = self._pass_gate(start_us)
        end_us = start_us + service_us
        if self._free_us:
            heapreplace(self._free_us, end_us)
        if self._queue.limit is not None:
            heappush(self._inside, end_us)
        return Turn(start_us, end_us)

    def _pass_gate(self, ready_us: int) -> int:
        if ready_us > self._gate_us:
            self._gate_us = ready_us + self._gap_us
            return ready_us
        start_us = math.ceil(self._gate_us)
        self._gate_us += self._gap_us  # from where it was, not from what it was rounded to: the rate stays exact
        return start_us

    def _count(self, now_us: int, is_stalled: bool) -> int:
        while self._inside and (self._inside[0] < now_us or (self._inside[0] == now_us and not is_stalled)):
            heappop(self._inside)
        return len(self._inside)
