"""Who leads a test: our engine, or plain Locust."""

from __future__ import annotations

from locust.env import Environment

_ATTRIBUTE = "loadworthy_engine"


def lead(environment: Environment) -> None:
    """Mark the environment of ``loadworthy run``, which looks at its target, and stops its users, by itself."""
    setattr(environment, _ATTRIBUTE, True)


def is_led(environment: Environment) -> bool:
    """Whether our engine leads it; otherwise it is a test of plain Locust."""
    return hasattr(environment, _ATTRIBUTE)
