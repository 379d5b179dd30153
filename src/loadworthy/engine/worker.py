"""A worker: a process that makes load for a master elsewhere."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gevent
import locust
from gevent.socket import wait_read  # type: ignore[attr-defined]  # made at import time
from locust.env import Environment
from locust.exception import RPCSendError
from locust.rpc import Message
from locust.runners import STATE_INIT, WorkerRunner

from loadworthy.clock import Clock
from loadworthy.engine import wire
from loadworthy.engine.classes import ScenarioClasses, seed_process
from loadworthy.engine.limits import raise_descriptor_limit
from loadworthy.engine.locust_bridge import IterationGate, engine_patches, make_environment, parsed_options
from loadworthy.engine.node import Node
from loadworthy.engine.notes import warnings_as_events
from loadworthy.engine.shipping import unpack_setup
from loadworthy.engine.stopping import CarefulRunner
from loadworthy.engine.tickets import LeasedTickets
from loadworthy.errors import LoadworthyError, SetupError
from loadworthy.record.interval import Interval
from loadworthy.units import US_PER_S

Json = dict[str, Any]


class PromptWorkerRunner(CarefulRunner, WorkerRunner):
    """Locust's worker, named after its process, and ready again as soon as its users have stopped.

    Locust's own sleeps for the stop time-out once more before it says so; between the scenarios of a plan nobody
    wants to wait for that.
    """

    on_stopping: Callable[[], None] = staticmethod(lambda: None)

    def handle_message(self, msg: Message) -> None:
        """As Locust's, but for ``stop``."""
        if msg.type != "stop":
            super().handle_message(msg)
            return
        self.on_stopping()
        self.stop()
        self.client.send(Message("client_stopped", None, self.client_id))
        self.client.send(Message("client_ready", locust.__version__, self.client_id))
        self.worker_state = STATE_INIT


class BatchOutlet:
    """Sends what a node found to the master, in numbered batches that are kept until acknowledged."""

    def __init__(self, send: Callable[[str, Json], None], clock: Clock) -> None:
        self._send = send
        self._clock = clock
        self._number = 0
        self._kept: dict[int, tuple[int, Json]] = {}
        self._failures: list[Json] = []
        self._events: list[Json] = []

    def interval(self, interval: Interval) -> None:
        """Send it, with the failures and events that have come up since the last."""
        self.send_batch([interval.to_json()])
        self.resend()

    def failures(self, failures: Sequence[Json]) -> None:
        """Goes with the next batch."""
        self._failures.extend(failures)

    def event(self, event: Json) -> None:
        """Goes with the next batch."""
        self._events.append(event)

    def send_batch(self, intervals: list[Json]) -> None:
        """Send a batch now."""
        batch = {"number": self._number, "intervals": intervals, "failures": self._failures, "events": self._events}
        self._failures, self._events = [], []
        self._kept[self._number] = (self._clock.monotonic_us(), batch)
        self._number += 1
        self._try_to_send(batch)

    def acknowledge(self, number: int) -> None:
        """The master has it."""
        self._kept.pop(number, None)

    def resend(self) -> None:
        """Send again what was not acknowledged for a while."""
        now_us = self._clock.monotonic_us()
        for number, (sent_us, batch) in list(self._kept.items()):
            if now_us - sent_us > wire.RESEND_AFTER_S * US_PER_S:
                self._kept[number] = (now_us, batch)
                self._try_to_send(batch)

    def _try_to_send(self, batch: Json) -> None:
        try:
            self._send(wire.BATCH, batch)
        except RPCSendError as error:
            logging.getLogger(__name__).warning("batch %d could not be sent (%s); it is kept", batch["number"], error)


