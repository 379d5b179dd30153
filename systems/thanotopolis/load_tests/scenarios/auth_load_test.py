"""Accounts under load.

Shares of the requests: 40 % log-in, 30 % registration, 20 % one's own profile (reading it, changing it, a new token for
a refresh token, and a forged token, which must be refused), 10 % log-out.

Log-ins are those of the test account, which must exist: they are what is tested here. Profiles and tokens are those of
accounts that the suite registers, each with an address of its own.

Answers are streamed: the beginning of one that is judged wrong would otherwise be kept with the failure, and there may
be a token in it.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

from locust import task

from loadworthy.clock import monotonic_ns
from loadworthy.users.cleanup import created
from loadworthy.users.http.response import Response

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Locust knows only the folder of the file it was given

from configs import settings
from utils import people
from utils.auth import LOGIN, LOGOUT, ME, REGISTER, bearer
from utils.staff import StaffUser, judged, prepare

prepare("authentication")

REFRESH = "/api/auth/refresh"
FORGED = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c29tZWJvZHkgZWxzZSBzaWduZWQgdGhpcw"
KNOWN = 500
"""So many accounts and tokens a user knows at most."""
_FRESH_NS = 30 * 60 * 1_000_000_000


class Account:
    """An account that the suite has registered, with its present tokens."""

    def __init__(self, form: dict[str, str], body: dict[str, Any]) -> None:
        self.form = form
        self.replace(body)

    def replace(self, body: dict[str, Any]) -> None:
        """Other tokens."""
        self.access: str = body["access_token"]
        self.refresh: str = body["refresh_token"]
        self.since_ns = monotonic_ns()


class AuthenticationUser(StaffUser):
    """Comes, registers, looks at the profile, goes."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.accounts: list[Account] = []
        self.sessions: list[str] = []
        """Tokens of log-ins, to be logged out."""

    def on_start(self) -> None:
        """Nobody is logged in beforehand: that is what is tested."""

    @task(40)
    def log_in(self) -> None:
        """Log in as the test account."""
        form = {"email": settings.TEST_USER_EMAIL, "password": settings.TEST_USER_PASSWORD}
        body = self.ask_for_tokens(LOGIN, form, 200)
        if body is not None:
            self.sessions = [*self.sessions[-KNOWN:], body["access_token"]]

    @task(30)
    def register(self) -> None:
        """Open an account."""
        form = people.new_account()
        body = self.ask_for_tokens(REGISTER, form, 201)
        if body is not None:
            self._keep_account(form, body)

    @task(7)
    def read_profile(self) -> None:
        """Whose token is it?"""
        self.ask_as(self._account().access, "GET", ME)

    @task(6)
    def change_profile(self) -> None:
        """Another name."""
        change = {"first_name": random.choice(people.FIRST), "last_name": random.choice(people.LAST)}
        self.ask_as(self._account().access, "PATCH", ME, json=change)

    @task(5)
    def refresh(self) -> None:
        """New tokens for a refresh token."""
        account = self._account()
        self.accounts.remove(account)  # a refresh token is good once: nobody else may try it meanwhile
        body = self.ask_for_tokens(REFRESH, {"refresh_token": account.refresh}, 200)
        if body is not None:
            account.replace(body)
            self.accounts.append(account)

    @task(2)
    def try_a_forged_token(self) -> None:
        """Being refused is right."""
        self.ask_as(FORGED, "GET", ME, 401, name=f"{ME} [forged token]")

    @task(10)
    def log_out(self) -> None:
        """End one of the log-ins."""
        if not self.sessions:
            form = {"email": settings.TEST_USER_EMAIL, "password": settings.TEST_USER_PASSWORD}
            response = self.quiet.post(LOGIN, json=form)
            self.sessions.append(response.json()["access_token"] if response.status_code == 200 else "")
        self.ask_as(self.sessions.pop(), "POST", LOGOUT, 204)

    def authorization(self) -> dict[str, str]:
        """No token unless a task says which."""
        return {}

    def ask_as(self, token: str, method: str, path: str, *expected: int, **options: Any) -> Response | None:
        """A measured request with this token."""
        return self.ask(method, path, *expected, headers=bearer(token), stream=True, **options)

    def ask_for_tokens(self, path: str, form: dict[str, str], status: int) -> dict[str, Any] | None:
        """A measured request whose answer must be tokens; None where they did not come."""
        with self.client.post(path, json=form, stream=True, catch_response=True) as response:
            if not judged(response, status):
                return None
            body: Any = response.json()
            if isinstance(body, dict) and body.get("access_token") and body.get("refresh_token"):
                return body
            response.failure("there are no tokens in the answer")
        return None

    def _account(self) -> Account:
        """One of those registered; registers one, unmeasured, if there is none."""
        if not self.accounts:
            form = people.new_account()
            self._keep_account(form, self.set_up("POST", REGISTER, json=form).json())
        return random.choice(self.accounts)

    def _keep_account(self, form: dict[str, str], body: dict[str, Any]) -> None:
        account = Account(form, body)
        created(self, "DELETE", ME, headers=lambda: self._last_headers(account))
        self.accounts = [*self.accounts[-KNOWN:], account]

    def _last_headers(self, account: Account) -> dict[str, str]:
        """For closing an account: its token, or another where that may have expired."""
        if monotonic_ns() - account.since_ns > _FRESH_NS:
            credentials = {name: account.form[name] for name in ("email", "password")}
            account.replace(self.quiet.post(LOGIN, json=credentials).json())
        return bearer(account.access)
