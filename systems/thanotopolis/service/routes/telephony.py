"""Phone numbers are verified, calls are listed, and the carrier tells of calls by webhooks.

No text message is really sent. For numbers that are set aside for fiction (555-0100 to 555-0199 of each area in North
America) the answer has the code, as ``sandbox_code``; other numbers would need a carrier, and are refused with 501.
"""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar
from xml.sax.saxutils import escape

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from systems.kit.inputs import Count, RowId, Text
from systems.kit.web import Paged, forbidden, not_found
from systems.thanotopolis.service.access import Anyone, Caller, Store
from systems.thanotopolis.service.models import Call, Verification, utc_now
from systems.thanotopolis.service.schemas import (
    CallOut,
    CallStatus,
    Moment,
    PhoneNumber,
    VerificationCode,
    VerificationForm,
    VerificationOut,
)
from systems.thanotopolis.service.twilio import auth_token, is_genuine

router = APIRouter(prefix="/api/telephony", tags=["telephony"])
FormModel = TypeVar("FormModel", bound=BaseModel)
_FICTION = re.compile(r"\+1[2-9]\d\d55501\d\d")
_ATTEMPTS = 5
_CODE_LIFE = timedelta(minutes=10)
_ENDED = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


# --- verification ---


@router.post("/verifications", status_code=201)
def start_verification(body: VerificationForm, caller: Anyone, store: Store) -> dict[str, Any]:
    """Send a code to a number."""
    if not _FICTION.fullmatch(body.phone_number):
        raise HTTPException(501, "no carrier is connected: only numbers set aside for fiction can be verified")
    code = f"{secrets.randbelow(1_000_000):06}"
    verification = Verification(user_id=caller.user_id, phone_number=body.phone_number, code=code)
    with store.writing() as session:
        session.add(verification)
    return {**VerificationOut.model_validate(verification).model_dump(), "sandbox_code": code}


@router.get("/verifications/{verification_id}", response_model=VerificationOut)
def verification(verification_id: RowId, caller: Anyone, store: Store) -> Verification:
    """How far it is; of one's own only."""
    with store.reading() as session:
        return _verification(session, verification_id, caller)


@router.post("/verifications/{verification_id}/confirm", response_model=VerificationOut)
def confirm(verification_id: RowId, body: VerificationCode, caller: Anyone, store: Store) -> Verification:
    """Bring the code. A wrong one is 422; after five, after ten minutes and when it is done already: 409."""
    with store.writing() as session:
        found = _verification(session, verification_id, caller)
        if found.status != "pending" or found.attempts >= _ATTEMPTS or utc_now() - found.created_at > _CODE_LIFE:
            raise HTTPException(409, "this verification is over; start another")
        found.attempts += 1
        right = secrets.compare_digest(found.code, body.code)
        if right:
            found.status, found.verified_at = "verified", utc_now()
        elif found.attempts >= _ATTEMPTS:
            found.status = "failed"
    if not right:  # raised after the block, so that the attempt is counted
        raise HTTPException(422, "this is not the code")
    return found


@router.delete("/verifications/{verification_id}", status_code=204)
def remove_verification(verification_id: RowId, caller: Anyone, store: Store) -> Response:
    """Forget a verification."""
    with store.writing() as session:
        _verification(session, verification_id, caller)
        session.execute(delete(Verification).where(Verification.id == verification_id))
    return Response(status_code=204)


# --- calls ---


@router.get("/calls")
def calls(
    _caller: Anyone,
    store: Store,
    page: Paged,
    status: CallStatus | None = None,
    direction: Literal["inbound", "outbound"] | None = None,
    before: Moment | None = None,
) -> dict[str, Any]:
    """Calls, the latest first, filtered by what is given; ``before`` is when they began."""
    wanted = select(Call).order_by(Call.started_at.desc(), Call.id.desc())
    if status is not None:
        wanted = wanted.where(Call.status == status)
    if direction is not None:
        wanted = wanted.where(Call.direction == direction)
    if before is not None:
        wanted = wanted.where(Call.started_at < before)
    with store.reading() as session:
        items, total = page.of(session, wanted)
        return page.body([CallOut.model_validate(item) for item in items], total)


@router.get("/calls/{call_sid}", response_model=CallOut)
def call(call_sid: Text, _caller: Anyone, store: Store) -> Call:
    """One call."""
    with store.reading() as session:
        return _call(session, call_sid)


@router.delete("/calls/{call_sid}", status_code=204)
def remove_call(call_sid: Text, caller: Anyone, store: Store, request: Request) -> Response:
    """Remove the record of a call; the staff may, and who proves by a signature to be the carrier that announced it."""
    if not caller.is_staff and not _is_carriers(request, {}):
        raise forbidden("calls are the staff's and the carrier's to remove")
    with store.writing() as session:
        _call(session, call_sid)
        session.execute(delete(Call).where(Call.call_sid == call_sid))
    return Response(status_code=204)


