"""Kernel receive stamps: how long an answer lay in this machine before it was read."""

from __future__ import annotations

import _socket
import struct
import sys
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent import socket as gevent_socket
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st
from tests.support.rawserver import HELLO
from tests.users.http.support import PATIENCE_S, Client, KeepingSink, Scripted, Service, open_client

from loadworthy.clock import monotonic_ns
from loadworthy.users.http import connection, receipt
from loadworthy.users.http.receipt import (
    MAX_LAG_NS,
    SO_TIMESTAMPING,
    Probe,
    Probes,
    Turns,
    lag_of,
    stamp_of,
    switch_on,
)

NS_PER_MS = 1_000_000
BUSY_NS = 50 * NS_PER_MS


def message(*values: int) -> tuple[int, int, bytes]:
    """A control message as the kernel makes it: three timespecs."""
    return _socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("@6l", *values)


# --- what the kernel says ---


@given(st.integers(0, 1 << 33), st.integers(1, 999_999_999), st.lists(st.integers(0, 1 << 40), min_size=4, max_size=4))
def test_stamp(seconds: int, nanoseconds: int, others: list[int]) -> None:
    """The first of the three is the kernel's own; those of the hardware are not looked at."""
    assert stamp_of([message(seconds, nanoseconds, *others)]) == seconds * 1_000_000_000 + nanoseconds


@pytest.mark.parametrize(
    "control",
    [
        [],
        [(_socket.SOL_SOCKET, SO_TIMESTAMPING, b"")],
        [(_socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("@4l", 1, 2, 3, 4))],
        [(_socket.SOL_SOCKET, SO_TIMESTAMPING - 1, struct.pack("@6l", 1, 2, 3, 4, 5, 6))],
        [(_socket.IPPROTO_TCP, SO_TIMESTAMPING, struct.pack("@6l", 1, 2, 3, 4, 5, 6))],
        [message(0, 0, 0, 0, 5, 6)],
    ],
)
def test_no_stamp(control: list[tuple[int, int, bytes]]) -> None:
    """Without a message of that kind, cut off, or without a stamp in it, there is none."""
    assert stamp_of(control) is None


def test_stamp_among_others() -> None:
    """Other control messages do not hide it."""
    assert stamp_of([(_socket.IPPROTO_TCP, 1, b"x"), message(1, 5, 0, 0, 0, 0)]) == 1_000_000_005


@pytest.mark.parametrize(
    ("stamp_ns", "read_ns", "waited_ns", "lag_ns"),
    [
        (1000, 1700, 5000, 700),
        (1000, 1000, 5000, 0),
        (1000, 9000, 300, 300),  # it lay there before anybody wanted it
        (1000, 999, 5000, None),  # the clock was put back
        (1000, 1000 + MAX_LAG_NS, 5000, 5000),
        (1000, 1001 + MAX_LAG_NS, 5000, None),  # the clock was put forward
        (None, 1700, 5000, None),
    ],
)
def test_lag(stamp_ns: int | None, read_ns: int, waited_ns: int, lag_ns: int | None) -> None:
    """From the stamp to the reading, never more than was waited for; what a set clock makes of it is left out."""
    assert lag_of(stamp_ns, read_ns, waited_ns) == lag_ns


@given(st.integers(1, 20), st.integers(0, 100))
def test_turns(every: int, calls: int) -> None:
    """The first, and every n-th after it."""
    turns = Turns(every)
    assert [turns.take() for _ in range(calls)] == [call % every == 0 for call in range(calls)]


class NoStamps:
    """A socket of a platform that has none, in one of the ways in which it may say so."""

    def __init__(self, answer: int | OSError) -> None:
        self._answer = answer

    def setsockopt(self, *_option: Any) -> None:
        if isinstance(self._answer, OSError):
            raise self._answer

    def getsockopt(self, *_option: Any) -> int | OSError:
        return self._answer


@pytest.mark.parametrize("answer", [OSError(92, "Protocol not available"), 0])
def test_platform_without_stamps(answer: int | OSError) -> None:
    """Where the option does not exist or does nothing there is no probe, and no error."""
    sock: Any = NoStamps(answer)
    assert Probes(1).new(sock, lambda _: None) is None


def test_other_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option's number means something else elsewhere, so nobody is asked."""
    monkeypatch.setattr(sys, "platform", "darwin")
    sock: Any = NoStamps(receipt.RX_SOFTWARE | receipt.SOFTWARE)
    assert not switch_on(sock)


# --- on real sockets ---


