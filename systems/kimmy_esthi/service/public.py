"""What clients of the salon use: free times, booking, consent forms. Nobody needs an account for it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from systems.kimmy_esthi.service.codes import fits, hash_code, new_code
from systems.kimmy_esthi.service.hours import BOOKABLE_DAYS, bookable_days, is_bookable, times_on, today
from systems.kimmy_esthi.service.models import Appointment, ConsentForm, Status, Treatment
from systems.kimmy_esthi.service.schemas import Booking, Consent
from systems.kit.database import Database
from systems.kit.inputs import RowId
from systems.kit.web import forbidden, not_found

router = APIRouter()
Json = dict[str, Any]
_MOST_DAYS = 366


async def database_of(request: Request) -> Database:
    """The service's database. (Not a plain function: that would be a trip to the thread pool.)"""
    database: Database = request.app.state.database
    return database


Db = Annotated[Database, Depends(database_of)]
Code = Annotated[str | None, Header(alias="Withdrawal-Code", max_length=64)]


@router.get("/treatments")
def treatments(database: Db) -> Json:
    """What can be booked."""
    with database.reading() as session:
        rows = session.scalars(select(Treatment).order_by(Treatment.name)).all()
        return {
            "items": [
                {"slug": one.slug, "name": one.name, "minutes": one.minutes, "price_cents": one.price_cents}
                for one in rows
            ]
        }


@router.get("/appointments/status")
def status(database: Db) -> Json:
    """How full the calendar is: coming appointments by status, and the first slot that is free."""
    now = today()
    with database.reading() as session:
        coming = session.execute(
            select(Appointment.status, func.count()).where(Appointment.day > now).group_by(Appointment.status)
        )
        counts = {row[0]: row[1] for row in coming}
        free = _free_slots(session, now + timedelta(days=1), 31, now)
    first = next(((day, times[0]) for day, times in free.items() if times), None)
    return {
        "date": now.isoformat(),
        "coming": {name.value: counts.get(name.value, 0) for name in Status},
        "next_free": None if first is None else {"date": first[0], "time": first[1]},
        "bookable_until": (now + timedelta(days=BOOKABLE_DAYS)).isoformat(),
    }


@router.get("/appointments/available")
def available(
    database: Db,
    first: Annotated[date | None, Query(alias="from")] = None,
    days: Annotated[int, Query(ge=1, le=_MOST_DAYS)] = 31,
) -> Json:
    """The free slots of a stretch of days that begins with ``from`` (tomorrow unless given): day → times."""
    now = today()
    begin = first or now + timedelta(days=1)
    if begin > now + timedelta(days=BOOKABLE_DAYS):
        raise HTTPException(422, f"the calendar is open for {BOOKABLE_DAYS} days from today")
    with database.reading() as session:
        return {"from": begin.isoformat(), "days": days, "free": _free_slots(session, begin, days, now)}


@router.get("/appointments/{day}")
def availability(day: date, database: Db) -> Json:
    """The slots of a day, and which of them can still be booked: none of a day that is past."""
    now = today()
    with database.reading() as session:
        taken = _taken(session, day, day)
    bookable = is_bookable(day, now)
    slots = [{"time": time, "available": bookable and (day, time) not in taken} for time in times_on(day)]
    return {"date": day.isoformat(), "slots": slots, "free": sum(slot["available"] is True for slot in slots)}


@router.post("/appointments", status_code=201)
def book(booking: Booking, database: Db, response: Response) -> Json:
    """Take a slot: 201 with a code to withdraw it, 409 where it is taken, 422 where there is none at that time."""
    if not is_bookable(booking.date, today()) or booking.time not in times_on(booking.date):
        raise HTTPException(422, "there is no slot to book at that date and time")
    code = new_code()
    try:
        with database.writing() as session:
            treatment_id = session.scalar(select(Treatment.id).where(Treatment.slug == booking.treatment))
            if treatment_id is None:
                raise HTTPException(422, "there is no such treatment")
            appointment = Appointment(
                day=booking.date,
                time=booking.time,
                treatment_id=treatment_id,
                client_name=booking.name,
                client_email=booking.email,
                client_phone=booking.phone,
                notes=booking.notes,
                code_hash=hash_code(code),
            )
            session.add(appointment)
    except IntegrityError as error:
        raise HTTPException(409, "this slot is taken") from error
    response.headers["Location"] = f"/appointments/{appointment.id}"
    return {
        "id": appointment.id,
        "date": booking.date.isoformat(),
        "time": booking.time,
        "treatment": booking.treatment,
        "status": appointment.status,
        "withdrawal_code": code,
    }


@router.delete("/appointments/{appointment_id}", status_code=204)
def withdraw_booking(appointment_id: RowId, database: Db, code: Code = None) -> None:
    """Take a booking back, its consent form too; needs the code that the booking gave."""
    with database.writing() as session:
        _check_code(code, _code_hash(session, appointment_id), "appointment")
        session.execute(delete(Appointment).where(Appointment.id == appointment_id))


@router.post("/consent-forms", status_code=201)
def sign(consent: Consent, database: Db, response: Response) -> Json:
    """Sign a form: 201 with a code to withdraw it. For an appointment, the code of its booking proves that it is the
    client's own (403); 404 where there is no such appointment, 409 where it has a form."""
    if not consent.accepts_terms:
        raise HTTPException(422, "a form without acceptance of its terms cannot be kept")
    code = new_code()
    form = ConsentForm(
        appointment_id=consent.appointment_id,
        client_name=consent.name,
        client_email=consent.email,
        allergies=consent.allergies,
        medication=consent.medication,
        allows_photographs=consent.allows_photographs,
        signature=consent.signature,
        code_hash=hash_code(code),
    )
    try:
        with database.writing() as session:
            if consent.appointment_id is not None:
                _check_code(consent.withdrawal_code, _code_hash(session, consent.appointment_id), "appointment")
            session.add(form)
    except IntegrityError as error:
        raise HTTPException(409, "this appointment has a consent form already") from error
    response.headers["Location"] = f"/consent-forms/{form.id}"
    return {"id": form.id, "appointment_id": form.appointment_id, "withdrawal_code": code}


@router.delete("/consent-forms/{form_id}", status_code=204)
def withdraw_consent(form_id: RowId, database: Db, code: Code = None) -> None:
    """Take a consent back; needs the code that signing gave."""
    with database.writing() as session:
        hashed = session.scalar(select(ConsentForm.code_hash).where(ConsentForm.id == form_id))
        _check_code(code, hashed, "consent form")
        session.execute(delete(ConsentForm).where(ConsentForm.id == form_id))


def _code_hash(session: Session, appointment_id: int) -> str | None:
    return session.scalar(select(Appointment.code_hash).where(Appointment.id == appointment_id))


def _check_code(code: str | None, hashed: str | None, what: str) -> None:
    if hashed is None:
        raise not_found(what)
    if not fits(code, hashed):
        raise forbidden("the withdrawal code is missing or wrong")


def _taken(session: Session, first: date, last: date) -> set[tuple[date, str]]:
    query = select(Appointment.day, Appointment.time).where(
        Appointment.day.between(first, last), Appointment.status != Status.CANCELLED.value
    )
    return {(row[0], row[1]) for row in session.execute(query)}


def _free_slots(session: Session, first: date, days: int, now: date) -> dict[str, list[str]]:
    taken = _taken(session, first, first + timedelta(days=days - 1))
    return {
        day.isoformat(): [time for time in times_on(day) if (day, time) not in taken]
        for day in bookable_days(first, days, now)
    }
