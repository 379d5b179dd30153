"""One virtual user of a scenario of ``config.json``: a pause, then one of its endpoints, chosen by weight.

``stress_test.py`` runs it. Locust can, too::

    locust -f virtual_user.py --host http://localhost:5000 --stress-scenario mixed_test
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from gevent.lock import RLock
from locust import events, task
from locust.runners import MasterRunner, WorkerRunner

sys.path.insert(0, str(Path(__file__).resolve().parent))

from configuration import DEFAULT_FILE, Endpoint, load_configuration
from test_data import BODIES, BOOKED_ID, PLACEHOLDERS, TestData

from loadworthy.users import HttpUser
from loadworthy.users.cleanup import clean_up_after, created
from loadworthy.users.preflight import require_target

CALENDAR = "/appointments/available"
BOOKING = Endpoint(path="/appointments", method="POST", body="booking")
"""The booking with which a user provides itself with an appointment of its own."""
SLOT_TAKEN = 409
BOOKING_TRIES = 5
"""How many slots a user tries to book. A list of free slots takes a while to get, in which others book on: where a test
begins to book in a stretch that another has just walked through, a few more than the first are taken."""
_DAYS_AT_ONCE = 366

require_target()
clean_up_after()


def add_options(parser: Any) -> None:
    """Which scenario of which file."""
    parser.add_argument("--stress-config", default=str(DEFAULT_FILE), help="Configuration file of the stress test")
    parser.add_argument("--stress-scenario", default="read_test", help="Which of its scenarios the users play")


def prepare(environment: Any, **_kwargs: Any) -> None:
    """What the users of this process share. A master tells its workers how many they are, among the options."""
    environment.stress_test = Shared(environment.parsed_options)
    if isinstance(environment.runner, MasterRunner):
        clients = environment.runner.clients
        environment.parsed_options.stress_processes = len(clients.ready + clients.spawning + clients.running)


events.init_command_line_parser.add_listener(add_options)
events.test_start.add_listener(prepare)


class Shared:
    """The scenario, its data and the choice of endpoints: the same for all users of a process."""

    def __init__(self, options: Any) -> None:
        configuration = load_configuration(Path(options.stress_config))
        self.admin = configuration.admin
        self.scenario = configuration.scenario(options.stress_scenario)
        self.cumulative_weights = list(accumulate(endpoint.weight for endpoint in self.scenario.endpoints))
        self.data = TestData(random.Random(random.getrandbits(64)), datetime.now(UTC).date())
        self.one_at_a_time = RLock()

    @property
    def needs_own_booking(self) -> bool:
        """Whether a path speaks of an appointment of the user's own."""
        return any(BOOKED_ID in endpoint.placeholders for endpoint in self.scenario.endpoints)

    def choose(self) -> Endpoint:
        """An endpoint, by weight."""
        return random.choices(self.scenario.endpoints, cum_weights=self.cumulative_weights)[0]


