"""The comprehensive test: users as they come in practice, 40 % contacts, 30 % calendar, 15 % accounts, 15 % telephony.

Besides the tasks of their area, users go through workflows that span areas:

* customer intake: add a contact, log an interaction, schedule an appointment
* daily admin: look at the dashboard, review the calendar, update records
* search and schedule: find a contact, look at the details, make an appointment
* bulk operations: several contacts, then an appointment for each
"""

from __future__ import annotations

import sys
from pathlib import Path

import gevent
from locust import task

sys.path.insert(0, str(Path(__file__).resolve().parent))

from scenarios import auth_load_test, calendar_load_test, crm_load_test, telephony_load_test
from utils import people
from utils.staff import CONTACTS, EVENTS, StaffUser, prepare

prepare("comprehensive")

BULK = 3
"""How many contacts a bulk operation adds."""
_APPOINTMENT = f"{EVENTS} [for a contact]"


class Workflows(StaffUser):
    """The steps of the workflows. A workflow ends with the first step that fails."""

    abstract = True

    def customer_intake(self) -> None:
        """Create contact → log interaction → schedule appointment."""
        contact_id = self.keep_contact(self.ask("POST", CONTACTS, 201, json=people.new_contact(status="lead")))
        if contact_id is None:
            return
        self.think()
        path = f"{CONTACTS}/{contact_id}/interactions"
        if self.ask("POST", path, 201, name=crm_load_test.INTERACTIONS, json=people.new_interaction()) is None:
            return
        self.think()
        self.schedule(contact_id, "Customer intake")

    def daily_admin(self) -> None:
        """Check dashboard → review calendar → update records."""
        if self.ask("GET", crm_load_test.DASHBOARD) is None:
            return
        self.think()
        if self.ask("GET", calendar_load_test.RANGE, params=people.date_range()) is None:
            return
        self.think()
        change = {"status": "active", "notes": "Reviewed in daily admin."}
        path = f"{CONTACTS}/{self.own_contact()}"
        if self.ask("PATCH", path, name=crm_load_test.CONTACT, json=change) is None:
            return
        self.think()
        path = f"{EVENTS}/{self.own_event()}"
        self.ask("PATCH", path, name=calendar_load_test.EVENT, json={"status": "confirmed", "notes": "Daily admin"})

    def search_and_schedule(self) -> None:
        """Find contact → view details → create appointment."""
        found = self.ask("GET", crm_load_test.SEARCH, params={"q": people.search_term(), "limit": 10})
        if found is None:
            return
        contacts = found.json()["items"]
        contact_id = contacts[0]["id"] if contacts and contacts[0]["email"].endswith("@mail.example") else 0
        contact_id = contact_id or self.own_contact()  # those of other users may be removed meanwhile
        self.think()
        if self.ask("GET", f"{CONTACTS}/{contact_id}", name=crm_load_test.CONTACT) is None:
            return
        self.think()
        self.schedule(contact_id, "Search and schedule")

    def bulk_operations(self) -> None:
        """Multiple contacts → batch scheduling."""
        contact_ids = []
        for _ in range(BULK):
            contact_ids.append(self.keep_contact(self.ask("POST", CONTACTS, 201, json=people.new_contact())))
            self.think()
        for contact_id in contact_ids:
            if contact_id is not None:
                self.schedule(contact_id, "Bulk operations")
                self.think()

    def schedule(self, contact_id: int, notes: str) -> None:
        """An appointment with a contact."""
        form = people.new_event(kind="consultation", contact_id=contact_id, notes=notes)
        self.keep_event(self.ask("POST", EVENTS, 201, name=_APPOINTMENT, json=form))

    def think(self) -> None:
        """Between two steps people pause half as long as between two tasks."""
        gevent.sleep(self.wait_time() / 2)


class ComprehensiveCRMUser(Workflows, crm_load_test.CRMUser):
    """Looks after contacts."""

    weight = 40

    @task(10)
    def take_in_a_customer(self) -> None:
        """Customer intake."""
        self.customer_intake()

    @task(10)
    def find_and_schedule(self) -> None:
        """Search and schedule."""
        self.search_and_schedule()

    @task(5)
    def add_in_bulk(self) -> None:
        """Bulk operations."""
        self.bulk_operations()


class ComprehensiveCalendarUser(Workflows, calendar_load_test.CalendarUser):
    """Plans what happens when."""

    weight = 30

    @task(15)
    def administrate(self) -> None:
        """Daily admin."""
        self.daily_admin()

    @task(10)
    def find_and_schedule(self) -> None:
        """Search and schedule."""
        self.search_and_schedule()


class ComprehensiveAuthenticationUser(auth_load_test.AuthenticationUser):
    """Comes, registers, goes."""

    weight = 15


class ComprehensiveTelephonyUser(telephony_load_test.TelephonyUser):
    """Looks after calls."""

    weight = 15
