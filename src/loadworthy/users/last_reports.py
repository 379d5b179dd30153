"""The master of plain Locust waits for the last reports of its workers.

At the end of a headless test a master tells its workers to leave and gives them half a second. A worker that takes
longer, for a task under way does or the machine stands still, is too late: what its users did since its report before,
up to three seconds of the test, is in none of Locust's figures. So the master waits here until each worker has left,
which is the last that a worker says of itself, after its last report.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import gevent
import locust
from locust.env import Environment
from locust.rpc import Message
from locust.runners import MasterRunner

from loadworthy.users.led import is_led

PATIENCE_S = 60.0
"""How much longer than the stop time-out it waits: as long as Locust does where a test is stopped in the web UI."""
SILENT_BEATS = 20
"""Of a worker that was not heard for so many seconds more than Locust allows nothing is expected any more."""
_POLL_S = 0.05


def wait_for_last_reports() -> None:
    """Let masters wait. The module of our user classes asks for it, once in each process."""
    locust.events.init.add_listener(_on_init)


def _on_init(environment: Environment, **_kwargs: Any) -> None:
    runner, is_headless = environment.runner, getattr(environment.parsed_options, "headless", False)
    if isinstance(runner, MasterRunner) and is_headless and not is_led(environment):
        ending = _Ending(runner)
        runner.quit = ending.quit  # type: ignore[method-assign]
        # First, so that whoever listens and looks at the figures has them all.
        environment.events.test_stop._handlers.insert(0, ending.on_test_stop)  # noqa: SLF001  # Locust has no public list


class _Ending:
    """The end of a headless test in its master."""

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._quit = runner.quit
        self._is_quitting = False

    def quit(self) -> None:
        """As Locust's, but for a second one that Locust asks for itself, when the last worker has left.

        It would end the process in the midst of what other listeners do at the end of the test.
        """
        if self._is_quitting and self._is_runners_own():
            return
        self._is_quitting = True
        try:
            self._quit()
        finally:
            self._is_quitting = False

    def on_test_stop(self, environment: Environment, **_kwargs: Any) -> None:
        """Send the workers home, and wait until they have left; a test that is only stopped keeps them."""
        if not self._is_quitting or self._is_runners_own():
            return  # while one of those that read what workers say waits, nobody does
        workers = [client.id for client in self._runner.clients.all]
        for worker in workers:
            self._runner.server.send_to_client(Message("quit", None, worker))
        # A second Ctrl-C ends the waiting.
        with suppress(KeyboardInterrupt), gevent.Timeout(environment.stop_timeout + PATIENCE_S, False):
            while len(self._runner.greenlet) and any(map(self._is_there, workers)):
                gevent.sleep(_POLL_S)
        if left := sum(map(self._is_there, workers)):
            logging.getLogger(__name__).warning("%d of %d workers did not send their last figures", left, len(workers))

    def _is_there(self, worker: str) -> bool:
        client = self._runner.clients.get(worker)
        return client is not None and client.heartbeat >= -SILENT_BEATS

    def _is_runners_own(self) -> bool:
        current = gevent.getcurrent()
        return current in self._runner.greenlet and current is not self._runner.shape_greenlet
