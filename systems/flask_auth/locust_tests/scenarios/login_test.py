"""Login under load: users log in to the accounts of ``data/test_users.json``, and now and then mistype the password.

Shares of the requests: 95 % right passwords (200 and a token), 5 % wrong ones, which must be refused (401).
"""

from __future__ import annotations

import sys
from pathlib import Path

from locust import between, task

from loadworthy.page import live_page
from loadworthy.users import HttpUser
from loadworthy.users.cleanup import clean_up_after
from loadworthy.users.preflight import require_target

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Locust knows only the folder of the file it was given

from config import test_config as settings

from scenarios.accounts import answered, post
from scenarios.test_users import TestAccounts, read_test_users

require_target()
clean_up_after(settings.STOP_TIME)
live_page(plan=Path(__file__).resolve().parents[1] / "load_levels.yaml", scenario="login_baseline")

TEST_USERS = read_test_users()


class LoginUser(HttpUser):
    """Logs in, each time to another of the test accounts."""

    host = settings.HOST
    wait_time = between(settings.MIN_WAIT_TIME / 1000, settings.MAX_WAIT_TIME / 1000)

    def on_start(self) -> None:
        """Get the accounts, which all users of a process share."""
        self.accounts = TestAccounts.of(self, TEST_USERS)

    @task(19)
    def log_in(self) -> None:
        """With the right password: there must be a token, and it must be this account's."""
        account = self.accounts.choose()
        form = {"email": account["email"], "password": account["password"]}
        with post(self, settings.LOGIN_ENDPOINT, form) as response:
            if answered(response, 200) and (complaint := self.accounts.complaint(account, response)):
                response.failure(complaint)

    @task(1)
    def log_in_with_a_wrong_password(self) -> None:
        """Being refused is right."""
        account = self.accounts.choose()
        form = {"email": account["email"], "password": account["password"] + "?"}
        with post(self, settings.LOGIN_ENDPOINT, form, "wrong password") as response:
            answered(response, 401)
