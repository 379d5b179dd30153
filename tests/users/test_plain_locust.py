"""Our users under a plain ``locust -f``: all of Locust's own outputs tell the truth."""

from __future__ import annotations

import csv
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from loadworthy.testing import CountingServer, Route
from tests.support.cli import command

SOURCE = """
from loadworthy.users import HttpUser
from locust import FastHttpUser, constant, events, task

class Ours(HttpUser):
    wait_time = constant(0.005)

    @task(3)
    def items(self):
        self.client.get("/items")

    @task
    def broken(self):
        self.client.post("/broken", json={"a": 1}, name="/renamed")

class Theirs(FastHttpUser):
    wait_time = constant(0.01)

    @task
    def fast(self):
        self.client.get("/fast")
"""
ROUTES = (Route("/items", body_bytes=300), Route("/broken", status=500, body_bytes=50), Route("/fast"))


@pytest.mark.parametrize("extra", [(), ("--processes", "2")])
def test_locusts_csv_equals_the_servers_log(tmp_path: Path, extra: tuple[str, ...]) -> None:
    """Requests, failures and content sizes in ``_stats.csv`` are the server's, for our users and Locust's beside them."""
    (tmp_path / "locustfile.py").write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    with CountingServer(ROUTES) as server:
        done = command(
            "-m", "locust", "-f", "locustfile.py", "--headless", "--host", server.url, "--users", 6,
            "--spawn-rate", 6, "--run-time", "3s", "--stop-timeout", 5, "--csv", "out", "--html", "out.html", *extra,
            cwd=tmp_path,
        )  # fmt: skip
        log = server.log()
    assert done.code == 1, done.err  # Locust's own: something failed
    with (tmp_path / "out_stats.csv").open() as file:
        rows = {(row["Type"], row["Name"]): row for row in csv.DictReader(file)}
    paths = {("GET", "/items"): "/items", ("POST", "/renamed"): "/broken", ("GET", "/fast"): "/fast"}
    counts = Counter(exchange.target for exchange in log)
    for key, path in paths.items():
        assert int(rows[key]["Request Count"]) == counts[path]
    assert int(rows["", "Aggregated"]["Request Count"]) == len(log)
    assert int(rows["POST", "/renamed"]["Failure Count"]) == counts["/broken"]
    assert float(rows["GET", "/items"]["Average Content Size"]) == 300
    assert 0 < float(rows["GET", "/items"]["Min Response Time"]) <= float(rows["GET", "/items"]["Max Response Time"])
    assert "/renamed" in (tmp_path / "out_failures.csv").read_text()
    assert "/items" in (tmp_path / "out.html").read_text()
