"""The booking service's SQLite database: schema, queries and the one rule that matters, no slot twice.

That rule is a unique index over the appointments that are not cancelled, so it holds whoever writes. Every
write is a transaction of its own, committed to the write-ahead log before its answer: safe from a crash of
the process, though not of the machine (``synchronous=NORMAL``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadworthy.demo.auth import hash_password
from loadworthy.demo.seed import ACCOUNTS, PRACTITIONERS, TIMES, make_appointments

Row = dict[str, Any]

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS accounts (email TEXT PRIMARY KEY, password TEXT NOT NULL, role TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS appointments (
    id INTEGER PRIMARY KEY,
    date TEXT NOT NULL, time TEXT NOT NULL, practitioner TEXT NOT NULL,
    service TEXT NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'cancelled')),
    created TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS one_booking_a_slot
    ON appointments (date, time, practitioner) WHERE status <> 'cancelled';
CREATE INDEX IF NOT EXISTS appointments_by_day ON appointments (date, time, id);
CREATE INDEX IF NOT EXISTS appointments_by_status ON appointments (status, id);
CREATE TABLE IF NOT EXISTS consents (
    id INTEGER PRIMARY KEY,
    appointment_id INTEGER NOT NULL REFERENCES appointments (id),
    name TEXT NOT NULL, kind TEXT NOT NULL, signed TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS consents_by_appointment ON consents (appointment_id);
"""
_INSERT = """INSERT INTO appointments (date, time, practitioner, service, name, email, phone, status, created)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_SLOTS = tuple((time, practitioner) for time in TIMES for practitioner in PRACTITIONERS)


class SlotTakenError(Exception):
    """Somebody else has this slot."""

    def __init__(self, appointment_id: int) -> None:
        super().__init__(f"the slot is taken by appointment {appointment_id}")
        self.appointment_id = appointment_id


class Store:
    """The database behind the service. One process and one thread use it.

    Args:
        path: of the database; made and filled if it is not there yet.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = _as_dict
        self._db.executescript(_SCHEMA)
        if not self._one("SELECT 1 AS found FROM accounts LIMIT 1"):
            self._fill()

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def is_healthy(self) -> bool:
        """Whether a query works."""
        return self._one("SELECT 1 AS one") == {"one": 1}

    def account(self, email: str) -> Row | None:
        """E-mail, password hash and role."""
        return self._one("SELECT email, password, role FROM accounts WHERE email = ?", email)

    def free_slots(self, day: str) -> list[Row]:
        """Time and practitioner of each slot of a day that can be booked, by time."""
        query = "SELECT time, practitioner FROM appointments WHERE date = ? AND status <> 'cancelled'"
        taken = {(row["time"], row["practitioner"]) for row in self._db.execute(query, (day,))}
        return [{"time": time, "practitioner": who} for time, who in _SLOTS if (time, who) not in taken]

    def bookings_of_day(self, day: str, limit: int, offset: int) -> tuple[list[Row], int]:
        """A page of a day's appointments without what is personal in them, and how many there are."""
        rows = self._db.execute(
            "SELECT id, time, practitioner, service, status FROM appointments WHERE date = ? "
            "ORDER BY time, id LIMIT ? OFFSET ?",
            (day, limit, offset),
        ).fetchall()
        return rows, self._count("WHERE date = ?", (day,))

    def appointments(self, status: str | None, limit: int, offset: int) -> tuple[list[Row], int]:
        """A page of all appointments, newest first, with everything in them, and how many there are."""
        where, arguments = ("WHERE status = ?", (status,)) if status else ("", ())
        rows = self._db.execute(
            f"SELECT * FROM appointments {where} ORDER BY id DESC LIMIT ? OFFSET ?",  # noqa: S608 - constant
            (*arguments, limit, offset),
        ).fetchall()
        return rows, self._count(where, arguments)

    def appointment(self, appointment_id: int) -> Row | None:
        """One appointment with everything in it."""
        return self._one("SELECT * FROM appointments WHERE id = ?", appointment_id)

    def book(self, booking: Row, created: str) -> int:
        """Take a slot; the new appointment's id.

        Raises:
            SlotTakenError: if the slot is not free.
        """
        names = ("date", "time", "practitioner", "service", "name", "email", "phone")
        try:
            cursor = self._db.execute(_INSERT, (*(booking[name] for name in names), "pending", created))
        except sqlite3.IntegrityError:
            raise SlotTakenError(self._holder(booking)) from None
        return int(cursor.lastrowid or 0)

    def set_status(self, appointment_id: int, status: str) -> None:
        """Confirm or cancel an appointment."""
        self._db.execute("UPDATE appointments SET status = ? WHERE id = ?", (status, appointment_id))

    def add_consent(self, appointment_id: int, name: str, kind: str, signed: str) -> int:
        """Keep a signed consent; its id."""
        cursor = self._db.execute(
            "INSERT INTO consents (appointment_id, name, kind, signed) VALUES (?, ?, ?, ?)",
            (appointment_id, name, kind, signed),
        )
        return int(cursor.lastrowid or 0)

    def _fill(self) -> None:
        self._db.execute("BEGIN")
        accounts = [(email, hash_password(password), role) for email, password, role in ACCOUNTS]
        self._db.executemany("INSERT INTO accounts (email, password, role) VALUES (?, ?, ?)", accounts)
        self._db.executemany(_INSERT, make_appointments())
        self._db.execute("COMMIT")
        self._db.execute("ANALYZE")

    def _holder(self, booking: Row) -> int:
        row = self._one(
            "SELECT id FROM appointments WHERE date = ? AND time = ? AND practitioner = ? AND status <> 'cancelled'",
            booking["date"],
            booking["time"],
            booking["practitioner"],
        )
        if row is None:
            raise RuntimeError(f"the slot was refused, yet nobody holds it: {booking['date']} {booking['time']}")
        return int(row["id"])

    def _one(self, query: str, *arguments: object) -> Row | None:
        row: Row | None = self._db.execute(query, arguments).fetchone()
        return row

    def _count(self, where: str, arguments: Sequence[object]) -> int:
        query = f"SELECT count(*) AS total FROM appointments {where}"  # noqa: S608 - `where` is a constant
        row = self._one(query, *arguments)
        return int(row["total"]) if row else 0


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
