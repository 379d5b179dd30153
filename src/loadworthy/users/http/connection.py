"""One connection: a raw non-blocking socket and gevent's event loop, nothing between.

The socket is the C one (``_socket.socket``), so Locust's monkey patching does not matter. Three things make it cheap:

* It waits for bytes *before* it reads: a read that finds nothing costs an exception, an eighth of a small request.
* It writes first and only waits when the kernel's buffer is full, which for a request almost never happens.
* Time-outs cost nothing unless they happen. Each wait writes its deadline into ``_deadline_ns``; one timer for the
  whole life of the connection looks at it, and starts again for the rest when it came too early. Over thousands of
  requests it fires a few times, where a ``gevent.Timeout`` would be made, started and stopped for each.

A greenlet that is killed while it waits leaves the watchers stopped; the caller closes the connection.
"""

from __future__ import annotations

import _socket
import errno
import os
from collections.abc import Callable
from typing import Any

import gevent
from gevent import get_hub, getcurrent
from gevent import socket as gevent_socket

from loadworthy.clock import monotonic_ns
from loadworthy.users.http.errors import (
    AttemptError,
    ConnectError,
    ConnectTimeoutError,
    GeneratorLimitError,
    ReadTimeoutError,
    ResetError,
    ResolveError,
    generator_limit,
)
from loadworthy.users.http.receipt import PROBES, Probe

RECEIVE_BYTES = 65_536
IDLE_CHECK_NS = 100_000_000
"""A connection idle for longer is asked whether its peer is still there before it is used again."""

_READ, _WRITE = 1, 2  # libev's EV_READ and EV_WRITE
_NEVER_NS = 1 << 62
_NS_PER_S = 1e9
_IN_PROGRESS = frozenset({errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK})


class _DeadlineError(Exception):
    """The deadline of a wait has come; never leaves this module."""


class Connection:
    """A connected stream.

    Attributes:
        key: what it is connected to; equal keys can use each other's connections.
        probe: reads the kernel's receive stamps, on a few connections.
        sent_bytes, received_bytes: of the application's data, since it was opened.
        used: whether a response has come over it already.
        idle_since_ns: when that response was complete.
    """

    __slots__ = (
        "_deadline_ns",
        "_hub",
        "_reader",
        "_socket",
        "_timer",
        "_timer_ns",
        "_waiting",
        "idle_since_ns",
        "key",
        "probe",
        "received_bytes",
        "sent_bytes",
        "used",
    )

    def __init__(self, sock: _socket.socket, key: object = None) -> None:
        self._socket = sock
        self._hub = get_hub()
        self._reader = self._hub.loop.io(sock.fileno(), _READ)
        self._timer: Any = None
        self._timer_ns = _NEVER_NS
        self._deadline_ns = _NEVER_NS
        self._waiting: Any = None
        self.key = key
        self.probe: Probe | None = None
        self.sent_bytes = 0
        self.received_bytes = 0
        self.used = False
        self.idle_since_ns = 0

    def send(self, data: bytes, deadline_ns: int) -> None:
        """Send all of it; raises :class:`ResetError`, or :class:`ReadTimeoutError` if the peer takes too long."""
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise _broken(error) from error
        self.sent_bytes += sent
        if sent != len(data):
            self._send_rest(memoryview(data)[sent:], deadline_ns)

    def receive(self, deadline_ns: int) -> bytes:
        """Wait for bytes and return them, ``b""`` when the peer has closed its side.

        Raises :class:`ReadTimeoutError` at the deadline and :class:`ResetError` when the connection broke.
        """
        probe = self.probe
        probed_ns = 0 if probe is None else probe.begin()
        while True:
            self._wait(self._reader, deadline_ns)
            try:
                if probed_ns and probe is not None:
                    data = probe.receive(self._socket, RECEIVE_BYTES, probed_ns)
                else:
                    data = self._socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise _broken(error) from error
            self.received_bytes += len(data)
            return data

    def watch_receipt(self, report: Callable[[int], None]) -> None:
        """Report how long answers lay in this machine, if it is this connection's turn and the platform can tell."""
        self.probe = PROBES.new(self._socket, report)

    def is_stale(self) -> bool:
        """Whether the peer has closed (or said something unasked); does not wait."""
        try:
            self._socket.recv(1, _socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def wait_connected(self, deadline_ns: int) -> int:
        """The error number of the connect under way (0 if it succeeded); raises :class:`ConnectTimeoutError`."""
        writer = self._hub.loop.io(self._socket.fileno(), _WRITE)
        try:
            self._wait(writer, deadline_ns)
        except ReadTimeoutError:
            raise ConnectTimeoutError("no connection within the connect time-out") from None
        finally:
            writer.close()
        return self._socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)

    def close(self) -> None:
        """Release the socket and all watchers; may be called twice."""
        self._reader.close()
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        self._socket.close()

    def _send_rest(self, rest: memoryview, deadline_ns: int) -> None:
        writer = self._hub.loop.io(self._socket.fileno(), _WRITE)
        try:
            while rest:
                self._wait(writer, deadline_ns)
                try:
                    sent = self._socket.send(rest)
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise _broken(error) from error
                self.sent_bytes += sent
                rest = rest[sent:]
        finally:
            writer.close()

    def _wait(self, watcher: Any, deadline_ns: int) -> None:
        """Until the watcher fires; raises :class:`ReadTimeoutError` at the deadline."""
        self._deadline_ns = deadline_ns
        if deadline_ns < self._timer_ns:
            self._start_timer(deadline_ns)
        greenlet = self._waiting = getcurrent()
        watcher.start(greenlet.switch)
        try:
            self._hub.switch()
        except _DeadlineError:
            raise ReadTimeoutError("no response within the read time-out") from None
        finally:
            watcher.stop()
            self._waiting = None

    def _start_timer(self, at_ns: int) -> None:
        if self._timer is not None:
            self._timer.close()
        left_s = max(at_ns - monotonic_ns(), 0) / _NS_PER_S
        self._timer = self._hub.loop.timer(left_s, ref=False)
        self._timer_ns = at_ns
        self._timer.start(self._on_timer, update=True)

    def _on_timer(self) -> None:
        self._timer_ns = _NEVER_NS
        waiting = self._waiting
        if waiting is None:
            return
        if monotonic_ns() < self._deadline_ns:
            self._start_timer(self._deadline_ns)
        else:
            waiting.throw(_DeadlineError())


