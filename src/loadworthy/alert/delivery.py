"""Trying again: how often, after what pauses, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadworthy.alert.carriers import Send, Undelivered

PAUSES_S = (1.0, 4.0, 10.0)
"""Before the second, third and fourth try."""
TIMEOUT_S = 10.0
"""For each answer of a server."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a message in one channel: ``reason`` and ``hint`` say why it was not sent."""

    sent: bool
    tries: int
    reason: str = ""
    hint: str = ""


def deliver(send: Send, pauses_s: Sequence[float], wait: Callable[[float], object]) -> Outcome:
    """Send a message; where that fails and may pass, try again after each of the pauses.

    Args:
        send: one try; raises :class:`Undelivered`.
        pauses_s: between the tries.
        wait: spends so many seconds.
    """
    tries = 0
    while True:
        tries += 1
        try:
            send()
        except Undelivered as failure:
            if not failure.may_pass or tries > len(pauses_s):
                return Outcome(False, tries, failure.reason, failure.hint)
        except Exception as error:  # noqa: BLE001  # a service's plugin is not ours, and the others go on
            return Outcome(False, tries, f"{type(error).__name__}: {error}"[:300])
        else:
            return Outcome(True, tries)
        wait(pauses_s[tries - 1])
