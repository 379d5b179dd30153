"""What can go wrong with one attempt, as exceptions.

Each kind of failure has its own class. All derive from :class:`requests.exceptions.RequestException`, and each also
from the class that ``requests`` would raise, so ``except`` clauses written for either library keep working::

    AttemptError (RequestException)   .kind
      ├─ ResolveError         dns               ConnectionError
      ├─ ConnectError         connect           ConnectionError
      ├─ TlsError             tls               SSLError
      ├─ ConnectTimeoutError  timeout_connect   ConnectTimeout
      ├─ ReadTimeoutError     timeout_read      ReadTimeout
      ├─ ResetError           reset             ConnectionError
      ├─ ProtocolError        protocol          ChunkedEncodingError
      │    ├─ DecodingError                     ContentDecodingError
      │    └─ RedirectError                     TooManyRedirects
      ├─ StatusError          status            HTTPError
      ├─ TooLargeError        too_large         ConnectionError
      ├─ RequestError         exception         InvalidURL
      └─ GeneratorLimitError  generator         ConnectionError

The text of each is one line without parts that vary from request to request: failures are counted by it.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import ClassVar

from locust.exception import CatchResponseError, ResponseError
from requests import exceptions

from loadworthy.record.sample import FailureKind


class AttemptError(exceptions.RequestException):
    """An attempt failed; ``kind`` says how."""

    kind: ClassVar[FailureKind]
    first_byte_ns: int = 0
    """Monotonic stamp of the first byte of the response that failed; 0 if none came."""


class ResolveError(AttemptError, exceptions.ConnectionError):
    """The host name did not resolve."""

    kind = FailureKind.DNS


class ConnectError(AttemptError, exceptions.ConnectionError):
    """The connection was refused, or the host cannot be reached."""

    kind = FailureKind.CONNECT


class TlsError(AttemptError, exceptions.SSLError):
    """The TLS handshake failed, or the certificate was not acceptable."""

    kind = FailureKind.TLS


class ConnectTimeoutError(AttemptError, exceptions.ConnectTimeout):
    """No connection (TLS and proxy included) within the connect time-out."""

    kind = FailureKind.TIMEOUT_CONNECT


class ReadTimeoutError(AttemptError, exceptions.ReadTimeout):
    """Nothing came within the read time-out, or not all within the total one."""

    kind = FailureKind.TIMEOUT_READ


class ResetError(AttemptError, exceptions.ConnectionError):
    """The peer closed or reset the connection before a response had begun."""

    kind = FailureKind.RESET


class ProtocolError(AttemptError, exceptions.ChunkedEncodingError):
    """What came is not a valid response."""

    kind = FailureKind.PROTOCOL


class DecodingError(ProtocolError, exceptions.ContentDecodingError):
    """The body is not in the coding that its head names."""


class RedirectError(ProtocolError, exceptions.TooManyRedirects):
    """More redirects than allowed, or one that leads nowhere."""


class StatusError(AttemptError, exceptions.HTTPError):
    """A complete response with a status of 400 or more."""

    kind = FailureKind.STATUS


class TooLargeError(AttemptError, exceptions.ConnectionError):
    """Head or body beyond the limit set."""

    kind = FailureKind.TOO_LARGE


class RequestError(AttemptError, exceptions.InvalidURL):
    """The request could not be built from what the user gave."""

    kind = FailureKind.EXCEPTION


class GeneratorLimitError(AttemptError, exceptions.ConnectionError):
    """This machine could not make the attempt; it says nothing about the target."""

    kind = FailureKind.GENERATOR


def generator_limit(code: int | None) -> GeneratorLimitError | None:
    """The error for an ``errno`` that means that this machine has run out of something; None for any other."""
    message = _LIMITS.get(code) if code else None
    return GeneratorLimitError(message) if message else None


def failure_kind(error: object) -> FailureKind:
    """The kind under which an exception (or any other object a user called a failure) is counted.

    Our own errors carry theirs; those of ``requests`` and of the socket layer are mapped to the nearest; what Locust
    and ``assert`` raise for a failed check is an assertion, as is a text; everything else is an exception in user code.
    """
    if isinstance(error, AttemptError):
        return error.kind
    if isinstance(error, OSError) and _is_own_limit(error):
        return FailureKind.GENERATOR
    for classes, kind in _KINDS:
        if isinstance(error, classes):
            return kind
    return FailureKind.EXCEPTION if isinstance(error, BaseException) else FailureKind.ASSERTION


def _is_own_limit(error: OSError) -> bool:
    """Whether it comes of a limit of this machine; other clients wrap the error of the socket several times."""
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if isinstance(cause, OSError) and cause.errno in _LIMITS:
            return True
        cause = cause and (cause.__cause__ or cause.__context__)
    return False


_MAX_CAUSES = 8
_LIMITS = {
    errno.EMFILE: "this process has no file descriptor left: raise ulimit -n, or use more workers",
    errno.ENFILE: "this machine has no file descriptor left: raise fs.file-max, or use more machines",
    errno.EADDRNOTAVAIL: "this machine has no local port left for the target (or no address that fits): "
    "keep connections open, widen net.ipv4.ip_local_port_range, or use more machines",
    errno.ENOBUFS: "the kernel of this machine has no memory left for a socket: use fewer users, or more machines",
    errno.ENOMEM: "this machine has no memory left for a socket: use fewer users, or more machines",
}

_KINDS: tuple[tuple[tuple[type[BaseException], ...], FailureKind], ...] = (
    ((AssertionError, CatchResponseError, ResponseError), FailureKind.ASSERTION),
    ((exceptions.HTTPError,), FailureKind.STATUS),
    ((exceptions.SSLError, ssl.SSLError), FailureKind.TLS),
    ((exceptions.ConnectTimeout,), FailureKind.TIMEOUT_CONNECT),
    ((exceptions.Timeout, TimeoutError), FailureKind.TIMEOUT_READ),
    ((exceptions.ChunkedEncodingError, exceptions.ContentDecodingError), FailureKind.PROTOCOL),
    ((exceptions.TooManyRedirects,), FailureKind.PROTOCOL),
    ((socket.gaierror,), FailureKind.DNS),
    ((ConnectionResetError, ConnectionAbortedError, BrokenPipeError), FailureKind.RESET),
    ((exceptions.ConnectionError, ConnectionError), FailureKind.CONNECT),
)