def connect(host: str, port: int, key: object, timeout_s: float, factory: type[Connection] = Connection) -> Connection:
    """A connection to the first address of ``host`` that answers.

    Each address gets its share of the time that is left. Raises :class:`ResolveError`, :class:`ConnectError`, or
    :class:`ConnectTimeoutError`.
    """
    deadline_ns = monotonic_ns() + int(timeout_s * _NS_PER_S)
    addresses = _resolve(host, port, timeout_s)
    failure: AttemptError = ResolveError("the host name has no address")
    for index, (family, address) in enumerate(addresses):
        now_ns = monotonic_ns()
        share_ns = (deadline_ns - now_ns) // (len(addresses) - index)
        try:
            return _connect_to(family, address, factory, key, now_ns + share_ns)
        except AttemptError as error:
            # What another address answered says more than that this machine cannot even try this one.
            if index == 0 or not isinstance(error, GeneratorLimitError):
                failure = error
    raise failure


def _resolve(host: str, port: int, timeout_s: float) -> list[tuple[int, Any]]:
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, host)
        except OSError:
            continue
        return [(family, (host, port))]
    try:
        with gevent.Timeout(
            timeout_s, ConnectTimeoutError("the host name did not resolve within the connect time-out")
        ):
            found = gevent_socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM)  # type: ignore[attr-defined]  # untyped
    except (OSError, UnicodeError) as error:
        if isinstance(error, AttemptError):
            raise
        raise _limit_here() or ResolveError("the host name does not resolve") from error
    return [(entry[0], entry[4]) for entry in found]


def _connect_to(family: int, address: Any, factory: type[Connection], key: object, deadline_ns: int) -> Connection:
    try:
        sock = _socket.socket(family, _socket.SOCK_STREAM)
    except OSError as error:
        raise _refused(error.errno, "cannot open a socket") from error
    connection = None
    try:
        sock.setblocking(False)
        sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address)
        connection = factory(sock, key)
        if code in _IN_PROGRESS:
            code = connection.wait_connected(deadline_ns)
    except BaseException as error:
        (connection or sock).close()
        if isinstance(error, OSError) and not isinstance(error, AttemptError):
            raise _refused(error.errno) from error
        raise
    if code:
        connection.close()
        raise _refused(code)
    return connection


def _refused(code: int | None, what: str = "cannot connect") -> AttemptError:
    return generator_limit(code) or ConnectError(f"{what}: {_reason(code)}")


def _limit_here() -> AttemptError | None:
    """Why no socket can be opened here, if that is so: the resolver needs one, too, and does not say it got none."""
    try:
        _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM).close()
    except OSError as error:
        return generator_limit(error.errno)
    return None


def _broken(error: OSError) -> ResetError:
    return ResetError(f"the connection broke: {_reason(error.errno)}")


def _reason(code: int | None) -> str:
    return os.strerror(code).lower() if code else "unknown reason"
