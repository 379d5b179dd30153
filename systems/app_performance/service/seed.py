"""What an empty database is filled with: accounts, a catalogue, and three months of orders.

The accounts are those of the suite's test data. All have one password, so that it is hashed once.
"""

from __future__ import annotations

import csv
import os
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert, select

from systems.app_performance.service.models import Base, Item, Order, OrderLine, Role, User, utc_now
from systems.kit.database import Database
from systems.kit.passwords import hash_password

DATA = Path(__file__).resolve().parents[1] / "tests" / "performance" / "data"
PASSWORD = "performance-test"  # a default for a service on loopback
ITEMS, ORDERS, DAYS = 2_000, 4_000, 90
MOST_LINES = 4
_THINGS = {
    "lighting": ("lamp", "lantern", "spotlight", "candle holder"),
    "seating": ("chair", "stool", "bench", "armchair"),
    "kitchen": ("kettle", "pan", "teapot", "bread bin"),
    "garden": ("planter", "trellis", "watering can", "bird bath"),
    "office": ("desk", "shelf", "pinboard", "filing cabinet"),
}
_MATERIALS = ("oak", "steel", "linen", "glass", "copper", "bamboo", "ceramic", "walnut")
_STYLES = ("plain", "folding", "tall", "small", "round", "vintage", "stackable", "wide")


def prepare(database: Database) -> None:
    """Make the tables, and fill them if they are empty; the password is ``APP_PERFORMANCE_PASSWORD`` or the default."""
    database.create(Base)
    with database.reading() as session:
        if session.scalar(select(User.id).limit(1)) is not None:
            return
    random = Random(8000)
    users = _users()
    managers = [number for number, user in enumerate(users, start=1) if user["role"] == Role.MANAGER]
    items = _items(random, managers)
    orders, lines = _orders(random, users, items)
    with database.writing() as session:
        for table, rows in ((User, users), (Item, items), (Order, orders), (OrderLine, lines)):
            # Without ids: PostgreSQL's sequences must know of them. They come out as 1, 2, 3 … in an empty table.
            session.execute(insert(table), rows)


def _users() -> list[dict[str, Any]]:
    hashed = hash_password(os.environ.get("APP_PERFORMANCE_PASSWORD") or PASSWORD)
    with (DATA / "accounts.csv").open(encoding="utf-8", newline="") as file:
        return [{**row, "password_hash": hashed} for row in csv.DictReader(file)]


def _items(random: Random, owners: list[int]) -> list[dict[str, Any]]:
    rows = []
    for number in range(ITEMS):
        category = random.choice(tuple(_THINGS))
        style, material, thing = random.choice(_STYLES), random.choice(_MATERIALS), random.choice(_THINGS[category])
        name = f"{style.capitalize()} {material} {thing} {number + 1:04}"
        description = f"A {style} {thing} of {material}, from our {category} range."
        created = utc_now() - timedelta(days=DAYS + random.randrange(300))
        rows.append({
            "name": name, "description": description, "category": category, "value": random.randrange(500, 50_000),
            "owner_id": random.choice(owners), "created_at": created, "updated_at": created,
        })  # fmt: skip
    return rows


def _orders(
    random: Random, users: list[dict[str, Any]], items: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    orders, lines = [], []
    for order_id in range(1, ORDERS + 1):
        ours = [
            {"order_id": order_id, "item_id": item_id, "quantity": random.randint(1, 5),
             "unit_value": items[item_id - 1]["value"]}
            for item_id in random.sample(range(1, ITEMS + 1), random.randint(1, MOST_LINES))
        ]  # fmt: skip
        placed = utc_now() - timedelta(minutes=(ORDERS - order_id) * DAYS * 24 * 60 // ORDERS)
        total = sum(line["quantity"] * line["unit_value"] for line in ours)
        orders.append({"user_id": random.randint(1, len(users)), "placed_at": placed, "total": total})
        lines.extend(ours)
    return orders, lines
