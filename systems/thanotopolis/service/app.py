"""The application."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from systems.kit.database import Database
from systems.kit.web import service_app
from systems.thanotopolis.service.access import Gate
from systems.thanotopolis.service.models import Base
from systems.thanotopolis.service.notifications import Hub
from systems.thanotopolis.service.routes import auth, calendar, conversations, crm, sockets, telephony
from systems.thanotopolis.service.seed import seed


def create_app(database: Database) -> FastAPI:
    """The service; its tables are made, and filled where they are empty."""
    database.create(Base)
    seed(database)
    app = service_app("Thanotopolis", database)
    app.state.gate = Gate()
    app.state.hub = Hub()

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        # FastAPI's own answer repeats what was sent, passwords included.
        problems = [{"loc": one["loc"], "msg": one["msg"], "type": one["type"]} for one in error.errors()]
        return JSONResponse({"detail": problems}, 422)

    for part in (auth, crm, calendar, telephony, conversations, sockets):
        app.include_router(part.router)
    return app
