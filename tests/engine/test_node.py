"""What a node hands out, whatever ends it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import locust  # first of all: it patches the process
import gevent
from pathlib import Path

from loadworthy.clock import SystemClock
from loadworthy.engine.classes import NodeSetup, ScenarioClasses
from loadworthy.engine.locust_bridge import engine_patches, make_environment
from loadworthy.engine.node import Node
from loadworthy.plan.model import Plan
from loadworthy.workload.arrivals import Split
from locust.runners import LocalRunner

plan = Plan.model_validate({"base_url": "http://127.0.0.1:9", "scenarios": {
    "a": {"users": 1, "wait_time": "10s", "endpoints": [{"path": "/"}]},
    "b": {"rate": 1, "with": "a", "endpoints": [{"path": "/"}]},
}})
numbers = []

class Outlet:
    def interval(self, interval): numbers.append(interval.number)
    def failures(self, failures): pass
    def event(self, event): pass

with engine_patches(lean_client=True):
    classes = ScenarioClasses(NodeSetup(plan, Path(), 1, scenarios=("a", "b")))
    environment = make_environment("http://127.0.0.1:9", 0.0)
    environment._create_runner(LocalRunner)
    node = Node(classes, environment, SystemClock(), Outlet())
    node.begin(["a", "b"], {}, Split(0, 1))
    node.start([Split(0, 1)])
    cutting = gevent.spawn(node._cut_all)
    gevent.sleep(0)  # it has cut the first interval off, and lets others go
    cutting.kill()
    node.end()
print(sorted(numbers) == list(range(len(numbers))), len(numbers) >= 3)
"""


def test_an_interval_that_was_cut_off_is_handed_out() -> None:
    """The cutter is ended between cutting and handing out: no number is missing."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True True", done.stdout + done.stderr
