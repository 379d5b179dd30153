"""Content codings and charsets."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.users.http.encoding import decode_body, decode_text, decoder_for, encoding_of
from loadworthy.users.http.errors import DecodingError, TooLargeError

LIMIT = 1_000_000


def raw_deflate(data: bytes) -> bytes:
    """Deflate without its wrapper."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "DEFLATE": raw_deflate,
    "br": brotli.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
    "identity": lambda data: data,
}


@given(st.binary(max_size=5000), st.lists(st.sampled_from(sorted(ENCODERS)), max_size=4), st.integers(1, 3000))
def test_round_trip(data: bytes, codings: list[str], size: int) -> None:
    """Any codings in a row are undone, all at once and piece by piece."""
    encoded = data
    for coding in codings:
        encoded = ENCODERS[coding](encoded)
    header = ", ".join(codings)
    assert decode_body(header, encoded, LIMIT) == data
    decoder = decoder_for(header, LIMIT)
    if decoder is not None:
        pieces = [decoder.decode(encoded[at : at + size]) for at in range(0, len(encoded), size)]
        decoder.finish()
        assert b"".join(pieces) == data


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "br", "zstd", "br, gzip"]))
def test_any_bytes_decode_or_are_refused(data: bytes, coding: str) -> None:
    """No body makes a decoder raise anything but its own errors."""
    with contextlib.suppress(DecodingError, TooLargeError):
        decode_body(coding, data, LIMIT)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "DEFLATE", "br", "zstd"])
def test_bomb(coding: str) -> None:
    """A small body that decodes to a large one is refused before it has taken the memory."""
    bomb = ENCODERS[coding](b"\0" * 50_000_000)
    assert len(bomb) < 60_000
    with pytest.raises(TooLargeError):
        decode_body(coding, bomb, LIMIT)
    assert decode_body(coding, ENCODERS[coding](b"\0" * LIMIT), LIMIT) == b"\0" * LIMIT


@pytest.mark.parametrize("coding", ["gzip", "deflate", "DEFLATE", "br", "zstd"])
def test_truncated(coding: str) -> None:
    """A body that ends before its coding does is refused."""
    encoded = ENCODERS[coding](bytes(range(256)) * 20)
    with pytest.raises(DecodingError):
        decode_body(coding, encoded[:-3], LIMIT)


def test_members_and_padding() -> None:
    """Several gzip members are one body; zeros after the last are padding."""
    two = gzip.compress(b"one ") + gzip.compress(b"two")
    assert decode_body("gzip", two + b"\0\0", LIMIT) == b"one two"


def test_absurd_chains_are_refused() -> None:
    """A chain of many codings is a bomb in the making."""
    with pytest.raises(DecodingError):
        decode_body("gzip, " * 20, b"x", LIMIT)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("", None),
        ("text/html", "ISO-8859-1"),
        ("text/html; charset=utf-8", "utf-8"),
        ('text/html; Charset="koi8-r"', "koi8-r"),
        ("application/json", "utf-8"),
        ("application/octet-stream", None),
    ],
)
def test_charset(content_type: str, expected: str | None) -> None:
    """The rules of requests."""
    assert encoding_of(content_type) == expected


@given(st.binary(max_size=100), st.one_of(st.none(), st.text(max_size=10), st.sampled_from(["utf-16", "hex", "ascii"])))
def test_text_never_fails(content: bytes, encoding: str | None) -> None:
    """Whatever charset the server made up, there is some text."""
    assert isinstance(decode_text(content, encoding), str)
