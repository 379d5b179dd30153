"""Starting and stopping users, where Locust's way would spoil figures.

Locust kills users that wait between tasks, and may hit a request that was just sent: see
:mod:`loadworthy.users.pauses`, which does it better.

In a ramp-down nobody waits for a user that is still busy: the ramp would come late. And a user that cannot be made is
an error of user code that the run tells of, not an end of the ramp.
"""

from __future__ import annotations

from collections.abc import Mapping

import gevent
from gevent.pool import Group
from locust.runners import STATE_RUNNING, STATE_SPAWNING, LocalRunner, Runner
from locust.user import User
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING

from loadworthy.users.pauses import end_pause_soon


class CarefulRunner(Runner):
    """Our way of starting and stopping users, for the runners that have some."""

    def spawn_users(self, user_classes_spawn_count: dict[str, int], wait: bool = False) -> list[User]:  # noqa: ARG002
        """Start so many users of each class; one that cannot be made is a ``user_error``."""
        users = []
        for name, count in user_classes_spawn_count.items():
            for _ in range(count):
                try:
                    user = self.user_classes_by_name[name](self.environment)
                except Exception as error:  # noqa: BLE001  # user code may raise anything
                    self.environment.events.user_error.fire(user_instance=None, exception=error, tb=error.__traceback__)
                    continue
                user.start(self.user_greenlets)
                users.append(user)
        return users

    def stop_users(self, user_classes_stop_count: dict[str, int]) -> None:
        """Stop so many users of each class, each at the latest after the stop time-out.

        Returns at once in a ramp-down, and when they are gone at the end of a test.
        """
        chosen = choose_to_stop(self.user_greenlets, user_classes_stop_count)
        if self.state in (STATE_SPAWNING, STATE_RUNNING):
            gevent.spawn(see_off, chosen, self.environment.stop_timeout)
        else:
            see_off(chosen, self.environment.stop_timeout)


class CarefulLocalRunner(CarefulRunner, LocalRunner):
    """Locust's local runner with our way of starting and stopping users."""


def choose_to_stop(greenlets: Group, counts: Mapping[str, int]) -> Group:
    """Tell ``counts[class name]`` users of the group to stop; those already told count first.

    Waiting users end now, running ones after their task.
    """
    chosen = Group()
    left = dict(counts)
    running = [(greenlet, greenlet.args[0]) for greenlet in list(greenlets) if greenlet.args]
    running.sort(key=lambda pair: pair[1]._state != LOCUST_STATE_STOPPING)  # noqa: SLF001  # Locust's own contract
    for greenlet, user in running:
        if left.get(type(user).__name__, 0) <= 0:
            continue
        left[type(user).__name__] -= 1
        chosen.add(greenlet)
        if user._state == LOCUST_STATE_RUNNING:  # noqa: SLF001
            user._state = LOCUST_STATE_STOPPING  # noqa: SLF001
        elif user._state != LOCUST_STATE_STOPPING:  # noqa: SLF001
            end_pause_soon(user)
    return chosen


def see_off(chosen: Group, timeout_s: float | None) -> None:
    """Wait for these users to end. After the time-out they are killed; their requests under way are interrupted."""
    chosen.join(timeout=timeout_s or 0)
    chosen.kill()
