"""What is recorded for the live page under plain Locust, in one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from locust.env import Environment
from locust.runners import STATE_INIT, STATE_RUNNING, STATE_SPAWNING
from locust.user import User

from loadworthy.clock import SystemClock
from loadworthy.engine.locust_bridge import parsed_options
from loadworthy.page.plain_recording import PlainRecording
from loadworthy.record.interval import Interval


class Someone(User):
    """A user class, without which there is no runner."""


@pytest.fixture
def environment() -> Iterator[Environment]:
    """Locust's, with a runner."""
    made = Environment(user_classes=[Someone], parsed_options=parsed_options(()))
    runner = made.create_local_runner()
    yield made
    made.events.test_stop.fire(environment=made)
    runner.quit()


def requests_recorded(environment: Environment) -> int:
    """How many of one request are, when a test is about to stop."""
    intervals: list[Interval] = []
    PlainRecording(environment, 1, SystemClock(), intervals.append)
    environment.events.request.fire(
        request_type="GET", name="/a", response_time=1.0, response_length=0, exception=None, context={}
    )
    environment.events.test_stopping.fire(environment=environment)
    return sum(series.requests for one in intervals for series in one.series)


@pytest.mark.parametrize(("state", "count"), [(STATE_INIT, 0), (STATE_SPAWNING, 1), (STATE_RUNNING, 1)])
def test_a_worker_that_is_in_a_test_already_records_the_rest(environment: Environment, state: str, count: int) -> None:
    """One that joins a test has users before it hears that somebody looks."""
    environment.runner.worker_state = state  # type: ignore[union-attr]  # as a worker's runner has it
    assert requests_recorded(environment) == count
