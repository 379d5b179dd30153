"""The crew of a run over several processes: Locust's master, workers on this machine and on others.

The master makes no load. It ships the plan, tells workers when a scenario begins and ends, splits the users as Locust
does, and takes in numbered batches of intervals. See :mod:`loadworthy.engine.wire` for what is said.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.exception import RPCError
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner
from zmq.error import ZMQError

from loadworthy.clock import Clock
from loadworthy.engine import wire
from loadworthy.engine.classes import ScenarioClasses
from loadworthy.engine.drive import EndReason, UserClasses
from loadworthy.engine.node import Outlet
from loadworthy.engine.shipping import pack_setup
from loadworthy.engine.tickets import CountedTickets
from loadworthy.errors import GeneratorError, SetupError
from loadworthy.record.interval import Interval
from loadworthy.units import US_PER_S
from loadworthy.users import cleanup

Json = dict[str, Any]

WORKERS_WAIT_S = 60.0
"""For workers on this machine to start and load the plan."""
ANSWER_WAIT_S = 20.0
MOST_TICKETS = 50


@dataclass(slots=True)
class _Worker:
    client_id: str
    process: int
    child_pid: int | None
    """Set where the worker is a process that we started."""
    ready: bool = False
    lost: bool = False
    begun: str = ""
    ended: str = ""
    users: int = 0
    batches: set[int] = field(default_factory=set)


class ClusterCrew:
    """See :class:`~loadworthy.engine.drive.Crew`."""

    def __init__(
        self, classes: ScenarioClasses, environment: Environment, clock: Clock, outlet: Outlet, bind: tuple[str, int]
    ) -> None:
        """Bind at (host, port); port 0 takes a free one. SetupError where that fails.

        The master needs the user classes, too: it splits the users by their weights.
        """
        self._classes = classes
        self._setup = classes.setup
        self._environment = environment
        self._clock = clock
        self._outlet = outlet
        self._workers: dict[str, _Worker] = {}
        self._children: list[tuple[subprocess.Popen[bytes], TextIO]] = []
        self._tickets: CountedTickets | None = None
        self._changed = Event()
        self._refusals: list[str] = []
        self._spawning: gevent.Greenlet | None = None
        self._scenario = ""
        self._target_users = 0
        self._batch_tickets = 1
        self._saw_users = False
        self._begun = False
        self._error: Exception | None = None
        self._bind_host = bind[0]
        self._runner = _bind(environment, bind)
        self._listen()
        environment.events.init.fire(environment=environment, runner=self._runner, web_ui=None)

    @property
    def port(self) -> int:
        """Where the master listens."""
        return int(self._runner.server.port)

    @property
    def users(self) -> int:
        """Users running, as of each worker's last second."""
        return sum(worker.users for worker in self._active())

    def start_children(self, count: int, log_dir: Path) -> None:
        """Start workers on this machine; what they print goes to ``worker-N.log`` in the folder."""
        for index in range(1, count + 1):
            log = (log_dir / f"worker-{index}.log").open("w", encoding="utf-8")
            command = [sys.executable, "-m", "loadworthy", "worker", "--join", self._own_address(), "--tied"]
            child = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
            self._children.append((child, log))

    def _own_address(self) -> str:
        """How this machine reaches the master: it may listen on one address only."""
        host = "127.0.0.1" if self._bind_host in ("*", "0.0.0.0") else self._bind_host  # noqa: S104  # compared, not bound
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def wait_for_workers(self, stop: Event, timeout_s: float = WORKERS_WAIT_S) -> None:
        """Until as many workers as the setup says are ready, or until told to stop; else SetupError with the reason."""
        wanted = self._setup.processes

        def all_ready() -> bool:
            if stop.is_set():
                return True
            if self._refusals:
                raise SetupError(f"a worker cannot take part: {self._refusals[0]}")
            for child, _ in self._children:
                if child.poll() is not None:
                    raise SetupError(
                        f"a worker ended with exit code {child.returncode} before the run began; see {self._logs()}"
                    )
            return sum(worker.ready for worker in self._active()) >= wanted

        if not self._wait_until(all_ready, timeout_s):
            ready = sum(worker.ready for worker in self._active())
            raise SetupError(
                f"{ready} of {wanted} workers came within {timeout_s:g} s; start the others with "
                f"`loadworthy worker --join HOST:{self.port}` and look at {self._logs()}"
            )

    def begin(self, scenario: str) -> None:
        """Make all workers ready for a scenario."""
        self._begun = True
        iterations = self._setup.plan.scenarios[scenario].iterations
        self._tickets = CountedTickets(iterations) if iterations else None
        # Small enough that no worker runs dry long before the others, large enough not to ask all the time.
        self._batch_tickets = min(max((iterations or 0) // (20 * self._setup.processes), 1), MOST_TICKETS)
        self._scenario, self._target_users, self._saw_users = scenario, 0, False
        self._environment.user_classes = self._classes.classes(scenario)
        self._tell_all(wire.BEGIN, {"scenario": scenario, "counted": self._tickets is not None})
        everyone = self._wait_until(lambda: all(w.begun == scenario for w in self._active()), ANSWER_WAIT_S)
        if not everyone or not self._active():
            raise GeneratorError("the workers did not answer when the scenario began")

    def set_users(self, users: int, per_second: float, user_classes: UserClasses = None) -> None:
        """Go to so many users, split over the workers by Locust, in the background."""
        self._target_users = users
        if self._spawning is not None:
            self._spawning.kill()
        self._spawning = gevent.spawn(self._runner.start, users, per_second, user_classes=user_classes)

    def over(self) -> EndReason | None:
        """Nobody left, all iterations done, or every user gone by itself."""
        if self._error is not None:
            raise self._error
        self._look_for_lost()
        if not self._active():
            return EndReason.WORKERS_LOST
        if self.users:
            return None
        # What workers say is up to a second old: no users may mean not yet, unless something was done already.
        if self._tickets is not None and self._tickets.exhausted and self._saw_users:
            return EndReason.ITERATIONS
        spawned = self._spawning is not None and self._spawning.ready()
        return EndReason.USERS_STOPPED if spawned and self._saw_users and self._target_users else None

    def end(self) -> None:
        """Stop the users everywhere and take in the last intervals."""
        if self._spawning is not None:
            self._spawning.kill()
            self._spawning = None
        self._runner.stop()
        self._tell_all(wire.END, {"scenario": self._scenario})
        # Workers remove the test data of their users before they answer.
        patience_s = self._setup.plan.stop_timeout / US_PER_S + cleanup.LIMIT_S + ANSWER_WAIT_S
        self._wait_until(lambda: all(w.ended == self._scenario for w in self._active()), patience_s)
        for worker in self._active():
            if worker.ended != self._scenario:
                self._lose(worker, "it did not send its last figures")

    def close(self) -> None:
        """Send the workers home."""
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)
        self._environment.events.quit.fire(exit_code=0)
        self._end_children()

    def abort(self) -> None:
        """End now: workers on this machine are killed; their last second is lost."""
        if self._begun and self._active():
            message = f"stopped at once: what {len(self._active())} workers measured in their last second is missing"
            self._outlet.event({"type": "warning", "message": message})
        for worker in self._active():
            worker.lost = True
        self._end_children(patience_s=0)

    def _listen(self) -> None:
        self._runner.register_message(wire.HELLO, self._on_hello)
        handlers: dict[str, Callable[[_Worker, Json], None]] = {
            wire.READY: self._on_ready,
            wire.REFUSED: self._on_refused,
            wire.BEGUN: self._on_begun,
            wire.BATCH: self._on_batch,
            wire.TICKETS: self._on_tickets,
            wire.ENDED: self._on_ended,
        }
        for message_type, handler in handlers.items():
            self._runner.register_message(message_type, self._handling(handler))

    def _handling(self, handler: Callable[[_Worker, Json], None]) -> Callable[..., None]:
        def handle(msg: Message, **_kwargs: Any) -> None:
            worker = self._workers.get(msg.node_id)
            if worker is None or worker.lost:
                return  # what a worker says after it was given up is too late
            try:
                handler(worker, msg.data or {})
            except Exception as error:  # noqa: BLE001  # Locust would log it and go on without the figures
                self._error = error
            self._changed.set()

        return handle

    def _on_hello(self, msg: Message, **_kwargs: Any) -> None:
        client_id = msg.node_id
        taken = {worker.process for worker in self._active()}
        if self._begun or len(taken) >= self._setup.processes:
            self._tell(client_id, "quit", None)
            why = "it came after the load began" if self._begun else f"{self._setup.processes} were asked for"
            self._outlet.event({"type": "warning", "message": f"a worker was sent away: {why}"})
            return
        process = next(number for number in itertools.count(1) if number not in taken)
        self._workers[client_id] = _Worker(client_id, process, msg.data["child_pid"])
        self._tell(client_id, wire.SETUP, pack_setup(self._setup, process))

    def _on_ready(self, worker: _Worker, _data: Json) -> None:
        worker.ready = True
        self._outlet.event({"type": "worker_joined", "process": worker.process, "message": worker.client_id})

    def _on_refused(self, _worker: _Worker, data: Json) -> None:
        self._refusals.append(str(data.get("message", "")))

    def _on_begun(self, worker: _Worker, data: Json) -> None:
        worker.begun = str(data["scenario"])

    def _on_ended(self, worker: _Worker, data: Json) -> None:
        worker.ended = str(data["scenario"])

    def _on_tickets(self, worker: _Worker, _data: Json) -> None:
        granted = self._tickets.take_batch(self._batch_tickets) if self._tickets else 0
        self._tell(worker.client_id, wire.GRANT, {"count": granted})

    def _on_batch(self, worker: _Worker, data: Json) -> None:
        number = int(data["number"])
        if number not in worker.batches:
            worker.batches.add(number)
            for item in data["intervals"]:
                interval = Interval.from_json(item)
                worker.users = interval.users
                self._saw_users = self._saw_users or interval.users > 0 or interval.iterations > 0
                self._outlet.interval(interval)
            self._outlet.failures(data["failures"])
            for event in data["events"]:
                self._outlet.event({**event, "process": worker.process})
        self._tell(worker.client_id, wire.ACK, {"number": number})

    def _tell(self, client_id: str, message_type: str, data: Any) -> None:
        self._runner.server.send_to_client(Message(message_type, data, client_id))

    def _tell_all(self, message_type: str, data: Any) -> None:
        for worker in self._active():
            self._tell(worker.client_id, message_type, data)

    def _active(self) -> Sequence[_Worker]:
        return [worker for worker in self._workers.values() if not worker.lost]

    def _wait_until(self, done: Callable[[], bool], timeout_s: float) -> bool:
        deadline_us = self._clock.monotonic_us() + int(timeout_s * US_PER_S)
        while not done():
            if self._clock.monotonic_us() >= deadline_us:
                return False
            self._changed.clear()
            self._changed.wait(timeout=0.2)
            self._look_for_lost()
        return True

    def _look_for_lost(self) -> None:
        for worker in self._active():
            node = self._runner.clients.get(worker.client_id)
            if node is not None and node.state == STATE_MISSING:
                self._lose(worker, "its heartbeat stopped")
        dead = {child.pid for child, _ in self._children if child.poll() is not None}
        for worker in self._active():
            if worker.child_pid in dead:
                self._lose(worker, "its process ended")

    def _lose(self, worker: _Worker, why: str) -> None:
        worker.lost, worker.users = True, 0
        self._outlet.event(
            {"type": "worker_lost", "process": worker.process, "scenario": self._scenario,
             "message": f"worker {worker.process} was lost: {why}"}
        )  # fmt: skip
        node = self._runner.clients.get(worker.client_id)
        if node is not None:
            # Locust would take it back with its next heartbeat, and wait a minute for its users when it stops.
            if self._runner._users_dispatcher is not None:  # noqa: SLF001  # as Locust's own heartbeat check does
                self._runner._users_dispatcher.remove_worker(node)  # noqa: SLF001
            del self._runner.clients[worker.client_id]
            self._tell(worker.client_id, "quit", None)

    def _end_children(self, patience_s: float = 10.0) -> None:
        self._runner.quit()
        children, self._children = self._children, []
        for child, log in children:
            if child.stdin is not None:
                child.stdin.close()
            try:
                child.wait(timeout=patience_s)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            log.close()
            path = Path(log.name)
            if path.stat().st_size == 0:
                path.unlink()

    def _logs(self) -> str:
        return ", ".join(log.name for _, log in self._children) or "the workers' own output"


def _bind(environment: Environment, bind: tuple[str, int]) -> MasterRunner:
    host, port = bind
    try:
        return environment.create_master_runner(master_bind_host=host, master_bind_port=port)
    except (SystemExit, RPCError, ZMQError) as error:  # Locust exits where the port is in use
        if isinstance(error, SystemExit) or "in use" in str(error):
            raise SetupError(f"port {port} on {host} is in use; choose another with --bind {host}:PORT") from error
        raise SetupError(f"cannot listen for workers on {host}:{port}: {error}") from error