class VirtualUser(HttpUser):
    """A client of the salon, or somebody who works there."""

    def on_start(self) -> None:
        """Get what the scenario needs: the free slots (the first user for all), a login, an appointment of its own."""
        self.shared: Shared = self.environment.stress_test  # set by prepare()
        self.authorization: dict[str, str] = {}
        self.booked_id: int | None = None
        if any(endpoint.body == "booking" for endpoint in self.shared.scenario.endpoints):
            self.look_for_slots()
        self.is_ready()

    def wait_time(self) -> float:
        """The pause between two requests, in seconds."""
        low_s, high_s = self.shared.scenario.wait_seconds
        return random.uniform(low_s, high_s)

    @task
    def one_request(self) -> None:
        """One request of the scenario; a user that could not log in tries that again instead."""
        if self.is_ready():
            self.send(self.shared.choose())

    def is_ready(self) -> bool:
        """Whether it has what its scenario needs, after asking for what is missing."""
        if self.shared.scenario.login and not self.authorization:
            self.log_in()
            if not self.authorization:
                return False
        if self.shared.needs_own_booking and self.booked_id is None:
            answer = self.send(BOOKING)
            self.booked_id = answer.get("id")
            return self.booked_id is not None
        return True

    def log_in(self) -> None:
        """Get a token."""
        admin = self.shared.admin
        response = self.client.post(admin.login_path, json={"username": admin.username, "password": admin.password})
        if response.ok:
            self.authorization = {"Authorization": f"Bearer {response.json()['access_token']}"}

    def send(self, endpoint: Endpoint) -> dict[str, Any]:
        """Make the request, remember what it created; the answer's JSON object, empty where there is none.

        A booking of a slot that somebody else has just taken is made again, with a slot of a fresh list. To be told so
        (409) is right, but for the last of BOOKING_TRIES, where it is a failure.
        """
        tries = BOOKING_TRIES if endpoint.body == "booking" else 1
        for left in reversed(range(tries)):
            answer = self.attempt(endpoint, may_be_taken=left > 0)
            if answer is not None:
                return answer
        return {}

    def attempt(self, endpoint: Endpoint, may_be_taken: bool = False) -> dict[str, Any] | None:
        """Make the request once; None where the slot is taken and that may be: its list is used no more then."""
        path, body = self.path_of(endpoint), self.body_of(endpoint)
        offered = self.shared.data.offered
        with self.client.request(
            endpoint.method, path, name=endpoint.path, json=body, headers=self.authorization, catch_response=True
        ) as response:
            if may_be_taken and response.status_code == SLOT_TAKEN:
                response.success()
                self.shared.data.forget_slots(offered)
                return None
            if not response.ok:
                return {}
            if not 200 <= response.status_code < 300:
                response.failure(f"status {response.status_code} is no success")
                return {}
            answer = response.json() if endpoint.method == "POST" else {}
            if response.status_code == 201 and "withdrawal_code" in answer:
                code = {"Withdrawal-Code": answer["withdrawal_code"]}
                created(self, "DELETE", f"{path}/{answer['id']}", headers=code)
                if endpoint.body == "booking":
                    self.shared.data.booked(answer["id"], answer["withdrawal_code"], body or {})
        return answer

    def path_of(self, endpoint: Endpoint) -> str:
        """Its path with the placeholders filled in."""
        path = endpoint.path
        for name in endpoint.placeholders:
            make = PLACEHOLDERS[name]
            path = path.replace(f"{{{name}}}", make(self.shared.data) if make else str(self.booked_id))
        return path

    def body_of(self, endpoint: Endpoint) -> dict[str, Any] | None:
        """Its body: generated, or as it stands in the configuration."""
        if not isinstance(endpoint.body, str):
            return endpoint.body
        if endpoint.body == "booking":
            self.look_for_slots()
        return BODIES[endpoint.body](self.shared.data)

    def look_for_slots(self) -> None:
        """Ask for all free slots of the two years that can be booked, unless some are left; the others wait for it."""
        data = self.shared.data
        with self.shared.one_at_a_time:
            if data.has_slots:
                return
            today = datetime.now(UTC).date()
            free: dict[str, list[str]] = {}
            for part in range(2):
                first = today.fromordinal(today.toordinal() + 1 + part * _DAYS_AT_ONCE)
                query = {"from": first.isoformat(), "days": _DAYS_AT_ONCE}
                response = self.client.get(CALENDAR, params=query, name=CALENDAR)
                free |= response.json()["free"] if response.ok else {}
            data.offer(free, *self.part())

    def part(self) -> tuple[int, int]:
        """Which process of how many this is: each books slots of its own."""
        runner = self.environment.runner
        if not isinstance(runner, WorkerRunner):
            return 0, 1
        processes = max(getattr(self.environment.parsed_options, "stress_processes", 1), 1)
        return runner.worker_index % processes, processes
