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
        self._slots: list[tuple[str, str]] = []
        self._without_consent: deque[tuple[int, Json]] = deque(maxlen=1000)
        self._number = rng.getrandbits(40)

    def offer(self, free: Mapping[str, Iterable[str]]) -> None:
        """Give it the slots that are free (day → times). Each is used once, in random order."""
        self._slots = [(day, time) for day, times in free.items() for time in times]
        self._rng.shuffle(self._slots)

    @property
    def has_slots(self) -> bool:
        """Whether there is a slot left to book."""
        return bool(self._slots)

    def booked(self, appointment_id: int, booking: Json) -> None:
        """Note a booking that was made: a consent form can be signed for it."""
        self._without_consent.append((appointment_id, booking))

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
        day, time = self._slots.pop()
        treatment, notes = self._rng.choice(TREATMENTS), self._rng.choice(_NOTES)
        return {"date": day, "time": time, "treatment": treatment, "notes": notes, **self.client()}

    def consent(self) -> Json:
        """A consent form: for a booking that was made and has none, else one without an appointment."""
        appointment_id, person = None, self.client()
        if self._without_consent:
            appointment_id, person = self._without_consent.popleft()
        form = {
            "name": person["name"],
            "email": person["email"],
            "allergies": self._rng.choice(_ALLERGIES),
            "allows_photographs": self._rng.random() < 0.5,
            "accepts_terms": True,
            "signature": person["name"],
        }
        return form if appointment_id is None else {"appointment_id": appointment_id, **form}

    def date(self) -> str:
        """A day to look at, ``YYYY-MM-DD``."""
        return (self._today + timedelta(days=self._rng.randint(*LOOKED_AT_DAYS))).isoformat()


BODIES: Mapping[str, Callable[[TestData], Json]] = {"booking": TestData.booking, "consent": TestData.consent}
"""Name of a ``body`` in ``config.json`` → what makes it."""

BOOKED_ID = "booked_id"
PLACEHOLDERS: Mapping[str, Callable[[TestData], str] | None] = {"date": TestData.date, BOOKED_ID: None}
"""Name in braces in a path → what makes it. The user fills in ``booked_id``: an appointment of its own."""
