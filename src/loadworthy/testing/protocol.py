"""One connection of the counting server: bytes in, a request, its answer, a row in the truth.

The parser does not say where in the bytes a message ended, and the log needs to know. So bytes are fed in
pieces that can only *end* with a message: a head up to its blank line, the rest of a body whose length is
known, else a line. In the common case, one request without body in one read, that is the read as it came.

While an answer waits for its time, what else arrives on its connection is held back: HTTP/1.1 answers in
order. Service counts from the read that completed the request.

A request whose bytes were seen before is not parsed again (:mod:`loadworthy.testing.heads`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from loadworthy.clock import monotonic_ns
from loadworthy.testing.backend import Ticket
from loadworthy.testing.desk import Desk, reset
from loadworthy.testing.faults import Errors, Resets
from loadworthy.testing.heads import Head, Heads
from loadworthy.testing.site import Answer, Site, refuse
from loadworthy.testing.truth import FAULTS, Truth

MAX_HEAD_BYTES = 64 * 1024
MAX_ECHO_BYTES = 16 * 1024 * 1024
_MAX_HELD_BYTES = 256 * 1024
_HEAD_END = b"\r\n\r\n"
_CLOSE = b"Connection: close\r\n"
_KEEP = b"Connection: keep-alive\r\n"
_BAD_REQUEST = refuse(400, "this is no HTTP/1.1 request")
_HEAD_TOO_LARGE = refuse(431, f"a head has at most {MAX_HEAD_BYTES} bytes here")
_BODY_TOO_LARGE = refuse(413, f"a body sent back has at most {MAX_ECHO_BYTES} bytes here")
_FULL = refuse(503, "the queue is full")
_REFUSED, _ERRORS, _RESETS = (FAULTS.index(word) for word in ("refused", "errors", "resets"))


class Extras:
    """What the connections of one server share beside its site and its truth.

    Args:
        desk: says when an answer is due, and what goes wrong with it.
        metrics_path: answered by ``metrics`` at once, and not logged.
        metrics: makes that answer.
        websocket: makes the protocol that takes over where a WebSocket is asked for; None declines.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        metrics_path: str = "",
        metrics: Callable[[], Answer] = lambda: _BAD_REQUEST,
        websocket: Callable[[], asyncio.Protocol] | None = None,
    ) -> None:
        self.desk = desk
        self.heads = Heads()
        self.metrics_path = metrics_path
        self.metrics = metrics
        self.websocket = websocket


