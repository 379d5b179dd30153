"""One connection of the counting server: bytes in, a request, its answer, a row in the truth.

The parser does not say where in the bytes a message ended, and the log needs to know. So bytes are fed in
pieces that can only *end* with a message: a head up to its blank line, the rest of a body whose length is
known, else a line. In the common case, one request without body in one read, that is the read as it came.

While an answer waits for its time, what else arrives on its connection is held back: HTTP/1.1 answers in
order. An imposed delay counts from the read that completed the request.
"""

from __future__ import annotations

import asyncio
from typing import cast

import httptools

from loadworthy.clock import monotonic_ns
from loadworthy.testing.site import Answer, Site, refuse
from loadworthy.testing.truth import Truth
from loadworthy.units import US_PER_S

MAX_HEAD_BYTES = 64 * 1024
MAX_ECHO_BYTES = 16 * 1024 * 1024
_MAX_HELD_BYTES = 256 * 1024
_HEAD_END = b"\r\n\r\n"
_CLOSE = b"Connection: close\r\n"
_KEEP = b"Connection: keep-alive\r\n"
_BAD_REQUEST = refuse(400, "this is no HTTP/1.1 request")
_HEAD_TOO_LARGE = refuse(431, f"a head has at most {MAX_HEAD_BYTES} bytes here")
_BODY_TOO_LARGE = refuse(413, f"a body sent back has at most {MAX_ECHO_BYTES} bytes here")


class Connection(asyncio.Protocol):
    """The protocol of one client; httptools calls its ``on_…`` methods."""

    def __init__(self, site: Site, truth: Truth, loop: asyncio.AbstractEventLoop) -> None:
        self._site = site
        self._truth = truth
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._number = 0
        self._read_us = 0
        self._held = b""
        self._waiting: Answer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._begin()

    def _begin(self) -> None:
        self._in_head = True
        self._complete = False
        self._keep = False
        self._is_http_1_1 = True
        self._method = ""
        self._target = b""
        self._authorization = b""
        self._content_type = b""
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

    def connection_lost(self, _exc: Exception | None) -> None:
        self._truth.open_connections -= 1
        self._transport = None
        if self._timer is not None and self._waiting is not None:
            self._timer.cancel()
            self._truth.in_service -= 1
            self._record(0, 0, monotonic_ns() // 1000, self._waiting.imposed_us)
            self._waiting = None

    def data_received(self, data: bytes) -> None:
        self._truth.received_bytes += len(data)
        self._read_us = monotonic_ns() // 1000
        if self._waiting is not None:
            self._hold(data)
        elif self._request_bytes == 0 and data.find(_HEAD_END) == len(data) - len(_HEAD_END):
            self._feed(data)
        else:
            self._consume(data)

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
        if self._body_left:
            self._body_left -= len(piece)
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            # An upgrade may be declined by answering as if it had not been asked for (RFC 9110, 7.8).
            self._parser = httptools.HttpRequestParser(self)
        except httptools.HttpParserError:
            self._refuse(_BAD_REQUEST)
            return
        if self._complete:
            self._serve()
        elif self._in_head and self._request_bytes > MAX_HEAD_BYTES:
            self._refuse(_HEAD_TOO_LARGE)
        elif len(self._body) > MAX_ECHO_BYTES:
            self._refuse(_BODY_TOO_LARGE)

    # What httptools calls.

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        size = len(name)  # a look at the length first: most headers are none of these
        if size == 13 and name.lower() == b"authorization":
            self._authorization = value
        elif size == 12 and name.lower() == b"content-type":
            self._content_type = value
        elif size == 14 and name.lower() == b"content-length":
            self._body_left = int(value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._method = self._parser.get_method().decode("latin-1")
        self._keeps_body = self._site.wants_body(self._target.decode("latin-1"))

    def on_body(self, body: bytes) -> None:
        if self._keeps_body:
            self._body += body

    def on_message_complete(self) -> None:
        self._complete = True
        self._keep = self._parser.should_keep_alive()  # asked here: the parser forgets it with the next step
        self._is_http_1_1 = self._parser.get_http_version() == "1.1"

    # Answers out.

    def _serve(self) -> None:
        answer = self._site.answer(
            self._method,
            self._target.decode("latin-1"),
            self._content_type.decode("latin-1"),
            self._authorization,
            self._body,
        )
        if answer.imposed_us:
            self._waiting = answer
            self._truth.in_service += 1
            self._await_us(self._read_us + answer.imposed_us)
        else:
            self._respond(answer)

    def _await_us(self, due_us: int) -> None:
        left_us = due_us - monotonic_ns() // 1000
        if left_us > 0:
            self._timer = self._loop.call_later(left_us / US_PER_S, self._await_us, due_us)
            return
        answer, self._waiting, self._timer = self._waiting, None, None
        if answer is None or self._transport is None:
            return
        self._truth.in_service -= 1
        self._respond(answer)
        held, self._held = self._held, b""
        if self._transport is not None:
            self._transport.resume_reading()
            self._read_us = monotonic_ns() // 1000
            self._consume(held)

    def _respond(self, answer: Answer) -> None:
        transport = self._transport
        if transport is None:
            return
        keep = self._keep
        stays_open = b"" if self._is_http_1_1 else _KEEP
        connection = stays_open if keep else _CLOSE
        body = b"" if self._method == "HEAD" else answer.body
        wire = b"".join((answer.head, connection, b"\r\n", body))
        departure_us = monotonic_ns() // 1000
        transport.write(wire)
        self._record(answer.status, len(wire), departure_us, answer.imposed_us)
        self._begin()
        if not keep:
            transport.close()
            self._transport = None

    def _record(self, status: int, response_bytes: int, departure_us: int, imposed_us: int) -> None:
        self._truth.sent_bytes += response_bytes
        self._truth.add(
            (
                self._method,
                self._target.decode("latin-1"),
                status,
                self._request_bytes,
                response_bytes,
                self._arrival_us,
                departure_us,
                imposed_us,
                self._number,
            )
        )

    def _refuse(self, answer: Answer) -> None:
        transport, self._transport = self._transport, None
        self._truth.malformed += 1
        if transport is not None:
            wire = b"".join((answer.head, _CLOSE, b"\r\n", answer.body))
            self._truth.sent_bytes += len(wire)
            transport.write(wire)
            transport.close()
