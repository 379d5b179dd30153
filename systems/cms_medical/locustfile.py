"""Load for the clinic's API: administrators, doctors and patients, 1 : 3 : 6.

Each task sends one request, so the shares of the requests are the weights of the tasks. What tasks need to know
beforehand is asked once, when a user starts. Some tasks ask for what their role must not have: they expect 403, and are
failures when the service answers anything else. What users create is removed at the end, unless ``--keep-data``.
"""

from __future__ import annotations

import random
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from locust import between, task
from locust.env import Environment

from loadworthy.page import live_page
from loadworthy.users import HttpUser
from loadworthy.users.cleanup import clean_up_after, created
from loadworthy.users.http import Response
from loadworthy.users.http.errors import AttemptError
from loadworthy.users.preflight import require_target

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cms_accounts import DOCTORS, HOST, PASSWORD, PATIENTS, USERNAME, WAIT_S, next_number

OK, CREATED, DELETED, UNAUTHORIZED, FORBIDDEN = 200, 201, 204, 401, 403
REFUSED = " (403)"
"""Ends the name of a series whose requests must be refused."""
SET_UP = " (set-up)"
"""Ends the name of a series of requests that users send once, before their tasks."""
CHARTS = ("appointments-by-day", "consultations-by-specialty", "patients-by-decade")
CATALOGS = ("blood-types", "diagnoses", "document-types", "insurers")
DIAGNOSES = ("I10", "E11", "J45", "M54", "F32", "L20", "G43", "K21", "J06", "N39")
RECORD_PREFIX = "LT"
FILE_NAME = "load.txt"
SLOT = timedelta(minutes=15)
SLOTS = 10 * 365 * 24 * 4
SECRET: dict[str, Any] = {"stream": True}
"""Option of requests that carry a password: failures keep nothing of a streamed answer, which may repeat it."""
FIRST_SLOT = datetime(2040, 1, 1, tzinfo=UTC)
"""Far from the clinic's own appointments."""


require_target()
clean_up_after()
live_page(plan=Path(__file__).with_name("levels.yaml"), scenario="medium")


def unique(prefix: str) -> str:
    """A text that no other user, process or run has."""
    return f"{prefix}-{uuid.uuid4().hex[:20]}"


def is_made_by_a_load_test(row: dict[str, Any]) -> bool:
    """Whether this patient or file is one that users of this suite create, in this run or another."""
    return str(row.get("record_number")).startswith(RECORD_PREFIX) or row.get("name") == FILE_NAME


def answer_of(response: Response, expect: int) -> Any:
    """Judge a response by its status: the JSON that it holds (True for none), or None where it is a failure."""
    status = response.status_code
    if status == expect:
        response.success()
        try:
            has_json = status != DELETED and "json" in response.headers.get("content-type", "")
            return response.json() if has_json else True
        except (ValueError, AttemptError) as error:
            response.failure(error)
    elif expect == FORBIDDEN and status:
        response.failure(f"must be refused with {FORBIDDEN}, got {status}")
    elif response.ok:
        response.failure(f"expected {expect}, got {status}")
    return None