class Connection(asyncio.Protocol):
    """The protocol of one client; httptools calls its ``on_…`` methods."""

    def __init__(self, site: Site, truth: Truth, loop: asyncio.AbstractEventLoop, extras: Extras | None = None) -> None:
        self._site = site
        self._truth = truth
        self._extras = extras or Extras(Desk(loop))
        self._desk = self._extras.desk
        self._find_head = self._extras.heads.find
        self._transport: asyncio.Transport | None = None
        self._successor: asyncio.Protocol | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._number = 0
        self._read_us = 0
        self._held = b""
        self._waiting: Ticket | None = None
        self._answer: Answer = _BAD_REQUEST
        self._begin()

    def _begin(self) -> None:
        self._in_head = True
        self._complete = False
        self._keep = False
        self._is_http_1_1 = True
        self._method = ""
        self._url = b""
        self._target = ""
        self._authorization = b""
        self._content_type = b""
        self._upgrade = b""
        self._head = b""
        self._keeps_body = False
        self._body = b""
        self._body_left = 0
        self._request_bytes = 0
        self._arrival_us = 0

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # what a stream server gives
        self._truth.connections += 1
        self._truth.open_connections += 1
        self._number = self._truth.connections
        if not self._desk.admits(self._transport):
            self._transport = None

    def connection_lost(self, _exc: Exception | None) -> None:
        self._truth.open_connections -= 1
        self._transport = None
        if self._waiting is not None:
            ticket, self._waiting = self._waiting, None
            ticket.on_due = None
            self._truth.in_service -= 1
            self._record(0, 0, monotonic_ns() // 1000, ticket)

    def data_received(self, data: bytes) -> None:
        self._truth.received_bytes += len(data)
        self._read_us = monotonic_ns() // 1000
        if self._waiting is not None:
            self._hold(data)
        elif self._request_bytes:
            self._consume(data)
        elif (head := self._find_head(data)) is not None:
            self._take(head, len(data))
        elif data.find(_HEAD_END) == len(data) - len(_HEAD_END):
            self._feed(data)
        else:
            self._consume(data)

    # Heads that were seen before.

    def _take(self, head: Head, size: int) -> None:
        transport = self._transport
        if transport is None:
            return
        read_us = self._read_us
        if head.fixed is not None and self._desk.backend.is_idle:
            wire = head.wire
            departure_us = monotonic_ns() // 1000
            transport.write(wire)
            sent = len(wire)
            self._truth.sent_bytes += sent
            self._truth.add_row(
                head.name,
                (head.fixed.status, size, sent, read_us, departure_us, 0, self._number, read_us, read_us, 0),
            )
            return
        self._method, self._target = head.method, head.target
        self._content_type, self._authorization = head.content_type, head.authorization
        self._keep, self._is_http_1_1 = head.keep, head.is_http_1_1
        self._arrival_us, self._request_bytes = read_us, size
        self._serve()

    def _remember(self, data: bytes) -> None:
        is_metrics = self._target.partition("?")[0] == self._extras.metrics_path
        fixed = self._site.fixed(self._method, self._target) if self._keep and not is_metrics else None
        head = Head(
            self._method,
            self._target,
            self._content_type,
            self._authorization,
            self._keep,
            self._is_http_1_1,
            (self._method, self._target),
            fixed,
            self._wire(fixed) if fixed else b"",
        )
        self._extras.heads.add(data, head)

    # Bytes in.

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > _MAX_HELD_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def _consume(self, data: bytes) -> None:
        position = 0
        while position < len(data) and self._transport is not None:
            if self._waiting is not None:
                self._hold(data[position:])
                return
            end = self._piece_end(data, position)
            self._feed(data[position:end])
            position = end
        if self._successor is not None and position < len(data):
            self._successor.data_received(data[position:])

    def _piece_end(self, data: bytes, position: int) -> int:
        if self._body_left:
            return min(position + self._body_left, len(data))
        if self._in_head and not self._request_bytes:  # once begun, its blank line may be cut in two by the reads
            end = data.find(_HEAD_END, position)
            if end >= 0:
                return end + len(_HEAD_END)
        newline = data.find(b"\n", position)
        return newline + 1 if newline >= 0 else len(data)

    def _feed(self, piece: bytes) -> None:
        if not self._request_bytes:
            self._arrival_us = self._read_us
        self._request_bytes += len(piece)
        if self._in_head and self._extras.websocket is not None:
            self._head += piece
        if self._body_left:
            self._body_left -= len(piece)
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            if self._upgrade == b"websocket" and self._extras.websocket is not None:
                self._hand_over(self._extras.websocket())
                return
            # An upgrade may be declined by answering as if it had not been asked for (RFC 9110, 7.8).
            self._parser = httptools.HttpRequestParser(self)
        except httptools.HttpParserError:
            self._refuse(_BAD_REQUEST)
            return
        if self._complete:
            if self._request_bytes == len(piece) and not self._upgrade:
                self._remember(piece)
            self._serve()
        elif self._in_head and self._request_bytes > MAX_HEAD_BYTES:
            self._refuse(_HEAD_TOO_LARGE)
        elif len(self._body) > MAX_ECHO_BYTES:
            self._refuse(_BODY_TOO_LARGE)

    def _hand_over(self, successor: asyncio.Protocol) -> None:
        transport, self._transport = self._transport, None
        if transport is None:
            return
        self._successor = successor
        self._truth.open_connections -= 1
        transport.set_protocol(successor)
        successor.connection_made(transport)
        successor.data_received(self._head)

    # What httptools calls.

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        size = len(name)  # a look at the length first: most headers are none of these
        if size == 13 and name.lower() == b"authorization":
            self._authorization = value
        elif size == 12 and name.lower() == b"content-type":
            self._content_type = value
        elif size == 7 and name.lower() == b"upgrade":
            self._upgrade = value.lower()
        elif size == 14 and name.lower() == b"content-length":
            self._body_left = int(value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._method = self._parser.get_method().decode("latin-1")
        self._target = self._url.decode("latin-1")
        self._keeps_body = self._site.wants_body(self._target)

    def on_body(self, body: bytes) -> None:
        if self._keeps_body:
            self._body += body

    def on_message_complete(self) -> None:
        self._complete = True
        self._keep = self._parser.should_keep_alive()  # asked here: the parser forgets it with the next step
        self._is_http_1_1 = self._parser.get_http_version() == "1.1"

    # Answers out.

    def _serve(self) -> None:
        extras, target = self._extras, self._target
        path = target.partition("?")[0]
        if path == extras.metrics_path:
            self._respond(extras.metrics(), is_logged=False)
            return
        content_type = self._content_type.decode("latin-1")
        answer = self._site.answer(self._method, target, content_type, self._authorization, self._body)
        if answer.imposed_us or not self._desk.backend.is_idle:
            self._answer = answer
            self._truth.in_service += 1
            self._waiting = self._desk.arrive(self._read_us, path, answer.imposed_us, self._on_due)
            self._desk.release()
        else:
            self._respond(answer)

    def _on_due(self, ticket: Ticket) -> None:
        self._waiting = None
        self._truth.in_service -= 1
        fate = ticket.fate
        answer = _FULL if ticket.is_refused else self._answer
        if isinstance(fate, Errors):
            answer = refuse(fate.status, "failed on purpose")
        self._respond(answer, ticket)
        held, self._held = self._held, b""
        if self._transport is not None:
            self._transport.resume_reading()
            self._read_us = monotonic_ns() // 1000
            self._consume(held)

    def _respond(self, answer: Answer, ticket: Ticket | None = None, *, is_logged: bool = True) -> None:
        transport = self._transport
        if transport is None:
            return
        wire, status, keep = self._wire(answer), answer.status, self._keep
        fate = ticket.fate if ticket is not None else None
        if isinstance(fate, Resets):
            wire, status = wire[: len(wire) // 2] if fate.when == "half" else b"", 0
        departure_us = monotonic_ns() // 1000
        if wire:
            transport.write(wire)
        if is_logged:
            self._record(status, len(wire), departure_us, ticket)
        self._begin()
        if isinstance(fate, Resets):
            self._transport = None
            reset(transport)
        elif not keep:
            self._transport = None
            transport.close()

    def _wire(self, answer: Answer) -> bytes:
        stays_open = b"" if self._is_http_1_1 else _KEEP
        connection = stays_open if self._keep else _CLOSE
        body = b"" if self._method == "HEAD" else answer.body
        return b"".join((answer.head, connection, b"\r\n", body))

    def _record(self, status: int, response_bytes: int, departure_us: int, ticket: Ticket | None) -> None:
        service_us, started_us, due_us, fault = 0, self._read_us, self._read_us, 0
        if ticket is not None:
            service_us, fault = ticket.service_us, _fault_of(ticket)
            started_us = self._desk.backend.real_us(ticket.start_work_us)
            due_us = self._desk.backend.real_us(ticket.due_work_us)
        self._truth.sent_bytes += response_bytes
        self._truth.add_row(
            (self._method, self._target),
            (
                status,
                self._request_bytes,
                response_bytes,
                self._arrival_us,
                departure_us,
                service_us,
                self._number,
                started_us,
                due_us,
                fault,
            ),
        )

    def _refuse(self, answer: Answer) -> None:
        transport, self._transport = self._transport, None
        self._truth.malformed += 1
        if transport is not None:
            wire = b"".join((answer.head, _CLOSE, b"\r\n", answer.body))
            self._truth.sent_bytes += len(wire)
            transport.write(wire)
            transport.close()


def _fault_of(ticket: Ticket) -> int:
    if ticket.is_refused:
        return _REFUSED
    if ticket.fate is None:
        return 0
    return _ERRORS if isinstance(ticket.fate, Errors) else _RESETS
