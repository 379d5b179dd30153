"""Options of plain ``locust`` for several processes, on a port of their own: on 5557 two tests would share workers."""

from __future__ import annotations

import socket


def in_processes(count: int) -> list[str]:
    """``--processes`` of plain Locust, away from its default port."""
    if count == 1:
        return []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    return ["--processes", str(count), "--master-bind-port", port, "--master-port", port]
