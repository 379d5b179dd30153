"""Collects the samples of one process, for each scenario, and cuts them into intervals.

It is the :class:`~loadworthy.users.sink.Recording` that environments carry under ``loadworthy run``. Samples of our
own users come through their sinks; samples of any other Locust user (``FastHttpUser`` kept as it is, a gRPC or MQTT
plug-in …) come as Locust ``request`` events. Locust's own statistics are taken off that event and fed in bulk instead,
so that nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gevent
import numpy as np
from locust.env import Environment
from locust.user import User

from loadworthy.clock import Clock
from loadworthy.engine.health import HealthMeter
from loadworthy.engine.seat import Usher
from loadworthy.record.buffer import SampleBuffer
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import ITERATION, Interval, SeriesInterval
from loadworthy.units import US_PER_S
from loadworthy.users.locust_stats import feed, forget_old_seconds
from loadworthy.users.precise import wait_until
from loadworthy.users.sink import UserSink, foreign_listeners, is_locusts_statistics, record_event

Errors = dict[tuple[str, str, str], int]
"""(kind, name, message) → how often."""


class Recording:
    """What one process records of one scenario; a :class:`~loadworthy.engine.crowd.Tally` of its crowd.

    Attributes:
        scheduled, sent, dropped, late, iterations: since the last cut; see ``Interval``.
        stopping: whether the measured time is over: the planned time is up, or the users have been told to stop.
        is_dismissed: whether they are being told to.
        is_over: whether its last interval was cut.
        segment: the number of the segment that began last, where the load is decided while the run goes on.
    """

    def __init__(self, scenario: str, clock: Clock) -> None:
        self.scenario = scenario
        self._clock = clock
        self.buffer = SampleBuffer()
        self.scheduled = self.sent = self.dropped = self.late = self.iterations = 0
        self.users_seen: set[int] = set()
        self.stopping = False
        self.is_over = False
        self.is_dismissed = False
        self.segment: int | None = None
        self._own_lags_us: list[int] = []
        self._rows: dict[str, list[int]] = {}
        """Name → response time and service time of each iteration, one after another."""
        self._users = 0
        self._cut_wall_us = clock.wall_us()
        self._cut_us = clock.monotonic_us()

    def iteration(self, name: str, intended_us: int, began_us: int, done_us: int) -> None:
        """One iteration is over."""
        self.iterations += 1
        try:
            rows = self._rows[name]
        except KeyError:
            rows = self._rows[name] = []
        rows += (done_us - intended_us, done_us - began_us)

    def _drain_iterations(self) -> list[SeriesInterval]:
        drained = []
        for name, rows in self._rows.items():
            if rows:
                table = np.array(rows, dtype=np.int64).reshape(-1, 2)
                part = SeriesInterval(ITERATION, name, requests=len(table))
                part.response.record_many(np.ascontiguousarray(table[:, 0]))
                part.service.record_many(np.ascontiguousarray(table[:, 1]))
                lags = table[:, 0] - table[:, 1]
                part.send_lag.record_many(lags[lags > 0])
                drained.append(part)
        self._rows = {}
        return drained

    def own_lag(self, lag_us: int) -> None:
        """An iteration began so late, and not for want of users that were free."""
        self._own_lags_us.append(lag_us)

    def restart(self) -> None:
        """The first interval begins now; what was recorded before stands in it."""
        self._cut_wall_us, self._cut_us = self._clock.wall_us(), self._clock.monotonic_us()

    def cut(self, process: int, number: int, users: int) -> tuple[Interval, Errors]:
        """The interval since the last cut, without readings of the process, and the failures counted by message.

        ``users`` run now. Where none is left, those that were there or came since the last cut stand in the interval.
        """
        now_us = self._clock.monotonic_us()
        series, interrupted = self.buffer.drain()
        interval = Interval(
            scenario=self.scenario,
            process=process,
            number=number,
            start_ms=self._cut_wall_us // 1000,
            duration_ms=max((now_us - self._cut_us) // 1000, 1),
            users=users or self._users + len(self.users_seen),
            iterations=self.iterations,
            interrupted=interrupted,
            stopping=self.stopping,
            series=series,
            parts=[*self.buffer.drain_parts(), *self._drain_iterations()],
            scheduled=self.scheduled,
            sent=self.sent,
            dropped=self.dropped,
            late=self.late,
            own_lag=Histogram.of(self._own_lags_us),
            receive_lag=self.buffer.drain_receive_lags(),
            segment=self.segment,
        )
        self.scheduled = self.sent = self.dropped = self.late = self.iterations = 0
        self._own_lags_us = []
        self._users = users
        self.users_seen.clear()
        self._cut_wall_us += now_us - self._cut_us
        self._cut_us = now_us
        return interval, self.buffer.drain_errors()


class Recorder:
    """The recordings of one process, one for each scenario under way.

    Args:
        environment: Locust's.
        clock: stamps intervals.
        process: its index in the run.
        usher: knows whose sample it is where the sample does not say.
    """

    def __init__(self, environment: Environment, clock: Clock, process: int, usher: Usher) -> None:
        self._environment = environment
        self._clock = clock
        self._process = process
        self._usher = usher
        self._number = 0
        self._health = HealthMeter(clock)
        self._listeners: list[Any] = []
        self._recordings: dict[str, Recording] = {}

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
        """The sink of a user of a scenario under way."""
        recording = self._current()
        recording.users_seen.add(id(user))
        return UserSink(recording.buffer, self._listeners)

    def begin(self, scenarios: Sequence[str]) -> dict[str, Recording]:
        """Start recording these scenarios, from empty buffers."""
        self._recordings = {name: Recording(name, self._clock) for name in scenarios}
        self.refresh_listeners()
        return self._recordings

    def start(self) -> None:
        """The clock starts: the first intervals, and the readings of this process, begin now."""
        for recording in self._recordings.values():
            recording.restart()
        self._health.read()

    def cut(self, recording: Recording, users: int, *, with_health: bool = True) -> Interval:
        """The interval of a scenario since its last cut; Locust's own statistics get the same samples."""
        interval, errors = recording.cut(self._process, self._number, users)
        self._number += 1
        feed(self._environment.stats, interval.series, errors)
        if with_health:
            forget_old_seconds(self._environment.stats)
            interval.health = self._health.read()
            self.refresh_listeners()
        return interval

    def on_tick(self, lag_us: int) -> None:
        """Ten times a second, when the event loop woke us so late: the next cut is prepared, so that it takes less."""
        self._health.note_loop_lag(lag_us)
        for recording in self._recordings.values():
            recording.buffer.settle()

    def drain_failures(self, recording: Recording) -> list[dict[str, Any]]:
        """Lines for ``failures.jsonl``: the first of each way to fail since the last call."""
        at_ms = self._clock.wall_us() // 1000
        return [
            {
                "at_ms": at_ms,
                "scenario": recording.scenario,
                "process": self._process,
                "kind": kind,
                "name": name,
                "status": status,
                "failure": failure.kind.value,
                "message": failure.message,
                "url": failure.url,
                "excerpt": failure.excerpt,
            }
            for kind, name, status, failure in recording.buffer.failures.drain()
        ]

    def _current(self) -> Recording:
        """That of the scenario whose user asks; of the first where it is nobody's."""
        seat = self._usher.seat
        if seat is not None:
            return self._recordings[seat.crowd.place.scenario]
        return next(iter(self._recordings.values()))

    def on_request(self, response_time: float | None, **event: Any) -> None:
        """A sample from a user that is not ours, as a Locust event. Its clock had whole or fractional ms."""
        if not self._recordings:
            return  # nothing runs yet
        seat = self._usher.seat
        late_us = seat.take_late_us() if seat is not None and response_time is not None else 0
        done_us = self._clock.monotonic_us()
        record_event(self._current().buffer, done_us, late_us=late_us, response_time=response_time, **event)


