"""The live page under plain Locust: :func:`live_page`, one line of a locustfile.

It begins where Locust has made its web interface. Without one (``--headless``) nothing is recorded and nothing changes.
Workers record only once their leader has told them that somebody may look: they ask when they start, and an interval a
second goes with the reports that Locust sends anyway.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import locust
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner
from locust.web import WebUI

from loadworthy.clock import SystemClock
from loadworthy.errors import LoadworthyError
from loadworthy.record.interval import Interval
from loadworthy.users.led import is_led

HELLO, LOOK, LAST = "loadworthy_hello", "loadworthy_look", "loadworthy_last"
"""What a worker asks, what the leader answers where somebody may look, and a worker's last intervals of a test."""
INTERVALS = "loadworthy_intervals"
"""Where intervals are in the data of a report."""
_MOST_KEPT = 300


def live_page(plan: str | os.PathLike[str] | None = None, scenario: str | None = None) -> None:
    """Put the live page into Locust's web interface; call it at module level of a locustfile.

    ::

        live_page(plan=Path(__file__).with_name("plan.yaml"), scenario="load")

    The web interface then listens on this machine alone; ``--web-host`` opens it to others, with a token that is
    logged. Does nothing without a web interface, and under ``loadworthy run``. Several modules may call it; the last
    call counts, which is that of the file that imports the others.

    Args:
        plan: a plan file, from which the thresholds are; relative to the working directory. Without one the page has
            the rule that no request may fail.
        scenario: which of its scenarios; needed where there are several.

    Where the plan cannot be read, or has no such scenario, Locust ends with exit code 2 and says why.
    """
    handlers = locust.events.init._handlers  # noqa: SLF001  # Locust has no public list
    handlers[:] = [one for one in handlers if not isinstance(one, _Begin)]
    locust.events.init.add_listener(_Begin(None if plan is None else Path(plan), scenario))


class _Begin:
    """The listener of ``init``."""

    def __init__(self, plan: Path | None, scenario: str | None) -> None:
        self._plan = plan
        self._scenario = scenario
        self._part: object = None
        """What this process does for the page; kept for as long as Locust keeps us."""

    def __call__(
        self, environment: Environment, runner: Runner | None = None, web_ui: WebUI | None = None, **_: Any
    ) -> None:
        if is_led(environment):
            return
        try:
            self._part = self._begin(environment, runner, web_ui)
        except LoadworthyError as error:
            logging.getLogger(__name__).error("live_page: %s", error)  # noqa: TRY400  # a user's mistake, no traceback
            raise SystemExit(int(error.exit_code)) from None

    def _begin(self, environment: Environment, runner: Runner | None, web_ui: WebUI | None) -> object:
        if isinstance(runner, WorkerRunner):
            return _Worker(environment, runner)
        if web_ui is None:
            return _Nobody(runner)

        from loadworthy.page.plain_page import PlainPage  # these bring libraries with them, for charts and plans
        from loadworthy.page.plain_plan import plain_plan

        page = PlainPage(environment, web_ui, plain_plan(self._plan, self._scenario, environment))
        if isinstance(runner, MasterRunner):
            source: object = _Leader(environment, runner, page.on_interval)
        else:
            source = _recording(environment, 0, page.on_interval)
        environment.events.test_stop.add_listener(page.on_test_stop)  # after the recording's own, which tells the rest
        return page, source


def _recording(environment: Environment, process: int, on_interval: Callable[[Interval], None]) -> object:
    from loadworthy.page.plain_recording import PlainRecording

    return PlainRecording(environment, process, SystemClock(), on_interval)


class _Nobody:
    """Leads a test that nobody looks at: the questions of workers are taken, and not answered."""

    def __init__(self, runner: Runner | None) -> None:
        if isinstance(runner, MasterRunner):
            runner.register_message(HELLO, _nothing)


def _nothing(**_message: Any) -> None:
    """Nobody looks."""


class _Worker:
    """Records once somebody looks, and sends what it has with Locust's own reports."""

    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._recording: object = None
        self._waiting: deque[Interval] = deque(maxlen=_MOST_KEPT)
        runner.register_message(LOOK, self._on_look)
        runner.send_message(HELLO, {})

    def _on_look(self, msg: Any, **_: Any) -> None:
        if self._recording is None:
            self._recording = _recording(self._environment, int(msg.data["process"]), self._waiting.append)
            events = self._environment.events
            events.report_to_master.add_listener(self._on_report)
            events.test_stop.add_listener(self._on_test_stop)  # after the recording's own

    def _on_report(self, data: dict[str, Any], **_: Any) -> None:
        data[INTERVALS] = self._take()

    def _on_test_stop(self, **_: Any) -> None:
        """Before the leader hears that this worker has stopped: to it the test is over then."""
        self._runner.send_message(LAST, {INTERVALS: self._take()})

    def _take(self) -> list[dict[str, Any]]:
        taken = [one.to_json() for one in self._waiting]
        self._waiting.clear()
        return taken


class _Leader:
    """Tells workers that somebody looks, and puts together what they send."""

    def __init__(self, environment: Environment, runner: MasterRunner, on_interval: Callable[[Interval], None]) -> None:
        self._runner = runner
        self._on_interval = on_interval
        runner.register_message(HELLO, self._on_hello)
        runner.register_message(LAST, self._on_last)
        environment.events.worker_report.add_listener(self._on_report)
        for node_id in list(runner.clients):  # whoever was here before us has asked in vain
            self._answer(node_id)

    def _on_hello(self, msg: Any, **_: Any) -> None:
        self._answer(msg.node_id)

    def _answer(self, node_id: str) -> None:
        process = self._runner.get_worker_index(node_id) + 1
        self._runner.send_message(LOOK, {"process": process}, client_id=node_id)

    def _on_last(self, msg: Any, **_: Any) -> None:
        self._take(msg.data)

    def _on_report(self, client_id: str, data: Mapping[str, Any], **_: Any) -> None:  # noqa: ARG002
        self._take(data)

    def _take(self, data: Mapping[str, Any]) -> None:
        for one in data.get(INTERVALS, ()):
            try:
                interval = Interval.from_json(one)
            except (ValueError, KeyError, TypeError) as error:
                logging.getLogger(__name__).warning("an interval of a worker cannot be read: %s", error)
                continue
            self._on_interval(interval)
