"""``locust --run-time`` counts from when the test begins, where a locustfile uses anything of ours."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from tests.support.cli import command

from loadworthy.testing import CountingServer

SOURCE = """
import gevent
from locust import HttpUser as LocustHttpUser, constant, events, task

loop = gevent.get_hub().loop
seen = []

@events.init.add_listener
def before(**kwargs):
    seen.append(loop.now())

IMPORT

@events.init.add_listener
def after(**kwargs):
    seen.append(loop.now())
    print("fresh" if seen[1] > seen[0] else "stale")

class Visitor(BASE):
    wait_time = constant(0.01)

    @task
    def look(self):
        self.client.get("/")
"""


@pytest.mark.parametrize(
    ("line", "base"),
    [
        ("from loadworthy.users import HttpUser", "HttpUser"),
        ("from loadworthy.users.preflight import require_target", "LocustHttpUser"),
        ("from loadworthy.users.cleanup import clean_up_after", "LocustHttpUser"),
    ],
)
def test_the_loop_knows_what_time_it_is_when_the_test_begins(tmp_path: Path, line: str, base: str) -> None:
    """Nothing else has run the loop by then, so a timer started there would count from when the process began."""
    source = textwrap.dedent(SOURCE).replace("IMPORT", line).replace("BASE", base)
    (tmp_path / "locustfile.py").write_text(source, encoding="utf-8")
    with CountingServer() as server:
        done = command("-m", "locust", "--headless", "--host", server.url, "-t", "1s", cwd=tmp_path)
        requests = server.stats().requests
    assert done.code == 0, done.err
    assert "fresh" in done.out.split()
    assert requests > 0
