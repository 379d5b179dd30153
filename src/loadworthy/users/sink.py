"""Where a user's samples go, and who else hears of them.

Locust's own statistics cost more than the rest of a lean request, so samples do not go through them one by one: they
go into a :class:`~loadworthy.record.buffer.SampleBuffer`, and once a second the buffer's content is poured into
Locust's statistics in bulk (:mod:`loadworthy.users.locust_stats`). Whoever else listens on Locust's ``request`` event
is still called for each sample.

Under ``loadworthy run`` the engine has put its recording on the environment before any user is made. Under plain
``locust -f`` nobody has, and :class:`StandaloneRecording` is made by the first user, so that all of Locust's options
(web UI, CSV, HTML, workers) show our users' figures.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import gevent
import locust.stats
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser
from locust.user import User

from loadworthy.clock import monotonic_ns
from loadworthy.record.buffer import SampleBuffer
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import SeriesInterval
from loadworthy.record.sample import Failure
from loadworthy.users.locust_stats import feed

Listener = Callable[..., Any]

ATTRIBUTE = "loadworthy_recording"
"""Name under which an environment carries its recording."""

LISTENER_FAILED = "a listener of the request event failed"
"""What is logged, with the exception, where somebody else's listener raises."""

_CONTROL_FLOW = (StopUser, StopTest, RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet)
_LOCUSTS_OWN_MODULE = "locust.runners"


class Recording(Protocol):
    """What an environment carries: a sink for each of its users."""

    def sink_for(self, user: User) -> UserSink:
        """The sink of this user."""
        ...


class UserSink:
    """A sample sink, plus the foreign listeners on Locust's ``request`` event.

    ``record`` and ``interrupted`` are those of the buffer itself: one call less in the hot path.
    """

    __slots__ = ("interrupted", "listeners", "receive_lag", "record", "record_part", "record_untimed")

    def __init__(self, buffer: SampleBuffer, listeners: list[Listener]) -> None:
        self.record: Callable[..., None] = buffer.record
        self.record_untimed: Callable[..., None] = buffer.record_untimed
        self.record_part: Callable[..., None] = buffer.record_part
        self.receive_lag: Callable[[int], None] = buffer.receive_lag
        self.interrupted: Callable[[], None] = buffer.interrupted
        self.listeners = listeners

    def notify(self, **request_meta: Any) -> None:
        """Call each listener with Locust's keywords; an error in one is logged, Locust's control flow passes."""
        for listener in tuple(self.listeners):
            try:
                listener(**request_meta)
            except _CONTROL_FLOW:
                raise
            except Exception:
                logging.getLogger(__name__).exception(LISTENER_FAILED)


def sink_for(user: User) -> UserSink:
    """The sink of a user, from its environment's recording; makes a standalone recording where there is none."""
    recording: Recording | None = getattr(user.environment, ATTRIBUTE, None)
    return (recording or standalone_recording(user.environment)).sink_for(user)


def standalone_recording(environment: Environment) -> StandaloneRecording:
    """The recording of an environment of plain Locust; made where there is none yet."""
    recording: StandaloneRecording | None = getattr(environment, ATTRIBUTE, None)
    if recording is None:
        recording = StandaloneRecording(environment)
        setattr(environment, ATTRIBUTE, recording)
    return recording


def foreign_listeners(environment: Environment, own: Listener | None = None) -> list[Listener]:
    """Listeners on ``events.request`` that are neither Locust's statistics nor ``own``."""
    return [
        handler
        for handler in environment.events.request._handlers  # noqa: SLF001  # Locust has no public list
        if handler != own and not is_locusts_statistics(handler)
    ]


def is_locusts_statistics(handler: Listener) -> bool:
    """Whether this is the listener with which a Locust runner feeds its own statistics."""
    return getattr(handler, "__module__", "") == _LOCUSTS_OWN_MODULE


class Drained(NamedTuple):
    """What was recorded since the last time; see :class:`~loadworthy.record.interval.Interval`. To be read only."""

    series: Sequence[SeriesInterval]
    parts: Sequence[SeriesInterval]
    interrupted: int
    receive_lag: Histogram


