"""What the salon uses, behind a login: appointments, consent forms, figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from systems.kimmy_esthi.service.models import Account, Appointment, ConsentForm, Role, Status, Treatment
from systems.kimmy_esthi.service.public import Db
from systems.kimmy_esthi.service.schemas import Credentials, StatusChange, appointment_json, consent_json
from systems.kit.inputs import RowId
from systems.kit.passwords import verify_password
from systems.kit.tokens import InvalidTokenError, Tokens
from systems.kit.web import Paged, bearer_token, forbidden, not_found, unauthorized

router = APIRouter(prefix="/admin")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, by their token."""

    name: str
    role: Role


async def _caller(request: Request) -> Caller:
    tokens: Tokens = request.app.state.tokens
    try:
        claims = tokens.verify(bearer_token(request))
    except InvalidTokenError as error:
        raise unauthorized(str(error)) from error
    return Caller(claims["name"], Role(claims["role"]))


def _only(*roles: Role) -> Callable[..., Any]:
    async def check(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if caller.role not in roles:
            raise forbidden()
        return caller

    return check


Staff = Annotated[Caller, Depends(_only(Role.STAFF, Role.ADMIN))]
Admin = Annotated[Caller, Depends(_only(Role.ADMIN))]


@router.post("/login")
def login(credentials: Credentials, request: Request, database: Db) -> Json:
    """A bearer token for an hour; 401 where user name or password are wrong, without saying which."""
    with database.reading() as session:
        account = session.scalar(select(Account).where(Account.username == credentials.username))
    if not verify_password(credentials.password, account.password_hash if account else None) or account is None:
        raise unauthorized("user name or password is wrong")
    tokens: Tokens = request.app.state.tokens
    token = tokens.issue(account.id, name=account.username, role=account.role)
    return {"access_token": token, "token_type": "bearer", "expires_in": round(tokens.lifetime_s), "role": account.role}


@router.get("/appointments")
def appointments(
    _: Staff,
    database: Db,
    page: Paged,
    day: Annotated[date | None, Query(alias="date")] = None,
    status: Status | None = None,
) -> Json:
    """The calendar, latest first; of one day or one status where asked."""
    query = select(Appointment).order_by(Appointment.day.desc(), Appointment.time.desc(), Appointment.id)
    if day is not None:
        query = query.where(Appointment.day == day)
    if status is not None:
        query = query.where(Appointment.status == status.value)
    with database.reading() as session:
        rows, total = page.of(session, query.options(joinedload(Appointment.treatment)))
        return page.body([appointment_json(row) for row in rows], total)


@router.get("/appointments/{appointment_id}")
def appointment(appointment_id: RowId, _: Staff, database: Db) -> Json:
    """One appointment."""
    with database.reading() as session:
        found = session.get(Appointment, appointment_id, options=[joinedload(Appointment.treatment)])
        if found is None:
            raise not_found("appointment")
        return appointment_json(found)


@router.patch("/appointments/{appointment_id}")
def change_status(appointment_id: RowId, change: StatusChange, _: Admin, database: Db) -> Json:
    """Confirm, complete or cancel; 409 where a cancelled one is to come back and its slot is taken meanwhile."""
    try:
        with database.writing() as session:
            found = session.get(Appointment, appointment_id, options=[joinedload(Appointment.treatment)])
            if found is None:
                raise not_found("appointment")
            found.status = change.status.value
    except IntegrityError as error:
        raise HTTPException(409, "its slot was taken in the meantime") from error
    return appointment_json(found)


@router.delete("/appointments/{appointment_id}", status_code=204)
def remove(appointment_id: RowId, _: Admin, database: Db) -> None:
    """Delete an appointment with its consent form."""
    with database.writing() as session:
        found = session.get(Appointment, appointment_id)
        if found is None:
            raise not_found("appointment")
        session.delete(found)


@router.get("/consent-forms")
def consent_forms(_: Staff, database: Db, page: Paged) -> Json:
    """All forms, latest first."""
    with database.reading() as session:
        rows, total = page.of(session, select(ConsentForm).order_by(ConsentForm.signed_at.desc(), ConsentForm.id))
        return page.body([consent_json(row) for row in rows], total)


@router.get("/statistics")
def statistics(_: Staff, database: Db) -> Json:
    """Appointments by status, and takings of completed ones by treatment."""
    by_status = select(Appointment.status, func.count()).group_by(Appointment.status)
    by_treatment = (
        select(Treatment.slug, func.count(Appointment.id), func.sum(Treatment.price_cents))
        .join(Appointment, Appointment.treatment_id == Treatment.id)
        .where(Appointment.status == Status.COMPLETED.value)
        .group_by(Treatment.slug)
        .order_by(Treatment.slug)
    )
    with database.reading() as session:
        counts = {row[0]: row[1] for row in session.execute(by_status)}
        takings = [
            {"treatment": row[0], "appointments": row[1], "cents": int(row[2])} for row in session.execute(by_treatment)
        ]
        forms = session.scalar(select(func.count()).select_from(ConsentForm))
    return {
        "appointments": {name.value: counts.get(name.value, 0) for name in Status},
        "takings": takings,
        "consent_forms": forms,
    }
