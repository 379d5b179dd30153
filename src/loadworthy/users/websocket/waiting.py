"""Those who wait on a channel, and what they get; no sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from loadworthy.record.sample import FailureKind

Message = str | bytes
Match = Callable[[Any], Any]
Decode = Callable[[Message], Any]


class Arrived(NamedTuple):
    """A message that has come."""

    message: Any
    """As it came, or decoded by who waited for it."""
    at_us: int
    wire_bytes: int
    size: int
    """Bytes of the message itself, decompressed."""


class Ending(NamedTuple):
    """How the connection ended."""

    code: int
    reason: str
    by_us: bool
    """We began the closing handshake, or gave up."""
    kind: FailureKind | None
    """None where it ended as it should."""
    message: str
    began_us: int
    """When we sent our close frame; 0 if the peer began, or nobody did."""
    ended_us: int


class Waiter:
    """Somebody who waits: for a message with a condition or without, for a pong, for pushes, or just for the time.

    ``arrived`` or ``error`` is set by whoever reads.
    """

    __slots__ = ("arrived", "decode", "error", "event", "match", "pong", "takes_messages")

    def __init__(
        self,
        match: Match | None = None,
        decode: Decode | None = None,
        *,
        takes_messages: bool = True,
        pong: bytes | None = None,
    ) -> None:
        self.match = match
        self.decode = decode
        self.takes_messages = takes_messages
        self.pong = pong
        self.arrived: Arrived | None = None
        self.error: Exception | None = None
        self.event: Any = None

    def offer(self, arrived: Arrived) -> bool:
        """Take the message if it is the one; an exception of the user's functions is an answer, too."""
        try:
            if self.decode is not None:
                arrived = arrived._replace(message=self.decode(arrived.message))
            if self.match is not None and not self.match(arrived.message):
                return False
        except Exception as error:  # noqa: BLE001  # raised again where the waiter is
            self.error = error
        else:
            self.arrived = arrived
        self.wake()
        return True

    def wake(self) -> None:
        """Let it look again, if it sleeps."""
        if self.event is not None:
            self.event.set()


class Subscription:
    """Messages that a handler takes, whenever they come."""

    __slots__ = ("decode", "handler", "match", "name", "stamp")

    def __init__(self, name: str, handler: Any, stamp: Any, match: Match | None, decode: Any) -> None:
        self.name = name
        self.handler = handler
        self.stamp = stamp
        self.match = match
        self.decode = decode