@pytest.fixture
def stamped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every connection has a probe that reads every stamp, on a machine that makes them."""
    monkeypatch.setattr(connection, "PROBES", Probes(1))
    monkeypatch.setattr(receipt, "RECEIVES_A_STAMP", 1)
    listener, sender = _socket.socket(), _socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    sender.connect(listener.getsockname())
    receiver = _socket.socket(fileno=listener._accept()[0])  # type: ignore[attr-defined]
    try:
        if not switch_on(receiver):
            pytest.skip("this platform has no receive stamps")
        deadline_ns = monotonic_ns() + round(PATIENCE_S * 1e9)
        while monotonic_ns() < deadline_ns:  # the kernel takes its time to switch them on
            sender.send(b"x")
            if stamp_of(receiver.recvmsg(1, 128)[1]) is not None:
                break
        else:
            pytest.skip("the kernel made no receive stamp")
        yield
    finally:
        for sock in (receiver, sender, listener):
            sock.close()


class BusyServer:
    """A server in this process that spins after it has sent its answer, so that nobody can read that.

    Attributes:
        go: to be set for what comes after the answer, if there is something.
        sent: set when that is sent.
    """

    def __init__(self, answer: bytes, rest: bytes = b"") -> None:
        self.go, self.sent = Event(), Event()
        self._answer, self._rest = answer, rest
        self._listener: Any = gevent_socket.socket()  # type: ignore[attr-defined]  # untyped
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(8)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._greenlet = gevent.spawn(self._serve)

    def close(self) -> None:
        self._greenlet.kill()
        self._listener.close()

    def _serve(self) -> None:
        accepted, _ = self._listener.accept()
        try:
            accepted.recv(65536)
            accepted.sendall(self._answer)
            spin()
            self.go.wait()
            accepted.sendall(self._rest)
            self.sent.set()
            accepted.recv(65536)  # a close would put the stamp of its own packet upon the last piece
        finally:
            accepted.close()


def spin() -> None:
    """Keep this process from everything else."""
    until_ns = monotonic_ns() + BUSY_NS
    while monotonic_ns() < until_ns:
        pass


@pytest.mark.usefixtures("stamped")
def test_busy_process() -> None:
    """What a process does between an answer's arrival and its reading is the process's own share."""
    server = BusyServer(HELLO)
    session, sink = open_client(server.url)
    try:
        assert session.get("/").content == b"hello"
    finally:
        server.close()
    (lag_us,) = sink.lags_us
    assert lag_us >= BUSY_NS // 1000 * 0.99  # two clocks that may be slewed
    assert lag_us <= sink.only.done_us - sink.only.sent_us


@pytest.mark.usefixtures("stamped")
def test_stream_read_at_leisure() -> None:
    """What lies there because its user has not asked for it yet is nobody's lag."""
    server = BusyServer(HELLO[:-2], HELLO[-2:])
    session, sink = open_client(server.url)
    try:
        with session.get("/", stream=True) as response:
            pieces = response.iter_content(None)
            assert next(pieces) == b"hel"
            server.go.set()
            server.sent.wait(PATIENCE_S)
            spin()
            began_us = monotonic_ns() // 1000
            assert next(pieces) == b"lo"
            waited_us = monotonic_ns() // 1000 - began_us
    finally:
        server.close()
    assert len(sink.lags_us) == 2
    assert sink.lags_us[1] <= waited_us


@pytest.mark.usefixtures("stamped")
def test_clock_that_was_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stamp of the future says nothing."""
    monkeypatch.setattr(receipt, "wall_ns", lambda: 1)
    server = Scripted([HELLO])
    session, sink = open_client(server.url)
    assert session.get("/").ok
    assert sink.lags_us == []


@pytest.mark.usefixtures("stamped")
def test_responses_through_tls(service: Service) -> None:
    """It is the socket that is asked, so TLS changes nothing; the handshake is no response."""
    session, sink = open_client(service.url("tls"), verify=False)
    assert session.get("/b/length").content == b"hello"
    assert sink.lags_us
    assert all(0 <= lag_us <= sink.only.done_us - sink.parts[1].done_us for lag_us in sink.lags_us)


@pytest.mark.usefixtures("stamped")
@pytest.mark.parametrize("path", ["/b/body-huge", "/b/head-bytewise", "/b/until-close", "/b/hang", "/b/reset"])
def test_bytes_are_the_same(path: str, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probed connection receives, fails and times out as any other."""
    timeout_s = 0.3 if path == "/b/hang" else PATIENCE_S
    session, sink = open_client(service.url(), read_timeout_s=timeout_s)
    probed = session.get(path)
    plain, plain_sink = open_client(service.url(), read_timeout_s=timeout_s)
    monkeypatch.setattr(plain_sink, "receive_lag", None)
    assert probed.content == plain.get(path).content
    assert sink.kinds == plain_sink.kinds
    assert sink.only.received_bytes == plain_sink.only.received_bytes


def test_which_connections(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of the process, and every 32nd after it."""
    monkeypatch.setattr(connection, "PROBES", Probes(receipt.CONNECTIONS_A_PROBE))
    clients: list[Client] = []
    for _ in range(2 * receipt.CONNECTIONS_A_PROBE + 1):
        clients.append(open_client(service.url()))
        clients[-1].session.get("/b/length")
    probed = [client.session.pool._last.probe is not None for client in clients if client.session.pool._last]
    assert probed == [number % receipt.CONNECTIONS_A_PROBE == 0 for number in range(len(clients))]


def test_which_receives(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of a connection, and every 16th after it; the others are read as ever."""
    monkeypatch.setattr(connection, "PROBES", Probes(1))
    read: list[int] = []
    receive = Probe.receive

    def spy(probe: Probe, *arguments: Any) -> bytes:
        read.append(len(sink.samples))
        return receive(probe, *arguments)

    monkeypatch.setattr(Probe, "receive", spy)
    session, sink = open_client(service.url())
    for _ in range(2 * receipt.RECEIVES_A_STAMP + 1):
        session.get("/b/length")
    assert read == [0, receipt.RECEIVES_A_STAMP, 2 * receipt.RECEIVES_A_STAMP]


class WithoutLag(KeepingSink):
    """A sink that does not want to know."""

    receive_lag = None  # type: ignore[assignment]


def test_sink_without_lag(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody wants to know, nothing is asked."""
    monkeypatch.setattr(connection, "PROBES", Probes(1))
    session, _ = open_client(service.url())
    session._sink = WithoutLag()
    session.get("/b/length")
    assert session.pool._last is not None
    assert session.pool._last.probe is None