class Worker:
    """Takes part in one run, from SETUP to Locust's ``quit``."""

    def __init__(self, master: tuple[str, int], clock: Clock, *, tied: bool, say: Callable[[str], None]) -> None:
        """Connect; SetupError where no master answers. ``tied``: the master is our parent process."""
        host, port = master
        self._say = say
        self._clock = clock
        self._node: Node | None = None
        self._tickets: LeasedTickets | None = None
        self._context = ExitStack()
        self._environment: Environment = make_environment(None, 0.0)
        try:
            self._runner = self._environment._create_runner(  # noqa: SLF001  # the only way to choose the class
                PromptWorkerRunner, master_host=host, master_port=port
            )
        except (OSError, ConnectionError) as error:
            raise SetupError(
                f"no run answers at {host}:{port}; start it there with `loadworthy run … --workers N --bind {host}`"
            ) from error
        self._runner.on_stopping = lambda: self._require_node().stopping()
        self._outlet = BatchOutlet(self._runner.send_message, clock)
        handlers = {
            wire.SETUP: self._on_setup,
            wire.BEGIN: self._on_begin,
            wire.END: self._on_end,
            wire.ACK: self._on_ack,
            wire.GRANT: self._on_grant,
        }
        for message_type, handler in handlers.items():
            self._runner.register_message(message_type, _with_data(handler))
        # Only now may the master answer: Locust drops messages that nobody has registered for.
        self._runner.send_message(wire.HELLO, {"child_pid": os.getpid() if tied else None})

    def work(self) -> None:
        """Until the master says quit or is gone."""
        with self._context:
            self._runner.greenlet.join()
            self._environment.events.quit.fire(exit_code=0)  # as Locust: what its listeners have left to do is done now

    def leave(self) -> None:
        """Stop now."""
        self._runner.user_greenlets.kill(block=False)
        self._runner.greenlet.kill(block=False)

    def _on_setup(self, data: Json) -> None:
        try:
            scratch = self._context.enter_context(tempfile.TemporaryDirectory(prefix="loadworthy-"))
            setup = unpack_setup(data, Path(scratch))
            gate, classes = IterationGate(), ScenarioClasses(setup)
            self._context.enter_context(engine_patches(gate, lean_client=setup.lean_client))
            self._context.enter_context(warnings_as_events(self._outlet.event))
            seed_process(setup)
            classes.load()
            self._environment.parsed_options = parsed_options(setup.arguments)  # a locustfile may add options
            self._node = Node(classes, gate, self._environment, self._clock, self._outlet)
            self._environment.events.init.fire(environment=self._environment, runner=self._runner, web_ui=None)
        except LoadworthyError as error:
            self._runner.send_message(wire.REFUSED, {"message": str(error)})
            return
        self._say(f"joined as worker {setup.process} of {setup.processes}")
        self._runner.send_message(wire.READY, {})

    def _on_begin(self, data: Json) -> None:
        node = self._require_node()
        self._tickets = LeasedTickets(self._ask_for_tickets) if data["counted"] else None
        node.begin(data["scenario"], self._tickets)
        self._say(f"{data['scenario']}: started")
        self._runner.send_message(wire.BEGUN, {"scenario": data["scenario"]})

    def _on_end(self, data: Json) -> None:
        self._require_node().end()
        self._outlet.send_batch([])
        self._say(f"{data['scenario']}: ended")
        self._runner.send_message(wire.ENDED, {"scenario": data["scenario"]})

    def _on_ack(self, data: Json) -> None:
        self._outlet.acknowledge(int(data["number"]))

    def _on_grant(self, data: Json) -> None:
        if self._tickets is not None:
            self._tickets.grant(int(data["count"]))

    def _ask_for_tickets(self) -> None:
        self._runner.send_message(wire.TICKETS, {})

    def _require_node(self) -> Node:
        if self._node is None:
            raise SetupError("the master began a scenario before it sent a plan")
        return self._node


def _with_data(handler: Callable[[Json], None]) -> Callable[..., None]:
    def handle(msg: Message, **_kwargs: Any) -> None:
        handler(msg.data or {})

    return handle


def leave_with_parent(worker: Worker) -> None:
    """End the worker when the process that started it is gone: its end of our standard input closes."""

    def watch() -> None:
        descriptor = sys.stdin.fileno()
        os.set_blocking(descriptor, False)
        while True:
            wait_read(descriptor)
            if not os.read(descriptor, 4096):
                worker.leave()
                return

    gevent.spawn(watch)


def join(master: tuple[str, int], clock: Clock, *, tied: bool, say: Callable[[str], None]) -> None:
    """Work for a master until it says quit. ``tied``: also until the parent process is gone.

    ``say`` is told, in words for people, what the worker is doing.
    """
    raise_descriptor_limit()
    worker = Worker(master, clock, tied=tied, say=say)
    if tied:
        leave_with_parent(worker)
    worker.work()
