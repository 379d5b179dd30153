"""The application."""

from __future__ import annotations

from fastapi import FastAPI

from systems.cms_medical.service.access import Gate
from systems.cms_medical.service.models import Base
from systems.cms_medical.service.routes import auth, care, office, people, records
from systems.cms_medical.service.seed import seed
from systems.kit.database import Database
from systems.kit.web import service_app


def create_app(database: Database) -> FastAPI:
    """The service; its tables are made, and filled where they are empty."""
    database.create(Base)
    seed(database)
    app = service_app("Clinic records", database)
    app.state.gate = Gate()
    for part in (auth, people, care, records, office):
        app.include_router(part.router)
    return app
