"""The booking service without its sockets: a :class:`Request` in, a :class:`Response` out.

Every error is JSON: ``{"error": sentence}``, and for invalid input ``"fields": {name: what is wrong with
it}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from loadworthy.clock import Clock
from loadworthy.demo.auth import TOKEN_LIFE_S, Tokens, verify_password
from loadworthy.demo.metrics import Metrics
from loadworthy.demo.seed import DAYS, FIRST_DAY
from loadworthy.demo.store import SlotTakenError, Store
from loadworthy.demo.validation import (
    STATUSES,
    InvalidError,
    check_booking,
    check_consent,
    check_day,
    check_login,
    check_page,
    check_status,
)
from loadworthy.units import US_PER_S

_JSON = "application/json"


class Request(NamedTuple):
    """What a handler gets to see."""

    method: str
    target: str
    """Path and query as they were sent."""
    authorization: str = ""
    body: bytes = b""


class Response(NamedTuple):
    """What goes back."""

    status: int
    body: bytes = b""
    content_type: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()


class _RefusedError(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


_Handler = Callable[["Api", Request, dict[str, str], str], Response]


class Api:
    """All endpoints over one store.

    Args:
        store: the database.
        clock: for stamps, token life and durations.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._tokens = Tokens(clock)
        self._metrics = Metrics()

    def handle(self, request: Request) -> Response:
        """Answer one request. Whatever its input, this raises only if the service itself is broken."""
        started_us = self._clock.monotonic_us()
        path, _, query = request.target.partition("?")
        route, handler, argument, allowed = _find(request.method, path)
        if handler is not None:
            try:
                response = handler(self, request, dict(parse_qsl(query)), argument)
            except InvalidError as error:
                response = _json(422, {"error": "the input is not valid", "fields": error.fields})
            except _RefusedError as error:
                response = error.response
        elif allowed:
            response = _error(405, f"{request.method} is not possible here", ("Allow", ", ".join(allowed)))
        else:
            response = _error(404, "there is nothing under this path")
        self._metrics.add(request.method, route, response.status, self._clock.monotonic_us() - started_us)
        return response

    # Everybody.

    def health(self, _request: Request, _query: dict[str, str], _argument: str) -> Response:
        """Whether the service works, and which calendar it has."""
        calendar = {"first_day": FIRST_DAY.isoformat(), "days": DAYS}
        healthy = self._store.is_healthy()
        return _json(200 if healthy else 503, {"status": "ok" if healthy else "broken", "calendar": calendar})

    def bookings(self, _request: Request, query: dict[str, str], _argument: str) -> Response:
        """The appointments of a day, by page, without names."""
        day, page = check_day(query.get("date")), check_page(query)
        rows, total = self._store.bookings_of_day(day, page.size, page.offset)
        return _json(200, {"date": day, "appointments": rows, **page.describe(total)})

    def free_slots(self, _request: Request, _query: dict[str, str], argument: str) -> Response:
        """What can still be booked on a day."""
        day = check_day(argument)
        if not 0 <= (date.fromisoformat(day) - FIRST_DAY).days < DAYS:
            return _error(404, f"the calendar does not reach to {day}")
        free = self._store.free_slots(day)
        return _json(200, {"date": day, "free": free, "free_total": len(free)})

    def status(self, _request: Request, _query: dict[str, str], argument: str) -> Response:
        """Where an appointment stands."""
        row = self._appointment(argument)
        return _json(200, {name: row[name] for name in ("id", "status", "date", "time")})

    def book(self, request: Request, _query: dict[str, str], _argument: str) -> Response:
        """Take a slot."""
        booking = check_booking(_body(request))
        try:
            appointment_id = self._store.book(booking, self._now())
        except SlotTakenError as taken:
            return _json(409, {"error": "somebody else has this slot", "id": taken.appointment_id})
        made = {name: booking[name] for name in ("date", "time", "practitioner")}
        location = ("Location", f"/appointments/{appointment_id}/status")
        return _json(201, {"id": appointment_id, "status": "pending", **made}, location)

    def sign(self, request: Request, _query: dict[str, str], _argument: str) -> Response:
        """Sign a consent for an appointment."""
        consent = check_consent(_body(request))
        if self._store.appointment(consent["appointment_id"]) is None:
            raise InvalidError({"appointment_id": "there is no such appointment"})
        consent_id = self._store.add_consent(consent["appointment_id"], consent["name"], consent["kind"], self._now())
        return _json(201, {"id": consent_id, "appointment_id": consent["appointment_id"]})

    def login(self, request: Request, _query: dict[str, str], _argument: str) -> Response:
        """Trade e-mail and password for a token."""
        login = check_login(_body(request))
        account = self._store.account(login["email"])
        if not verify_password(login["password"], account["password"] if account else None) or account is None:
            return _error(401, "e-mail or password is wrong", ("WWW-Authenticate", "Bearer"))
        token = self._tokens.issue(account["role"])
        return _json(200, {"token": token, "role": account["role"], "expires_in_s": TOKEN_LIFE_S})

    def metrics(self, _request: Request, _query: dict[str, str], _argument: str) -> Response:
        """Figures for Prometheus."""
        return Response(200, self._metrics.render().encode(), "text/plain; version=0.0.4; charset=utf-8")

    # Administrators.

    def admin_list(self, request: Request, query: dict[str, str], _argument: str) -> Response:
        """All appointments, newest first, by page, perhaps of one status only."""
        self._demand_admin(request)
        page, status = check_page(query), query.get("status")
        if status is not None and status not in STATUSES:
            raise InvalidError({"status": f"is one of {', '.join(STATUSES)}"})
        rows, total = self._store.appointments(status, page.size, page.offset)
        return _json(200, {"appointments": rows, **page.describe(total)})

    def admin_change(self, request: Request, _query: dict[str, str], argument: str) -> Response:
        """Confirm or cancel an appointment. What is cancelled stays so: its slot may be taken by now."""
        self._demand_admin(request)
        status = check_status(_body(request))
        row = self._appointment(argument)
        if row["status"] == "cancelled" and status != "cancelled":
            return _error(409, "a cancelled appointment cannot come back; book a new one")
        self._store.set_status(row["id"], status)
        return _json(200, {**row, "status": status})

    def _demand_admin(self, request: Request) -> None:
        scheme, _, token = request.authorization.partition(" ")
        role = self._tokens.role(token.strip()) if scheme.lower() == "bearer" else None
        if role is None:
            raise _RefusedError(_error(401, "a valid token is needed; POST /login", ("WWW-Authenticate", "Bearer")))
        if role != "admin":
            raise _RefusedError(_error(403, "this is for administrators"))

    def _appointment(self, text: str) -> dict[str, Any]:
        row = self._store.appointment(int(text))
        if row is None:
            raise _RefusedError(_error(404, f"there is no appointment {text}"))
        return row

    def _now(self) -> str:
        stamp = datetime.fromtimestamp(self._clock.wall_us() / US_PER_S, UTC)
        return stamp.strftime("%Y-%m-%dT%H:%M:%SZ")


