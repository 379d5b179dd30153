"""The locustfile that http_clients.py runs: one GET after another, with the client that BENCH_CLIENT names."""

import importlib
import os

from locust import task

_CLIENTS = {
    "loadworthy": ("loadworthy.users", "HttpUser"),
    "fast": ("locust", "FastHttpUser"),
    "requests": ("locust", "HttpUser"),
}
_module, _name = _CLIENTS[os.environ["BENCH_CLIENT"]]


class Reader(getattr(importlib.import_module(_module), _name)):  # type: ignore[misc]
    """No pause between requests: the generator's core is the limit."""

    @task
    def read(self) -> None:
        """The smallest useful request."""
        self.client.get("/small.json")