class StandaloneRecording:
    """Recording under plain ``locust``: everything ends in Locust's own statistics."""

    def __init__(self, environment: Environment, interval_s: float = 0.25) -> None:
        self._environment = environment
        self._buffer = SampleBuffer()
        self._listeners: list[Listener] = []
        self._others: SampleBuffer | None = None
        """Samples of users that are not ours, which Locust counts by itself; only where somebody else wants them."""
        self._takers: list[Callable[[Drained], None]] = []
        self._refresh_listeners()
        events = environment.events
        # A worker serialises its statistics in Locust's own listener of report_to_master; ours must come first.
        events.report_to_master._handlers.insert(0, self._on_flush)  # noqa: SLF001
        events.test_stop._handlers.insert(0, self._on_flush)  # noqa: SLF001  # before user code that looks at the figures
        events.quitting.add_listener(self._on_quitting)
        events.test_start.add_listener(self._on_test_start)
        self._greenlet = gevent.spawn(self._loop, interval_s)

    def sink_for(self, user: User) -> UserSink:  # noqa: ARG002  # one sink for all
        """The one sink of this environment."""
        return UserSink(self._buffer, self._listeners)

    def share(self, take: Callable[[Drained], None]) -> None:
        """Hand all that is recorded to somebody else, too, with the samples of users that are not ours."""
        self._takers.append(take)
        if self._others is None:
            self._others = SampleBuffer()
            self._environment.events.request.add_listener(self._on_request)
            self._refresh_listeners()

    def flush(self) -> None:
        """Pour what was recorded since the last time into Locust's statistics."""
        series, interrupted = self._buffer.drain()
        parts, receive_lag = self._buffer.drain_parts(), self._buffer.drain_receive_lags()
        feed(self._environment.stats, series, self._buffer.drain_errors())
        if self._others is not None:
            others, _ = self._others.drain()
            self._others.drain_errors()
            for take in self._takers:
                take(Drained([*series, *others], parts, interrupted, receive_lag))
        self._refresh_listeners()

    def _on_request(self, **sample: Any) -> None:
        if self._others is not None:
            record_event(self._others, monotonic_ns() // 1000, **sample)

    def _loop(self, interval_s: float) -> None:
        while True:
            gevent.sleep(interval_s)
            self.flush()

    def _on_flush(self, **_kwargs: Any) -> None:
        self.flush()

    def _on_quitting(self, **_kwargs: Any) -> None:
        runner = self._environment.runner
        if runner is not None:
            runner.stop()  # after Ctrl-C Locust stops the users later than it calls us; what they do now counts, too
        self.flush()
        if getattr(self._environment.parsed_options, "csv_prefix", None):
            # Locust closes its CSV files as its once-a-second writer left them; one more round, and they are complete.
            gevent.sleep(locust.stats.CSV_STATS_INTERVAL_SEC * 1.1)

    def _on_test_start(self, **_kwargs: Any) -> None:
        # A second test in the same process (web UI) starts from clean statistics; so must the buffer.
        for buffer in (self._buffer, self._others):
            if buffer is not None:
                buffer.drain()
                buffer.drain_errors()
        self._refresh_listeners()

    def _refresh_listeners(self) -> None:
        self._listeners[:] = foreign_listeners(self._environment, self._on_request)


def describe_exception(error: BaseException) -> str:
    """One line: the type and the first line of the message."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def format_traceback(error: BaseException) -> str:
    """The traceback as text."""
    return "".join(traceback.format_exception(error))


def record_event(
    buffer: SampleBuffer,
    done_us: int,
    *,
    request_type: str,
    name: str,
    response_time: float | None,
    response_length: int | None,
    exception: object = None,
    response: Any = None,
    late_us: int = 0,
    **_more: Any,
) -> None:
    """Record a sample that ended at ``done_us`` and came as a Locust event, with whole or fractional ms.

    It was due ``late_us`` before it was sent.
    """
    failure = event_failure(exception) if exception else None
    length = int(response_length or 0)
    if response_time is None:
        buffer.record_untimed(request_type, name, length, failure)
        return
    status = getattr(response, "status_code", 0)
    code = status if isinstance(status, int) else 0
    start_us = done_us - max(round(response_time * 1000), 0)
    buffer.record(request_type, name, start_us - late_us, start_us, done_us, code, 0, length, failure, length)


def event_failure(error: object) -> Failure:
    """The failure of a sample that arrived as a Locust event with this exception (or text)."""
    from loadworthy.users.http.errors import failure_kind

    message = describe_exception(error) if isinstance(error, BaseException) else str(error)
    return Failure(failure_kind(error), message)