_ROUTES: tuple[tuple[str, str, re.Pattern[str], _Handler], ...] = tuple(
    (method, route, re.compile(pattern), handler)
    for method, route, pattern, handler in (
        ("GET", "/health", r"/health()", Api.health),
        ("GET", "/appointments", r"/appointments()", Api.bookings),
        ("POST", "/appointments", r"/appointments()", Api.book),
        ("GET", "/appointments/{date}", r"/appointments/(\d{4}-\d\d-\d\d)", Api.free_slots),
        ("GET", "/appointments/{id}/status", r"/appointments/(\d{1,15})/status", Api.status),
        ("POST", "/consents", r"/consents()", Api.sign),
        ("POST", "/login", r"/login()", Api.login),
        ("GET", "/admin/appointments", r"/admin/appointments()", Api.admin_list),
        ("PATCH", "/admin/appointments/{id}", r"/admin/appointments/(\d{1,15})", Api.admin_change),
        ("GET", "/metrics", r"/metrics()", Api.metrics),
    )
)


def _find(method: str, path: str) -> tuple[str, _Handler | None, str, list[str]]:
    """Route, handler, what the path holds, and, where only the method is wrong, those that are right."""
    allowed: list[str] = []
    found = "(unknown)"
    for wanted, route, pattern, handler in _ROUTES:
        match = pattern.fullmatch(path)
        if match is None:
            continue
        if wanted == method or (method == "HEAD" and wanted == "GET"):
            return route, handler, match[1], []
        allowed.append(wanted)
        found = route
    return found, None, "", allowed


def _body(request: Request) -> dict[str, Any]:
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError):
        raise _RefusedError(_error(400, "the body is not JSON")) from None
    if not isinstance(data, dict):
        raise _RefusedError(_error(400, "the body is not a JSON object"))
    return data


def _json(status: int, data: dict[str, Any], *headers: tuple[str, str]) -> Response:
    return Response(status, json.dumps(data, separators=(",", ":")).encode(), _JSON, headers)


def _error(status: int, message: str, *headers: tuple[str, str]) -> Response:
    return _json(status, {"error": message}, *headers)
