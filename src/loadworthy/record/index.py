"""The index of a folder of runs: ``history.sqlite`` beside them.

It holds nothing that the runs do not: it is there so that a trend over some hundred of them takes no time. A file of
another schema, or a damaged one, is made anew; so it may be deleted at any time. Figures have columns of their own, for
those who want to ask in SQL::

    SELECT name, p95 FROM runs JOIN figures ON run = name WHERE scenario = 'load' AND series = '' ORDER BY started_at
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from loadworthy.errors import RunDirError

INDEX = "history.sqlite"
INDEX_SCHEMA = 2
FIGURES = (
    "requests", "error_rate", "throughput", "mean", "p50", "p90", "p95", "p99", "p999", "max", "capacity",
)  # fmt: skip
"""Columns: a count, a share, requests per second, response times in ms, and the capacity that a search found, per s."""

_WAIT_S = 10.0
_TABLES = f"""
CREATE TABLE runs (
    name TEXT PRIMARY KEY, stamp TEXT NOT NULL, started_at TEXT NOT NULL, verdict TEXT NOT NULL,
    revision TEXT, dirty INTEGER NOT NULL, cut_short INTEGER NOT NULL
);
CREATE TABLE figures (
    run TEXT NOT NULL REFERENCES runs (name) ON DELETE CASCADE, position INTEGER NOT NULL,
    scenario TEXT NOT NULL, series TEXT NOT NULL, fingerprint TEXT NOT NULL,
    {", ".join(f"{name} REAL" for name in FIGURES)},
    PRIMARY KEY (run, position)
);
CREATE INDEX figures_by_series ON figures (scenario, series);
PRAGMA user_version = {INDEX_SCHEMA};
"""


@dataclass(frozen=True, slots=True)
class IndexedSeries:
    """The figures of one series in one run; ``series`` is empty for the scenario as a whole.

    ``fingerprint`` is the same for runs that made the same load in the scenario. What is not known is no figure.
    """

    scenario: str
    series: str
    fingerprint: str
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class IndexedRun:
    """What is kept of a run. ``stamp`` changes when its directory does; ``dirty``: the checkout had changed files;
    ``cut_short``: killed or interrupted before its planned end, still going on, or with a load changed by hand."""

    name: str
    stamp: str
    started_at: str
    verdict: str
    revision: str | None
    dirty: bool
    series: tuple[IndexedSeries, ...] = field(default=())
    cut_short: bool = False


class RunIndex:
    """The index of one folder, open; to be used in a ``with`` block, at whose end it is kept.

    A file is made only when there is a run to keep. Where the folder cannot be written, all is in memory, and ``kept``
    is False. RunDirError where somebody else keeps the file locked, and where it cannot be written to its end.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / INDEX
        self.kept = True
        self._has_file = self.path.exists()
        self._database = self._from_file() if self._has_file else _in_memory()

    def _from_file(self) -> sqlite3.Connection:
        try:
            return self._opened()
        except sqlite3.DatabaseError as error:
            if _is_locked(error):
                raise self._failed(error) from error
            return self._made_anew()

    def _opened(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=_WAIT_S)
        try:
            _check(database)
        except BaseException:
            database.close()
            raise
        return database

    def _made_anew(self) -> sqlite3.Connection:
        try:
            self.path.unlink(missing_ok=True)
            return _with_tables(sqlite3.connect(self.path, timeout=_WAIT_S))
        except (OSError, sqlite3.OperationalError):
            self.kept = False
            return _in_memory()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._database.commit()
        except sqlite3.OperationalError as failure:
            raise self._failed(failure) from failure
        finally:
            self._database.close()

    def clear(self) -> None:
        """Forget everything."""
        self.remove(self.stamps())

    def stamps(self) -> dict[str, str]:
        """The runs that are known: name → stamp."""
        return dict(self._database.execute("SELECT name, stamp FROM runs"))

    def put(self, run: IndexedRun) -> None:
        """Keep a run, in place of what was known of it."""
        if not self._has_file:  # so nothing was put yet, and the memory that is left behind is empty
            self._has_file = True
            self._database.close()
            self._database = self._from_file()
        self.remove([run.name])
        facts = (run.name, run.stamp, run.started_at, run.verdict, run.revision, int(run.dirty), int(run.cut_short))
        self._write(f"INSERT INTO runs VALUES ({', '.join('?' * len(facts))})", [facts])  # noqa: S608  # question marks
        marks = ", ".join("?" * (5 + len(FIGURES)))
        self._write(
            f"INSERT INTO figures VALUES ({marks})",  # noqa: S608  # question marks
            [
                (run.name, position, one.scenario, one.series, one.fingerprint, *map(one.figures.get, FIGURES))
                for position, one in enumerate(run.series)
            ],
        )

    def remove(self, names: Iterable[str]) -> None:
        """Forget these runs."""
        self._write("DELETE FROM runs WHERE name = ?", [(name,) for name in names])

    def _write(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        try:
            self._database.executemany(statement, rows)
        except sqlite3.OperationalError as error:
            raise self._failed(error) from error

    def scenarios(self) -> list[str]:
        """The scenarios of all runs, those of the latest run first."""
        query = """
            SELECT scenario FROM figures JOIN runs ON run = name WHERE series = ''
            GROUP BY scenario ORDER BY max(started_at) DESC, min(position)
        """
        return [name for (name,) in self._database.execute(query)]

    def series(self, scenario: str) -> list[str]:
        """The series of a scenario in all runs, by name."""
        query = "SELECT DISTINCT series FROM figures WHERE scenario = ? AND series != '' ORDER BY series"
        return [name for (name,) in self._database.execute(query, (scenario,))]

    def history(self, scenario: str, series: str = "") -> list[tuple[IndexedRun, IndexedSeries]]:
        """One series in every run that has it, oldest first; the runs come without their other series."""
        query = f"""
            SELECT name, stamp, started_at, verdict, revision, dirty, cut_short, fingerprint, {", ".join(FIGURES)}
            FROM figures JOIN runs ON run = name
            WHERE scenario = ? AND series = ? ORDER BY started_at, name
        """  # noqa: S608  # our own column names
        rows = self._database.execute(query, (scenario, series))
        return [
            (
                IndexedRun(name, stamp, started_at, verdict, revision, bool(dirty), cut_short=bool(cut_short)),
                IndexedSeries(scenario, series, fingerprint, _known(figures)),
            )
            for name, stamp, started_at, verdict, revision, dirty, cut_short, fingerprint, *figures in rows
        ]

    def _failed(self, error: sqlite3.DatabaseError) -> RunDirError:
        """Why it could not be written, for whoever can mend that."""
        if _is_locked(error):
            return RunDirError(f"{self.path} is in use by another process; try again when it is done")
        return RunDirError(f"{self.path} cannot be written: {error}; make room for it, or see to its permissions")


def _in_memory() -> sqlite3.Connection:
    return _with_tables(sqlite3.connect(":memory:"))


def _with_tables(database: sqlite3.Connection) -> sqlite3.Connection:
    """The same, with all tables made; closed where that fails."""
    try:
        database.executescript(_TABLES)
        database.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection) -> None:
    """DatabaseError where it is damaged, of another schema, without tables, or cannot be written."""
    (schema,) = database.execute("PRAGMA user_version").fetchone()
    (sound,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if schema != INDEX_SCHEMA or sound != "ok":
        raise sqlite3.DatabaseError(f"schema {schema}, {sound}")
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("BEGIN IMMEDIATE")
    database.execute("SELECT count(*) FROM runs JOIN figures ON run = name").fetchone()


def _known(values: Sequence[float | None]) -> dict[str, float]:
    return {name: value for name, value in zip(FIGURES, values, strict=True) if value is not None}


def _is_locked(error: sqlite3.DatabaseError) -> bool:
    """By SQLite's own code, whose lowest byte says what kind of error it is. (https://sqlite.org/rescode.html)"""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
