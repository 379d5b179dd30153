"""Bytes in, responses out: however the bytes are cut, and whatever they are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.rawserver import BEHAVIOURS

from loadworthy.users.http.errors import ProtocolError, TooLargeError
from loadworthy.users.http.wire import CHUNKED, UNTIL_EOF, Head, ResponseReader, frame, read_head, read_whole_chunks

WHOLE = {
    name: b"".join(step for step in steps if isinstance(step, bytes))
    for name, steps in BEHAVIOURS.items()
    if "hang" not in steps and "drip" not in steps and not name.startswith(("head-huge", "body-huge"))
}


def read(pieces: list[bytes], is_head: bool = False, max_head_bytes: int = 10_000) -> tuple[object, bytes, bool]:
    """Feed the pieces, then EOF if the response is not complete: (head or error, body, keep_alive)."""
    reader = ResponseReader(is_head, max_head_bytes)
    body = b""
    try:
        for piece in pieces:
            reader.feed(piece)
            body += reader.take()
        reader.feed_eof()
    except ProtocolError:
        return "protocol", b"", False
    assert reader.complete
    return reader.head, body + reader.take(), reader.keep_alive


@given(st.sampled_from(sorted(WHOLE)), st.lists(st.integers(1, 400), max_size=12))
def test_cuts_do_not_matter(name: str, cuts: list[int]) -> None:
    """A response read in any pieces is the same as one read at once."""
    data = WHOLE[name]
    places = [0, *sorted({cut for cut in cuts if cut < len(data)}), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    head, body, _ = read(pieces)
    whole_head, whole_body, _ = read([data])
    assert (head, body) == (whole_head, whole_body)


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
)
def test_any_bytes_are_a_response_or_a_protocol_error(data: bytes, prefix: bytes) -> None:
    """No bytes make the reader raise anything but its own errors."""
    read([prefix + data])


@given(st.binary(max_size=200), st.lists(st.integers(1, 50), min_size=1))
def test_chunks_round_trip(data: bytes, sizes: list[int]) -> None:
    """Data cut into chunks of any sizes comes out whole."""
    encoded, rest = b"", data
    for size in sizes:
        piece, rest = rest[:size], rest[size:]
        encoded += b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
    encoded += (b"%X\r\n%b\r\n" % (len(rest), rest) if rest else b"") + b"0\r\n\r\n"
    head, body, _ = read([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + encoded])
    assert isinstance(head, Head)
    assert (head.length, body) == (CHUNKED, data)
    assert read_whole_chunks(b"head" + encoded, 4) == (data or None)


@given(st.one_of(st.binary(max_size=40), st.text(st.sampled_from("05aFx;+_-\r\n"), max_size=25).map(str.encode)))
def test_quick_way_with_chunks_agrees_or_gives_up(data: bytes) -> None:
    """Chunks that are read at once are those that the parser reads, with nothing left over."""
    for tail in (b"", b"\r\n0\r\n\r\n"):
        quickly = read_whole_chunks(data + tail, 0)
        if quickly is not None:
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            assert read([head + data + tail])[1] == quickly
            assert keep_alive(head + data + tail)


@pytest.mark.parametrize(
    "data",
    [
        b"3\r\nabcXX1\r\na\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX: y\r\n\r\n",
        b"3;x\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"\r\nabc\r\n0\r\n\r\n",
        b"9\r\nabc\r\n0\r\n\r\n",
        b"0\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\n\r",
    ],
)
def test_quick_way_with_chunks_gives_up(data: bytes) -> None:
    """Whatever is not plain and complete is left to the parser."""
    assert read_whole_chunks(data, 0) is None


def keep_alive(data: bytes) -> bool:
    """Whether the connection may be used after the response, which must be complete."""
    reader = ResponseReader(is_head=False, max_head_bytes=10_000)
    reader.feed(data)
    assert reader.complete
    return reader.keep_alive


@pytest.mark.parametrize(
    ("expected", "data"),
    [
        (True, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        (False, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!"),
        (False, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"),
        (False, b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nhi"),
        (True, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi"),
        (False, b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        (True, b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi"),
        (True, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (False, b"HTTP/1.1 204 No Content\r\n\r\nhello"),
        (True, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (False, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore"),
        (False, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
        (False, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    ],
)
def test_keep_alive(expected: bool, data: bytes) -> None:
    """A connection is used again only if the response says so and nothing followed it."""
    assert keep_alive(data) is expected


def test_limit_of_the_head_counts_interim_responses() -> None:
    """Endless interim responses are a head that is too large."""
    reader = ResponseReader(is_head=False, max_head_bytes=1000)
    with pytest.raises(TooLargeError):
        reader.feed(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], (UNTIL_EOF, False)),
        ([("Content-Length", "7")], (7, True)),
        ([("content-length", "7, 7")], (7, True)),
        ([("Content-Length", "7"), ("Transfer-Encoding", "Chunked")], (CHUNKED, False)),
    ],
)
def test_framing(fields: list[tuple[str, str]], expected: tuple[int, bool]) -> None:
    """The length of a body by the order of RFC 9112, 6.3."""
    assert frame(fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        [("Content-Length", "+7")],
        [("Content-Length", "\N{ARABIC-INDIC DIGIT SEVEN}")],
        [("Content-Length", "")],
        [("Content-Length", "7, 8")],
        [("Content-Length", "9" * 30)],
        [("Transfer-Encoding", "gzip, chunked")],
        [("Transfer-Encoding", "identity")],
    ],
)
def test_framing_that_cannot_be_trusted(fields: list[tuple[str, str]]) -> None:
    """A length that is not one number, or a coding that we did not ask for, is a protocol error."""
    with pytest.raises(ProtocolError):
        frame(fields)


@pytest.mark.parametrize(
    "line",
    [b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 2_0 OK", b"HTTP/1.1 099 x", b"HTTP/2.0 200 OK", b"ICY 200 OK"],
)
def test_bad_status_lines(line: bytes) -> None:
    """Only HTTP/1 with three digits is a status line."""
    data = line + b"\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(ProtocolError):
        read_head(data, data.index(b"\r\n\r\n"))


def test_large_status_is_read() -> None:
    """A status beyond 599 is unusual, but three digits."""
    assert read_head(b"HTTP/1.1 999 Nope\r\nContent-Length: 0\r\n\r\n", 36).status == 999
