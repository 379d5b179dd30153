"""What user classes are written against: ``HttpUser``, ``WebSocketUser``, ``SseUser``, beside Locust's own ``task`` …

Locust (which changes the process when imported) is loaded when the first of these names is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadworthy.users.http import HttpSession, HttpUser
    from loadworthy.users.sse import SseUser
    from loadworthy.users.websocket import (
        WebSocket,
        WebSocketClosedError,
        WebSocketError,
        WebSocketRefusedError,
        WebSocketTimeoutError,
        WebSocketUser,
    )

__all__ = [
    "HttpSession",
    "HttpUser",
    "SseUser",
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
    package = "websocket" if name.startswith("WebSocket") else "sse" if name == "SseUser" else "http"
    return getattr(import_module(f"loadworthy.users.{package}"), name)
