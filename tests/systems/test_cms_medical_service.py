"""The clinic's API by itself: roles, ownership, conflicts, files, the dashboard's figures, the audit trail."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.systems import Service

from systems.cms_medical.service.app import create_app
from systems.kit.database import Database

PASSWORD = "password123"
ACCOUNTS = {"admin": "admin", "doctor": "doctor001", "patient": "patient0001"}
TIMEOUT_S = 60


class Client:
    """Somebody who is logged in."""

    def __init__(self, url: str, username: str, password: str = PASSWORD) -> None:
        self.url = url + "/api"
        answer = requests.post(
            f"{self.url}/auth/login", json={"username": username, "password": password}, timeout=TIMEOUT_S
        )
        assert answer.status_code == 200, answer.text
        self.who: Mapping[str, Any] = answer.json()
        self.headers = {"Authorization": f"Bearer {self.who['access_token']}"}

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request."""
        return requests.request(method, self.url + path, headers=self.headers, timeout=TIMEOUT_S, **options)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a GET that must work."""
        answer = self("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def make(self, path: str, **body: Any) -> Any:
        """The JSON of a POST that must create something."""
        answer = self("POST", path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with a database of this module's own."""
    with Service("cms_medical", tmp_path_factory.mktemp("cms")) as one:
        yield one


@pytest.fixture(scope="module")
def clients(service: Service) -> dict[str, Client]:
    """One of each role."""
    return {role: Client(service.url, username) for role, username in ACCOUNTS.items()}


@pytest.fixture
def admin(clients: dict[str, Client]) -> Client:
    """The administrator."""
    return clients["admin"]


@pytest.fixture
def doctor(clients: dict[str, Client]) -> Client:
    """Doctor 1."""
    return clients["doctor"]


@pytest.fixture
def patient(clients: dict[str, Client]) -> Client:
    """Patient 1."""
    return clients["patient"]


BOOKING = {"patient_id": 1, "doctor_id": 1, "starts_at": "2041-01-01T10:00:00Z", "reason": "x"}


def _user(name: str, **more: Any) -> dict[str, Any]:
    fields = {"username": name, "email": f"{name}@clinic.example", "full_name": "Somebody", "role": "patient"}
    return {**fields, "password": "a good one", **more}


def _patient(number: str) -> dict[str, Any]:
    fields = {"full_name": "Somebody", "record_number": number, "birth_date": "1980-02-29", "sex": "other"}
    return {**fields, "blood_type": "0+", "email": "a@clinic.example", "phone": "+34 600 1234"}


