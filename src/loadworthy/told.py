"""How far some work is: whoever does it tells, and whoever waits for it may hear."""

from __future__ import annotations

from collections.abc import Callable

Told = Callable[[float], None]
"""Hears how much of the work is done, 0..1."""


def untold(_share: float) -> None:
    """Nobody asks."""


def piece(told: Told, number: int, count: int) -> Told:
    """For one of several pieces of the work, counted from 0: its own 0..1 as a share of all."""
    return lambda share: told((number + share) / count)
