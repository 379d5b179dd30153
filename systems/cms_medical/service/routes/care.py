"""Appointments, consultations and episodes: administrators see all, doctors and patients their own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from systems.cms_medical.service import audit
from systems.cms_medical.service.access import Anyone, Caller, Staff, Store
from systems.cms_medical.service.models import (
    Appointment,
    Consultation,
    Doctor,
    Episode,
    Notification,
    Patient,
    utc_now,
)
from systems.cms_medical.service.schemas import (
    AppointmentChange,
    AppointmentIn,
    AppointmentOut,
    ConsultationIn,
    ConsultationOut,
    EpisodeChange,
    EpisodeIn,
    EpisodeOut,
)
from systems.kit.inputs import RowId
from systems.kit.web import Paged, forbidden, not_found

router = APIRouter(prefix="/api", tags=["care"])

Status = Literal["scheduled", "completed", "cancelled"]
OfPatient = Annotated[RowId | None, Query(description="only this patient's")]
_WITH_APPOINTMENT_NAMES = (joinedload(Appointment.patient), joinedload(Appointment.doctor))
_WITH_CONSULTATION_NAMES = (joinedload(Consultation.patient), joinedload(Consultation.doctor))


def _own(
    query: Select[Any], kind: type[Appointment | Consultation], caller: Caller, patient_id: RowId | None
) -> Select[Any]:
    """The rows that the caller may see, of one patient where that is asked for."""
    if patient_id is not None:
        caller.require_patient(patient_id)
        query = query.where(kind.patient_id == patient_id)
    if caller.role == "doctor":
        return query.where(kind.doctor_id == caller.doctor_id)
    if caller.role == "patient":
        return query.where(kind.patient_id == caller.patient_id)
    return query


def _own_doctor_id(caller: Caller) -> int:
    if caller.doctor_id is None:
        raise forbidden("only doctors write medical records")
    return caller.doctor_id


def _parties(session: Session, body: AppointmentIn, caller: Caller) -> tuple[Doctor, Patient]:
    doctor_id = caller.doctor_id if body.doctor_id is None else body.doctor_id
    patient_id = caller.patient_id if body.patient_id is None else body.patient_id
    if doctor_id is None or patient_id is None:
        raise HTTPException(422, "doctor_id and patient_id are needed, but for one's own")
    caller.require_patient(patient_id)
    if caller.role == "doctor" and doctor_id != caller.doctor_id:
        raise forbidden("doctors make appointments for themselves only")
    doctor, patient = session.get(Doctor, doctor_id), session.get(Patient, patient_id)
    if doctor is None or patient is None:
        raise not_found("doctor" if doctor is None else "patient")
    return doctor, patient


@router.get("/appointments")
def list_appointments(
    caller: Anyone, store: Store, page: Paged, status: Status | None = None, patient_id: OfPatient = None
) -> dict[str, Any]:
    """The latest first."""
    query = select(Appointment).options(*_WITH_APPOINTMENT_NAMES)
    query = _own(query.order_by(Appointment.starts_at.desc(), Appointment.id), Appointment, caller, patient_id)
    if status:
        query = query.where(Appointment.status == status)
    with store.reading() as session:
        rows, total = page.of(session, query)
        return page.body([AppointmentOut.model_validate(row) for row in rows], total)


@router.post("/appointments", status_code=201)
def create_appointment(body: AppointmentIn, caller: Anyone, store: Store) -> AppointmentOut:
    """Make an appointment and tell the patient; 409 where the doctor has one in that slot."""
    with store.writing() as session:
        doctor, patient = _parties(session, body, caller)
        row = Appointment(doctor=doctor, patient=patient, starts_at=body.starts_at, reason=body.reason)
        row.status = "scheduled"
        session.add(row)
        session.flush()
        if patient.user_id is not None:
            text = f"Appointment with {doctor.full_name} on {body.starts_at:%d %B %Y at %H:%M}"
            session.add(Notification(user_id=patient.user_id, appointment_id=row.id, text=text))
        audit.note(session, caller, "create", "appointment", row.id)
        return AppointmentOut.model_validate(row)


@router.get("/appointments/{appointment_id}")
def show_appointment(appointment_id: RowId, caller: Anyone, store: Store) -> AppointmentOut:
    """One appointment."""
    with store.reading() as session:
        row = session.get(Appointment, appointment_id, options=_WITH_APPOINTMENT_NAMES)
        if row is None:
            raise not_found("appointment")
        caller.require_party(row)
        return AppointmentOut.model_validate(row)


@router.patch("/appointments/{appointment_id}")
def change_appointment(appointment_id: RowId, body: AppointmentChange, caller: Anyone, store: Store) -> AppointmentOut:
    """Complete or cancel it; patients can only cancel. 409 where a cancelled one finds its slot taken."""
    with store.writing() as session:
        row = session.get(Appointment, appointment_id, options=_WITH_APPOINTMENT_NAMES)
        if row is None:
            raise not_found("appointment")
        caller.require_party(row)
        if caller.role == "patient" and body.status != "cancelled":
            raise forbidden("patients can cancel, and nothing else")
        row.status = body.status
        audit.note(session, caller, "update", "appointment", appointment_id)
        return AppointmentOut.model_validate(row)


@router.delete("/appointments/{appointment_id}", status_code=204)
def delete_appointment(appointment_id: RowId, caller: Staff, store: Store, erase: bool = False) -> None:
    """Delete it and its notification. ``erase``: with the audit trail."""
    with store.writing() as session:
        row = session.get(Appointment, appointment_id)
        if row is not None:
            caller.require_author(row)
        audit.remove(session, caller, row, "appointment", appointment_id, erase=erase)


@router.get("/consultations")
def list_consultations(caller: Anyone, store: Store, page: Paged, patient_id: OfPatient = None) -> dict[str, Any]:
    """The latest first."""
    query = select(Consultation).options(*_WITH_CONSULTATION_NAMES)
    query = _own(query.order_by(Consultation.held_at.desc(), Consultation.id.desc()), Consultation, caller, patient_id)
    with store.reading() as session:
        rows, total = page.of(session, query)
        return page.body([ConsultationOut.model_validate(row) for row in rows], total)


@router.post("/consultations", status_code=201)
def create_consultation(body: ConsultationIn, caller: Staff, store: Store) -> ConsultationOut:
    """Write down a consultation, as its doctor."""
    doctor_id = _own_doctor_id(caller)
    with store.writing() as session:
        doctor, patient = session.get_one(Doctor, doctor_id), session.get(Patient, body.patient_id)
        if patient is None:
            raise not_found("patient")
        row = Consultation(doctor=doctor, patient=patient, diagnosis_code=body.diagnosis_code, notes=body.notes)
        session.add(row)
        session.flush()
        audit.note(session, caller, "create", "consultation", row.id)
        return ConsultationOut.model_validate(row)


@router.get("/consultations/{consultation_id}")
def show_consultation(consultation_id: RowId, caller: Anyone, store: Store) -> ConsultationOut:
    """One consultation."""
    with store.reading() as session:
        row = session.get(Consultation, consultation_id, options=_WITH_CONSULTATION_NAMES)
        if row is None:
            raise not_found("consultation")
        caller.require_party(row)
        return ConsultationOut.model_validate(row)


@router.delete("/consultations/{consultation_id}", status_code=204)
def delete_consultation(consultation_id: RowId, caller: Staff, store: Store, erase: bool = False) -> None:
    """Delete it, as its doctor or an administrator. ``erase``: with the audit trail."""
    with store.writing() as session:
        row = session.get(Consultation, consultation_id)
        if row is not None:
            caller.require_author(row)
        audit.remove(session, caller, row, "consultation", consultation_id, erase=erase)


@router.get("/episodes")
def list_episodes(caller: Anyone, store: Store, page: Paged, patient_id: OfPatient = None) -> dict[str, Any]:
    """The latest first. Doctors see those of all patients, for they treat them together."""
    query = select(Episode).order_by(Episode.opened_on.desc(), Episode.id.desc())
    if patient_id is not None:
        caller.require_patient(patient_id)
        query = query.where(Episode.patient_id == patient_id)
    if caller.role == "patient":
        query = query.where(Episode.patient_id == caller.patient_id)
    with store.reading() as session:
        rows, total = page.of(session, query)
        return page.body([EpisodeOut.model_validate(row) for row in rows], total)


@router.post("/episodes", status_code=201)
def create_episode(body: EpisodeIn, caller: Staff, store: Store) -> EpisodeOut:
    """Open an episode, as its doctor."""
    doctor_id = _own_doctor_id(caller)
    with store.writing() as session:
        if session.get(Patient, body.patient_id) is None:
            raise not_found("patient")
        row = Episode(**body.model_dump(), doctor_id=doctor_id, status="open", opened_on=utc_now().date())
        session.add(row)
        session.flush()
        audit.note(session, caller, "create", "episode", row.id)
    return EpisodeOut.model_validate(row)


@router.get("/episodes/{episode_id}")
def show_episode(episode_id: RowId, caller: Anyone, store: Store) -> EpisodeOut:
    """One episode."""
    with store.reading() as session:
        row = session.get(Episode, episode_id)
        if row is None:
            raise not_found("episode")
        caller.require_patient(row.patient_id)
        return EpisodeOut.model_validate(row)


@router.patch("/episodes/{episode_id}")
def change_episode(episode_id: RowId, body: EpisodeChange, caller: Staff, store: Store) -> EpisodeOut:
    """Go on with an episode, or close it."""
    with store.writing() as session:
        row = session.get(Episode, episode_id)
        if row is None:
            raise not_found("episode")
        caller.require_author(row)
        row.summary = body.summary or row.summary
        row.status = body.status or row.status
        row.closed_on = utc_now().date() if row.status == "closed" else None
        audit.note(session, caller, "update", "episode", episode_id)
    return EpisodeOut.model_validate(row)


@router.delete("/episodes/{episode_id}", status_code=204)
def delete_episode(episode_id: RowId, caller: Staff, store: Store, erase: bool = False) -> None:
    """Delete it, as its doctor or an administrator. ``erase``: with the audit trail."""
    with store.writing() as session:
        row = session.get(Episode, episode_id)
        if row is not None:
            caller.require_author(row)
        audit.remove(session, caller, row, "episode", episode_id, erase=erase)
