"""The trail of changes, and how a record can be erased together with its trail.

An ordinary ``DELETE`` leaves the trail and adds to it. With ``?erase=true`` the record was never meant to last (data of
a test, a wish to be forgotten): its trail goes too. It may come after an ordinary delete, for the trail alone.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, delete
from sqlalchemy.orm import Session

from systems.cms_medical.service.access import Caller
from systems.cms_medical.service.models import AuditLog, Base
from systems.kit.web import not_found


def note(session: Session, caller: Caller, action: str, entity: str, entity_id: int) -> None:
    """Add one line to the trail."""
    session.add(
        AuditLog(actor_id=caller.user_id, actor=caller.username, action=action, entity=entity, entity_id=entity_id)
    )


def remove(session: Session, caller: Caller, row: Base | None, entity: str, entity_id: int, *, erase: bool) -> None:
    """Delete a row that the caller may delete; 404 where there is none, nor (when erasing) a trail of the caller's."""
    if row is not None:
        session.delete(row)
        session.flush()
    if not erase:
        if row is None:
            raise not_found(entity)
        note(session, caller, "delete", entity, entity_id)
    elif not _forget(session, caller, entity, entity_id, own=row is None) and row is None:
        raise not_found(entity)


def _forget(session: Session, caller: Caller, entity: str, entity_id: int, *, own: bool) -> bool:
    """Remove the trail of a record. Who may delete was checked on the row; without it (``own``), only one's own lines
    go, unless the caller is an administrator."""
    statement = delete(AuditLog).where(AuditLog.entity == entity, AuditLog.entity_id == entity_id)
    if own and caller.role != "admin":
        statement = statement.where(AuditLog.actor_id == caller.user_id)
    return cast("CursorResult[Any]", session.execute(statement)).rowcount > 0
