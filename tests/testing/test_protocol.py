"""Where one request ends and the next begins, to the byte, however the bytes arrive."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadworthy.testing import Exchange, Route
from loadworthy.testing.desk import Desk
from loadworthy.testing.protocol import MAX_ECHO_BYTES, MAX_HEAD_BYTES, Connection
from loadworthy.testing.reading import Extras
from loadworthy.testing.site import Site
from loadworthy.testing.truth import Truth, decode_log

MESSAGES = [
    b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /longer?x=1&y=2 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nX-Empty:\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nab\r\n\r\ncd\nef",
    (
        b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"4\r\n\r\n\r\n\r\na;x=1\r\n0123456789\r\n0\r\n\r\n"
    ),
    b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: t\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    b"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n",
]
BODIES = {MESSAGES[2]: b"ab\r\n\r\ncd\nef", MESSAGES[3]: b"\r\n\r\n0123456789"}


class FakeTransport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False
        self.protocol: object = None

    def set_protocol(self, protocol: object) -> None:
        self.protocol = protocol

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def connect(loop: asyncio.AbstractEventLoop) -> tuple[Connection, FakeTransport, Truth]:
    truth = Truth(1000)
    connection = Connection(Site([Route("/echo", echo=True), Route("*", body_bytes=5)], 1), truth, loop)
    transport = FakeTransport()
    connection.connection_made(cast("Any", transport))
    return connection, transport, truth


@settings(deadline=None)
@given(st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=6), st.lists(st.integers(0, 600), max_size=12))
def test_each_request_is_logged_with_its_own_bytes(
    loop: asyncio.AbstractEventLoop, messages: list[bytes], cuts: list[int]
) -> None:
    """Pipelined or not, cut anywhere: the log has each message's length, its answer's length, and echoes are whole."""
    connection, transport, truth = connect(loop)
    stream = b"".join(messages)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for start, end in pairwise(edges):
        connection.data_received(stream[start:end])
    log: list[Exchange] = decode_log(truth.log())
    assert [exchange.request_bytes for exchange in log] == [len(message) for message in messages]
    assert [exchange.target for exchange in log] == [message.split()[1].decode() for message in messages]
    assert [exchange.response_bytes for exchange in log] == [len(written) for written in transport.written]
    assert truth.received_bytes == len(stream)
    for message, written in zip(messages, transport.written, strict=True):
        assert written.endswith(b"\r\n\r\n" + BODIES.get(message, written.partition(b"\r\n\r\n")[2]))


def test_a_head_whose_blank_line_is_cut_in_two_ends_where_it_ends(loop: asyncio.AbstractEventLoop) -> None:
    """Also when its body holds another blank line, at which a careless search would end it."""
    first, second = MESSAGES[2], MESSAGES[0]
    for cut in range(1, len(first)):
        connection, _, truth = connect(loop)
        connection.data_received(first[:cut])
        connection.data_received(first[cut:] + second)
        log = decode_log(truth.log())
        assert [exchange.request_bytes for exchange in log] == [len(first), len(second)], cut


@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
def test_a_request_that_comes_byte_by_byte_is_one_request(loop: asyncio.AbstractEventLoop, message: bytes) -> None:
    """The slowest client is counted like the others."""
    connection, transport, truth = connect(loop)
    for index in range(len(message)):
        assert not transport.written
        connection.data_received(message[index : index + 1])
    assert [exchange.request_bytes for exchange in decode_log(truth.log())] == [len(message)]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GARBAGE\r\n\r\n", b"400"),
        (b"GET /a HTTP/1.1\r\nContent-Length: -4\r\n\r\n", b"400"),
        (b"GET /a HTTP/1.1\r\nX: " + b"x" * MAX_HEAD_BYTES, b"431"),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (MAX_ECHO_BYTES + 1), b"413"),
    ],
)
def test_what_is_no_request_is_refused_and_counted_apart(
    loop: asyncio.AbstractEventLoop, data: bytes, status: bytes
) -> None:
    """The connection is closed after an answer that says why; what comes after is not parsed."""
    connection, transport, truth = connect(loop)
    connection.data_received(data)
    connection.data_received(MESSAGES[0])
    assert [written.split()[1] for written in transport.written] == [status]
    assert transport.closed
    assert (truth.malformed, truth.requests) == (1, 0)


@pytest.mark.parametrize(
    ("message", "header", "closed"),
    [
        (b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n", b"Connection: close\r\n", True),
        (b"GET /a HTTP/1.0\r\n\r\n", b"Connection: close\r\n", True),
        (b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"Connection: keep-alive\r\n", False),
        (b"GET /a HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"HTTP/1.1 200", False),
    ],
)
def test_connections_are_kept_or_closed_as_the_client_asks(
    loop: asyncio.AbstractEventLoop, message: bytes, header: bytes, closed: bool
) -> None:
    """RFC 9112, 9.3; an upgrade is declined by an ordinary answer, and the connection stays usable."""
    connection, transport, truth = connect(loop)
    connection.data_received(message)
    assert header in transport.written[0]
    assert transport.closed is closed
    if not closed:
        connection.data_received(MESSAGES[0])
        assert truth.requests == 2


REPEATED = [
    *MESSAGES,
    b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n",
    b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET /a HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
]


@pytest.mark.parametrize("message", REPEATED, ids=range(len(REPEATED)))
def test_a_request_seen_before_is_answered_as_it_was_then(loop: asyncio.AbstractEventLoop, message: bytes) -> None:
    """On another connection, to the byte, and with the same row in the log."""
    site, truth, extras = Site([Route("/echo", echo=True), Route("*", body_bytes=5)], 1), Truth(100), Extras(Desk(loop))
    transports = [FakeTransport() for _ in range(3)]
    for transport in transports:
        connection = Connection(site, truth, loop, extras)
        connection.connection_made(cast("Any", transport))
        connection.data_received(message)
    first, *others = transports
    for other in others:
        assert (other.written, other.closed) == (first.written, first.closed)
    rows = {entry._replace(arrival_us=0, departure_us=0, started_us=0, due_us=0, connection=0) for entry in
            decode_log(truth.log())}  # fmt: skip
    assert (truth.requests, len(rows)) == (3, 1)
    is_plain = message.partition(b"\r\n\r\n")[2] == b"" and b"Upgrade" not in message
    assert (extras.heads.find(message) is not None) == is_plain


class FakeSuccessor(asyncio.Protocol):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data


UPGRADE = b"GET /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"


@settings(deadline=None)
@given(st.lists(st.integers(0, 200), max_size=12))
def test_a_websocket_is_handed_over_with_all_of_its_bytes(loop: asyncio.AbstractEventLoop, cuts: list[int]) -> None:
    """However they are cut: the head of the handshake and what follows it, and nothing of the request before."""
    successor, transport, truth = FakeSuccessor(), FakeTransport(), Truth(1000)
    connection = Connection(Site([Route("*")], 1), truth, loop, Extras(Desk(loop), websocket=lambda: successor))
    connection.connection_made(cast("Any", transport))
    stream = MESSAGES[0] + UPGRADE + b"frames\r\n\r\nand more"
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for start, end in pairwise(edges):
        reader = connection if transport.protocol is None else successor
        reader.data_received(stream[start:end])
    assert successor.received == stream[len(MESSAGES[0]) :]
    assert transport.protocol is successor
    assert (truth.requests, truth.open_connections, transport.closed) == (1, 0, False)
