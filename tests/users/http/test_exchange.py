"""One request, one response, over a connection that is made up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.rawserver import BEHAVIOURS

from loadworthy.record.sample import FailureKind
from loadworthy.users.http.errors import AttemptError
from loadworthy.users.http.exchange import Limits, Received, exchange

LIMITS = Limits.of(1.0, 1.0, None, 10_000, 100_000)
WHOLE = {
    name: b"".join(step for step in steps if isinstance(step, bytes))
    for name, steps in BEHAVIOURS.items()
    if not {"hang", "drip", "reset"} & {step for step in steps if isinstance(step, str)}
}


class FakeConnection:
    """Gives the pieces one by one, then the end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self.sent: list[bytes] = []
        self.deadlines_ns: list[int] = []

    def send(self, data: bytes, deadline_ns: int) -> None:
        self.sent.append(data)
        self.deadlines_ns.append(deadline_ns)

    def receive(self, deadline_ns: int) -> bytes:
        self.deadlines_ns.append(deadline_ns)
        return self._pieces.pop(0) if self._pieces else b""


def outcome(pieces: list[bytes], is_head: bool = False, limits: Limits = LIMITS) -> Received | FailureKind:
    """What comes of the pieces, its stamps left out."""
    connection: Any = FakeConnection(pieces)
    try:
        received = exchange(connection, b"payload", (), is_head, 0, 1 << 62, limits)
        return received._replace(first_byte_ns=0, done_ns=0)
    except AttemptError as error:
        return error.kind


@pytest.mark.parametrize("name", sorted(WHOLE))
@pytest.mark.parametrize("is_head", [False, True])
def test_quick_way_is_the_long_way(name: str, is_head: bool) -> None:
    """A response that comes in one piece has the outcome of one that comes in two."""
    data = WHOLE[name]
    whole = outcome([data], is_head)
    split = outcome([data[:9], data[9:]], is_head)
    assert whole == split


def test_empty_line_of_bare_line_feeds() -> None:
    """The head ends at its own empty line, not at one in the body."""
    received = outcome([b"HTTP/1.1 200 OK\nContent-Length: 3\n\nab\r\n\r\ncde"])
    assert isinstance(received, Received)
    assert (received.body, received.keep_alive) == (b"ab\r", False)


@given(st.sampled_from(sorted(WHOLE)), st.integers(1, 200), st.booleans())
def test_anywhere_cut(name: str, cut: int, is_head: bool) -> None:
    """Where it is cut does not matter, except that excess bytes which come later are not seen."""
    data = WHOLE[name]
    whole, split = outcome([data], is_head), outcome([data[:cut], data[cut:]], is_head)
    if isinstance(whole, Received) and isinstance(split, Received):
        assert (whole.head, whole.body) == (split.head, split.body)
    else:
        assert whole == split


@given(st.binary(max_size=200), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\nContent-Length: ", b"HTTP/1.1 200 OK\r\n"]))
def test_any_bytes(data: bytes, prefix: bytes) -> None:
    """Whatever a server says, there is a response or a failure with a kind."""
    assert outcome([prefix + data]) is not None


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", LIMITS._replace(max_body_bytes=4)),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            LIMITS._replace(max_body_bytes=4),
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", LIMITS._replace(max_body_bytes=4)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", LIMITS._replace(max_head_bytes=20)),
    ],
)
def test_limits(data: bytes, limits: Limits) -> None:
    """Head and body beyond the limits are too large, however small the response; at the limit they are not."""
    assert outcome([data], limits=limits) is FailureKind.TOO_LARGE
    assert isinstance(outcome([data], limits=limits._replace(max_head_bytes=100, max_body_bytes=5)), Received)


def test_total_bounds_the_single_waits() -> None:
    """No wait goes beyond the total, which is ten times the read time-out unless given."""
    assert LIMITS.total_ns == 10 * LIMITS.read_ns
    connection: Any = FakeConnection([b"HTTP/1.1 200 OK\r\n\r\n"])
    exchange(connection, b"payload", [b"rest"], False, 0, 77, LIMITS)
    assert connection.sent == [b"payload", b"rest"]
    assert set(connection.deadlines_ns) == {77}
