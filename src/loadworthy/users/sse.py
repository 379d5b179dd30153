"""Users that listen to server-sent events (``text/event-stream``), over the HTTP client.

=========  =====================================================  =========================================
kind       one sample for                                         response time
=========  =====================================================  =========================================
``sse``    every request for a stream, repeated ones too          until the head of the answer is there
``push``   every event that was taken                             from its stamp; without one it only counts
=========  =====================================================  =========================================

A stream that breaks or falls silent is a failed ``push``, timed from when the user began to wait; one that the server
ends is no sample. Bytes of a ``push`` are those of the body since the one before, comments included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

import gevent
from gevent.greenlet import Greenlet
from gevent.pool import Group
from locust.env import Environment

from loadworthy.clock import monotonic_ns
from loadworthy.users.event_stream import EventParser, EventTooLargeError, ServerEvent
from loadworthy.users.http.errors import AttemptError, ProtocolError, StatusError, TooLargeError
from loadworthy.users.http.response import Response
from loadworthy.users.http.urls import without_userinfo
from loadworthy.users.http.user import HttpUser
from loadworthy.users.sink import sink_for
from loadworthy.users.websocket.samples import Recorder
from loadworthy.users.websocket.waiting import Arrived

_OK = 200
_NO_LIMIT = 1 << 62
_MS_PER_S = 1000
_DEFAULT_PAUSE_S = 1.0

EventStamp = Callable[[ServerEvent], float]
"""When an event was sent, in seconds since the epoch by this host's clock."""


class SseUser(HttpUser):
    """A user with event streams: ``self.events(path)``; ``self.client`` is the HTTP client, whose cookies they share.

    ::

        class Reader(SseUser):
            @task
            def follow(self):
                with self.events("/prices", stamp=lambda event: json.loads(event.data)["at"]) as source:
                    for event in islice(source, 10):
                        ...

    Streams that are open when the user ends are closed, without a sample; a user that was waiting is counted as
    interrupted.

    Attributes that a subclass may set, besides those of :class:`~loadworthy.users.HttpUser`:
        max_event_bytes: a larger event ends its stream, kind ``too_large``.
    """

    abstract = True

    max_event_bytes: int = 16 * 1024 * 1024

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._event_sink = sink_for(self)
        self._event_streams: set[EventSource] = set()

    def events(
        self,
        path: str,
        *,
        name: str | None = None,
        stamp: EventStamp | None = None,
        headers: Mapping[str, Any] | None = None,
        params: Any = None,
        last_event_id: str = "",
        timeout_s: float | None = None,
    ) -> EventSource:
        """Ask for a stream of events; one sample of kind ``sse``.

        Args:
            path: below the host, or a whole URL.
            name: of both series; the path without its query if not given.
            stamp: of an event, when it was sent; see the module.
            headers: besides those of the client.
            params: added to the query, as in ``requests``.
            last_event_id: where to go on.
            timeout_s: for each wait for bytes; ``network_timeout`` if not given.

        Raises:
            AttemptError: there is no stream; ``kind`` says why.
        """
        request = StreamRequest(path, name or path.partition("?")[0], stamp, headers, params, timeout_s)
        return EventSource(self, request, Recorder(self._event_sink, self), last_event_id)

    def start(self, group: Group) -> Greenlet:
        """Start the user's greenlet; when it ends, however that comes, its streams are closed."""
        greenlet = super().start(group)
        greenlet.rawlink(lambda _: self.close_event_streams())
        return greenlet

    def close_event_streams(self) -> None:
        """Close all that are open."""
        for source in tuple(self._event_streams):
            source.close()

    def remember_stream(self, source: EventSource) -> None:
        """It is open: to be closed when the user ends."""
        self._event_streams.add(source)

    def forget_stream(self, source: EventSource) -> None:
        """It is closed."""
        self._event_streams.discard(source)


class StreamRequest(NamedTuple):
    """What to ask for; kept for connecting again."""

    path: str
    name: str
    stamp: EventStamp | None
    headers: Mapping[str, Any] | None
    params: Any
    timeout_s: float | None


