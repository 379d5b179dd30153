"""What goes wrong with a WebSocket, as exceptions.

::

    WebSocketError             .kind: how the sample failed; also for a connection that could not be made
      ├─ WebSocketRefusedError   the server answered the handshake with another status than 101
      ├─ WebSocketTimeoutError   what was waited for did not come in time
      └─ WebSocketClosedError    the connection is closed, by whomever, or broke

Each is raised after its failed sample was recorded, and says so (``loadworthy_recorded``): the task loop need not count
it a second time. Messages are one line without parts that vary: failures are counted by them.
"""

from __future__ import annotations

from loadworthy.record.sample import FailureKind


class WebSocketError(Exception):
    """Anything that goes wrong with a WebSocket.

    Attributes:
        kind: of the failed sample.
        loadworthy_recorded: whether there is one.
    """

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.loadworthy_recorded = False


class WebSocketRefusedError(WebSocketError):
    """The server answered the handshake, but did not agree to it.

    Attributes:
        status: of its answer.
        excerpt: the first few hundred characters of the body.
    """

    def __init__(self, status: int, excerpt: str = "") -> None:
        super().__init__(FailureKind.STATUS, f"the server refused the handshake with status {status}")
        self.status = status
        self.excerpt = excerpt


class WebSocketTimeoutError(WebSocketError):
    """A message, a pong or the closing handshake did not come in time."""

    def __init__(self, message: str = "no message within the time-out") -> None:
        super().__init__(FailureKind.TIMEOUT_READ, message)


class WebSocketClosedError(WebSocketError):
    """The connection is closed or broken.

    Attributes:
        code: the close code; 1006 where the peer vanished without one, 1005 where its close frame had none.
        reason: as the peer gave it.
    """

    def __init__(self, kind: FailureKind, message: str, code: int, reason: str = "") -> None:
        super().__init__(kind, message)
        self.code = code
        self.reason = reason
