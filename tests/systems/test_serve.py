"""``python -m systems.serve``: each service starts with one command, says where it is, and says why when it cannot."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest
import requests
from tests.support.systems import ROOT, Service, dead_port, run

from systems.serve import SYSTEMS


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_service_is_healthy_and_measured(name: str, tmp_path: Path) -> None:
    """It answers /health, and /metrics with memory, CPU, requests and pool usage."""
    with Service(name, tmp_path) as service:
        health = requests.get(f"{service.url}/health", timeout=60)
        assert (health.status_code, health.json()["status"]) == (200, "ok")
        metrics = requests.get(f"{service.url}/metrics", timeout=60).text
    for metric in (
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
        'db_pool_connections{state="checked_out"} ',
        "db_pool_usage_ratio ",
    ):
        assert f"\n{metric}" in metrics
    assert 'http_requests_total{method="GET",path="/health",status="200"} 1.0' in metrics


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "flask_auth" else pytest.mark.slow) for name in SYSTEMS]
)
def test_a_restart_finds_the_data_of_before(name: str, tmp_path: Path) -> None:
    """The seed goes into an empty database only: a second start adds nothing."""
    with Service(name, tmp_path) as service:
        tables = [table for (table,) in service.query("SELECT name FROM sqlite_master WHERE type = 'table'")]
        before = {table: service.rows(table) for table in tables}
    assert sum(before.values()) > 0
    with Service(name, tmp_path) as service:
        assert {table: service.rows(table) for table in tables} == before


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_quietly(name: str, number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM end a service at once, without a traceback."""
    with Service(name, tmp_path) as service:
        out, err = service.stop(number)
    assert "Traceback" not in out + err


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    """Exit code 2 and a sentence with the remedy."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("python", "-m", "systems.serve", "kimmy_esthi", "--port", port, cwd=ROOT)
    assert done.code == 2
    assert done.err == f"systems.serve: cannot listen on port {port}: Address already in use; choose a --port\n"


def test_a_database_that_is_not_there_is_said_in_one_line() -> None:
    """The password in the URL is not repeated."""
    url = f"postgresql://tester:not-to-be-shown@127.0.0.1:{dead_port()}/postgres"
    done = run("python", "-m", "systems.serve", "kimmy_esthi", "--port", 0, "--database", url, cwd=ROOT)
    assert done.code == 2
    assert done.err.startswith("systems.serve: cannot use the database postgresql+psycopg://tester:***@127.0.0.1")
    assert done.err.count("\n") == 1
    assert "not-to-be-shown" not in done.err


@pytest.mark.parametrize("port", [65536, 99999, -1])
def test_a_port_that_does_not_exist_is_said_in_one_line(port: int) -> None:
    """Exit code 2, no traceback."""
    done = run("python", "-m", "systems.serve", "kimmy_esthi", f"--port={port}", cwd=ROOT)
    assert done.code == 2
    assert done.err == f"systems.serve: there is no port {port}; choose a --port from 0 to 65535\n"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://me:not-to-be-shown@localhost/x", "mysql is not supported"),
        ("postgresql+asyncpg://me:not-to-be-shown@localhost/x", "postgresql+asyncpg is not supported"),
        ("nothing://me:not-to-be-shown@localhost", "nothing is not supported"),
        ("not-to-be-shown", "this is no URL of a database"),
        ("postgresql://me:not-to-be-shown@localhost:port/x", "this is no URL of a database"),
        ("sqlite://", "a database in memory"),
    ],
)
def test_a_url_of_no_usable_database_is_said_in_one_line(url: str, words: str) -> None:
    """What it may be instead; what may be a password is not repeated."""
    done = run("python", "-m", "systems.serve", "kimmy_esthi", "--port", 0, "--database", url, cwd=ROOT)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith(f"systems.serve: --database: {words}")
    assert "sqlite:///FILE" in done.err
    assert "not-to-be-shown" not in done.err


def test_an_unknown_name_lists_the_names() -> None:
    """The five names are in the message."""
    done = run("python", "-m", "systems.serve", "nobody", cwd=ROOT)
    assert done.code == 2
    assert all(name in done.err for name in SYSTEMS)
