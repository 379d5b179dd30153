"""WebSocket frames (RFC 6455, section 5): bytes in, messages out, and back; no sockets.

A round trip of one small message through wsproto costs 14 µs, as much as everything else that a request does together:
an object for each frame, each header, each event, and a masker that works on single bytes. So frames are read here, in
one pass over what came with one read. Tests hold this module against wsproto, both ways.

Both roles are here, for the test server speaks with it, too: a client masks what it sends, a server must not.

A message in several frames is joined, decompressed and decoded as a whole, so no work is done twice; what is too large
is refused by the length that its frames announce, before it is read.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from loadworthy.record.sample import FailureKind
from loadworthy.users.websocket.deflate import InflateError, Inflater

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
"""Opcodes."""
FINAL, COMPRESSED = 0x80, 0x40
"""Bits of the first byte: the last frame of its message; permessage-deflate (RFC 7692)."""

NORMAL, GOING_AWAY, PROTOCOL_ERROR, NO_CODE, VANISHED, BAD_DATA, TOO_BIG = 1000, 1001, 1002, 1005, 1006, 1007, 1009
"""Close codes (RFC 6455, 7.4.1); NO_CODE and VANISHED never go over the wire."""

MAX_CONTROL_BYTES = 125
_OPCODE, _CONTROL, _RESERVED, _MASKED, _LENGTH = 0x0F, 0x08, 0x30, 0x80, 0x7F
_SHORT, _TWO_BYTES, _EIGHT_BYTES = 125, 126, 127
_MAX_TWO_BYTES = 0xFFFF
_WHOLE_TEXT, _WHOLE_BINARY = FINAL | TEXT, FINAL | BINARY
_pack_short = Struct("!BBH").pack
_pack_long = Struct("!BBQ").pack
_ASSIGNED_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


class Event(NamedTuple):
    """A message or a control frame that has come."""

    opcode: int
    """TEXT, BINARY, CLOSE, PING or PONG."""
    payload: str | bytes
    """Text decoded; of a close frame the reason."""
    wire_bytes: int
    """What it took on the wire, frame heads included."""
    size: int
    """Bytes of the payload, decompressed."""
    code: int = 0
    """Of a close frame; NO_CODE if it had none."""


class FrameError(Exception):
    """What came breaks the protocol.

    Attributes:
        kind: of the failure.
        code: the close code that tells the peer.
    """

    def __init__(self, message: str, kind: FailureKind = FailureKind.PROTOCOL, code: int = PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code


_new = tuple.__new__  # makes the same tuple as the class does, at half the price


def is_close_code(code: int) -> bool:
    """Whether a close frame may carry this code (RFC 6455, 7.4)."""
    return code in _ASSIGNED_CODES or 3000 <= code <= 4999  # libraries and applications


def close_payload(code: int, reason: str = "") -> bytes:
    """The payload of a close frame; empty for NO_CODE.

    Raises:
        ValueError: for a code that may not be sent, or a reason longer than the frame.
    """
    if code == NO_CODE:
        return b""
    if not is_close_code(code):
        raise ValueError(f"{code} is no close code that may be sent; use 1000, 1001 or one from 3000 to 4999")
    payload = code.to_bytes(2, "big") + reason.encode()
    if len(payload) > MAX_CONTROL_BYTES:
        raise ValueError(f"the close reason has {len(payload) - 2} bytes; a close frame has room for 123")
    return payload


def mask(payload: bytes, key: bytes) -> bytes:
    """The payload XOR the key of four bytes, repeated (RFC 6455, 5.3); twice gives it back."""
    size = len(payload)
    repeated = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")).to_bytes(size, "little")


def encode_frame(first: int, payload: bytes, key: bytes = b"") -> bytes:
    """A frame; ``first`` is its first byte (FINAL, COMPRESSED, opcode). With a key of four bytes it is masked."""
    size = len(payload)
    masked = _MASKED if key else 0
    if size <= _SHORT:
        head = bytes((first, masked | size))
    elif size <= _MAX_TWO_BYTES:
        head = _pack_short(first, masked | _TWO_BYTES, size)
    else:
        head = _pack_long(first, masked | _EIGHT_BYTES, size)
    return b"".join((head, key, mask(payload, key))) if key else head + payload


class FrameReader:
    """Messages from the bytes of one direction of one connection.

    Args:
        max_message_bytes: a larger message, also once it is decompressed, is an error of kind ``too_large``.
        inflater: of permessage-deflate, if that was agreed on.
        masked: whether frames must be masked, as a server demands; a client demands that they are not.

    ``error`` is set once the stream is broken: what came before was returned, nothing more will be.
    """

    __slots__ = (
        "_compressed",
        "_fragments",
        "_inflater",
        "_key_bytes",
        "_masked",
        "_max_bytes",
        "_needed",
        "_opcode",
        "_rest",
        "_size",
        "_wire_bytes",
        "error",
    )

    def __init__(self, max_message_bytes: int, inflater: Inflater | None = None, *, masked: bool = False) -> None:
        self._max_bytes = max_message_bytes
        self._inflater = inflater
        self._masked = _MASKED if masked else 0
        self._key_bytes = 4 if masked else 0
        self._rest: bytearray | None = None
        self._needed = 0
        self._opcode = 0
        self._compressed = False
        self._fragments: list[bytes] | None = None
        self._size = 0
        self._wire_bytes = 0
        self.error: FrameError | None = None

    def feed(self, data: bytes) -> list[Event]:
        """What is complete now; look at ``error`` afterwards."""
        rest = self._rest
        if rest is not None:
            rest += data
            if len(rest) < self._needed:
                return []
            data, self._rest = bytes(rest), None
        events: list[Event] = []
        if self.error is None:
            try:
                self._read(data, events)
            except FrameError as error:
                self.error = error
        return events

    def _read(self, data: bytes, events: list[Event]) -> None:
        position, end = 0, len(data)
        while end - position >= 2:  # a frame's first two bytes
            first, second = data[position], data[position + 1]
            size = second & _LENGTH
            begin = position + 2
            if size > _SHORT:
                wide = 2 if size == _TWO_BYTES else 8
                begin += wide
                if begin > end:
                    break
                size = int.from_bytes(data[begin - wide : begin], "big")
            if second & _MASKED != self._masked or first & _CONTROL or size + self._size > self._max_bytes:
                self._check(first, second, size)
            stop = begin + size + self._key_bytes
            if stop > end:
                self._rest, self._needed = bytearray(data[position:]), stop - position
                return
            payload = mask(data[begin + 4 : stop], data[begin : begin + 4]) if self._masked else data[begin:stop]
            if first == _WHOLE_TEXT and self._fragments is None:
                events.append(_new(Event, (TEXT, _decode(payload), stop - position, size, 0)))
            elif first == _WHOLE_BINARY and self._fragments is None:
                events.append(_new(Event, (BINARY, payload, stop - position, size, 0)))
            elif (event := self._take(first, payload, stop - position)) is not None:
                events.append(event)
                if event.opcode == CLOSE:
                    return  # nothing that follows counts (RFC 6455, 5.5.1)
            position = stop
        if position < end:
            self._rest, self._needed = bytearray(data[position:]), 0

    def _check(self, first: int, second: int, size: int) -> None:
        """What can be said of a frame by its head, before its payload has come."""
        if second & _MASKED != self._masked:
            raise FrameError("a frame is not masked" if self._masked else "a frame of the server is masked")
        if not first & _CONTROL:
            raise _too_large()
        if not first & FINAL:
            raise FrameError("a control frame is in fragments")
        if size > MAX_CONTROL_BYTES:
            raise FrameError("a control frame is longer than 125 bytes")
        if first & COMPRESSED:
            raise FrameError("a control frame is compressed")

    def _take(self, first: int, payload: bytes, wire_bytes: int) -> Event | None:
        """The event that this frame completes, if it does."""
        opcode = first & _OPCODE
        if first & _RESERVED or (first & COMPRESSED and self._inflater is None):
            raise FrameError("a frame has reserved bits set that nobody agreed on")
        if opcode >= CLOSE:
            return _control_event(opcode, payload, wire_bytes)
        self._begin(opcode, first)
        fragments = self._fragments = self._fragments or []
        fragments.append(payload)
        self._size += len(payload)
        self._wire_bytes += wire_bytes
        if not first & FINAL:
            return None
        whole = fragments[0] if len(fragments) == 1 else b"".join(fragments)
        if self._compressed:
            whole = self._inflate(whole)
        message = _decode(whole) if self._opcode == TEXT else whole
        event = Event(self._opcode, message, self._wire_bytes, len(whole))
        self._fragments, self._opcode, self._size, self._wire_bytes = None, 0, 0, 0
        return event

    def _begin(self, opcode: int, first: int) -> None:
        if opcode == CONTINUATION:
            if self._fragments is None:
                raise FrameError("a continuation frame continues nothing")
            if first & COMPRESSED:
                raise FrameError("a continuation frame is marked as compressed")
            return
        if opcode > BINARY:
            raise FrameError("a frame has an unknown opcode")
        if self._fragments is not None:
            raise FrameError("a new message began before the last one had ended")
        self._opcode, self._compressed = opcode, bool(first & COMPRESSED)

    def _inflate(self, payload: bytes) -> bytes:
        if self._inflater is None:
            raise FrameError("a frame is compressed, and nobody agreed on that")
        try:
            inflated = self._inflater.inflate(payload, self._max_bytes)
        except InflateError as error:
            raise FrameError("a compressed message cannot be decompressed", code=BAD_DATA) from error
        if inflated is None:
            raise _too_large()
        return inflated


def _too_large() -> FrameError:
    return FrameError("a message is larger than max_message_bytes", FailureKind.TOO_LARGE, TOO_BIG)


def _decode(payload: bytes) -> str:
    try:
        return str(payload, "utf-8")
    except UnicodeDecodeError as error:
        raise FrameError("a text message is not valid UTF-8", code=BAD_DATA) from error


def _control_event(opcode: int, payload: bytes, wire_bytes: int) -> Event:
    if opcode == CLOSE:
        if not payload:
            return Event(CLOSE, "", wire_bytes, 0, NO_CODE)
        code = int.from_bytes(payload[:2], "big")
        if len(payload) == 1 or not is_close_code(code):
            raise FrameError("a close frame has no valid code")
        return Event(CLOSE, _decode(payload[2:]), wire_bytes, len(payload), code)
    if opcode > PONG:
        raise FrameError("a frame has an unknown opcode")
    return Event(opcode, payload, wire_bytes, len(payload))
