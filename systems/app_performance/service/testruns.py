"""How performance tests take back what they made.

A test draws an id of 128 random bits and sends it as ``X-Test-Run`` with each request. What is made by such a request
carries the id, and goes with one ``DELETE``, those rows among them whose answer never reached the test. Nobody needs to
be logged in for that: the id is known to who made the rows.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from sqlalchemy import delete

from systems.app_performance.service.access import Runs, Store
from systems.app_performance.service.models import Item, Order
from systems.kit.web import not_found

router = APIRouter(prefix="/api/test-runs", tags=["test runs"])

RunId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@router.delete("/{run_id}")
def remove_rows(run_id: RunId, store: Store, runs: Runs) -> dict[str, Any]:
    """Remove all rows of a test; 404 where there are none, 409 where somebody else ordered one of its items.

    The test is over then: what still comes under its id is refused with 410.
    """
    runs.end(run_id)
    removed: dict[str, int] = {}
    with store.writing() as session:
        for table in (Order, Item):
            gone = session.scalars(delete(table).where(table.test_run == run_id).returning(table.id)).all()
            removed[table.__tablename__] = len(gone)
    if not any(removed.values()):
        raise not_found("test run")
    return {"removed": removed}
