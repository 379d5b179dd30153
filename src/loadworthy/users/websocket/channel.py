"""An open WebSocket connection shared by greenlets: who reads, who gets what, how it ends. No samples here.

**Nobody reads unless somebody waits.** There is no greenlet that belongs to a connection. The first greenlet that waits
for something becomes the *leader*: it reads the socket and hands out what comes. Others that come to wait meanwhile
*follow*: each sleeps until the leader has something for it. A leader that has got its own hands the lead to one that
follows. So a user that sends and waits pays for one switch to the event loop and back, thousands of idle connections
have no stacks of their own, and several greenlets can still wait on one connection.

**Who gets a message**: the first of those that wait with a condition and find it true; else the first subscription with
a condition; else the first that waits without one; else the first subscription without one; else it stays unread until
somebody asks. Pings are answered by whoever reads.

**Writing** is done by the greenlet that has something to say, and almost always the kernel takes all of it. When it
does not, the others queue up behind, and if nobody reads, a helper does: a peer that is not read may not read.

**The end** comes once: both close frames, or what went wrong. ``on_end`` is told, and all that wait are woken.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event as GreenEvent

from loadworthy.clock import monotonic_ns
from loadworthy.record.sample import FailureKind
from loadworthy.users.http.errors import AttemptError, ReadTimeoutError
from loadworthy.users.precise import wait_until
from loadworthy.users.websocket.deflate import Deflater
from loadworthy.users.websocket.errors import WebSocketClosedError, WebSocketTimeoutError
from loadworthy.users.websocket.frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    FINAL,
    NO_CODE,
    NORMAL,
    PING,
    PONG,
    TOO_BIG,
    VANISHED,
    Event,
    FrameReader,
    close_payload,
    encode_frame,
)
from loadworthy.users.websocket.waiting import Arrived, Ending, Subscription, Waiter
from loadworthy.users.websocket.wire import Wire

NEVER_NS = 1 << 62
_new = tuple.__new__  # makes the same tuple as the class does, at half the price
_US_PER_S = 1_000_000
_NS_PER_S = 1_000_000_000


class Channel:
    """One open connection; see the module.

    Args:
        wire: connected, the handshake made.
        reader, deflater: as agreed in the handshake.
        on_end: told once how the connection ended, unless it is abandoned.
        timeout_s: how long the peer may not read what we send.
        autoping: whether pings are answered.
        max_unread: messages that nobody asked for beyond this many end the connection.

    Attributes:
        ending: None while it is open.
        unread: messages that nobody has asked for yet.
        pushes: messages for subscriptions, to be handled by whoever waits with ``push_waiter``.
    """

    __slots__ = (
        "_autoping",
        "_blocked",
        "_closing_us",
        "_code_sent",
        "_deflater",
        "_leading",
        "_max_unread",
        "_on_end",
        "_pong_due",
        "_reader",
        "_timeout_s",
        "_waiters",
        "ending",
        "push_waiter",
        "pushes",
        "subscriptions",
        "unread",
        "wire",
    )

    def __init__(
        self,
        wire: Wire,
        reader: FrameReader,
        deflater: Deflater | None,
        on_end: Callable[[Ending], None],
        *,
        timeout_s: float,
        autoping: bool = True,
        max_unread: int = 10_000,
    ) -> None:
        self.wire = wire
        self.ending: Ending | None = None
        self.unread: deque[Arrived] | None = None
        self.subscriptions: list[Subscription] = []
        self.pushes: deque[tuple[Subscription, Arrived]] | None = None
        self.push_waiter: Waiter | None = None
        self._reader = reader
        self._deflater = deflater
        self._on_end = on_end
        self._timeout_s = timeout_s
        self._autoping = autoping
        self._max_unread = max_unread
        self._leading = False
        self._waiters: list[Waiter] = []
        self._blocked: Any = None
        self._pong_due: bytes | None = None
        self._code_sent = 0
        self._closing_us = 0

    # --- sending ---

    def send(self, opcode: int, payload: bytes) -> int:
        """Send a frame that is a whole message, or a control frame; its bytes on the wire.

        Raises :class:`WebSocketClosedError`.
        """
        while self._blocked is not None:
            self._blocked.wait()
        if self.ending is not None or self._code_sent:
            raise self.closed_error()
        return self._send(opcode, payload)

    def _send(self, opcode: int, payload: bytes) -> int:
        first = FINAL | opcode
        if self._deflater is not None and opcode <= BINARY and payload:
            payload = self._deflater.deflate(payload)
            first |= COMPRESSED
        frame = encode_frame(first, payload, os.urandom(4))
        try:
            rest = self.wire.send(frame)
        except AttemptError as error:
            self._lose(error)
            raise self.closed_error() from error
        if rest is not None:
            self._send_rest(rest)
        return len(frame)

    def _send_rest(self, rest: memoryview) -> None:
        """The kernel has no room: wait for it, and keep the others out, for frames do not mix."""
        blocked = self._blocked = self._blocked or GreenEvent()
        helper = gevent.spawn(self._read_on) if not self._leading else None
        try:
            self.wire.send_rest(rest, self._timeout_s)
            if self._pong_due is not None:
                payload, self._pong_due = self._pong_due, None
                late = self.wire.send(encode_frame(FINAL | PONG, payload, os.urandom(4)))
                if late is not None:
                    self.wire.send_rest(late, self._timeout_s)
        except AttemptError as error:
            self._lose(error)
            raise self.closed_error() from error
        except BaseException:
            self.abandon()  # half a frame is out; nothing can follow it
            raise
        finally:
            self._blocked = None
            blocked.set()
            if helper is not None:
                helper.kill(block=False)

    def _read_on(self) -> None:
        """Read while somebody is blocked in sending; killed when they are done."""
        try:
            self.wait(Waiter(takes_messages=False), NEVER_NS)
        except (WebSocketClosedError, WebSocketTimeoutError):
            return  # those who wait for messages or send are told themselves

    # --- waiting ---

    def wait(self, waiter: Waiter, deadline_ns: int) -> Arrived:
        """Until something has come for the waiter.

        Raises :class:`WebSocketTimeoutError`, :class:`WebSocketClosedError`, or what the waiter's functions raised.
        """
        self._waiters.append(waiter)
        try:
            while waiter.arrived is None:
                if waiter.error is not None:
                    raise waiter.error
                if self.ending is not None:
                    raise self.closed_error()
                if self._leading:
                    self._follow(waiter, deadline_ns)
                else:
                    self._lead(waiter, deadline_ns)
            return waiter.arrived
        finally:
            self._waiters.remove(waiter)
            if self._waiters and not self._leading:
                self._hand_over()

    def _lead(self, waiter: Waiter, deadline_ns: int) -> None:
        self._leading = True
        try:
            while waiter.arrived is None and waiter.error is None and self.ending is None:
                try:
                    data = self.wire.receive(deadline_ns)
                except ReadTimeoutError:
                    raise WebSocketTimeoutError from None
                except AttemptError as error:
                    self._lose(error)
                    return
                self.take(data)
        finally:
            self._leading = False

    def _follow(self, waiter: Waiter, deadline_ns: int) -> None:
        waiter.event = GreenEvent()
        left_s = None if deadline_ns == NEVER_NS else max(deadline_ns - monotonic_ns(), 0) / _NS_PER_S
        is_awake = waiter.event.wait(left_s)
        waiter.event = None
        if not is_awake and waiter.arrived is None:
            raise WebSocketTimeoutError

    def _hand_over(self) -> None:
        for waiter in self._waiters:
            if waiter.event is not None:
                waiter.event.set()
                return

    def idle_until(self, due_us: int) -> None:
        """Let the time pass until this very moment, reading if nobody else does.

        Raises :class:`WebSocketClosedError`.
        """
        while self.ending is None and monotonic_ns() // 1000 < due_us:
            if self._leading:
                wait_until(due_us)
            else:
                self._lead_until(due_us)
        if self.ending is not None:
            raise self.closed_error()

    def _lead_until(self, due_us: int) -> None:
        """Without a waiter and without exceptions, for it happens fifty times a second in each of many streams."""
        self._leading = True
        try:
            data = self.wire.receive_until(due_us)
            if data is not None:
                self.take(data)
        except AttemptError as error:
            self._lose(error)
        finally:
            self._leading = False
            if self._waiters:
                self._hand_over()

    # --- receiving ---

    def take(self, data: bytes) -> None:
        """Hand out what came; no data is the end of the connection."""
        now_us = monotonic_ns() // 1000
        if not data:
            self._end(VANISHED, "", FailureKind.RESET, "the peer closed the connection without a closing handshake")
            return
        for event in self._reader.feed(data):
            if event.opcode <= BINARY:
                self._deliver(_new(Arrived, (event.payload, now_us, event.wire_bytes, event.size)))
            else:
                self._control(event, now_us)
            if self.ending is not None:
                return
        error = self._reader.error
        if error is not None:
            self._give_up(error.code, error.kind, str(error))

    def take_unread(self, waiter: Waiter) -> Arrived | None:
        """The first unread message that the waiter wants; None if there is none. Raises what its functions raise."""
        unread = self.unread
        for index, arrived in enumerate(unread or ()):
            if waiter.offer(arrived):
                del (unread or deque())[index]
                if waiter.error is not None:
                    raise waiter.error
                return waiter.arrived
        return None

    def subscribe(self, subscription: Subscription) -> None:
        """From now on; what came before and nobody has asked for is for it, too."""
        self.subscriptions.append(subscription)
        unread, self.unread = self.unread or deque(), None
        for arrived in unread:
            self._deliver(arrived)

    def _deliver(self, arrived: Arrived) -> None:
        waiters = self._waiters
        if len(waiters) == 1 and not self.subscriptions:
            waiter = waiters[0]
            if waiter.takes_messages and waiter.arrived is None and waiter.offer(arrived):
                return
        else:
            open_waiters = [one for one in waiters if one.takes_messages and one.arrived is None and one.error is None]
            for conditional in (True, False):
                if any(one.offer(arrived) for one in open_waiters if (one.match is not None) is conditional):
                    return
                if any(
                    self._push(one, arrived) for one in self.subscriptions if (one.match is not None) is conditional
                ):
                    return
        if self.unread is None:
            self.unread = deque()
        self.unread.append(arrived)
        if len(self.unread) > self._max_unread:
            message = "more than max_unread_messages unread; take them with receive() or on_push()"
            self._give_up(TOO_BIG, FailureKind.TOO_LARGE, message)

    def _push(self, subscription: Subscription, arrived: Arrived) -> bool:
        waiter = Waiter(subscription.match, subscription.decode)
        if not waiter.offer(arrived):
            return False
        if waiter.error is not None:
            arrived = arrived._replace(message=waiter.error)
        if self.pushes is None:
            self.pushes = deque()
        self.pushes.append((subscription, waiter.arrived or arrived))
        if self.push_waiter is not None:
            self.push_waiter.arrived = arrived
            self.push_waiter.wake()
        return True

    def _control(self, event: Event, now_us: int) -> None:
        payload = event.payload
        if event.opcode == PING and isinstance(payload, bytes):
            self._answer_ping(payload)
        elif event.opcode == PONG:
            for waiter in self._waiters:
                if waiter.pong is not None and waiter.pong == payload:
                    waiter.arrived = Arrived(payload, now_us, event.wire_bytes, len(payload))
                    waiter.wake()
        elif event.opcode == CLOSE:
            self._closed_by_peer(event.code, str(payload), now_us)

    def _answer_ping(self, payload: bytes) -> None:
        if not self._autoping or self._code_sent:
            return
        if self._blocked is not None:
            self._pong_due = payload  # the last one counts (RFC 6455, 5.5.3)
            return
        try:
            rest = self.wire.send(encode_frame(FINAL | PONG, payload, os.urandom(4)))
        except AttemptError:
            return  # whoever reads sees the end next, perhaps after a close frame that says why
        if rest is not None:
            self._blocked = GreenEvent()
            gevent.spawn(self._finish_pong, rest)  # who reads must go on reading

    def _finish_pong(self, rest: memoryview) -> None:
        try:
            self._send_rest(rest)
        except WebSocketClosedError:
            return  # those who wait are told themselves

    # --- the end ---

    def close(self, code: int, reason: str, deadline_ns: int) -> None:
        """The closing handshake, begun by us; ``ending`` tells how it went."""
        payload = close_payload(code, reason)
        while self._blocked is not None:
            self._blocked.wait()
        if self.ending is None and not self._code_sent:
            self._closing_us = monotonic_ns() // 1000
            self._code_sent = code
            try:
                self._send(CLOSE, payload)
            except WebSocketClosedError:
                return
        try:
            self.wait(Waiter(takes_messages=False), deadline_ns)
        except WebSocketClosedError:
            return
        except WebSocketTimeoutError:
            message = "the peer did not answer the close frame within the time-out"
            self._end(VANISHED, "", FailureKind.TIMEOUT_READ, message, by_us=True)

    def abandon(self, code: int = 0) -> None:
        """Drop the connection without a word to ``on_end``; with a code, the peer is told if that takes no waiting."""
        if self.ending is not None:
            return
        if code and self._blocked is None and not self._code_sent:
            self._say_close(code)
        now_us = monotonic_ns() // 1000
        self.ending = Ending(code or VANISHED, "", True, None, "the connection was dropped by its user", 0, now_us)
        self.wire.close()
        self._wake_all()

    def closed_error(self) -> WebSocketClosedError:
        """What to raise at those who want something of a connection that is closed, or being closed."""
        ending = self.ending
        if ending is None:
            return WebSocketClosedError(FailureKind.RESET, "the connection is being closed", self._code_sent)
        kind = ending.kind if ending.kind not in {None, FailureKind.STATUS} else FailureKind.RESET
        return WebSocketClosedError(kind or FailureKind.RESET, ending.message, ending.code, ending.reason)

    def _closed_by_peer(self, code: int, reason: str, now_us: int) -> None:
        began = self._code_sent
        if began:
            # An empty close frame in answer to ours agrees with it.
            code = began if code == NO_CODE else code
            expected = code in {NORMAL, began, 1001}
        else:
            expected = code in {NORMAL, 1001}
            if self._blocked is None:
                self._say_close(code)
        kind = None if expected else FailureKind.STATUS
        self._end(
            code, reason, kind, f"the peer closed the connection with code {code}", by_us=bool(began), at_us=now_us
        )

    def _give_up(self, code: int, kind: FailureKind, message: str) -> None:
        """What came cannot be dealt with: tell the peer, and end."""
        if self._blocked is None and not self._code_sent:
            self._say_close(code)
        self._end(code, "", kind, message, by_us=True)

    def _say_close(self, code: int) -> None:
        """Send a close frame if the kernel takes it at once; the connection is on its way out in any case."""
        self._code_sent = code
        try:
            self.wire.send(encode_frame(FINAL | CLOSE, close_payload(code), os.urandom(4)))
        except AttemptError:
            return

    def _lose(self, error: AttemptError) -> None:
        """Reading or writing failed. What came before, perhaps a close frame, still counts."""
        if self.ending is not None:
            return
        last_words = self.wire.receive_now()
        if last_words:
            self.take(last_words)
        if self.ending is None:
            self._end(VANISHED, "", error.kind, str(error))

    def _end(
        self, code: int, reason: str, kind: FailureKind | None, message: str, *, by_us: bool = False, at_us: int = 0
    ) -> None:
        if self.ending is not None:
            return
        ended_us = at_us or monotonic_ns() // 1000
        self.ending = Ending(code, reason, by_us, kind, message, self._closing_us, ended_us)
        self.wire.close()
        self._wake_all()
        self._on_end(self.ending)

    def _wake_all(self) -> None:
        for waiter in self._waiters:
            waiter.wake()
