"""The catalogue. An item that was made by somebody who was logged in is theirs; one without an owner is everybody's."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Response
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from systems.app_performance.service.access import Anyone, Caller, Runs, Store, TestRun
from systems.app_performance.service.models import Item
from systems.app_performance.service.schemas import CategoryQuery, ItemChange, ItemIn, ItemOut, Search
from systems.kit.inputs import RowId
from systems.kit.web import Paged, not_found, unauthorized

router = APIRouter(prefix="/api/items", tags=["items"])

Sort = Literal["id", "-id", "value", "-value"]


@router.get("/")
def list_items(
    store: Store, page: Paged, q: Search = None, category: CategoryQuery = None, sort: Sort = "id"
) -> dict[str, Any]:
    """A page of the catalogue. ``q`` is a part of the name, upper or lower case."""
    query = _sorted(select(Item), sort)
    if q is not None:
        # A part of a name can use no index; the catalogue is scanned.
        query = query.where(func.lower(Item.name).contains(q.lower(), autoescape=True))
    if category is not None:
        query = query.where(Item.category == category)
    with store.reading() as session:
        rows, total = page.of(session, query)
    return page.body([ItemOut.model_validate(row) for row in rows], total)


def _sorted(query: Select[Any], sort: Sort) -> Select[Any]:
    column = Item.value if sort.endswith("value") else Item.id
    if sort.startswith("-"):
        return query.order_by(column.desc(), Item.id.desc())
    return query.order_by(column, Item.id)


@router.post("/", status_code=201)
def create_item(
    body: ItemIn, caller: Anyone, store: Store, runs: Runs, response: Response, test_run: TestRun = None
) -> ItemOut:
    """A new item."""
    item = Item(**body.model_dump(), owner_id=caller and caller.id, test_run=test_run)
    with store.writing() as session:
        runs.require_open(test_run)
        session.add(item)
    response.headers["Location"] = f"/api/items/{item.id}"
    return ItemOut.model_validate(item)


@router.get("/{item_id}")
def show_item(item_id: RowId, store: Store) -> ItemOut:
    """One item."""
    with store.reading() as session:
        item = session.get(Item, item_id)
    if item is None:
        raise not_found("item")
    return ItemOut.model_validate(item)


@router.put("/{item_id}")
def replace_item(item_id: RowId, body: ItemIn, caller: Anyone, store: Store) -> ItemOut:
    """All of an item anew."""
    return _change(item_id, body.model_dump(), caller, store)


@router.patch("/{item_id}")
def change_item(item_id: RowId, body: ItemChange, caller: Anyone, store: Store) -> ItemOut:
    """Part of an item anew."""
    return _change(item_id, body.model_dump(exclude_unset=True), caller, store)


@router.delete("/{item_id}", status_code=204)
def delete_item(item_id: RowId, caller: Anyone, store: Store) -> None:
    """Remove an item; 409 where it was ordered."""
    with store.writing() as session:
        session.delete(_own_item(session, item_id, caller))


def _change(item_id: int, changes: dict[str, Any], caller: Caller | None, store: Store) -> ItemOut:
    with store.writing() as session:
        item = _own_item(session, item_id, caller)
        for name, value in changes.items():
            setattr(item, name, value)
    return ItemOut.model_validate(item)


def _own_item(session: Session, item_id: int, caller: Caller | None) -> Item:
    item = session.get(Item, item_id)
    if item is None:
        raise not_found("item")
    if item.owner_id is not None:
        if caller is None:
            raise unauthorized("log in first")
        caller.require(item.owner_id)
    return item
