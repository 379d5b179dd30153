"""One raw server for all tests of the HTTP client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.rawserver import running
from tests.users.http.support import Service, close_clients


@pytest.fixture(autouse=True)
def _close_clients() -> Iterator[None]:
    yield
    close_clients()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The raw server, running."""
    certificates = tmp_path_factory.mktemp("certificates")
    with running(certificates) as ports:
        yield Service(ports, certificates)
