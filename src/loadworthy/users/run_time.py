"""The run time of plain Locust begins when the test begins, not when the process did.

``locust --run-time`` ends the test by one of gevent's timers, which Locust starts before the event loop has run for the
first time. Such a timer counts from the loop's own idea of now, and that is from when the loop was made: as gevent was
imported, about a second before. All that Locust, a locustfile and its imports took to start is then taken off the run
time, and ``--run-time 1s`` may end before the first request. So the loop looks at the clock once more in ``init``, the
last of Locust's events before that timer.
"""

from __future__ import annotations

from typing import Any

import gevent
import locust


def count_from_the_start() -> None:
    """Let the loop look at the clock in ``init``. The module of our user classes asks for it, once in each process."""
    locust.events.init.add_listener(_on_init)


def _on_init(**_kwargs: Any) -> None:
    gevent.get_hub().loop.update_now()
