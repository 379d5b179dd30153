"""Contacts and what happened with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import Session

from systems.kit.inputs import RowId, Text
from systems.kit.web import Paged, not_found
from systems.thanotopolis.service.access import Anyone, Store
from systems.thanotopolis.service.models import Contact, Interaction, utc_now
from systems.thanotopolis.service.schemas import (
    ContactChange,
    ContactForm,
    ContactKind,
    ContactOut,
    ContactStatus,
    InteractionForm,
    InteractionOut,
)

router = APIRouter(prefix="/api/crm", tags=["crm"])
_ORDERS: dict[str, ColumnElement[Any]] = {
    "newest": Contact.id.desc(),
    "oldest": Contact.id.asc(),
    "name": Contact.last_name.asc(),
}
_RECENT = timedelta(days=30)


@router.get("/contacts")
def contacts(
    _caller: Anyone,
    store: Store,
    page: Paged,
    status: ContactStatus | None = None,
    kind: ContactKind | None = None,
    city: Text | None = None,
    sort: Literal["newest", "oldest", "name"] = "newest",
) -> dict[str, Any]:
    """Contacts, filtered by what is given."""
    wanted = select(Contact).order_by(_ORDERS[sort], Contact.id)
    for column, value in ((Contact.status, status), (Contact.kind, kind), (Contact.city, city)):
        if value is not None:
            wanted = wanted.where(column == value)
    return _page_of(store, page, wanted)


@router.get("/contacts/search")
def search(
    _caller: Anyone, store: Store, page: Paged, q: Annotated[Text, Query(min_length=2, max_length=80)]
) -> dict[str, Any]:
    """Contacts with this in their names, address or city."""
    matching = Contact.search_text.contains(q.lower(), autoescape=True)
    return _page_of(store, page, select(Contact).where(matching).order_by(Contact.last_name, Contact.id))


@router.post("/contacts", status_code=201, response_model=ContactOut)
def create(body: ContactForm, caller: Anyone, store: Store, request: Request) -> Contact:
    """A new contact, owned by the caller; 409 where the address is known."""
    contact = Contact(**body.model_dump(), owner_id=caller.user_id)
    contact.search_text = _search_text(contact)
    with store.writing() as session:
        _refuse_known_address(session, body.email)
        session.add(contact)
    request.app.state.hub.publish(caller.user_id, "contact.created", id=contact.id)
    return contact


@router.get("/contacts/{contact_id}", response_model=ContactOut)
def contact(contact_id: RowId, _caller: Anyone, store: Store) -> Contact:
    """One contact."""
    with store.reading() as session:
        return _contact(session, contact_id)


@router.patch("/contacts/{contact_id}", response_model=ContactOut)
def change(contact_id: RowId, body: ContactChange, caller: Anyone, store: Store) -> Contact:
    """Change a contact; its owner may, and everybody of the staff."""
    with store.writing() as session:
        found = _contact(session, contact_id)
        caller.require_owner_or_staff(found.owner_id)
        changes = body.model_dump(exclude_unset=True)
        if body.email is not None and body.email != found.email:
            _refuse_known_address(session, body.email)
        for field, value in changes.items():
            if value is None:
                raise HTTPException(422, f"{field} cannot be empty")
            setattr(found, field, value)
        found.search_text = _search_text(found)
        session.flush()
        return found


@router.delete("/contacts/{contact_id}", status_code=204)
def remove(contact_id: RowId, caller: Anyone, store: Store) -> Response:
    """Remove a contact with its interactions; its owner may, and administrators."""
    with store.writing() as session:
        caller.require_owner(_contact(session, contact_id).owner_id)
        session.execute(delete(Contact).where(Contact.id == contact_id))
    return Response(status_code=204)


@router.get("/contacts/{contact_id}/interactions")
def interactions(contact_id: RowId, _caller: Anyone, store: Store, page: Paged) -> dict[str, Any]:
    """What happened with a contact, the latest first."""
    order = Interaction.occurred_at.desc(), Interaction.id.desc()
    with store.reading() as session:
        _contact(session, contact_id)
        items, total = page.of(
            session, select(Interaction).where(Interaction.contact_id == contact_id).order_by(*order)
        )
        return page.body([InteractionOut.model_validate(item) for item in items], total)


@router.post("/contacts/{contact_id}/interactions", status_code=201, response_model=InteractionOut)
def log_interaction(contact_id: RowId, body: InteractionForm, caller: Anyone, store: Store) -> Interaction:
    """Something more happened."""
    with store.writing() as session:
        _contact(session, contact_id)
        interaction = Interaction(
            contact_id=contact_id,
            author_id=caller.user_id,
            kind=body.kind,
            summary=body.summary,
            occurred_at=body.occurred_at or utc_now(),
        )
        session.add(interaction)
    return interaction


@router.get("/dashboard")
def dashboard(_caller: Anyone, store: Store) -> dict[str, Any]:
    """How many contacts there are by status and kind, and what happened lately."""
    since = utc_now() - _RECENT
    with store.reading() as session:
        by_status = dict(session.execute(select(Contact.status, func.count()).group_by(Contact.status)).tuples().all())
        by_kind = dict(session.execute(select(Contact.kind, func.count()).group_by(Contact.kind)).tuples().all())
        new = session.scalar(select(func.count()).select_from(Contact).where(Contact.created_at >= since))
        lately = (
            select(Interaction.kind, func.count()).where(Interaction.occurred_at >= since).group_by(Interaction.kind)
        )
        recent = dict(session.execute(lately).tuples().all())
    return {
        "contacts": sum(by_status.values()),
        "by_status": by_status,
        "by_kind": by_kind,
        "new_in_30_days": new or 0,
        "interactions_in_30_days": recent,
    }


def _page_of(store: Store, page: Paged, wanted: Select[Any]) -> dict[str, Any]:
    with store.reading() as session:
        items, total = page.of(session, wanted)
        return page.body([ContactOut.model_validate(item) for item in items], total)


def _contact(session: Session, contact_id: int) -> Contact:
    found = session.get(Contact, contact_id)
    if found is None:
        raise not_found("contact")
    return found


def _refuse_known_address(session: Session, email: str) -> None:
    if session.scalar(select(Contact.id).where(Contact.email == email)) is not None:
        raise HTTPException(409, "there is a contact with this address already")


def _search_text(contact: Contact) -> str:
    return f"{contact.first_name} {contact.last_name} {contact.email} {contact.city}".lower()
