"""The locustfile that websocket.py runs; BENCH_WEBSOCKET says what its users do.

``echo`` and ``idle`` say it themselves. ``stream spread``: each stream begins at a moment of its own within the
cadence, drawn evenly. ``stream together``: every stream begins at a whole multiple of the cadence, so that all are due
at the same moments.
"""

import os
import random

from locust import task

from loadworthy.clock import monotonic_ns
from loadworthy.users import WebSocketUser
from loadworthy.users.precise import wait_until

_KIND, _, _PHASE = os.environ["BENCH_WEBSOCKET"].partition(" ")
_MESSAGE = "x" * 160
_FRAME = bytes(160)
_EVERY_MS = 20
_FRAMES_A_STREAM = 100
_random = random.Random(20)


class Caller(WebSocketUser):
    """One connection a user, for as long as the user lives."""

    network_timeout = 600.0

    def on_start(self) -> None:
        """Connect; compression is off where frames are counted, for it would be what is measured."""
        self.socket = self.connect("/sink" if _KIND == "stream" else "/echo", compress=_KIND == "idle")
        self.phase_us = _random.randrange(_EVERY_MS * 1000) if _PHASE == "spread" else 0

    @task
    def work(self) -> None:
        """What the benchmark asks for."""
        if _KIND == "echo":
            self.socket.request(_MESSAGE, name="echo")
        elif _KIND == "stream":
            wait_until(self.next_start_us())
            self.socket.stream([_FRAME] * _FRAMES_A_STREAM, name="voice", every_ms=_EVERY_MS)
        else:
            self.socket.receive()

    def next_start_us(self) -> int:
        """The next moment that is in this user's phase."""
        now_us, every_us = monotonic_ns() // 1000, _EVERY_MS * 1000
        return now_us + (self.phase_us - now_us) % every_us
