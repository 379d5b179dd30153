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
from locust import between, events
from locust.env import Environment
from locust.exception import CatchResponseError, RescheduleTask

from loadworthy.clock import monotonic_ns
from loadworthy.page import live_page
from loadworthy.users import HttpUser
from loadworthy.users.cleanup import clean_up_after, created
from loadworthy.users.http.errors import AttemptError
from loadworthy.users.http.response import Response
from loadworthy.users.preflight import require_target

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from configs import settings

from utils import carrier, people
from utils.auth import auth_manager, bearer, unmeasured

CONTACTS, EVENTS, CALLS = "/api/crm/contacts", "/api/calendar/events", "/api/telephony/calls"
OWN = 1000
"""So many rows of its own a user knows at most."""


def prepare(scenario: str) -> None:
    """What each scenario file does first: ask whether the target is there, and clean up afterwards.

    Tasks under way may end with the test, so that what they create is known and removed. Locust's web interface gets
    the live page, with the thresholds of a scenario of the plan.
    """
    live_page(plan=settings.SUITE / "plan.yaml", scenario=scenario)
    require_target()
    clean_up_after(settings.STOP_S)
    handlers = events.test_stop._handlers  # noqa: SLF001  # Locust has no public list
    if _log_out not in handlers:  # each scenario file of a test comes here
        events.test_stop.add_listener(_log_out)  # after the clean-up, which needs the token
        events.quit.add_listener(_log_out)  # where Locust ended meanwhile what waited for the clean-up


def _log_out(**_kwargs: Any) -> None:
    auth_manager.log_out()


def judged(response: Response, *expected: int) -> bool:
    """Judge a response by its status. The sentence says nothing of what was sent or answered beyond that."""
    try:
        _ = response.content  # all of it, also of a stream, so that the connection can be used again
    except AttemptError as error:
        response.failure(error)
        return False
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
        """One request that is no sample if it succeeds.

        Where the target refuses it, it is a failed sample of the series ``path [set-up]``, and the task ends: what it
        was to measure cannot be.
        """
        gevent.sleep(0)
        headers = {**self.authorization(), **options.pop("headers", {})}
        begun_ns = monotonic_ns()
        response = self.quiet.request(method, path, headers=headers, **options)
        if not response.ok:
            why = str(response.error or f"status {response.status_code}")
            self.tell_failure(method, f"{path} [set-up]", why, (monotonic_ns() - begun_ns) / 1e6)
            raise RescheduleTask
        return response

    def tell_failure(self, kind: str, name: str, why: str, took_ms: float = 0.0) -> None:
        """A failed sample of something that no client measures."""
        self.environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=took_ms,
            response_length=0,
            exception=CatchResponseError(why),
            context={},
        )

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
        """Remember a call that was just announced: an account that is no staff's removes it as the carrier."""
        path = f"{CALLS}/{call_sid}"
        created(self, "DELETE", path, headers=lambda: {**self.authorization(), **self.signature(path, {})})
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
