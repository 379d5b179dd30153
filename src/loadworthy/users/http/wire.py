"""The response on the wire: bytes in, status, head and body out; no sockets.

Two ways lead through this module. Almost every response in a load test comes whole in one read and has a
Content-Length; :func:`read_head` tells its status and where it ends with a handful of searches in the bytes, which run
at C speed. Whatever is different (more reads, chunks, interim responses, folded or bare-LF lines, no length) goes
through :class:`ResponseReader`, which is fed whatever arrives.

The head is framed here rather than by llhttp, because llhttp cannot be told that a response to HEAD has no body, nor
says where a message ended when more bytes follow, and because the head has to be searched for its end and for cookies
anyway. Chunked bodies, where it shines, are llhttp's: it gets a head of our own before the chunks.

Rules from RFC 9112, 6.3, in order: HEAD, 1xx, 204, 304 have no body; Transfer-Encoding wins over Content-Length (and
then the connection is not used again); Content-Lengths that differ are an error; without either the body ends with
the connection.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from loadworthy.users.http.errors import ProtocolError, TooLargeError
from loadworthy.users.http.headers import Header, parse_header_lines

CHUNKED: Final = -1
UNTIL_EOF: Final = -2

SWITCHING_PROTOCOLS: Final = 101
BODILESS: Final = frozenset({204, 304})

_STATUS_LINES = {
    f"HTTP/1.{minor} {status} ".encode(): status for minor in (0, 1) for status in range(100, 600)
}  # the first 13 bytes of nearly every response
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] +([1-9][0-9]{2})(?:[ \t][^\r\n]*)?\r?\n")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_CHUNKED_LINE = b"\ntransfer-encoding: chunked\r\n"
_HEX_DIGITS = b"0123456789abcdefABCDEF"
_MAX_LENGTH_DIGITS = 18
_new = tuple.__new__
_SYNTHETIC_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Head(NamedTuple):
    """What a response's head says about what follows it."""

    status: int
    length: int
    """Bytes of the body, or CHUNKED, or UNTIL_EOF."""
    keep_alive: bool
    sets_cookies: bool
    is_encoded: bool
    """It names a content coding."""


def read_head(data: bytes, end: int, is_head: bool = False) -> Head:
    """Read a head that ends with the empty line at ``end`` (so ``data[end:]`` begins with CRLF CRLF, or LF LF …).

    Raises :class:`ProtocolError` when it is not an HTTP/1 head or its length is contradictory.
    """
    lower = data[: end + 2].lower()
    status = _STATUS_LINES.get(data[:13])
    if status is None:
        status = _odd_status(data)
    keep_alive = _keeps_alive(lower)
    is_coded = b"-encoding" in lower  # of the content, of the transfer, or neither
    length: int | None
    if is_head or status in BODILESS or status < 200:  # 1xx
        length = 0
    else:
        length = _plain_length(lower, is_coded)
        if length is None:
            length, unambiguous = frame(parse_header_lines(data[:end]))
            keep_alive = keep_alive and unambiguous
    is_encoded = is_coded and b"\ncontent-encoding" in lower
    # tuple.__new__ makes the same Head at half the price.
    return _new(Head, (status, length, keep_alive, b"\nset-cookie" in lower, is_encoded))


@functools.lru_cache(maxsize=512)
def known_head(head: bytes, is_head: bool) -> Head:
    """:func:`read_head` of the bytes up to and with the end of the last line, remembered.

    A service says the same head again and again, with another date once a second.
    """
    return read_head(head, len(head) - 2, is_head)


def _odd_status(data: bytes) -> int:
    match = _STATUS_LINE.match(data + b"\r\n")
    if not match:
        raise ProtocolError("the response does not begin with an HTTP/1 status line")
    return int(match[1])


