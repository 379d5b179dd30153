"""Stopping users without cutting a request in two.

Locust kills users that wait between tasks. Its kill takes effect a moment later, when a user whose pause just ended may
already have sent its next request: the server sees a request that nobody measured. Here a waiting user is looked at
and ended in the same instant, in the event loop, where no user can run in between.
"""

from __future__ import annotations

from collections.abc import Mapping

import gevent
from gevent.pool import Group
from locust.runners import LocalRunner
from locust.user import User
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING


class GracefulLocalRunner(LocalRunner):
    """Locust's local runner, with our way of stopping users."""

    def stop_users(self, user_classes_stop_count: dict[str, int]) -> None:
        """Stop so many users of each class; returns when they are gone, at the latest after the stop time-out."""
        stop_users(self.user_greenlets, user_classes_stop_count, self.environment.stop_timeout)


def stop_users(greenlets: Group, counts: Mapping[str, int], timeout_s: float | None) -> None:
    """Stop ``counts[class name]`` of the users in the group.

    Waiting users end now, running ones after their task. Those that still run after the time-out (0 or None: at once)
    are killed; their requests under way count as interrupted.
    """
    chosen = Group()
    left = dict(counts)
    for greenlet in list(greenlets):
        user = greenlet.args[0] if greenlet.args else None
        if user is None or left.get(type(user).__name__, 0) <= 0:
            continue
        left[type(user).__name__] -= 1
        chosen.add(greenlet)
        if user._state == LOCUST_STATE_RUNNING:  # noqa: SLF001  # Locust's own contract with its users
            user._state = LOCUST_STATE_STOPPING  # noqa: SLF001
        elif user._state != LOCUST_STATE_STOPPING:  # noqa: SLF001
            gevent.get_hub().loop.run_callback(_end_pause, user)
    chosen.join(timeout=timeout_s or 0)
    chosen.kill()


def _end_pause(user: User) -> None:
    """Runs in the event loop: whatever the user's state is now, it is still that when it is acted on."""
    if user._state == LOCUST_STATE_WAITING:  # noqa: SLF001
        user._state = LOCUST_STATE_STOPPING  # noqa: SLF001
        user.greenlet.throw(gevent.GreenletExit())
    elif user._state == LOCUST_STATE_RUNNING:  # noqa: SLF001
        user._state = LOCUST_STATE_STOPPING  # noqa: SLF001
    elif user._state is None:  # noqa: SLF001  # not yet started
        user.greenlet.kill(block=False)