def test_login_says_who_it_is_and_refuses_wrong_passwords_and_unknown_names(service: Service, doctor: Client) -> None:
    """A right password gives a token and the ids behind it; a wrong one and an unknown name give the same 401."""
    assert {key: doctor.who[key] for key in ("role", "doctor_id", "patient_id")} == {
        "role": "doctor",
        "doctor_id": 1,
        "patient_id": None,
    }
    assert doctor.get("/auth/me")["username"] == "doctor001"
    answers = [
        requests.post(f"{service.url}/api/auth/login", json={"username": name, "password": "no"}, timeout=TIMEOUT_S)
        for name in ("admin", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


def test_no_token_and_a_forged_one_are_401(service: Service) -> None:
    """Without a token, and with one that this service did not sign, nothing is shown."""
    for headers in ({}, {"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"}):
        answer = requests.get(f"{service.url}/api/patients", headers=headers, timeout=TIMEOUT_S)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_refused_body_is_not_repeated(service: Service) -> None:
    """The answer to an invalid login names the field and does not hold the password that was sent."""
    body = {"username": "admin", "password": ["my secret"]}
    answer = requests.post(f"{service.url}/api/auth/login", json=body, timeout=TIMEOUT_S)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "password"]
    assert "my secret" not in answer.text


MAY = [
    ("GET", "/users", "admin"),
    ("POST", "/users", "admin"),
    ("GET", "/users/1", "admin"),
    ("PATCH", "/users/999999", "admin"),
    ("DELETE", "/users/999999", "admin"),
    ("GET", "/patients", "admin doctor"),
    ("POST", "/patients", "admin"),
    ("GET", "/patients/1", "admin doctor patient"),
    ("GET", "/patients/2", "admin doctor"),
    ("PUT", "/patients/1", "admin"),
    ("DELETE", "/patients/999999", "admin"),
    ("GET", "/doctors", "admin doctor patient"),
    ("POST", "/doctors", "admin"),
    ("DELETE", "/doctors/999999", "admin"),
    ("GET", "/appointments", "admin doctor patient"),
    ("GET", "/appointments?patient_id=2", "admin doctor"),
    ("GET", "/consultations?patient_id=2", "admin doctor"),
    ("POST", "/consultations", "admin doctor"),
    ("GET", "/episodes?patient_id=2", "admin doctor"),
    ("POST", "/episodes", "admin doctor"),
    ("GET", "/files/1/content", "admin doctor patient"),
    ("GET", "/files/2", "admin doctor"),
    ("GET", "/files/2/content", "admin doctor"),
    ("POST", "/files", "admin doctor"),
    ("GET", "/insurance-policies/1", "admin patient"),
    ("GET", "/insurance-policies/2", "admin"),
    ("GET", "/insurance-policies?patient_id=2", "admin"),
    ("GET", "/notifications", "admin doctor patient"),
    ("GET", "/specialties", "admin doctor patient"),
    ("POST", "/specialties", "admin"),
    ("GET", "/catalogs", "admin doctor patient"),
    ("GET", "/dashboard/kpis", "admin"),
    ("GET", "/dashboard/charts/appointments-by-day", "admin"),
    ("GET", "/audit-logs", "admin"),
]


@pytest.mark.parametrize(("method", "path", "roles"), MAY)
def test_each_role_gets_what_it_may_and_403_for_all_else(
    clients: dict[str, Client], method: str, path: str, roles: str
) -> None:
    """The table of permissions: 403 exactly for the roles that are not named (an empty body is 422 for the others)."""
    answers = {role: client(method, path).status_code for role, client in clients.items()}
    assert {role for role, status in answers.items() if status != 403} == set(roles.split()), answers
    assert max(answers.values()) < 500


def test_patients_see_only_their_own_rows_in_lists(patient: Client, service: Service) -> None:
    """Lists of a patient hold as many rows as the database has of that patient, and none of anybody else."""
    for path, table in {
        "/appointments": "appointments",
        "/consultations": "consultations",
        "/episodes": "episodes",
        "/files": "files",
        "/insurance-policies": "insurance_policies",
    }.items():
        page = patient.get(path, limit=100)
        assert page["total"] == len(page["items"]) == service.rows(table, "patient_id = 1")
    user_id = patient.who["user_id"]
    assert patient.get("/notifications")["total"] == service.rows("notifications", f"user_id = {user_id}")


def test_doctors_touch_only_their_own_appointments_and_episodes(service: Service, doctor: Client) -> None:
    """Another doctor's appointment is not shown, another's episode not changed, nobody books for a colleague."""
    ((appointment,),) = service.query("SELECT id FROM appointments WHERE doctor_id = 2 ORDER BY id LIMIT 1")
    ((episode,),) = service.query("SELECT id FROM episodes WHERE doctor_id = 2 ORDER BY id LIMIT 1")
    for method, path in (
        ("GET", f"/appointments/{appointment}"),
        ("PATCH", f"/appointments/{appointment}"),
        ("DELETE", f"/appointments/{appointment}"),
        ("PATCH", f"/episodes/{episode}"),
        ("DELETE", f"/episodes/{episode}"),
    ):
        assert doctor(method, path, json={"status": "completed"} if "app" in path else {}).status_code == 403
    booking = {"doctor_id": 2, "patient_id": 1, "starts_at": "2041-01-01T10:00:00Z", "reason": "x"}
    assert doctor("POST", "/appointments", json=booking).status_code == 403


def test_the_life_of_an_account(admin: Client, service: Service) -> None:
    """Created, refused twice, switched off (its token too), on again, deleted with its token, and then gone."""
    user_id = admin.make("/users", **_user("first.one"))["id"]
    assert admin("POST", "/users", json=_user("first.one")).status_code == 409
    assert "password" not in admin("GET", f"/users/{user_id}").text
    them = Client(service.url, "first.one", "a good one")
    assert admin("PATCH", f"/users/{user_id}", json={"is_active": False}).json()["is_active"] is False
    assert them("GET", "/auth/me").status_code == 401
    login = {"username": "first.one", "password": "a good one"}
    assert requests.post(f"{service.url}/api/auth/login", json=login, timeout=TIMEOUT_S).status_code == 401
    assert admin("PATCH", f"/users/{user_id}", json={"is_active": True}).status_code == 200
    assert them("GET", "/auth/me").status_code == 200
    assert admin("DELETE", f"/users/{user_id}").status_code == 204
    assert them("GET", "/auth/me").status_code == 401
    assert admin("DELETE", f"/users/{user_id}").status_code == 404


def test_administrators_do_not_lock_themselves_out(admin: Client, service: Service) -> None:
    """409 for deleting and for switching off one's own account; another administrator may do both."""
    own = f"/users/{admin.make('/users', **_user('second.boss', role='admin'))['id']}"
    boss = Client(service.url, "second.boss", "a good one")
    assert boss("DELETE", own).status_code == 409
    assert boss("PATCH", own, json={"is_active": False}).status_code == 409
    assert boss("PATCH", own, json={"is_active": True}).status_code == 200
    assert boss("GET", "/auth/me").status_code == 200
    assert admin("PATCH", own, json={"is_active": False}).status_code == 200
    assert admin("DELETE", own).status_code == 204


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/users", _user("x"), 422),
        ("/users", _user("shorty", password="short"), 422),
        ("/users", _user("surplus", more=1), 422),
        ("/users", _user("elsewhere", email="nowhere"), 422),
        ("/patients", {**_patient("P-1"), "birth_date": "1981-02-29"}, 422),
        ("/patients", {**_patient("P-1"), "blood_type": "C"}, 422),
        ("/patients", _patient("MRN-000001"), 409),
        ("/specialties", {"name": "Cardiology"}, 409),
        ("/appointments", {"patient_id": 1, "starts_at": "2041-01-01T10:00:00Z", "reason": "x"}, 422),
        ("/appointments", {"patient_id": 1, "doctor_id": 1, "starts_at": "2041-01-01T10:00:00", "reason": "x"}, 422),
        ("/appointments", {**BOOKING, "patient_id": 10**9}, 404),
        ("/appointments", {**BOOKING, "patient_id": 0}, 422),
        ("/appointments", {**BOOKING, "starts_at": "2041-01-01T10:01:00Z"}, 422),
        ("/appointments", {**BOOKING, "starts_at": "2041-01-01T10:00:30Z"}, 422),
        ("/appointments", {**BOOKING, "starts_at": "1900-01-01T10:00:00Z"}, 422),
        ("/appointments", {**BOOKING, "starts_at": "0001-01-01T00:00:00+14:00"}, 422),
        ("/appointments", {**BOOKING, "starts_at": "9999-12-31T23:45:00-14:00"}, 422),
        ("/appointments", {**BOOKING, "reason": "  "}, 422),
        ("/users", _user("blanks", full_name=" \t"), 422),
        ("/patients", {**_patient("P-1"), "birth_date": "2999-01-01"}, 422),
        ("/patients", {**_patient("P-1"), "full_name": "   "}, 422),
        ("/patients", {**_patient("P-1"), "record_number": "     "}, 422),
        ("/specialties", {"name": " "}, 422),
    ],
)
def test_what_cannot_be_created_is_refused_with_its_status(
    admin: Client, path: str, body: dict[str, Any], status: int
) -> None:
    """Invalid fields are 422, what exists already 409, what is referred to and does not exist 404."""
    assert admin("POST", path, json=body).status_code == status


