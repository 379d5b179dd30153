"""HOST[:PORT] on the command line."""

from __future__ import annotations

from loadworthy.errors import UsageError

DEFAULT_PORT = 5557
"""Where a master listens for workers unless told otherwise; Locust's own."""


def parse_address(text: str, default_port: int = DEFAULT_PORT) -> tuple[str, int]:
    """(host, port) of ``host``, ``host:port`` or ``[v6]:port``; UsageError on anything else."""
    host, separator, port = text.rpartition(":")
    if not separator or text.endswith("]"):
        host, port = text, str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise UsageError(f"{text!r} is not an address; write HOST or HOST:PORT")
    return host, int(port)
