"""The booking service of Kimmy Esthi: what it answers, what it refuses, and that no slot is ever booked twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy.exc import IntegrityError
from tests.support.postgres import temporary_postgres
from tests.support.systems import Service

from systems.kimmy_esthi.service.models import Base, Treatment
from systems.kit.database import Database

ADMIN = {"username": "admin", "password": "kimmy-admin-test"}
STAFF = {"username": "reception", "password": "kimmy-staff-test"}
BEHIND_LOGIN = (
    ("GET", "/admin/appointments"),
    ("GET", "/admin/appointments/1"),
    ("PATCH", "/admin/appointments/1"),
    ("DELETE", "/admin/appointments/1"),
    ("GET", "/admin/consent-forms"),
    ("GET", "/admin/statistics"),
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service on SQLite, the same for all tests of this file; each books slots of its own."""
    with Service("kimmy_esthi", tmp_path_factory.mktemp("kimmy")) as started:
        yield started


def ask(service: Service, method: str, path: str, **options: Any) -> requests.Response:
    return requests.request(method, f"{service.url}{path}", timeout=30, **options)


def token_headers(service: Service, account: dict[str, str]) -> dict[str, str]:
    answer = ask(service, "POST", "/admin/login", json=account)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def open_day(number: int) -> str:
    """A day that is free of seeded appointments and no Sunday; another for each number."""
    day = datetime.now(UTC).date() + timedelta(days=200 + 7 * number)
    return (day + timedelta(days=1 if day.weekday() == 6 else 0)).isoformat()


def a_booking(day: str, time: str = "10:00", **other: Any) -> dict[str, Any]:
    person = {"name": "Ada Test", "email": "ada@mail.example", "phone": "+1 555 0101010"}
    return {"date": day, "time": time, "treatment": "chemical-peel", **person, **other}


def a_form(**other: Any) -> dict[str, Any]:
    return {"name": "Ada Test", "email": "ada@mail.example", "accepts_terms": True, "signature": "Ada Test", **other}


def own(booked: dict[str, Any]) -> dict[str, Any]:
    """What a consent form says to be for a booking of one's own."""
    return {"appointment_id": booked["id"], "withdrawal_code": booked["withdrawal_code"]}


def free_times(service: Service, day: str) -> list[str]:
    slots = ask(service, "GET", f"/appointments/{day}").json()["slots"]
    return [slot["time"] for slot in slots if slot["available"]]


def test_a_booking_takes_its_slot(service: Service) -> None:
    """A day shows 18 half hours; the one that is booked is not available any more, nor booked again."""
    day = open_day(0)
    assert len(free_times(service, day)) == 18
    made = ask(service, "POST", "/appointments", json=a_booking(day))
    assert (made.status_code, made.json()["status"]) == (201, "pending")
    assert made.headers["Location"] == f"/appointments/{made.json()['id']}"
    assert "10:00" not in free_times(service, day)
    again = ask(service, "POST", "/appointments", json=a_booking(day))
    assert (again.status_code, again.json()["detail"]) == (409, "this slot is taken")
    assert service.rows("appointments", "day = :day", day=day) == 1


def test_a_past_day_and_a_sunday_have_nothing_to_book(service: Service) -> None:
    """Both are answered with 200: all slots of the past are unavailable, a Sunday has none."""
    past = ask(service, "GET", "/appointments/2024-01-15")
    assert (past.status_code, len(past.json()["slots"]), past.json()["free"]) == (200, 18, 0)
    sunday = ask(service, "GET", "/appointments/2024-01-14")
    assert (sunday.status_code, sunday.json()["slots"]) == (200, [])


def test_status_counts_what_the_database_holds(service: Service) -> None:
    """Coming appointments by status; the first free slot is indeed free."""
    status = ask(service, "GET", "/appointments/status").json()
    today = datetime.now(UTC).date().isoformat()
    for name in ("pending", "confirmed"):
        in_database = service.rows("appointments", "day > :today AND status = :name", today=today, name=name)
        assert status["coming"][name] == in_database
    following = status["next_free"]
    assert following["time"] in free_times(service, following["date"])


def test_the_calendar_names_every_free_slot(service: Service) -> None:
    """The stretch of days says the same as each of its days."""
    calendar = ask(service, "GET", "/appointments/available", params={"days": 10}).json()["free"]
    assert len(calendar) in (8, 9)  # without the one or two Sundays
    for day, times in calendar.items():
        assert times == free_times(service, day)


