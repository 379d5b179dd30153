"""Registration under load: each user registers one new client after another, and now and then sends a bad form.

Shares of the requests: 95 % new clients (201), 5 % forms without a password, which must be refused (422).
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from locust import between, task

from loadworthy.page import live_page
from loadworthy.users import HttpUser
from loadworthy.users.cleanup import clean_up_after
from loadworthy.users.preflight import require_target

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Locust knows only the folder of the file it was given

from config import test_config as settings

from scenarios.accounts import NewClients, answered, post

require_target()
clean_up_after(settings.STOP_TIME)
live_page(plan=Path(__file__).resolve().parents[1] / "load_levels.yaml", scenario="registration_normal_load")

REFUSALS = (400, 422)
"""With which an API says that a form is not complete."""


class RegistrationUser(HttpUser):
    """Registers clients whose addresses nobody else has."""

    host = settings.HOST
    wait_time = between(settings.MIN_WAIT_TIME / 1000, settings.MAX_WAIT_TIME / 1000)

    def on_start(self) -> None:
        """Get a supply of new clients; all users of a process share one."""
        self.new_clients = NewClients.of(self)

    @task(19)
    def register(self) -> None:
        """A new client."""
        form = self.new_clients.next(random)
        with post(self, settings.REGISTRATION_ENDPOINT, form) as response:
            answered(response, 201)

    @task(1)
    def register_without_password(self) -> None:
        """A form that is not complete: being refused is right."""
        form = self.new_clients.next(random)
        del form["password"]
        with post(self, settings.REGISTRATION_ENDPOINT, form, "incomplete") as response:
            answered(response, *REFUSALS)
