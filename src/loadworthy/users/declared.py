"""Users made from a plan: ``endpoints`` chosen by weight, or a ``flow`` of steps in order.

:func:`declared_user` compiles a behaviour into a Locust user class. All that does not vary is worked out then;
an iteration is one endpoint, or one pass of the flow. A step that fails ends its pass: what follows would only repeat
the same failure under another name. ``on_start`` is done before the first iteration and, when it fails, again before
the next: a user that could not log in must not go on as a stranger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any

import gevent
from locust.env import Environment
from locust.user.task import task
from requests.exceptions import HTTPError

from loadworthy.plan.model import Behaviour, Plan, Step
from loadworthy.record.sample import Failure, FailureKind
from loadworthy.units import US_PER_S
from loadworthy.users.checks import (
    Check,
    CheckFailedError,
    Extractor,
    StatusNotExpectedError,
    compile_checks,
    compile_extractor,
    expected_statuses,
)
from loadworthy.users.feeders import Feeder
from loadworthy.users.http import HttpUser
from loadworthy.users.sink import sink_for
from loadworthy.users.templates import TemplateFailedError, Templates, functions, resolve

START_RETRY_S = 1.0
"""Pause before ``on_start`` is tried again."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes one user of a run different from the others."""

    user_number: int
    """From 0, unique over all processes."""
    random: Random


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a declared user gets from the run it lives in."""

    next_identity: Callable[[], Identity]
    feeders: Mapping[str, Feeder]
    fed_per_iteration: frozenset[str]
    """Names of the feeders that give a new row for each iteration."""


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """A step ready to be sent: each part is a constant or a function of the variables."""

    method: str
    name: str
    path: Any
    options: Mapping[str, Any]
    statuses: frozenset[int] | None
    checks: Sequence[Check]
    extractors: Mapping[str, Extractor]


@dataclass(frozen=True, slots=True)
class CompiledBehaviour:
    """A behaviour ready to run."""

    on_start: Sequence[CompiledStep]
    flow: Sequence[CompiledStep]
    endpoints: Sequence[CompiledStep]
    cumulative_weights: Sequence[float]


def declared_user(
    class_name: str, behaviour: Behaviour, plan: Plan, surroundings: Surroundings, *, weight: float = 1
) -> type[DeclaredUser]:
    """A user class that does what the behaviour says."""
    wait = behaviour.wait_time

    def wait_time(user: DeclaredUser) -> float:
        return user.random.uniform(wait.low_us, wait.high_us) / US_PER_S if wait else 0.0

    attributes = {
        "abstract": False,
        "weight": weight,
        "host": (plan.base_url or "").rstrip("/"),
        "wait_time": wait_time,
        "compiled": compile_behaviour(behaviour),
        "surroundings": surroundings,
        "__module__": __name__,
        "__doc__": f"Made from the plan: {class_name}.",
    }
    return type(class_name, (DeclaredUser,), attributes)


def compile_behaviour(behaviour: Behaviour) -> CompiledBehaviour:
    """Work out all that does not vary."""
    templates = Templates()
    return CompiledBehaviour(
        on_start=[_compile(step, behaviour, templates, first=True) for step in behaviour.on_start],
        flow=[_compile(step, behaviour, templates) for step in behaviour.flow],
        endpoints=[_compile(endpoint, behaviour, templates) for endpoint in behaviour.endpoints],
        cumulative_weights=list(accumulate(endpoint.weight for endpoint in behaviour.endpoints)),
    )


def _compile(step: Step, behaviour: Behaviour, templates: Templates, *, first: bool = False) -> CompiledStep:
    """``first``: a step of ``on_start``, which goes without the behaviour's headers that need what it will find."""
    own = {name.lower() for name in step.headers}
    common = {name: value for name, value in behaviour.headers.items() if name.lower() not in own}
    # What is the default is not said: a request without options takes the client's shortest way.
    options: dict[str, Any] = {} if step.allow_redirects else {"allow_redirects": False}
    if common or step.headers:
        options["headers"] = (
            templates.texts(step.headers, optional=common) if first else templates.texts(common | step.headers)
        )
    if step.query:
        options["params"] = templates.texts(step.query)
    if step.json_ is not None:
        options["json"] = templates.value(step.json_)
    if step.form is not None:
        options["data"] = templates.texts(step.form)
    if step.body is not None:
        options["data"] = _encoded(templates.text(step.body))
    if step.timeout is not None:
        options["timeout"] = step.timeout / US_PER_S
    return CompiledStep(
        method=step.method,
        name=step.name or step.path,
        path=templates.text(step.path),
        options=options,
        statuses=expected_statuses(step.expect),
        checks=compile_checks(step.expect, templates),
        extractors={name: compile_extractor(name, source) for name, source in step.extract.items()},
    )


def _encoded(text: Any) -> Any:
    if callable(text):
        return lambda variables: text(variables).encode()
    return text.encode()


class DeclaredUser(HttpUser):
    """A user described in a plan; see :func:`declared_user`."""

    abstract = True
    compiled: CompiledBehaviour
    surroundings: Surroundings

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        identity = self.surroundings.next_identity()
        self.random = identity.random
        self._sink = sink_for(self)
        self._started = not self.compiled.on_start
        self._variables: dict[str, Any] = {
            **functions(self.random),
            **{name: feeder.next_row() for name, feeder in self.surroundings.feeders.items()},
            "user_number": identity.user_number,
            "iteration": -1,
        }

    @task
    def iterate(self) -> None:
        """One iteration: log in if that is still to be done, then one endpoint or one pass of the flow."""
        variables = self._variables
        variables["iteration"] += 1
        for name in self.surroundings.fed_per_iteration:
            variables[name] = self.surroundings.feeders[name].next_row()
        if not self._started:
            self._started = all(self.perform(step) for step in self.compiled.on_start)
            if not self._started:
                gevent.sleep(START_RETRY_S)
                return
        compiled = self.compiled
        if compiled.endpoints:
            self.perform(self.random.choices(compiled.endpoints, cum_weights=compiled.cumulative_weights)[0])
        for step in compiled.flow:
            if not self.perform(step):
                return

    def perform(self, step: CompiledStep) -> bool:
        """Send one step and judge its answer; whether it was good. Never raises for what the target did."""
        variables = self._variables
        try:
            path = resolve(step.path, variables)
            options = {key: resolve(option, variables) for key, option in step.options.items()}
        except TemplateFailedError as error:
            self._record_unsent(step, str(error))
            return False
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
            if response.status_code not in step.statuses:
                wanted = ", ".join(str(status) for status in sorted(step.statuses))
                raise StatusNotExpectedError(f"status {response.status_code} where {wanted} was expected")
            response.success()
        elif response.error is not None:
            return False
        for check in step.checks:
            check(response, self._variables)
        for name, extract in step.extractors.items():
            self._variables[name] = extract(response)
        return True

    def _record_unsent(self, step: CompiledStep, message: str) -> None:
        """A request that could not be built is an attempt too, but one that took no time worth a percentile."""
        self._sink.record_untimed(step.method, step.name, failure=Failure(FailureKind.EXCEPTION, message))
