"""What both scenarios share: where accounts come from, and how they go again.

*New clients* have addresses below a mail domain that is drawn anew (122 random bits) by each process for each test. So
addresses never collide, neither between processes nor between runs, also if runs have the same seed; and all of them go
with one request, ``DELETE /clients?domain=…``, those among them whose answer never came included.

*Test accounts* are those of ``data/test_users.json``. Each process registers its share of them before its users begin,
by requests that are not measured. An account that is there already (409) costs the API a look into its table; one that
is not is registered, and removed after the test. What others registered stays.
"""

from __future__ import annotations

import itertools
import json
import logging
import random as random_module
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import gevent
from config import test_config as settings
from gevent.lock import Semaphore
from gevent.pool import Pool
from locust.env import Environment
from locust.user import User

from loadworthy.users import HttpSession, HttpUser
from loadworthy.users.cleanup import NoSamples, created
from loadworthy.users.http.errors import AttemptError
from loadworthy.users.http.response import Response

Account = dict[str, str]
Made = TypeVar("Made")

LOGGED_IN, CREATED, EXISTS = 200, 201, (400, 409)
AT_ONCE = 8
"""How many test accounts are registered at the same time."""
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


def has_token(response: Response) -> bool:
    """Whether this is a JSON object with a ``token`` that is not empty."""
    try:
        body = response.json()
    except ValueError:
        return False
    return isinstance(body, dict) and bool(body.get("token"))


class NewClients:
    """Registration forms of clients that do not exist yet."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._numbers = itertools.count(1)

    @classmethod
    def of(cls, user: User) -> NewClients:
        """The supply of this user's process for this test."""
        return _Shared.of(user.environment).once(cls, lambda _shared: cls._begin(user))

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


class TestAccounts(list[Account]):
    """The accounts that the login test uses, all of which exist now."""

    @classmethod
    def of(cls, user: User, accounts: list[Account]) -> TestAccounts:
        """Those of this user's process for this test; the first user that asks makes them exist."""
        return _Shared.of(user.environment).once(cls, lambda shared: cls._begin(user, shared, accounts))

    @classmethod
    def _begin(cls, user: User, shared: _Shared, accounts: list[Account]) -> TestAccounts:
        register = _Registrar(user)
        greenlets = Pool(AT_ONCE)
        for account in accounts:
            if shared.stopping:
                break
            greenlets.spawn(register, account)  # waits while the pool is full
        greenlets.join()
        register.tell_problems(len(accounts))
        return cls(accounts)


class _Registrar:
    """Makes accounts exist, by requests that are not measured."""

    def __init__(self, user: User) -> None:
        self._user = user
        self._client = unmeasured(user)
        self._administrator = Administrator(user)
        self._problems: list[str] = []

    def __call__(self, account: Account) -> None:
        response = self._client.post(settings.REGISTRATION_ENDPOINT, json=account)
        if response.status_code == CREATED:
            path = f"{settings.CLIENTS_ENDPOINT}/{response.json()['client']['id']}"
            created(self._user, "DELETE", path, headers=self._administrator)
        elif response.status_code not in EXISTS:
            self._problems.append(str(response.error or f"status {response.status_code}"))

    def tell_problems(self, wanted: int) -> None:
        """Log how many accounts could not be made, if any."""
        self._client.close()
        if self._problems:
            logging.getLogger(__name__).warning(
                "%d of %d test accounts could not be registered; the first: %s",
                len(self._problems),
                wanted,
                self._problems[0],
            )


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


def read_test_users() -> list[Account]:
    """The first ``USERS_COUNT`` accounts of the file; ends the program where there are not so many."""
    path, wanted = settings.TEST_USERS_FILE, settings.USERS_COUNT
    try:
        accounts: list[Account] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"cannot read the test users of {path}: {error}") from error
    if not 0 < wanted <= len(accounts):
        raise SystemExit(f"{path} has {len(accounts)} accounts, and USERS_COUNT asks for {wanted}; change one of them")
    return accounts[:wanted]


class _Shared:
    """What the users of one process share during one test."""

    def __init__(self) -> None:
        self.stopping = False
        self._made: dict[type, gevent.Greenlet] = {}

    @classmethod
    def of(cls, environment: Environment) -> _Shared:
        """That of the test that is under way."""
        shared: _Shared | None = getattr(environment, ATTRIBUTE, None)
        if shared is None:
            shared = cls()
            setattr(environment, ATTRIBUTE, shared)
            if _on_test_stopping not in environment.events.test_stopping._handlers:  # noqa: SLF001  # as above
                environment.events.test_stopping.add_listener(_on_test_stopping)
        return shared

    def once(self, kind: type[Made], make: Callable[[_Shared], Made]) -> Made:
        """What ``make`` returns. It is called for the first who asks, in a greenlet that no user's end can cut off."""
        if kind not in self._made:
            self._made[kind] = gevent.spawn(make, self)
        made: Made = self._made[kind].get()
        return made

    def stop(self) -> None:
        """Begin nothing more, and wait for what is under way: it is to be cleaned up, too."""
        self.stopping = True
        gevent.joinall(list(self._made.values()))


def _on_test_stopping(environment: Environment, **_kwargs: Any) -> None:
    shared: _Shared | None = getattr(environment, ATTRIBUTE, None)
    if shared is not None:
        shared.stop()
        delattr(environment, ATTRIBUTE)  # the next test, from the web UI or of the plan, begins anew
