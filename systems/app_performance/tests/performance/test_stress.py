"""Stress: where the application's limits are, what gives way first, and whether it recovers.

The users hardly pause, and write more than usual. How many there are is a matter of the scenario's stages:

    python scripts/run_perf_tests.py --scenario stress
"""

from __future__ import annotations

from base_test import BaseLocustTest
from locust import between, task


class StressTestUser(BaseLocustTest):
    """A member in a hurry."""

    weight = 9
    wait_time = between(0.01, 0.05)

    def on_start(self) -> None:
        self.log_in()
        self.find_items()

    @task(3)
    def browse(self) -> None:
        self.browse_items()

    @task(3)
    def search(self) -> None:
        self.search_items()

    @task(3)
    def read(self) -> None:
        self.read_item()

    @task(3)
    def create(self) -> None:
        self.create_item()

    @task(3)
    def order(self) -> None:
        self.place_order()


class StressTestManager(BaseLocustTest):
    """A manager who wants one report after another."""

    weight = 1
    wait_time = between(0.05, 0.2)
    role = "manager"

    def on_start(self) -> None:
        self.log_in()

    @task
    def report(self) -> None:
        self.read_report()
