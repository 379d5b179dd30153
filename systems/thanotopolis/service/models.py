"""The tables.

Times are UTC without a zone, as both databases store them. What belongs to an account goes with it: contacts with their
interactions, events, verifications, conversations with their messages. An event outlives its contact. Calls belong to
the house.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

_NO_ID_TWICE = {"sqlite_autoincrement": True}


class Base(DeclarativeBase):
    """The tables of this service. No id is ever given twice, so a token of a deleted account is nobody else's."""

    __table_args__: Any = _NO_ID_TWICE


def utc_now() -> datetime:
    """Now, as the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


class User(Base):
    """Somebody who can log in; ``role`` is ``admin``, ``staff`` or, of those who registered by themselves, ``guest``.

    Everybody reads, and has rows of their own; the staff changes those of others too; administrators remove them.
    """

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(200), unique=True)
    first_name: Mapped[str] = mapped_column(String(80))
    last_name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(10), default="guest")
    phone: Mapped[str | None] = mapped_column(String(30))
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_login_at: Mapped[datetime | None]


class Contact(Base):
    """A family, funeral director, vendor … that the house deals with."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index("ix_contacts_by_status", "status", "id"),
        Index("ix_contacts_by_city", "city", "id"),
        Index("ix_contacts_by_name", "last_name", "id"),
        _NO_ID_TWICE,
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    first_name: Mapped[str] = mapped_column(String(80))
    last_name: Mapped[str] = mapped_column(String(80))
    email: Mapped[str] = mapped_column(String(200), unique=True)
    phone: Mapped[str] = mapped_column(String(30))
    city: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(20), index=True)
    status: Mapped[str] = mapped_column(String(10), default="lead")
    notes: Mapped[str] = mapped_column(String(2000), default="")
    search_text: Mapped[str] = mapped_column(String(400))
    """Names, address and city in lower case: a search for a part of any of them reads one column."""
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)


class Interaction(Base):
    """A call, letter, visit or note about a contact."""

    __tablename__ = "interactions"
    __table_args__ = (Index("ix_interactions_of", "contact_id", "occurred_at"), _NO_ID_TWICE)
    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id", ondelete="CASCADE"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    summary: Mapped[str] = mapped_column(String(2000))
    occurred_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class Event(Base):
    """An entry of the calendar, perhaps about a contact. ``external_id`` is what another system calls it."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id", ondelete="SET NULL"), index=True)
    external_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20), index=True)
    status: Mapped[str] = mapped_column(String(10), default="planned")
    location: Mapped[str] = mapped_column(String(120), default="")
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    notes: Mapped[str] = mapped_column(String(2000), default="")
    contact: Mapped[Contact | None] = relationship()


class Verification(Base):
    """A proof that somebody answers at a phone number."""

    __tablename__ = "verifications"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    phone_number: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(String(6))
    status: Mapped[str] = mapped_column(String(10), default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    verified_at: Mapped[datetime | None]


class Call(Base):
    """A phone call, as the carrier tells of it."""

    __tablename__ = "calls"
    __table_args__ = (Index("ix_calls_by_status", "status", "started_at"), _NO_ID_TWICE)
    id: Mapped[int] = mapped_column(primary_key=True)
    call_sid: Mapped[str] = mapped_column(String(34), unique=True)
    from_number: Mapped[str] = mapped_column(String(20))
    to_number: Mapped[str] = mapped_column(String(20))
    direction: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    ended_at: Mapped[datetime | None]
    duration_s: Mapped[int | None]
    media_frames: Mapped[int] = mapped_column(default=0)
    """How many frames of sound came over media streams."""


class Conversation(Base):
    """What somebody and the assistant say to each other."""

    __tablename__ = "conversations"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    voice_frames: Mapped[int] = mapped_column(default=0)
    """How many frames of speech were streamed into it."""


class Message(Base):
    """One message of a conversation; ``author`` is ``user`` or ``assistant``."""

    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    author: Mapped[str] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(String(4000))
    sent_at: Mapped[datetime] = mapped_column(default=utc_now)
