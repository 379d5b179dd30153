"""For tests, ours and yours: a clock under the test's hand, and servers that know what was asked of them."""

from loadworthy.testing.clock import FakeClock
from loadworthy.testing.counting import CountingServer
from loadworthy.testing.fault_server import FaultServer
from loadworthy.testing.faults import ConnectionLeak, Drift, Errors, Fault, MemoryLeak, Resets, Stall
from loadworthy.testing.metrics import ServerResources
from loadworthy.testing.queueing import Queue
from loadworthy.testing.routes import Delay, Route
from loadworthy.testing.truth import Exchange, LogArrays, ServerStats

__all__ = [
    "ConnectionLeak",
    "CountingServer",
    "Delay",
    "Drift",
    "Errors",
    "Exchange",
    "FakeClock",
    "Fault",
    "FaultServer",
    "LogArrays",
    "MemoryLeak",
    "Queue",
    "Resets",
    "Route",
    "ServerResources",
    "ServerStats",
    "Stall",
]
