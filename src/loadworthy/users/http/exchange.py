"""One request and its response over one connection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from loadworthy.clock import monotonic_ns
from loadworthy.users.http.connection import Connection
from loadworthy.users.http.errors import AttemptError, ProtocolError, ReadTimeoutError, ResetError, TooLargeError
from loadworthy.users.http.wire import CHUNKED, Head, ResponseReader, known_head, read_whole_chunks

_NS_PER_S = 1_000_000_000
_NEVER_NS = 1 << 62
FINAL = 200
"""Statuses below are interim."""

_new = tuple.__new__  # makes the same tuple as the class does, at half the price


class Limits(NamedTuple):
    """How long and how much one call of ``request()`` may take.

    ``read_ns`` bounds each wait for bytes, ``total_ns`` all of them together, so that a peer that sends a byte now and
    then cannot hold a user for ever.
    """

    connect_s: float
    read_ns: int
    total_ns: int
    max_head_bytes: int
    max_body_bytes: int

    @classmethod
    def of(
        cls, connect_s: float, read_s: float, total_s: float | None, max_head_bytes: int, max_body_bytes: int
    ) -> Limits:
        """Limits from seconds; without a total it is ten times the read time-out."""
        total_s = 10 * read_s if total_s is None else total_s
        return cls(connect_s, int(read_s * _NS_PER_S), int(total_s * _NS_PER_S), max_head_bytes, max_body_bytes)


class Received(NamedTuple):
    """A whole response, its body as it came (chunks joined, codings not undone).

    Where one read brought all of it, ``first_byte_ns`` and ``done_ns`` are the same reading of the clock.
    """

    head: Head
    head_bytes: bytes
    body: bytes
    keep_alive: bool
    first_byte_ns: int
    done_ns: int


def exchange(
    connection: Connection,
    payload: bytes,
    rest: Iterable[bytes],
    is_head: bool,
    now_ns: int,
    total_deadline_ns: int,
    limits: Limits,
) -> Received:
    """Send ``payload`` and what ``rest`` yields, and read the response to its end.

    Raises an :class:`AttemptError`, its ``first_byte_ns`` set if a response had begun; :class:`ResetError` only as
    long as no byte of a response has come.
    """
    deadline_ns = now_ns + limits.read_ns
    if deadline_ns > total_deadline_ns:
        deadline_ns = total_deadline_ns
    connection.send(payload, deadline_ns)
    if rest:
        send_rest(connection, rest, total_deadline_ns, limits)
        deadline_ns = min(monotonic_ns() + limits.read_ns, total_deadline_ns)
    data = connection.receive(deadline_ns)
    received_ns = monotonic_ns()
    end = data.find(b"\r\n\r\n")
    if end >= 0 and data.find(b"\n\n", 0, end) < 0 and end <= limits.max_head_bytes:
        try:
            head = known_head(data[: end + 2], is_head)
        except AttemptError as error:
            error.first_byte_ns = received_ns
            raise
        if head.length == len(data) - end - 4:
            content: bytes | None = data[end + 4 :]
        else:
            content = read_whole_chunks(data, end + 4) if head.length == CHUNKED else None
        if content is not None and head.status >= FINAL and len(content) <= limits.max_body_bytes:
            return _new(Received, (head, data[:end], content, head.keep_alive, received_ns, received_ns))
    source = BodySource(connection, ResponseReader(is_head, limits.max_head_bytes), total_deadline_ns, limits)
    head, head_bytes = source.read_head(data, received_ns)
    content = source.read_all()
    return Received(head, head_bytes, content, source.keep_alive, source.first_byte_ns, monotonic_ns())


def send_rest(connection: Connection, rest: Iterable[bytes], total_deadline_ns: int, limits: Limits) -> None:
    """Send the pieces of a body that is not in memory as a whole."""
    for piece in rest:
        connection.send(piece, min(monotonic_ns() + limits.read_ns, total_deadline_ns))


class BodySource:
    """Reads a response from its connection, piece by piece.

    Args:
        total_deadline_ns: None if only the single waits are bounded.

    Attributes:
        first_byte_ns: when the first byte of the response came, interim ones not counted; 0 before that. Errors that
            are raised after it have it too.
    """

    __slots__ = ("_connection", "_limits", "_read_bytes", "_reader", "_total_deadline_ns", "first_byte_ns")

    def __init__(
        self, connection: Connection, reader: ResponseReader, total_deadline_ns: int | None, limits: Limits
    ) -> None:
        self._connection = connection
        self._reader = reader
        self._limits = limits
        self._total_deadline_ns = _NEVER_NS if total_deadline_ns is None else total_deadline_ns
        self._read_bytes = 0
        self.first_byte_ns = 0

    @property
    def keep_alive(self) -> bool:
        """Whether the connection can be used again, now that the response is complete."""
        return self._reader.keep_alive

    def read_head(self, data: bytes, received_ns: int) -> tuple[Head, bytes]:
        """Read until the head is complete; what it says, and its bytes.

        Args:
            data: the first bytes, already read; empty if the peer closed without a word.
            received_ns: when that was.
        """
        if not data:
            raise ResetError("the connection closed before a response had begun")
        try:
            self._feed_head(data, received_ns)
            while self._reader.head is None:
                self._feed_more()
        except AttemptError as error:
            error.first_byte_ns = self.first_byte_ns
            raise
        return self._reader.head, self._reader.head_bytes

    def read_piece(self) -> bytes:
        """The next bytes of the body, ``b""`` after the last; the head must have been read."""
        while not self._reader.complete:
            piece = self._count(self._reader.take())
            if piece:
                return piece
            self._feed_more()
        return self._count(self._reader.take())

    def read_all(self) -> bytes:
        """The body; call it after :meth:`read_head`. Raises :class:`TooLargeError` when it is larger than allowed."""
        pieces = []
        try:
            self._check_length()
            while piece := self.read_piece():
                pieces.append(piece)
        except AttemptError as error:
            error.first_byte_ns = self.first_byte_ns
            raise
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _check_length(self) -> None:
        head = self._reader.head
        if head is not None and head.length > self._limits.max_body_bytes:
            raise TooLargeError("the body of the response is larger than max_body_bytes")

    def _count(self, piece: bytes) -> bytes:
        self._read_bytes += len(piece)
        if self._read_bytes > self._limits.max_body_bytes:
            raise TooLargeError("the body of the response is larger than max_body_bytes")
        return piece

    def _feed_more(self) -> None:
        now_ns = monotonic_ns()
        try:
            data = self._connection.receive(min(now_ns + self._limits.read_ns, self._total_deadline_ns))
        except ReadTimeoutError:
            if monotonic_ns() >= self._total_deadline_ns:
                raise ReadTimeoutError("the response was not complete within the total time-out") from None
            raise ReadTimeoutError("the response stopped coming for as long as the read time-out") from None
        except AttemptError as error:
            raise ProtocolError("the connection broke within the response") from error
        if not data:
            self._reader.feed_eof()
        elif self._reader.head is None:
            self._feed_head(data, monotonic_ns())
        else:
            self._reader.feed(data)

    def _feed_head(self, data: bytes, received_ns: int) -> None:
        """Bytes before the head is complete: if an interim response ends in them, what follows it came with them."""
        begun, interim = self._reader.begun, self._reader.interim
        try:
            self._reader.feed(data)
        finally:
            if not begun or self._reader.interim != interim:
                self.first_byte_ns = received_ns if self._reader.begun else 0
