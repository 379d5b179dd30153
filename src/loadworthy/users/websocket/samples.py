"""From what happened on a WebSocket to its samples, and to Locust's ``request`` event where somebody listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

from loadworthy.clock import monotonic_ns, wall_s
from loadworthy.record.buffer import UNTIMED_US
from loadworthy.record.sample import Failure, FailureKind
from loadworthy.users.http.errors import AttemptError, failure_kind
from loadworthy.users.http.samples import Sink, describe
from loadworthy.users.websocket.errors import WebSocketError, WebSocketRefusedError
from loadworthy.users.websocket.waiting import Arrived

Stamp = Callable[[Any], float]
"""When a message was sent, in seconds since the epoch by this host's clock."""

_CLOCK_SLACK_US = 1000
"""A stamp may lie this far in the future: two readings of one host's clock may be so far apart."""
_US_PER_MS = 1000
_US_PER_S = 1_000_000


class Recorder:
    """The samples of one connection.

    Args:
        sink: where they go.
        user: whose ``context()`` goes to listeners.
        url: shown with failures; without query and userinfo.

    Attributes:
        sent_bytes, received_bytes: what stands in samples so far, for the last sample to hold the rest.
    """

    __slots__ = ("_sink", "_user", "received_bytes", "sent_bytes", "url")

    def __init__(self, sink: Sink, user: Any) -> None:
        self._sink = sink
        self._user = user
        self.url = ""
        self.sent_bytes = 0
        self.received_bytes = 0

    def record(
        self,
        kind: str,
        name: str,
        intended_us: int,
        sent_us: int,
        done_us: int,
        status: int = 0,
        sent_bytes: int = 0,
        received_bytes: int = 0,
        failure: Failure | None = None,
        content_bytes: int = 0,
        message: object = None,
        error: BaseException | None = None,
    ) -> None:
        """Add one sample; ``message`` and ``error`` are for listeners."""
        sink = self._sink
        sink.record(
            kind, name, intended_us, sent_us, done_us, status, sent_bytes, received_bytes, failure, content_bytes
        )
        self.sent_bytes += sent_bytes
        self.received_bytes += received_bytes
        if sink.listeners:
            response_us = done_us - intended_us
            sink.notify(
                request_type=kind,
                response_time=response_us / _US_PER_MS if response_us >= 0 else None,
                name=name,
                response_length=content_bytes,
                response=message,
                context=dict(self._user.context()),
                exception=error or (WebSocketError(failure.kind, failure.message) if failure else None),
                start_time=wall_s() - max(response_us, 0) / _US_PER_S,
                url=self.url,
            )

    def record_untimed(
        self, kind: str, name: str, sent_bytes: int = 0, received_bytes: int = 0, failure: Failure | None = None
    ) -> None:
        """Add a sample without a time of its own: it counts, and stays out of the percentiles."""
        self.record(kind, name, -UNTIMED_US, -UNTIMED_US, 0, 0, sent_bytes, received_bytes, failure)

    def pushed(self, name: str, stamp: Stamp | None, arrived: Arrived, began_us: int) -> None:
        """Add a sample of kind ``push``, from its stamp, or else from when somebody began to wait for it.

        ``began_us`` 0: nobody was waiting, so without a stamp there is no time, and what the stamp raises goes nowhere.
        """
        message, at_us, wire_bytes, size = arrived
        if stamp is None and not began_us:
            self.record_untimed("push", name, 0, wire_bytes)
            return
        failure = None
        if stamp is None:
            from_us, at_us = began_us, max(at_us, began_us)
        else:
            try:
                latency_us = _latency_us(float(stamp(message)), at_us)
            except Exception as error:
                self.failed(error, "push", name, at_us, at_us, 0, wire_bytes)
                if began_us:
                    raise
                return
            if latency_us < -_CLOCK_SLACK_US:
                text = "the stamp lies in the future; it must be seconds since the epoch by this host's clock"
                failure = Failure(FailureKind.ASSERTION, text, self.url)
            from_us = at_us - max(latency_us, 0)
        self.record("push", name, from_us, from_us, at_us, 0, 0, wire_bytes, failure, size, message)

    def failed(
        self,
        error: BaseException,
        kind: str,
        name: str,
        intended_us: int,
        sent_us: int,
        sent_bytes: int = 0,
        received_bytes: int = 0,
    ) -> None:
        """Record an attempt that this exception ended: a failed sample, or an interruption by the end of the run.

        The exception is marked as recorded; the caller raises it.
        """
        failure = self.failure_of(error)
        if failure is None:
            self._sink.interrupted()
            return
        status = error.status if isinstance(error, WebSocketRefusedError) else 0
        done_us = max(monotonic_ns() // 1000, sent_us)
        self.record(kind, name, intended_us, sent_us, done_us, status, sent_bytes, received_bytes, failure, error=error)
        if isinstance(error, Exception):
            error.loadworthy_recorded = True  # type: ignore[attr-defined]  # so that the task loop does not count it again

    def interrupted(self) -> None:
        """An attempt was cut off by the end of the run."""
        self._sink.interrupted()

    def failure_of(self, error: BaseException) -> Failure | None:
        """What is kept of a failed attempt; None where the attempt was only cut off."""
        if isinstance(error, gevent.Timeout):
            return Failure(FailureKind.TIMEOUT_READ, "cut off by a gevent.Timeout of the user", self.url)
        if not isinstance(error, Exception):
            return None
        if isinstance(error, WebSocketError):
            excerpt = error.excerpt if isinstance(error, WebSocketRefusedError) else ""
            return Failure(error.kind, str(error), self.url, excerpt)
        return Failure(failure_kind(error), describe(error), self.url)


def _latency_us(sent_s: float, at_us: int) -> int:
    age_us = monotonic_ns() // 1000 - at_us
    return round((wall_s() - sent_s) * _US_PER_S) - age_us


def as_websocket_error(error: AttemptError) -> WebSocketError:
    """An error of the layers below, as one of ours."""
    return WebSocketError(error.kind, str(error))
