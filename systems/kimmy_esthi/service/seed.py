"""What an empty database is filled with: four months of history and a calendar that thins out over the next two."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from systems.kimmy_esthi.service.hours import times_on, today
from systems.kimmy_esthi.service.models import Account, Appointment, Base, ConsentForm, Role, Status, Treatment
from systems.kit.database import Database
from systems.kit.passwords import hash_password

ACCOUNTS = (("admin", "kimmy-admin-test", Role.ADMIN), ("reception", "kimmy-staff-test", Role.STAFF))
"""User name, password and role. They guard nothing: the service listens on loopback only."""

TREATMENTS = (
    ("signature-facial", "Signature facial", 30, 9500),
    ("deep-cleansing", "Deep cleansing facial", 30, 11000),
    ("chemical-peel", "Chemical peel", 25, 13500),
    ("microdermabrasion", "Microdermabrasion", 25, 12500),
    ("led-therapy", "LED light therapy", 30, 6500),
    ("brow-shaping", "Brow shaping and tint", 20, 4500),
    ("lash-lift", "Lash lift", 30, 8500),
    ("waxing", "Full face waxing", 20, 5500),
)
_NO_CODE = ""
"""The hash of no code: what is seeded can be deleted by the salon only."""
_PAST_DAYS, _COMING_DAYS = 120, 60
_GIVEN = (
    "Aisha", "Beatriz", "Camille", "Divya", "Elena", "Freya", "Giulia", "Hiroko", "Imani",
    "Jasmin", "Keiko", "Leila", "Mina", "Nadia", "Olga", "Priya", "Rosa",
)  # fmt: skip
_FAMILY = (
    "Adeyemi", "Baker", "Chen", "Duarte", "Evans", "Fontaine", "Gupta", "Hansen", "Iqbal",
    "Jovanovic", "Kaya", "Lopez", "Moreau", "Nguyen", "Okoye",
)  # fmt: skip
_ALLERGIES = ("", "", "", "latex", "nuts", "fragrance", "aloe vera", "penicillin")
_MEDICATION = ("", "", "", "retinoids", "blood thinners", "isotretinoin, ended last year")


def fill(database: Database) -> None:
    """Make the tables, and the rows where there are none yet."""
    database.create(Base)
    with database.writing() as session:
        if session.scalar(select(Account.id).limit(1)) is not None:
            return
        session.add_all(
            Account(username=name, password_hash=hash_password(password), role=role.value)
            for name, password, role in ACCOUNTS
        )
        treatments = [Treatment(slug=s, name=n, minutes=m, price_cents=p) for s, n, m, p in TREATMENTS]
        session.add_all(treatments)
        session.flush()
        session.add_all(_appointments(random.Random(20), today(), treatments))


def _appointments(rng: random.Random, now: date, treatments: list[Treatment]) -> list[Appointment]:
    """No slot twice. The same for the same day."""
    made = []
    for offset in range(-_PAST_DAYS, _COMING_DAYS + 1):
        day = now + timedelta(days=offset)
        share = 0.6 if offset <= 0 else 0.6 * (1 - offset / (_COMING_DAYS + 1))
        made += [
            _appointment(rng, day, time, now, rng.choice(treatments).id)
            for time in times_on(day)
            if rng.random() < share
        ]
    return made


def _appointment(rng: random.Random, day: date, time: str, now: date, treatment_id: int) -> Appointment:
    past = day <= now
    given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
    name, email = f"{given} {family}", f"{given}.{family}{rng.randint(10, 99)}@mail.example".lower()
    midnight = datetime.combine(min(day, now), datetime.min.time(), UTC)
    made_at = midnight - timedelta(days=rng.randint(2, 40), minutes=rng.randint(0, 720))
    statuses = (Status.COMPLETED, Status.CANCELLED) if past else (Status.PENDING, Status.CONFIRMED)
    appointment = Appointment(
        day=day,
        time=time,
        treatment_id=treatment_id,
        client_name=name,
        client_email=email,
        client_phone=f"+1 555 {rng.randint(1_000_000, 9_999_999)}",
        status=rng.choices(statuses, (9, 1) if past else (4, 6))[0].value,
        code_hash=_NO_CODE,
        created_at=made_at,
    )
    if rng.random() < 0.5:
        appointment.consent_forms.append(
            ConsentForm(
                client_name=name,
                client_email=email,
                allergies=rng.choice(_ALLERGIES),
                medication=rng.choice(_MEDICATION),
                allows_photographs=rng.random() < 0.4,
                signature=name,
                code_hash=_NO_CODE,
                signed_at=made_at + timedelta(hours=1),
            )
        )
    return appointment
