"""What we change in Locust while a run lasts, and put back afterwards.

Users of Locust's own HTTP classes get our client (unless the caller wants theirs), task executions begin when the
workload wants them and are counted (:mod:`loadworthy.engine.gate`), and what users draw at random can be replayed
(:mod:`loadworthy.users.chance`). Locust's event hub is global and every runner leaves listeners on it; they are put
back too, so that several runs in one process do not hear each other; so the modules of locustfiles are forgotten, too,
and the next run loads them with their listeners.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import locust
import locust.runners
from locust import argument_parser
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment
from locust.event import EventHook
from locust.user import User
from locust.user.task import DefaultTaskSet, TaskSet
from locust.user.users import HttpUser as LocustHttpUser

from loadworthy.clock import monotonic_ns
from loadworthy.engine.gate import (
    arriving_execute_next_task,
    choosing_get_next_task,
    gated_execute_task,
    paced_wait,
)
from loadworthy.engine.loading import forgetting
from loadworthy.engine.seat import seat_of
from loadworthy.errors import UsageError
from loadworthy.users.chance import personal_random
from loadworthy.users.http import HttpSession, HttpUser
from loadworthy.users.http.user import give_client
from loadworthy.users.led import lead

PASSED_TO_LOCUST = frozenset({"headless", "tags", "exclude_tags"})
"""Options of Locust's own that mean something in a run of ours."""

HTTP_USERS = (HttpUser, LocustHttpUser, FastHttpUser)
"""Classes that cannot do without a base URL."""


@contextmanager
def engine_patches(*, lean_client: bool) -> Iterator[None]:
    """Change Locust as the module says, for as long as the context lasts."""
    originals: list[tuple[Any, str, Any]] = []

    def patch(owner: Any, name: str, replacement: Any) -> None:
        originals.append((owner, name, vars(owner)[name]))
        setattr(owner, name, replacement)

    patch(User, "run", _well_ended(User.run))
    for owner in (TaskSet, DefaultTaskSet):
        patch(owner, "execute_task", gated_execute_task(owner.execute_task))
        patch(owner, "get_next_task", choosing_get_next_task(owner.get_next_task))
    patch(TaskSet, "execute_next_task", arriving_execute_next_task(TaskSet.execute_next_task))
    patch(TaskSet, "wait", paced_wait(TaskSet.wait))
    if lean_client:
        for user_class in (LocustHttpUser, FastHttpUser):
            patch(user_class, "__init__", _init_with_our_client)
    # To log who called, a runner's stop() reads the source of every frame: tens of ms in which no user gets its answer.
    patch(locust.runners, "inspect", None)
    hooks = [hook for hook in vars(locust.events).values() if isinstance(hook, EventHook)]
    listeners = [(hook, list(hook._handlers)) for hook in hooks]  # noqa: SLF001  # Locust has no public list
    try:
        with forgetting(), personal_random():
            yield
    finally:
        for hook, handlers in listeners:
            hook._handlers[:] = handlers  # noqa: SLF001
        for owner, name, original in reversed(originals):
            setattr(owner, name, original)


def _well_ended(original: Callable[[User], None]) -> Callable[[User], None]:
    @functools.wraps(original)
    def run(self: User) -> None:
        if (seat := seat_of(self)) is not None:
            seat.born_us = monotonic_ns() // 1000
        try:
            original(self)
        except Exception:  # noqa: BLE001, S110  # Locust has fired user_error for it; gevent would print it once more
            pass
        except SystemExit as error:  # user code may end its user, not the run
            self.environment.events.user_error.fire(user_instance=self, exception=error, tb=error.__traceback__)
        finally:
            client = getattr(self, "client", None)
            if isinstance(client, HttpSession):  # Locust's own user classes do not know that it wants to be closed
                client.close()

    return run


def _init_with_our_client(self: Any, environment: Environment) -> None:
    User.__init__(self, environment)
    give_client(self)


def parsed_options(arguments: Sequence[str]) -> Any:
    """Locust's options, with those that a locustfile adds; UsageError where ``arguments`` do not fit."""
    parser = argument_parser.get_parser(default_config_files=[])
    try:
        options = parser.parse_args(args=["--headless", *arguments], env_vars={})
    except SystemExit as error:
        raise UsageError(f"the locustfile's options are not right: {' '.join(arguments)}") from error
    for name, default in argument_parser.default_args_dict().items():
        if name not in PASSED_TO_LOCUST and getattr(options, name, default) != default:
            raise UsageError(
                f"--{name.replace('_', '-')} is Locust's own option and has no effect here; see loadworthy run --help"
            )
    return options


def make_environment(host: str | None, stop_timeout_s: float) -> Environment:
    """An environment on Locust's global event hub. Its options are set once user code is loaded."""
    environment = Environment(
        events=locust.events,
        host=host,
        stop_timeout=stop_timeout_s,
        parsed_options=parsed_options(()),
    )
    lead(environment)
    return environment
