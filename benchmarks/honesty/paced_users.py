"""The locustfile of stall.py: one GET each 10 ms from each user, with the client that BENCH_CLIENT names."""

import importlib
import os

from locust import constant_pacing, task

_module, _name = {
    "loadworthy": ("loadworthy.users", "HttpUser"),
    "fast": ("locust", "FastHttpUser"),
    "requests": ("locust", "HttpUser"),
}[os.environ["BENCH_CLIENT"]]


class Paced(getattr(importlib.import_module(_module), _name)):  # type: ignore[misc]
    """Ten of them ask for 1,000 requests per second."""

    wait_time = constant_pacing(0.01)

    @task
    def look(self) -> None:
        """The only request."""
        self.client.get("/")
