"""Users made from a plan: ``endpoints`` chosen by weight, or a ``flow`` of steps in order.

:func:`declared_user` compiles a behaviour into a Locust user class. All that does not vary is worked out then;
an iteration is one endpoint, or one pass of the flow. A step that fails ends its pass: what follows would only repeat
the same failure under another name. ``on_start`` is done before the first iteration and, when it fails, again before
the next: a user that could not log in must not go on as a stranger.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Any, NoReturn

import gevent
from locust.env import Environment
from locust.exception import StopUser
from locust.user.task import task
from requests.exceptions import HTTPError

from loadworthy.plan.model import Behaviour, Plan
from loadworthy.plan.steps import Step
from loadworthy.plan.template_words import names_in
from loadworthy.record.sample import Failure, FailureKind
from loadworthy.units import US_PER_S
from loadworthy.users.checks import CheckFailedError, StatusNotExpectedError
from loadworthy.users.cleanup import created
from loadworthy.users.declared_requests import CompiledStep, CompiledUndo, compile_headers, compile_request
from loadworthy.users.declared_sockets import Sockets, SocketStep, StreamingUser, compile_socket_step
from loadworthy.users.feeders import SECRETS, Feeder, RowsUsedUpError
from loadworthy.users.multipart import ReadFile
from loadworthy.users.sink import sink_for
from loadworthy.users.templates import TemplateFailedError, Templates, functions

START_RETRY_S = 1.0
"""Pause before ``on_start`` is tried again."""
NOTHING_SENT_PAUSE_S = 0.1
"""After a pass whose first step could not even be built: the next will hardly do better, and nobody slows it down."""
MOST_STARTS_WITHOUT_ROW = 60
"""So often in a row a user's ``on_start`` may fail and leave the row of its iteration to others. Then it uses it up: a
run that ends with its rows ends, too, where nobody can log in."""


def _nothing() -> None:
    """There is none."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes one user of a run different from the others."""

    user_number: int
    """From 0, unique over all processes."""
    random: Random
    arrival_number: Callable[[], int | None] = _nothing
    """The number of the iteration under way, from 0 over all processes, where the workload is open."""
    ticket_number: Callable[[], int | None] = _nothing
    """The same, where the workload is closed and the number of its iterations is limited."""
    give_ticket_back: Callable[[], None] = _nothing
    """The iteration under way with that number has done nothing: another may be begun in its stead."""
    most_users: int = 0
    """In a closed workload, users over all processes at once; 0 where that is not known."""
    is_open: bool = False
    """Whether the workload is: then ``on_start`` is done before the user takes part, not in its first iteration."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a declared user gets from the run it lives in."""

    next_identity: Callable[[], Identity]
    feeders: Mapping[str, Feeder]
    fed_per_iteration: Collection[str]
    """Names of the feeders that give a new row for each iteration; rows at random are drawn in this order."""
    read_file: ReadFile
    """What is in a file that the plan names."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What the plan's set-up has extracted."""


@dataclass(frozen=True, slots=True)
class CompiledBehaviour:
    """A behaviour ready to run."""

    on_start: Sequence[CompiledStep | SocketStep]
    flow: Sequence[CompiledStep | SocketStep]
    endpoints: Sequence[CompiledStep | SocketStep]
    cumulative_weights: Sequence[float]


def declared_user(
    class_name: str, behaviour: Behaviour, plan: Plan, surroundings: Surroundings, *, weight: float = 1
) -> type[DeclaredUser]:
    """A user class that does what the behaviour says."""
    wait = behaviour.wait_time

    def wait_time(user: DeclaredUser) -> float:
        return user.pause(user.random.uniform(wait.low_us, wait.high_us) / US_PER_S) if wait else 0.0

    attributes = {
        "abstract": False,
        "weight": weight,
        "host": (plan.base_url or "").rstrip("/"),
        "wait_time": wait_time,
        "compiled": compile_behaviour(behaviour, surroundings.read_file),
        "surroundings": surroundings,
        "starts_with_rows": not _names_in_start(behaviour).isdisjoint(surroundings.fed_per_iteration),
        "names": names_in(behaviour.model_dump(mode="json", by_alias=True)),
        "__module__": __name__,
        "__doc__": f"Made from the plan: {class_name}.",
    }
    return type(class_name, (DeclaredUser,), attributes)


def _names_in_start(behaviour: Behaviour) -> frozenset[str]:
    """The names that templates of ``on_start`` use."""
    return names_in([behaviour.headers, *(step.model_dump(mode="json", by_alias=True) for step in behaviour.on_start)])


