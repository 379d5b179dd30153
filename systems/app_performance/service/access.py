"""Who calls, and what that account may do. The role is in the token, so no request needs a query for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request

from systems.app_performance.service.models import Role
from systems.kit.database import Database
from systems.kit.tokens import InvalidTokenError, Tokens
from systems.kit.web import bearer_token, forbidden, unauthorized


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the request."""

    id: int
    role: str

    @property
    def is_manager(self) -> bool:
        """Whether everybody's data may be seen."""
        return self.role == Role.MANAGER

    def require(self, owner_id: int | None) -> None:
        """403 unless it is the caller's own, or the caller is a manager."""
        if owner_id != self.id and not self.is_manager:
            raise forbidden("this belongs to somebody else")


class TestRuns:
    """Which performance tests have taken back what they made. What comes late for one of those is refused.

    A request that its test has given up may still wait for the database when the test removes its rows.
    """

    def __init__(self) -> None:
        self._over: set[str] = set()

    def end(self, run_id: str) -> None:
        """Nothing is made under this id from now on."""
        self._over.add(run_id)

    def require_open(self, run_id: str | None) -> None:
        """410 where that test is over; to be asked within the transaction that makes something."""
        if run_id in self._over:
            raise HTTPException(410, "this test is over")


# These are coroutines, for FastAPI would send plain functions through its pool of threads.
async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _tokens(request: Request) -> Tokens:
    tokens: Tokens = request.app.state.tokens
    return tokens


async def _test_runs(request: Request) -> TestRuns:
    runs: TestRuns = request.app.state.test_runs
    return runs


async def _caller(request: Request) -> Caller:
    tokens: Tokens = request.app.state.tokens
    try:
        claims = tokens.verify(bearer_token(request))
    except InvalidTokenError as error:
        raise unauthorized(str(error)) from error
    return Caller(int(claims["sub"]), str(claims["role"]))


async def _maybe_caller(request: Request) -> Caller | None:
    return await _caller(request) if "authorization" in request.headers else None


async def _manager(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    if not caller.is_manager:
        raise forbidden()
    return caller


Store = Annotated[Database, Depends(_database)]
Runs = Annotated[TestRuns, Depends(_test_runs)]
Signer = Annotated[Tokens, Depends(_tokens)]
Member = Annotated[Caller, Depends(_caller)]
Manager = Annotated[Caller, Depends(_manager)]
Anyone = Annotated[Caller | None, Depends(_maybe_caller)]
"""None for those who are not logged in; a token that does not hold is refused all the same."""

TestRun = Annotated[str | None, Header(alias="X-Test-Run", pattern=r"^[0-9a-f]{32}$")]
"""The performance test that makes a row."""