@router.get("/analytics")
def analytics(_caller: Anyone, store: Store, days: Annotated[int, Query(ge=1, le=366)] = 30) -> dict[str, Any]:
    """Calls of the last days: how many by status and direction, how long, how many on each day."""
    recent = Call.started_at >= utc_now() - timedelta(days=days)
    day = func.date(Call.started_at)
    with store.reading() as session:
        groups = session.execute(
            select(Call.status, Call.direction, func.count()).where(recent).group_by(Call.status, Call.direction)
        ).all()
        mean_s = session.scalar(select(func.avg(Call.duration_s)).where(recent, Call.status == "completed"))
        by_day = session.execute(select(day, func.count()).where(recent).group_by(day).order_by(day)).all()
    by_status: dict[str, int] = {}
    by_direction: dict[str, int] = {}
    for status, direction, count in groups:
        by_status[status] = by_status.get(status, 0) + count
        by_direction[direction] = by_direction.get(direction, 0) + count
    return {
        "days": days,
        "calls": sum(by_status.values()),
        "by_status": by_status,
        "by_direction": by_direction,
        "mean_duration_s": float(mean_s) if mean_s is not None else None,
        "by_day": [{"day": str(when), "calls": count} for when, count in by_day],
    }


# --- webhooks ---


class VoiceForm(BaseModel):
    """What the carrier tells of a call that begins; it sends more than these."""

    sid: str = Field(alias="CallSid", pattern=r"^CA[0-9a-f]{32}$")
    from_number: PhoneNumber = Field(alias="From")
    to_number: PhoneNumber = Field(alias="To")
    status: CallStatus = Field("ringing", alias="CallStatus")


class StatusForm(BaseModel):
    """What the carrier tells of a call later."""

    sid: Text = Field(alias="CallSid", max_length=34)
    status: CallStatus = Field(alias="CallStatus")
    duration_s: Count | None = Field(None, alias="CallDuration")


def _is_carriers(request: Request, form: dict[str, str]) -> bool:
    return is_genuine(auth_token(), str(request.url), form, request.headers.get("x-twilio-signature"))


async def _signed_form(request: Request) -> dict[str, str]:
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    if not _is_carriers(request, form):
        raise forbidden("the signature is not the carrier's")
    return form


SignedForm = Annotated[dict[str, str], Depends(_signed_form)]


@router.post("/webhooks/twilio/voice")
def voice_webhook(form: SignedForm, store: Store, request: Request) -> Response:
    """A call comes in; the answer tells the carrier to stream its sound to us. Sent twice, it is one call."""
    body = _valid(VoiceForm, form)
    with store.writing() as session:
        known = session.scalar(select(Call.id).where(Call.call_sid == body.sid))
        if known is None:
            fields = {"call_sid": body.sid, "from_number": body.from_number, "to_number": body.to_number}
            session.add(Call(**fields, direction="inbound", status=body.status))
    if known is None:
        request.app.state.hub.publish(None, "call.started", call_sid=body.sid)
    base = str(request.base_url).replace("http", "ws", 1).rstrip("/")
    stream = escape(f"{base}/api/ws/telephony/media/{body.sid}")
    twiml = f'<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="{stream}"/></Connect></Response>'
    return Response(twiml, media_type="application/xml")


@router.post("/webhooks/twilio/status", status_code=204)
def status_webhook(form: SignedForm, store: Store, request: Request) -> Response:
    """How a call goes on. What comes after its end is not believed, for webhooks may overtake each other."""
    body = _valid(StatusForm, form)
    with store.writing() as session:
        found = _call(session, body.sid)
        if found.status not in _ENDED:
            found.status = body.status
            if body.status in _ENDED:
                found.ended_at, found.duration_s = utc_now(), body.duration_s
    request.app.state.hub.publish(None, "call.changed", call_sid=body.sid, status=body.status)
    return Response(status_code=204)


def _valid(kind: type[FormModel], form: dict[str, str]) -> FormModel:
    try:
        return kind.model_validate(form)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise HTTPException(422, problems) from error


def _call(session: Session, call_sid: str) -> Call:
    found = session.scalar(select(Call).where(Call.call_sid == call_sid))
    if found is None:
        raise not_found("call")
    return found


def _verification(session: Session, verification_id: int, caller: Caller) -> Verification:
    found = session.get(Verification, verification_id)
    if found is None or found.user_id != caller.user_id:
        raise not_found("verification")
    return found