def test_people_with_medical_records_stay(admin: Client) -> None:
    """A patient or doctor with records is not deleted; one without is changed and deleted."""
    assert admin("DELETE", "/patients/1").status_code == 409
    assert admin("DELETE", "/doctors/1").status_code == 409
    assert admin("DELETE", "/specialties/1").status_code == 409
    row = admin.make("/patients", **_patient("P-100"))
    changed = admin("PUT", f"/patients/{row['id']}", json={**_patient("P-100"), "full_name": "Somebody Else"})
    assert changed.json()["full_name"] == "Somebody Else"
    assert admin("DELETE", f"/patients/{row['id']}").status_code == 204


def test_a_slot_is_booked_once_also_at_the_same_moment(doctor: Client, service: Service) -> None:
    """Of eight bookings of one slot sent together, one is made, and the others are 409."""
    together = threading.Barrier(8)
    statuses: list[int] = []

    def book() -> None:
        together.wait()
        booking = {"patient_id": 1, "starts_at": "2041-05-01T10:00:00+02:00", "reason": "x"}
        statuses.append(doctor("POST", "/appointments", json=booking).status_code)

    threads = [threading.Thread(target=book) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(statuses) == [201] + [409] * 7
    assert service.rows("appointments", "starts_at = '2041-05-01 08:00:00.000000'") == 1


def test_an_appointment_notifies_its_patient_and_takes_the_notification_along(
    doctor: Client, patient: Client, service: Service
) -> None:
    """The patient hears of a booking, reads it, can cancel but not complete it; deleting it deletes the message."""
    before = patient.get("/notifications")
    booked = doctor.make("/appointments", patient_id=1, starts_at="2041-06-01T10:00:00Z", reason="Check-up")
    after = patient.get("/notifications", unread=True)
    assert after["unread"] == before["unread"] + 1
    message = after["items"][0]
    assert "01 June 2041 at 10:00" in message["text"]
    assert doctor("POST", f"/notifications/{message['id']}/read").status_code == 404
    assert patient("POST", f"/notifications/{message['id']}/read").status_code == 204
    assert patient.get("/notifications")["unread"] == before["unread"]
    path = f"/appointments/{booked['id']}"
    assert patient("PATCH", path, json={"status": "completed"}).status_code == 403
    assert patient("PATCH", path, json={"status": "cancelled"}).json()["status"] == "cancelled"
    assert doctor("DELETE", path).status_code == 204
    assert patient.get("/notifications")["total"] == before["total"]


def test_the_life_of_an_episode_and_a_consultation(doctor: Client, admin: Client) -> None:
    """A doctor writes and closes; an administrator who is no doctor writes no medical records."""
    new = {"patient_id": 3, "title": "Cold", "summary": "Began today."}
    episode = doctor.make("/episodes", **new)
    assert (episode["status"], episode["closed_on"], episode["doctor_id"]) == ("open", None, 1)
    closed = doctor("PATCH", f"/episodes/{episode['id']}", json={"status": "closed"}).json()
    assert (closed["status"], closed["summary"], bool(closed["closed_on"])) == ("closed", "Began today.", True)
    assert admin("POST", "/episodes", json=new).status_code == 403
    found = doctor.make("/consultations", patient_id=3, diagnosis_code="J06", notes="Rest.")
    assert doctor.get(f"/consultations/{found['id']}")["patient"]["id"] == 3
    for path in (f"/episodes/{episode['id']}", f"/consultations/{found['id']}"):
        assert doctor("DELETE", path).status_code == 204
        assert doctor("GET", path).status_code == 404


def test_files_come_back_as_they_were_sent(doctor: Client, admin: Client) -> None:
    """Bytes, type, size and digest survive; files too large or of another type are refused."""
    content = bytes(range(256)) * 40
    sent = {"file": ("scan.png", content, "image/png")}
    row = doctor("POST", "/files", data={"patient_id": 4}, files=sent).json()
    assert (row["size_bytes"], row["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    back = admin("GET", f"/files/{row['id']}/content")
    assert (back.content, back.headers["content-type"]) == (content, "image/png")
    for name, body, kind, status in (
        ("big.txt", b"x" * (1024 * 1024 + 1), "text/plain", 413),
        ("run.exe", b"x", "application/octet-stream", 415),
    ):
        refused = doctor("POST", "/files", data={"patient_id": 4}, files={"file": (name, body, kind)})
        assert refused.status_code == status
    assert doctor("POST", "/files", data={"patient_id": 10**9}, files=sent).status_code == 404
    nul = {"file": ("a\x01b.txt", b"x", "text/plain")}
    assert doctor("POST", "/files", data={"patient_id": 4}, files=nul).status_code == 422
    assert doctor("DELETE", f"/files/{row['id']}").status_code == 204
    assert doctor("GET", f"/files/{row['id']}/content").status_code == 404


def test_the_dashboard_counts_what_the_database_has(admin: Client, service: Service) -> None:
    """KPIs and charts equal counts made from outside."""
    kpis = admin.get("/dashboard/kpis")
    assert kpis["patients"] == service.rows("patients")
    assert kpis["doctors"] == service.rows("doctors")
    assert kpis["open_episodes"] == service.rows("episodes", "status = 'open'")
    assert kpis["files"] == service.rows("files")
    decades: dict[str, int] = {}
    for (born,) in service.query("SELECT birth_date FROM patients"):
        decades[f"{str(born)[:3]}0"] = decades.get(f"{str(born)[:3]}0", 0) + 1
    points = admin.get("/dashboard/charts/patients-by-decade")["points"]
    assert {point["label"]: point["value"] for point in points} == decades
    points = admin.get("/dashboard/charts/consultations-by-specialty")["points"]
    assert sum(point["value"] for point in points) == service.rows("consultations")
    assert len(admin.get("/dashboard/charts/appointments-by-day")["points"]) > 20
    assert admin("GET", "/dashboard/charts/nothing").status_code == 422


def test_changes_leave_a_trail_and_erasing_removes_it(admin: Client, doctor: Client, service: Service) -> None:
    """Create, update and delete are told with who did them; erase removes a record with its trail, once."""
    row = admin.make("/patients", **_patient("P-200"))
    about = {"entity": "patient"}
    admin("PUT", f"/patients/{row['id']}", json=_patient("P-200"))
    admin("DELETE", f"/patients/{row['id']}")
    trail = [one for one in admin.get("/audit-logs", **about)["items"] if one["entity_id"] == row["id"]]
    assert [(one["action"], one["actor"]) for one in trail] == [
        ("delete", "admin"),
        ("update", "admin"),
        ("create", "admin"),
    ]
    assert admin("DELETE", f"/patients/{row['id']}?erase=true").status_code == 204
    assert service.rows("audit_logs", f"entity = 'patient' AND entity_id = {row['id']}") == 0
    assert admin("DELETE", f"/patients/{row['id']}?erase=true").status_code == 404
    episode = doctor.make("/episodes", patient_id=3, title="Cold", summary="x")
    assert doctor("DELETE", f"/episodes/{episode['id']}?erase=true").status_code == 204
    assert service.rows("audit_logs", f"entity = 'episode' AND entity_id = {episode['id']}") == 0


def _trail(admin: Client, entity: str, entity_id: int) -> list[tuple[str, str]]:
    lines = [
        one for one in admin.get("/audit-logs", entity=entity, limit=100)["items"] if one["entity_id"] == entity_id
    ]
    return [(one["action"], one["actor"]) for one in lines]


def test_only_administrators_erase_what_others_have_touched(admin: Client, doctor: Client, service: Service) -> None:
    """403, and record and trail stay whole, whether the record is still there or not; an ordinary delete works."""
    there, gone = (doctor.make("/episodes", patient_id=3, title="Cold", summary="x")["id"] for _ in range(2))
    admin("PATCH", f"/episodes/{there}", json={"summary": "y"})
    admin("DELETE", f"/episodes/{gone}")
    for episode in (there, gone):
        before = _trail(admin, "episode", episode)
        assert len(before) == 2
        assert doctor("DELETE", f"/episodes/{episode}?erase=true").status_code == 403
        assert _trail(admin, "episode", episode) == before
    assert doctor("GET", f"/episodes/{there}").status_code == 200
    assert doctor("DELETE", f"/episodes/{there}").status_code == 204
    for episode in (there, gone):
        assert admin("DELETE", f"/episodes/{episode}?erase=true").status_code == 204
        assert _trail(admin, "episode", episode) == []


def test_what_came_with_the_database_is_not_erased_by_a_doctor(doctor: Client, service: Service) -> None:
    """No trail says who made it, so deleting it has to leave one."""
    ((episode,),) = service.query("SELECT id FROM episodes WHERE doctor_id = 1 ORDER BY id LIMIT 1")
    assert doctor("DELETE", f"/episodes/{episode}?erase=true").status_code == 403
    assert doctor("GET", f"/episodes/{episode}").status_code == 200


def test_what_is_typed_loses_the_blanks_around_it(admin: Client) -> None:
    """In names as elsewhere."""
    row = admin.make("/patients", **{**_patient(" P-300 "), "full_name": "  Ana Blank "})
    assert (row["full_name"], row["record_number"]) == ("Ana Blank", "P-300")
    assert admin("DELETE", f"/patients/{row['id']}?erase=true").status_code == 204


SORTED_BY_INDEX = [
    ("SELECT * FROM episodes ORDER BY opened_on DESC, id DESC LIMIT 20", "ix_episodes_at"),
    ("SELECT count(*) FROM episodes WHERE status = 'open'", "ix_episodes_status"),
    ("SELECT * FROM consultations ORDER BY held_at DESC, id DESC LIMIT 20", "ix_consultations_at"),
    ("SELECT count(*) FROM consultations WHERE held_at >= '2040-01-01'", "ix_consultations_at"),
    ("SELECT * FROM insurance_policies ORDER BY valid_to DESC, id DESC LIMIT 20", "ix_insurance_policies_to"),
]


@pytest.mark.parametrize(("query", "index"), SORTED_BY_INDEX)
def test_lists_come_from_an_index(service: Service, query: str, index: str) -> None:
    """The first page of a list sorts no table, and what is counted is not looked for in all of it."""
    plan = " ".join(row[-1] for row in service.query(f"EXPLAIN QUERY PLAN {query}"))
    assert index in plan
    assert "TEMP B-TREE" not in plan


def test_catalogs_and_searches(doctor: Client) -> None:
    """A catalog has its entries, an unknown one is 404; a search is by the beginning of the name, without wildcards."""
    names = {one["name"]: one["entries"] for one in doctor.get("/catalogs")["items"]}
    assert doctor.get("/catalogs/diagnoses")["total"] == names["diagnoses"] == 10
    assert doctor("GET", "/catalogs/nothing").status_code == 404
    found = doctor.get("/patients", search="Ana", limit=100)
    assert found["total"] > 0
    assert all(one["full_name"].startswith("Ana") for one in found["items"])
    assert doctor.get("/patients", search="%")["total"] == 0


def test_every_new_database_holds_the_same_clinic_and_a_filled_one_is_left_alone(tmp_path: Path) -> None:
    """Two new databases have equal rows but for the salted hash; starting again on one adds nothing."""
    clinics = []
    for name in ("one", "two", "one"):
        database = Database(f"sqlite:///{tmp_path / name}.db")
        create_app(database)
        with database.engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT u.username, u.full_name, p.record_number, f.sha256, (SELECT count(*) FROM appointments) "
                "FROM users u LEFT JOIN patients p ON p.user_id = u.id LEFT JOIN files f ON f.patient_id = p.id"
            ).all()
        database.dispose()
        clinics.append(rows)
    assert len(clinics[0]) == 651
    assert clinics[0] == clinics[1] == clinics[2]
