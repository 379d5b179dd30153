"""Ending users in the pause between two tasks, and nowhere else.

Locust kills users that wait between tasks. Its kill takes effect a moment later, when a user whose pause just ended may
already have sent its next request: the server sees a request that nobody measured, and creates what nobody knows of.
Here a waiting user is looked at and ended in the same instant, in the event loop, where no user can run in between.
"""

from __future__ import annotations

import gevent
from locust.user import User
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING


def end_pause_soon(user: User) -> None:
    """In the event loop's next round end this user if it waits; if it runs, it ends after its task."""
    gevent.get_hub().loop.run_callback(_end_pause, user)


def _end_pause(user: User) -> None:
    """Runs in the event loop: whatever the user's state is now, it is still that when it is acted on."""
    if user._state == LOCUST_STATE_WAITING:  # noqa: SLF001  # Locust's own contract, here and below
        user._state = LOCUST_STATE_STOPPING  # noqa: SLF001
        user.greenlet.throw(gevent.GreenletExit())
    elif user._state == LOCUST_STATE_RUNNING:  # noqa: SLF001
        user._state = LOCUST_STATE_STOPPING  # noqa: SLF001
    elif user._state is None:  # noqa: SLF001  # not yet started
        user.greenlet.kill(block=False)