def _keeps_alive(lower: bytes) -> bool:
    at = lower.find(b"\nconnection:")
    if at < 0:
        return lower.startswith(b"http/1.1")
    line = lower[at : lower.find(b"\n", at + 12)]
    if lower.find(b"\nconnection:", at + 12) >= 0:
        return False  # more than one: not worth the risk
    return b"close" not in line and (lower.startswith(b"http/1.1") or b"keep-alive" in line)


def _plain_length(lower: bytes, is_coded: bool) -> int | None:
    """The length by a head without surprises; None if there is anything to think about."""
    at = lower.find(b"\r\ncontent-length: ")
    coded_at = lower.find(b"\ntransfer-encoding") if is_coded else -1
    if at < 0 or coded_at >= 0 or lower.find(b"content-length", at + 18) >= 0:
        is_chunked = lower.startswith(_CHUNKED_LINE, coded_at) and b"transfer-encoding" not in lower[coded_at + 19 :]
        return CHUNKED if is_chunked and b"content-length" not in lower else None
    digits = lower[at + 18 : lower.find(b"\r", at + 18)]
    return int(digits) if digits.isdigit() and len(digits) <= _MAX_LENGTH_DIGITS else None


def frame(fields: Iterable[Header]) -> tuple[int, bool]:
    """(length, whether the connection may be kept) by the fields of a response that can have a body."""
    codings: list[str] = []
    lengths: set[str] = set()
    for name, value in fields:
        lowered = name.lower()
        if lowered == "transfer-encoding":
            codings += [coding.strip().lower() for coding in value.split(",")]
        elif lowered == "content-length":
            lengths |= {part.strip() for part in value.split(",")}
    if codings:
        if codings != ["chunked"]:
            raise ProtocolError("the response has a transfer coding other than chunked")
        return CHUNKED, not lengths
    if not lengths:
        return UNTIL_EOF, False
    digits = lengths.pop()
    if lengths or not (digits.isascii() and digits.isdigit()) or len(digits) > _MAX_LENGTH_DIGITS:
        raise ProtocolError("the response's Content-Length is not one number")
    return int(digits), True


def read_whole_chunks(data: bytes, begin: int) -> bytes | None:
    """The body in the chunks from ``begin`` to the end of ``data``, if they are all there and plain.

    None where a :class:`ResponseReader` has to look: more to come, extensions, trailers, excess bytes, mistakes.
    """
    if not data.endswith(b"\r\n0\r\n\r\n"):
        return None
    pieces: list[bytes] = []
    while True:
        end = data.find(b"\r\n", begin, begin + 10)
        digits = data[begin:end]
        if end <= begin or digits.translate(None, _HEX_DIGITS):
            return None
        begin, size = end + 2, int(digits, 16)
        if size == 0:
            return b"".join(pieces) if begin + 2 == len(data) else None
        pieces.append(data[begin : begin + size])
        begin += size + 2
        if data[begin - 2 : begin] != b"\r\n":
            return None


def find_end_of_head(data: bytes) -> tuple[int, int]:
    """(where the head's last line ends, where the body begins), or (-1, -1) while the head is not complete.

    Lines may end in a bare LF (RFC 9112, 2.2).
    """
    match = _END_OF_HEAD.search(data)
    return match.span() if match else (-1, -1)


