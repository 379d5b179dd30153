"""What requests may hold, and how rows are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from systems.kit import inputs
from systems.kit.inputs import RowId, to_utc

Name = Annotated[inputs.Line, StringConstraints(max_length=80)]
Line = Annotated[inputs.Line, StringConstraints(max_length=200)]
Text = Annotated[inputs.Text, StringConstraints(strip_whitespace=True, max_length=2000)]
Place = Annotated[inputs.Text, StringConstraints(max_length=120)]
Email = Annotated[inputs.Email, StringConstraints(to_lower=True)]
Password = Annotated[str, StringConstraints(min_length=8, max_length=200)]
PhoneNumber = Annotated[str, StringConstraints(pattern=r"^\+[1-9]\d{7,14}$")]
ContactKind = Literal["family", "funeral_director", "prospect", "vendor"]
ContactStatus = Literal["lead", "active", "customer", "inactive"]
InteractionKind = Literal["call", "email", "meeting", "note"]
EventKind = Literal["burial", "consultation", "maintenance", "memorial", "viewing"]
EventStatus = Literal["planned", "confirmed", "done", "cancelled"]
CallStatus = Literal["queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"]


def as_utc(moment: datetime) -> datetime:
    """As the tables hold it: whole seconds of UTC, without a zone; ValueError outside of the years 1 to 9999."""
    return to_utc(moment).replace(microsecond=0)


Moment = Annotated[datetime, AfterValidator(as_utc)]


class Form(BaseModel):
    """A body; fields that are not known are a mistake."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """A row as it is answered."""

    model_config = ConfigDict(from_attributes=True)


class Credentials(Form):
    """To log in."""

    email: Email
    password: str = Field(max_length=200)


class Registration(Form):
    """A new account."""

    email: Email
    password: Password
    first_name: Name
    last_name: Name
    phone: PhoneNumber | None = None


class ProfileChange(Form):
    """What people change of themselves."""

    first_name: Name | None = None
    last_name: Name | None = None
    phone: PhoneNumber | None = None


class RefreshToken(Form):
    """To get new tokens."""

    refresh_token: str = Field(max_length=4000)


class Logout(Form):
    """The refresh token that shall end together with the access token."""

    refresh_token: str | None = Field(None, max_length=4000)


class UserOut(Shown):
    """An account."""

    id: int
    email: str
    first_name: str
    last_name: str
    role: str
    phone: str | None
    created_at: datetime


class ContactForm(Form):
    """A new contact."""

    first_name: Name
    last_name: Name
    email: Email
    phone: PhoneNumber
    city: Name
    kind: ContactKind
    status: ContactStatus = "lead"
    notes: Text = ""


class ContactChange(Form):
    """What of a contact changes."""

    first_name: Name | None = None
    last_name: Name | None = None
    email: Email | None = None
    phone: PhoneNumber | None = None
    city: Name | None = None
    kind: ContactKind | None = None
    status: ContactStatus | None = None
    notes: Text | None = None


class ContactOut(Shown):
    """A contact."""

    id: int
    owner_id: int
    first_name: str
    last_name: str
    email: str
    phone: str
    city: str
    kind: str
    status: str
    notes: str
    created_at: datetime
    updated_at: datetime


class InteractionForm(Form):
    """Something that happened with a contact."""

    kind: InteractionKind
    summary: Annotated[inputs.Line, StringConstraints(max_length=2000)]
    occurred_at: Moment | None = None


class InteractionOut(Shown):
    """An interaction."""

    id: int
    contact_id: int
    author_id: int | None
    kind: str
    summary: str
    occurred_at: datetime


class EventForm(Form):
    """A new event."""

    title: Line
    kind: EventKind
    starts_at: Moment
    ends_at: Moment
    location: Place = ""
    status: EventStatus = "planned"
    notes: Text = ""
    contact_id: RowId | None = None
    external_id: Annotated[inputs.Text, StringConstraints(min_length=1, max_length=64)] | None = None


class EventChange(Form):
    """What of an event changes; ``contact_id`` null unlinks it."""

    title: Line | None = None
    kind: EventKind | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    location: Place | None = None
    status: EventStatus | None = None
    notes: Text | None = None
    contact_id: RowId | None = None


class ContactName(Shown):
    """Whom an event is about."""

    id: int
    first_name: str
    last_name: str


class EventOut(Shown):
    """An event."""

    id: int
    owner_id: int
    contact_id: int | None
    contact: ContactName | None
    external_id: str | None
    title: str
    kind: str
    status: str
    location: str
    starts_at: datetime
    ends_at: datetime
    notes: str


class VerificationForm(Form):
    """Which number shall be verified."""

    phone_number: PhoneNumber


class VerificationCode(Form):
    """The six digits that were sent."""

    code: Annotated[str, StringConstraints(pattern=r"^\d{6}$")]


class VerificationOut(Shown):
    """A verification, without its code."""

    id: int
    phone_number: str
    status: str
    attempts: int
    created_at: datetime
    verified_at: datetime | None


class CallOut(Shown):
    """A call."""

    call_sid: str
    from_number: str
    to_number: str
    direction: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    duration_s: int | None
    media_frames: int


class ConversationForm(Form):
    """A new conversation."""

    title: Line


class ConversationOut(Shown):
    """A conversation."""

    id: int
    title: str
    created_at: datetime
    voice_frames: int
