"""The application."""

from __future__ import annotations

from fastapi import FastAPI

from systems.kit.database import Database
from systems.kit.settings import seconds
from systems.kit.web import service_app
from systems.thanotopolis.service.access import Gate
from systems.thanotopolis.service.models import Base
from systems.thanotopolis.service.notifications import Hub
from systems.thanotopolis.service.routes import auth, calendar, conversations, crm, sockets, telephony
from systems.thanotopolis.service.seed import seed


def create_app(database: Database) -> FastAPI:
    """The service; its tables are made, and filled where they are empty. SettingError where a setting is not right."""
    gate, interval_s = Gate(), seconds("NOTIFICATION_INTERVAL_S", 5.0)
    database.create(Base)
    seed(database)
    app = service_app("Thanotopolis", database)
    app.state.gate = gate
    app.state.notification_interval_s = interval_s
    app.state.hub = Hub()
    for part in (auth, crm, calendar, telephony, conversations, sockets):
        app.include_router(part.router)
    return app
