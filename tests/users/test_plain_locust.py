"""Our users under a plain ``locust -f``: all of Locust's own outputs tell the truth."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from tests.support.cli import TIME_LIMIT_S, Done, command
from tests.support.locust_ports import in_processes, own_port
from urllib3.util.retry import Retry

from loadworthy.testing import CountingServer, Route

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


CUT_OFF = 6
"""At the end Locust kills users whose pause is just over in the request just sent: one for each user at most."""

PATHS = {"/items": "/items", "/renamed": "/broken", "/fast": "/fast"}


def locust(folder: Path, url: str, *extra: object) -> Done:
    (folder / "locustfile.py").write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    return command(
        "-m", "locust", "-f", "locustfile.py", "--headless", "--host", url, "--users", 6, "--spawn-rate", 6,
        "--run-time", "3s", "--stop-timeout", 5, "--csv", "out", "--html", "out.html", "--json", *extra, cwd=folder,
    )  # fmt: skip


def largest_list(out: str) -> list[dict[str, Any]]:
    """The statistics among what was printed: workers print an empty list each."""
    lists, decoder, at = [], json.JSONDecoder(), out.find("[")
    while at >= 0:
        found, end = decoder.raw_decode(out, at)
        lists.append(found)
        at = out.find("[", end)
    return max(lists, key=len)


@pytest.mark.parametrize("processes", [1, 2])
def test_locusts_statistics_equal_the_servers_log(tmp_path: Path, processes: int) -> None:
    """Requests, failures and content sizes are the server's, for our users and for Locust's beside them."""
    with CountingServer(ROUTES) as server:
        done = locust(tmp_path, server.url, *in_processes(processes))
        counts = Counter(exchange.target for exchange in server.log())
    assert done.code == 1, done.err  # Locust's own: something failed
    entries = {entry["name"]: entry for entry in largest_list(done.out)}
    for name, path in PATHS.items():
        assert 0 <= counts[path] - entries[name]["num_requests"] <= CUT_OFF
    assert entries["/renamed"]["num_failures"] == entries["/renamed"]["num_requests"]
    items = entries["/items"]
    assert items["total_content_length"] == 300 * items["num_requests"]
    assert sum(items["response_times"].values()) == items["num_requests"]
    assert sum(items["num_reqs_per_sec"].values()) == items["num_requests"]
    assert 0 < items["min_response_time"] <= items["max_response_time"]
    assert "/renamed" in (tmp_path / "out_failures.csv").read_text()
    assert "/items" in (tmp_path / "out.html").read_text()


def test_locusts_csv_is_complete(tmp_path: Path) -> None:
    """The last second is in ``_stats.csv``, too, and the totals are those of the server."""
    with CountingServer(ROUTES) as server:
        done = locust(tmp_path, server.url)
        log = server.log()
    assert done.code == 1, done.err
    with (tmp_path / "out_stats.csv").open() as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    assert 0 <= len(log) - int(rows["Aggregated"]["Request Count"]) <= CUT_OFF
    assert float(rows["/items"]["Average Content Size"]) == 300


def test_the_web_ui_shows_our_users(tmp_path: Path) -> None:
    """Started, looked at and stopped through Locust's own page: its figures are those of the server."""
    (tmp_path / "locustfile.py").write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    port = own_port()
    with CountingServer(ROUTES) as server:
        options = ["-f", "locustfile.py", "--host", server.url, "--web-host", "127.0.0.1", "--web-port", str(port)]
        process = subprocess.Popen(
            [sys.executable, "-m", "locust", *options], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        try:
            for line in process.stderr or ():
                if "Starting web interface" in line:
                    break
            page = f"http://127.0.0.1:{port}"
            with requests.Session() as session:
                session.mount("http://", HTTPAdapter(max_retries=Retry(20, backoff_factor=0.1)))
                session.post(f"{page}/swarm", data={"user_count": 6, "spawn_rate": 6, "host": server.url})
                while len(server.log()) < 1000:
                    assert process.poll() is None
                session.post(f"{page}/stop").raise_for_status()
                shown = {row["name"]: row for row in session.get(f"{page}/stats/requests").json()["stats"]}
                counts = Counter(exchange.target for exchange in server.log())
        finally:
            process.terminate()
            process.communicate(timeout=TIME_LIMIT_S)
    for name, path in PATHS.items():
        assert 0 <= counts[path] - shown[name]["num_requests"] <= CUT_OFF
    assert shown["/renamed"]["num_failures"] == shown["/renamed"]["num_requests"]
    assert shown["/items"]["avg_content_length"] == 300
