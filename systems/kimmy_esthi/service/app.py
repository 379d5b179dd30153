"""The application: the frame and the two routers."""

from __future__ import annotations

from fastapi import FastAPI

from systems.kimmy_esthi.service import admin, public, seed
from systems.kit.database import Database
from systems.kit.tokens import Tokens
from systems.kit.web import service_app


def create_app(database: Database) -> FastAPI:
    """The service over this database, which gets its tables and first rows here where it is empty."""
    seed.fill(database)
    app = service_app("Kimmy Esthi", database)
    app.state.tokens = Tokens()
    app.include_router(public.router)
    app.include_router(admin.router)
    return app
