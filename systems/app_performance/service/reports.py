"""Reports for managers: heavier on the database than all the rest, on purpose."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from sqlalchemy import ColumnElement, Executable, Select, func, select
from sqlalchemy.orm import Session

from systems.app_performance.service.access import Manager, Store
from systems.app_performance.service.models import Item, Order, OrderLine, utc_now
from systems.app_performance.service.schemas import Days

router = APIRouter(prefix="/api/reports", tags=["reports"])

_BEST = 10
_REVENUE = func.sum(OrderLine.quantity * OrderLine.unit_value)


@router.get("/sales")
def show_sales(_caller: Manager, store: Store, days: Days = 30) -> dict[str, Any]:
    """What was sold in the last days: by day, by category, and the items that brought the most."""
    with store.reading() as session:
        return {
            "days": days,
            "by_day": _rows(session, _by_day(days)),
            "by_category": _rows(session, _by_category(days)),
            "best_items": _rows(session, _best_items(days)),
        }


def _rows(session: Session, query: Executable) -> list[dict[str, Any]]:
    return [dict(row) for row in session.execute(query).mappings()]


def _lately(days: int) -> ColumnElement[bool]:
    return Order.placed_at >= utc_now() - timedelta(days=days)


def _by_day(days: int) -> Select[str, int, int]:
    day = func.date(Order.placed_at)
    columns = day.label("day"), func.count(Order.id.distinct()).label("orders"), _REVENUE.label("revenue")
    query = select(*columns).select_from(OrderLine).join(Order, Order.id == OrderLine.order_id)
    return query.where(_lately(days)).group_by(day).order_by(day)


def _by_category(days: int) -> Select[str, int, int]:
    columns = Item.category, func.sum(OrderLine.quantity).label("quantity"), _REVENUE.label("revenue")
    query = select(*columns).select_from(OrderLine).join(Order, Order.id == OrderLine.order_id)
    query = query.join(Item, Item.id == OrderLine.item_id).where(_lately(days))
    return query.group_by(Item.category).order_by(_REVENUE.desc(), Item.category)


def _best_items(days: int) -> Select[int, str, int, int]:
    columns = Item.id, Item.name, func.sum(OrderLine.quantity).label("quantity"), _REVENUE.label("revenue")
    query = select(*columns).select_from(OrderLine).join(Order, Order.id == OrderLine.order_id)
    query = query.join(Item, Item.id == OrderLine.item_id).where(_lately(days))
    return query.group_by(Item.id, Item.name).order_by(_REVENUE.desc(), Item.id).limit(_BEST)
