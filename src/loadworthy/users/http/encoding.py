"""Content codings undone, and bytes turned into text."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from requests.utils import get_encoding_from_headers

from loadworthy.users.http.errors import DecodingError, TooLargeError

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_MAX_CODINGS = 5
_PIECE_BYTES = 1 << 16
_TOO_LARGE = "the decoded body of the response is larger than max_body_bytes"


class Decoder(Protocol):
    """Undoes one coding, piece by piece."""

    def decode(self, data: bytes) -> bytes:
        """What these bytes decode to; raises :class:`DecodingError`."""
        ...

    def finish(self) -> None:
        """No more bytes will come; raises :class:`DecodingError` if some are missing."""
        ...


class _Zlib:
    """gzip (several members in a row, too) or deflate, with or without the zlib wrapper that it should have."""

    def __init__(self, coding: str, budget: Budget) -> None:
        self._is_gzip = coding == "gzip"
        self._budget = budget
        self._inflater: Any = None
        self._began = False
        self._is_raw = False

    def decode(self, data: bytes) -> bytes:
        out = []
        while data:
            if self._inflater is None:
                if self._began and (not self._is_gzip or not data.strip(b"\0")):
                    break  # padding, or rubbish after deflate: the decoders of browsers ignore both
                self._inflater = self._new_inflater(data)
                self._began = True
            out.append(self._inflate(data))
            data = self._inflater.unused_data
            if self._inflater.eof:
                self._inflater = None
        return b"".join(out)

    def finish(self) -> None:
        if self._inflater is not None and not self._inflater.eof:
            raise DecodingError("the response's body ends before its coding does")

    def _new_inflater(self, data: bytes) -> Any:
        if self._is_gzip:
            return zlib.decompressobj(_GZIP_WINDOW)
        # RFC 1950, 2.2: the first byte of a zlib wrapper says deflate (8) and the window; raw deflate cannot be told
        # from it for certain, but a raw stream whose first byte has 8 in its low half is a stored block by no encoder.
        is_zlib = data[0] & 0x0F == 8  # CM of RFC 1950
        return zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)

    def _inflate(self, data: bytes) -> bytes:
        out = []
        try:
            while True:
                piece = self._inflater.decompress(data, _PIECE_BYTES)
                self._budget.spend(len(piece))
                out.append(piece)
                data = self._inflater.unconsumed_tail
                if not data and len(piece) < _PIECE_BYTES:
                    return b"".join(out)
        except zlib.error as error:
            raise DecodingError("the response's body is not valid gzip or deflate") from error


class _Brotli:
    def __init__(self, budget: Budget) -> None:
        import brotli

        self._error = brotli.error
        self._budget = budget
        self._decompressor = brotli.Decompressor()
        self._began = False

    def decode(self, data: bytes) -> bytes:
        self._began = self._began or bool(data)
        out = []
        try:
            piece = self._decompressor.process(data, output_buffer_limit=_PIECE_BYTES)
            while True:
                self._budget.spend(len(piece))
                out.append(piece)
                has_more = not self._decompressor.can_accept_more_data() or len(piece) >= _PIECE_BYTES
                if self._decompressor.is_finished() or not has_more:
                    return b"".join(out)
                piece = self._decompressor.process(b"", output_buffer_limit=_PIECE_BYTES)
        except self._error as error:
            raise DecodingError("the response's body is not valid brotli") from error

    def finish(self) -> None:
        if self._began and not self._decompressor.is_finished():
            raise DecodingError("the response's body ends before its coding does")


class _Zstd:
    def __init__(self, budget: Budget) -> None:
        import zstandard

        self._zstandard = zstandard
        self._budget = budget
        self._decompressor: Any = None

    def decode(self, data: bytes) -> bytes:
        out = []
        try:
            while data:
                if self._decompressor is None:
                    self._decompressor = self._zstandard.ZstdDecompressor().decompressobj()
                # This decompressor gives all it can at once; small bites of input keep what a bomb can gain small.
                bite, data = data[:1024], data[1024:]
                piece = self._decompressor.decompress(bite)
                self._budget.spend(len(piece))
                out.append(piece)
                if self._decompressor.eof:
                    data = self._decompressor.unused_data + data
                    self._decompressor = None
        except self._zstandard.ZstdError as error:
            raise DecodingError("the response's body is not valid zstd") from error
        return b"".join(out)

    def finish(self) -> None:
        if self._decompressor is not None:
            raise DecodingError("the response's body ends before its coding does")


class _Chain:
    """Several codings, the last applied undone first."""

    def __init__(self, decoders: list[Decoder]) -> None:
        self._decoders = decoders

    def decode(self, data: bytes) -> bytes:
        for decoder in self._decoders:
            data = decoder.decode(data)
        return data

    def finish(self) -> None:
        for decoder in self._decoders:
            decoder.finish()


class Budget:
    """How many decoded bytes may still come, each coding of a chain counted by itself."""

    def __init__(self, limit_bytes: int) -> None:
        self._left_bytes = limit_bytes

    def spend(self, size_bytes: int) -> None:
        """Raise :class:`TooLargeError` once the limit is passed."""
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise TooLargeError(_TOO_LARGE)


_DECODERS: dict[str, Callable[[int], Decoder]] = {
    "gzip": lambda limit: _Zlib("gzip", Budget(limit)),
    "x-gzip": lambda limit: _Zlib("gzip", Budget(limit)),
    "deflate": lambda limit: _Zlib("deflate", Budget(limit)),
    "br": lambda limit: _Brotli(Budget(limit)),
    "zstd": lambda limit: _Zstd(Budget(limit)),
}


def decoder_for(content_encoding: str, max_bytes: int) -> Decoder | None:
    """A decoder for the value of a Content-Encoding header; None if nothing is to be undone.

    A coding nobody knows leaves the body as it is, as ``requests`` does. Raises :class:`DecodingError` for a chain
    longer than any server means.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name and name != "identity"]
    if len(names) > _MAX_CODINGS:
        raise DecodingError("the response names more content codings than anyone uses")
    if not names or any(name not in _DECODERS for name in names):
        return None
    return _Chain([_DECODERS[name](max_bytes) for name in reversed(names)])


def decode_body(content_encoding: str, body: bytes, max_bytes: int) -> bytes:
    """The body with its codings undone; an empty body needs no coding.

    Raises :class:`DecodingError`, and :class:`TooLargeError` beyond ``max_bytes`` decoded ones.
    """
    decoder = decoder_for(content_encoding, max_bytes)
    if decoder is None or not body:
        return body
    decoded = decoder.decode(body)
    decoder.finish()
    return decoded


@functools.lru_cache(maxsize=256)
def encoding_of(content_type: str) -> str | None:
    """The charset by a Content-Type and the rules of ``requests`` (Latin-1 for text without one, UTF-8 for JSON)."""
    headers: Any = {"content-type": content_type} if content_type else {}
    return get_encoding_from_headers(headers)


def decode_text(content: bytes, encoding: str | None) -> str:
    """The content as text; UTF-8 without an encoding, or with one that does not exist; never raises."""
    try:
        return str(content, encoding or "utf-8", errors="replace")
    except (LookupError, TypeError, ValueError):
        return str(content, "utf-8", errors="replace")
