"""For tests, ours and yours: a clock under the test's hand, and a server that knows what was asked of it."""

from loadworthy.testing.clock import FakeClock
from loadworthy.testing.counting import CountingServer
from loadworthy.testing.routes import Delay, Route
from loadworthy.testing.truth import Exchange, ServerStats

__all__ = ["CountingServer", "Delay", "Exchange", "FakeClock", "Route", "ServerStats"]
