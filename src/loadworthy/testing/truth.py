"""What a server knows about the requests it served: what a load generator's figures are held against.

One row of eight integers for each request, in one flat array: nothing for the garbage collector to walk
through, so a long log does not slow the server that keeps it.
"""

from __future__ import annotations

import base64
from array import array
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

LOG_LIMIT = 1_000_000
"""Rows kept unless a server is told otherwise."""

_COLUMNS = 8


class Exchange(NamedTuple):
    """One request and its response, as the server saw them.

    The stamps are µs of ``perf_counter``, which on Linux is one scale for all processes. A request arrives
    when its first bytes are read (a pipelined one when its turn comes) and departs just before its response
    is handed to the socket, so the time between lies wholly within what the client measured.
    """

    method: str
    target: str
    """Path and query as they were sent."""
    status: int
    """0 if the client was gone before the answer was due."""
    request_bytes: int
    """On the wire, head and framing included."""
    response_bytes: int
    """On the wire, head included; 0 if nothing was sent."""
    arrival_us: int
    departure_us: int
    imposed_us: int
    """The service time asked for; ``departure_us - arrival_us`` is never less, if there was an answer."""
    connection: int
    """Number of the connection, from 1."""


@dataclass(frozen=True, slots=True)
class ServerStats:
    """Counts since the start or the last ``clear()``; connections count from the start."""

    requests: int
    """Answered, or abandoned by the client; those in service come on top."""
    in_service: int
    connections: int
    open_connections: int
    received_bytes: int
    """Everything that was read, whether it became a request or not."""
    sent_bytes: int
    malformed: int
    """What was no HTTP/1.1 request, or too large, and was refused with its connection closed."""
    statuses: dict[int, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ServerStats:
        """The counts of a JSON object, whose keys are text."""
        return cls(**{**data, "statuses": {int(status): count for status, count in data["statuses"].items()}})


class Truth:
    """The server's side of the log.

    Args:
        limit: rows kept; requests beyond are counted only.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.connections = 0
        self.open_connections = 0
        self.in_service = 0
        self.clear()

    def clear(self) -> None:
        """Forget what was served so far."""
        self._rows: array[int] = array("q")
        self._names: dict[tuple[str, str], int] = {}
        self.requests = 0
        self.received_bytes = 0
        self.sent_bytes = 0
        self.malformed = 0
        self.statuses: dict[int, int] = {}

    def add(self, exchange: tuple[str, str, int, int, int, int, int, int, int]) -> None:
        """Add one, its fields in the order of :class:`Exchange`."""
        method, target, status = exchange[:3]
        self.requests += 1
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if self.requests <= self._limit:
            name = self._names.setdefault((method, target), len(self._names))
            self._rows.extend((name, *exchange[2:]))

    def stats(self) -> dict[str, Any]:
        """The counts, as :class:`ServerStats` in JSON."""
        return asdict(
            ServerStats(
                requests=self.requests,
                in_service=self.in_service,
                connections=self.connections,
                open_connections=self.open_connections,
                received_bytes=self.received_bytes,
                sent_bytes=self.sent_bytes,
                malformed=self.malformed,
                statuses=self.statuses,
            )
        )

    def log(self) -> dict[str, Any]:
        """All rows in JSON, read back by :func:`decode_log`."""
        rows = base64.b64encode(self._rows.tobytes()).decode()
        return {"requests": self.requests, "names": list(self._names), "rows": rows}


def decode_log(data: Mapping[str, Any]) -> list[Exchange]:
    """The exchanges of :meth:`Truth.log`, in the order in which they ended."""
    rows: array[int] = array("q")
    rows.frombytes(base64.b64decode(data["rows"]))
    names = data["names"]
    return [
        Exchange(*names[rows[start]], *rows[start + 1 : start + _COLUMNS]) for start in range(0, len(rows), _COLUMNS)
    ]
