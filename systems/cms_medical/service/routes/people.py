"""Accounts, doctors and patients. Administrators manage them; doctors look up patients; patients see themselves."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from systems.cms_medical.service import audit
from systems.cms_medical.service.access import Admin, Anyone, Door, Staff, Store
from systems.cms_medical.service.models import Doctor, Patient, Specialty, User
from systems.cms_medical.service.schemas import (
    DoctorIn,
    DoctorOut,
    PatientIn,
    PatientOut,
    Role,
    UserChange,
    UserIn,
    UserOut,
)
from systems.kit.inputs import RowId, Text
from systems.kit.passwords import hash_password
from systems.kit.web import Paged, not_found

router = APIRouter(prefix="/api", tags=["people"])

Search = Annotated[Text | None, Query(min_length=1, max_length=60)]


def _starts_with(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"


@router.get("/users")
def list_users(_caller: Admin, store: Store, page: Paged, role: Role | None = None) -> dict[str, Any]:
    """All accounts, or those of one role."""
    query = select(User).order_by(User.id)
    if role:
        query = query.where(User.role == role)
    with store.reading() as session:
        rows, total = page.of(session, query)
        return page.body([UserOut.model_validate(row) for row in rows], total)


@router.post("/users", status_code=201)
def create_user(body: UserIn, caller: Admin, store: Store) -> UserOut:
    """A new account; 409 where the name or address is taken."""
    user = User(**body.model_dump(exclude={"password"}), password_hash=hash_password(body.password))
    with store.writing() as session:
        session.add(user)
        session.flush()
        audit.note(session, caller, "create", "user", user.id)
    return UserOut.model_validate(user)


@router.get("/users/{user_id}")
def show_user(user_id: RowId, _caller: Admin, store: Store) -> UserOut:
    """One account."""
    with store.reading() as session:
        user = session.get(User, user_id)
        if user is None:
            raise not_found("user")
        return UserOut.model_validate(user)


@router.patch("/users/{user_id}")
def change_user(user_id: RowId, body: UserChange, caller: Admin, store: Store, gate: Door) -> UserOut:
    """Change an account, or switch it off and on; one's own is not switched off."""
    changes = body.model_dump(exclude_unset=True, exclude_none=True)
    if user_id == caller.user_id and body.is_active is False:
        raise HTTPException(409, "nobody switches off the account that they are logged in with")
    with store.writing() as session:
        user = session.get(User, user_id)
        if user is None:
            raise not_found("user")
        for field, value in changes.items():
            setattr(user, field, value)
        audit.note(session, caller, "update", "user", user_id)
    if "is_active" in changes:
        (gate.let_in if changes["is_active"] else gate.shut_out)(user_id)
    return UserOut.model_validate(user)


@router.delete("/users/{user_id}", status_code=204)
def delete_user(user_id: RowId, caller: Admin, store: Store, gate: Door, erase: bool = False) -> None:
    """Delete an account; one's own is refused. ``erase``: with its audit trail."""
    if user_id == caller.user_id:
        raise HTTPException(409, "nobody deletes the account that they are logged in with")
    with store.writing() as session:
        audit.remove(session, caller, session.get(User, user_id), "user", user_id, erase=erase)
    gate.shut_out(user_id)


@router.get("/patients")
def list_patients(_caller: Staff, store: Store, page: Paged, search: Search = None) -> dict[str, Any]:
    """Patients by name; ``search`` is how the name begins."""
    query = select(Patient).order_by(Patient.full_name, Patient.id)
    if search:
        query = query.where(Patient.full_name.like(_starts_with(search), escape="\\"))
    with store.reading() as session:
        rows, total = page.of(session, query)
        return page.body([PatientOut.model_validate(row) for row in rows], total)


@router.post("/patients", status_code=201)
def create_patient(body: PatientIn, caller: Admin, store: Store) -> PatientOut:
    """A new patient; 409 where the record number is taken."""
    patient = Patient(**body.model_dump())
    with store.writing() as session:
        session.add(patient)
        session.flush()
        audit.note(session, caller, "create", "patient", patient.id)
    return PatientOut.model_validate(patient)


