"""Load: how the application does under the load that is expected.

locust -f tests/performance/test_load.py --headless --users 20 --spawn-rate 5 --run-time 1m
"""

from __future__ import annotations

from base_test import BaseLocustTest
from locust import between, task


class LoadTestUser(BaseLocustTest):
    """A member who looks round, searches, and now and then adds or orders something."""

    weight = 9
    wait_time = between(0.05, 0.15)

    def on_start(self) -> None:
        self.log_in()
        self.find_items()

    @task(5)
    def browse(self) -> None:
        self.browse_items()

    @task(4)
    def search(self) -> None:
        self.search_items()

    @task(5)
    def read(self) -> None:
        self.read_item()

    @task(2)
    def create(self) -> None:
        self.create_item()

    @task(2)
    def order(self) -> None:
        self.place_order()

    @task(1)
    def look_for_missing(self) -> None:
        self.read_missing_item()

    @task(1)
    def be_refused(self) -> None:
        self.ask_for_report()


class LoadTestManager(BaseLocustTest):
    """A manager, who reads reports."""

    weight = 1
    wait_time = between(0.2, 0.6)
    role = "manager"

    def on_start(self) -> None:
        self.log_in()

    @task(2)
    def report(self) -> None:
        self.read_report()

    @task(1)
    def orders(self) -> None:
        self.list_orders()
