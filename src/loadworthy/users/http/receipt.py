"""How long an answer lay in this machine before Python read it: the generator's own share of a latency.

Linux stamps the packets that come in, and hands the stamp out with the bytes (``SO_TIMESTAMPING``, ``recvmsg``; see
Documentation/networking/timestamping.rst of the kernel). Reading it costs a few times as much as ``recv`` alone, so a
few connections are asked, and those now and then. It is the stamp of the last packet of what was read, or of a FIN that
had been queued behind it: what is reported is at least true.

Two things must not be taken for a lag. Bytes that came while nobody waited for them (a stream that its user reads at
leisure, a session ticket to an idle connection) lay there by choice: what is reported is never more than the time that
the reader has waited. And the stamps are of the wall clock, which may be set: what cannot be is left out.
"""

from __future__ import annotations

import _socket
import struct
import sys
from collections.abc import Callable, Iterable
from typing import Any

from loadworthy.clock import monotonic_ns, wall_ns

SO_TIMESTAMPING = 37
"""Option and control message by the same number (asm-generic/socket.h); Python has no name for it."""
RX_SOFTWARE, SOFTWARE = 1 << 3, 1 << 4
"""Stamp what comes in, and report that stamp (linux/net_tstamp.h)."""

CONNECTIONS_A_PROBE = 32
RECEIVES_A_STAMP = 16
MAX_LAG_NS = 60_000_000_000

_TIMESTAMPS = struct.Struct("@6l")  # struct scm_timestamping: three timespecs; the first is the kernel's own
_CONTROL_BYTES = 128
_NS_PER_S = 1_000_000_000
_NS_PER_US = 1000

Control = Iterable[tuple[int, int, bytes]]


class Turns:
    """True at the first call and at every n-th after it."""

    __slots__ = ("_every", "_left")

    def __init__(self, every: int) -> None:
        self._every = every
        self._left = 0

    def take(self) -> bool:
        """Whether it is this one's turn."""
        if self._left:
            self._left -= 1
            return False
        self._left = self._every - 1
        return True


class Probe:
    """Reads from one socket, and reports the lag of what it read."""

    __slots__ = ("_report", "_turns")

    def __init__(self, report: Callable[[int], None]) -> None:
        self._report = report
        self._turns = Turns(RECEIVES_A_STAMP)

    def begin(self) -> int:
        """Before the wait for bytes: the time if :meth:`receive` shall read them, else 0."""
        return monotonic_ns() if self._turns.take() else 0

    def receive(self, sock: _socket.socket, size: int, began_ns: int) -> bytes:
        """As ``recv``; ``began_ns`` is when the wait for these bytes began."""
        data, control, _, _ = sock.recvmsg(size, _CONTROL_BYTES)
        read_ns, waited_ns = wall_ns(), monotonic_ns() - began_ns
        lag_ns = lag_of(stamp_of(control), read_ns, waited_ns)
        if lag_ns is not None:
            self._report(lag_ns // _NS_PER_US)
        return data


def stamp_of(control: Control) -> int | None:
    """The kernel's receive stamp among the control messages (ns since the epoch); None if there is none."""
    for level, kind, data in control:
        if level == _socket.SOL_SOCKET and kind == SO_TIMESTAMPING and len(data) >= _TIMESTAMPS.size:
            seconds, nanoseconds, *_ = _TIMESTAMPS.unpack_from(data)
            return (seconds * _NS_PER_S + nanoseconds) or None
    return None


def lag_of(stamp_ns: int | None, read_ns: int, waited_ns: int) -> int | None:
    """From the stamp to the reading, as far as somebody waited; None if that is not known, or the clock was set."""
    if stamp_ns is None or not 0 <= read_ns - stamp_ns <= MAX_LAG_NS:
        return None
    return min(read_ns - stamp_ns, waited_ns)


class Probes:
    """Gives probes to some of the connections that a process opens."""

    def __init__(self, every: int) -> None:
        self._turns = Turns(every)
        self._keeps_on = False

    def new(self, sock: _socket.socket, report: Callable[[int], None]) -> Probe | None:
        """A probe for a socket whose turn it is; None otherwise, and where the platform has no such stamps."""
        if not self._turns.take() or not switch_on(sock):
            return None
        self._keep_on()
        return Probe(report)

    def _keep_on(self) -> None:
        """Hold one more socket with the option, once for all.

        The kernel patches itself when the first comes and when the last goes, which takes it as long as a connect does;
        packets that come meanwhile have no stamp.
        """
        if self._keeps_on:
            return
        try:
            keeper = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
        except OSError:
            return  # without a descriptor to spare it is only slower
        self._keeps_on = switch_on(keeper)
        keeper.detach()  # its descriptor stays open for as long as the process lives


def switch_on(sock: Any) -> bool:
    """Ask the kernel for stamps; whether it has any."""
    if sys.platform != "linux":
        return False
    wanted = RX_SOFTWARE | SOFTWARE
    try:
        sock.setsockopt(_socket.SOL_SOCKET, SO_TIMESTAMPING, wanted)
        return bool(sock.getsockopt(_socket.SOL_SOCKET, SO_TIMESTAMPING) == wanted)
    except OSError:
        return False


PROBES = Probes(CONNECTIONS_A_PROBE)
