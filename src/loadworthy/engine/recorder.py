"""Collects the samples of one process, scenario by scenario, and cuts them into intervals.

It is the :class:`~loadworthy.users.sink.Recording` that environments carry under ``loadworthy run``. Samples of our
own users come through their sinks; samples of any other Locust user (``FastHttpUser`` kept as it is, a gRPC or MQTT
plug-in …) come as Locust ``request`` events. Locust's own statistics are taken off that event and fed in bulk instead,
so that nothing is counted twice.
"""

from __future__ import annotations

from typing import Any

import gevent
from locust.env import Environment
from locust.user import User

from loadworthy.clock import Clock
from loadworthy.engine.health import HealthMeter
from loadworthy.record.buffer import SampleBuffer
from loadworthy.record.interval import Interval
from loadworthy.users.locust_stats import feed, forget_old_seconds
from loadworthy.users.sink import UserSink, event_failure, foreign_listeners, is_locusts_statistics


class Recorder:
    """The recording of one process. ``process`` is its index in the run."""

    def __init__(self, environment: Environment, clock: Clock, process: int) -> None:
        self._environment = environment
        self._clock = clock
        self._process = process
        self._number = 0
        self._health = HealthMeter(clock)
        self._listeners: list[Any] = []
        self._scenario = ""
        self._buffer = SampleBuffer()
        self._iterations = 0
        self._users = 0
        self._users_seen: set[int] = set()
        self.stopping = False
        """Whether the users have been told to stop; goes into the intervals."""
        self._cut_wall_us = clock.wall_us()
        self._cut_us = clock.monotonic_us()

    def attach(self) -> None:
        """Take over Locust's ``request`` event; call once, after the runner was made."""
        handlers = self._environment.events.request._handlers  # noqa: SLF001  # Locust has no public way to remove its own
        handlers[:] = [handler for handler in handlers if not is_locusts_statistics(handler)]
        handlers.append(self.on_request)
        self.refresh_listeners()

    def refresh_listeners(self) -> None:
        """Look again for listeners that user code may have added."""
        self._listeners[:] = foreign_listeners(self._environment, self.on_request)

    def sink_for(self, user: User) -> UserSink:
        """The sink of a user of the scenario under way."""
        self._users_seen.add(id(user))
        return UserSink(self._buffer, self._listeners)

    def count_iteration(self) -> None:
        """One task execution ended."""
        self._iterations += 1

    def begin(self, scenario: str) -> None:
        """Start recording a scenario, from empty buffers."""
        self._scenario = scenario
        self.stopping = False
        self._buffer = SampleBuffer()
        self._iterations = 0
        self._users = 0
        self._users_seen.clear()
        self.refresh_listeners()
        self._cut_wall_us = self._clock.wall_us()
        self._cut_us = self._clock.monotonic_us()
        self._health.read(0)

    def cut(self, users: int, loop_lag_us: int = 0) -> Interval:
        """The interval since the last cut; Locust's own statistics get the same samples.

        ``users`` run now. Where none is left, those that were there or came since the last cut stand in the interval.
        """
        now_us = self._clock.monotonic_us()
        series, interrupted = self._buffer.drain()
        feed(self._environment.stats, series, self._buffer.drain_errors())
        forget_old_seconds(self._environment.stats)
        interval = Interval(
            scenario=self._scenario,
            process=self._process,
            number=self._number,
            start_ms=self._cut_wall_us // 1000,
            duration_ms=max((now_us - self._cut_us) // 1000, 1),
            users=users or self._users + len(self._users_seen),
            iterations=self._iterations,
            interrupted=interrupted,
            stopping=self.stopping,
            health=self._health.read(loop_lag_us),
            series=series,
        )
        self._number += 1
        self._iterations = 0
        self._users = users
        self._users_seen.clear()
        self._cut_wall_us += now_us - self._cut_us
        self._cut_us = now_us
        self.refresh_listeners()
        return interval

    def drain_failures(self) -> list[dict[str, Any]]:
        """Lines for ``failures.jsonl``: the first of each way to fail since the last call."""
        at_ms = self._clock.wall_us() // 1000
        return [
            {
                "at_ms": at_ms,
                "scenario": self._scenario,
                "process": self._process,
                "kind": kind,
                "name": name,
                "status": status,
                "failure": failure.kind.value,
                "message": failure.message,
                "url": failure.url,
                "excerpt": failure.excerpt,
            }
            for kind, name, status, failure in self._buffer.failures.drain()
        ]

    def on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int | None,
        exception: object = None,
        response: Any = None,
        **_kwargs: Any,
    ) -> None:
        """A sample from a user that is not ours, as a Locust event. Its clock had whole or fractional ms."""
        failure = event_failure(exception) if exception else None
        status = getattr(response, "status_code", 0)
        length = int(response_length or 0)
        if response_time is None:
            self._buffer.record_untimed(request_type, name, length, failure)
            return
        done_us = self._clock.monotonic_us()
        start_us = done_us - max(round(response_time * 1000), 0)
        code = status if isinstance(status, int) else 0
        self._buffer.record(request_type, name, start_us, start_us, done_us, code, 0, length, failure, length)


class Cutter:
    """Cuts an interval whenever a second of wall-clock time is full, so that processes line up."""

    def __init__(self, clock: Clock, on_second: Any) -> None:
        self._clock = clock
        self._on_second = on_second
        self._greenlet: gevent.Greenlet | None = None
        self.error: Exception | None = None
        """What ``on_second`` raised; there are no more cuts after it."""

    @property
    def running(self) -> bool:
        """Between :meth:`start` and :meth:`stop`."""
        return self._greenlet is not None

    def start(self) -> None:
        """Begin; ``on_second(loop_lag_us)`` is called in a greenlet of its own."""
        self._greenlet = gevent.spawn(self._loop)

    def stop(self) -> None:
        """End; no call is under way afterwards."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def _loop(self) -> None:
        while True:
            wait_us = 1_000_000 - self._clock.wall_us() % 1_000_000
            before_us = self._clock.monotonic_us()
            gevent.sleep(wait_us / 1e6)
            lag_us = self._clock.monotonic_us() - before_us - wait_us
            # A wake-up a hair before the full second would cut twice; push the next one a whole second on.
            if self._clock.wall_us() % 1_000_000 > 900_000:
                gevent.sleep(0.1)
            try:
                self._on_second(lag_us)
            except Exception as error:  # noqa: BLE001  # whoever waits for the intervals must hear of it
                self.error = error
                return
