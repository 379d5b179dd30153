"""The tables.

Times are UTC without a zone, as both databases store them. Deleting a person who has medical records is refused by the
foreign keys (409); what belongs to one record alone (the notification of an appointment) goes with it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, deferred, mapped_column, relationship

_NO_ID_TWICE = {"sqlite_autoincrement": True}
_HOLDS_ITS_SLOT = text("status <> 'cancelled'")
SLOT = timedelta(minutes=15)
"""How long an appointment lasts; it begins at a multiple of it."""


class Base(DeclarativeBase):
    """The tables of this service. No id is ever given twice: the audit trail names rows by them."""

    __table_args__: Any = _NO_ID_TWICE


def utc_now() -> datetime:
    """Now, as the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


class User(Base):
    """Somebody who can log in; ``role`` is ``admin``, ``doctor`` or ``patient``."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(50), unique=True)
    email: Mapped[str] = mapped_column(String(200), unique=True)
    full_name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(10), index=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_login_at: Mapped[datetime | None]
    login_count: Mapped[int] = mapped_column(default=0)


class Specialty(Base):
    """A field of medicine."""

    __tablename__ = "specialties"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)


class Doctor(Base):
    """A doctor; ``user_id`` is the account, if there is one."""

    __tablename__ = "doctors"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), unique=True)
    full_name: Mapped[str] = mapped_column(String(120), index=True)
    license_number: Mapped[str] = mapped_column(String(40), unique=True)
    specialty_id: Mapped[int] = mapped_column(ForeignKey("specialties.id"), index=True)
    email: Mapped[str] = mapped_column(String(200))
    phone: Mapped[str] = mapped_column(String(30))
    specialty: Mapped[Specialty] = relationship()


class Patient(Base):
    """A patient; ``user_id`` is the account, if there is one."""

    __tablename__ = "patients"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), unique=True)
    record_number: Mapped[str] = mapped_column(String(40), unique=True)
    full_name: Mapped[str] = mapped_column(String(120), index=True)
    birth_date: Mapped[date]
    sex: Mapped[str] = mapped_column(String(10))
    blood_type: Mapped[str] = mapped_column(String(3))
    email: Mapped[str] = mapped_column(String(200))
    phone: Mapped[str] = mapped_column(String(30))


class Appointment(Base):
    """A patient at a doctor, for one slot. Doctors have one at a time; a cancelled one leaves its slot free."""

    __tablename__ = "appointments"
    __table_args__ = (
        Index(
            "one_appointment_a_slot",
            "doctor_id",
            "starts_at",
            unique=True,
            sqlite_where=_HOLDS_ITS_SLOT,
            postgresql_where=_HOLDS_ITS_SLOT,
        ),
        Index("ix_appointments_by", "doctor_id", "starts_at"),
        Index("ix_appointments_of", "patient_id", "starts_at"),
        _NO_ID_TWICE,
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id"))
    doctor_id: Mapped[int] = mapped_column(ForeignKey("doctors.id"))
    starts_at: Mapped[datetime] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(10), default="scheduled")
    patient: Mapped[Patient] = relationship()
    doctor: Mapped[Doctor] = relationship()


class Consultation(Base):
    """What a doctor found and did."""

    __tablename__ = "consultations"
    __table_args__ = (
        Index("ix_consultations_of", "patient_id", "held_at"),
        Index("ix_consultations_by", "doctor_id", "held_at"),
        Index("ix_consultations_at", "held_at", "id"),
        _NO_ID_TWICE,
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id"))
    doctor_id: Mapped[int] = mapped_column(ForeignKey("doctors.id"))
    held_at: Mapped[datetime] = mapped_column(default=utc_now)
    diagnosis_code: Mapped[str] = mapped_column(String(10))
    notes: Mapped[str] = mapped_column(String(2000))
    patient: Mapped[Patient] = relationship()
    doctor: Mapped[Doctor] = relationship()


class Episode(Base):
    """An illness from its beginning to its end."""

    __tablename__ = "episodes"
    __table_args__ = (
        Index("ix_episodes_of", "patient_id", "opened_on"),
        Index("ix_episodes_at", "opened_on", "id"),
        _NO_ID_TWICE,
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id"))
    doctor_id: Mapped[int] = mapped_column(ForeignKey("doctors.id"), index=True)
    title: Mapped[str] = mapped_column(String(120))
    summary: Mapped[str] = mapped_column(String(2000))
    status: Mapped[str] = mapped_column(String(10), default="open", index=True)
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]


class MedicalFile(Base):
    """A small document of a patient; its bytes are read only where they are asked for."""

    __tablename__ = "files"
    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id"), index=True)
    uploaded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    content_type: Mapped[str] = mapped_column(String(80))
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    uploaded_at: Mapped[datetime] = mapped_column(default=utc_now)
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary))


class InsurancePolicy(Base):
    """Who pays for a patient."""

    __tablename__ = "insurance_policies"
    __table_args__ = (Index("ix_insurance_policies_to", "valid_to", "id"), _NO_ID_TWICE)
    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id"), index=True)
    insurer: Mapped[str] = mapped_column(String(80))
    policy_number: Mapped[str] = mapped_column(String(40), unique=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    coverage_percent: Mapped[int]


class Notification(Base):
    """A message to one user."""

    __tablename__ = "notifications"
    __table_args__ = (Index("ix_notifications_of", "user_id", "created_at"), _NO_ID_TWICE)
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    appointment_id: Mapped[int | None] = mapped_column(ForeignKey("appointments.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    read_at: Mapped[datetime | None]


class CatalogEntry(Base):
    """One value of a list that forms offer."""

    __tablename__ = "catalog_entries"
    __table_args__ = (UniqueConstraint("catalog", "code"), _NO_ID_TWICE)
    id: Mapped[int] = mapped_column(primary_key=True)
    catalog: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(20))
    label: Mapped[str] = mapped_column(String(120))


class AuditLog(Base):
    """Who changed what. No foreign keys: it outlives what it tells of."""

    __tablename__ = "audit_logs"
    __table_args__ = (Index("ix_audit_logs_about", "entity", "entity_id"), _NO_ID_TWICE)
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    actor_id: Mapped[int] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(50))
    action: Mapped[str] = mapped_column(String(10))
    entity: Mapped[str] = mapped_column(String(20))
    entity_id: Mapped[int]