class EventSource:
    """An open stream of events, made by :meth:`SseUser.events`. A context manager that closes it.

    Iterating takes the events as they come, and ends where the server ends the stream. What breaks it is raised, after
    the failed sample was recorded.
    """

    def __init__(self, user: SseUser, request: StreamRequest, recorder: Recorder, last_event_id: str) -> None:
        self._user = user
        self._request = request
        self._recorder = recorder
        self._parser = EventParser(user.max_event_bytes, last_event_id)
        self._response: Response | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._ready: deque[tuple[ServerEvent, int]] = deque()
        self._taken_id = last_event_id
        self._unclaimed_bytes = 0
        self._open()

    @property
    def last_event_id(self) -> str:
        """The last id that the server gave, with an event that was taken or after it."""
        return self._taken_id if self._ready else self._parser.last_id

    @property
    def retry_s(self) -> float | None:
        """How long the server wants its clients to wait before they connect again, if it said so."""
        retry_ms = self._parser.retry_ms
        return None if retry_ms is None else retry_ms / _MS_PER_S

    @property
    def closed(self) -> bool:
        """Whether the stream has ended, as far as is known."""
        return self._response is None

    def __iter__(self) -> Iterator[ServerEvent]:
        return self

    def __next__(self) -> ServerEvent:
        event = self.receive()
        if event is None:
            raise StopIteration
        return event

    def receive(self, match: Callable[[ServerEvent], bool] | None = None) -> ServerEvent | None:
        """The next event, or the first that matches; one sample of kind ``push``, none for those that are passed over.

        None when the server has ended the stream. What ``match`` raises is a failed sample.
        """
        name, began_us = self._request.name, monotonic_ns() // 1000
        try:
            found = self._find(match)
        except BaseException as error:
            self._recorder.failed(error, "push", name, began_us, began_us, 0, self._claim())
            self.close()
            raise
        if found is None:
            return None
        event, at_us = found
        arrived = Arrived(event, at_us, self._claim(), len(event.data.encode()))
        try:
            self._recorder.pushed(name, self._request.stamp, arrived, began_us if self._request.stamp else 0)
        except BaseException:
            self.close()
            raise
        return event

    def expect(self, match: Callable[[ServerEvent], bool] | None = None) -> ServerEvent:
        """As :meth:`receive`, but a stream that the server has ended is a failed sample and an error."""
        began_us = monotonic_ns() // 1000
        event = self.receive(match)
        if event is None:
            error = ProtocolError("the server ended the stream of events")
            self._recorder.failed(error, "push", self._request.name, began_us, began_us, 0, self._claim())
            raise error
        return event

    def reconnect(self, *, attempts: int = 1, pause_s: float | None = None) -> None:
        """Ask for the stream again, from the last event that was taken; each attempt is a sample of kind ``sse``.

        Before each it waits ``pause_s``: as long as the server said, if not given, and one second if it did not.
        Raises the last attempt's error.
        """
        last_id = self.last_event_id
        self.close()
        self._ready.clear()
        self._parser.last_id = last_id
        if pause_s is None:
            pause_s = _DEFAULT_PAUSE_S if self.retry_s is None else self.retry_s
        for left in range(max(attempts, 1) - 1, -1, -1):
            gevent.sleep(pause_s)
            try:
                self._open()
            except AttemptError:
                if not left:
                    raise
            else:
                return

    def close(self) -> None:
        """Close the stream; may be called twice."""
        response, self._response = self._response, None
        self._pieces = iter(())
        self._user.forget_stream(self)
        if response is not None:
            response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- how ---

    def _open(self) -> None:
        """Ask, and record that."""
        request, client = self._request, self._user.client
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store", "Accept-Encoding": "identity"}
        if self._parser.last_id:
            headers["Last-Event-ID"] = self._parser.last_id.encode().decode("latin-1")
        options: dict[str, Any] = {"params": request.params, "headers": {**headers, **(request.headers or {})}}
        if request.timeout_s is not None:
            options["timeout"] = request.timeout_s
        response = client.get(request.path, name=request.name, stream=True, catch_response=True, **options)
        response.request_meta["request_type"] = "sse"
        response.error = error = _mistake(response)
        client.forget_unentered(response)
        response.record_unjudged()
        self._recorder.url = without_userinfo(response.url).partition("?")[0]
        if error is not None:
            response.close()
            error.loadworthy_recorded = True  # type: ignore[attr-defined]  # so that the task loop does not count it again
            raise error
        self._parser = EventParser(self._user.max_event_bytes, self._parser.last_id)
        _lift_body_limit(response)
        self._response, self._pieces = response, response.iter_content(None)
        self._user.remember_stream(self)

    def _find(self, match: Callable[[ServerEvent], bool] | None) -> tuple[ServerEvent, int] | None:
        while self._ready or self._read():
            while self._ready:
                event, at_us = self._ready.popleft()
                self._taken_id = event.id
                if match is None or match(event):
                    return event, at_us
        return None

    def _read(self) -> bool:
        """One piece of the stream; False if there is none any more."""
        piece = next(self._pieces, b"")
        if not piece:
            self.close()
            return False
        now_us = monotonic_ns() // 1000
        self._unclaimed_bytes += len(piece)
        try:
            self._ready.extend((event, now_us) for event in self._parser.feed(piece))
        except EventTooLargeError:
            raise TooLargeError("an event is larger than max_event_bytes") from None
        return True

    def _claim(self) -> int:
        """The bytes that are in no sample yet."""
        claimed, self._unclaimed_bytes = self._unclaimed_bytes, 0
        return claimed


def _mistake(response: Response) -> Exception | None:
    """Why the answer is no stream of events."""
    if response.error is not None:
        return response.error
    if response.status_code != _OK:
        return StatusError(f"status {response.status_code} where 200 was expected")
    content_type = response.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "text/event-stream":
        return ProtocolError("the answer is not text/event-stream")
    return None


def _lift_body_limit(response: Response) -> None:
    """A stream of events has no end; its events are bounded instead of its body."""
    source = response._stream._source if response._stream is not None else None  # noqa: SLF001  # the one exception
    if source is not None:
        source._limits = source._limits._replace(max_body_bytes=_NO_LIMIT)  # noqa: SLF001
