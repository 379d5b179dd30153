"""The tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, DateTime, ForeignKey, Index, String, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from systems.kimmy_esthi.service.hours import SLOT_MINUTES


class Status(StrEnum):
    """What became of an appointment. A cancelled one leaves its slot free."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Role(StrEnum):
    """What an account may do: staff read, the admin changes and deletes too."""

    ADMIN = "admin"
    STAFF = "staff"


def _now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Of all tables."""


class Account(Base):
    """Somebody of the salon who can log in."""

    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(10))


class Treatment(Base):
    """Something that can be booked. It fits into one slot: an appointment takes no other."""

    __tablename__ = "treatments"
    __table_args__ = (CheckConstraint(f"minutes BETWEEN 1 AND {SLOT_MINUTES}", name="a_treatment_fits_its_slot"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    minutes: Mapped[int]
    price_cents: Mapped[int]


_HOLDS_ITS_SLOT = text("status <> 'cancelled'")


class Appointment(Base):
    """A slot that is taken, or was. The index, not the code, keeps a slot from being booked twice."""

    __tablename__ = "appointments"
    __table_args__ = (
        Index(
            "one_appointment_a_slot",
            "day",
            "time",
            unique=True,
            sqlite_where=_HOLDS_ITS_SLOT,
            postgresql_where=_HOLDS_ITS_SLOT,
        ),
        Index("appointments_by_status", "status", "day", "time"),
        Index("appointments_by_day", "day", "time"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    time: Mapped[str] = mapped_column(String(5))
    treatment_id: Mapped[int] = mapped_column(ForeignKey("treatments.id"))
    client_name: Mapped[str] = mapped_column(String(120))
    client_email: Mapped[str] = mapped_column(String(200))
    client_phone: Mapped[str] = mapped_column(String(40))
    notes: Mapped[str] = mapped_column(String(500), default="")
    status: Mapped[str] = mapped_column(String(10), default=Status.PENDING.value)
    code_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the code with which the client can withdraw it."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now)
    treatment: Mapped[Treatment] = relationship(lazy="raise")
    consent_forms: Mapped[list[ConsentForm]] = relationship(
        back_populates="appointment", cascade="all, delete-orphan", passive_deletes=True, lazy="raise"
    )


class ConsentForm(Base):
    """What a client agreed to, before an appointment or in general."""

    __tablename__ = "consent_forms"
    id: Mapped[int] = mapped_column(primary_key=True)
    appointment_id: Mapped[int | None] = mapped_column(
        ForeignKey("appointments.id", ondelete="CASCADE"), unique=True, default=None
    )
    client_name: Mapped[str] = mapped_column(String(120))
    client_email: Mapped[str] = mapped_column(String(200))
    allergies: Mapped[str] = mapped_column(String(500), default="")
    medication: Mapped[str] = mapped_column(String(500), default="")
    allows_photographs: Mapped[bool]
    signature: Mapped[str] = mapped_column(String(120))
    code_hash: Mapped[str] = mapped_column(String(64))
    signed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now, index=True)
    appointment: Mapped[Appointment | None] = relationship(back_populates="consent_forms", lazy="raise")
