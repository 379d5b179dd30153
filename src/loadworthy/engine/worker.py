"""A worker: a process that makes load for a master elsewhere."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from gevent.socket import wait_read  # type: ignore[attr-defined]  # made at import time
from locust.env import Environment
from locust.exception import RPCSendError
from locust.rpc import Message
from locust.runners import STATE_INIT, STATE_RUNNING, WorkerRunner

from loadworthy.clock import Clock
from loadworthy.engine import wire
from loadworthy.engine.classes import ScenarioClasses, seed_process
from loadworthy.engine.drive import LOOK_US
from loadworthy.engine.limits import raise_descriptor_limit
from loadworthy.engine.locust_bridge import engine_patches, make_environment, parsed_options
from loadworthy.engine.node import Node, close_test
from loadworthy.engine.notes import masked, warnings_as_events
from loadworthy.engine.shipping import unpack_setup
from loadworthy.engine.tickets import LeasedTickets
from loadworthy.errors import LoadworthyError, SetupError
from loadworthy.record.interval import Interval
from loadworthy.units import US_PER_S
from loadworthy.users.sink import describe_exception
from loadworthy.workload.segment import Segment

Json = dict[str, Any]


class BatchOutlet:
    """Sends what a node found to the master, in numbered batches that are kept until acknowledged."""

    def __init__(self, send: Callable[[str, Json], None], clock: Clock) -> None:
        self._send = send
        self.is_full: Callable[[], bool] = bool
        self.states: Callable[[], Json] = dict
        """What goes with each batch: scenario → whether there is nothing to do, and why."""
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
        batch: Json = {
            "number": self._number,
            "intervals": intervals,
            "failures": self._failures,
            "events": self._events,
            "states": self.states(),
            "is_full": self.is_full(),
        }
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
        self._tickets: dict[str, LeasedTickets] = {}
        self._wave: list[str] = []
        self._watching: gevent.Greenlet | None = None
        self._context = ExitStack()
        self._environment: Environment = make_environment(None, 0.0)
        try:
            self._runner = self._environment._create_runner(  # noqa: SLF001  # the only way to choose the class
                WorkerRunner, master_host=host, master_port=port
            )
        except (OSError, ConnectionError) as error:
            raise SetupError(
                f"no run answers at {host}:{port}; start it there with `loadworthy run … --workers N --bind {host}`"
            ) from error
        self._outlet = BatchOutlet(self._runner.send_message, clock)
        self._outlet.states = self._states
        self._outlet.is_full = lambda: self._node is not None and self._watching is not None and self._node.is_full
        handlers: dict[str, Callable[[Json], None]] = {
            wire.SETUP: self._on_setup,
            wire.START: self._on_start,
            wire.SPLIT: self._on_split,
            wire.AIM: self._on_aim,
            wire.SEGMENT: self._on_segment,
            wire.LOAD: self._on_load,
            wire.DISMISS: self._on_dismiss,
            wire.ACK: self._on_ack,
            wire.GRANT: self._on_grant,
        }
        for message_type, handler in handlers.items():
            self._runner.register_message(message_type, self._guarded(handler))
        # These wait for users, and users may wait for an answer of the master's.
        self._runner.register_message(wire.BEGIN, self._guarded(self._on_begin), concurrent=True)
        self._runner.register_message(wire.END, self._guarded(self._on_end), concurrent=True)
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
            classes = ScenarioClasses(setup)
            self._context.enter_context(engine_patches(lean_client=setup.lean_client))
            self._context.enter_context(warnings_as_events(masked(self._outlet.event, classes.secrets)))
            seed_process(setup)
            classes.load()
            self._environment.parsed_options = parsed_options(setup.arguments)  # a locustfile may add options
            self._environment.host = setup.plan.base_url.rstrip("/") if setup.plan.base_url else None
            self._environment.stop_timeout = setup.plan.stop_timeout / US_PER_S
            self._node = Node(classes, self._environment, self._clock, self._outlet)
            self._environment.events.init.fire(environment=self._environment, runner=self._runner, web_ui=None)
        except LoadworthyError as error:
            self._runner.send_message(wire.REFUSED, {"message": str(error)})
            return
        self._say(f"joined as worker {setup.process}")
        self._runner.send_message(wire.READY, {})

    def _on_begin(self, data: Json) -> None:
        node = self._require_node()
        vars(self._environment.parsed_options).update(data["options"])
        self._wave = data["wave"]
        self._tickets = {name: LeasedTickets(partial(self._ask_for_tickets, name)) for name in data["counted"]}
        changes = {name: wire.unpack_changes(those) for name, those in data["changes"].items()}
        node.begin(self._wave, self._tickets, wire.unpack_split(data["split"]), int(data["elapsed_us"]), changes)
        self._runner.send_message(wire.BEGUN, {"wave": self._wave})

    def _on_start(self, data: Json) -> None:
        self._runner.worker_state = STATE_RUNNING
        splits = [wire.unpack_split(split) for split in data["splits"]]
        self._require_node().start(splits, int(data["elapsed_us"]))
        self._say(f"{', '.join(self._wave)}: started")
        self._watching = gevent.spawn(self._watch_states)

    def _on_split(self, data: Json) -> None:
        self._require_node().split(wire.unpack_split(data["split"]))

    def _on_aim(self, data: Json) -> None:
        self._require_node().aim(data["scenario"], int(data["users"]), float(data["per_second"]), data["classes"])

    def _on_segment(self, data: Json) -> None:
        if data["segment"] is None:
            self._require_node().cut_short(data["scenario"])
        else:
            self._require_node().extend(data["scenario"], Segment.from_json(data["segment"]))

    def _on_load(self, data: Json) -> None:
        self._require_node().change_load(data["scenario"], wire.unpack_changes(data["changes"]))

    def _on_dismiss(self, data: Json) -> None:
        self._require_node().dismiss(data["scenario"])

    def _on_end(self, _data: Json) -> None:
        if self._watching is not None:
            self._watching.kill()
        close_test(self._environment, self._require_node().end)
        self._outlet.send_batch([])
        self._say(f"{', '.join(self._wave)}: ended")
        self._watching = None
        self._runner.worker_state = STATE_INIT
        self._runner.send_message(wire.ENDED, {})

    def _states(self) -> Json:
        """Scenario → whether this process has nothing to do, and why that is so for good."""
        if self._node is None or self._watching is None:
            return {}
        states = {name: self._node.state(name) for name in self._wave}
        return {name: [is_idle, reason and reason.value] for name, (is_idle, reason) in states.items()}

    def _watch_states(self) -> None:
        """The master hears at once when there is nothing more to do here, not with the next second."""
        told: object = None
        while True:
            gevent.sleep(LOOK_US / US_PER_S)
            if (states := (self._states(), self._outlet.is_full())) != told:
                told = states
                self._outlet.send_batch([])

    def _on_ack(self, data: Json) -> None:
        self._outlet.acknowledge(int(data["number"]))

    def _on_grant(self, data: Json) -> None:
        first = int(data["first"])
        self._tickets[data["scenario"]].grant(range(first, first + int(data["count"])))

    def _ask_for_tickets(self, scenario: str) -> None:
        self._runner.send_message(wire.TICKETS, {"scenario": scenario})

    def _guarded(self, handler: Callable[[Json], None]) -> Callable[..., None]:
        """A handler whose failure the master hears of; Locust would log it, and go on."""

        def handle(msg: Message, **_kwargs: Any) -> None:
            try:
                handler(msg.data or {})
            except Exception as error:  # noqa: BLE001  # whatever it is, this worker is of no use any more
                self._runner.send_message(wire.BROKEN, {"message": describe_exception(error)})

        return handle

    def _require_node(self) -> Node:
        if self._node is None:
            raise SetupError("the master began a scenario before it sent a plan")
        return self._node


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
