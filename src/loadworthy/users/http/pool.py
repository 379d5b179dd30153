"""Connections that wait for their next request: usually one, so that case is cheap."""

from __future__ import annotations

from loadworthy.users.http.connection import IDLE_CHECK_NS, Connection
from loadworthy.users.http.dial import Route

MAX_IDLE = 10


class Pool:
    """The idle connections of one session, the last used first."""

    __slots__ = ("_last", "_others")

    def __init__(self) -> None:
        self._last: Connection | None = None
        self._others: list[Connection] = []

    def take(self, route: Route, now_ns: int) -> Connection | None:
        """An idle connection along this route that is still open; None if there is none."""
        connection = self._last
        if connection is None or (connection.key is not route and connection.key != route):
            return self._take_other(route, now_ns)
        self._last = None
        if now_ns - connection.idle_since_ns > IDLE_CHECK_NS and connection.is_stale():
            connection.close()
            return self._take_other(route, now_ns)
        return connection

    def put(self, connection: Connection, now_ns: int) -> None:
        """Keep a connection whose response is complete; the oldest goes when there are too many."""
        connection.idle_since_ns = now_ns
        connection.used = True
        if self._last is not None:
            self._others.append(self._last)
            if len(self._others) >= MAX_IDLE:
                self._others.pop(0).close()
        self._last = connection

    def close(self) -> None:
        """Close them all; the pool can be used again."""
        if self._last is not None:
            self._others.append(self._last)
            self._last = None
        while self._others:
            self._others.pop().close()

    def _take_other(self, route: Route, now_ns: int) -> Connection | None:
        for index in range(len(self._others) - 1, -1, -1):
            if self._others[index].key == route:
                connection = self._others.pop(index)
                if now_ns - connection.idle_since_ns <= IDLE_CHECK_NS or not connection.is_stale():
                    return connection
                connection.close()
        return None
