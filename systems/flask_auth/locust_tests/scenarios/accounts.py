"""What both scenarios share: new clients, an administrator who removes them again, and how answers are judged.

*New clients* have addresses below a mail domain that is drawn anew (122 random bits) by each process for each test. So
addresses never collide, neither between processes nor between runs, also if runs have the same seed; and all of them go
with one request, ``DELETE /clients?domain=…``, those among them whose answer never came included.
"""

from __future__ import annotations

import itertools
import random as random_module
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import gevent
from config import test_config as settings
from gevent.lock import Semaphore
from locust.env import Environment
from locust.exception import StopUser
from locust.user import User

from loadworthy.users import HttpSession, HttpUser
from loadworthy.users.cleanup import NoSamples, created
from loadworthy.users.http.errors import AttemptError
from loadworthy.users.http.response import Response

Account = dict[str, str]
Made = TypeVar("Made")

LOGGED_IN = 200
ATTRIBUTE = "flask_auth_accounts"
"""Name under which an environment carries what its users share."""
FIRST_NAMES = ("Amara", "Björn", "Carla", "Dmitri", "Elif", "Farid", "Greta", "Hana", "Idris", "Jana", "Kofi", "Lena")
LAST_NAMES = ("Abbott", "Bianchi", "Castro", "Demir", "Eriksen", "Ferrari", "Gruber", "Haddad", "Ito", "Joshi", "Kaya")
_PASSWORD_CHARACTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without those that look alike."""
_PASSWORD_LENGTH = 14


def post(user: HttpUser, endpoint: str, form: Account, note: str = "") -> Response:
    """Send a form; for a with-block in which the response is judged.

    The answer is streamed. Otherwise the beginning of one that is judged wrong would be kept with the failure, and it
    may hold a token, or repeat the password.

    Args:
        note: what is special about it, for the name of its series.
    """
    name = f"{endpoint} [{note}]" if note else endpoint
    return user.client.post(endpoint, json=form, name=name, stream=True, catch_response=True)


def answered(response: Response, *expected: int) -> bool:
    """Judge a response by its status, once its body is read; nothing of what was sent or answered is repeated."""
    try:
        _ = response.content  # all of it, so that the connection can be used again
    except AttemptError as error:
        response.failure(error)
        return False
    if response.status_code in expected:
        response.success()
        return True
    wanted = " or ".join(map(str, expected))
    response.failure(response.error or f"status {response.status_code}, expected {wanted}")
    return False


class NewClients:
    """Registration forms of clients that do not exist yet."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._numbers = itertools.count(1)

    @classmethod
    def of(cls, user: User) -> NewClients:
        """The supply of this user's process for this test."""
        return Shared.of(user.environment).once(cls, lambda: cls._begin(user))

    @classmethod
    def _begin(cls, user: User) -> NewClients:
        domain = f"{uuid.uuid4().hex}.loadtest.example"
        created(user, "DELETE", settings.CLIENTS_ENDPOINT, params={"domain": domain}, headers=Administrator(user))
        return cls(domain)

    def next(self, random: Any = random_module) -> Account:
        """One more."""
        first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
        address = f"{first}.{last}.{next(self._numbers)}@{self._domain}"
        return {
            "name": f"{first} {last}",
            "email": address.lower().replace("ö", "oe"),
            "phone": f"+1 555 01{random.randrange(100):02} {random.randrange(1000):03}",
            "password": "".join(random.choices(_PASSWORD_CHARACTERS, k=_PASSWORD_LENGTH)),
        }


class Administrator:
    """The headers of requests that only an administrator may send; logs in when they are first asked for."""

    def __init__(self, user: User) -> None:
        self._user = user
        self._headers: dict[str, str] | None = None
        self._logging_in = Semaphore()

    def __call__(self) -> dict[str, str]:
        """The headers; RuntimeError where the API refuses the administrator."""
        with self._logging_in:
            if self._headers is None:
                self._headers = self._log_in()
        return self._headers

    def _log_in(self) -> dict[str, str]:
        form = {"email": settings.ADMIN_EMAIL, "password": settings.ADMIN_PASSWORD}
        with unmeasured(self._user) as client:
            response = client.post(settings.LOGIN_ENDPOINT, json=form)
        if response.status_code != LOGGED_IN:
            why = response.error or f"status {response.status_code}"
            raise RuntimeError(f"the administrator cannot log in ({why}); see TEST_ADMIN_EMAIL and TEST_ADMIN_PASSWORD")
        return {"Authorization": f"Bearer {response.json()['token']}"}


def unmeasured(user: User) -> HttpSession:
    """A client for the user's host whose requests are no samples."""
    return HttpSession(user.host, NoSamples(), verify=not getattr(user, "insecure", False))


class Shared:
    """What the users of one process share during one test."""

    def __init__(self) -> None:
        self.stopping = False
        self._made: dict[object, gevent.Greenlet] = {}
        self._last_calls: list[Callable[[], None]] = []

    @classmethod
    def of(cls, environment: Environment) -> Shared:
        """That of the test that is under way."""
        shared: Shared | None = getattr(environment, ATTRIBUTE, None)
        if shared is None:
            shared = cls()
            setattr(environment, ATTRIBUTE, shared)
            if _on_test_stopping not in environment.events.test_stopping._handlers:  # noqa: SLF001  # as above
                environment.events.test_stopping.add_listener(_on_test_stopping)
        return shared

    def once(self, key: object, make: Callable[[], Made]) -> Made:
        """What ``make`` returns. It is called for the first who asks, in a greenlet that no user's end can cut off.

        When the test ends, a user who asks for something new ends, too.
        """
        if key not in self._made:
            if self.stopping:
                raise StopUser
            self._made[key] = gevent.spawn(make)
        made: Made = self._made[key].get()
        return made

    def at_the_end(self, call: Callable[[], None]) -> None:
        """Call this when the test ends, before anything is cleaned up."""
        self._last_calls.append(call)

    def stop(self) -> None:
        """Begin nothing more, and wait for what is under way: it is to be cleaned up, too."""
        self.stopping = True
        gevent.joinall(list(self._made.values()))
        for call in self._last_calls:
            call()


def _on_test_stopping(environment: Environment, **_kwargs: Any) -> None:
    shared: Shared | None = getattr(environment, ATTRIBUTE, None)
    if shared is not None:
        shared.stop()
        delattr(environment, ATTRIBUTE)  # the next test, from the web UI or of the plan, begins anew
