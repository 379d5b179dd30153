"""The crew of a run over several processes: Locust's master, workers on this machine and on others.

The master makes no load. It ships the plan, tells workers when scenarios begin and end and which share of the load is
theirs, and takes in numbered batches of intervals. See :mod:`loadworthy.engine.wire` for what is said.

When a worker is lost, those that are left share its part from a moment on that is near enough in the future for all of
them to know in time; what it should have begun until then is lost, and the run is invalid for it. While one is missing,
another may join in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gevent.event import Event
from locust.env import Environment
from locust.exception import RPCError
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner
from zmq.error import ZMQError

from loadworthy.clock import Clock
from loadworthy.engine import wire
from loadworthy.engine.children import Children
from loadworthy.engine.classes import ScenarioClasses
from loadworthy.engine.drive import EndReason, UserClasses
from loadworthy.engine.locust_bridge import parsed_options
from loadworthy.engine.node import Outlet, close_test, open_test
from loadworthy.engine.pacing import READY_S
from loadworthy.engine.rows_end import RowsEnd
from loadworthy.engine.shipping import pack_setup
from loadworthy.engine.tickets import CountedTickets
from loadworthy.errors import GeneratorError, SetupError
from loadworthy.record.interval import Interval
from loadworthy.units import US_PER_S
from loadworthy.users import cleanup
from loadworthy.workload.arrivals import Split
from loadworthy.workload.profile import LoadChange
from loadworthy.workload.segment import Segment

Json = dict[str, Any]

WORKERS_WAIT_S = 60.0
"""For workers on this machine to start and load the plan."""
ANSWER_WAIT_S = 20.0
NEWCOMERS = 1000
"""Epochs of workers that came late: the users that each of them makes have numbers of their own."""
SPLIT_AHEAD_US = 2_000_000
"""A new split holds from so far in the future: all workers must have heard of it by then."""
MOST_TICKETS = 50


@dataclass(slots=True)
class _Worker:
    client_id: str
    process: int
    child_pid: int | None
    """Set where the worker is a process that we started."""
    ready: bool = False
    lost: bool = False
    wave: int = 0
    """The number of the last wave that it was told to begin."""
    has_begun: bool = False
    """It is ready for that wave."""
    has_ended: bool = False
    is_full: bool = False
    """All users that there are to be at first are there."""
    users: dict[str, int] = field(default_factory=dict)
    states: dict[str, tuple[bool, str | None]] = field(default_factory=dict)
    """Scenario → whether it has nothing to do, and why that is so for good."""
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
        self._rows_end = RowsEnd(classes, outlet.event)
        self._setup = classes.setup
        self._environment = environment
        self._clock = clock
        self._outlet = outlet
        self._workers: dict[str, _Worker] = {}
        self._children = Children()
        self._tickets: dict[str, CountedTickets] = {}
        self._changed = Event()
        self._refusals: list[str] = []
        self._wave: tuple[str, ...] = ()
        self._wave_number = 0
        self._is_spawned = False
        self._options: Json = {}
        self._start_us: int | None = None
        self._splits = 0
        self._started_ever = False
        self._joined = 0
        self._dismissed: set[str] = set()
        self._segments: dict[str, Segment] = {}
        self._changes: dict[str, Sequence[LoadChange]] = {}
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
        return sum(sum(worker.users.values()) for worker in self._active())

    def start_children(self, count: int, log_dir: Path) -> None:
        """Start workers on this machine; what they print goes to ``worker-N.log`` in the folder."""
        self._children.start(count, self._own_address(), log_dir)

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
            for code in self._children.dead.values():
                logs = self._children.logs
                raise SetupError(f"a worker ended with exit code {code} before the run began; see {logs}")
            return sum(worker.ready for worker in self._active()) >= wanted

        if not self._wait_until(all_ready, timeout_s):
            ready = sum(worker.ready for worker in self._active())
            raise SetupError(
                f"{ready} of {wanted} workers came within {timeout_s:g} s; start the others with "
                f"`loadworthy worker --join HOST:{self.port}` and look at {self._children.logs}"
            )

    def begin(self, wave: Sequence[str]) -> None:
        """Make all workers ready for the scenarios of a wave."""
        self._started_ever = True
        self._wave, self._start_us, self._splits = tuple(wave), None, 0
        self._wave_number += 1
        self._is_spawned = False
        self._dismissed.clear()
        self._segments.clear()
        self._changes.clear()
        self._tickets = {}
        for name in wave:
            scenario = self._setup.plan.scenarios[name]
            if scenario.iterations and not scenario.is_open:
                self._tickets[name] = CountedTickets(scenario.iterations)
        self._environment.user_classes = [one for name in wave for one in self._classes.classes(name)]
        open_test(self._environment)
        self._options = self._noted_options()
        workers = [worker for worker in self._active() if worker.ready]
        for share, worker in enumerate(workers):
            self._tell_to_begin(worker, Split(share, len(workers)))
        everyone = self._wait_until(lambda: all(w.has_begun for w in self._taking_part()), READY_S + ANSWER_WAIT_S)
        if self._error is not None or not everyone or not self._taking_part():
            raise self._error or GeneratorError("the workers did not answer when the scenario began")

    def start(self) -> None:
        """The clock starts, in all workers."""
        self._start_us = self._clock.monotonic_us()
        workers = self._taking_part()
        for share, worker in enumerate(workers):
            self._tell_to_start(worker, [Split(share, len(workers))])
        for worker in self._active():  # those that came meanwhile
            self._let_join(worker)

    def aim(self, scenario: str, users: int, per_second: float, user_classes: UserClasses = None) -> None:
        """Go to so many users, in the background."""
        names = None if user_classes is None else [one.__name__ for one in user_classes]
        data = {"scenario": scenario, "users": users, "per_second": per_second, "classes": names}
        for worker in self._taking_part():
            worker.states.pop(scenario, None)  # what it said of its users was said before
            self._tell(worker.client_id, wire.AIM, data)

    @property
    def lead_us(self) -> int:
        """All workers must have heard of it."""
        return SPLIT_AHEAD_US

    def change_load(self, scenario: str, changes: Sequence[LoadChange]) -> None:
        """The load of a scenario was changed by hand, in all workers; one that comes late hears of it, too."""
        self._changes[scenario] = changes
        for worker in self._at_work():  # others hear of it when they begin, and when they share
            worker.states.pop(scenario, None)  # what it said was of the load before
            self._tell_load(worker, scenario)

    def extend(self, scenario: str, segment: Segment) -> None:
        """A segment of load is to come, in all workers; one that comes late hears of it, too."""
        self._segments[scenario] = segment
        for worker in self._at_work():  # others hear of it when they share
            worker.states.pop(scenario, None)  # what it said was of the segment before
            self._tell(worker.client_id, wire.SEGMENT, {"scenario": scenario, "segment": segment.to_json()})

    def cut_short(self, scenario: str) -> None:
        """Nothing more of the segment under way begins, in any worker."""
        self._segments.pop(scenario, None)
        for worker in self._at_work():
            self._tell(worker.client_id, wire.SEGMENT, {"scenario": scenario, "segment": None})

    def is_idle(self, scenario: str) -> bool:
        """Nothing is under way in any worker."""
        return all(worker.states.get(scenario, (False, None))[0] for worker in self._at_work())

    def over(self, scenario: str) -> EndReason | None:
        """Nobody left, all iterations done, or every user gone by itself."""
        if self._error is not None:
            raise self._error
        self._look_for_lost()
        workers = self._at_work()
        if not workers:
            return EndReason.WORKERS_LOST
        self._tell_when_spawned(workers)
        states = [worker.states.get(scenario, (False, None)) for worker in workers]
        if not all(is_idle for is_idle, _ in states):
            return None
        ended = next((EndReason(reason) for _, reason in states if reason), None)
        self._rows_end.note(scenario, ended, self._changes.get(scenario, ()))
        return ended

    def dismiss(self, scenario: str) -> None:
        """One scenario is over while others go on."""
        self._dismissed.add(scenario)
        for worker in self._taking_part():
            worker.users.pop(scenario, None)
            self._tell(worker.client_id, wire.DISMISS, {"scenario": scenario})

    def end(self) -> None:
        """Stop the users everywhere and take in the last intervals."""
        close_test(self._environment, self._end_wave)

    def _end_wave(self) -> None:
        self._start_us = None  # from here on nobody joins
        for worker in self._taking_part():
            self._tell(worker.client_id, wire.END, {})
        # Workers remove the test data of their users before they answer.
        patience_s = self._setup.plan.stop_timeout / US_PER_S + cleanup.LIMIT_S + ANSWER_WAIT_S
        self._wait_until(lambda: all(w.has_ended for w in self._taking_part()), patience_s)
        for worker in self._taking_part():
            if not worker.has_ended:
                self._lose(worker, "it did not send its last figures")

    def close(self) -> None:
        """Send the workers home."""
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)
        self._environment.events.quit.fire(exit_code=0)
        self._end_children()

    def abort(self) -> None:
        """End now: workers on this machine are killed; their last second is lost."""
        if self._started_ever and self._active():
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
            wire.BROKEN: self._on_broken,
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
        if len(self._active()) >= self._setup.processes:
            self._tell(client_id, "quit", None)
            why = f"{self._setup.processes} were asked for, and they are there"
            self._outlet.event({"type": "warning", "message": f"a worker was sent away: {why}"})
            return
        self._joined += 1  # never the number of one that was lost: intervals are known by it
        self._workers[client_id] = _Worker(client_id, self._joined, msg.data["child_pid"])
        self._tell(client_id, wire.SETUP, pack_setup(replace(self._setup, plan=self._classes.given_plan), self._joined))

    def _on_ready(self, worker: _Worker, _data: Json) -> None:
        worker.ready = True
        self._outlet.event({"type": "worker_joined", "process": worker.process, "message": worker.client_id})
        if self._start_us is not None:
            self._let_join(worker)

    def _on_refused(self, _worker: _Worker, data: Json) -> None:
        self._refusals.append(str(data.get("message", "")))

    def _on_begun(self, worker: _Worker, data: Json) -> None:
        if tuple(data["wave"]) != self._wave:
            return  # it came late, and that wave is over
        worker.has_begun = True
        for scenario in (name for name, tickets in self._tickets.items() if tickets.exhausted):
            self._tell_that_none_is_left(worker, scenario)
        if self._start_us is not None:
            self._share_anew(worker)

    def _on_ended(self, worker: _Worker, _data: Json) -> None:
        worker.has_ended = True

    def _on_broken(self, worker: _Worker, data: Json) -> None:
        self._error = GeneratorError(f"worker {worker.process} broke: {data['message']}")

    def _on_tickets(self, worker: _Worker, data: Json) -> None:
        scenario, tickets = str(data["scenario"]), self._tickets.get(str(data["scenario"]))
        iterations = self._setup.plan.scenarios[scenario].iterations or 0
        # Small enough that no worker runs dry long before the others, large enough not to ask all the time.
        batch = min(max(iterations // (20 * self._setup.processes), 1), MOST_TICKETS)
        granted = tickets.take_batch(batch) if tickets else range(0)
        grant = {"scenario": scenario, "first": granted.start, "count": len(granted)}
        self._tell(worker.client_id, wire.GRANT, grant)
        if tickets and granted and tickets.exhausted:
            for other in self._at_work():
                self._tell_that_none_is_left(other, scenario)

    def _tell_that_none_is_left(self, worker: _Worker, scenario: str) -> None:
        """A worker whose users are not counted never asks, and they are to stop all the same."""
        self._tell(worker.client_id, wire.GRANT, {"scenario": scenario, "first": 0, "count": 0})

    def _let_join(self, worker: _Worker) -> None:
        """A worker that is ready comes into the wave under way, if it is not in it."""
        if worker.ready and worker.wave != self._wave_number:
            count = len(self._taking_part()) + 1
            self._tell_to_begin(worker, Split(count - 1, count, 0, NEWCOMERS + worker.process))

    def _tell_to_begin(self, worker: _Worker, split: Split) -> None:
        worker.wave, worker.has_begun, worker.has_ended = self._wave_number, False, False
        worker.users, worker.states, worker.is_full = {}, {}, False
        data = {
            "wave": list(self._wave),
            "counted": list(self._tickets),
            "split": wire.pack_split(split),
            "elapsed_us": 0 if self._start_us is None else self._clock.monotonic_us() - self._start_us,
            "options": self._options,
            "changes": {name: wire.pack_changes(changes) for name, changes in self._changes.items()},
        }
        self._tell(worker.client_id, wire.BEGIN, data)

    def _taking_part(self) -> Sequence[_Worker]:
        """Those that were told of the wave under way."""
        return [worker for worker in self._active() if worker.wave == self._wave_number]

    def _at_work(self) -> Sequence[_Worker]:
        """Those of them that have begun it."""
        return [worker for worker in self._taking_part() if worker.has_begun]

    def _tell_when_spawned(self, workers: Sequence[_Worker]) -> None:
        """Locust's event, here with the users of all workers, once a wave."""
        if not self._is_spawned and all(worker.is_full for worker in workers):
            self._is_spawned = True
            self._environment.events.spawning_complete.fire(user_count=self.users)

    def _noted_options(self) -> Json:
        """What user code has noted among the options, in ``test_start``: with Locust, too, workers come to know it."""
        parsed = vars(parsed_options(self._setup.arguments))
        now = vars(self._environment.parsed_options)
        return {name: value for name, value in now.items() if name not in parsed or parsed[name] != value}

    def _tell_to_start(self, worker: _Worker, splits: Sequence[Split]) -> None:
        elapsed_us = self._clock.monotonic_us() - (self._start_us or 0)
        data = {"splits": [wire.pack_split(split) for split in splits], "elapsed_us": elapsed_us}
        self._tell(worker.client_id, wire.START, data)

    def _tell_load(self, worker: _Worker, scenario: str) -> None:
        data = {"scenario": scenario, "changes": wire.pack_changes(self._changes[scenario])}
        self._tell(worker.client_id, wire.LOAD, data)

    def _share_anew(self, newcomer: _Worker | None = None) -> None:
        """Workers came or went while the wave goes on: from a moment on, those that are there share the load."""
        workers = self._at_work()
        if self._start_us is None or not workers:
            return
        self._splits += 1
        from_us = self._clock.monotonic_us() - self._start_us + SPLIT_AHEAD_US
        for share, worker in enumerate(workers):
            if worker is newcomer:
                split = Split(share, len(workers), from_us, NEWCOMERS + worker.process)
                self._tell_to_start(worker, [Split(None, len(workers)), split])
                for scenario, segment in self._segments.items():
                    self._tell(worker.client_id, wire.SEGMENT, {"scenario": scenario, "segment": segment.to_json()})
                for scenario in self._changes:
                    self._tell_load(worker, scenario)
            else:
                split = Split(share, len(workers), from_us, self._splits)
                self._tell(worker.client_id, wire.SPLIT, {"split": wire.pack_split(split)})
        whose = "one worker carries" if len(workers) == 1 else f"{len(workers)} workers share"
        message = f"from {from_us / US_PER_S:.1f} s on, {whose} the load"
        self._outlet.event({"type": "shared_anew", "scenarios": list(self._wave), "message": message})

    def _on_batch(self, worker: _Worker, data: Json) -> None:
        number = int(data["number"])
        if number not in worker.batches:
            worker.batches.add(number)
            for item in data["intervals"]:
                interval = Interval.from_json(item)
                if interval.scenario not in self._dismissed:
                    worker.users[interval.scenario] = interval.users
                self._outlet.interval(interval)
            for scenario, (is_idle, reason) in data["states"].items():
                worker.states[scenario] = (is_idle, reason)
            worker.is_full = bool(data["is_full"])
            self._outlet.failures(data["failures"])
            for event in data["events"]:
                self._outlet.event({**event, "process": worker.process})
        self._tell(worker.client_id, wire.ACK, {"number": number})

    def _tell(self, client_id: str, message_type: str, data: Any) -> None:
        self._runner.server.send_to_client(Message(message_type, data, client_id))

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
        dead = self._children.dead
        for worker in self._active():
            if worker.child_pid in dead:
                self._lose(worker, "its process ended")

    def _lose(self, worker: _Worker, why: str) -> None:
        worker.lost = True
        scenario = ", ".join(self._wave)
        message = f"worker {worker.process} was lost: {why}"
        self._outlet.event({"type": "worker_lost", "process": worker.process, "scenario": scenario, "message": message})
        node = self._runner.clients.get(worker.client_id)
        if node is not None:
            # Locust would take it back with its next heartbeat, and wait a minute for its users when it stops.
            del self._runner.clients[worker.client_id]
            self._tell(worker.client_id, "quit", None)
        self._share_anew()

    def _end_children(self, patience_s: float = 10.0) -> None:
        self._runner.quit()
        self._children.end(patience_s, {worker.child_pid for worker in self._workers.values()})


def _bind(environment: Environment, bind: tuple[str, int]) -> MasterRunner:
    host, port = bind
    try:
        return environment.create_master_runner(master_bind_host=host, master_bind_port=port)
    except (SystemExit, RPCError, ZMQError) as error:  # Locust exits where the port is in use
        if isinstance(error, SystemExit) or "in use" in str(error):
            raise SetupError(f"port {port} on {host} is in use; choose another with --bind {host}:PORT") from error
        raise SetupError(f"cannot listen for workers on {host}:{port}: {error}") from error
