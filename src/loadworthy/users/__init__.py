"""What user classes are written against: ``HttpUser``, beside Locust's own ``task``, ``between`` …

Locust (which changes the process when imported) is loaded when the first of these names is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadworthy.users.http import HttpSession, HttpUser

__all__ = ["HttpSession", "HttpUser"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from loadworthy.users import http

        return getattr(http, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
