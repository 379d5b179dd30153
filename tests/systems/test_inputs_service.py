"""What no table can hold is refused with 422 by each service, on SQLite and on PostgreSQL: numbers, NUL, times."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
import requests
from tests.support.app_performance import PASSWORD as SHOP_PASSWORD
from tests.support.postgres import temporary_postgres
from tests.support.systems import Service

from systems.flask_auth.service.seed import ADMIN_EMAIL as CLIENTS_ADMIN
from systems.flask_auth.service.seed import ADMIN_PASSWORD as CLIENTS_PASSWORD
from systems.thanotopolis.service.seed import ADMIN_EMAIL as CEMETERY_ADMIN
from systems.thanotopolis.service.seed import PASSWORD as CEMETERY_PASSWORD
from systems.thanotopolis.service.twilio import DEVELOPMENT_TOKEN, signature

TIMEOUT_S = 60
NUL = "a\0b"
TOO_LARGE = (2**31, 3_000_000_000, 99999999999999999999)
OUTSIDE = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:45:00-14:00")
LOGINS: dict[str, tuple[str, dict[str, str]]] = {
    "kimmy_esthi": ("/admin/login", {"username": "admin", "password": "kimmy-admin-test"}),
    "cms_medical": ("/api/auth/login", {"username": "doctor001", "password": "password123"}),
    "thanotopolis": ("/api/auth/login", {"email": CEMETERY_ADMIN, "password": CEMETERY_PASSWORD}),
    "app_performance": ("/api/users/login", {"email": "manager01@example.com", "password": SHOP_PASSWORD}),
    "flask_auth": ("/client_login", {"email": CLIENTS_ADMIN, "password": CLIENTS_PASSWORD}),
}
LISTS = {
    "kimmy_esthi": ("/admin/appointments", "/admin/consent-forms"),
    "cms_medical": ("/api/appointments", "/api/patients", "/api/episodes"),
    "thanotopolis": ("/api/crm/contacts", "/api/calendar/events", "/api/telephony/calls"),
    "app_performance": ("/api/items/", "/api/orders/"),
    "flask_auth": ("/clients",),
}
ROWS = {
    "kimmy_esthi": (
        "GET /admin/appointments/{}", "DELETE /admin/appointments/{}", "DELETE /appointments/{}",
        "DELETE /consent-forms/{}",
    ),
    "cms_medical": (
        "GET /api/patients/{}", "GET /api/doctors/{}", "GET /api/appointments/{}", "DELETE /api/appointments/{}",
        "GET /api/consultations/{}", "GET /api/episodes/{}", "GET /api/files/{}/content",
        "GET /api/appointments?patient_id={}", "GET /api/doctors?specialty_id={}", "POST /api/notifications/{}/read",
    ),
    "thanotopolis": (
        "GET /api/crm/contacts/{}", "DELETE /api/crm/contacts/{}", "GET /api/crm/contacts/{}/interactions",
        "GET /api/calendar/events/{}", "GET /api/calendar/events?contact_id={}", "DELETE /api/auth/users/{}",
        "GET /api/telephony/verifications/{}", "GET /api/conversations/{}/messages",
    ),
    "app_performance": ("GET /api/items/{}", "DELETE /api/orders/{}", "GET /api/orders/?user_id={}"),
    "flask_auth": ("GET /clients/{}", "DELETE /clients/{}"),
}  # fmt: skip
CONSENT = {"name": "Ada Test", "email": "ada@mail.example", "accepts_terms": True, "signature": "Ada Test"}
BOOKING = {
    "date": "2999-01-04", "time": "10:00", "treatment": "x", "name": "Ada", "email": "a@b.example", "phone": "555-0100",
}  # fmt: skip
CONSULTATION = {"patient_id": 1, "diagnosis_code": "J06", "notes": "x"}
EPISODE = {"patient_id": 1, "title": "x", "summary": "x"}
APPOINTMENT = {"patient_id": 1, "starts_at": "2041-01-01T10:00:00Z", "reason": "x"}
CONTACT = {
    "first_name": "Ann", "last_name": "Example", "phone": "+18155550123", "city": "Elgin", "kind": "family",
    "email": "nul@example.org",
}  # fmt: skip
EVENT = {
    "title": "Visit", "kind": "consultation", "starts_at": "2031-05-01T10:00:00", "ends_at": "2031-05-01T11:00:00",
}  # fmt: skip
BODIES: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "kimmy_esthi": (
        ("/consent-forms", {**CONSENT, "name": NUL}),
        ("/consent-forms", {**CONSENT, "email": "a\0@mail.example"}),
        ("/consent-forms", {**CONSENT, "allergies": NUL}),
        ("/consent-forms", {**CONSENT, "appointment_id": 3_000_000_000}),
        ("/consent-forms", {**CONSENT, "appointment_id": 99999999999999999999}),
        ("/appointments", {**BOOKING, "notes": NUL}),
        ("/admin/login", {"username": NUL, "password": "x"}),
    ),
    "cms_medical": (
        ("/api/consultations", {**CONSULTATION, "notes": NUL}),
        ("/api/consultations", {**CONSULTATION, "patient_id": 3_000_000_000}),
        ("/api/episodes", {**EPISODE, "title": NUL}),
        ("/api/appointments", {**APPOINTMENT, "reason": NUL}),
        ("/api/appointments", {**APPOINTMENT, "doctor_id": 2**31}),
        *(("/api/appointments", {**APPOINTMENT, "starts_at": moment}) for moment in OUTSIDE),
        ("/api/auth/login", {"username": NUL, "password": "x"}),
    ),
    "thanotopolis": (
        ("/api/crm/contacts", {**CONTACT, "first_name": NUL}),
        ("/api/crm/contacts", {**CONTACT, "notes": NUL}),
        ("/api/crm/contacts", {**CONTACT, "email": "a\0@example.org"}),
        ("/api/crm/contacts/1/interactions", {"kind": "note", "summary": NUL}),
        *(
            ("/api/crm/contacts/1/interactions", {"kind": "note", "summary": "x", "occurred_at": moment})
            for moment in OUTSIDE
        ),
        ("/api/calendar/events", {**EVENT, "location": NUL}),
        ("/api/calendar/events", {**EVENT, "external_id": NUL}),
        ("/api/calendar/events", {**EVENT, "contact_id": 3_000_000_000}),
        *(("/api/calendar/events", {**EVENT, "starts_at": moment}) for moment in OUTSIDE),
        ("/api/conversations", {"title": NUL}),
        ("/api/auth/login", {"email": "a\0@example.org", "password": "x"}),
    ),
    "app_performance": (
        ("/api/items/", {"name": NUL, "value": 1}),
        ("/api/items/", {"name": "x", "value": 1, "description": NUL}),
        ("/api/users/login", {"email": NUL, "password": "x"}),
    ),
    "flask_auth": (
        ("/client_registeration", {"name": NUL, "email": "a@b.example", "password": "long enough"}),
        ("/client_registeration", {"name": "x", "email": "a\0@b.example", "password": "long enough"}),
        ("/client_login", {"email": NUL, "password": "long enough"}),
    ),
}
QUERIES = {
    "kimmy_esthi": (),
    "cms_medical": ("/api/patients?search=a%00b", "/api/catalogs/a%00b"),
    "thanotopolis": (
        "/api/crm/contacts/search?q=a%00b", "/api/crm/contacts?city=a%00b", "/api/telephony/calls/a%00b",
        "/api/telephony/calls?before=0001-01-01T00:00:00%2B14:00",
        "/api/calendar/events/range?start=0001-01-01T00:00:00%2B14:00&end=2030-01-01",
        "/api/calendar/events/range?start=2030-01-01&end=9999-12-31T23:59:59-14:00",
    ),
    "app_performance": ("/api/items/?q=a%00b",),
    "flask_auth": ("/clients?domain=a%00b",),
}  # fmt: skip


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A cluster with a database for each service."""
    with temporary_postgres() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for name in LOGINS:
                connection.execute(f"CREATE DATABASE {name}")
        yield url


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def services(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    """All five on one kind of database; none of them says anything on standard error, such as a traceback."""
    folder = tmp_path_factory.mktemp("services")
    with ExitStack() as stack:
        started = {}
        for name in LOGINS:
            url = None
            if request.param == "postgresql":
                url = request.getfixturevalue("postgres").removesuffix("postgres") + name
            started[name] = stack.enter_context(Service(name, folder, url))
        yield started
        assert {name: service.errors for name, service in started.items()} == dict.fromkeys(started, "")


@pytest.fixture(params=list(LOGINS))
def name(request: pytest.FixtureRequest) -> str:
    """Of a service."""
    chosen: str = request.param
    return chosen


class Caller:
    """Somebody who is logged in."""

    def __init__(self, service: Service) -> None:
        self.url = service.url
        path, credentials = LOGINS[service.name]
        body = requests.post(service.url + path, json=credentials, timeout=TIMEOUT_S).json()
        self.headers = {"Authorization": f"Bearer {body.get('access_token') or body['token']}"}

    def __call__(self, method: str, path: str, **options: Any) -> int:
        """The status of the answer."""
        headers = {**self.headers, **options.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=TIMEOUT_S, **options).status_code


def test_no_list_skips_more_rows_than_there_can_be(services: dict[str, Service], name: str) -> None:
    """An offset beyond an integer column is 422, the largest one an empty page."""
    caller = Caller(services[name])
    statuses = {path: [caller("GET", f"{path}?offset={n}") for n in (2**31 - 1, *TOO_LARGE)] for path in LISTS[name]}
    assert statuses == {path: [200, 422, 422, 422] for path in LISTS[name]}


def test_no_row_is_asked_for_by_a_number_that_none_can_have(services: dict[str, Service], name: str) -> None:
    """In paths and in queries: 422."""
    caller = Caller(services[name])
    statuses = {ask: [caller(*ask.format(number).split()) for number in TOO_LARGE] for ask in ROWS[name]}
    assert statuses == dict.fromkeys(ROWS[name], [422] * len(TOO_LARGE))


def test_what_a_column_cannot_hold_is_refused(services: dict[str, Service], name: str) -> None:
    """NUL in a text, an id that is too large, a time that is none in UTC: 422 from bodies and from queries."""
    caller = Caller(services[name])
    asked = [(path, body, caller("POST", path, json=body)) for path, body in BODIES[name]]
    asked += [(path, {}, caller("GET", path)) for path in QUERIES[name]]
    assert [one for one in asked if one[-1] != 422] == []


def test_a_webhook_holds_no_more_than_a_column(services: dict[str, Service]) -> None:
    """A duration beyond an integer, NUL in the call's id: 422."""
    path = "/api/telephony/webhooks/twilio/status"
    caller = Caller(services["thanotopolis"])
    for change in ({"CallDuration": "3000000000"}, {"CallSid": NUL}):
        form = {"CallSid": "CA1", "CallStatus": "completed", **change}
        signed = {"X-Twilio-Signature": signature(DEVELOPMENT_TOKEN, caller.url + path, form)}
        assert caller("POST", path, data=form, headers=signed) == 422


def test_a_cancelled_appointment_leaves_its_slot_to_one_other(services: dict[str, Service]) -> None:
    """Of eight who book it at once, one gets it; then the cancelled one cannot come back."""
    doctor = Caller(services["cms_medical"])
    booking = {**APPOINTMENT, "starts_at": "2041-07-01T10:15:00Z"}
    url = f"{doctor.url}/api/appointments"
    first = requests.post(url, json=booking, headers=doctor.headers, timeout=TIMEOUT_S).json()["id"]
    assert doctor("POST", "/api/appointments", json=booking) == 409
    assert doctor("PATCH", f"/api/appointments/{first}", json={"status": "cancelled"}) == 200
    together, statuses = threading.Barrier(8), []

    def book() -> None:
        together.wait(timeout=TIMEOUT_S)
        statuses.append(doctor("POST", "/api/appointments", json=booking))

    threads = [threading.Thread(target=book) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Counter(statuses) == {201: 1, 409: 7}
    assert doctor("PATCH", f"/api/appointments/{first}", json={"status": "scheduled"}) == 409
