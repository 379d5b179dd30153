"""The server that the generators are held against: nginx where it is installed, else our counting server.

Both count the requests themselves, so no generator is asked how good it was.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from loadworthy.testing import CountingServer, Route

BODY = b'{"id":12345,"name":"somebody","email":"somebody@mail.example","ok":1}'  # 69 bytes
_PATIENCE_S = 10.0

_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ default_type application/json; return 200 '{body}'; }}
        location /status {{ stub_status; }}
    }}
}}
"""


class Target(Protocol):
    """Where the load goes."""

    name: str
    url: str

    def requests(self) -> int:
        """How many requests it has answered so far."""
        ...


class NginxTarget:
    """nginx with one worker; counts by its stub_status."""

    name = "nginx"

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def requests(self) -> int:
        """The third number of stub_status, which counts this question too; that is lost in the noise."""
        with urllib.request.urlopen(f"{self.url}/status", timeout=_PATIENCE_S) as response:
            return int(response.read().split(b"\n")[2].split()[2])


class CountingTarget:
    """Our own server, on machines without nginx."""

    name = "loadworthy.testing.CountingServer"

    def __init__(self, server: CountingServer) -> None:
        self.url = server.url
        self._server = server

    def requests(self) -> int:
        """As it counts itself."""
        return self._server.stats().requests


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Start processes on one core: they inherit this one's affinity, with all threads they will have."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def start_target(core: int | None) -> Iterator[Target]:
    """The server, listening, on its core."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if nginx is None:
        with pinned(core):
            server = CountingServer([Route("*", body_bytes=len(BODY))], log_limit=0)
            server.start()
        try:
            yield CountingTarget(server)
        finally:
            server.stop()
        return
    with tempfile.TemporaryDirectory(prefix="bench-nginx-") as folder:
        port = _free_port()
        config = Path(folder) / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, port=port, body=BODY.decode()))
        with pinned(core):
            process = subprocess.Popen([nginx, "-c", str(config), "-e", "stderr", "-p", folder])
        try:
            target = NginxTarget(port)
            _await_answer(target, process)
            yield target
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _await_answer(target: NginxTarget, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        if process.poll() is not None:
            raise SystemExit(f"nginx ended with code {process.returncode}; its reason is above")
        try:
            target.requests()
        except OSError:
            time.sleep(_PATIENCE_S / 100)
        else:
            return
    raise SystemExit(f"nginx did not answer within {_PATIENCE_S:.0f} s")
