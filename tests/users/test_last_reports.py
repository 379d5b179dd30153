"""A master of plain Locust says what its workers' users did up to the end, however long that takes them."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from tests.support.cli import command
from tests.support.locust_ports import in_processes

from loadworthy.testing import CountingServer, Delay, Route

SOURCE = """
from locust import task
from loadworthy.users import HttpUser

class Patient(HttpUser):
    @task
    def look(self):
        self.client.get("/slow")
"""


def test_requests_under_way_at_the_end_are_in_the_figures(tmp_path: Path) -> None:
    """Those of two workers end a second after the test does, which is longer than Locust's master would wait."""
    (tmp_path / "locustfile.py").write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    with CountingServer([Route("/slow", delay=Delay.fixed(2000))]) as server:
        done = command(
            "-m", "locust", "--headless", "--host", server.url, "--users", 2, "--spawn-rate", 2, "--run-time", "1s",
            "--stop-timeout", 60, "--json-file", "figures", *in_processes(2), cwd=tmp_path,
        )  # fmt: skip
        log = server.log()
    assert done.code == 0, done.err
    assert [exchange.status for exchange in log] == [200] * len(log)
    (figures,) = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["num_requests"] == len(log) > 0
