"""What the demo starts with: a practice with a year of calendar, a fifth of it booked; always the same."""

from __future__ import annotations

import random
from datetime import date, timedelta

FIRST_DAY = date(2030, 1, 1)
DAYS = 365
"""A fixed year that is not over soon: the demo's figures do not depend on the day on which it is run."""

TIMES = tuple(f"{hour:02d}:{minute:02d}" for hour in range(9, 17) for minute in (0, 30))
PRACTITIONERS = (
    "Dr. Amara Okafor",
    "Dr. Jonas Lindqvist",
    "Dr. Mei Tanaka",
    "Dr. Rosa Iglesias",
    "Dr. Tom Brandt",
)
SERVICES = ("consultation", "check-up", "facial treatment", "laser treatment", "follow-up")
CONSENT_KINDS = ("treatment", "privacy", "photography")

ACCOUNTS = (
    ("admin@practice.example", "demo-admin-only", "admin"),
    ("patient@practice.example", "demo-patient-only", "patient"),
)
"""E-mail, password and role of those who can log in. They guard nothing: it listens on loopback only."""

_GIVEN = (
    "Ada",
    "Bela",
    "Chiara",
    "Dmitri",
    "Elif",
    "Farid",
    "Grace",
    "Hana",
    "Ivan",
    "Joy",
    "Kofi",
    "Lena",
    "Noor",
)
_FAMILY = (
    "Abebe",
    "Berg",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ito",
    "Jansen",
    "Kim",
    "Novak",
)

AppointmentRow = tuple[str, str, str, str, str, str, str, str, str]
"""date, time, practitioner, service, name, e-mail, phone, status, created (both dates as ISO 8601 text)."""


def make_appointments(seed: int = 1, booked_share: float = 0.2) -> list[AppointmentRow]:
    """Appointments over the whole calendar, no slot twice, in the order of their slots."""
    rng = random.Random(seed)
    rows: list[AppointmentRow] = []
    for offset in range(DAYS):
        day = FIRST_DAY + timedelta(days=offset)
        earlier = day - timedelta(days=rng.randint(1, 60))
        created = f"{earlier}T{rng.randint(7, 21):02d}:{rng.randint(0, 59):02d}:00Z"
        rows += [
            _make_appointment(rng, day, time, practitioner, created)
            for time in TIMES
            for practitioner in PRACTITIONERS
            if rng.random() < booked_share
        ]
    return rows


def _make_appointment(rng: random.Random, day: date, time: str, practitioner: str, created: str) -> AppointmentRow:
    given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
    number = rng.randint(100_000, 999_999)
    return (
        day.isoformat(),
        time,
        practitioner,
        rng.choice(SERVICES),
        f"{given} {family}",
        f"{given}.{family}{number}@mail.example".lower(),
        f"+49 30 {number}",
        rng.choices(("pending", "confirmed", "cancelled"), (6, 3, 1))[0],
        created,
    )
