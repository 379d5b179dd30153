"""What a plan does once for all users: its ``setup`` before any load, its ``teardown`` after all of it.

The steps are those of users, sent one after another by the process that leads the run; they are no samples. A step
with ``for_each`` is sent once for each row of that test data, eight at a time; what it extracts becomes a list, in the
order of the rows. What the set-up created is removed as its ``undo`` says, the newest first, after the tear-down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from gevent.event import Event
from gevent.pool import Pool as GreenletPool

from loadworthy.data.secret_values import SecretValues, secret_texts
from loadworthy.errors import LoadworthyError
from loadworthy.plan.model import Plan
from loadworthy.plan.steps import SetupStep
from loadworthy.plan.template_words import names_in
from loadworthy.units import US_PER_S
from loadworthy.users.checks import CheckFailedError
from loadworthy.users.cleanup import AT_ONCE, NoSamples, Undo, remove_all, what_is_left
from loadworthy.users.declared_requests import CompiledStep, compile_headers, compile_request
from loadworthy.users.http.response import Response
from loadworthy.users.http.session import HttpSession
from loadworthy.users.multipart import ReadFile
from loadworthy.users.templates import TemplateFailedError, Templates, functions

Row = Mapping[str, Any]
RowsOf = Callable[[str], Sequence[Row]]
SETUP = "setup"
_MOST_TOLD = 200


class StepFailedError(Exception):
    """A step of the set-up or the tear-down did not do what it should; the message says which, and why."""


class Once:
    """The steps of one run, and what they have created and extracted.

    Args:
        plan: the plan.
        rows_of: the rows of test data by its name.
        read_file: what is in a file that the plan names.
        seed: of what templates draw at random.
        stop: set when the run is to end: then the set-up begins nothing more.
        secrets: hears of the credentials in the rows that are used.

    Raises:
        UsageError: where the test data that its steps use cannot be had.
    """

    def __init__(
        self, plan: Plan, rows_of: RowsOf, read_file: ReadFile, seed: int, stop: Event, secrets: SecretValues
    ) -> None:
        self.host = (plan.base_url or "").rstrip("/") or None
        """Like a user, for whoever undoes what was created."""
        self.insecure = not plan.verify_tls
        timeout_s = plan.timeout / US_PER_S
        self.client = HttpSession(
            self.host,
            NoSamples(),
            connect_timeout_s=timeout_s,
            read_timeout_s=timeout_s,
            max_body_bytes=plan.max_body,
            verify=plan.verify_tls,
        )
        self.given: dict[str, Any] = {}
        """What has been extracted so far, for templates of users and of later steps."""
        self.requests = 0
        self._plan = plan
        self._rows = {name: rows_of(name) for name in _used(plan)}  # now: after the load it would be too late to fail
        self._random = Random(f"{seed}/once")
        self._stop = stop
        self._secrets = secrets
        for rows in self._rows.values():
            self._note(rows[0])
        self._templates = Templates()
        self._read_file = read_file
        self._undos: list[Undo] = []

    def set_up(self) -> None:
        """Do all steps of the set-up; StepFailedError at the first that fails."""
        self._do_all(SETUP, self._plan.setup)

    def tear_down(self) -> list[str]:
        """Do all steps of the tear-down and undo what the set-up created; what failed, in words."""
        failed = []
        for number, step in enumerate(self._plan.teardown, start=1):
            try:
                self._do("teardown", number, step)
            except (StepFailedError, LoadworthyError) as error:
                failed.append(str(error))
        undos, self._undos = self._undos, []
        if left := remove_all(undos):
            failed.append(what_is_left(undos, left))
        self.requests += len(undos)
        return failed

    def close(self) -> None:
        """Close its connections."""
        self.client.close()

    def _do_all(self, what: str, steps: Sequence[SetupStep]) -> None:
        for number, step in enumerate(steps, start=1):
            if self._stop.is_set():
                return
            self._do(what, number, step)

    def _do(self, what: str, number: int, step: SetupStep) -> None:
        if step.wait is not None:
            pause = self._stop if what == SETUP else Event()
            pause.wait(step.wait / US_PER_S)
            return
        headers = compile_headers(step.headers, {}, self._templates)
        request = compile_request(step, headers, self._templates, self._read_file)
        task = _Task(f"{what} step {number}", request)
        if step.for_each is None:
            self.given.update(self._send(task, {}))
            return
        found = self._for_each(task, step.for_each, may_stop=what == SETUP)
        self.given.update({name: [one[name] for one in found] for name in step.extract})

    def _for_each(self, task: _Task, name: str, *, may_stop: bool) -> list[dict[str, Any]]:
        """Send a step for each row. After a failure no more are begun; those under way are awaited, to be undone."""
        found: list[dict[str, Any] | None] = []
        failed: dict[int, StepFailedError] = {}
        greenlets = GreenletPool(AT_ONCE)

        def send(number: int, row: Row) -> None:
            self._note(row)
            try:
                found[number] = self._send(task, {name: row})
            except StepFailedError as error:
                failed[number] = StepFailedError(f"{error} (row {number + 1} of {name})")

        try:
            for number, row in enumerate(self._rows[name]):
                greenlets.wait_available()
                if failed or (may_stop and self._stop.is_set()):
                    break
                found.append(None)
                greenlets.spawn(send, number, row)
            greenlets.join()
        finally:
            greenlets.kill()
        if failed:
            raise failed[min(failed)]
        return [one for one in found if one is not None]

    def _send(self, task: _Task, more: Row) -> dict[str, Any]:
        """Send a step once; what was extracted."""
        step = task.step
        variables = {**self._variables(), **more}
        try:
            path, options = step.filled(variables)
            self.requests += 1
            response = self.client.request(step.method, path, name=step.name, **options)
            _require_good(step, response)
            step.take(response, variables)
            for text in step.secrets_in(variables):
                self._secrets.add(text)
            if step.undo is not None:
                self._undos.append(Undo(self, **step.undo.filled(variables, options)))
        except (TemplateFailedError, CheckFailedError) as error:
            raise StepFailedError(f"{task.name}, {step.method} {step.name}: {_short(error)}") from error
        return {name: variables[name] for name in step.extractors}

    def _note(self, row: Row) -> None:
        for text in secret_texts(row):
            self._secrets.add(text)

    def _variables(self) -> dict[str, Any]:
        first = {name: rows[0] for name, rows in self._rows.items()}
        return {**first, **functions(self._random), "user_number": 0, "iteration": 0, **self.given}


@dataclass(frozen=True, slots=True)
class _Task:
    """A step, and what it is called when it fails."""

    name: str
    step: CompiledStep


def _used(plan: Plan) -> frozenset[str]:
    """The names of the test data that the steps use."""
    steps = (*plan.setup, *plan.teardown)
    named = names_in([step.model_dump(mode="json", by_alias=True) for step in steps])
    return (named | {step.for_each for step in steps if step.for_each}) & plan.test_data.keys()


def _require_good(step: CompiledStep, response: Response) -> None:
    if response.error is not None and (step.statuses is None or not response.status_code):
        raise CheckFailedError(str(response.error))
    step.check_status(response)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _MOST_TOLD else f"{text[: _MOST_TOLD - 1]}…"
