"""permessage-deflate (RFC 7692): what is offered and agreed on, and the two halves that follow from it.

Memory is what it costs: zlib's own defaults take 256 KiB for each direction that compresses. A sender may always use a
smaller window than agreed on, so we compress with one of 4 KiB (32 KiB in all, as other clients do), and nothing is
made before the first message needs it.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

NAME = "permessage-deflate"
OFFER = f"{NAME}; client_max_window_bits"
"""What browsers offer."""

MAX_WINDOW_BITS = 15
_MIN_WINDOW_BITS = 8
_MIN_RAW_BITS = 9  # zlib cannot compress with less
_OUR_WINDOW_BITS = 12
_MEMORY_LEVEL = 5
_TAIL = b"\x00\x00\xff\xff"  # ends every flush, and is left out on the wire (RFC 7692, 7.2.1)


class NegotiationError(ValueError):
    """An extension that nobody offered, or parameters that are not valid."""


class InflateError(ValueError):
    """What came is not what deflate makes."""


class Agreement(NamedTuple):
    """The parameters of one connection, named as on the wire."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = MAX_WINDOW_BITS
    client_max_window_bits: int = MAX_WINDOW_BITS


def agreement_of(accepted: str) -> Agreement | None:
    """What the server's ``Sec-WebSocket-Extensions`` agreed on; None if it is empty.

    Raises:
        NegotiationError: where the client must fail the connection (RFC 6455, 9.1; RFC 7692, 5.1).
    """
    if not accepted.strip():
        return None
    if "," in accepted:
        raise NegotiationError("the server agreed to more extensions than were offered")
    name, *parameters = [part.strip() for part in accepted.split(";")]
    if name.lower() != NAME:
        raise NegotiationError("the server agreed to an extension that was not offered")
    return _read(parameters, values_needed=True)


def accept_offer(offered: str) -> tuple[Agreement, str] | None:
    """The server's side: the first usable offer and what to answer; None if there is none."""
    for offer in offered.split(","):
        name, *parameters = [part.strip() for part in offer.split(";")]
        if name.lower() != NAME:
            continue
        try:
            agreed = _read(parameters, values_needed=False)
        except NegotiationError:
            continue
        # What the client offers as its own window is a hint; unanswered, it may use the largest (RFC 7692, 7.1.2.2).
        agreed = agreed._replace(client_max_window_bits=MAX_WINDOW_BITS)
        answer = [NAME]
        answer += ["server_no_context_takeover"] if agreed.server_no_context_takeover else []
        answer += ["client_no_context_takeover"] if agreed.client_no_context_takeover else []
        if agreed.server_max_window_bits < MAX_WINDOW_BITS:
            answer.append(f"server_max_window_bits={agreed.server_max_window_bits}")
        return agreed, "; ".join(answer)
    return None


def _read(parameters: list[str], *, values_needed: bool) -> Agreement:
    found: dict[str, Any] = {}
    for parameter in parameters:
        key, equals, text = parameter.partition("=")
        key, value = key.strip().lower(), text.strip().strip('"')
        if key not in Agreement._fields or key in found:
            raise NegotiationError("permessage-deflate has unknown or repeated parameters")
        if key.endswith("takeover"):
            if equals:
                raise NegotiationError("permessage-deflate has a parameter with a value where none belongs")
            found[key] = True
        elif not equals and not values_needed and key.startswith("client"):
            continue  # an offer may name it without a value: any will do
        else:
            if not value.isdigit() or not _MIN_WINDOW_BITS <= int(value) <= MAX_WINDOW_BITS:
                raise NegotiationError("permessage-deflate has a window that is not 8 to 15 bits")
            found[key] = int(value)
    return Agreement(**found)


class Deflater:
    """Compresses the messages of one direction.

    Args:
        window_bits: the largest window that the peer allows.
        keep_context: whether a message may refer to those before.
    """

    __slots__ = ("_compressor", "_keep_context", "_window_bits")

    def __init__(self, window_bits: int, keep_context: bool) -> None:
        self._window_bits = min(window_bits, _OUR_WINDOW_BITS)
        self._keep_context = keep_context
        self._compressor: zlib._Compress | None = None

    @classmethod
    def of_client(cls, agreed: Agreement) -> Deflater | None:
        """What a client sends with; None where it cannot compress as agreed, and need not."""
        if agreed.client_max_window_bits < _MIN_RAW_BITS:
            return None
        return cls(agreed.client_max_window_bits, not agreed.client_no_context_takeover)

    @classmethod
    def of_server(cls, agreed: Agreement) -> Deflater | None:
        """What a server sends with."""
        if agreed.server_max_window_bits < _MIN_RAW_BITS:
            return None
        return cls(agreed.server_max_window_bits, not agreed.server_no_context_takeover)

    def deflate(self, payload: bytes) -> bytes:
        """The payload of a compressed message; ``payload`` must not be empty (send that uncompressed)."""
        compressor = self._compressor
        if compressor is None:
            compressor = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -self._window_bits, _MEMORY_LEVEL)
            if self._keep_context:
                self._compressor = compressor
        return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[: -len(_TAIL)]


class Inflater:
    """Decompresses the messages of one direction; see :class:`Deflater`."""

    __slots__ = ("_decompressor", "_keep_context", "_window_bits")

    def __init__(self, window_bits: int, keep_context: bool) -> None:
        self._window_bits = max(window_bits, _MIN_RAW_BITS)
        self._keep_context = keep_context
        self._decompressor: zlib._Decompress | None = None

    @classmethod
    def of_client(cls, agreed: Agreement) -> Inflater:
        """What a client receives with."""
        return cls(agreed.server_max_window_bits, not agreed.server_no_context_takeover)

    @classmethod
    def of_server(cls, agreed: Agreement) -> Inflater:
        """What a server receives with."""
        return cls(agreed.client_max_window_bits, not agreed.client_no_context_takeover)

    def inflate(self, payload: bytes, max_bytes: int) -> bytes | None:
        """The message; None if it is larger than ``max_bytes``. Raises :class:`InflateError`."""
        decompressor = self._decompressor or zlib.decompressobj(-self._window_bits)
        try:
            message = decompressor.decompress(payload + _TAIL, max_bytes + 1)
        except zlib.error as error:
            raise InflateError(str(error)) from error
        if len(message) > max_bytes:
            return None
        # A block marked as the last one ends zlib's stream, and the next message begins another (RFC 7692, 7.2.3.5).
        self._decompressor = decompressor if self._keep_context and not decompressor.eof else None
        return message
