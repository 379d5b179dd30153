"""The users of all scenarios: somebody of the staff, logged in as the test account.

A task makes one measured request. What it needs beforehand (a contact to change, a call to look at) is there from
earlier tasks, or is made by requests that are not measured; so the shares of the requests are those of the tasks.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import gevent
from locust import between
from locust.env import Environment

from loadworthy.users import HttpUser
from loadworthy.users.cleanup import clean_up_after, created
from loadworthy.users.http.response import Response
from loadworthy.users.preflight import require_target

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from configs import settings

from utils import carrier, people
from utils.auth import auth_manager, bearer, unmeasured

CONTACTS, EVENTS, CALLS = "/api/crm/contacts", "/api/calendar/events", "/api/telephony/calls"
OWN = 1000
"""So many rows of its own a user knows at most."""


def prepare() -> None:
    """What each scenario file does first: ask whether the target is there, and clean up afterwards.

    Tasks under way may end with the test, so that what they create is known and removed.
    """
    require_target()
    clean_up_after(settings.STOP_S)


def judged(response: Response, *expected: int) -> bool:
    """Judge a response by its status. The sentence says nothing of what was sent or answered beyond that."""
    _ = response.content  # all of it, also of a stream, so that the connection can be used again
    if response.error is not None and not response.status_code:
        response.failure(response.error)
        return False
    if response.status_code in expected:
        response.success()
        return True
    response.failure(f"status {response.status_code}, expected {' or '.join(map(str, expected))}")
    return False


class StaffUser(HttpUser):
    """Somebody with the test account's token."""

    abstract = True
    host = settings.BASE_URL
    wait_time = between(settings.MIN_WAIT_S, settings.MAX_WAIT_S)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.quiet = unmeasured(str(self.host))
        """For setting up: what it sends is no sample."""
        self.contacts: list[int] = []
        self.events: list[int] = []
        self.calls: list[str] = []

    def on_start(self) -> None:
        """Log in, which the first user of a process does for all."""
        self.authorization()

    def on_stop(self) -> None:
        """Close the connections that nobody measured."""
        self.quiet.close()

    def authorization(self) -> dict[str, str]:
        """The header of the account; none where it could not be logged in."""
        return bearer(auth_manager.token_for(self))

    def ask(self, method: str, path: str, *expected: int, name: str | None = None, **options: Any) -> Response | None:
        """One measured request, good if its status is among the expected (200); the response, None if it was not."""
        # Locust ends a user in its pause by a kill that takes effect a moment later. Let it come before something is
        # sent whose answer nobody would see.
        gevent.sleep(0)
        headers = {**self.authorization(), **options.pop("headers", {})}
        response = self.client.request(method, path, name=name or path, headers=headers, catch_response=True, **options)
        with response:
            good = judged(response, *(expected or (200,)))
        if response.status_code == 401 and not good:
            auth_manager.forget(str(self.host))
        return response if good else None

    def set_up(self, method: str, path: str, **options: Any) -> Response:
        """One request that is no sample; RuntimeError where the target refuses it."""
        gevent.sleep(0)
        headers = {**self.authorization(), **options.pop("headers", {})}
        response = self.quiet.request(method, path, headers=headers, **options)
        if not response.ok:
            raise RuntimeError(
                f"setting up: {method} {path.split('?', maxsplit=1)[0]}: {response.error or response.status_code}"
            )
        return response

    # --- rows of one's own ---

    def own_contact(self) -> int:
        """One of the contacts that this user has added; adds one, unmeasured, if there is none."""
        if not self.contacts:
            self.keep_contact(self.set_up("POST", CONTACTS, json=people.new_contact()))
        return random.choice(self.contacts)

    def own_event(self) -> int:
        """One of the events that this user has added; adds one, unmeasured, if there is none."""
        if not self.events:
            self.keep_event(self.set_up("POST", EVENTS, json=people.new_event()))
        return random.choice(self.events)

    def own_call(self) -> str:
        """One of the calls that this user has announced; announces one, unmeasured, if there is none."""
        if not self.calls:
            call_sid = carrier.new_call_sid()
            form = carrier.incoming_call(call_sid)
            self.set_up("POST", carrier.VOICE, data=form, headers=self.signature(carrier.VOICE, form))
            self.keep_call(call_sid)
        return random.choice(self.calls)

    def keep_contact(self, response: Response | None) -> int | None:
        """Remember the contact that was just added; its id."""
        return self._keep(response, self.contacts, CONTACTS)

    def keep_event(self, response: Response | None) -> int | None:
        """Remember the event that was just added; its id."""
        return self._keep(response, self.events, EVENTS)

    def keep_call(self, call_sid: str) -> None:
        """Remember a call that was just announced."""
        created(self, "DELETE", f"{CALLS}/{call_sid}", headers=self.authorization)
        _remember(self.calls, call_sid)

    def signature(self, path: str, form: dict[str, str]) -> dict[str, str]:
        """The header of a webhook."""
        return carrier.signed(f"{str(self.host).rstrip('/')}{path}", form, settings.TWILIO_AUTH_TOKEN)

    def _keep(self, response: Response | None, known: list[int], path: str) -> int | None:
        if response is None:
            return None
        row_id = int(response.json()["id"])
        created(self, "DELETE", f"{path}/{row_id}", headers=self.authorization)
        _remember(known, row_id)
        return row_id


def _remember(known: list[Any], one: Any) -> None:
    known.append(one)
    if len(known) > OWN:
        known.pop(0)
