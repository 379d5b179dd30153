"""Specialties and other catalogs, the dashboard, the audit trail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from fastapi import APIRouter
from sqlalchemy import Integer, Select, cast, extract, func, select
from sqlalchemy.orm import Session

from systems.cms_medical.service import audit
from systems.cms_medical.service.access import Admin, Anyone, Store
from systems.cms_medical.service.models import (
    Appointment,
    AuditLog,
    CatalogEntry,
    Consultation,
    Doctor,
    Episode,
    MedicalFile,
    Patient,
    Specialty,
    User,
    utc_now,
)
from systems.cms_medical.service.schemas import AuditOut, EntryOut, SpecialtyIn, SpecialtyOut
from systems.kit.inputs import RowId, Text
from systems.kit.web import Paged, not_found

router = APIRouter(prefix="/api", tags=["office"])

_CHART_DAYS = 30


@router.get("/specialties")
def list_specialties(_caller: Anyone, store: Store, page: Paged) -> dict[str, Any]:
    """By name."""
    with store.reading() as session:
        rows, total = page.of(session, select(Specialty).order_by(Specialty.name))
        return page.body([SpecialtyOut.model_validate(row) for row in rows], total)


@router.post("/specialties", status_code=201)
def create_specialty(body: SpecialtyIn, caller: Admin, store: Store) -> SpecialtyOut:
    """A new specialty; 409 where it exists."""
    row = Specialty(name=body.name)
    with store.writing() as session:
        session.add(row)
        session.flush()
        audit.note(session, caller, "create", "specialty", row.id)
    return SpecialtyOut.model_validate(row)


@router.delete("/specialties/{specialty_id}", status_code=204)
def delete_specialty(specialty_id: RowId, caller: Admin, store: Store, erase: bool = False) -> None:
    """Delete a specialty; 409 while doctors have it. ``erase``: with the audit trail."""
    with store.writing() as session:
        row = session.get(Specialty, specialty_id)
        audit.remove(session, caller, row, "specialty", specialty_id, erase=erase)


@router.get("/catalogs")
def list_catalogs(_caller: Anyone, store: Store) -> dict[str, Any]:
    """The names of the catalogs, each with its number of entries."""
    query = select(CatalogEntry.catalog, func.count()).group_by(CatalogEntry.catalog).order_by(CatalogEntry.catalog)
    with store.reading() as session:
        return {"items": [{"name": name, "entries": count} for name, count in session.execute(query)]}


@router.get("/catalogs/{name}")
def show_catalog(name: Text, _caller: Anyone, store: Store, page: Paged) -> dict[str, Any]:
    """The entries of one catalog."""
    query = select(CatalogEntry).where(CatalogEntry.catalog == name).order_by(CatalogEntry.code)
    with store.reading() as session:
        rows, total = page.of(session, query)
        if not total:
            raise not_found("catalog")
        return page.body([EntryOut.model_validate(row) for row in rows], total)


@router.get("/dashboard/kpis")
def show_kpis(_caller: Admin, store: Store) -> dict[str, int]:
    """The clinic in numbers."""
    today = utc_now().replace(hour=0, minute=0, second=0)

    def count(kind: type, *where: Any) -> Any:
        return select(func.count()).select_from(kind).where(*where).scalar_subquery()

    figures = {
        "patients": count(Patient),
        "doctors": count(Doctor),
        "active_users": count(User, User.is_active),
        "appointments_today": count(
            Appointment, Appointment.starts_at >= today, Appointment.starts_at < today + timedelta(days=1)
        ),
        "consultations_last_30_days": count(Consultation, Consultation.held_at >= today - timedelta(days=_CHART_DAYS)),
        "open_episodes": count(Episode, Episode.status == "open"),
        "files": count(MedicalFile),
    }
    with store.reading() as session:
        row = session.execute(select(*(query.label(name) for name, query in figures.items()))).one()
    return dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for it


@router.get("/dashboard/charts/{name}")
def show_chart(
    name: Literal["appointments-by-day", "consultations-by-specialty", "patients-by-decade"],
    _caller: Admin,
    store: Store,
) -> dict[str, Any]:
    """The points of one chart."""
    query = {
        "appointments-by-day": _appointments_by_day,
        "consultations-by-specialty": _consultations_by_specialty,
        "patients-by-decade": _patients_by_decade,
    }[name]()
    with store.reading() as session:
        return {"name": name, "points": _points(session, query)}


def _points(session: Session, query: Select[Any, int]) -> list[dict[str, Any]]:
    return [{"label": str(label), "value": value} for label, value in session.execute(query)]


def _appointments_by_day() -> Select[Any, int]:
    day = func.date(Appointment.starts_at)
    now = utc_now()
    near = Appointment.starts_at.between(now - timedelta(days=_CHART_DAYS), now + timedelta(days=_CHART_DAYS))
    return select(day, func.count()).where(near).group_by(day).order_by(day)


def _consultations_by_specialty() -> Select[Any, int]:
    joined = select(Specialty.name, func.count()).join(Doctor, Doctor.specialty_id == Specialty.id)
    joined = joined.join(Consultation, Consultation.doctor_id == Doctor.id)
    return joined.group_by(Specialty.name).order_by(Specialty.name)


def _patients_by_decade() -> Select[Any, int]:
    year = cast(extract("year", Patient.birth_date), Integer)
    decade = year - year % 10
    return select(decade, func.count()).group_by(decade).order_by(decade)


@router.get("/audit-logs")
def list_audit_logs(
    _caller: Admin, store: Store, page: Paged, entity: Text | None = None, actor_id: RowId | None = None
) -> dict[str, Any]:
    """The latest changes first."""
    query = select(AuditLog).order_by(AuditLog.id.desc())
    if entity is not None:
        query = query.where(AuditLog.entity == entity)
    if actor_id is not None:
        query = query.where(AuditLog.actor_id == actor_id)
    with store.reading() as session:
        rows, total = page.of(session, query)
        return page.body([AuditOut.model_validate(row) for row in rows], total)
