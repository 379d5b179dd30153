"""The calendar under load.

Shares of the requests: 40 % lists, single events and statistics, 25 % adding (some of them for a contact), 20 % ranges
of dates, 10 % changing (linking an event to a contact among them), 5 % removing. What is changed and removed is what
the user added itself.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from locust import task

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Locust knows only the folder of the file it was given

from utils import people
from utils.staff import EVENTS, StaffUser, prepare

prepare("calendar")

EVENT, RANGE, STATS = f"{EVENTS}/[id]", f"{EVENTS}/range", f"{EVENTS}/stats"


class CalendarUser(StaffUser):
    """Plans what happens when."""

    @task(15)
    def list_events(self) -> None:
        """A page of all."""
        self.ask("GET", EVENTS, params={"limit": 20, "offset": 20 * random.randrange(10)})

    @task(15)
    def read_event(self) -> None:
        """One."""
        self.ask("GET", f"{EVENTS}/{self.own_event()}", name=EVENT)

    @task(10)
    def read_statistics(self) -> None:
        """How many there are of each kind."""
        self.ask("GET", STATS)

    @task(17)
    def add_event(self) -> None:
        """One more."""
        self.keep_event(self.ask("POST", EVENTS, 201, json=people.new_event()))

    @task(8)
    def add_event_for_contact(self) -> None:
        """One that is about a contact."""
        form = people.new_event(contact_id=self.own_contact())
        self.keep_event(self.ask("POST", EVENTS, 201, name=f"{EVENTS} [for a contact]", json=form))

    @task(20)
    def read_range(self) -> None:
        """What is on in a day, a week, a month."""
        self.ask("GET", RANGE, params={**people.date_range(), "limit": 100})

    @task(6)
    def change_event(self) -> None:
        """Elsewhere, or certain now."""
        change = {"location": random.choice(people.PLACES), "status": random.choice(("planned", "confirmed"))}
        self.ask("PATCH", f"{EVENTS}/{self.own_event()}", name=EVENT, json=change)

    @task(4)
    def link_event(self) -> None:
        """It is about this contact."""
        change = {"contact_id": self.own_contact()}
        self.ask("PATCH", f"{EVENTS}/{self.own_event()}", name=f"{EVENT} [link a contact]", json=change)

    @task(5)
    def remove_event(self) -> None:
        """One fewer."""
        event_id = self.own_event()
        self.events.remove(event_id)
        self.ask("DELETE", f"{EVENTS}/{event_id}", 204, name=EVENT)
