"""What comes in and what goes out. Out-models are made from rows and never hold a password or its hash."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from systems.cms_medical.service.models import SLOT, utc_now
from systems.kit.inputs import Email, Line, RowId, to_utc

Role = Literal["admin", "doctor", "patient"]
Text = Annotated[Line, Field(max_length=120)]
LongText = Annotated[Line, Field(max_length=2000)]
Phone = Annotated[str, Field(pattern=r"^\+?[0-9 -]{5,28}$")]
BloodType = Literal["A+", "A-", "B+", "B-", "AB+", "AB-", "0+", "0-"]
Code = Annotated[str, Field(pattern=r"^[A-Z][0-9]{2}(\.[0-9])?$")]


def _on_the_grid(moment: datetime) -> datetime:
    past_the_hour = timedelta(minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond)
    if past_the_hour % SLOT:
        raise ValueError(f"appointments begin every {SLOT // timedelta(minutes=1)} minutes from the full hour on")
    return moment


def _to_come(moment: datetime) -> datetime:
    if moment < utc_now():
        raise ValueError("this is in the past")
    return moment


def _not_to_come(day: date) -> date:
    if day > utc_now().date():
        raise ValueError("this is in the future")
    return day


SlotIn = Annotated[AwareDatetime, AfterValidator(to_utc), AfterValidator(_on_the_grid), AfterValidator(_to_come)]
"""When an appointment can begin."""
BirthDate = Annotated[date, AfterValidator(_not_to_come)]
UtcOut = Annotated[datetime, PlainSerializer(lambda moment: f"{moment.isoformat()}Z")]


class In(BaseModel):
    """A body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """Made from a row."""

    model_config = ConfigDict(from_attributes=True)
    id: int


class Credentials(In):
    """For ``POST /api/auth/login``."""

    username: Annotated[Line, Field(max_length=50)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


class UserIn(In):
    """A new account."""

    username: Annotated[str, Field(pattern=r"^[a-z0-9._-]{3,50}$")]
    email: Email
    full_name: Text
    role: Role
    password: Annotated[str, Field(min_length=8, max_length=200)]


class UserChange(In):
    """What may change of an account."""

    email: Email | None = None
    full_name: Text | None = None
    is_active: bool | None = None


class UserOut(Out):
    """An account."""

    username: str
    email: str
    full_name: str
    role: str
    is_active: bool
    created_at: UtcOut


class DoctorIn(In):
    """A doctor."""

    full_name: Text
    license_number: Annotated[Line, Field(min_length=3, max_length=40)]
    specialty_id: RowId
    email: Email
    phone: Phone


class SpecialtyIn(In):
    """A specialty."""

    name: Annotated[Line, Field(max_length=80)]


class SpecialtyOut(Out):
    """A specialty."""

    name: str


class DoctorOut(Out):
    """A doctor with the specialty."""

    full_name: str
    license_number: str
    email: str
    phone: str
    specialty: SpecialtyOut


class PatientIn(In):
    """A patient."""

    full_name: Text
    record_number: Annotated[Line, Field(min_length=3, max_length=40)]
    birth_date: BirthDate
    sex: Literal["female", "male", "other"]
    blood_type: BloodType
    email: Email
    phone: Phone


class PatientOut(Out):
    """A patient."""

    full_name: str
    record_number: str
    birth_date: date
    sex: str
    blood_type: str
    email: str
    phone: str


class Named(Out):
    """A person in a list of something else."""

    full_name: str


class AppointmentIn(In):
    """A new appointment. A doctor may leave out ``doctor_id``, a patient ``patient_id``: it is their own."""

    starts_at: SlotIn
    reason: Annotated[Line, Field(max_length=200)]
    doctor_id: RowId | None = None
    patient_id: RowId | None = None


class AppointmentChange(In):
    """Only the status changes; another time is another appointment."""

    status: Literal["scheduled", "completed", "cancelled"]


class AppointmentOut(Out):
    """An appointment."""

    starts_at: UtcOut
    reason: str
    status: str
    patient: Named
    doctor: Named


class ConsultationIn(In):
    """What a doctor writes."""

    patient_id: RowId
    diagnosis_code: Code
    notes: LongText


class ConsultationOut(Out):
    """A consultation."""

    held_at: UtcOut
    diagnosis_code: str
    notes: str
    patient: Named
    doctor: Named


class EpisodeIn(In):
    """A new episode."""

    patient_id: RowId
    title: Text
    summary: LongText


class EpisodeChange(In):
    """What may change of an episode."""

    summary: LongText | None = None
    status: Literal["open", "closed"] | None = None


class EpisodeOut(Out):
    """An episode."""

    patient_id: int
    doctor_id: int
    title: str
    summary: str
    status: str
    opened_on: date
    closed_on: date | None


class FileOut(Out):
    """A file without its bytes."""

    patient_id: int
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    uploaded_at: UtcOut


class PolicyOut(Out):
    """An insurance policy."""

    patient_id: int
    insurer: str
    policy_number: str
    valid_from: date
    valid_to: date
    coverage_percent: int


class NotificationOut(Out):
    """A message."""

    text: str
    created_at: UtcOut
    read_at: UtcOut | None


class EntryOut(BaseModel):
    """A value of a catalog."""

    model_config = ConfigDict(from_attributes=True)
    code: str
    label: str


class AuditOut(Out):
    """A change."""

    at: UtcOut
    actor: str
    action: str
    entity: str
    entity_id: int
