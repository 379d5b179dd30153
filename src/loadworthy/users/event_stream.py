"""Server-sent events from the bytes of their stream, by the rules of the HTML standard (9.2.6). Pure.

A line ends with CRLF, LF or CR. An empty line completes an event; one without a ``data`` line is none. What stands
after the last empty line is dropped.
"""

from __future__ import annotations

from typing import NamedTuple

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LF = 0x0A
_DIGITS = frozenset("0123456789")
_MAX_RETRY_DIGITS = 12


class ServerEvent(NamedTuple):
    """One event."""

    data: str
    type: str = "message"
    id: str = ""
    """The last id that the server gave, with this event or before it."""


class EventTooLargeError(Exception):
    """An event is larger than allowed; nothing more can be read."""


class EventParser:
    """Events from pieces of the stream, however it is cut.

    Args:
        max_event_bytes: a larger event raises :class:`EventTooLargeError`.
        last_id: what the stream before this one ended with.

    Attributes:
        last_id: for the header ``Last-Event-ID`` when connecting again.
        retry_ms: how long the server wants its clients to wait before that; None if it did not say.
    """

    def __init__(self, max_event_bytes: int, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry_ms: int | None = None
        self._max_bytes = max_event_bytes
        self._line = bytearray()
        self._data: list[str] = []
        self._size = 0
        self._type = ""
        self._id = last_id
        self._is_first_line = True
        self._is_after_cr = False

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """The events that this piece completes."""
        if self._is_after_cr and piece:
            self._is_after_cr = False
            if piece[0] == _LF:
                piece = piece[1:]
        if b"\n" not in piece and b"\r" not in piece:
            self._line += piece
            self._bound(len(self._line))
            return []
        self._is_after_cr = piece.endswith(b"\r")
        lines = (bytes(self._line) + piece).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._line = bytearray(lines.pop())
        events = [event for line in lines if (event := self._take(line)) is not None]
        self._bound(len(self._line))
        return events

    def _take(self, line: bytes) -> ServerEvent | None:
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return self._dispatch()
        self._bound(len(line))
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(line)
        elif name == "event":
            self._type = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and value and set(value) <= _DIGITS and len(value) <= _MAX_RETRY_DIGITS:
            self.retry_ms = int(value)
        return None

    def _dispatch(self) -> ServerEvent | None:
        self.last_id = self._id
        data, kind = "\n".join(self._data), self._type or "message"
        is_event = bool(self._data)
        self._data, self._type, self._size = [], "", 0
        return ServerEvent(data, kind, self.last_id) if is_event else None

    def _bound(self, more_bytes: int) -> None:
        if self._size + more_bytes > self._max_bytes:
            raise EventTooLargeError
