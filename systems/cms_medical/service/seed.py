"""The clinic on its first day: the same people, files and history in every new database, around today's date.

``admin``, ``doctor001`` … and ``patient0001`` … are the accounts; one password for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert, select

from systems.cms_medical.service.models import (
    SLOT,
    Appointment,
    AuditLog,
    Base,
    CatalogEntry,
    Consultation,
    Doctor,
    Episode,
    InsurancePolicy,
    MedicalFile,
    Notification,
    Patient,
    Specialty,
    User,
    utc_now,
)
from systems.kit.database import Database
from systems.kit.passwords import hash_password

PASSWORD = "password123"
DOCTORS = 150
PATIENTS = 500
_SEED = 20
_DAYS_BACK, _DAYS_AHEAD = 120, 45

Row = dict[str, Any]

SPECIALTIES = (
    "Cardiology", "Dermatology", "Emergency medicine", "Endocrinology", "General practice", "Neurology", "Obstetrics",
    "Oncology", "Orthopaedics", "Paediatrics", "Psychiatry", "Radiology",
)  # fmt: skip
CATALOGS = {
    "blood-types": {code: code for code in ("0+", "0-", "A+", "A-", "B+", "B-", "AB+", "AB-")},
    "document-types": {"LAB": "Laboratory result", "IMG": "Image", "REF": "Referral", "DIS": "Discharge letter"},
    "insurers": {"NHF": "National Health Fund", "MUT": "Mutual Aid", "PRV": "Private Care", "SLF": "Self-paying"},
    "diagnoses": {
        "I10": "Hypertension", "E11": "Type 2 diabetes", "J45": "Asthma", "M54": "Back pain", "F32": "Depression",
        "L20": "Atopic dermatitis", "G43": "Migraine", "K21": "Reflux", "J06": "Cold", "N39": "Urinary infection",
    },
}  # fmt: skip
_FIRST = (
    "Ana", "Bruno", "Carla", "David", "Elena", "Felix", "Gloria", "Hugo", "Irene", "Jorge", "Karin", "Luis", "Marta",
    "Nora", "Oscar", "Paula", "Quentin", "Rosa", "Samuel", "Teresa",
)  # fmt: skip
_LAST = (
    "Alvarez", "Becker", "Castro", "Dubois", "Evans", "Ferrari", "Garcia", "Hansen", "Ibarra", "Jensen", "Kowalski",
    "Lopez", "Moreau", "Novak", "Ortiz", "Petrov", "Quiroga", "Rossi", "Silva", "Torres",
)  # fmt: skip


def seed(database: Database) -> None:
    """Fill an empty database; one with accounts in it is left as it is."""
    with database.reading() as session:
        if session.scalar(select(User.id).limit(1)) is not None:
            return
    random = Random(_SEED)
    today = utc_now().replace(hour=0, minute=0, second=0)
    with database.writing() as session:
        for kind, rows in _tables(random, today):
            session.execute(insert(kind), rows)


def _tables(random: Random, today: datetime) -> Iterator[tuple[type[Base], list[Row]]]:
    """Every table with its rows, parents first. Ids count from 1 in a new database: rows name each other by them."""
    yield User, _users(random, today)
    yield Specialty, [{"name": name} for name in SPECIALTIES]
    yield Doctor, [_doctor(random, number) for number in range(1, DOCTORS + 1)]
    yield Patient, [_patient(random, number, today.date()) for number in range(1, PATIENTS + 1)]
    yield (
        CatalogEntry,
        [
            {"catalog": catalog, "code": code, "label": label}
            for catalog, entries in CATALOGS.items()
            for code, label in entries.items()
        ],
    )
    appointments = list(_appointments(random, today))
    yield Appointment, appointments
    yield Consultation, [_consultation(random, row) for row in appointments if row["status"] == "completed"]
    yield Episode, [_episode(random, today.date()) for _ in range(PATIENTS)]
    yield MedicalFile, [_file(random, number, today) for number in range(1, PATIENTS + 1)]
    yield InsurancePolicy, [_policy(random, number, today.date()) for number in range(1, PATIENTS + 1)]
    yield Notification, [_notification(number, row, today) for number, row in enumerate(appointments, 1)]
    yield (
        AuditLog,
        [
            {"at": today, "actor_id": 1, "actor": "admin", "action": "create", "entity": "patient", "entity_id": number}
            for number in range(1, PATIENTS + 1)
        ],
    )


def doctors_user_id(number: int) -> int:
    """The account of a doctor; the administrator's is 1."""
    return 1 + number


def patients_user_id(number: int) -> int:
    """The account of a patient."""
    return 1 + DOCTORS + number


def _name(random: Random) -> str:
    return f"{random.choice(_FIRST)} {random.choice(_LAST)}"


