"""What we change in Locust while a run lasts, and put back afterwards.

Three things: users of Locust's own HTTP classes get our client (unless the caller wants theirs), each task execution is
counted (and may be refused, see :mod:`loadworthy.engine.tickets`), and users are dispatched ten times a second instead
of in one lump a second. Locust's event hub is global and every runner leaves listeners on it; they are put back too, so
that several runs in one process do not hear each other; so the modules of locustfiles are forgotten, too, and the next
run loads them with their listeners.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gevent
import locust
import locust.runners
from locust import argument_parser
from locust.contrib.fasthttp import FastHttpUser
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.event import EventHook
from locust.exception import StopUser
from locust.user import User
from locust.user.task import DefaultTaskSet, TaskSet
from locust.user.users import HttpUser as LocustHttpUser

from loadworthy.engine.loading import forgetting
from loadworthy.engine.tickets import EndlessTickets, Tickets
from loadworthy.errors import UsageError
from loadworthy.users.http import HttpSession, HttpUser
from loadworthy.users.http.user import give_client
from loadworthy.users.preflight import LED_BY_ENGINE

DISPATCHES_PER_S = 10

PASSED_TO_LOCUST = frozenset({"headless", "tags", "exclude_tags"})
"""Options of Locust's own that mean something in a run of ours."""

HTTP_USERS = (HttpUser, LocustHttpUser, FastHttpUser)
"""Classes that cannot do without a base URL."""


class SmoothDispatcher(UsersDispatcher):
    """Starts users evenly in time; Locust's own starts a second's worth at once."""

    def new_dispatch(
        self, target_user_count: int, spawn_rate: float, user_classes: list[type[User]] | None = None
    ) -> None:
        """As Locust's, but in steps of a tenth of a second, or one user where that is slower."""
        super().new_dispatch(target_user_count, spawn_rate, user_classes)
        per_step = max(1, round(spawn_rate / DISPATCHES_PER_S))
        self._user_count_per_dispatch_iteration = per_step
        self._wait_between_dispatch = per_step / spawn_rate


class IterationGate:
    """Asked before each task execution, told after it. The tickets change with the scenario."""

    def __init__(self) -> None:
        self.tickets: Tickets = EndlessTickets()
        self.on_done: Callable[[], None] = _nobody

    def execute(self, original: Callable[[Any, Any], None], taskset: TaskSet, task: Any) -> None:
        """Run one task, if it is still wanted; entering a nested task set is not an execution of its own."""
        if isinstance(task, type) and issubclass(task, TaskSet):
            original(taskset, task)
            return
        if not self.tickets.take():
            raise StopUser
        try:
            original(taskset, task)
        except gevent.GreenletExit:
            raise
        except BaseException:
            self.on_done()
            raise
        self.on_done()


def _nobody() -> None:
    """Nobody has asked to be told yet."""


@contextmanager
def engine_patches(gate: IterationGate, *, lean_client: bool) -> Iterator[None]:
    """Change Locust as the module says, for as long as the context lasts."""
    originals: list[tuple[Any, str, Any]] = []

    def patch(owner: Any, name: str, replacement: Any) -> None:
        originals.append((owner, name, vars(owner)[name]))
        setattr(owner, name, replacement)

    patch(User, "run", _well_ended(User.run))
    for owner in (TaskSet, DefaultTaskSet):
        patch(owner, "execute_task", _gated(gate, owner.execute_task))
    if lean_client:
        for user_class in (LocustHttpUser, FastHttpUser):
            patch(user_class, "__init__", _init_with_our_client)
    # To log who called, a runner's stop() reads the source of every frame: tens of ms in which no user gets its answer.
    patch(locust.runners, "inspect", None)
    hooks = [hook for hook in vars(locust.events).values() if isinstance(hook, EventHook)]
    listeners = [(hook, list(hook._handlers)) for hook in hooks]  # noqa: SLF001  # Locust has no public list
    try:
        with forgetting():
            yield
    finally:
        for hook, handlers in listeners:
            hook._handlers[:] = handlers  # noqa: SLF001
        for owner, name, original in reversed(originals):
            setattr(owner, name, original)


def _gated(gate: IterationGate, original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    @functools.wraps(original)
    def execute_task(self: TaskSet, task: Any) -> None:
        gate.execute(original, self, task)

    return execute_task


def _well_ended(original: Callable[[User], None]) -> Callable[[User], None]:
    @functools.wraps(original)
    def run(self: User) -> None:
        try:
            original(self)
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
        dispatcher_class=SmoothDispatcher,
    )
    setattr(environment, LED_BY_ENGINE, True)
    return environment
