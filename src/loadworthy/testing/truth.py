"""What a server knows about the requests it served: what a load generator's figures are held against.

One row of eleven integers for each request, in one flat array: nothing for the garbage collector to walk
through, so a long log does not slow the server that keeps it.
"""

from __future__ import annotations

import base64
from array import array
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOG_LIMIT = 1_000_000
"""Rows kept unless a server is told otherwise."""

FAULTS = ("", "refused", "errors", "resets")
"""What went wrong with a request on purpose; in a row, its place in here."""

_COLUMNS = 11

Row = tuple[int, int, int, int, int, int, int, int, int, int]
"""The fields of an :class:`Exchange` from ``status`` on; the fault as its place in :data:`FAULTS`."""


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
    """0 if it got no whole answer: its connection was reset, or the client was gone before the answer was due."""
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
    started_us: int = 0
    """When its service began: ``started_us - arrival_us`` is its time in the queue."""
    due_us: int = 0
    """When its service was over by the queue's own reckoning; ``departure_us - due_us`` is how late the server was.

    Where the client left before that, both are what was foreseen then; 0 where a stall without an end came between."""
    fault: str = ""
    """What went wrong on purpose: ``refused`` (the queue was full), ``errors``, ``resets``, or nothing."""


@dataclass(frozen=True, slots=True)
class LogArrays:
    """The log in columns of equal length, as numpy arrays of int64; each is a field of :class:`Exchange`."""

    names: list[tuple[str, str]]
    """Method and target, each pair once."""
    name: NDArray[np.int64]
    """Of each request, the place of its method and target in ``names``."""
    status: NDArray[np.int64]
    request_bytes: NDArray[np.int64]
    response_bytes: NDArray[np.int64]
    arrival_us: NDArray[np.int64]
    departure_us: NDArray[np.int64]
    imposed_us: NDArray[np.int64]
    connection: NDArray[np.int64]
    started_us: NDArray[np.int64]
    due_us: NDArray[np.int64]
    fault: NDArray[np.int64]
    """Place in :data:`FAULTS`."""

    @property
    def sojourn_us(self) -> NDArray[np.int64]:
        """From arrival to departure."""
        return self.departure_us - self.arrival_us

    def is_target(self, target: str) -> NDArray[np.bool_]:
        """Which requests had this path and query, to select rows with."""
        import numpy as np

        wanted = [place for place, (_, name) in enumerate(self.names) if name == target]
        return np.isin(self.name, wanted)

    def __len__(self) -> int:
        return len(self.name)


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
    faults: dict[str, int] = field(default_factory=dict)
    """Requests with which something went wrong on purpose, by the words of :attr:`Exchange.fault`."""

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
        self.faults: dict[str, int] = {}

    def add(self, exchange: Exchange) -> None:
        """Add one request."""
        method, target, *row, fault = exchange
        self.add_row((method, target), cast("Row", (*row, FAULTS.index(fault))))

    def add_row(self, name: tuple[str, str], row: Row) -> None:
        """Add one request by its method and target, and the other columns; the fast way."""
        status, fault = row[0], row[9]
        self.requests += 1
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if fault:
            self.faults[FAULTS[fault]] = self.faults.get(FAULTS[fault], 0) + 1
        if self.requests <= self._limit:
            names = self._names
            self._rows.extend((names.setdefault(name, len(names)), *row))

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
                faults=self.faults,
            )
        )

    def log(self) -> dict[str, Any]:
        """All rows in JSON, read back by :func:`decode_log`."""
        rows = base64.b64encode(self._rows.tobytes()).decode()
        kept = len(self._rows) // _COLUMNS
        return {"requests": self.requests, "rows_kept": kept, "names": list(self._names), "rows": rows}


def decode_log(data: Mapping[str, Any]) -> list[Exchange]:
    """The exchanges of :meth:`Truth.log`, in the order in which they ended."""
    rows: array[int] = array("q")
    rows.frombytes(base64.b64decode(data["rows"]))
    names = data["names"]
    return [
        Exchange._make((*names[row[0]], *row[1:-1], FAULTS[row[-1]]))
        for row in (rows[start : start + _COLUMNS].tolist() for start in range(0, len(rows), _COLUMNS))
    ]


def decode_log_arrays(data: Mapping[str, Any]) -> LogArrays:
    """The columns of :meth:`Truth.log`, in the order in which the requests ended."""
    import numpy as np  # here, for the server itself has no use for it

    table = np.frombuffer(base64.b64decode(data["rows"]), dtype=np.int64).reshape(-1, _COLUMNS)
    columns = np.ascontiguousarray(table.T)
    return LogArrays([(method, target) for method, target in data["names"]], *columns)
