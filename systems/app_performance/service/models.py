"""The tables. Times are UTC without a zone, as both databases store them.

Rows that a performance test makes carry the id of that test in ``test_run`` (see :mod:`.testruns`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """The tables of this service."""


class Role(StrEnum):
    """What an account may do: a manager sees everybody's orders, and reports."""

    MEMBER = "member"
    MANAGER = "manager"


def utc_now() -> datetime:
    """Now, as the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


class User(Base):
    """Somebody who can log in."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(10))
    password_hash: Mapped[str] = mapped_column(String(200))


class Item(Base):
    """Something to be ordered; ``value`` is its price in cents."""

    __tablename__ = "items"
    __table_args__ = (Index("ix_items_by_value", "value", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(1000), default="")
    category: Mapped[str] = mapped_column(String(40), default="other", index=True)
    value: Mapped[int]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    test_run: Mapped[str | None] = mapped_column(String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)


class Order(Base):
    """What somebody ordered, for ``total`` cents."""

    __tablename__ = "orders"
    __table_args__ = (Index("ix_orders_of", "user_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    placed_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    total: Mapped[int]
    test_run: Mapped[str | None] = mapped_column(String(64), index=True)
    lines: Mapped[list[OrderLine]] = relationship(
        order_by="OrderLine.id", cascade="all, delete-orphan", passive_deletes=True
    )


class OrderLine(Base):
    """So many of one item, at the price that it had. An item that was ordered stays (409)."""

    __tablename__ = "order_lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    quantity: Mapped[int]
    unit_value: Mapped[int]
