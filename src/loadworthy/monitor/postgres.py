"""A source that reads a PostgreSQL database: who is connected and in what state, who waits, and how large it is.

It holds one connection of its own, which it does not count. States and waits are of the database itself, the number of
connections is of the whole server, for that is what ``max_connections`` limits.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from loadworthy.clock import Clock
from loadworthy.errors import SetupError
from loadworthy.monitor.source import TIMEOUT_S, SourceError, Values
from loadworthy.units import US_PER_S

if TYPE_CHECKING:
    import psycopg

SIZE_EVERY_US = 10 * US_PER_S
"""PostgreSQL looks at every file of the database to tell its size."""

_ACTIVITY = """
SELECT count(*) AS connections,
       count(*) FILTER (WHERE here) AS connections_here,
       count(*) FILTER (WHERE here AND state = 'active') AS active,
       count(*) FILTER (WHERE here AND state = 'idle') AS idle,
       count(*) FILTER (WHERE here AND state LIKE 'idle in transaction%') AS idle_in_transaction,
       count(*) FILTER (WHERE here AND wait_event_type = 'Lock') AS waiting_on_locks,
       current_setting('max_connections')::int AS max_connections
FROM (SELECT *, datname = current_database() AS here FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS clients
"""
_SIZE = "SELECT pg_database_size(current_database())"
_DRIVER = re.compile(r"^(postgres(?:ql)?)\+\w+(?=://)")


def require_driver() -> None:
    """SetupError where psycopg is not installed."""
    if find_spec("psycopg") is None:
        raise SetupError(
            "the plan monitors a PostgreSQL database, which needs psycopg, and that is not installed: "
            "pip install 'psycopg[binary]', or remove the monitor"
        )


class PostgresSource:
    """``connections`` (of the server), ``max_connections``; of the database ``connections_here``, ``active``, ``idle``,
    ``idle_in_transaction``, ``waiting_on_locks`` and, every ten seconds, ``database_size_bytes``.

    Args:
        address: a URL (that of SQLAlchemy with its driver, too) or a connection string of libpq.
        clock: tells when the size is due.

    Raises:
        SetupError: psycopg is not installed.
    """

    def __init__(self, address: str, clock: Clock, *, timeout_s: float = TIMEOUT_S) -> None:
        require_driver()
        self._address = _DRIVER.sub(r"\1", address.strip())
        self._clock = clock
        self._timeout_s = timeout_s
        self._connection: psycopg.Connection[Any] | None = None
        self._size_due_us: int | None = None
        self._name = f"postgres {_place(self._address)}"

    @property
    def name(self) -> str:
        """``postgres host:port/database``."""
        return self._name

    def read(self) -> Values:
        """See :class:`~loadworthy.monitor.source.Source`."""
        import psycopg

        try:
            return self._read()
        except psycopg.Error as error:
            self.close()
            said = " ".join(str(error).split())
            raise SourceError(said or type(error).__name__) from error

    def notes(self) -> list[str]:
        """See :class:`~loadworthy.monitor.source.Source`."""
        return []

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self) -> Values:
        from psycopg.rows import dict_row

        connection = self._connected()
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(_ACTIVITY).fetchone() or {}
        values = {key: float(value) for key, value in row.items()}
        now_us = self._clock.monotonic_us()
        if self._size_due_us is None or now_us >= self._size_due_us:
            size = connection.execute(_SIZE).fetchone()
            if size is not None:
                values["database_size_bytes"] = float(size[0])
            self._size_due_us = now_us + SIZE_EVERY_US
        return values

    def _connected(self) -> psycopg.Connection[Any]:
        import psycopg

        if self._connection is None:
            whole_s = max(round(self._timeout_s), 1)
            self._connection = psycopg.connect(
                self._address,
                autocommit=True,
                connect_timeout=whole_s,
                application_name="loadworthy monitor",
                # A server that is gone without a word must not hold a reading for the minutes that TCP would wait.
                tcp_user_timeout=whole_s * 1000,
            )
            self._connection.execute(f"SET statement_timeout = {whole_s * 1000}")
        return self._connection


def _place(address: str) -> str:
    """``host:port/database`` of an address; nothing of what may be secret."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(address)
    except ProgrammingError:
        return "(its address cannot be read)"
    host = str(parts.get("host") or "localhost")
    return f"{host}:{parts.get('port') or 5432}/{parts.get('dbname') or parts.get('user') or ''}".rstrip("/")
