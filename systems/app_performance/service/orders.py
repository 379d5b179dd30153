"""Orders: everybody has their own, a manager sees all."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from systems.app_performance.service.access import Caller, Member, Runs, Store, TestRun
from systems.app_performance.service.models import Item, Order, OrderLine
from systems.app_performance.service.schemas import OrderIn, OrderOut
from systems.kit.inputs import RowId
from systems.kit.web import Paged, forbidden, not_found

router = APIRouter(prefix="/api/orders", tags=["orders"])


@router.get("/")
def list_orders(caller: Member, store: Store, page: Paged, user_id: RowId | None = None) -> dict[str, Any]:
    """The caller's orders, or, for a manager, those of all or of one account; the latest first."""
    if user_id is not None and user_id != caller.id and not caller.is_manager:
        raise forbidden("you see your own orders only")
    whose = user_id if user_id is not None or caller.is_manager else caller.id
    query = select(Order).options(selectinload(Order.lines)).order_by(Order.id.desc())
    if whose is not None:
        query = query.where(Order.user_id == whose)
    with store.reading() as session:
        rows, total = page.of(session, query)
        return page.body([OrderOut.model_validate(row) for row in rows], total)


@router.post("/", status_code=201)
def place_order(
    body: OrderIn, caller: Member, store: Store, runs: Runs, response: Response, test_run: TestRun = None
) -> OrderOut:
    """A new order, at today's prices; 404 where an item does not exist."""
    with store.writing() as session:
        runs.require_open(test_run)
        values = _values(session, [line.item_id for line in body.lines])
        lines = [
            OrderLine(item_id=line.item_id, quantity=line.quantity, unit_value=values[line.item_id])
            for line in body.lines
        ]
        total = sum(line.quantity * line.unit_value for line in lines)
        order = Order(user_id=caller.id, total=total, test_run=test_run, lines=lines)
        session.add(order)
    response.headers["Location"] = f"/api/orders/{order.id}"
    return OrderOut.model_validate(order)


def _values(session: Session, item_ids: list[int]) -> dict[int, int]:
    rows = session.execute(select(Item.id, Item.value).where(Item.id.in_(item_ids)))
    values: dict[int, int] = {item_id: value for item_id, value in rows}  # noqa: C416  # dict(rows) has no types
    if missing := [item_id for item_id in item_ids if item_id not in values]:
        raise not_found(f"item: {missing[0]}")
    return values


@router.get("/{order_id}")
def show_order(order_id: RowId, caller: Member, store: Store) -> OrderOut:
    """One order; 403 where it is somebody else's."""
    with store.reading() as session:
        return OrderOut.model_validate(_own_order(session, order_id, caller))


@router.delete("/{order_id}", status_code=204)
def cancel_order(order_id: RowId, caller: Member, store: Store) -> None:
    """Remove an order with its lines."""
    with store.writing() as session:
        session.delete(_own_order(session, order_id, caller))


def _own_order(session: Session, order_id: int, caller: Caller) -> Order:
    order = session.scalar(select(Order).where(Order.id == order_id).options(selectinload(Order.lines)))
    if order is None:
        raise not_found("order")
    caller.require(order.user_id)
    return order
