"""Accounts and log-in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import select

from systems.app_performance.service.access import Manager, Member, Signer, Store
from systems.app_performance.service.models import User
from systems.app_performance.service.schemas import Credentials, TokenOut, UserOut
from systems.kit.passwords import verify_password
from systems.kit.web import Paged, unauthorized

router = APIRouter(prefix="/api/users", tags=["users"])


@router.post("/login")
def log_in(given: Credentials, store: Store, tokens: Signer) -> TokenOut:
    """A token for an account; 401 where e-mail address or password is wrong."""
    with store.reading() as session:
        user = session.scalar(select(User).where(User.email == given.email.lower()))
    # The transaction is over: hashing takes 10 ms, by design.
    if not verify_password(given.password, user.password_hash if user else None) or user is None:
        raise unauthorized("e-mail address or password is wrong")
    return TokenOut(access_token=tokens.issue(user.id, role=user.role), expires_in=int(tokens.lifetime_s))


@router.get("/me")
def show_me(caller: Member, store: Store) -> UserOut:
    """The caller's own account; 401 where it is gone."""
    with store.reading() as session:
        user = session.get(User, caller.id)
    if user is None:
        raise unauthorized("this account was removed")
    return UserOut.model_validate(user)


@router.get("/")
def list_users(_caller: Manager, store: Store, page: Paged) -> dict[str, Any]:
    """All accounts, for managers."""
    with store.reading() as session:
        rows, total = page.of(session, select(User).order_by(User.id))
    return page.body([UserOut.model_validate(row) for row in rows], total)
