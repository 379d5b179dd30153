"""A database behind a connection pool whose use is measured; SQLite and PostgreSQL alike.

SQLite lets one connection write at a time, and a transaction that began by reading fails when it later wants to write
while another writes. So sessions say beforehand what they are for: :meth:`Database.writing` takes the write lock at its
beginning (and waits for it), :meth:`Database.reading` never does. SQLite's own waiting is asking again and again after
pauses, in which luck decides who is next, and a thread may have none for seconds. So the threads of a service stand in
a line of ours, and only other processes are left to luck.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import QueuePool

POOL_SIZE = 20
MAX_OVERFLOW = 20
POOL_TIMEOUT_S = 10.0
_SQLITE_BUSY_MS = 10_000


class UnusableUrlError(Exception):
    """A URL of no database that this can use; the message does not repeat it, for it may hold a password."""


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """Connections of the pool at one moment."""

    size: int
    """How many it keeps."""
    most: int
    """How many it opens at most, overflow included."""
    checked_out: int
    idle: int


class Database:
    """An engine with its pool, and sessions for reading and for writing.

    Args:
        url: ``sqlite:///path/to/file.db`` or ``postgresql://user:password@host:port/name``.

    Raises:
        UnusableUrlError: it is no such URL.
    """

    def __init__(self, url: str) -> None:
        self.url = _usable(url)
        self.engine = create_engine(
            self.url,
            poolclass=QueuePool,
            pool_size=POOL_SIZE,
            max_overflow=MAX_OVERFLOW,
            pool_timeout=POOL_TIMEOUT_S,
            pool_pre_ping=not self.is_sqlite,
        )
        self._turn: AbstractContextManager[object] = nullcontext()
        if self.is_sqlite:
            self._turn = threading.Lock()
            _prepare_sqlite(self.engine)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    def create(self, base: type[DeclarativeBase]) -> None:
        """Make the tables and indices that are not there yet."""
        base.metadata.create_all(self.engine)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that writes nothing."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed at the end of the block, and rolled back where the block raises.

        Objects stay usable after the commit. Such blocks are not nested.
        """
        with self._turn, Session(self.engine, expire_on_commit=False) as session:
            session.connection(execution_options={"writes": True})
            yield session
            session.commit()

    def ping(self) -> None:
        """One statement to the database and back; raises SQLAlchemyError where it is gone."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def usage(self) -> PoolUsage:
        """The pool now."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)  # made so above
        return PoolUsage(pool.size(), pool.size() + MAX_OVERFLOW, pool.checkedout(), pool.checkedin())

    def dispose(self) -> None:
        """Close the pool's connections."""
        self.engine.dispose()


def _usable(text: str) -> URL:
    """The URL, with the driver that is installed."""
    wanted = "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME"
    try:
        url = make_url(text)
    except (SQLAlchemyError, ValueError):
        raise UnusableUrlError(f"this is no URL of a database; {wanted}") from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise UnusableUrlError(f"{url.drivername} is not supported; {wanted}")
    if url.database in (None, "", ":memory:"):
        raise UnusableUrlError("a database in memory would be another one for each connection; write sqlite:///FILE")
    return url


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where on_begin says so
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={_SQLITE_BUSY_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
