"""A service made of the kit alone: a list, broken constraints, refused values, an exhausted pool, a lost database."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI
from sqlalchemy import UniqueConstraint, create_engine, select
from sqlalchemy.exc import DataError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from systems.kit.database import Database
from systems.kit.web import Paged, service_app

START = """
from systems import serve
from tests.support import things
serve.SYSTEMS["things"] = serve.System(0)
serve.System.load = lambda *_: things.create_app
raise SystemExit(serve.main())
"""
"""Starts it as :mod:`systems.serve` starts the five."""


class Base(DeclarativeBase):
    """The tables."""


class Thing(Base):
    """A row."""

    __tablename__ = "things"
    __table_args__ = (UniqueConstraint("name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def create_app(database: Database) -> FastAPI:
    """The application."""
    database.create(Base)
    app = service_app("things", database)

    @app.get("/things/{name}")
    def make(name: str) -> dict[str, str]:
        with database.writing() as session:
            session.add(Thing(name=name))
        return {"name": name}

    @app.get("/things")
    def some(page: Paged) -> dict[str, Any]:
        with database.reading() as session:
            rows, total = page.of(session, select(Thing).order_by(Thing.name.desc()))
            return page.body([row.name for row in rows], total)

    @app.post("/login")
    def login(password: Annotated[str, Body(embed=True, max_length=5)]) -> None:
        """Refuses long passwords."""

    @app.get("/exhausted")
    def exhausted() -> None:
        raise PoolTimeoutError

    @app.get("/unstorable")
    def unstorable() -> None:
        raise DataError("INSERT", {"name": "not-to-be-repeated"}, ValueError("NUL"))

    @app.get("/lose-the-database")
    def lose() -> None:
        database.engine.dispose()
        database.engine = create_engine("sqlite:////nowhere/at/all.db")

    return app
