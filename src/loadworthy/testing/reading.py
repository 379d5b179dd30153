"""Where one request ends and the next begins on a connection: bytes in, a request with its parts out.

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

import httptools

from loadworthy.clock import monotonic_ns
from loadworthy.testing.backend import Ticket
from loadworthy.testing.desk import Desk
from loadworthy.testing.heads import Head, Heads
from loadworthy.testing.site import Answer, Site, refuse
from loadworthy.testing.truth import Truth

MAX_HEAD_BYTES = 64 * 1024
MAX_ECHO_BYTES = 16 * 1024 * 1024
_MAX_HELD_BYTES = 256 * 1024
_HEAD_END = b"\r\n\r\n"
BAD_REQUEST = refuse(400, "this is no HTTP/1.1 request")
_HEAD_TOO_LARGE = refuse(431, f"a head has at most {MAX_HEAD_BYTES} bytes here")
_BODY_TOO_LARGE = refuse(413, f"a body sent back has at most {MAX_ECHO_BYTES} bytes here")


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
        metrics: Callable[[], Answer] = lambda: BAD_REQUEST,
        websocket: Callable[[], asyncio.Protocol] | None = None,
    ) -> None:
        self.desk = desk
        self.heads = Heads()
        self.metrics_path = metrics_path
        self.metrics = metrics
        self.websocket = websocket


class RequestReader(asyncio.Protocol):
    """The half of a connection that reads; httptools calls its ``on_…`` methods. What answers is a subclass."""

    def __init__(self, site: Site, truth: Truth, extras: Extras) -> None:
        self._site = site
        self._truth = truth
        self._extras = extras
        self._find_head = extras.heads.find
        self._transport: asyncio.Transport | None = None
        self._successor: asyncio.Protocol | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._read_us = 0
        self._held = b""
        self._waiting: Ticket | None = None
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

    # What the other half does.

    def _serve(self) -> None:
        """A request is complete: answer it, or put a ticket into ``_waiting``."""
        raise NotImplementedError

    def _serve_known(self, head: Head, size: int) -> bool:
        """The same for a request that was seen before, if that can be done without looking at its parts."""
        raise NotImplementedError

    def _refuse(self, answer: Answer) -> None:
        """What came is no request, or too large."""
        raise NotImplementedError

    def _wire(self, answer: Answer) -> bytes:
        """The bytes of an answer to this request."""
        raise NotImplementedError

    # Bytes in.

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

    def _take(self, head: Head, size: int) -> None:
        if self._transport is None or self._serve_known(head, size):
            return
        self._method, self._target = head.method, head.target
        self._content_type, self._authorization = head.content_type, head.authorization
        self._keep, self._is_http_1_1 = head.keep, head.is_http_1_1
        self._arrival_us, self._request_bytes = self._read_us, size
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
            self._refuse(BAD_REQUEST)
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
