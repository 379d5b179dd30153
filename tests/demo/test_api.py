"""The booking service's contract, endpoint by endpoint, without a socket."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadworthy.demo.api import Api, Request, Response
from loadworthy.demo.auth import TOKEN_LIFE_S
from loadworthy.demo.seed import ACCOUNTS, PRACTITIONERS, TIMES
from loadworthy.demo.store import Store
from loadworthy.testing import FakeClock
from loadworthy.units import US_PER_S

DAY = "2030-05-17"


class Client:
    """Speaks JSON with an Api."""

    def __init__(self, path: Path) -> None:
        self.clock = FakeClock()
        self.store = Store(path)
        self.api = Api(self.store, self.clock)
        self.token = ""

    def ask(self, method: str, target: str, body: Any = None) -> tuple[int, Any]:
        response = self.raw(method, target, b"" if body is None else json.dumps(body).encode())
        return response.status, json.loads(response.body)

    def raw(self, method: str, target: str, body: bytes = b"") -> Response:
        authorization = f"Bearer {self.token}" if self.token else ""
        return self.api.handle(Request(method, target, authorization, body))

    def log_in(self, role: str) -> None:
        email, password = next((e, p) for e, p, r in ACCOUNTS if r == role)
        status, answer = self.ask("POST", "/login", {"email": email, "password": password})
        assert (status, answer["role"]) == (200, role)
        self.token = answer["token"]

    def free_slot(self, day: str = DAY) -> dict[str, Any]:
        return {"date": day, **self.ask("GET", f"/appointments/{day}")[1]["free"][0]}

    def book(self, **changes: Any) -> tuple[int, Any]:
        booking = {**self.free_slot(), "service": "check-up", "name": "Ada", "email": "ada@mail.example", **changes}
        return self.ask("POST", "/appointments", {k: v for k, v in booking.items() if v is not None})


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    client = Client(tmp_path / "practice.sqlite")
    yield client
    client.store.close()


def test_health_tells_the_calendar(client: Client) -> None:
    """A load generator can find out which days there are."""
    assert client.ask("GET", "/health") == (200, {"status": "ok", "calendar": {"first_day": "2030-01-01", "days": 365}})


def test_a_day_lists_its_free_slots_and_a_booked_one_is_gone(client: Client) -> None:
    """Free and taken slots together are the whole day."""
    status, before = client.ask("GET", f"/appointments/{DAY}")
    assert (status, before["date"], before["free_total"]) == (200, DAY, len(before["free"]))
    taken = client.ask("GET", f"/appointments?date={DAY}&per_page=100")[1]["appointments"]
    held = [a for a in taken if a["status"] != "cancelled"]
    assert len(before["free"]) + len(held) == len(TIMES) * len(PRACTITIONERS)
    assert client.book()[0] == 201
    assert client.ask("GET", f"/appointments/{DAY}")[1]["free"] == before["free"][1:]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/appointments/2030-02-30", 422),
        ("/appointments/2031-01-01", 404),
        ("/appointments/2029-12-31", 404),
        ("/appointments/2030-12-31", 200),
        ("/appointments/tomorrow", 404),
        ("/appointments/1/status", 200),
        ("/appointments/999999999/status", 404),
        ("/appointments", 422),
        ("/appointments?date=nonsense", 422),
        ("/appointments?date=2030-05-17&page=0", 422),
        ("/appointments?date=2030-05-17&page=1&per_page=101", 422),
        ("/appointments?date=2030-05-17&page=-1", 422),
        ("/appointments?date=2030-05-17&page=99999", 200),
        ("/", 404),
        ("/admin/appointments/x", 404),
    ],
)
def test_get_answers_with_the_right_status(client: Client, path: str, status: int) -> None:
    """Unknown is 404, invalid is 422, and every error says what it is in JSON."""
    got, answer = client.ask("GET", path)
    assert got == status
    assert ("error" in answer) is (status >= 400)


def test_pages_cover_a_day_without_overlap(client: Client) -> None:
    """All pages together are all appointments, in order, each once, and nobody's name is in them."""
    total = client.ask("GET", f"/appointments?date={DAY}")[1]["total"]
    seen: list[dict[str, Any]] = []
    for page in range(1, total // 5 + 2):
        answer = client.ask("GET", f"/appointments?date={DAY}&page={page}&per_page=5")[1]
        assert (answer["page"], answer["per_page"], answer["total"]) == (page, 5, total)
        seen += answer["appointments"]
    assert len({row["id"] for row in seen}) == len(seen) == total > 5
    assert seen == sorted(seen, key=lambda row: (row["time"], row["id"]))
    assert set(seen[0]) == {"id", "time", "practitioner", "service", "status"}


def test_a_booking_is_pending_and_can_be_followed(client: Client) -> None:
    """201 with a Location, and the status under it."""
    booking = {**client.free_slot(), "service": "check-up", "name": "Ada", "email": "ada@mail.example"}
    response = client.raw("POST", "/appointments", json.dumps(booking).encode())
    made = json.loads(response.body)
    assert (response.status, made["status"], made["date"]) == (201, "pending", DAY)
    assert response.headers == (("Location", f"/appointments/{made['id']}/status"),)
    expected = {"id": made["id"], "status": "pending", "date": DAY, "time": booking["time"]}
    assert client.ask("GET", response.headers[0][1]) == (200, expected)


def test_a_slot_is_booked_once(client: Client) -> None:
    """The second gets 409 and the number of the appointment that has the slot."""
    slot = client.free_slot()
    first, made = client.book(**slot)
    second, refused = client.book(**slot)
    assert (first, second, refused["id"]) == (201, 409, made["id"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "  "}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"email": "nobody"}, "email"),
        ({"date": "2030-13-01"}, "date"),
        ({"date": "2031-01-01"}, "date"),
        ({"date": "20300517"}, "date"),
        ({"time": "09:10"}, "time"),
        ({"practitioner": "Dr. Who"}, "practitioner"),
        ({"practitioner": ["x"]}, "practitioner"),
        ({"service": "haircut"}, "service"),
        ({"phone": 1}, "phone"),
    ],
)
def test_an_invalid_booking_names_the_field(client: Client, change: dict[str, Any], field: str) -> None:
    """422, and nothing is written."""
    before = client.ask("GET", f"/appointments?date={DAY}")[1]["total"]
    status, answer = client.book(**change)
    assert (status, list(answer["fields"])) == (422, [field])
    assert client.ask("GET", f"/appointments?date={DAY}")[1]["total"] == before


