"""A Sample: one attempt, whether it went well or not.

In the hot path a sample is never an object: its stamps go straight into a :class:`SampleSink` as arguments (an object
of eight fields costs more to build than the whole recording). What exists as objects is the rare part, the
:class:`Failure`, and the closed set of ways to fail.

Stamps are integer µs of one monotonic clock: *intended* (when the workload wanted it sent), *sent* (when it was handed
to the socket), *done*. Response time = done - intended, service time = done - sent.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol


class FailureKind(StrEnum):
    """The closed set of reasons for which a sample counts as failed; public in ``summary.json``."""

    DNS = "dns"
    """The host name did not resolve."""
    CONNECT = "connect"
    """The connection was refused or unreachable."""
    TLS = "tls"
    """The TLS handshake or the certificate failed."""
    TIMEOUT_CONNECT = "timeout_connect"
    """No connection within the connect time-out."""
    TIMEOUT_READ = "timeout_read"
    """Nothing came, or not all, within the read time-out."""
    RESET = "reset"
    """The peer closed or reset the connection before a response had begun."""
    PROTOCOL = "protocol"
    """What came was not valid: bad head, truncated body, broken encoding, too many redirects."""
    STATUS = "status"
    """A complete response with a status of 400 or more (or not the expected one)."""
    ASSERTION = "assertion"
    """The response came, and a check of the user said it is wrong."""
    EXCEPTION = "exception"
    """User code raised while it handled the response, or the request could not be built."""
    TOO_LARGE = "too_large"
    """Head or body beyond the limit set."""
    GENERATOR = "generator"
    """This machine could not make the attempt: no descriptor, no port, no memory left. Not the target's fault."""


class Failure(NamedTuple):
    """What is kept of a failed sample besides its stamps."""

    kind: FailureKind
    message: str
    """One line, without parts that vary from request to request, for failures are counted by it."""
    url: str = ""
    excerpt: str = ""
    """The first few hundred characters of the response, if there was one."""


class SampleSink(Protocol):
    """Where users put what they measured. The engine gives one to each scenario."""

    def record(
        self,
        kind: str,
        name: str,
        intended_us: int,
        sent_us: int,
        done_us: int,
        status: int = 0,
        sent_bytes: int = 0,
        received_bytes: int = 0,
        failure: Failure | None = None,
        content_bytes: int = 0,
        first_byte_us: int = 0,
    ) -> None:
        """Add one sample to the series (kind, name).

        ``status`` 0 means there was none; sent and received bytes are those on the wire, heads included,
        ``content_bytes`` is the length of the decoded body, and ``first_byte_us`` the stamp of the answer's first byte
        (0: unknown).
        """
        ...

    def record_part(
        self,
        kind: str,
        name: str,
        start_us: int,
        done_us: int,
        failure: Failure | None = None,
        sent_us: int | None = None,
    ) -> None:
        """Add a part of a sample (``connect``, ``tls``), or a whole of several (``iteration``).

        It has a series of its own, and adds to no total. ``sent_us`` where it began later than it should have.
        """
        ...

    def receive_lag(self, lag_us: int) -> None:
        """Add how long an answer lay in this machine before it was read, by the kernel's receive stamp."""
        ...

    def interrupted(self) -> None:
        """An attempt under way was cut off by the end of the run; it is counted, but is no sample."""
        ...
