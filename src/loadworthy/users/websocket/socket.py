"""What users hold: one WebSocket, its messages, and a sample for everything that is an attempt.

===========  ====================================================  ======================================
kind         one sample for                                        response time
===========  ====================================================  ======================================
``connect``  every handshake, refused ones and reconnects too      DNS, TCP, TLS and handshake
``message``  every ``request()``                                   from sending to the reply
``push``     every pushed message that was expected or handled     from its stamp, or from the call
``stream``   every frame of a ``stream()``                         from when it was due until it was sent
``ping``     every ``ping()``                                      from the ping to its pong
``close``    every connection that ended, its code in the name     the closing handshake, if we began it
===========  ====================================================  ======================================

``send_…()`` and ``receive()`` have no time of their own and no samples, except where they fail (kinds ``send`` and
``receive``). The bytes that no other sample has stand in the ``close`` sample, so the sums are those on the wire.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import gevent

from loadworthy.clock import monotonic_ns
from loadworthy.record.sample import Failure, FailureKind
from loadworthy.users.http.errors import AttemptError
from loadworthy.users.precise import wait_until
from loadworthy.users.websocket.channel import NEVER_NS, Channel
from loadworthy.users.websocket.deflate import Deflater, Inflater
from loadworthy.users.websocket.errors import WebSocketClosedError, WebSocketError
from loadworthy.users.websocket.frames import BINARY, GOING_AWAY, NORMAL, PING, TEXT, FrameReader
from loadworthy.users.websocket.opening import Opened, Opening, Target
from loadworthy.users.websocket.samples import Recorder, Stamp, as_websocket_error
from loadworthy.users.websocket.waiting import Arrived, Decode, Ending, Match, Message, Subscription, Waiter

if TYPE_CHECKING:
    from loadworthy.users.websocket.user import WebSocketUser

Handler = Callable[[Any], object]
_SWITCHING_PROTOCOLS = 101
_US_PER_S = 1_000_000
_US_PER_MS = 1000
_SENDS_A_TURN = 100


def encode_message(value: object) -> tuple[int, bytes]:
    """Opcode and payload: text for str, binary for bytes, JSON text for a dict or list; else TypeError."""
    if isinstance(value, str):
        return TEXT, value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return BINARY, bytes(value)
    if isinstance(value, dict | list):
        return TEXT, json.dumps(value).encode()
    raise TypeError(f"a message is str, bytes, or a dict or list for JSON, not {type(value).__name__}")


class WebSocket:
    """An open WebSocket, made by :meth:`WebSocketUser.connect`. A context manager that closes it.

    Time-outs are seconds; None stands for the user's ``network_timeout``. Whatever waits raises
    :class:`WebSocketTimeoutError` when nothing came in time and :class:`WebSocketClosedError` when the connection is
    closed, after the failed sample was recorded.

    Messages are str (text) or bytes (binary), as they came. Where there is ``decode``, it is called with each message
    that is looked at, and ``match``, ``stamp`` and the caller get what it returns: ``decode=json.loads``.
    """

    __slots__ = (
        "__weakref__",
        "_channel",
        "_reader_greenlet",
        "_recorder",
        "_sends",
        "_target",
        "_user",
        "name",
        "subprotocol",
    )

    def __init__(self, user: WebSocketUser, target: Target, name: str, recorder: Recorder) -> None:
        self._user = user
        self._target = target
        self._recorder = recorder
        self._reader_greenlet: Any = None
        self._sends = 0
        self.name = name
        self.subprotocol: str | None = None
        """The one that the server chose, if it chose one."""
        self._channel = self._open([])

    # --- what it is ---

    @property
    def closed(self) -> bool:
        """Whether it is known to be closed; the peer's closing shows when something is read."""
        return self._channel.ending is not None

    @property
    def close_code(self) -> int | None:
        """The close code, 1006 if the peer vanished; None while it is open."""
        return self._channel.ending.code if self._channel.ending else None

    @property
    def close_reason(self) -> str | None:
        """The reason that the peer gave; None while it is open."""
        return self._channel.ending.reason if self._channel.ending else None

    # --- messages without samples ---

    def send_text(self, text: str) -> None:
        """Send a text message."""
        self._send(TEXT, text.encode())

    def send_json(self, value: Any) -> None:
        """Send a value as a text message of JSON."""
        self._send(TEXT, json.dumps(value).encode())

    def send_binary(self, data: bytes) -> None:
        """Send a binary message."""
        self._send(BINARY, bytes(data))

    def receive(self, timeout_s: float | None = None) -> Message:
        """The next message that nobody else has taken."""
        waiter = Waiter()
        began_us = monotonic_ns() // 1000
        try:
            arrived = self._channel.take_unread(waiter) or self._wait(waiter, began_us, timeout_s)
        except BaseException as error:
            self._recorder.failed(error, "receive", self.name, began_us, began_us)
            raise
        message: Message = arrived.message
        return message

    def receive_json(self, timeout_s: float | None = None) -> Any:
        """The next message that nobody else has taken, read as JSON; one that is none is a failed sample."""
        message = self.receive(timeout_s)
        try:
            return json.loads(message)
        except ValueError as cause:
            error = WebSocketError(FailureKind.PROTOCOL, "the message is not JSON")
            now_us = monotonic_ns() // 1000
            self._recorder.failed(error, "receive", self.name, now_us, now_us)
            raise error from cause

    # --- messages with samples ---

    def request(
        self,
        value: object,
        *,
        name: str,
        match: Match | None = None,
        decode: Decode | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        """Send a message and wait for its reply; one sample of kind ``message``.

        Args:
            value: str, bytes, or a dict or list that is sent as JSON.
            name: of the series.
            match: whether a message is the reply; the next one is, without it. Several greenlets may have requests open
                at once; messages that match none of them are for :meth:`receive`.
            decode: see the class.
            timeout_s: for the reply.
        """
        opcode, payload = encode_message(value)
        sent_us = monotonic_ns() // 1000
        intended_us = self._user.take_intended_us(sent_us)
        sent_bytes = 0
        try:
            sent_bytes = self._channel.send(opcode, payload)
            arrived = self._wait(Waiter(match, decode), sent_us, timeout_s)
        except BaseException as error:
            self._recorder.failed(error, "message", name, intended_us, sent_us, sent_bytes)
            raise
        message, at_us, wire_bytes, size = arrived
        self._recorder.record(
            "message", name, intended_us, sent_us, at_us, 0, sent_bytes, wire_bytes, None, size, message
        )
        return message

    def stream(self, frames: Iterable[bytes | str], *, name: str, every_ms: float = 20) -> int:
        """Send messages at a fixed cadence; one sample of kind ``stream`` for each. Returns how many were sent.

        Message *i* is due ``i × every_ms`` after the start, whatever became of those before, so there is no drift. Its
        response time runs from when it was due until it is sent: its lateness, and the time that sending took. A
        stream that is behind sends at once, and skips nothing. While it waits it reads: pings are answered, and what
        comes is kept for :meth:`receive` or goes to handlers.
        """
        start_us = monotonic_ns() // 1000
        every_us = every_ms * _US_PER_MS
        count = 0
        for index, frame in enumerate(frames):
            opcode, payload = encode_message(frame)
            due_us = start_us + round(index * every_us)
            self._stream_frame(opcode, payload, name, due_us)
            count += 1
        return count

    def expect_push(
        self,
        *,
        name: str,
        stamp: Stamp | None = None,
        match: Match | None = None,
        decode: Decode | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        """Wait for a message that the server sends by itself; one sample of kind ``push``.

        Args:
            name: of the series.
            stamp: of a message, when it was sent, in seconds since the epoch by this host's clock; the response time
                runs from there to its arrival. Without it, from the call.
            match: whether a message is the one; any that is not taken by others, without it.
            decode: see the class.
            timeout_s: for the message.
        """
        began_us = monotonic_ns() // 1000
        waiter = Waiter(match, decode)
        try:
            arrived = self._channel.take_unread(waiter) or self._wait(waiter, began_us, timeout_s)
        except BaseException as error:
            self._recorder.failed(error, "push", name, began_us, began_us)
            raise
        self._recorder.pushed(name, stamp, arrived, began_us)
        return arrived.message

    def on_push(
        self,
        name: str,
        handler: Handler | None = None,
        *,
        stamp: Stamp | None = None,
        match: Match | None = None,
        decode: Decode | None = None,
    ) -> None:
        """Take pushed messages as they come, while the user does other things; unread ones that match first.

        A greenlet of this connection reads, records a sample of kind ``push`` for each message that matches, and calls
        the handler with it, one after another. Without ``stamp`` the samples have no time; without ``handler`` the
        messages are only counted. A handler that raises makes the sample a failed one.
        """
        self._channel.subscribe(Subscription(name, handler, stamp, match, decode))
        if self._reader_greenlet is None:
            self._reader_greenlet = gevent.spawn(self._serve_pushes, self._channel)

    def idle(self, seconds: float) -> None:
        """Let time pass, also when the connection ends meanwhile: pings are answered, what comes is kept."""
        due_us = monotonic_ns() // 1000 + round(seconds * _US_PER_S)
        try:
            self._channel.idle_until(due_us)
        except WebSocketClosedError:
            wait_until(due_us)  # its end is a sample of its own

    def ping(self, timeout_s: float | None = None) -> float:
        """Send a ping and wait for its pong; the time that took, in seconds. One sample of kind ``ping``."""
        payload = os.urandom(4)
        sent_us = monotonic_ns() // 1000
        sent_bytes = 0
        try:
            sent_bytes = self._channel.send(PING, payload)
            arrived = self._wait(Waiter(takes_messages=False, pong=payload), sent_us, timeout_s)
        except BaseException as error:
            self._recorder.failed(error, "ping", self.name, sent_us, sent_us, sent_bytes)
            raise
        self._recorder.record("ping", self.name, sent_us, sent_us, arrived.at_us, 0, sent_bytes, arrived.wire_bytes)
        return (arrived.at_us - sent_us) / _US_PER_S

    # --- the end, and another beginning ---

    def close(self, code: int = NORMAL, reason: str = "", timeout_s: float | None = None) -> None:
        """The closing handshake; one sample of kind ``close``, named after the code. May be called twice.

        It fails where the peer answers with another code than 1000, 1001 or ours, with none, or not in time. Raises
        :class:`ValueError` for a code that may not be sent and a reason of more than 123 bytes.
        """
        channel = self._channel
        if channel.ending is not None:
            return
        began_us = monotonic_ns() // 1000
        try:
            channel.close(code, reason, self._deadline_ns(began_us, timeout_s))
        except ValueError:
            raise
        except BaseException as error:
            self._recorder.failed(error, "close", f"{self.name} {code}", began_us, began_us)
            self.abandon()
            raise

    def abandon(self, code: int = 0) -> None:
        """Drop the connection without waiting for anything, and without a sample.

        With ``code`` the peer is told, if that takes no waiting. This is what happens when the user ends.
        """
        self._channel.abandon(code)
        self._stop_reader()
        self._user.forget(self)

    def reconnect(self, *, attempts: int = 1, pause_s: float = 1.0) -> None:
        """Close the connection if it is open, and make it again; each attempt is a sample of kind ``connect``.

        Handlers of :meth:`on_push` stay. Raises the last attempt's :class:`WebSocketError`.
        """
        self.close()
        subscriptions = self._channel.subscriptions
        self._stop_reader()
        for left in range(max(attempts, 1) - 1, -1, -1):
            try:
                self._channel = self._open(subscriptions)
                break
            except WebSocketError:
                if not left:
                    raise
            gevent.sleep(pause_s)
        if subscriptions:
            self._reader_greenlet = gevent.spawn(self._serve_pushes, self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, Exception):
            self.close()
        else:
            self.abandon(GOING_AWAY)  # the user is being ended; there is no time for a handshake

    # --- how ---

    def _open(self, subscriptions: list[Subscription]) -> Channel:
        """Connect, and record that."""
        recorder = self._recorder
        sent_us = monotonic_ns() // 1000
        intended_us = self._user.take_intended_us(sent_us)
        opening = Opening(self._user.client, self._target)
        try:
            opened = opening.run()
        except BaseException as cause:
            error = as_websocket_error(cause) if isinstance(cause, AttemptError) else cause
            recorder.url = opening.url
            counts = opening.sent_bytes, opening.received_bytes
            recorder.failed(error, "connect", self.name, intended_us, sent_us, *counts)
            if error is cause:
                raise
            raise error from cause
        recorder.url = opening.url
        counts = opening.sent_bytes, opening.received_bytes
        done_us = monotonic_ns() // 1000
        recorder.record("connect", self.name, intended_us, sent_us, done_us, _SWITCHING_PROTOCOLS, *counts)
        recorder.sent_bytes = recorder.received_bytes = 0  # from here on, of what follows the handshake
        self.subprotocol = opened.accepted.subprotocol
        channel = self._channel = self._make_channel(opened)
        channel.subscriptions = subscriptions
        self._user.remember(self)
        if opened.first_bytes:
            channel.take(opened.first_bytes)
        return channel

    def _make_channel(self, opened: Opened) -> Channel:
        user, agreed = self._user, opened.accepted.compression
        return Channel(
            opened.wire,
            FrameReader(user.max_message_bytes, Inflater.of_client(agreed) if agreed else None),
            Deflater.of_client(agreed) if agreed else None,
            self._record_end,
            timeout_s=user.network_timeout,
            autoping=self._target.autoping,
            max_unread=user.max_unread_messages,
        )

    def _deadline_ns(self, from_us: int, timeout_s: float | None) -> int:
        seconds = self._user.network_timeout if timeout_s is None else timeout_s
        return from_us * 1000 + int(seconds * 1_000_000_000)

    def _wait(self, waiter: Waiter, from_us: int, timeout_s: float | None) -> Arrived:
        return self._channel.wait(waiter, self._deadline_ns(from_us, timeout_s))

    def _send(self, opcode: int, payload: bytes) -> None:
        sent_us = monotonic_ns() // 1000
        try:
            self._channel.send(opcode, payload)
        except BaseException as error:
            self._recorder.failed(error, "send", self.name, sent_us, sent_us)
            raise
        self._sends += 1
        if self._sends % _SENDS_A_TURN == 0:
            gevent.sleep(0)  # sending waits for nothing; a loop over it must not keep all others out

    def _stream_frame(self, opcode: int, payload: bytes, name: str, due_us: int) -> None:
        channel, recorder = self._channel, self._recorder
        sent_us = monotonic_ns() // 1000
        if sent_us < due_us:
            try:
                channel.idle_until(due_us)
            except WebSocketClosedError as error:
                now_us = monotonic_ns() // 1000
                recorder.failed(error, "stream", name, min(due_us, now_us), now_us)
                raise
            sent_us = monotonic_ns() // 1000
        else:
            gevent.sleep(0)  # a stream that is behind must not keep all others out
            sent_us = monotonic_ns() // 1000
        try:
            sent_bytes = channel.send(opcode, payload)
        except BaseException as error:
            recorder.failed(error, "stream", name, due_us, sent_us)
            raise
        done_us = monotonic_ns() // 1000
        recorder.record("stream", name, due_us, max(sent_us, due_us), done_us, 0, sent_bytes, 0, None, len(payload))

    def _serve_pushes(self, channel: Channel) -> None:
        """What the greenlet of :meth:`on_push` does until the connection ends."""
        while True:
            while channel.pushes:
                subscription, arrived = channel.pushes.popleft()
                self._handle_push(subscription, arrived)
            waiter = channel.push_waiter = Waiter(takes_messages=False)
            try:
                channel.wait(waiter, NEVER_NS)
            except WebSocketClosedError:
                if not channel.pushes:
                    return  # its end is a sample of its own
            finally:
                channel.push_waiter = None

    def _handle_push(self, subscription: Subscription, arrived: Arrived) -> None:
        error = arrived.message if isinstance(arrived.message, Exception) else None
        if error is None and subscription.handler is not None:
            try:
                subscription.handler(arrived.message)
            except Exception as failure:  # noqa: BLE001  # of the user's code: a failed sample tells of it
                error = failure
        if error is None:
            self._recorder.pushed(subscription.name, subscription.stamp, arrived, 0)
            return
        self._recorder.failed(error, "push", subscription.name, arrived.at_us, arrived.at_us, 0, arrived.wire_bytes)

    def _record_end(self, ending: Ending) -> None:
        """The one sample of the connection's end, with the bytes that no other sample has."""
        recorder, wire = self._recorder, self._channel.wire
        sent_bytes = max(wire.sent_bytes - recorder.sent_bytes, 0)
        received_bytes = max(wire.received_bytes - recorder.received_bytes, 0)
        name = f"{self.name} {ending.code}"
        failure = Failure(ending.kind, ending.message, recorder.url, ending.reason) if ending.kind else None
        self._user.forget(self)
        if ending.began_us:
            began_us = ending.began_us
            recorder.record("close", name, began_us, began_us, ending.ended_us, 0, sent_bytes, received_bytes, failure)
        else:
            recorder.record_untimed("close", name, sent_bytes, received_bytes, failure)

    def _stop_reader(self) -> None:
        greenlet, self._reader_greenlet = self._reader_greenlet, None
        if greenlet is not None and greenlet is not gevent.getcurrent():
            greenlet.kill(block=False)
