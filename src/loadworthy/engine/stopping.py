"""Ending users where Locust's way would spoil figures.

Locust kills users that wait between tasks, and may hit a request that was just sent: see
:mod:`loadworthy.users.pauses`, which does it better.
"""

from __future__ import annotations

from gevent.pool import Group
from locust.user import User
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING

from loadworthy.users.pauses import end_pause_soon


def tell_to_stop(user: User) -> None:
    """A user that waits ends now, one that runs after its task; one that was told before is left alone."""
    if user._state == LOCUST_STATE_RUNNING:  # noqa: SLF001  # Locust's own contract, here and below
        user._state = LOCUST_STATE_STOPPING  # noqa: SLF001
    elif user._state != LOCUST_STATE_STOPPING:  # noqa: SLF001
        end_pause_soon(user)


def see_off(leaving: Group, timeout_s: float | None) -> None:
    """Wait for these users to end. After the time-out they are killed; their requests under way are interrupted."""
    leaving.join(timeout=timeout_s or 0)
    leaving.kill()
