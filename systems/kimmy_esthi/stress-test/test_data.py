"""What the users of the stress test send: clients, bookings of free slots, consent forms, dates to look at.

To send something else, write another method of :class:`TestData` and enter it in ``BODIES`` (``"body": "name"`` of an
endpoint in ``config.json``) or in ``PLACEHOLDERS`` (``{name}`` in its path).
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any
from zlib import crc32

Json = dict[str, Any]

LOOKED_AT_DAYS = (-30, 90)
"""``{date}`` lies in this stretch, counted from today: people look at past and coming weeks."""
TREATMENTS = ("signature-facial", "deep-cleansing", "chemical-peel", "led-therapy", "brow-shaping", "lash-lift")
_GIVEN = ("Alma", "Bruno", "Clara", "Daria", "Emil", "Fatima", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Luca")
_FAMILY = ("Arndt", "Bianchi", "Castro", "Dahl", "Eder", "Ferrari", "Gomez", "Horvat", "Ivers", "Jensen", "Keller")
_NOTES = ("", "", "first visit", "sensitive skin", "please call on arrival", "gift voucher")
_ALLERGIES = ("", "", "latex", "fragrance", "nuts")


class NoFreeSlotError(Exception):
    """Every slot of the calendar is taken."""


class TestData:
    """The data of all users of one process.

    Args:
        rng: source of everything random.
        today: the day from which dates are counted.
    """

    def __init__(self, rng: random.Random, today: date) -> None:
        self._rng = rng
        self._today = today
        self._slots: deque[tuple[str, str]] = deque()
        self.offered = 0
        """Which list of slots is in use: how many were offered."""
        self._without_consent: deque[tuple[Json, Json]] = deque(maxlen=1000)
        self._number = rng.getrandbits(40)

    def offer(self, free: Mapping[str, Iterable[str]], process: int = 0, processes: int = 1) -> None:
        """Give it the slots that are free (day → times). Each is used once, one after another from a random place.

        Of several processes each takes slots of its own: which, depends on day and time alone, for their lists may
        differ. Tests of others walk through stretches of their own, and seldom meet: slots drawn singly would often.
        """
        slots = [
            (day, time)
            for day, times in sorted(free.items())
            for time in times
            if crc32(f"{day} {time}".encode()) % processes == process
        ]
        first = self._rng.randrange(len(slots)) if slots else 0
        self._slots = deque(slots[first:] + slots[:first])
        self.offered += 1

    def forget_slots(self, offered: int) -> None:
        """That list is not true any more. One that came after it is: it is kept."""
        if offered == self.offered:
            self._slots.clear()

    @property
    def has_slots(self) -> bool:
        """Whether there is a slot left to book."""
        return bool(self._slots)

    def booked(self, appointment_id: int, withdrawal_code: str, booking: Json) -> None:
        """Note a booking that was made: a consent form can be signed for it, by those who have its code."""
        self._without_consent.append(({"appointment_id": appointment_id, "withdrawal_code": withdrawal_code}, booking))

    def client(self) -> Json:
        """Name, e-mail and phone of somebody new."""
        given, family = self._rng.choice(_GIVEN), self._rng.choice(_FAMILY)
        self._number += 1
        return {
            "name": f"{given} {family}",
            "email": f"{given}.{family}.{self._number}@mail.example".lower(),
            "phone": f"+1 555 {self._rng.randrange(10**7):07d}",
        }

    def booking(self) -> Json:
        """A booking of a slot that nobody else of this process gets; NoFreeSlotError where none is left."""
        if not self._slots:
            raise NoFreeSlotError("no free slot is left in the service's calendar: remove bookings of earlier tests")
        day, time = self._slots.popleft()
        treatment, notes = self._rng.choice(TREATMENTS), self._rng.choice(_NOTES)
        return {"date": day, "time": time, "treatment": treatment, "notes": notes, **self.client()}

    def consent(self) -> Json:
        """A consent form: for a booking that was made and has none, else one without an appointment."""
        appointment: Json = {}
        person = self.client()
        if self._without_consent:
            appointment, person = self._without_consent.popleft()
        return {
            **appointment,
            "name": person["name"],
            "email": person["email"],
            "allergies": self._rng.choice(_ALLERGIES),
            "allows_photographs": self._rng.random() < 0.5,
            "accepts_terms": True,
            "signature": person["name"],
        }

    def date(self) -> str:
        """A day to look at, ``YYYY-MM-DD``."""
        return (self._today + timedelta(days=self._rng.randint(*LOOKED_AT_DAYS))).isoformat()


BODIES: Mapping[str, Callable[[TestData], Json]] = {"booking": TestData.booking, "consent": TestData.consent}
"""Name of a ``body`` in ``config.json`` → what makes it."""

BOOKED_ID = "booked_id"
PLACEHOLDERS: Mapping[str, Callable[[TestData], str] | None] = {"date": TestData.date, BOOKED_ID: None}
"""Name in braces in a path → what makes it. The user fills in ``booked_id``: an appointment of its own."""
