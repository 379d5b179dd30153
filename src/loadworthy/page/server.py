"""Listens, and hands each request to a WSGI application; in greenlets of the process that makes the load."""

from __future__ import annotations

import errno
import logging
import os
import socket
from types import TracebackType
from typing import Self

from gevent.pywsgi import WSGIServer

from loadworthy.errors import SetupError
from loadworthy.page.guard import Application
from loadworthy.plan.hosts import is_loopback

PORT = 8089
"""As Locust's own."""
_END_S = 1.0


class PageServer:
    """Serves while its ``with`` block lasts."""

    def __init__(self, host: str, port: int, application: Application) -> None:
        """Bind at once; SetupError where that fails. Port 0 takes a free one."""
        self.host = host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.create_server((host, port), family=family)
        except OSError as error:
            raise SetupError(_complaint(host, port, error)) from error
        self.port: int = listener.getsockname()[1]
        """Where it listens."""
        self._server = WSGIServer(listener, application, log=None, error_log=logging.getLogger(__name__))

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(timeout=_END_S)

    def address(self, path: str = "/", token: str | None = None) -> str:
        """What to type into a browser."""
        return address_of(self.host, self.port, path, token)


def address_of(host: str, port: int, path: str = "/", token: str | None = None, *, is_tls: bool = False) -> str:
    """The address of a page: with the token, if there is one, and with a name where it listens at all addresses."""
    name = socket.gethostname() if host in ("", "0.0.0.0", "::") else host  # noqa: S104  # compared, not bound
    name = f"[{name}]" if ":" in name else name
    query = "" if token is None else f"?token={token}"
    return f"http{'s' if is_tls else ''}://{name}:{port}{path}{query}"


def needs_token(host: str) -> bool:
    """Whether others than this machine can reach what listens at this host; empty: at all addresses."""
    return not is_loopback(host)


def _complaint(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; choose another for the live page: --ui-port {port + 1}, or 0 for any"
    number = error.errno or 0  # names that do not resolve have numbers below 0
    reason = os.strerror(number) if number > 0 else error.strerror or error
    return f"the live page cannot listen on {host}:{port}: {reason}; choose another with --ui-host and --ui-port"
