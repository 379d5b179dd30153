"""Trying again: how often, after what pauses, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from loadworthy.alert.carriers import Send, Undelivered

PAUSES_S = (1.0, 4.0, 10.0)
"""Before the second, third and fourth try."""
TIMEOUT_S = 10.0
"""For each answer of a server."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a message in one channel.

    Args:
        sent: whether everybody has it.
        tries: how often it was tried.
        reason: why it was not sent.
        hint: how to mend that.
        reached: whether it is not so that nobody has it; of several recipients some may.
    """

    sent: bool
    tries: int
    reason: str = ""
    hint: str = ""
    reached: bool = False


def deliver(
    send: Send, pauses_s: Sequence[float], wait: Callable[[float], object], so_far: Callable[[Outcome], None]
) -> Outcome:
    """Send a message; where that fails and may pass, try again after each of the pauses.

    Args:
        send: one try; raises :class:`Undelivered`.
        pauses_s: between the tries.
        wait: spends so many seconds.
        so_far: hears when a try begins, and when one failed that is not the last: whoever stops waiting can say why.
    """
    outcome = Outcome(False, 0)
    while True:
        outcome = replace(outcome, tries=outcome.tries + 1)
        so_far(outcome)
        try:
            send()
        except Undelivered as failure:
            outcome = Outcome(False, outcome.tries, failure.reason, failure.hint, failure.reached)
            if not failure.may_pass or outcome.tries > len(pauses_s):
                return outcome
        except Exception as error:  # noqa: BLE001  # a service's plugin is not ours, and the others go on
            return replace(outcome, reason=f"{type(error).__name__}: {error}"[:300], hint="")
        else:
            return Outcome(True, outcome.tries, reached=True)
        so_far(outcome)
        wait(pauses_s[outcome.tries - 1])
