"""What users do under plain Locust, in one process, as intervals: one a second, while a test lasts.

The samples of our own users are taken from :class:`~loadworthy.users.sink.StandaloneRecording`, which pours them into
Locust's statistics; those of other users are Locust's ``request`` events. Locust's own figures are what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING

from loadworthy.clock import Clock
from loadworthy.engine.health import HealthMeter
from loadworthy.engine.recorder import Cutter
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval, SeriesInterval
from loadworthy.users.sink import Drained, standalone_recording

Series = dict[tuple[str, str], SeriesInterval]


class PlainRecording:
    """Records each test of an environment, from ``test_start`` to ``test_stop``; at once where a worker is in one.

    Args:
        environment: Locust's, with its runner.
        process: the number of this process.
        clock: stamps intervals.
        on_interval: takes each, most of them before the test has stopped: what users that Locust ends have still to
            say comes at once. They are of no scenario.
    """

    def __init__(
        self,
        environment: Environment,
        process: int,
        clock: Clock,
        on_interval: Callable[[Interval], None],
    ) -> None:
        self._environment = environment
        self._process = process
        self._clock = clock
        self._on_interval = on_interval
        self._recording = standalone_recording(environment)
        self._recording.share(self._take)
        self._health = HealthMeter(clock)
        self._cutter = Cutter(clock, self._cut, self._health.note_loop_lag)
        self._is_stopping = False
        self._number = 0
        self._clear()
        events = environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stopping.add_listener(self._on_test_stopping)
        events.test_stop.add_listener(self._on_test_stop)
        if getattr(environment.runner, "worker_state", None) in (STATE_SPAWNING, STATE_RUNNING):
            self._on_test_start()  # a worker that joined late was given users before it was told that somebody looks

    def _clear(self) -> None:
        self._series: Series = {}
        self._parts: Series = {}
        self._interrupted = 0
        self._receive_lag = Histogram()
        self._cut_wall_us, self._cut_us = self._clock.wall_us(), self._clock.monotonic_us()

    def _take(self, drained: Drained) -> None:
        if not self._cutter.running and not self._is_stopping:
            return  # before the first test
        for kept, more in ((self._series, drained.series), (self._parts, drained.parts)):
            _add(kept, more)
        self._interrupted += drained.interrupted
        self._receive_lag.merge(drained.receive_lag)
        if not self._cutter.running and self._series:
            self._hand_out()

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._is_stopping = False
        self._clear()
        self._health.read()
        self._cutter.start()

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        if self._cutter.running:
            self._cut()
            self._is_stopping = True

    def _on_test_stop(self, **_kwargs: Any) -> None:
        if self._cutter.running:
            self._cutter.stop()
            self._recording.flush()

    def _cut(self) -> None:
        self._recording.flush()
        self._hand_out()

    def _hand_out(self) -> None:
        now_us = self._clock.monotonic_us()
        runner = self._environment.runner
        interval = Interval(
            scenario="",
            process=self._process,
            number=self._number,
            start_ms=self._cut_wall_us // 1000,
            duration_ms=max((now_us - self._cut_us) // 1000, 1),
            users=0 if runner is None else runner.user_count,
            interrupted=self._interrupted,
            stopping=self._is_stopping,
            health=self._health.read(),
            series=list(self._series.values()),
            parts=list(self._parts.values()),
            receive_lag=self._receive_lag,
        )
        start_us = self._cut_wall_us + now_us - self._cut_us
        self._clear()
        self._cut_wall_us, self._cut_us = start_us, now_us
        self._number += 1
        self._on_interval(interval)


def _add(kept: Series, more: Iterable[SeriesInterval]) -> None:
    for one in more:
        key = (one.kind, one.name)
        if key not in kept:
            kept[key] = SeriesInterval(*key)
        kept[key].add(one)
