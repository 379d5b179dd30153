"""The trail of changes, and how a record can be erased together with its trail.

An ordinary ``DELETE`` leaves the trail and adds to it. With ``?erase=true`` the record was never meant to last (data of
a test, a wish to be forgotten): its trail goes too. It may come after an ordinary delete, for the trail alone.
Administrators erase everything. Others erase what they alone have made and touched: where the trail tells of somebody
else, or does not tell who made the record, it stays whole.
"""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from systems.cms_medical.service.access import Caller
from systems.cms_medical.service.models import AuditLog, Base
from systems.kit.web import forbidden, not_found


def note(session: Session, caller: Caller, action: str, entity: str, entity_id: int) -> None:
    """Add one line to the trail."""
    session.add(
        AuditLog(actor_id=caller.user_id, actor=caller.username, action=action, entity=entity, entity_id=entity_id)
    )


def remove(session: Session, caller: Caller, row: Base | None, entity: str, entity_id: int, *, erase: bool) -> None:
    """Delete a row that the caller may delete.

    404 where there is none, nor (when erasing) a trail; 403 where it may be deleted and not be erased.
    """
    if erase:
        _forget(session, caller, entity, entity_id, exists=row is not None)
    elif row is None:
        raise not_found(entity)
    else:
        note(session, caller, "delete", entity, entity_id)
    if row is not None:
        session.delete(row)
        session.flush()


def _forget(session: Session, caller: Caller, entity: str, entity_id: int, *, exists: bool) -> None:
    about = AuditLog.entity == entity, AuditLog.entity_id == entity_id
    trail = session.execute(select(AuditLog.actor_id, AuditLog.action).where(*about)).tuples().all()
    if not exists and not trail:
        raise not_found(entity)
    is_own = (caller.user_id, "create") in trail and {actor_id for actor_id, _ in trail} == {caller.user_id}
    if caller.role != "admin" and not is_own:
        raise forbidden("others are in its trail: only an administrator erases it")
    session.execute(delete(AuditLog).where(*about))
