"""The accounts that are there at first: an administrator, and the test users of the suite.

A thousand hashes would take ten seconds, so test users with the same password get the same hash; the suite's file has
ten different ones, so that neighbours differ.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert, select

from systems.flask_auth.service.models import Base, Client
from systems.kit.database import Database
from systems.kit.passwords import hash_password

TEST_USERS = Path(__file__).resolve().parents[1] / "locust_tests" / "data" / "test_users.json"
ADMIN_EMAIL = "admin@example.com"
ADMIN_PASSWORD = "let-me-administer"  # a default for a service on loopback
_FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_DAYS = 600


def prepare(database: Database) -> None:
    """Make the table, and fill it if it is empty.

    The administrator's password is that of ``FLASK_AUTH_ADMIN_PASSWORD``, or the default.
    """
    database.create(Base)
    with database.reading() as session:
        if session.scalar(select(Client.id).limit(1)) is not None:
            return
    users: list[dict[str, str]] = json.loads(TEST_USERS.read_text(encoding="utf-8"))
    hashes = {password: hash_password(password) for password in {user["password"] for user in users}}
    random = Random(5000)
    rows = [_row(user, hashes[user["password"]], random) for user in users]
    password = os.environ.get("FLASK_AUTH_ADMIN_PASSWORD") or ADMIN_PASSWORD
    admin = {"name": "Ada Minister", "email": ADMIN_EMAIL, "phone": "+41 44 555 00 00"}
    rows.append({**_row(admin, hash_password(password), random), "role": "admin"})
    with database.writing() as session:
        session.execute(insert(Client), rows)


def _row(user: dict[str, str], password_hash: str, random: Random) -> dict[str, Any]:
    return {
        "name": user["name"],
        "email": user["email"],
        "domain": user["email"].partition("@")[2],
        "phone": user["phone"],
        "password_hash": password_hash,
        "role": "client",
        "created_at": _FIRST_DAY + timedelta(days=random.randrange(_DAYS), seconds=random.randrange(86_400)),
        "login_count": 0,
    }
