"""A WebSocket user for load tests: connect, request and reply, push, streams at a cadence, each a series of samples.

Locust is loaded when the first of these names is asked for, so that the pure parts (frames, compression), which the
test server uses too, come without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadworthy.users.websocket.errors import (
        WebSocketClosedError,
        WebSocketError,
        WebSocketRefusedError,
        WebSocketTimeoutError,
    )
    from loadworthy.users.websocket.socket import WebSocket
    from loadworthy.users.websocket.user import WebSocketUser

__all__ = [
    "WebSocket",
    "WebSocketClosedError",
    "WebSocketError",
    "WebSocketRefusedError",
    "WebSocketTimeoutError",
    "WebSocketUser",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import locust  # noqa: F401  # first of all: it monkey-patches, and what imports ssl before that breaks

    if name == "WebSocketUser":
        from loadworthy.users.websocket.user import WebSocketUser

        return WebSocketUser
    if name == "WebSocket":
        from loadworthy.users.websocket.socket import WebSocket

        return WebSocket
    from loadworthy.users.websocket import errors

    return getattr(errors, name)
