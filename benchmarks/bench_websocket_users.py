"""The locustfile that websocket.py runs; BENCH_WEBSOCKET says what its users do: echo, idle or stream."""

import os

from locust import task

from loadworthy.users import WebSocketUser

_KIND = os.environ["BENCH_WEBSOCKET"]
_MESSAGE = "x" * 160
_FRAME = bytes(160)
_FRAMES_A_STREAM = 100


class Caller(WebSocketUser):
    """One connection a user, for as long as the user lives."""

    network_timeout = 600.0

    def on_start(self) -> None:
        """Connect; compression is off where frames are counted, for it would be what is measured."""
        self.socket = self.connect("/sink" if _KIND == "stream" else "/echo", compress=_KIND == "idle")

    @task
    def work(self) -> None:
        """What the benchmark asks for."""
        if _KIND == "echo":
            self.socket.request(_MESSAGE, name="echo")
        elif _KIND == "stream":
            self.socket.stream([_FRAME] * _FRAMES_A_STREAM, name="voice", every_ms=20)
        else:
            self.socket.receive()
