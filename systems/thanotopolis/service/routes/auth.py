"""Accounts: registering, logging in and out, one's own profile."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Response
from sqlalchemy import delete, select, update

from systems.kit.inputs import RowId
from systems.kit.passwords import hash_password, verify_password
from systems.kit.web import Paged, not_found, unauthorized
from systems.thanotopolis.service.access import Admin, Anyone, Door, Store
from systems.thanotopolis.service.models import User, utc_now
from systems.thanotopolis.service.schemas import (
    Credentials,
    Logout,
    ProfileChange,
    RefreshToken,
    Registration,
    UserOut,
)

router = APIRouter(prefix="/api/auth", tags=["auth"])


@router.post("/register", status_code=201)
def register(body: Registration, store: Store, gate: Door) -> dict[str, Any]:
    """A new account, a guest's, and its first tokens; 409 where the address is taken."""
    with store.reading() as session:
        if session.scalar(select(User.id).where(User.email == body.email)) is not None:
            raise HTTPException(409, "this address has an account already")
    # Hashed outside of any transaction: it takes long on purpose, and SQLite has one writer at a time.
    fields = body.model_dump(exclude={"password"})
    user = User(**fields, password_hash=hash_password(body.password), role="guest")
    with store.writing() as session:
        session.add(user)
    return {**gate.tokens_for(user), "user": UserOut.model_validate(user).model_dump()}


@router.post("/login")
def login(body: Credentials, store: Store, gate: Door) -> dict[str, Any]:
    """Tokens, and whose they are."""
    with store.reading() as session:
        user = session.scalar(select(User).where(User.email == body.email))
    if not verify_password(body.password, user.password_hash if user else None) or user is None:
        raise unauthorized("wrong address or password")
    with store.writing() as session:
        session.execute(update(User).where(User.id == user.id).values(last_login_at=utc_now()))
    return {**gate.tokens_for(user), "user": UserOut.model_validate(user).model_dump()}


@router.post("/refresh")
def refresh(body: RefreshToken, store: Store, gate: Door) -> dict[str, Any]:
    """New tokens for a refresh token, which is used up."""
    user_id = gate.refreshed(body.refresh_token)
    with store.reading() as session:
        user = session.get(User, user_id)
    if user is None:
        raise unauthorized("this account is gone")
    return gate.tokens_for(user)


@router.post("/logout", status_code=204)
def logout(caller: Anyone, gate: Door, body: Logout | None = None) -> Response:
    """The token that was sent is refused from now on, and the refresh token in the body, if there is one."""
    gate.log_out(caller, body.refresh_token if body else None)
    return Response(status_code=204)


@router.get("/me", response_model=UserOut)
def me(caller: Anyone, store: Store) -> User:
    """Whose token this is."""
    with store.reading() as session:
        return _existing(session.get(User, caller.user_id))


@router.patch("/me", response_model=UserOut)
def change_me(body: ProfileChange, caller: Anyone, store: Store) -> User:
    """Change one's own profile."""
    with store.writing() as session:
        user = _existing(session.get(User, caller.user_id))
        for field, value in body.model_dump(exclude_unset=True).items():
            if value is None and field != "phone":
                raise HTTPException(422, f"{field} cannot be empty")
            setattr(user, field, value)
        return user


@router.delete("/me", status_code=204)
def delete_me(caller: Anyone, store: Store, gate: Door) -> Response:
    """Close one's own account; all it owns goes with it."""
    with store.writing() as session:
        session.execute(delete(User).where(User.id == caller.user_id))
    gate.shut_out(caller.user_id)
    return Response(status_code=204)


@router.get("/users")
def users(_caller: Admin, store: Store, page: Paged) -> dict[str, Any]:
    """All accounts; for administrators."""
    with store.reading() as session:
        items, total = page.of(session, select(User).order_by(User.id))
        return page.body([UserOut.model_validate(item) for item in items], total)


@router.delete("/users/{user_id}", status_code=204)
def delete_user(user_id: RowId, _caller: Admin, store: Store, gate: Door) -> Response:
    """Close an account; for administrators."""
    with store.writing() as session:
        if session.get(User, user_id) is None:
            raise not_found("account")
        session.execute(delete(User).where(User.id == user_id))
    gate.shut_out(user_id)
    return Response(status_code=204)


def _existing(user: User | None) -> User:
    if user is None:
        raise unauthorized("this account is gone")
    return user
