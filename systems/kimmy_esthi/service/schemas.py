"""What comes in, validated; what goes out."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from systems.kimmy_esthi.service.models import Appointment, ConsentForm, Status
from systems.kit.inputs import Email, Line, RowId, Text

Name = Annotated[Line, StringConstraints(min_length=2, max_length=120)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()-]{6,40}$")]
Remark = Annotated[Text, StringConstraints(max_length=500)]


class Body(BaseModel):
    """A request's JSON; what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class Booking(Body):
    """``POST /appointments``."""

    date: date
    time: Annotated[str, StringConstraints(pattern=r"^\d\d:\d\d$")]
    treatment: Annotated[Text, StringConstraints(max_length=40)]
    name: Name
    email: Email
    phone: Phone
    notes: Remark = ""


class Consent(Body):
    """``POST /consent-forms``. With an appointment comes the code that its booking gave."""

    appointment_id: RowId | None = None
    withdrawal_code: Annotated[str, StringConstraints(max_length=64)] | None = None
    name: Name
    email: Email
    allergies: Remark = ""
    medication: Remark = ""
    allows_photographs: bool = False
    accepts_terms: bool
    signature: Name


class Credentials(Body):
    """``POST /admin/login``."""

    username: Annotated[Text, StringConstraints(min_length=1, max_length=80)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class StatusChange(Body):
    """``PATCH /admin/appointments/{id}``."""

    status: Status


def appointment_json(appointment: Appointment) -> dict[str, Any]:
    """An appointment as the salon sees it; its treatment must be loaded."""
    return {
        "id": appointment.id,
        "date": appointment.day.isoformat(),
        "time": appointment.time,
        "treatment": appointment.treatment.slug,
        "name": appointment.client_name,
        "email": appointment.client_email,
        "phone": appointment.client_phone,
        "notes": appointment.notes,
        "status": appointment.status,
        "created_at": appointment.created_at.isoformat(),
    }


def consent_json(form: ConsentForm) -> dict[str, Any]:
    """A consent form as the salon sees it."""
    return {
        "id": form.id,
        "appointment_id": form.appointment_id,
        "name": form.client_name,
        "email": form.client_email,
        "allergies": form.allergies,
        "medication": form.medication,
        "allows_photographs": form.allows_photographs,
        "signed_at": form.signed_at.isoformat(),
    }
