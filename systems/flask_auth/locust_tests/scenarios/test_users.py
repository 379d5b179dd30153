"""The accounts of ``data/test_users.json``, to which the login test logs in.

They are divided among the processes of a test, so each is one process's alone. Just before the first login to an
account the suite asks the API to register it, by a request that is not measured. Where it is there already (409), that
costs the API a look into its table; where it is not, it is registered, and removed after the test. So the first login
goes out at once, whatever the number of accounts, and what others registered stays.
"""

from __future__ import annotations

import json
import logging
import random
from typing import Any

from config import test_config as settings
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from locust.user import User

from loadworthy.users.cleanup import created
from loadworthy.users.http.errors import AttemptError
from loadworthy.users.http.response import Response
from scenarios.accounts import Account, Administrator, Shared, unmeasured

CREATED, EXISTS = 201, (400, 409)
_PROCESSES = "flask_auth_processes"
_FIELDS = ("name", "email", "phone", "password")


class TestAccounts:
    """The accounts of this process. One exists when :meth:`choose` has returned it."""

    def __init__(self, user: User, shared: Shared, accounts: list[Account]) -> None:
        self._user = user
        self._shared = shared
        self._accounts = accounts
        self._client = unmeasured(user)
        self._administrator = Administrator(user)
        self._client_ids: dict[str, Any] = {}
        self._owners: dict[Any, str] = {}
        self._problems: list[str] = []
        shared.at_the_end(self._end)

    @classmethod
    def of(cls, user: User, accounts: list[Account]) -> TestAccounts:
        """Those of this user's process for this test."""
        shared = Shared.of(user.environment)
        return shared.once(cls, lambda: cls(user, shared, share_of(accounts, user.environment)))

    def choose(self) -> Account:
        """Any of them; where nobody has asked for it yet, it is made to exist first."""
        account = random.choice(self._accounts)
        self._shared.once(account["email"], lambda: self._register(account))
        return account

    def complaint(self, account: Account, response: Response) -> str | None:
        """What is wrong with the answer to a login: no token, or one of somebody else; None where it is right.

        Whose it is, is read from ``client_id`` where the API says it: that of an account never changes, and no other
        account has it; and from ``email``.
        """
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or not body.get("token"):
            return "the answer to a login has no token"
        client_id, email = body.get("client_id"), body.get("email")
        if client_id is not None and client_id != self._client_ids.setdefault(account["email"], client_id):
            return "the answer to a login is for another client_id than before"
        if client_id is not None and self._owners.setdefault(client_id, account["email"]) != account["email"]:
            return "the answer to a login has the client_id of another account"
        if email is not None and email != account["email"]:
            return "the answer to a login is for another e-mail address"
        return None

    def _register(self, account: Account) -> None:
        response = self._client.post(settings.REGISTRATION_ENDPOINT, json={key: account[key] for key in _FIELDS})
        if response.status_code == CREATED:
            client_id = _id_in(response)
            if client_id is None:
                self._problems.append("registered, but the answer has no client.id, so it cannot be removed")
            else:
                path = f"{settings.CLIENTS_ENDPOINT}/{client_id}"
                created(self._user, "DELETE", path, headers=self._administrator)
        elif response.status_code not in EXISTS:
            self._problems.append(str(response.error or f"status {response.status_code}"))

    def _end(self) -> None:
        self._client.close()
        if self._problems:
            logging.getLogger(__name__).warning(
                "%d test accounts could not be registered; the first: %s", len(self._problems), self._problems[0]
            )


def _id_in(response: Response) -> Any:
    """``client.id`` of the answer to a registration; None where there is none."""
    try:
        body = response.json()
    except (ValueError, AttemptError):
        return None
    client = body.get("client") if isinstance(body, dict) else None
    return client.get("id") if isinstance(client, dict) else None


def share_of(accounts: list[Account], environment: Environment) -> list[Account]:
    """The accounts of this process: of *n*, process *i* has number i, i+n, i+2n …; all where there are fewer than n."""
    if not isinstance(environment.runner, WorkerRunner):
        return accounts
    processes = getattr(environment.parsed_options, _PROCESSES, 1)
    return accounts[environment.runner.worker_index % processes :: processes] or accounts


def read_test_users() -> list[Account]:
    """The first ``USERS_COUNT`` accounts of the file; ends the program where there are not so many, or no accounts."""
    path, wanted = settings.TEST_USERS_FILE, settings.USERS_COUNT
    try:
        accounts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"cannot read the test users of {path}: {error}") from error
    if not isinstance(accounts, list):
        raise SystemExit(f"{path}: it must be a list of accounts, each with {', '.join(_FIELDS)}")
    for number, account in enumerate(accounts, 1):
        if missing := [field for field in _FIELDS if not _has_text(account, field)]:
            raise SystemExit(f"{path}: account {number} has no {missing[0]}; each needs {', '.join(_FIELDS)}, as texts")
    if not 0 < wanted <= len(accounts):
        raise SystemExit(f"{path} has {len(accounts)} accounts, and USERS_COUNT asks for {wanted}; change one of them")
    return accounts[:wanted]


def _has_text(account: Any, field: str) -> bool:
    return isinstance(account, dict) and isinstance(account.get(field), str) and bool(account[field])


def _count_processes(environment: Environment, **_kwargs: Any) -> None:
    """A test starts: the master tells its workers how many they are, among the options that Locust sends them."""
    if isinstance(environment.runner, MasterRunner):
        clients = environment.runner.clients
        workers = len(clients.ready + clients.spawning + clients.running)
        setattr(environment.parsed_options, _PROCESSES, max(workers, 1))


events.test_start.add_listener(_count_processes)