@pytest.mark.parametrize(
    "change",
    [
        {"date": "2024-01-15"},
        {"date": "2999-01-04"},
        {"date": "soon"},
        {"time": "10:10"},
        {"treatment": "haircut"},
        {"email": "nobody"},
        {"name": ""},
        {"discount": 5},
    ],
    ids=str,
)
def test_an_impossible_booking_is_refused(service: Service, change: dict[str, Any]) -> None:
    """422 for what is not bookable, not valid or not known; no row is made."""
    before = service.rows("appointments")
    answer = ask(service, "POST", "/appointments", json=a_booking(open_day(1)) | change)
    assert (answer.status_code, service.rows("appointments")) == (422, before)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_no_slot_is_booked_twice_under_load(database: str, tmp_path: Path) -> None:
    """Sixteen clients book the same six slots at once: each slot goes to one of them, all others get 409."""
    with ExitStack() as stack:
        url = stack.enter_context(temporary_postgres()) if database == "postgresql" else None
        service = stack.enter_context(Service("kimmy_esthi", tmp_path, database=url))
        day, times = open_day(0), ("09:00", "10:00", "11:00", "12:00", "13:00", "14:00")
        answers: list[tuple[str, int]] = []
        together = threading.Barrier(16)

        def client() -> None:
            with requests.Session() as session:
                session.get(f"{service.url}/health", timeout=30)
                for time in times:
                    together.wait(timeout=60)
                    booked = session.post(f"{service.url}/appointments", json=a_booking(day, time), timeout=30)
                    answers.append((time, booked.status_code))

        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=120)
        assert Counter(answers) == {(time, status): n for time in times for status, n in ((201, 1), (409, 15))}
        taken = service.query("SELECT time, count(*) FROM appointments WHERE day = :day GROUP BY time", day=day)
        assert sorted(taken) == [(time, 1) for time in times]


def test_a_cancelled_appointment_gives_its_slot_back(service: Service) -> None:
    """It can be booked by somebody else, and then the cancelled one cannot come back."""
    day, admin = open_day(2), token_headers(service, ADMIN)
    first = ask(service, "POST", "/appointments", json=a_booking(day)).json()["id"]

    def change(status: str) -> int:
        path = f"/admin/appointments/{first}"
        return ask(service, "PATCH", path, json={"status": status}, headers=admin).status_code

    assert change("cancelled") == 200
    assert ask(service, "POST", "/appointments", json=a_booking(day)).status_code == 201
    assert change("confirmed") == 409


def test_a_consent_form_belongs_to_one_appointment(service: Service) -> None:
    """201, 409 for a second form, 404 for an appointment that is not there; without one it is kept as well."""
    proof = own(ask(service, "POST", "/appointments", json=a_booking(open_day(3))).json())
    assert ask(service, "POST", "/consent-forms", json=a_form(**proof)).status_code == 201
    assert ask(service, "POST", "/consent-forms", json=a_form(**proof)).status_code == 409
    assert ask(service, "POST", "/consent-forms", json=a_form(**proof | {"appointment_id": 10**9})).status_code == 404
    assert ask(service, "POST", "/consent-forms", json=a_form()).status_code == 201
    assert ask(service, "POST", "/consent-forms", json=a_form(accepts_terms=False)).status_code == 422


def test_nobody_signs_for_anothers_appointment(service: Service) -> None:
    """403 without the code of the booking, with another's, and for what was seeded without one; no form is kept."""
    mine, other = (
        ask(service, "POST", "/appointments", json=a_booking(open_day(7), time)).json() for time in ("10:00", "11:00")
    )
    before = service.rows("consent_forms")
    ((seeded,),) = service.query(
        "SELECT min(id) FROM appointments WHERE id NOT IN "
        "(SELECT appointment_id FROM consent_forms WHERE appointment_id IS NOT NULL)"
    )
    guesses: list[dict[str, Any]] = [
        {"appointment_id": mine["id"]},
        own(mine) | {"withdrawal_code": other["withdrawal_code"]},
        {"appointment_id": seeded, "withdrawal_code": ""},
    ]
    for guess in guesses:
        assert ask(service, "POST", "/consent-forms", json=a_form(**guess)).status_code == 403
    assert service.rows("consent_forms") == before
    assert ask(service, "POST", "/consent-forms", json=a_form(**own(mine))).status_code == 201


def test_every_treatment_fits_the_slot_that_it_takes(service: Service, tmp_path: Path) -> None:
    """Slots are half an hour apart, and no treatment lasts longer; the table refuses one that would."""
    slots = ask(service, "GET", f"/appointments/{open_day(8)}").json()["slots"]
    first, second = (datetime.strptime(slot["time"], "%H:%M").replace(tzinfo=UTC) for slot in slots[:2])
    treatments = ask(service, "GET", "/treatments").json()["items"]
    assert {timedelta(minutes=one["minutes"]) <= second - first for one in treatments} == {True}
    database = Database(f"sqlite:///{tmp_path / 'one.db'}")
    database.create(Base)
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(Treatment(slug="long", name="Long", minutes=75, price_cents=1))
    database.dispose()


