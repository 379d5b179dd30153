"""Who calls, how often they may, and what their role allows.

The role is in the token. An account that is deleted is put on a list of the process, so that its tokens are refused at
once without a query for each request.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request

from systems.kit.database import Database
from systems.kit.settings import whole_number
from systems.kit.tokens import InvalidTokenError, Tokens
from systems.kit.web import bearer_token, forbidden, unauthorized
from systems.thanotopolis.service.models import User

ACCESS_S = 3600.0
REFRESH_S = 7 * 24 * 3600.0
_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the request."""

    user_id: int
    role: str
    claims: Mapping[str, Any]

    @property
    def is_staff(self) -> bool:
        """Whether they belong to the house, as administrators do."""
        return self.role in ("admin", "staff")

    def require_owner_or_staff(self, owner_id: int) -> None:
        """403 unless the row is theirs, or they are of the staff."""
        if not self.is_staff and owner_id != self.user_id:
            raise forbidden("only its owner and the staff may do this")

    def require_owner(self, owner_id: int) -> None:
        """403 unless the row is theirs, or they are an administrator."""
        if self.role != "admin" and owner_id != self.user_id:
            raise forbidden("only its owner or an administrator may do this")


class RateLimit:
    """So many requests in each minute for each account; none are counted where ``per_minute`` is 0."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._began = 0.0
        self._counts: dict[int, int] = {}

    def take(self, user_id: int, now: float) -> float | None:
        """Count one request; None if it may pass, else in how many seconds the next may."""
        if not self.per_minute:
            return None
        if now - self._began >= _WINDOW_S:
            self._began, self._counts = now, {}
        self._counts[user_id] = self._counts.get(user_id, 0) + 1
        return None if self._counts[user_id] <= self.per_minute else self._began + _WINDOW_S - now


class Gate:
    """Lets callers in by their tokens.

    ``RATE_LIMIT_PER_MINUTE`` in the environment limits the requests of an account (429); without it there is no limit.
    """

    def __init__(self) -> None:
        self._tokens = Tokens(lifetime_s=ACCESS_S)
        self._shut_out: set[int] = set()
        self.limit = RateLimit(whole_number("RATE_LIMIT_PER_MINUTE", 0))

    def tokens_for(self, user: User) -> dict[str, Any]:
        """The answer to whoever proved to be this user."""
        return {
            "access_token": self._tokens.issue(user.id, role=user.role),
            "refresh_token": self._tokens.issue(user.id, kind="refresh", lifetime_s=REFRESH_S),
            "token_type": "bearer",
            "expires_in": int(ACCESS_S),
        }

    def caller(self, token: str) -> Caller:
        """Whose access token it is; 401 where it does not hold."""
        claims = self._claims(token, "access")
        return Caller(int(claims["sub"]), claims["role"], claims)

    def refreshed(self, token: str) -> int:
        """Whose refresh token it is; it is good once. 401 where it does not hold."""
        claims = self._claims(token, "refresh")
        self._tokens.revoke(claims)
        return int(claims["sub"])

    def log_out(self, caller: Caller, refresh_token: str | None) -> None:
        """End these tokens. A refresh token of somebody else, or one that does not hold, is left alone."""
        self._tokens.revoke(dict(caller.claims))
        if refresh_token is None:
            return
        try:
            claims = self._tokens.verify(refresh_token, kind="refresh")
        except InvalidTokenError:
            return
        if int(claims["sub"]) == caller.user_id:
            self._tokens.revoke(claims)

    def shut_out(self, user_id: int) -> None:
        """Refuse this account's tokens from now on."""
        self._shut_out.add(user_id)

    def _claims(self, token: str, kind: str) -> dict[str, Any]:
        try:
            claims = self._tokens.verify(token, kind=kind)
        except InvalidTokenError as error:
            raise unauthorized(str(error)) from error
        if int(claims["sub"]) in self._shut_out:
            raise unauthorized("this account is gone")
        return claims


def gate_of(app: FastAPI) -> Gate:
    """The application's gate."""
    gate: Gate = app.state.gate
    return gate


# These are coroutines, for FastAPI would send plain functions through its pool of threads.
async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _gate(request: Request) -> Gate:
    return gate_of(request.app)


async def _caller(request: Request) -> Caller:
    gate = gate_of(request.app)
    caller = gate.caller(bearer_token(request))
    wait_s = gate.limit.take(caller.user_id, time.monotonic())
    if wait_s is not None:
        raise HTTPException(429, "too many requests of this account", {"Retry-After": str(int(wait_s) + 1)})
    return caller


async def _admin(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    if caller.role != "admin":
        raise forbidden()
    return caller


Store = Annotated[Database, Depends(_database)]
Door = Annotated[Gate, Depends(_gate)]
Anyone = Annotated[Caller, Depends(_caller)]
Admin = Annotated[Caller, Depends(_admin)]
