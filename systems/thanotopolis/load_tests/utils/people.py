"""Made-up people and appointments, like those that the house deals with. No two have the same address."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

FIRST = ("Ada", "Bruno", "Clara", "Desmond", "Esther", "Felix", "Grace", "Henry", "Iris", "Jonas", "Kate", "Leo", "Mae")
LAST = ("Archer", "Brook", "Cooper", "Draper", "Elm", "Fletcher", "Gardner", "Hill", "Irving", "Lake", "Mason", "Reed")
CITIES = ("Aurora", "Cicero", "Decatur", "Elgin", "Joliet", "Peoria", "Rockford")
KINDS = ("family", "funeral_director", "prospect", "vendor")
STATUSES = ("lead", "active", "customer", "inactive")
EVENTS = ("burial", "consultation", "maintenance", "memorial", "viewing")
PLACES = ("Chapel", "East slope", "Garden of rest", "Main office")
SUMMARIES = (
    "Asked what a plot under the trees costs.",
    "Sent the forms that must be signed.",
    "Walked through section D together.",
    "Wants music at the service.",
)


def new_account() -> dict[str, str]:
    """To register; the password is random."""
    first, last = random.choice(FIRST), random.choice(LAST)
    return {
        "email": f"loadtest+{uuid.uuid4().hex}@thanotopolis.com",
        "password": f"{uuid.uuid4().hex}Aa1!",
        "first_name": first,
        "last_name": last,
    }


def new_contact(**fields: Any) -> dict[str, Any]:
    """A form for a new contact."""
    first, last = random.choice(FIRST), random.choice(LAST)
    return {
        "first_name": first,
        "last_name": last,
        "email": f"{first}.{last}.{uuid.uuid4().hex}@loadtest.example".lower(),
        "phone": f"+1815555{random.randrange(100, 200):04}",
        "city": random.choice(CITIES),
        "kind": random.choice(KINDS),
        "status": random.choice(STATUSES),
        **fields,
    }


def new_interaction() -> dict[str, str]:
    """A form for something that happened with a contact."""
    return {"kind": random.choice(("call", "email", "meeting", "note")), "summary": random.choice(SUMMARIES)}


def new_event(**fields: Any) -> dict[str, Any]:
    """A form for a new event, within two months."""
    kind = random.choice(EVENTS)
    starts = _midnight() + timedelta(days=random.randrange(1, 60), minutes=15 * random.randrange(32, 68))
    return {
        "title": f"{kind.capitalize()} (load test)",
        "kind": kind,
        "location": random.choice(PLACES),
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(minutes=random.choice((30, 60, 90)))).isoformat(),
        **fields,
    }


def date_range() -> dict[str, str]:
    """A day, a week or a month, near today."""
    start = _midnight() + timedelta(days=random.randrange(-60, 30))
    return {"start": start.isoformat(), "end": (start + timedelta(days=random.choice((1, 7, 30)))).isoformat()}


def search_term() -> str:
    """Something to look for."""
    return random.choice(LAST + CITIES)[: random.randrange(3, 6)].lower()


def _midnight() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
