"""The connection of a WebSocket: the HTTP client's, but read and written by different greenlets at the same time.

:class:`~loadworthy.users.http.connection.Connection` has one greenlet that waits, which is all that HTTP/1 needs. Here
one may wait to read while another waits for room to write, so writing brings its own watcher. Reading goes through the
connection, with its time-outs that cost nothing; or, where a moment matters to the tenth of a millisecond, until that
moment (:meth:`Wire.receive_until`).
"""

# ruff: noqa: SLF001  # the second user of the connection's socket and buffers, which are no business of others

from __future__ import annotations

import ssl
from typing import Any

from gevent import get_hub, getcurrent
from gevent.event import Event

from loadworthy.clock import monotonic_ns
from loadworthy.users.http.connection import RECEIVE_BYTES, Connection
from loadworthy.users.http.errors import ReadTimeoutError, ResetError, TlsError
from loadworthy.users.http.tls import TlsConnection
from loadworthy.users.precise import call_at

_WRITE = 2  # libev's EV_WRITE
_NS_PER_S = 1_000_000_000


class Wire:
    """Bytes in and out.

    Attributes:
        sent_bytes, received_bytes: of data, inside TLS, since the handshake.
    """

    __slots__ = ("_connection", "_idling", "_is_closed", "_tls", "_writable", "received_bytes", "sent_bytes")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tls = connection if isinstance(connection, TlsConnection) else None
        self._is_closed = False
        self._idling: Any = None
        self._writable: Any = None
        self.sent_bytes = 0
        self.received_bytes = 0

    def send(self, data: bytes) -> memoryview | None:
        """Write what the kernel takes at once, and return the rest, for :meth:`send_rest`; None almost always.

        Raises :class:`ResetError`.
        """
        self.sent_bytes += len(data)
        try:
            if self._tls is not None:
                self._tls._require().write(data)
                data = self._tls._outgoing.read()
            sent = self._connection._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise _broken(error) from error
        return None if sent == len(data) else memoryview(data)[sent:]

    def send_rest(self, rest: memoryview, timeout_s: float) -> None:
        """Wait until all is written; raises :class:`ResetError` or :class:`ReadTimeoutError`."""
        sock = self._connection._socket
        deadline_ns = monotonic_ns() + int(timeout_s * _NS_PER_S)
        watcher = get_hub().loop.io(sock.fileno(), _WRITE)
        writable = self._writable = Event()
        watcher.start(writable.set)
        try:
            while rest:
                if not writable.wait(max(deadline_ns - monotonic_ns(), 0) / _NS_PER_S):
                    raise ReadTimeoutError("the peer did not read for as long as the time-out")
                if self._is_closed:
                    raise ResetError("the connection was closed while a message was being sent")
                writable.clear()
                rest = self._write(sock, rest)
        finally:
            self._writable = None
            watcher.close()

    def _write(self, sock: Any, rest: memoryview) -> memoryview:
        try:
            return rest[sock.send(rest) :]
        except BlockingIOError:
            return rest
        except OSError as error:
            raise _broken(error) from error

    def receive(self, deadline_ns: int) -> bytes:
        """Wait for bytes; ``b""`` when the peer has closed its side.

        Raises :class:`ReadTimeoutError`, :class:`ResetError`, :class:`TlsError`.
        """
        data = self._connection.receive(deadline_ns) if self._tls is None else self._receive_tls(self._tls, deadline_ns)
        self.received_bytes += len(data)
        return data

    def receive_until(self, due_us: int) -> bytes | None:
        """Wait for bytes, but no longer than until this moment, precisely: None when it has come.

        Raises :class:`ResetError`, :class:`TlsError`.
        """
        data = self._read_tls(self._tls) if self._tls is not None else None
        while data is None:
            if not self._wait_readable(due_us):
                return None
            data = self._read_ready()
        self.received_bytes += len(data)
        return data

    def receive_now(self) -> bytes:
        """What has come already, ``b""`` if nothing has; for a connection that cannot be written to any more."""
        try:
            if self._tls is None:
                data = self._connection._socket.recv(RECEIVE_BYTES)
            else:
                self._tls._incoming.write(self._connection._socket.recv(RECEIVE_BYTES))
                data = self._tls._require().read(RECEIVE_BYTES)
        except OSError:  # ssl.SSLError is one, too
            return b""
        self.received_bytes += len(data)
        return data

    def close(self) -> None:
        """Release the socket, and wake whoever waits for it with a :class:`ResetError`; may be called twice."""
        connection = self._connection
        reader, idling = connection._waiting, self._idling
        self._is_closed = True
        connection.close()
        if self._writable is not None:
            self._writable.set()
        if reader is not None and reader is not getcurrent():
            get_hub().loop.run_callback(_wake, connection, reader)
        if idling is not None and idling is not getcurrent():
            get_hub().loop.run_callback(self._wake_idling, idling)

    def _receive_tls(self, connection: TlsConnection, deadline_ns: int) -> bytes:
        """As the connection does itself, but without writing: a frame of another greenlet may be half out."""
        while (data := self._read_tls(connection)) is None:
            _feed_tls(connection, Connection.receive(connection, deadline_ns))
        return data

    def _read_tls(self, connection: TlsConnection) -> bytes | None:
        """What TLS has decrypted already; None if it needs more."""
        try:
            return connection._require().read(RECEIVE_BYTES)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise TlsError("TLS failed while reading") from error

    def _wait_readable(self, due_us: int) -> bool:
        """Whether bytes came before the moment did."""
        greenlet = self._idling = getcurrent()
        call = call_at(due_us, greenlet.switch)
        reader = self._connection._reader
        reader.start(greenlet.switch)
        try:
            self._connection._hub.switch()
            return call.is_pending
        finally:
            self._idling = None
            reader.stop()
            call.cancel()

    def _read_ready(self) -> bytes | None:
        """What has come on a socket that is readable; None if that was nothing whole."""
        try:
            data = self._connection._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            raise _broken(error) from error
        if self._tls is None:
            return data
        _feed_tls(self._tls, data)
        return self._read_tls(self._tls)

    def _wake_idling(self, greenlet: Any) -> None:
        """As :func:`_wake`."""
        if self._idling is greenlet:
            greenlet.throw(ResetError("the connection was closed"))


def _feed_tls(connection: TlsConnection, data: bytes) -> None:
    if data:
        connection._incoming.write(data)
    else:
        connection._incoming.write_eof()


def _wake(connection: Connection, reader: Any) -> None:
    """Runs in the event loop; the reader may have been ended by something else meanwhile."""
    if connection._waiting is reader:
        reader.throw(ResetError("the connection was closed"))


def _broken(error: OSError) -> ResetError:
    return ResetError(f"the connection broke: {(error.strerror or 'unknown reason').lower()}")
