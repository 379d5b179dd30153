"""The application."""

from __future__ import annotations

from fastapi import FastAPI

from systems.app_performance.service import items, orders, reports, testruns, users
from systems.app_performance.service.access import TestRuns
from systems.app_performance.service.seed import prepare
from systems.kit.database import Database
from systems.kit.tokens import Tokens
from systems.kit.web import service_app


def create_app(database: Database) -> FastAPI:
    """The service; its tables are made, and filled where they are empty."""
    prepare(database)
    app = service_app("Shop", database)
    app.state.tokens = Tokens()
    app.state.test_runs = TestRuns()
    for part in (users, items, orders, reports, testruns):
        app.include_router(part.router)
    return app
