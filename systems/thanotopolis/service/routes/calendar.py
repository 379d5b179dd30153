"""Burials, viewings, consultations: what happens when and where."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, joinedload

from systems.kit.inputs import RowId
from systems.kit.web import Paged, not_found
from systems.thanotopolis.service.access import Anyone, Store
from systems.thanotopolis.service.models import Contact, Event, utc_now
from systems.thanotopolis.service.schemas import EventChange, EventForm, EventKind, EventOut, EventStatus, Moment

router = APIRouter(prefix="/api/calendar", tags=["calendar"])
_LONGEST_RANGE = timedelta(days=366)
_MAY_BE_EMPTY = frozenset({"contact_id"})


@router.get("/events")
def events(
    _caller: Anyone,
    store: Store,
    page: Paged,
    status: EventStatus | None = None,
    kind: EventKind | None = None,
    contact_id: RowId | None = None,
) -> dict[str, Any]:
    """Events, the latest first, filtered by what is given."""
    wanted = select(Event).options(joinedload(Event.contact)).order_by(Event.starts_at.desc(), Event.id)
    for column, value in ((Event.status, status), (Event.kind, kind), (Event.contact_id, contact_id)):
        if value is not None:
            wanted = wanted.where(column == value)
    with store.reading() as session:
        items, total = page.of(session, wanted)
        return page.body([EventOut.model_validate(item) for item in items], total)


@router.get("/events/range")
def events_between(
    start: Moment, end: Moment, _caller: Anyone, store: Store, page: Paged, kind: EventKind | None = None
) -> dict[str, Any]:
    """What begins from ``start`` on and before ``end``, in order; a year at most."""
    if end <= start:
        raise HTTPException(422, "the range ends before it begins")
    if end - start > _LONGEST_RANGE:
        raise HTTPException(422, "a range is a year at most")
    wanted = select(Event).options(joinedload(Event.contact)).where(Event.starts_at >= start, Event.starts_at < end)
    if kind is not None:
        wanted = wanted.where(Event.kind == kind)
    with store.reading() as session:
        items, total = page.of(session, wanted.order_by(Event.starts_at, Event.id))
        return page.body([EventOut.model_validate(item) for item in items], total)


@router.get("/events/stats")
def stats(_caller: Anyone, store: Store) -> dict[str, Any]:
    """How many events there are by kind and status, and in the coming week."""
    now = utc_now()
    coming = (Event.starts_at >= now, Event.starts_at < now + timedelta(days=7))
    with store.reading() as session:
        by_kind = dict(session.execute(select(Event.kind, func.count()).group_by(Event.kind)).tuples().all())
        by_status = dict(session.execute(select(Event.status, func.count()).group_by(Event.status)).tuples().all())
        week = session.scalar(select(func.count()).select_from(Event).where(*coming))
        linked = session.scalar(select(func.count()).select_from(Event).where(Event.contact_id.is_not(None)))
    return {
        "events": sum(by_kind.values()),
        "by_kind": by_kind,
        "by_status": by_status,
        "next_7_days": week or 0,
        "linked_to_contacts": linked or 0,
    }


@router.post("/events", status_code=201, response_model=EventOut)
def create(body: EventForm, caller: Anyone, store: Store, request: Request) -> Event:
    """A new event of the caller, perhaps about a contact."""
    _require_order(body.starts_at, body.ends_at)
    with store.writing() as session:
        event = Event(**body.model_dump(), owner_id=caller.user_id, contact=_contact(session, body.contact_id))
        session.add(event)
    about = {"id": event.id, "external_id": event.external_id}
    request.app.state.hub.publish(caller.user_id, "event.created", **about)
    return event


@router.get("/events/{event_id}", response_model=EventOut)
def event(event_id: RowId, _caller: Anyone, store: Store) -> Event:
    """One event."""
    with store.reading() as session:
        return _event(session, event_id)


@router.patch("/events/{event_id}", response_model=EventOut)
def change(event_id: RowId, body: EventChange, caller: Anyone, store: Store, request: Request) -> Event:
    """Change an event, or whom it is about; its owner may, and everybody of the staff."""
    with store.writing() as session:
        found = _event(session, event_id)
        caller.require_owner_or_staff(found.owner_id)
        contact = _contact(session, body.contact_id)
        for field, value in body.model_dump(exclude_unset=True).items():
            if value is None and field not in _MAY_BE_EMPTY:
                raise HTTPException(422, f"{field} cannot be empty")
            setattr(found, field, value)
        if "contact_id" in body.model_fields_set:
            found.contact = contact
        _require_order(found.starts_at, found.ends_at)
        owner_id = found.owner_id
    request.app.state.hub.publish(owner_id, "event.changed", id=event_id)
    return found


@router.delete("/events/{event_id}", status_code=204)
def remove(event_id: RowId, caller: Anyone, store: Store) -> Response:
    """Remove an event; its owner may, and administrators."""
    with store.writing() as session:
        caller.require_owner(_event(session, event_id).owner_id)
        session.execute(delete(Event).where(Event.id == event_id))
    return Response(status_code=204)


def _event(session: Session, event_id: int) -> Event:
    found = session.get(Event, event_id, options=[joinedload(Event.contact)])
    if found is None:
        raise not_found("event")
    return found


def _contact(session: Session, contact_id: int | None) -> Contact | None:
    if contact_id is None:
        return None
    found = session.get(Contact, contact_id)
    if found is None:
        raise not_found("contact")
    return found


def _require_order(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise HTTPException(422, "an event ends after it begins")
