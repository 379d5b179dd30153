"""Logging in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import select, update

from systems.cms_medical.service.access import Anyone, Door, Store
from systems.cms_medical.service.models import Doctor, Patient, User, utc_now
from systems.cms_medical.service.schemas import Credentials
from systems.kit.passwords import verify_password
from systems.kit.web import unauthorized

router = APIRouter(prefix="/api/auth", tags=["auth"])


@router.post("/login")
def login(body: Credentials, store: Store, gate: Door) -> dict[str, Any]:
    """A token, and whose it is."""
    find = select(User).where(User.username == body.username)
    with store.reading() as session:
        user = session.scalar(find)
    # Checked outside of any transaction: it takes long on purpose, and SQLite has one writer at a time.
    if not verify_password(body.password, user.password_hash if user else None) or user is None or not user.is_active:
        raise unauthorized("wrong username or password")
    with store.writing() as session:
        doctor = session.scalar(select(Doctor).where(Doctor.user_id == user.id))
        patient = session.scalar(select(Patient).where(Patient.user_id == user.id))
        counted = {"last_login_at": utc_now(), "login_count": User.login_count + 1}
        session.execute(update(User).where(User.id == user.id).values(counted))
    return {
        "access_token": gate.token_for(user, doctor, patient),
        "token_type": "bearer",
        "user_id": user.id,
        "role": user.role,
        "doctor_id": doctor and doctor.id,
        "patient_id": patient and patient.id,
    }


@router.get("/me")
def me(caller: Anyone) -> dict[str, Any]:
    """Whose token this is."""
    return {
        "user_id": caller.user_id,
        "username": caller.username,
        "role": caller.role,
        "doctor_id": caller.doctor_id,
        "patient_id": caller.patient_id,
    }
