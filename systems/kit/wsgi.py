"""The frame of a Flask service: ``/health``, ``/metrics``, bodies, pages of a list, errors with the right status.

What :mod:`systems.kit.web` is for FastAPI. Bodies come as JSON or as a form, and are validated by the same models.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from flask import Flask, Response, abort, g, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Select, func, select
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from systems.kit.database import Database
from systems.kit.inputs import Offset, RowId
from systems.kit.metrics import CONTENT_TYPE, Metrics

MAX_BODY_BYTES = 64 * 1024
MAX_PAGE = 100

Body = TypeVar("Body", bound=BaseModel)


def service_app(title: str, database: Database) -> Flask:
    """A Flask application with what every service has; its extensions ``database`` and ``metrics`` are set.

    A broken constraint answers 409, a value that the database refuses 422, a full connection pool or a database that is
    gone 503. Each error is ``{"detail": …}``.
    """
    app = Flask(title, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    metrics = Metrics(database)
    app.extensions["database"] = database
    app.extensions["metrics"] = metrics

    @app.get("/health")
    def health() -> tuple[Response, int]:
        try:
            database.ping()
        except SQLAlchemyError:
            return jsonify(status="error", database="unreachable"), 503
        return jsonify(status="ok", database="ok"), 200

    @app.get("/metrics")
    def metrics_page() -> Response:
        return Response(metrics.text(), content_type=CONTENT_TYPE)

    _answer_errors_as_json(app)
    _measure(app, metrics)
    return app


def _answer_errors_as_json(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        response = jsonify(detail=error.description)
        response.status_code = error.code or 500
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    @app.errorhandler(IntegrityError)
    def conflict(_error: IntegrityError) -> tuple[Response, int]:
        return jsonify(detail="this conflicts with what is there already"), 409

    @app.errorhandler(DataError)
    def unstorable(_error: DataError) -> tuple[Response, int]:
        return jsonify(detail="a value is not one that the database can hold"), 422

    @app.errorhandler(PoolTimeoutError)
    @app.errorhandler(OperationalError)
    def overloaded(_error: Exception) -> tuple[Response, int, dict[str, str]]:
        return jsonify(detail="the database is busy"), 503, {"Retry-After": "1"}


def _measure(app: Flask, metrics: Metrics) -> None:
    """Count and time each request under its route's path, so that ids do not make a metric each."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        metrics.under_way.inc()

    @app.after_request
    def answered(response: Response) -> Response:
        g.status = response.status_code
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        began = g.pop("began", None)
        if began is None:
            return
        metrics.under_way.dec()
        path = request.url_rule.rule if request.url_rule else "unknown"
        metrics.observe(request.method, path, g.pop("status", 500), time.perf_counter() - began)


def body_of(model: type[Body]) -> Body:
    """The request's body, JSON or form, as the model wants it; 415 for other kinds, 422 where it does not fit.

    What was sent is not repeated in the answer: it may hold a password.
    """
    if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        values: Any = request.form.to_dict()
    elif request.is_json:
        values = request.get_json(silent=True)
        if not isinstance(values, dict):
            invalid("the body must be a JSON object")
    else:
        _answer(415, "send the body as application/json or as a form")
    return valid(model, values)


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


class _PageQuery(BaseModel):
    model_config = ConfigDict(extra="ignore")
    limit: int = Field(20, ge=1, le=MAX_PAGE)
    offset: Offset = 0


class _PathId(BaseModel):
    id: RowId


def requested_page() -> Page:
    """The page that the request's query asks for; 422 where it makes no sense."""
    asked = valid(_PageQuery, request.args.to_dict())
    return Page(asked.limit, asked.offset)


def row_id(number: int) -> int:
    """The number of a path, ``<int:…>``, if a row can have it as its id; else 422."""
    return valid(_PathId, {"id": number}).id


def bearer_token() -> str:
    """The token of ``Authorization: Bearer …``; 401 where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        unauthorized("log in first")
    return token.strip()


def unauthorized(detail: str) -> NoReturn:
    """401, with the challenge that HTTP asks for."""
    _answer(401, detail, {"WWW-Authenticate": "Bearer"})


def forbidden(detail: str = "your role does not allow this") -> NoReturn:
    """403."""
    _answer(403, detail)


def not_found(what: str) -> NoReturn:
    """404."""
    _answer(404, f"no such {what}")


def conflict(detail: str) -> NoReturn:
    """409."""
    _answer(409, detail)


def invalid(detail: str) -> NoReturn:
    """422."""
    _answer(422, detail)


def valid(model: type[Body], values: Any) -> Body:
    """The values as the model wants them; 422, without repeating them, where they do not fit."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        _answer(422, error.errors(include_url=False, include_context=False, include_input=False))


def _answer(status: int, detail: object, headers: dict[str, str] | None = None) -> NoReturn:
    response = jsonify(detail=detail)
    response.status_code = status
    response.headers.update(headers or {})
    abort(response)
