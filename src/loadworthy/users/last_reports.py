"""The master of plain Locust waits for the last reports of its workers.

At the end of a headless test a master tells its workers to leave and gives them half a second. A worker that takes
longer, for a task under way does or the machine stands still, is too late: what its users did since its report before,
up to three seconds of the test, is in none of Locust's figures. So the master waits here until each worker has left,
which is the last that a worker says of itself, after its last report.
"""

from __future__ import annotations

from typing import Any

import gevent
import locust
from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner

PATIENCE_S = 60.0
"""How much longer than the stop time-out it waits: as long as Locust does where a test is stopped in the web UI."""
_POLL_S = 0.05


def wait_for_last_reports() -> None:
    """Let masters wait. The module of our user classes asks for it, once in each process."""
    locust.events.init.add_listener(_on_init)


def _on_init(environment: Environment, **_kwargs: Any) -> None:
    from loadworthy.users.preflight import LED_BY_ENGINE  # here, for that imports our user classes

    is_headless = getattr(environment.parsed_options, "headless", False)
    if isinstance(environment.runner, MasterRunner) and is_headless and not hasattr(environment, LED_BY_ENGINE):
        # First, so that whoever listens and looks at the figures has them all.
        environment.events.test_stop._handlers.insert(0, _on_test_stop)  # noqa: SLF001  # Locust has no public list


def _on_test_stop(environment: Environment, **_kwargs: Any) -> None:
    runner = environment.runner
    if not isinstance(runner, MasterRunner):
        return
    current = gevent.getcurrent()
    if current in runner.greenlet and current is not runner.shape_greenlet:
        return  # one of those that read what workers say: while it waits, nobody does
    for client in list(runner.clients.all):
        runner.server.send_to_client(Message("quit", None, client.id))
    with gevent.Timeout(environment.stop_timeout + PATIENCE_S, False):
        while any(client.state != STATE_MISSING for client in runner.clients.all):
            gevent.sleep(_POLL_S)
