"""The frame of a FastAPI service: ``/health``, ``/metrics``, errors with the right status, pages of a list."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import Select, func, select
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from systems.kit.database import Database
from systems.kit.inputs import Offset
from systems.kit.metrics import CONTENT_TYPE, Metrics

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_PAGE = 100


def service_app(title: str, database: Database) -> FastAPI:
    """A FastAPI application with what every service has; ``app.state.database`` and ``app.state.metrics`` are set.

    Invalid input answers 422 with place and reason, and without the input itself, which may hold a password; so does a
    value that only the database refuses. A broken constraint answers 409, a full connection pool or a database that is
    gone 503.
    """
    app = FastAPI(title=title)
    metrics = Metrics(database)
    app.state.database = database
    app.state.metrics = metrics

    @app.get("/health")
    def health() -> Response:
        try:
            database.ping()
        except SQLAlchemyError:
            return JSONResponse({"status": "error", "database": "unreachable"}, 503)
        return JSONResponse({"status": "ok", "database": "ok"})

    @app.get("/metrics")
    def metrics_page() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        problems = [{key: problem[key] for key in ("loc", "msg", "type")} for problem in error.errors()]
        return JSONResponse({"detail": problems}, 422)

    @app.exception_handler(IntegrityError)
    async def conflict(_request: Request, _error: IntegrityError) -> Response:
        return JSONResponse({"detail": "this conflicts with what is there already"}, 409)

    @app.exception_handler(DataError)
    async def unstorable(_request: Request, _error: DataError) -> Response:
        return JSONResponse({"detail": "a value is not one that the database can hold"}, 422)

    @app.exception_handler(PoolTimeoutError)
    @app.exception_handler(OperationalError)
    async def overloaded(_request: Request, _error: Exception) -> Response:
        return JSONResponse({"detail": "the database is busy"}, 503, {"Retry-After": "1"})

    app.add_middleware(_Measured, metrics=metrics)
    return app


class _Measured:
    """Counts and times each request under its route's path, so that ids do not make a metric each."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with self._metrics.under_way.track_inprogress():
                await self._app(scope, receive, watched)
        finally:
            path = getattr(scope.get("route"), "path", "unknown")
            self._metrics.observe(scope["method"], path, status, time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted: ``?limit=20&offset=0``."""

    limit: int
    offset: int

    def of(self, session: Session, query: Select[Any]) -> tuple[Sequence[Any], int]:
        """The rows of this page, and how many there are in all. The query must have an order."""
        total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
        return session.scalars(query.limit(self.limit).offset(self.offset)).all(), total

    def body(self, items: Sequence[Any], total: int) -> dict[str, Any]:
        """The answer: the items and where they stand."""
        return {"items": list(items), "total": total, "limit": self.limit, "offset": self.offset}


def _page(limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20, offset: Annotated[Offset, Query()] = 0) -> Page:
    return Page(limit, offset)


Paged = Annotated[Page, Depends(_page)]
"""A parameter of this type makes an endpoint paged."""


def bearer_token(request: Request) -> str:
    """The token of ``Authorization: Bearer …``; 401 where there is none. For ``Depends``."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorized("log in first")
    return token.strip()


def unauthorized(detail: str) -> HTTPException:
    """401, with the challenge that HTTP asks for."""
    return HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})


def forbidden(detail: str = "your role does not allow this") -> HTTPException:
    """403."""
    return HTTPException(403, detail)


def not_found(what: str) -> HTTPException:
    """404."""
    return HTTPException(404, f"no such {what}")
