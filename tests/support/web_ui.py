"""Plain Locust with its web interface, as a real process that Ctrl-C ends."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.support.locust_ports import own_port
from tests.support.systems import ended_by_ctrl_c, environment, words


@dataclass
class WebInterface:
    """Locust's page."""

    url: str
    session: requests.Session
    """Waits until the port listens."""
    said: str = ""
    """What the process said on standard error, once it has ended."""


@contextmanager
def web_interface(*arguments: object, cwd: Path, environ: Mapping[str, str]) -> Iterator[WebInterface]:
    """``locust ARGUMENTS`` on a port of its own. At the end of the block Ctrl-C must end it, with exit code 0."""
    port = own_port()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors, requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=_until_it_listens()))
        process = subprocess.Popen(
            words("locust", *arguments, "--web-host", "127.0.0.1", "--web-port", port),
            cwd=cwd, env=environment(environ), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
            start_new_session=True,
        )  # fmt: skip
        web = WebInterface(f"http://127.0.0.1:{port}", session)
        try:
            with ended_by_ctrl_c(process):
                yield web
        finally:
            errors.seek(0)
            web.said = errors.read()
        assert process.returncode == 0, web.said


def _until_it_listens() -> Retry:
    """For two minutes, twice a second: Locust has to load a lot before it listens."""
    return Retry(total=None, connect=240, read=0, backoff_factor=0.05, backoff_max=0.5, allowed_methods=None)