class CMSUser(HttpUser):
    """Somebody who is logged in."""

    abstract = True
    host = HOST
    wait_time = between(1, 3)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.logged_in = False
        self.doctor_id = 0
        self.patient_id = 0
        if WAIT_S is not None:
            self.wait_time = lambda: random.uniform(*WAIT_S)  # type: ignore[method-assign]  # for this user
        self.login_data: dict[str, str] = {}

    def account(self) -> str:
        """The username of this user."""
        raise NotImplementedError

    def prepare(self) -> bool:
        """Ask for what the tasks need to know; whether that was answered."""
        return True

    def on_start(self) -> None:
        """Log in, and try again after a pause where that fails: nothing else can be done without."""
        login_data = {
            "username": self.account(),
            "password": PASSWORD,
        }
        self.login_data = login_data
        while not (self.log_in() and self.prepare()):
            self.wait()  # type: ignore[no-untyped-call]  # Locust's, which a stop can end

    def log_in(self) -> bool:
        """Get a token and send it from now on; whether that worked."""
        with self.client.post("/api/auth/login", json=self.login_data, catch_response=True, **SECRET) as response:
            answer = answer_of(response, OK)
            self.logged_in = isinstance(answer, dict) and bool(answer.get("access_token"))
            if self.logged_in:
                self.client.headers["Authorization"] = f"Bearer {answer['access_token']}"
                self.doctor_id, self.patient_id = answer["doctor_id"] or 0, answer["patient_id"] or 0
            elif answer is not None:
                response.failure("the answer to the login has no access_token")
        return self.logged_in

    def fetch(self, method: str, path: str, *, name: str | None = None, expect: int = OK, **options: Any) -> Any:
        """Send one request; what it answers, or None where that is not what was expected.

        Where the token has become worthless in the meantime, a login takes the place of the request.
        """
        if not self.logged_in and not self.log_in():
            return None
        with self.client.request(method, path, name=name or path, catch_response=True, **options) as response:
            if response.status_code == UNAUTHORIZED:
                self.logged_in = False
            return answer_of(response, expect)

    def list(self, path: str, *, name: str | None = None, **query: Any) -> Any:
        """A page of a list: its items, or None."""
        page = self.fetch("GET", path, name=name, params=query)
        return None if page is None else page["items"]

    def look_up(self, path: str, among: int = 1) -> Any:
        """Part of a list of ``among`` entries, from anywhere in it, as knowledge for later tasks.

        What users of a load test created is left out, another run's as well: it may be gone when a task wants it.
        """
        rows = self.list(path, name=path + SET_UP, limit=50, offset=random.randrange(max(among - 50, 1)))
        return [row for row in rows or () if not is_made_by_a_load_test(row)]

    def create(self, path: str, **options: Any) -> int | None:
        """Create something and remember to erase it; its id."""
        row = self.fetch("POST", path, expect=CREATED, **options)
        if row is None:
            return None
        row_id: int = row["id"]
        created(self, "DELETE", f"{path}/{row_id}", params={"erase": "true"})
        return row_id

    def must_be_refused(self, method: str, path: str, *, name: str | None = None, **options: Any) -> None:
        """Ask for what this role must not have."""
        self.fetch(method, path, name=(name or path) + REFUSED, expect=FORBIDDEN, **options)


class OwnRecord:
    """Something that a user creates, changes and deletes, and creates again: one request a step."""

    def __init__(self, user: CMSUser, path: str, method: str) -> None:
        self._user = user
        self._path = path
        self._method = method
        self._id: int | None = None
        self._changed = False

    def step(self, new: dict[str, Any], change: dict[str, Any], **options: Any) -> None:
        """The next step; one that failed is tried again."""
        if self._id is None:
            self._id, self._changed = self._user.create(self._path, json=new, **options), False
            return
        path, name = f"{self._path}/{self._id}", f"{self._path}/[id]"
        if not self._changed:
            self._changed = self._user.fetch(self._method, path, name=name, json=change) is not None
        elif self._user.fetch("DELETE", path, name=name, expect=DELETED) is not None:
            self._id = None