class ResponseReader:
    """One response, from the bytes as they arrive.

    Args:
        is_head: the request was a HEAD.
        max_head_bytes: more than this before the body is a :class:`TooLargeError`; interim responses count too.

    After each :meth:`feed`, ``head`` tells what is known, ``take()`` hands out the body so far, and ``complete`` says
    whether that was all. ``keep_alive`` is meaningful once it is complete; ``interim`` counts the interim responses.
    """

    __slots__ = (
        "_buffer",
        "_chunks",
        "_is_head",
        "_left",
        "_max_head_bytes",
        "_pending",
        "complete",
        "head",
        "head_bytes",
        "interim",
        "keep_alive",
    )

    def __init__(self, is_head: bool, max_head_bytes: int) -> None:
        self._is_head = is_head
        self._max_head_bytes = max_head_bytes
        self._buffer = b""
        self._pending: list[bytes] = []
        self._left = 0
        self._chunks: _ChunkedBody | None = None
        self.head: Head | None = None
        self.head_bytes = b""
        self.complete = False
        self.keep_alive = False
        self.interim = 0

    @property
    def begun(self) -> bool:
        """Whether there is a byte of a response that is not (yet) known to be an interim one."""
        return self.head is not None or bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take in what arrived; raises :class:`ProtocolError` or :class:`TooLargeError`."""
        if self.head is None:
            self._buffer += data
            self._read_heads()
        elif not self.complete:
            self._read_body(data)
        else:
            self.keep_alive = False  # bytes that nobody asked for

    def feed_eof(self) -> None:
        """The peer closed its side: the end of a body without a length, an error anywhere else."""
        self.keep_alive = False
        if self.complete:
            return
        if self.head is None:
            raise ProtocolError("the connection closed within the head of the response")
        if self.head.length != UNTIL_EOF:
            raise ProtocolError("the connection closed within the body of the response")
        self.complete = True

    def take(self) -> bytes:
        """The body that arrived since the last call."""
        taken = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending = []
        return taken

    def _read_heads(self) -> None:
        while True:
            end, begin = find_end_of_head(self._buffer)
            if (begin if end >= 0 else len(self._buffer)) > self._max_head_bytes:
                raise TooLargeError("the head of the response is larger than max_head_bytes")
            if end < 0:
                self._check_beginning()
                return
            head = read_head(self._buffer, end, self._is_head)
            rest = self._buffer[begin:]
            if head.status >= 200 or head.status == SWITCHING_PROTOCOLS:  # a final response
                self._begin_body(head, self._buffer[:end], rest)
                return
            self.interim += 1
            self._max_head_bytes -= begin
            self._buffer = rest

    def _check_beginning(self) -> None:
        """Garbage need not go on until the time-out or the limit to be known as such."""
        if not b"HTTP/1.".startswith(self._buffer[:7]):
            raise ProtocolError("the response does not begin with an HTTP/1 status line")

    def _begin_body(self, head: Head, head_bytes: bytes, rest: bytes) -> None:
        self.head, self.head_bytes, self._buffer = head, head_bytes, b""
        self.keep_alive = head.keep_alive and head.status != SWITCHING_PROTOCOLS
        if head.length == CHUNKED:
            self._chunks = _ChunkedBody(self._pending)
        self._left = head.length
        if rest or head.length == 0:
            self._read_body(rest)

    def _read_body(self, data: bytes) -> None:
        if self._chunks is not None:
            self._chunks.out = self._pending
            self.complete = self._chunks.feed(data)
            self.keep_alive = self.keep_alive and not self._chunks.excess
        elif self._left == UNTIL_EOF:
            self._pending.append(data)
        else:
            if len(data) > self._left:
                data, self.keep_alive = data[: self._left], False
            if data:
                self._pending.append(data)
            self._left -= len(data)
            self.complete = self._left == 0


class _ChunkedBody:
    """Chunks (RFC 9112, 7.1) in, data out, by way of llhttp."""

    __slots__ = ("_complete", "_parser", "excess", "out")

    def __init__(self, out: list[bytes]) -> None:
        self.out = out
        self.excess = False
        self._complete = False
        self._parser = HttpResponseParser(self)
        self._parser.feed_data(_SYNTHETIC_HEAD)

    def feed(self, data: bytes) -> bool:
        """Whether the last chunk and its trailers have been read."""
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self._complete:
                raise ProtocolError("the response's chunks are not valid") from error
            self.excess = True
        return self._complete

    def on_message_begin(self) -> None:
        self.excess = self._complete

    def on_body(self, body: bytes) -> None:
        if not self._complete:
            self.out.append(body)

    def on_message_complete(self) -> None:
        self._complete = True