@router.get("/patients/{patient_id}")
def show_patient(patient_id: RowId, caller: Anyone, store: Store) -> PatientOut:
    """One patient; for patients only themselves."""
    caller.require_patient(patient_id)
    with store.reading() as session:
        patient = session.get(Patient, patient_id)
        if patient is None:
            raise not_found("patient")
        return PatientOut.model_validate(patient)


@router.put("/patients/{patient_id}")
def change_patient(patient_id: RowId, body: PatientIn, caller: Admin, store: Store) -> PatientOut:
    """Replace what is known of a patient."""
    with store.writing() as session:
        patient = session.get(Patient, patient_id)
        if patient is None:
            raise not_found("patient")
        for field, value in body.model_dump().items():
            setattr(patient, field, value)
        audit.note(session, caller, "update", "patient", patient_id)
    return PatientOut.model_validate(patient)


@router.delete("/patients/{patient_id}", status_code=204)
def delete_patient(patient_id: RowId, caller: Admin, store: Store, erase: bool = False) -> None:
    """Delete a patient; 409 while there are medical records. ``erase``: with the audit trail."""
    with store.writing() as session:
        audit.remove(session, caller, session.get(Patient, patient_id), "patient", patient_id, erase=erase)


@router.get("/doctors")
def list_doctors(_caller: Anyone, store: Store, page: Paged, specialty_id: RowId | None = None) -> dict[str, Any]:
    """Doctors by name, all or of one specialty."""
    query = select(Doctor).options(joinedload(Doctor.specialty)).order_by(Doctor.full_name, Doctor.id)
    if specialty_id is not None:
        query = query.where(Doctor.specialty_id == specialty_id)
    with store.reading() as session:
        rows, total = page.of(session, query)
        return page.body([DoctorOut.model_validate(row) for row in rows], total)


@router.post("/doctors", status_code=201)
def create_doctor(body: DoctorIn, caller: Admin, store: Store) -> DoctorOut:
    """A new doctor; 404 where the specialty does not exist, 409 where the licence number is taken."""
    with store.writing() as session:
        specialty = session.get(Specialty, body.specialty_id)
        if specialty is None:
            raise not_found("specialty")
        doctor = Doctor(**body.model_dump(exclude={"specialty_id"}), specialty=specialty)
        session.add(doctor)
        session.flush()
        audit.note(session, caller, "create", "doctor", doctor.id)
        return DoctorOut.model_validate(doctor)


@router.get("/doctors/{doctor_id}")
def show_doctor(doctor_id: RowId, _caller: Anyone, store: Store) -> DoctorOut:
    """One doctor."""
    with store.reading() as session:
        doctor = session.get(Doctor, doctor_id, options=[joinedload(Doctor.specialty)])
        if doctor is None:
            raise not_found("doctor")
        return DoctorOut.model_validate(doctor)


@router.put("/doctors/{doctor_id}")
def change_doctor(doctor_id: RowId, body: DoctorIn, caller: Admin, store: Store) -> DoctorOut:
    """Replace what is known of a doctor."""
    with store.writing() as session:
        doctor, specialty = session.get(Doctor, doctor_id), session.get(Specialty, body.specialty_id)
        if doctor is None or specialty is None:
            raise not_found("doctor" if doctor is None else "specialty")
        for field, value in body.model_dump(exclude={"specialty_id"}).items():
            setattr(doctor, field, value)
        doctor.specialty = specialty
        session.flush()
        audit.note(session, caller, "update", "doctor", doctor_id)
        return DoctorOut.model_validate(doctor)


@router.delete("/doctors/{doctor_id}", status_code=204)
def delete_doctor(doctor_id: RowId, caller: Admin, store: Store, erase: bool = False) -> None:
    """Delete a doctor; 409 while there are medical records. ``erase``: with the audit trail."""
    with store.writing() as session:
        audit.remove(session, caller, session.get(Doctor, doctor_id), "doctor", doctor_id, erase=erase)
