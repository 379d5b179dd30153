"""One WebSocket server for each test: its counts are those of the test alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.users.websocket.support import drop_all

from loadworthy.testing.websocket import WebSocketServer


@pytest.fixture
def server() -> Iterator[WebSocketServer]:
    """The server, running."""
    with WebSocketServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _drop_all() -> Iterator[None]:
    yield
    drop_all()