def compile_behaviour(behaviour: Behaviour, read_file: ReadFile) -> CompiledBehaviour:
    """Work out all that does not vary; UsageError where a file of a form cannot be read."""
    templates = Templates()

    def compiled(steps: Sequence[Step], *, first: bool = False) -> list[CompiledStep | SocketStep]:
        return [_compile(step, behaviour, templates, read_file, first=first) for step in steps]

    return CompiledBehaviour(
        on_start=compiled(behaviour.on_start, first=True),
        flow=compiled(behaviour.flow),
        endpoints=compiled(behaviour.endpoints),
        cumulative_weights=list(accumulate(endpoint.weight for endpoint in behaviour.endpoints)),
    )


def _compile(
    step: Step, behaviour: Behaviour, templates: Templates, read_file: ReadFile, *, first: bool
) -> CompiledStep | SocketStep:
    """``first``: a step of ``on_start``, which goes without the behaviour's headers that need what it will find."""
    opened = step.websocket or step.events
    own = step.headers if opened is None else opened.headers
    headers = compile_headers(own, behaviour.headers, templates, first=first)
    socket_step = compile_socket_step(step, headers, templates)
    return socket_step or compile_request(step, headers, templates, read_file)


class DeclaredUser(StreamingUser):
    """A user described in a plan; see :func:`declared_user`."""

    abstract = True
    compiled: CompiledBehaviour
    surroundings: Surroundings
    names: frozenset[str]
    """All names that its templates use."""
    takes_ticket: bool = True
    """Whether its iterations are counted, where their number is limited: not where only rows limit it, and it uses none
    of them."""
    starts_with_rows: bool
    """Whether ``on_start`` uses rows of the iteration before which it is done."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        identity = self.surroundings.next_identity()
        self.random = identity.random
        self._arrival_number = identity.arrival_number
        self._ticket_number = identity.ticket_number
        self._give_ticket_back = identity.give_ticket_back
        self._failed_starts = 0
        self._has_acted = False
        self._rows_of = -1
        self._starts_early = identity.is_open
        self._most_users = identity.most_users
        self._sink = sink_for(self)
        self._secrets = getattr(environment, SECRETS, None)
        self._sockets = Sockets(self)
        self._started = not self.compiled.on_start
        self._variables: dict[str, Any] = {
            **functions(self.random),
            **self.surroundings.given,
            "user_number": identity.user_number,
            "iteration": -1,
        }
        self._without_row: RowsUsedUpError | None = None
        self._take_first_rows(identity.user_number)

    def on_start(self) -> None:
        """In an open workload a user is ready before it is given anything to do."""
        if self._without_row is not None:
            self._stop_without_row(self._without_row)
        if self._starts_early and not self._started:
            self._started = self._start()

    def _start(self) -> bool:
        self._sockets.is_starting = True
        try:
            return all(self.perform(step) for step in self.compiled.on_start)
        finally:
            self._sockets.is_starting = False

    @task
    def iterate(self) -> None:
        """One iteration: log in if that is still to be done, then one endpoint or one pass of the flow."""
        variables = self._variables
        arrival = self._arrival_number()
        variables["iteration"] = variables["iteration"] + 1 if arrival is None else arrival
        if (not self._started or self._sockets.is_broken) and not self._get_ready(arrival):
            return
        if self._rows_of != variables["iteration"]:
            self._take_rows(arrival)
        self._has_acted = False
        self._pass()
        self._sockets.end_pass()
        if not self._has_acted and arrival is None:
            gevent.sleep(NOTHING_SENT_PAUSE_S)

    def _get_ready(self, arrival: int | None) -> bool:
        """Do ``on_start`` in an iteration, before anything else, and wait where it fails; whether it was good."""
        if self.starts_with_rows:
            self._take_rows(arrival)
        self._started = self._start()
        if not self._started:
            self._leave_row()
            gevent.sleep(START_RETRY_S)
            return False
        self._failed_starts = 0
        return True

    def _leave_row(self) -> None:
        """A user that could not start leaves the row of this iteration to others, where it has not used it."""
        self._failed_starts += 1
        if self.starts_with_rows or self._failed_starts > MOST_STARTS_WITHOUT_ROW:
            return
        feeders = self.surroundings.feeders
        if any(feeders[name].is_once for name in self.surroundings.fed_per_iteration):
            self._give_ticket_back()

    def _take_first_rows(self, user_number: int) -> None:
        """Those of the user; and of its iterations, but where each is handed out once, one to begin with."""
        for name, feeder in self.surroundings.feeders.items():
            is_per_iteration = name in self.surroundings.fed_per_iteration
            if is_per_iteration and feeder.is_once:
                continue
            try:
                self._variables[name] = feeder.row(None if is_per_iteration else user_number, self.random)
            except RowsUsedUpError as error:
                self._without_row = error

    def _take_rows(self, arrival: int | None) -> None:
        """Those of this iteration."""
        self._rows_of = self._variables["iteration"]
        for name in self.surroundings.fed_per_iteration:
            feeder = self.surroundings.feeders[name]
            if feeder.is_once and not self.takes_ticket:
                continue  # it uses none, and has no number to get one by
            number = self._row_number(arrival, is_once=feeder.is_once)
            try:
                self._variables[name] = feeder.row(number, self.random)
            except RowsUsedUpError as error:
                self._stop_without_row(error)

    def _stop_without_row(self, error: RowsUsedUpError) -> NoReturn:
        """A user whose row there is not stops; that is told once."""
        logging.getLogger(__name__).warning("%s; users that find none stop", error)
        raise StopUser from error

    def _row_number(self, arrival: int | None, *, is_once: bool) -> int | None:
        """The number of this iteration's row, the same in every process; each round of all users takes others."""
        if arrival is not None:
            return arrival
        if is_once:
            return self._ticket_number()
        if not self._most_users:
            return None
        variables = self._variables
        return int(variables["iteration"]) * self._most_users + int(variables["user_number"])

    def _pass(self) -> None:
        compiled = self.compiled
        if compiled.endpoints:
            self.perform(self._chosen_endpoint())
        for step in compiled.flow:
            if not self.perform(step):
                return

    def _chosen_endpoint(self) -> CompiledStep | SocketStep:
        endpoints = self.compiled.endpoints
        if len(endpoints) == 1:
            return endpoints[0]
        return self.random.choices(endpoints, cum_weights=self.compiled.cumulative_weights)[0]

    def pause(self, seconds: float) -> float:
        """Spend the pause after an iteration; how much of it is left for Locust to sleep."""
        return self._sockets.pause(seconds)

    def perform(self, step: CompiledStep | SocketStep) -> bool:
        """Do one step and judge its answer; whether it was good. Never raises for what the target did."""
        if isinstance(step, SocketStep):
            return self._perform_on_socket(step)
        variables = self._variables
        try:
            path, options = step.filled(variables)
        except TemplateFailedError as error:
            self._record_unsent(step.method, step.name, str(error))
            return False
        self._has_acted = True
        good = self._send(step, path, options)
        if good and step.undo is not None:
            self._remember(step.undo, step, options)
        return good

    def _send(self, step: CompiledStep, path: str, options: Mapping[str, Any]) -> bool:
        if step.statuses is None and not step.checks and not step.extractors:
            response = self.client.request(step.method, path, name=step.name, **options)
            return bool(response.ok)
        with self.client.request(step.method, path, name=step.name, catch_response=True, **options) as response:
            try:
                return self._judge(step, response)
            except StatusNotExpectedError as error:
                response.failure(HTTPError(str(error)))
            except CheckFailedError as error:
                response.failure(str(error))
        return False

    def _judge(self, step: CompiledStep, response: Any) -> bool:
        """Whether the answer is good; raises CheckFailedError where the plan says that it is not."""
        if response.error is not None and not response.status_code:
            return False  # no answer came: already a failure, of its own kind
        if step.statuses is not None:
            step.check_status(response)
            response.success()
        elif response.error is not None:
            return False
        step.take(response, self._variables)
        if step.secret_names and self._secrets is not None:
            for text in step.secrets_in(self._variables):
                self._secrets.add(text)
        return True

    def _remember(self, undo: CompiledUndo, step: CompiledStep, options: Mapping[str, Any]) -> None:
        """How to remove what has just been created; a removal that cannot be told is a failure of the plan's."""
        try:
            request = undo.filled(self._variables, options)
        except TemplateFailedError as error:
            self._record_unsent(step.method, f"undo of {step.name}", str(error))
            return
        created(self, **request)

    def _perform_on_socket(self, step: SocketStep) -> bool:
        try:
            step.act(self._sockets, self._variables)
        except Exception as error:
            if isinstance(error, TemplateFailedError) and not getattr(error, "loadworthy_recorded", False):
                self._record_unsent(step.kind, step.name, str(error))
                return False
            self._has_acted = True
            if not getattr(error, "loadworthy_recorded", False):
                raise
            return False
        self._has_acted = True
        return True

    def _record_unsent(self, kind: str, name: str, message: str) -> None:
        """A request that could not be built is an attempt too, but one that took no time worth a percentile."""
        self._sink.record_untimed(kind, name, failure=Failure(FailureKind.EXCEPTION, message))
