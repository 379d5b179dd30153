"""The set-up and the tear-down of a run: what is done once, around all load, whatever becomes of the load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from loadworthy.data.secret_values import SecretValues
from loadworthy.data.sources import RowSources
from loadworthy.engine.classes import NodeSetup
from loadworthy.engine.control import Control
from loadworthy.engine.notes import EmitEvent, masked
from loadworthy.errors import SetupError
from loadworthy.units import format_count
from loadworthy.users.multipart import PlanFiles
from loadworthy.users.once import Once, StepFailedError


@contextmanager
def prepared(
    setup: NodeSetup, control: Control, event: EmitEvent, secrets: SecretValues, *, keep: Callable[[], bool]
) -> Iterator[None]:
    """Do the plan's set-up, and at the end of the context its tear-down.

    What the set-up extracts is in ``setup.given`` from then on. One more Ctrl-C (KeyboardInterrupt) while data is
    being removed ends that, too.

    Args:
        setup: of the run.
        control: asked whether the run is to end before it has begun.
        event: is told what was done, and what could not be removed.
        secrets: hears of the credentials in rows, and masks them in what is told.
        keep: whether the data is to stay; then nothing is torn down.

    Raises:
        SetupError: where a step of the set-up fails; what was created until then is removed.
    """
    plan = setup.plan
    if not plan.setup and not plan.teardown:
        yield
        return
    rows = RowSources(plan.test_data, setup.base_dir, setup.today)
    once = Once(plan, rows.rows, PlanFiles(setup.base_dir), setup.seed, control.stop, secrets)
    event = masked(event, secrets)
    try:
        try:
            once.set_up()
        except StepFailedError as error:
            raise SetupError(secrets(str(error))) from error
        if plan.setup:
            event({"type": "setup", "message": f"set-up: {_requests(once.requests)}"})
        setup.given.update(once.given)
        yield
    finally:
        if keep():
            event({"type": "teardown", "message": "no tear-down: the data stays (--keep-data)"})
        else:
            _tear_down(once, event)
        once.close()


def _tear_down(once: Once, event: EmitEvent) -> None:
    before = once.requests
    try:
        failed = once.tear_down()
    except KeyboardInterrupt:
        event({"type": "warning", "message": "tear-down: told to stop in the middle of it; data may be left"})
        return
    for message in failed:
        event({"type": "warning", "message": f"tear-down: {message}"})
    if done := once.requests - before:
        event({"type": "teardown", "message": f"tear-down: {_requests(done)}"})


def _requests(count: int) -> str:
    return f"{format_count(count)} request{'s' * (count != 1)}"