class AdminUser(CMSUser):
    """10 % of the users: accounts, people, dashboard, audit trail, catalogs and files."""

    weight = 1

    def account(self) -> str:
        """All administrators share one account."""
        return USERNAME

    def prepare(self) -> bool:
        """Patients to whom files can be added, and specialties for new doctors."""
        self.patients = self.look_up("/api/patients", PATIENTS)
        self.specialties = self.look_up("/api/specialties")
        self.user_record = OwnRecord(self, "/api/users", "PATCH")
        self.patient_record = OwnRecord(self, "/api/patients", "PUT")
        self.doctor_record = OwnRecord(self, "/api/doctors", "PUT")
        return bool(self.patients and self.specialties)

    @task(5)
    def list_users(self) -> None:
        """A page of accounts."""
        self.list("/api/users", limit=20, offset=random.randrange(DOCTORS))

    @task(4)
    def list_patients(self) -> None:
        """A page of patients."""
        self.list("/api/patients", limit=20, offset=random.randrange(PATIENTS))

    @task(3)
    def list_doctors(self) -> None:
        """A page of doctors."""
        self.list("/api/doctors", limit=20, offset=random.randrange(DOCTORS))

    @task(3)
    def manage_user(self) -> None:
        """Create, change or delete an account of one's own making."""
        name = unique("lt")
        new = {"username": name, "email": f"{name}@clinic.example", "full_name": "Load Test", "role": "patient"}
        new["password"] = uuid.uuid4().hex
        self.user_record.step(new, {"full_name": "Load Test, changed"}, **SECRET)

    @task(3)
    def manage_patient(self) -> None:
        """Create, change or delete a patient of one's own making."""
        new = {"full_name": "Load Test", "record_number": unique(RECORD_PREFIX)}
        new |= {"birth_date": "1980-02-29", "sex": "other", "blood_type": "0+"}
        new |= {"email": "load@clinic.example", "phone": "+34 600 0000"}
        self.patient_record.step(new, {**new, "full_name": "Load Test, changed"})

    @task(2)
    def manage_doctor(self) -> None:
        """Create, change or delete a doctor of one's own making."""
        specialty = random.choice(self.specialties)["id"]
        new = {"full_name": "Load Test", "license_number": unique("LT"), "specialty_id": specialty}
        new |= {"email": "load@clinic.example", "phone": "+34 600 0000"}
        self.doctor_record.step(new, {**new, "full_name": "Load Test, changed"})

    @task(3)
    def view_dashboard_kpis(self) -> None:
        """The clinic in numbers."""
        self.fetch("GET", "/api/dashboard/kpis")

    @task(2)
    def view_dashboard_chart(self) -> None:
        """One of the charts."""
        self.fetch("GET", f"/api/dashboard/charts/{random.choice(CHARTS)}", name="/api/dashboard/charts/[name]")

    @task(2)
    def read_audit_logs(self) -> None:
        """The latest changes."""
        self.list("/api/audit-logs", limit=50)

    @task(2)
    def list_catalogs(self) -> None:
        """Which catalogs there are."""
        self.fetch("GET", "/api/catalogs")

    @task(1)
    def show_catalog(self) -> None:
        """The entries of one."""
        self.fetch("GET", f"/api/catalogs/{random.choice(CATALOGS)}", name="/api/catalogs/[name]")

    @task(2)
    def list_files(self) -> None:
        """The latest files of all patients."""
        self.list("/api/files", limit=20)

    @task(1)
    def upload_file(self) -> None:
        """Add a small file to a patient."""
        content = b"Hb: 14.2\n" * random.randrange(50, 500)
        patient = random.choice(self.patients)["id"]
        self.create("/api/files", data={"patient_id": patient}, files={"file": (FILE_NAME, content, "text/plain")})