def test_all_invalid_fields_are_told_at_once(client: Client) -> None:
    """An empty booking lacks six things."""
    status, answer = client.ask("POST", "/appointments", {})
    assert status == 422
    assert sorted(answer["fields"]) == ["date", "email", "name", "practitioner", "service", "time"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"text"', b"[" * 10_000])
def test_what_is_no_json_object_is_400(client: Client, body: bytes) -> None:
    """Also when the JSON is as deep as the parser's stack."""
    assert client.raw("POST", "/appointments", body).status == 400


def test_a_consent_belongs_to_an_appointment(client: Client) -> None:
    """201, or 422 with the field that is wrong."""
    consent = {"appointment_id": 1, "name": "Ada", "kind": "treatment"}
    status, answer = client.ask("POST", "/consents", consent)
    assert (status, answer["appointment_id"]) == (201, 1)
    for change in ({"appointment_id": 999_999_999}, {"appointment_id": True}, {"appointment_id": "1"}):
        status, answer = client.ask("POST", "/consents", {**consent, **change})
        assert (status, list(answer["fields"])) == (422, ["appointment_id"])
    assert list(client.ask("POST", "/consents", {**consent, "kind": "x"})[1]["fields"]) == ["kind"]


def test_login_does_not_tell_which_of_the_two_is_wrong(client: Client) -> None:
    """An unknown address and a wrong password are answered alike."""
    email = ACCOUNTS[0][0]
    wrong = client.ask("POST", "/login", {"email": email, "password": "guess"})
    unknown = client.ask("POST", "/login", {"email": "x@mail.example", "password": "guess"})
    assert wrong == unknown
    assert wrong[0] == 401
    assert client.ask("POST", "/login", {"email": email})[0] == 422


ADMIN = [("GET", "/admin/appointments", None), ("PATCH", "/admin/appointments/1", {"status": "confirmed"})]


@pytest.mark.parametrize(("method", "path", "body"), ADMIN)
def test_administration_is_for_administrators(client: Client, method: str, path: str, body: Any) -> None:
    """401 without a token, with a made-up one and with one that is too old; 403 for a patient; 200 for an admin."""
    assert client.ask(method, path, body)[0] == 401
    client.token = "made-up"
    assert client.ask(method, path, body)[0] == 401
    client.log_in("patient")
    assert client.ask(method, path, body)[0] == 403
    client.log_in("admin")
    assert client.ask(method, path, body)[0] == 200
    client.clock.advance(TOKEN_LIFE_S * US_PER_S)
    assert client.ask(method, path, body)[0] == 401


def test_the_admin_lists_newest_first_and_by_status(client: Client) -> None:
    """With names, for an admin may see them."""
    client.log_in("admin")
    everything = client.ask("GET", "/admin/appointments")[1]
    ids = [row["id"] for row in everything["appointments"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 20
    totals = [
        client.ask("GET", f"/admin/appointments?status={status}")[1]["total"]
        for status in ("pending", "confirmed", "cancelled")
    ]
    assert sum(totals) == everything["total"]
    assert "email" in everything["appointments"][0]
    assert client.ask("GET", "/admin/appointments?status=lost")[0] == 422


def test_a_cancelled_slot_is_free_again_but_its_appointment_does_not_come_back(client: Client) -> None:
    """Otherwise the slot would have two appointments."""
    client.log_in("admin")
    slot = client.free_slot()
    number = client.book(**slot)[1]["id"]
    path = f"/admin/appointments/{number}"
    assert client.ask("PATCH", path, {"status": "confirmed"})[1]["status"] == "confirmed"
    assert client.ask("PATCH", path, {"status": "cancelled"})[0] == 200
    assert client.free_slot() == slot
    assert client.book(**slot)[0] == 201
    assert client.ask("PATCH", path, {"status": "confirmed"})[0] == 409
    assert client.ask("PATCH", path, {"status": "cancelled"})[0] == 200
    assert client.ask("PATCH", path, {"status": "pending"})[0] == 422
    assert client.ask("PATCH", "/admin/appointments/999999999", {"status": "confirmed"})[0] == 404


def test_a_wrong_method_is_405_and_tells_the_right_ones(client: Client) -> None:
    """HEAD goes where GET goes."""
    response = client.raw("DELETE", "/appointments")
    assert (response.status, response.headers) == (405, (("Allow", "GET, POST"),))
    assert client.raw("HEAD", "/health").status == 200


def test_metrics_count_by_route_and_status(client: Client) -> None:
    """The path is counted under its pattern, so the number of series has a bound."""
    for number in range(3):
        client.raw("GET", f"/appointments/{number}/status")
        client.raw("GET", f"/nowhere/{number}")
    text = client.raw("GET", "/metrics").body.decode()
    assert 'http_requests_total{method="GET",route="/appointments/{id}/status",status="200"} 2' in text
    assert 'http_requests_total{method="GET",route="/appointments/{id}/status",status="404"} 1' in text
    assert 'http_requests_total{method="GET",route="(unknown)",status="404"} 3' in text
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes"):
        value = next(line.split()[1] for line in text.splitlines() if line.startswith(name))
        assert float(value) > 0
    for line in text.splitlines():
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2


def test_the_database_outlives_the_service(client: Client, tmp_path: Path) -> None:
    """A booking is there when the file is opened again, and it is not filled a second time."""
    number = client.book()[1]["id"]
    total = client.store.appointments(None, 1, 0)[1]
    again = Store(tmp_path / "practice.sqlite")
    try:
        row = again.appointment(number)
        assert row is not None
        assert row["name"] == "Ada"
        assert again.appointments(None, 1, 0)[1] == total
    finally:
        again.close()