def test_the_code_of_a_booking_withdraws_it_with_its_form(service: Service) -> None:
    """403 without the right code; with it appointment and form are gone, and a second time it is 404."""
    before = service.rows("appointments"), service.rows("consent_forms")
    made = ask(service, "POST", "/appointments", json=a_booking(open_day(4))).json()
    assert ask(service, "POST", "/consent-forms", json=a_form(**own(made))).status_code == 201
    path = f"/appointments/{made['id']}"
    assert ask(service, "DELETE", path).status_code == 403
    assert ask(service, "DELETE", path, headers={"Withdrawal-Code": "0" * 32}).status_code == 403
    code = {"Withdrawal-Code": made["withdrawal_code"]}
    assert ask(service, "DELETE", path, headers=code).status_code == 204
    assert ask(service, "DELETE", path, headers=code).status_code == 404
    assert (service.rows("appointments"), service.rows("consent_forms")) == before


def test_what_is_seeded_has_no_code(service: Service) -> None:
    """An appointment that came with the database is the salon's to delete, whatever code is sent."""
    for code in ("", "0" * 32):
        assert ask(service, "DELETE", "/appointments/1", headers={"Withdrawal-Code": code}).status_code == 403


@pytest.mark.parametrize(("method", "path"), BEHIND_LOGIN)
def test_the_salons_side_needs_a_login(service: Service, method: str, path: str) -> None:
    """401 without a token and with a forged one, before anything else is looked at."""
    forged = {"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmVk"}
    for headers in ({}, forged):
        answer = ask(service, method, path, headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(("method", "path"), BEHIND_LOGIN)
def test_staff_reads_and_the_admin_changes(service: Service, method: str, path: str) -> None:
    """The role staff gets 403 for changing and deleting, 200 for reading."""
    body = {"status": "confirmed"} if method == "PATCH" else None
    answer = ask(service, method, path, json=body, headers=token_headers(service, STAFF))
    assert answer.status_code == (200 if method == "GET" else 403)


def test_the_admin_deletes(service: Service) -> None:
    """204, then 404."""
    admin = token_headers(service, ADMIN)
    made = ask(service, "POST", "/appointments", json=a_booking(open_day(5))).json()["id"]
    path = f"/admin/appointments/{made}"
    assert ask(service, "GET", path, headers=admin).json()["date"] == open_day(5)
    assert ask(service, "DELETE", path, headers=admin).status_code == 204
    assert ask(service, "GET", path, headers=admin).status_code == 404


def test_a_failed_login_tells_nothing(service: Service) -> None:
    """A wrong password and an unknown user get the same answer, and no answer repeats what was sent."""
    secret = "not-the-right-one" * 20
    wrong = ask(service, "POST", "/admin/login", json={**ADMIN, "password": "not-the-right-one"})
    unknown = ask(service, "POST", "/admin/login", json={"username": "nobody", "password": "not-the-right-one"})
    assert (wrong.status_code, wrong.text) == (unknown.status_code, unknown.text)
    assert wrong.status_code == 401
    invalid = ask(service, "POST", "/admin/login", json={**ADMIN, "password": secret})
    assert invalid.status_code == 422
    assert "not-the-right-one" not in invalid.text


def test_lists_come_in_pages(service: Service) -> None:
    """Pages side by side are the whole list, without gaps or repeats; a page has at most 100."""
    admin = token_headers(service, ADMIN)

    def page(**query: Any) -> Any:
        return ask(service, "GET", "/admin/appointments", params=query, headers=admin)

    whole = page(limit=40).json()
    assert whole["total"] == service.rows("appointments")
    parts = [page(limit=20, offset=offset).json()["items"] for offset in (0, 20)]
    assert parts[0] + parts[1] == whole["items"]
    assert page(limit=101).status_code == 422
    confirmed = page(status="confirmed", limit=100).json()
    assert {item["status"] for item in confirmed["items"]} == {"confirmed"}
    assert confirmed["total"] == service.rows("appointments", "status = 'confirmed'")


def test_figures_of_the_salon_are_those_of_its_database(service: Service) -> None:
    """Counts and takings, added up independently."""
    figures = ask(service, "GET", "/admin/statistics", headers=token_headers(service, ADMIN)).json()
    ((cents,),) = service.query(
        "SELECT sum(price_cents) FROM appointments, treatments t WHERE t.id = treatment_id AND status = 'completed'"
    )
    assert sum(one["cents"] for one in figures["takings"]) == cents
    assert sum(figures["appointments"].values()) == service.rows("appointments")
    assert figures["consent_forms"] == service.rows("consent_forms")


def test_a_days_appointments_come_from_an_index(service: Service) -> None:
    """The queries by day and by status do not read the whole table."""
    for condition in ("day = '2026-01-01'", "status = 'pending' AND day > '2026-01-01'"):
        plan = service.query(f"EXPLAIN QUERY PLAN SELECT * FROM appointments WHERE {condition}")
        assert "USING INDEX appointments_by_" in plan[0][-1]