def _users(random: Random, today: datetime) -> list[Row]:
    hashed = hash_password(PASSWORD)  # once for all: it takes long on purpose
    accounts = [("admin", "admin")]
    accounts += [(f"doctor{number:03}", "doctor") for number in range(1, DOCTORS + 1)]
    accounts += [(f"patient{number:04}", "patient") for number in range(1, PATIENTS + 1)]
    return [
        {
            "username": username,
            "email": f"{username}@clinic.example",
            "full_name": _name(random),
            "role": role,
            "password_hash": hashed,
            "is_active": True,
            "created_at": today,
            "login_count": 0,
        }
        for username, role in accounts
    ]


def _phone(random: Random) -> str:
    return f"+34 600 {random.randrange(1000, 9999)}"


def _doctor(random: Random, number: int) -> Row:
    return {
        "user_id": doctors_user_id(number),
        "full_name": _name(random),
        "license_number": f"LIC-{number:05}",
        "specialty_id": random.randint(1, len(SPECIALTIES)),
        "email": f"doctor{number:03}@clinic.example",
        "phone": _phone(random),
    }


def _patient(random: Random, number: int, today: date) -> Row:
    return {
        "user_id": patients_user_id(number),
        "record_number": f"MRN-{number:06}",
        "full_name": _name(random),
        "birth_date": today - timedelta(days=random.randrange(365, 365 * 90)),
        "sex": random.choice(("female", "male")),
        "blood_type": random.choice(tuple(CATALOGS["blood-types"])),
        "email": f"patient{number:04}@clinic.example",
        "phone": _phone(random),
    }


def _appointments(random: Random, today: datetime) -> Iterator[Row]:
    """Six for each patient, at most one at a time for each doctor."""
    taken: set[tuple[int, datetime]] = set()
    for patient_id in [number for number in range(1, PATIENTS + 1) for _ in range(6)]:
        day = today + timedelta(days=random.randrange(-_DAYS_BACK, _DAYS_AHEAD))
        starts_at = day + timedelta(hours=8) + random.randrange(32) * SLOT
        doctor_id = random.randint(1, DOCTORS)
        if (doctor_id, starts_at) in taken:
            continue
        taken.add((doctor_id, starts_at))
        past = "completed" if random.random() < 0.85 else "cancelled"
        yield {
            "patient_id": patient_id,
            "doctor_id": doctor_id,
            "starts_at": starts_at,
            "reason": random.choice(("Check-up", "Pain", "Follow-up", "Results", "Prescription")),
            "status": past if starts_at < today else "scheduled",
        }


def _consultation(random: Random, appointment: Row) -> Row:
    code = _diagnosis(random)
    return {
        "patient_id": appointment["patient_id"],
        "doctor_id": appointment["doctor_id"],
        "held_at": appointment["starts_at"],
        "diagnosis_code": code,
        "notes": f"{appointment['reason']}: {CATALOGS['diagnoses'][code]}. Rest; return in two weeks if needed.",
    }


def _diagnosis(random: Random) -> str:
    return random.choice(tuple(CATALOGS["diagnoses"]))


def _episode(random: Random, today: date) -> Row:
    opened = today - timedelta(days=random.randrange(1, 400))
    closed = opened + timedelta(days=random.randrange(1, 90))
    is_closed = closed < today
    title = CATALOGS["diagnoses"][_diagnosis(random)]
    return {
        "patient_id": random.randint(1, PATIENTS),
        "doctor_id": random.randint(1, DOCTORS),
        "title": title,
        "summary": f"{title} since {opened:%B %Y}; treated as usual.",
        "status": "closed" if is_closed else "open",
        "opened_on": opened,
        "closed_on": closed if is_closed else None,
    }


def _file(random: Random, number: int, today: datetime) -> Row:
    lines = [f"{name}: {random.uniform(1, 200):.1f}" for name in ("Hb", "WBC", "PLT", "Na", "K", "CRP")]
    content = "\n".join(lines * random.randrange(4, 20)).encode()
    return {
        "patient_id": number,
        "uploaded_by": doctors_user_id(random.randint(1, DOCTORS)),
        "name": f"laboratory-{number:05}.txt",
        "content_type": "text/plain",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "uploaded_at": today,
        "content": content,
    }


def _policy(random: Random, number: int, today: date) -> Row:
    return {
        "patient_id": number,
        "insurer": random.choice(tuple(CATALOGS["insurers"].values())),
        "policy_number": f"POL-{number:07}",
        "valid_from": today - timedelta(days=200),
        "valid_to": today + timedelta(days=165),
        "coverage_percent": random.choice((60, 80, 100)),
    }


def _notification(number: int, appointment: Row, today: datetime) -> Row:
    return {
        "user_id": patients_user_id(appointment["patient_id"]),
        "appointment_id": number,
        "text": f"Appointment on {appointment['starts_at']:%d %B %Y at %H:%M}",
        "created_at": min(appointment["starts_at"], today),
        "read_at": None if number % 3 else today,
    }
