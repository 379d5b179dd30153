"""Tokens of the test account.

All users of a process share one token: the account is logged in once, or registered first where it does not exist.

The token can be asked for outside of Locust as well, from the folder above this suite::

    python -c "from load_tests.utils.auth import auth_manager; print(bool(auth_manager.get_or_create_token()))"
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import locust  # noqa: F401  # before anything that opens connections, for it changes how Python does that
from gevent.lock import RLock

from loadworthy.clock import monotonic_ns
from loadworthy.users import HttpSession
from loadworthy.users.cleanup import NoSamples, created
from loadworthy.users.http import HttpUser
from loadworthy.users.http.response import Response

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from configs import settings

LOGIN, LOGOUT, REGISTER, ME = "/api/auth/login", "/api/auth/logout", "/api/auth/register", "/api/auth/me"
TIMEOUT_S = 15.0
_RENEW_S = 120.0
"""A token that lasts less than this is replaced."""
_TRY_AGAIN_S = 10.0
"""After a failure, others are not let try before."""
_NS_PER_S = 1_000_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, or that there was none to be had (empty), and until when that holds."""

    value: str
    until_ns: int

    @property
    def is_fresh(self) -> bool:
        """Whether it may still be used."""
        return monotonic_ns() < self.until_ns


class AuthManager:
    """Logs the test account in, once for each target."""

    def __init__(self, email: str, password: str) -> None:
        self.email = email
        self._password = password
        self._tokens: dict[str, Token] = {}
        self._registered: set[str] = set()
        self._lock = RLock()

    def get_or_create_token(self, base_url: str | None = None) -> str | None:
        """A token that holds for some minutes at least; None, and a warning in the log, where there is none to be had.

        Logs in; where that is refused, registers the account and logs in with what that brings. None of it is measured.
        """
        base_url = base_url or settings.BASE_URL
        with self._lock:
            token = self._tokens.get(base_url)
            if token is None or not token.is_fresh:
                token = self._tokens[base_url] = self._fetch(base_url)
        return token.value or None

    def token_for(self, user: HttpUser) -> str | None:
        """The token for a user's target. If that took registering the account, it is removed after the test."""
        base_url = str(user.host)
        with self._lock:
            token = self.get_or_create_token(base_url)
            if base_url in self._registered:
                self._registered.discard(base_url)
                created(user, "DELETE", ME, headers=lambda: self._last_headers(base_url))
        return token

    def forget(self, base_url: str) -> None:
        """The next who asks gets another token; where there was none to be had, not before it is time to try again."""
        token = self._tokens.get(base_url)
        if token is not None and token.value:
            del self._tokens[base_url]

    def log_out(self) -> None:
        """End the log-ins of the account: after the test nobody needs their tokens, and nobody else shall have them."""
        with self._lock:
            for base_url, token in list(self._tokens.items()):
                if token.value and token.is_fresh:
                    with unmeasured(base_url) as client:
                        response = client.post(LOGOUT, headers=bearer(token.value))
                    if not response.ok:
                        why = response.error or f"status {response.status_code}"
                        _log.warning("the test account could not be logged out at %s: %s", base_url, why)
                del self._tokens[base_url]

    def close_account(self, base_url: str | None = None) -> bool:
        """Remove the account with all that it owns; whether that worked. For one that was made outside of Locust."""
        base_url = base_url or settings.BASE_URL
        headers = self._last_headers(base_url)
        with unmeasured(base_url) as client:
            return client.delete(ME, headers=headers).status_code == 204

    def _last_headers(self, base_url: str) -> dict[str, str]:
        """For closing the account, after which its token is none."""
        token = self.get_or_create_token(base_url)
        self.forget(base_url)
        return bearer(token)

    def _fetch(self, base_url: str) -> Token:
        credentials = {"email": self.email, "password": self._password}
        with unmeasured(base_url) as client:
            response = client.post(LOGIN, json=credentials)
            if response.status_code in (401, 404):
                person = {"first_name": "Load", "last_name": "Test"}
                response = client.post(REGISTER, json={**credentials, **person})
                if response.status_code == 201:
                    self._registered.add(base_url)
        return self._read(base_url, response)

    def _read(self, base_url: str, response: Response) -> Token:
        if response.status_code in (200, 201):
            body = response.json()
            if isinstance(body, dict) and body.get("access_token"):
                lasts_s = float(body.get("expires_in") or 300) - _RENEW_S
                return Token(str(body["access_token"]), monotonic_ns() + int(max(lasts_s, 1) * _NS_PER_S))
        why = response.error or f"status {response.status_code}"
        _log.warning("no token for the test account at %s: %s", base_url, why)
        return Token("", monotonic_ns() + int(_TRY_AGAIN_S * _NS_PER_S))


def bearer(token: str | None) -> dict[str, str]:
    """The header that goes with a token; none without one, so that the target refuses what needs it."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def unmeasured(base_url: str) -> HttpSession:
    """A client whose requests are no samples: for setting up."""
    return HttpSession(
        base_url,
        NoSamples(),
        connect_timeout_s=TIMEOUT_S,
        read_timeout_s=TIMEOUT_S,
        total_timeout_s=TIMEOUT_S,
    )


auth_manager = AuthManager(settings.TEST_USER_EMAIL, settings.TEST_USER_PASSWORD)
