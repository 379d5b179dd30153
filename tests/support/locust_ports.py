"""Options of plain ``locust`` for several processes, on a port of their own: on 5557 two tests would share workers."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_LOWEST = 10_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def own_port() -> int:
    """A free port for somebody who will listen on it in a while.

    It lies below those that the system hands out by itself: until then no connection and no other server gets it.
    """
    beyond = int(_RANGE.read_text(encoding="ascii").split()[0]) if _RANGE.exists() else 32_768
    while True:
        port = random.randrange(_LOWEST, beyond)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def in_processes(count: int) -> list[str]:
    """``--processes`` of plain Locust, away from its default port."""
    if count == 1:
        return []
    port = str(own_port())
    return ["--processes", str(count), "--master-bind-port", port, "--master-port", port]