class DoctorUser(CMSUser):
    """30 % of the users: appointments, consultations, patients, episodes, files."""

    weight = 3

    def account(self) -> str:
        """``doctor001`` …"""
        return f"doctor{next_number(self.environment, 'doctor', DOCTORS):03}"

    def prepare(self) -> bool:
        """The patients and files that this doctor works with."""
        self.patients = self.look_up("/api/patients", PATIENTS)
        self.files = self.look_up("/api/files", PATIENTS)
        self.slot = random.randrange(SLOTS)
        self.episode = OwnRecord(self, "/api/episodes", "PATCH")
        return bool(self.patients and self.files)

    def some_patient(self) -> int:
        """The id of one of the patients."""
        patient_id: int = random.choice(self.patients)["id"]
        return patient_id

    @task(5)
    def list_appointments(self) -> None:
        """One's own."""
        self.list("/api/appointments", limit=20)

    @task(2)
    def book_appointment(self) -> None:
        """The next free quarter of an hour for a patient."""
        self.slot = (self.slot + 1) % SLOTS
        starts_at = (FIRST_SLOT + self.slot * SLOT).isoformat()
        booking = {"patient_id": self.some_patient(), "starts_at": starts_at, "reason": "Follow-up"}
        self.create("/api/appointments", json=booking)

    @task(4)
    def list_consultations(self) -> None:
        """One's own."""
        self.list("/api/consultations", limit=20)

    @task(3)
    def write_consultation(self) -> None:
        """What was found and done."""
        found = {"patient_id": self.some_patient(), "diagnosis_code": random.choice(DIAGNOSES), "notes": "As before."}
        self.create("/api/consultations", json=found)

    @task(4)
    def view_patient(self) -> None:
        """One patient."""
        self.fetch("GET", f"/api/patients/{self.some_patient()}", name="/api/patients/[id]")

    @task(3)
    def list_episodes(self) -> None:
        """Those of one patient."""
        self.list("/api/episodes", patient_id=self.some_patient())

    @task(2)
    def manage_episode(self) -> None:
        """Open, close or delete an episode of one's own making."""
        new = {"patient_id": self.some_patient(), "title": "Load test", "summary": "Opened by a load test."}
        self.episode.step(new, {"summary": "Over.", "status": "closed"})

    @task(2)
    def list_files(self) -> None:
        """Those of one patient."""
        self.list("/api/files", patient_id=self.some_patient())

    @task(2)
    def download_file(self) -> None:
        """The bytes of one file."""
        self.fetch("GET", f"/api/files/{random.choice(self.files)['id']}/content", name="/api/files/[id]/content")

    @task(1)
    def list_specialties(self) -> None:
        """The catalog of specialties."""
        self.list("/api/specialties", limit=50)

    @task(1)
    def manage_users_is_refused(self) -> None:
        """Doctors neither see nor make accounts."""
        if random.random() < 0.5:
            self.must_be_refused("GET", "/api/users")
        else:  # a change of nothing: it does no harm where it is not refused
            self.must_be_refused("PATCH", "/api/users/1", name="/api/users/[id]", json={})


class PatientUser(CMSUser):
    """60 % of the users: their own data, and nobody else's."""

    weight = 6

    def account(self) -> str:
        """``patient0001`` …"""
        return f"patient{next_number(self.environment, 'patient', PATIENTS):04}"

    def someone_else(self) -> int:
        """The id of another patient."""
        return self.patient_id % PATIENTS + 1

    @task(5)
    def list_own_appointments(self) -> None:
        """When, and with whom."""
        self.list("/api/appointments")

    @task(4)
    def list_own_consultations(self) -> None:
        """What doctors wrote."""
        self.list("/api/consultations")

    @task(3)
    def list_own_episodes(self) -> None:
        """One's illnesses."""
        self.list("/api/episodes")

    @task(2)
    def list_own_insurance_policies(self) -> None:
        """Who pays."""
        self.list("/api/insurance-policies")

    @task(3)
    def check_notifications(self) -> None:
        """New messages."""
        self.list("/api/notifications", limit=10)

    @task(1)
    def another_patient_is_refused(self) -> None:
        """Who somebody else is."""
        self.must_be_refused("GET", f"/api/patients/{self.someone_else()}", name="/api/patients/[id]")

    @task(1)
    def anothers_records_are_refused(self) -> None:
        """What somebody else has."""
        path = random.choice(("/api/consultations", "/api/episodes", "/api/files", "/api/insurance-policies"))
        self.must_be_refused("GET", path, params={"patient_id": self.someone_else()})

    @task(1)
    def administration_is_refused(self) -> None:
        """What is the administrators'."""
        self.must_be_refused(
            "GET", random.choice(("/api/users", "/api/patients", "/api/dashboard/kpis", "/api/audit-logs"))
        )
