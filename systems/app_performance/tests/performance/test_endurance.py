"""Endurance: whether the application stays what it is over hours.

The users remove as much as they add, so that the catalogue stays as large as it was: what grows all the same, grows in
the application.

    python scripts/run_perf_tests.py --scenario endurance --run-time 8h
"""

from __future__ import annotations

from base_test import BaseLocustTest
from locust import between, task


class EnduranceTestUser(BaseLocustTest):
    """A member on a usual day."""

    weight = 19
    wait_time = between(0.5, 1.5)

    def on_start(self) -> None:
        self.log_in()
        self.find_items()

    @task(4)
    def browse(self) -> None:
        self.browse_items()

    @task(3)
    def search(self) -> None:
        self.search_items()

    @task(4)
    def read(self) -> None:
        self.read_item()

    @task(2)
    def create(self) -> None:
        self.create_item()

    @task(2)
    def change(self) -> None:
        self.change_item()

    @task(2)
    def remove(self) -> None:
        self.remove_item()

    @task(2)
    def orders(self) -> None:
        self.list_orders()

    @task(1)
    def order(self) -> None:
        self.place_order()


class EnduranceTestManager(BaseLocustTest):
    """A manager, who reads a report every few seconds."""

    weight = 1
    wait_time = between(2, 4)
    role = "manager"

    def on_start(self) -> None:
        self.log_in()

    @task
    def report(self) -> None:
        self.read_report()
