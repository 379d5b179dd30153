"""The house on its first day: the same people and history in every new database, around today's date.

``loadtest@thanotopolis.com`` is the account of the performance suite, ``admin@thanotopolis.com`` the administrator's;
both have the same password, and ten more of the staff, who own the contacts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert, select

from systems.kit.database import Database
from systems.kit.passwords import hash_password
from systems.thanotopolis.service.models import Base, Call, Contact, Conversation, Event, Interaction, User, utc_now

EMAIL = "loadtest@thanotopolis.com"
ADMIN_EMAIL = "admin@thanotopolis.com"
PASSWORD = "LoadTest2025!"
STAFF = 12
CONTACTS = 2000
INTERACTIONS = 6000
EVENTS = 1500
CALLS = 1200
_SEED = 31
_BATCH = 2000

Row = dict[str, Any]

_FIRST = (
    "Agnes", "Albert", "Beatrix", "Cornelius", "Dorothea", "Edmund", "Florence", "Gideon", "Harriet", "Ignatius",
    "Josephine", "Konrad", "Leonora", "Matthias", "Nadine", "Otto", "Philippa", "Quincy", "Rosalind", "Sebastian",
)  # fmt: skip
_LAST = (
    "Ashdown", "Blackwood", "Carver", "Dunmore", "Ellsworth", "Fairbanks", "Graves", "Holloway", "Ivory", "Jessop",
    "Kirkland", "Larkspur", "Marlowe", "Northcote", "Oakley", "Pemberton", "Quarry", "Rowan", "Stonewall", "Thorne",
)  # fmt: skip
_CITIES = ("Aurora", "Beloit", "Cicero", "Decatur", "Elgin", "Freeport", "Galena", "Joliet", "Peoria", "Rockford")
_KINDS = ("family", "family", "family", "prospect", "prospect", "funeral_director", "vendor")
_STATUSES = ("lead", "active", "active", "customer", "customer", "inactive")
_INTERACTIONS = ("call", "email", "meeting", "note")
_SUMMARIES = (
    "Asked about a double plot near the chapel.",
    "Sent the price list and the map of section C.",
    "Walked the grounds together; they prefer the east slope.",
    "Confirmed the wording of the stone.",
    "Left a message about the date of the service.",
)
_EVENTS = ("burial", "consultation", "consultation", "maintenance", "memorial", "viewing")
_PLACES = ("Chapel", "East slope", "Garden of rest", "Main office", "Section C", "Section F")
_CALLS = ("completed", "completed", "completed", "completed", "no-answer", "busy", "failed")


def seed(database: Database) -> None:
    """Fill an empty database; one with accounts in it is left as it is."""
    with database.reading() as session:
        if session.scalar(select(User.id).limit(1)) is not None:
            return
    random = Random(_SEED)
    today = utc_now().replace(hour=0, minute=0, second=0)
    with database.writing() as session:
        for kind, rows in _tables(random, today):
            for start in range(0, len(rows), _BATCH):
                session.execute(insert(kind), rows[start : start + _BATCH])


def _tables(random: Random, today: datetime) -> Iterator[tuple[type[Base], list[Row]]]:
    """Every table with its rows, parents first. Ids count from 1 in a new database: rows name each other by them."""
    yield User, list(_staff(random, today))
    yield Contact, list(_contacts(random, today))
    yield Interaction, list(_interactions(random, today))
    yield Event, list(_events(random, today))
    yield Call, list(_calls(random, today))
    yield Conversation, [{"user_id": 1 + number % STAFF, "title": f"Enquiry {number + 1}"} for number in range(50)]


def _staff(random: Random, today: datetime) -> Iterator[Row]:
    hashed = hash_password(PASSWORD)
    for number in range(STAFF):
        first, last = _FIRST[number], random.choice(_LAST)
        email = (EMAIL, ADMIN_EMAIL)[number] if number < 2 else f"{first}.{last}@thanotopolis.com".lower()
        yield {
            "email": email,
            "first_name": first,
            "last_name": last,
            "role": "admin" if email == ADMIN_EMAIL else "staff",
            "phone": f"+1312555{number + 100:04}",
            "password_hash": hashed,
            "created_at": today - timedelta(days=900),
            "last_login_at": None,
        }


def _contacts(random: Random, today: datetime) -> Iterator[Row]:
    for number in range(1, CONTACTS + 1):
        first, last, city = random.choice(_FIRST), random.choice(_LAST), random.choice(_CITIES)
        email = f"{first}.{last}.{number}@mail.example".lower()
        born = today - timedelta(days=random.randrange(1, 900))
        yield {
            "owner_id": random.randint(1, STAFF),
            "first_name": first,
            "last_name": last,
            "email": email,
            "phone": f"+1815555{random.randrange(100, 200):04}",
            "city": city,
            "kind": random.choice(_KINDS),
            "status": random.choice(_STATUSES),
            "notes": "",
            "search_text": f"{first} {last} {email} {city}".lower(),
            "created_at": born,
            "updated_at": born,
        }


def _interactions(random: Random, today: datetime) -> Iterator[Row]:
    for _ in range(INTERACTIONS):
        yield {
            "contact_id": random.randint(1, CONTACTS),
            "author_id": random.randint(1, STAFF),
            "kind": random.choice(_INTERACTIONS),
            "summary": random.choice(_SUMMARIES),
            "occurred_at": today - timedelta(minutes=random.randrange(400 * 24 * 60)),
        }


def _events(random: Random, today: datetime) -> Iterator[Row]:
    for _ in range(EVENTS):
        day = random.randrange(-200, 60)
        starts = today + timedelta(days=day, minutes=15 * random.randrange(32, 68))
        kind = random.choice(_EVENTS)
        contact_id = random.randint(1, CONTACTS) if kind != "maintenance" else None
        yield {
            "owner_id": random.randint(1, STAFF),
            "contact_id": contact_id,
            "external_id": None,
            "title": kind.capitalize() if contact_id is None else f"{kind.capitalize()} for family {contact_id}",
            "kind": kind,
            "status": "done" if day < 0 else random.choice(("planned", "confirmed", "cancelled")),
            "location": random.choice(_PLACES),
            "starts_at": starts,
            "ends_at": starts + timedelta(minutes=random.choice((30, 60, 90))),
            "notes": "",
        }


def _calls(random: Random, today: datetime) -> Iterator[Row]:
    for _ in range(CALLS):
        starts = today - timedelta(minutes=random.randrange(1, 60 * 24 * 60))
        status = random.choice(_CALLS)
        seconds = random.randrange(20, 1200) if status == "completed" else 0
        inbound = random.random() < 0.7
        outside, house = f"+1815555{random.randrange(100, 200):04}", "+13125550100"
        yield {
            "call_sid": f"CA{random.getrandbits(128):032x}",
            "from_number": outside if inbound else house,
            "to_number": house if inbound else outside,
            "direction": "inbound" if inbound else "outbound",
            "status": status,
            "started_at": starts,
            "ended_at": starts + timedelta(seconds=seconds),
            "duration_s": seconds,
            "media_frames": 0,
        }
