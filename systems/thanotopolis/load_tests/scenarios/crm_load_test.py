"""Contacts under load.

Shares of the requests: 50 % reading (lists, filters, searches, single contacts, interactions, the dashboard), 30 %
adding (contacts, interactions), 15 % changing, 5 % removing. What is changed and removed is what the user added itself.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from locust import task

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Locust knows only the folder of the file it was given

from utils import people
from utils.staff import CONTACTS, StaffUser, prepare

prepare("crm")

CONTACT, INTERACTIONS = f"{CONTACTS}/[id]", f"{CONTACTS}/[id]/interactions"
SEARCH, DASHBOARD = f"{CONTACTS}/search", "/api/crm/dashboard"


class CRMUser(StaffUser):
    """Looks after contacts."""

    @task(12)
    def list_contacts(self) -> None:
        """A page of all."""
        self.ask("GET", CONTACTS, params={"limit": 20, "offset": 20 * random.randrange(10)})

    @task(8)
    def filter_contacts(self) -> None:
        """A page of some."""
        wanted = {"status": random.choice(people.STATUSES), "kind": random.choice(people.KINDS)}
        self.ask("GET", CONTACTS, name=f"{CONTACTS} [filtered]", params=wanted)

    @task(10)
    def search_contacts(self) -> None:
        """By a part of a name or place."""
        self.ask("GET", SEARCH, params={"q": people.search_term()})

    @task(10)
    def read_contact(self) -> None:
        """One."""
        self.ask("GET", f"{CONTACTS}/{self.own_contact()}", name=CONTACT)

    @task(4)
    def read_interactions(self) -> None:
        """What happened with one."""
        self.ask("GET", f"{CONTACTS}/{self.own_contact()}/interactions", name=INTERACTIONS)

    @task(6)
    def read_dashboard(self) -> None:
        """How many there are of each kind."""
        self.ask("GET", DASHBOARD)

    @task(20)
    def add_contact(self) -> None:
        """One more."""
        self.keep_contact(self.ask("POST", CONTACTS, 201, json=people.new_contact()))

    @task(10)
    def log_interaction(self) -> None:
        """Something happened."""
        path = f"{CONTACTS}/{self.own_contact()}/interactions"
        self.ask("POST", path, 201, name=INTERACTIONS, json=people.new_interaction())

    @task(15)
    def change_contact(self) -> None:
        """Another status or note."""
        change = {"status": random.choice(people.STATUSES), "notes": random.choice(people.SUMMARIES)}
        self.ask("PATCH", f"{CONTACTS}/{self.own_contact()}", name=CONTACT, json=change)

    @task(5)
    def remove_contact(self) -> None:
        """One fewer."""
        contact_id = self.own_contact()
        self.contacts.remove(contact_id)
        self.ask("DELETE", f"{CONTACTS}/{contact_id}", 204, name=CONTACT)