LAG_CHECK_S = 0.1
"""How often the lateness of the event loop is looked at."""


class Cutter:
    """Calls whenever a second of wall-clock time is full, so that processes line up.

    Meanwhile it looks how late the event loop wakes it: a loop that was busy for long shows whenever that was.
    """

    def __init__(self, clock: Clock, on_second: Callable[[], None], on_lag: Callable[[int], None]) -> None:
        self._clock = clock
        self._on_second = on_second
        self._on_lag = on_lag
        self._greenlet: gevent.Greenlet | None = None
        self.error: Exception | None = None
        """What ``on_second`` raised; there are no more cuts after it."""

    @property
    def running(self) -> bool:
        """Between :meth:`start` and :meth:`stop`."""
        return self._greenlet is not None

    def start(self) -> None:
        """Begin; ``on_second`` is called in a greenlet of its own."""
        self._greenlet = gevent.spawn(self._loop)

    def stop(self) -> None:
        """End; no call is under way afterwards."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def _loop(self) -> None:
        while True:
            self._wait_for_second()
            try:
                self._on_second()
            except Exception as error:  # noqa: BLE001  # whoever waits for the intervals must hear of it
                self.error = error
                return

    def _wait_for_second(self) -> None:
        left_us = US_PER_S - self._clock.wall_us() % US_PER_S
        end_us = self._clock.monotonic_us() + left_us
        while left_us > 0:
            wait_us = min(left_us, round(LAG_CHECK_S * US_PER_S))
            due_us = self._clock.monotonic_us() + wait_us
            wait_until(due_us)  # gevent's own timers are a millisecond late without any load
            now_us = self._clock.monotonic_us()
            self._on_lag(now_us - due_us)
            left_us = end_us - now_us
        # A wake-up a hair before the full second would cut twice; push the next one a whole second on.
        if self._clock.wall_us() % US_PER_S > US_PER_S * 9 // 10:
            gevent.sleep(0.1)
